"""`stowage run`: a cluster, the scheduler and a page to watch them, in one command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from stowage.run import local


def run(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0: any free port.")] = 8080,
    nodes: Annotated[
        int | None, typer.Option(min=0, help="Simulated nodes, in three zones.", show_default="100")
    ] = None,
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
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A KubeSchedulerConfiguration, for the scheduler or its shadow."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Decides what the made-up workload does.", show_default="1")
    ] = None,
) -> None:
    """Run a simulated cluster with the scheduler, or watch a real one, and show it on a page.

    Ends with Ctrl-C. Exit code 2: it cannot be started as asked; 1: it could not go on.
    """
    from stowage.run import local, page, real

    brought = {"--from": source, "--kubeconfig": kubeconfig}
    _exclude(brought, {"--nodes": nodes, "--seed": seed})
    logging.basicConfig(level=logging.ERROR)
    work: Coroutine[Any, Any, None]
    if kubeconfig is not None:
        work = real.run(str(kubeconfig), config, port, _shadowing)
    else:
        made_up = {"nodes": nodes, "seed": seed}
        given = {name: value for name, value in made_up.items() if value is not None}
        settings = local.Settings(port=port, source=source, config=config, **given)
        work = local.run(settings, lambda ready: _running(settings, ready), _tell)
    try:
        asyncio.run(_until_interrupted(work))
    except page.Failed as error:
        _tell(str(error))
        raise typer.Exit(error.code) from error


def _exclude(brought: Mapping[str, object], made_up: Mapping[str, object]) -> None:
    """Ends where flags say at once that a cluster is brought along and what one is to be made of."""
    whole = [name for name, value in brought.items() if value is not None]
    parts = [name for name, value in made_up.items() if value is not None]
    if len(whole) > 1:
        _tell(f"{' and '.join(whole)} exclude one another")
    elif whole and parts:
        _tell(f"{whole[0]} brings a cluster along, and {parts[0]} is for one that is made up: leave one out")
    else:
        return
    raise typer.Exit(2)


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
