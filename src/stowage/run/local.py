"""Everything on this machine: the embedded cluster, the scheduler, a workload and the page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stowage.kube import client as clients
from stowage.kube import connection, errors
from stowage.run import children, page, workload
from stowage.serving import certificates
from stowage.tools.overview import picture as pictures
from stowage.tools.overview import reading

STEADY_SECONDS: Final = 60.0
"""A scheduler that ran for that long is started again at once; before, with growing pauses."""

LONGEST_PAUSE: Final = 15.0

PATIENCE: Final = 20.0
"""Seconds for which the page waits for the scheduler before it is announced."""


@dataclass(frozen=True)
class Settings:
    """What to start. ``source``: a dump to begin with, which then has no workload of ours added; ``config``:
    the scheduler's configuration, None for the default."""

    port: int = 8080
    nodes: int = 100
    source: str | None = None
    seed: int = 1
    config: Path | None = None


@dataclass(frozen=True)
class Ready:
    """Where to find it."""

    page: str
    kubeconfig: Path


async def run(settings: Settings, ready: Callable[[Ready], None], tell: Callable[[str], None]) -> None:
    """Runs until cancelled, and calls ``ready`` when there is something to see. Failed."""
    listening = page.listen(settings.port)
    try:
        async with children.Children() as started:
            try:
                await _run(settings, started, listening, ready, tell)
            except* page.Failed as group:
                raise _first(group) from None
            except* errors.KubeError as group:
                raise page.Failed(f"the embedded cluster: {_first(group)}", 1) from None
    finally:
        listening.close()


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


async def _run(
    settings: Settings,
    started: children.Children,
    listening: socket.socket,
    ready: Callable[[Ready], None],
    tell: Callable[[str], None],
) -> None:
    cluster, kubeconfig = await _cluster(settings, started)
    api = connection.from_kubeconfig(str(kubeconfig))
    access = await api.access()
    words, link = _scheduler(started, kubeconfig, access.authorization)
    words += ["--config", str(settings.config)] if settings.config is not None else []
    title = f"the cluster of {settings.source}, simulated" if settings.source else "a simulated cluster"
    picture = pictures.Picture(title, "schedule")
    picture.link("scheduler", pictures.Link(False, "the scheduler is starting"))
    unlimited = clients.Settings(qps=None, user_agent="stowage-run")
    async with (
        clients.Client(api, unlimited) as client,
        clients.Client(link, unlimited) as scheduler,
        page.shown(picture, listening) as wake,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(_lost(cluster), name="cluster")
        group.create_task(_kept(started, words, tell), name="scheduler")
        group.create_task(reading.cluster(client, picture, wake), name="overview: cluster")
        group.create_task(reading.decisions(scheduler, picture, wake), name="overview: decisions")
        if settings.source is None:
            group.create_task(workload.work(client, settings.seed, settings.nodes), name="workload")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not picture.links["scheduler"].up:
                    await asyncio.sleep(0.1)
        ready(Ready(page.address(listening), kubeconfig))


async def _cluster(settings: Settings, started: children.Children) -> tuple[children.Child, Path]:
    """The embedded cluster, once it answers."""
    kubeconfig = started.folder / "kubeconfig"
    content = ["--nodes", str(settings.nodes)] if settings.source is None else ["--from", settings.source]
    child = await started.start("cluster", ["cluster", "--kubeconfig", str(kubeconfig), *content])
    if not await child.line():
        await child.ended()
        raise page.Failed(_told(child))
    return child, kubeconfig


async def _lost(cluster: children.Child) -> None:
    await cluster.ended()
    raise page.Failed(f"the cluster ended: {_told(cluster)}", 1)


def _scheduler(
    started: children.Children, kubeconfig: Path, authorization: str | None
) -> tuple[list[str], connection.Connection]:
    """The scheduler's command, and how to reach it: its certificate is one of ours, for this time only.

    One scheduler needs no election, and is back at once where it was killed.
    """
    key, certificate = certificates.self_signed(page.HOST)
    key_file, certificate_file = started.keep("key.pem", key), started.keep("certificate.pem", certificate)
    port = _free_port()
    words = ["scheduler", "--kubeconfig", str(kubeconfig), "--leader-elect=false", "--secure-port", str(port)]
    words += ["--tls-cert-file", str(certificate_file), "--tls-private-key-file", str(key_file)]
    url = f"https://{page.HOST}:{port}"
    access = connection.Access(url, certificates.trusting(certificate), authorization=authorization)
    return words, connection.fixed(access)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((page.HOST, 0))
        port: int = found.getsockname()[1]
        return port


async def _kept(started: children.Children, words: list[str], tell: Callable[[str], None]) -> None:
    """Keeps a scheduler running; Failed where it cannot be started at all."""
    loop, pause, first = asyncio.get_running_loop(), 0.5, True
    while True:
        begun = loop.time()
        child = await started.start("scheduler", words)
        code = await child.ended()
        await started.end(child)
        if code == 2 and first:
            raise page.Failed(_told(child))
        steady = loop.time() - begun > STEADY_SECONDS
        pause = 0.5 if steady else min(2 * pause, LONGEST_PAUSE)
        first = False
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        tell(f"the scheduler ended {how}{_because(child)}; starting it again")
        await asyncio.sleep(pause)


def _told(child: children.Child) -> str:
    """The sentence with which a child ended."""
    last = child.words[-1] if child.words else f"the {child.name} ended without a word"
    return last.removeprefix(f"stowage {child.name}: ")


def _because(child: children.Child) -> str:
    """What its last words say, where they are no ordinary line of its log."""
    last = child.words[-1] if child.words else ""
    try:
        line = json.loads(last)
        return f": {line['msg']} {line.get('error', '')}".rstrip() if line["level"] == "error" else ""
    except (ValueError, KeyError, TypeError):
        return f": {last}" if last else ""
