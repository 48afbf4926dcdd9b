"""A real cluster, read only: the page, and beside its scheduler's decisions what ours would have been."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stowage.kube import client as clients
from stowage.kube import connection, errors, resources
from stowage.run import page
from stowage.scheduler import main, options
from stowage.tools.overview import picture as pictures
from stowage.tools.overview import reading, shadow

TRIES: Final = 2


async def run(kubeconfig: str, config: Path | None, port: int, ready: Callable[[str, str], None]) -> None:
    """Shows a cluster until cancelled; ``ready`` gets the page's address and the server's. ``config``: the
    file of its scheduler's configuration, None for the default. Failed."""
    try:
        written = main.configured(options.Options(config=config))
    except main.Refused as error:
        raise page.Failed(str(error)) from error
    listening = page.listen(port)
    try:
        api = connection.from_kubeconfig(kubeconfig)
        # kube-scheduler's own limits: whoever watches a cluster is not to weigh on it.
        async with clients.Client(api, clients.Settings(user_agent="stowage-run")) as client:
            server = await _reached(client, api, kubeconfig)
            picture = pictures.Picture(f"{server}, watched read only", "shadow")
            async with page.shown(picture, listening) as wake, asyncio.TaskGroup() as group:
                group.create_task(reading.cluster(client, picture, wake), name="overview: cluster")
                group.create_task(shadow.follow(client, written, picture, wake), name="overview: shadow")
                ready(page.address(listening), server)
    finally:
        listening.close()


async def _reached(client: clients.Client, api: connection.Connection, kubeconfig: str) -> str:
    """The server's address, once it has let us list what the page shows. Failed."""
    try:
        server = (await api.access()).server
    except errors.ConfigurationError as error:
        raise page.Failed(str(error)) from error
    try:
        for kind in (resources.NODES, resources.PODS):
            await client.list_page(kind, params={"limit": "1"}, tries=TRIES, timeout=10.0)
    except errors.Forbidden as error:
        raise page.Failed(f"{server} does not let us read: {error.message}") from error
    except errors.Unauthorized as error:
        raise page.Failed(f"{server} does not know the credentials of {kubeconfig}") from error
    except errors.ConnectionLost as error:
        advice = "is the address right, and the server within reach?"
        raise page.Failed(f"{server} does not answer: {advice} ({error})") from error
    except errors.KubeError as error:
        raise page.Failed(f"{server} cannot be read: {_words(error)}") from error
    return server


def _words(error: errors.KubeError) -> str:
    return getattr(error, "message", "") or str(error)
