"""`stowage cluster`: a Kubernetes API server with simulated nodes, for where there is no cluster."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stowage.embedded import server


def cluster(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0: any free port.")] = 0,
    bind_address: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    nodes: Annotated[
        int | None,
        typer.Option(min=0, help="Simulated nodes, in three zones.", show_default="3; 0 with --from"),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Begin a new cluster with the objects of a dump, its nodes simulated too.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the objects in FILE; in memory otherwise.")
    ] = None,
    kubeconfig: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the kubeconfig to FILE.")
    ] = None,
    no_controllers: Annotated[
        bool, typer.Option("--no-controllers", help="Leave the workloads to other controllers.")
    ] = False,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Admit everyone, without a token; on loopback only.")
    ] = False,
) -> None:
    """Serve the Kubernetes API over TLS until interrupted.

    Prints `export KUBECONFIG=PATH` once it is ready. Exit code 2: it cannot be started as asked.
    """
    from stowage.embedded import server
    from stowage.simulate import problems

    settings = server.Settings(
        host=bind_address,
        port=port,
        data=data,
        source=source,
        kubeconfig=kubeconfig,
        token="" if anonymous else None,
    )
    try:
        asyncio.run(_serve(settings, nodes, not no_controllers))
    except problems.BadInput as error:
        for sentence in error.sentences:
            typer.echo(f"stowage cluster: {sentence}", err=True)
        raise typer.Exit(2) from error
    except (server.SettingsError, OSError, sqlite3.Error) as error:
        typer.echo(f"stowage cluster: {error}", err=True)
        raise typer.Exit(2) from error


async def _serve(settings: server.Settings, nodes: int | None, controllers: bool) -> None:
    from stowage.embedded import server

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        running = await stack.enter_async_context(server.serve(settings))
        if settings.source is not None and not running.new:
            passed = f"{settings.data} holds a cluster already; {settings.source} is passed over"
            typer.echo(f"stowage cluster: {passed}", err=True)
        if nodes is None:
            dumped = running.restored or (running.new and settings.source is not None)
            nodes = 0 if dumped else 3
        await stack.enter_async_context(server.simulate(running, nodes, controllers, running.restored))
        typer.echo(f"export KUBECONFIG={shlex.quote(str(running.kubeconfig.absolute()))}")
        await stop.wait()
