"""Runs the API server: opens the store, listens, writes the kubeconfig, closes in order."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from stowage.embedded import (
    admission,
    agenda,
    app,
    errors,
    journal,
    kubelets,
    registry,
    schema,
    store,
    tls,
)
from stowage.embedded.controllers import manager

_CLOSE_SECONDS: Final = 1
_NAMESPACE: Final = schema.named("", "Namespace")


class SettingsError(ValueError):
    """The server cannot be started as it is asked to; the message says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    host: str = "127.0.0.1"
    port: int = 0
    """0: any that is free."""
    data: Path | None = None
    """Where the objects are kept; None: in memory only."""
    kubeconfig: Path | None = None
    """Where the kubeconfig goes; None: a temporary folder that goes with the server."""
    token: str | None = None
    """The bearer token; None: a random one. Empty: everyone is admitted, on loopback only."""

    def check(self) -> None:
        """SettingsError where these may not be."""
        if self.token == "" and not _is_loopback(self.host):
            raise SettingsError(f"authentication can be turned off on loopback only, not on {self.host}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    registry: registry.Registry
    url: str
    token: str
    certificate: bytes
    kubeconfig: Path


class _Server(uvicorn.Server):
    """Signals are the command's, not uvicorn's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def serve(settings: Settings, clock: registry.Clock | None = None) -> AsyncIterator[Running]:
    """Serve until the block is left. SettingsError, OSError, sqlite3.Error."""
    settings.check()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stowage-")))
        kept = journal.Journal(settings.data) if settings.data else None
        objects = store.Store(kept)
        stack.callback(objects.close)
        reg = registry.Registry(objects, clock)
        bootstrap(reg)
        token = secrets.token_urlsafe(32) if settings.token is None else settings.token
        key, certificate = tls.certificate(settings.host)
        tls.write_private(folder / "key.pem", key)
        tls.write_private(folder / "certificate.pem", certificate)
        listening = _listen(settings)
        stack.callback(listening.close)
        application = app.App(reg, token)
        server = _Server(
            uvicorn.Config(
                application,
                http="httptools",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # A client that keeps its connection while the server ends is no news.
                log_level="critical",
                ssl_keyfile=str(folder / "key.pem"),
                ssl_certfile=str(folder / "certificate.pem"),
                timeout_graceful_shutdown=_CLOSE_SECONDS,
            )
        )
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"https://{host}:{listening.getsockname()[1]}"
        path = settings.kubeconfig or folder / "kubeconfig"
        tls.write_private(path, tls.kubeconfig(url, certificate, token).encode())
        async with _running(server, listening, application.stop_watches):
            yield Running(reg, url, token, certificate, path)


@contextlib.asynccontextmanager
async def _running(
    server: uvicorn.Server, listening: socket.socket, stopping: Callable[[], None]
) -> AsyncIterator[None]:
    started = asyncio.Event()
    startup = server.startup

    async def startup_and_tell(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = startup_and_tell  # type: ignore[method-assign]
    serving = asyncio.create_task(server.serve([listening]))
    waiting = asyncio.create_task(started.wait())
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        yield
    finally:
        waiting.cancel()
        stopping()
        server.should_exit = True
        await serving


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio turns Nagle's delay off (40 ms an answer) only where the protocol is named.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError:
        listening.close()
        raise
    return listening


def bootstrap(reg: registry.Registry) -> None:
    """The namespaces and priority classes that every cluster has."""
    options = registry.Options(manager="stowage")
    for name in sorted(admission.PROTECTED):
        with contextlib.suppress(errors.ApiError):
            reg.create(_NAMESPACE, "", {"metadata": {"name": name}}, options)
    classes = schema.named("scheduling.k8s.io", "PriorityClass")
    for name, value in admission.SYSTEM_CLASSES.items():
        with contextlib.suppress(errors.ApiError):
            reg.create(classes, "", {"metadata": {"name": name}, "value": value}, options)


@contextlib.asynccontextmanager
async def simulate(running: Running, nodes: int, controllers: bool) -> AsyncIterator[None]:
    """Let `nodes` simulated kubelets and the controllers work while the block is in."""
    due = agenda.Agenda(running.registry.time)
    with contextlib.ExitStack() as stack:
        if controllers:
            stack.callback(manager.Controllers(running.registry, due).start())
        if nodes:
            stack.callback(kubelets.Kubelets(running.registry, due, nodes).start())
        working = asyncio.create_task(due.run())
        try:
            yield
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
