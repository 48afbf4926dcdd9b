"""`stowage run`: a cluster, the scheduler and a page to watch them, in one command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from stowage.run import local


def run(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0: any free port.")] = 8080,
    nodes: Annotated[int, typer.Option(min=0, help="Simulated nodes, in three zones.")] = 100,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DUMP",
            help="Begin with the objects that `kubectl get … -A -o json` wrote, instead of made-up ones.",
        ),
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Watch this cluster instead, read only, and shadow its scheduler."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides what the made-up workload does.")] = 1,
) -> None:
    """Run a simulated cluster with the scheduler, or watch a real one, and show it on a page.

    Ends with Ctrl-C. Exit code 2: it cannot be started as asked; 1: it could not go on.
    """
    from stowage.run import local, page, real

    if kubeconfig is not None and source is not None:
        typer.echo("stowage run: --from and --kubeconfig exclude one another", err=True)
        raise typer.Exit(2)
    logging.basicConfig(level=logging.ERROR)
    work: Coroutine[Any, Any, None]
    if kubeconfig is not None:
        work = real.run(str(kubeconfig), port, _shadowing)
    else:
        settings = local.Settings(port, nodes, source, seed)
        work = local.run(settings, lambda ready: _running(settings, ready), _tell)
    try:
        asyncio.run(_until_interrupted(work))
    except page.Failed as error:
        _tell(str(error))
        raise typer.Exit(error.code) from error


async def _until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _tell(sentence: str) -> None:
    typer.echo(f"stowage run: {sentence}", err=True)


def _running(settings: local.Settings, ready: local.Ready) -> None:
    what = f"{settings.nodes} simulated nodes" if settings.source is None else settings.source
    typer.echo(
        f"Stowage runs {what}: open {ready.page}\n"
        f"\n"
        f"export KUBECONFIG={ready.kubeconfig}\n"
        f"kubectl create deployment hello --image=nginx --replicas=5\n"
        f"\n"
        f"The two lines above, in another terminal, put pods of yours on the page. Ctrl-C ends everything."
    )


def _shadowing(page: str, server: str) -> None:
    typer.echo(f"Stowage watches {server} and changes nothing: open {page}\nCtrl-C ends it.")
