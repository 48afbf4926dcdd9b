"""`stowage scheduler`: schedules the pods of a cluster, beside kube-scheduler or in its place."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import json
import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
import typer.core

if TYPE_CHECKING:
    from stowage.framework import config as configs

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}


_GO = {"--leader-elect=true": "--leader-elect", "--leader-elect=false": "--no-leader-elect"}


class Command(typer.core.TyperCommand):
    """Takes flags as kube-scheduler's are written, too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """`--leader-elect=false` is `--no-leader-elect`."""
        return super().parse_args(ctx, [_GO.get(arg, arg) for arg in args])


class Refused(Exception):
    """The scheduler cannot be started as asked; one sentence says why."""


def scheduler(
    kubeconfig: Annotated[
        str, typer.Option(metavar="FILE", help="How to reach the cluster; without it as a pod of it does.")
    ] = "",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A KubeSchedulerConfiguration.", show_default=False)
    ] = None,
    leader_elect: Annotated[
        bool | None,
        typer.Option(
            "--leader-elect/--no-leader-elect", help="Act only while holding the Lease.", show_default="yes"
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Schedule pods until interrupted; logs JSON lines to standard error.

    Exit code 1: the Lease was lost, or the API server refused us. 2: it cannot be started as asked.
    """
    from stowage.kube import errors, leases

    _log(logging.DEBUG if verbose else logging.INFO)
    try:
        asyncio.run(_run(_configuration(config, kubeconfig, leader_elect)))
    except (Refused, errors.ConfigurationError) as error:
        typer.echo(f"stowage scheduler: {error}", err=True)
        raise typer.Exit(2) from error
    except (leases.LeaseLost, errors.KubeError) as error:
        logging.getLogger(__name__).error("Scheduler ended", extra={"error": str(error)})
        raise typer.Exit(1) from error


def _configuration(path: Path | None, kubeconfig: str, leader_elect: bool | None) -> configs.Configuration:
    """What is written in the file, or the default; flags win, and say so."""
    from stowage.framework import config as configs
    from stowage.framework import registry
    from stowage.framework.config import intree

    known = {name: registry.points(registry.find(name)) for name in registry.names() - intree.POINTS.keys()}
    logger = logging.getLogger(__name__)
    written = configs.default()
    if path is not None:
        try:
            loaded = configs.load(path.read_text(), source=str(path), known=known)
        except (OSError, UnicodeDecodeError, configs.ConfigError) as error:
            raise Refused(str(error)) from error
        written = loaded.config
        for warning in loaded.warnings:
            logger.warning("Configuration", extra={"warning": str(warning)})
    if written.extenders:
        raise Refused("the configuration names extenders, which are not supported yet")
    connection, election = written.client_connection, written.leader_election
    if kubeconfig:
        if connection.kubeconfig:
            logger.warning("A flag wins over the configuration", extra={"flag": "--kubeconfig"})
        connection = msgspec.structs.replace(connection, kubeconfig=kubeconfig)
    if leader_elect is not None:
        if path is not None and election.leader_elect != leader_elect:
            logger.warning("A flag wins over the configuration", extra={"flag": "--leader-elect"})
        election = msgspec.structs.replace(election, leader_elect=leader_elect)
    return dataclasses.replace(written, client_connection=connection, leader_election=election)


async def _run(written: configs.Configuration) -> None:
    """Schedules until SIGINT or SIGTERM."""
    from stowage.framework import registry
    from stowage.kube import client as clients
    from stowage.kube import connection
    from stowage.scheduler import live

    asked = written.client_connection
    server = connection.from_kubeconfig(asked.kubeconfig) if asked.kubeconfig else connection.in_cluster()
    settings = clients.Settings(qps=asked.qps if asked.qps > 0 else None, burst=max(asked.burst, 1))
    async with clients.Client(server, settings) as client:
        await server.access()
        work = asyncio.ensure_future(live.run(client, written))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, work.cancel)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await work
        except (registry.RegistryError, ValueError) as error:
            raise Refused(str(error)) from error


class _Lines(logging.Formatter):
    """One JSON object a line: a fixed message, and what it is about in fields of their own."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "ts": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        line |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def _log(level: int) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("stowage").setLevel(level)
