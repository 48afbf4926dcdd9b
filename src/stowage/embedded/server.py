"""Runs the API server: opens the store, listens, writes the kubeconfig, closes in order."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stowage.embedded import agenda, registry, schema
from stowage.embedded.controllers import manager
from stowage.embedded.http import app, roles, tls
from stowage.embedded.nodes import kubelets
from stowage.embedded.storage import expiry, journal, keys, restore, store
from stowage.embedded.writing import admission
from stowage.serving import certificates, server

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
    source: str | None = None
    """A dump with whose objects a new cluster begins."""
    kubeconfig: Path | None = None
    """Where the kubeconfig goes; None: a temporary folder that goes with the server."""
    token: str | None = None
    """The bearer token; None: a random one, kept with the objects. Empty: no token is asked for, on
    loopback only."""

    def check(self) -> None:
        """SettingsError where these may not be."""
        if self.token == "" and not _is_loopback(self.host):
            raise SettingsError(f"authentication can be turned off on loopback only, not on {self.host}")
        for flag, path in (("--data", self.data), ("--kubeconfig", self.kubeconfig)):
            if path is not None and not path.parent.is_dir():
                raise SettingsError(f"{flag}: there is no folder {path.parent}; make it first")
            if path is not None and path.is_dir():
                raise SettingsError(f"{flag}: {path} is a folder; name a file")


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
    new: bool
    """Whether the cluster has begun now; False: it was found in `Settings.data`."""
    restored: Sequence[str]
    """The nodes that came with the dump with which the cluster has begun."""


@contextlib.asynccontextmanager
async def serve(settings: Settings, clock: registry.Clock | None = None) -> AsyncIterator[Running]:
    """Serve until the block is left. SettingsError, BadInput of a dump, OSError, sqlite3.Error."""
    settings.check()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stowage-")))
        listening = _listen(settings)
        stack.callback(listening.close)
        path = settings.kubeconfig or folder / "kubeconfig"
        objects = _store(settings)
        stack.callback(objects.close)
        reg = registry.Registry(objects, clock)
        new = objects.count(_NAMESPACE.table) == 0
        # A start that fails leaves the file as it was, so that the next one is the first again.
        with objects.together():
            bootstrap(reg)
            restored = _restored(reg, settings, new)
            token, key, certificate = _known_by(objects, settings)
            _publish(reg, certificate.decode())
        application = app.App(reg, token)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"https://{host}:{listening.getsockname()[1]}"
        tls.write_private(path, tls.kubeconfig(url, certificate, token).encode())
        context = certificates.context(key, certificate)
        async with server.serving(application, listening, context, application.stop_watches):
            yield Running(reg, url, token, certificate, path, new, restored)


def _listen(settings: Settings) -> socket.socket:
    at = f"port {settings.port}"
    try:
        return server.listen(settings.host, settings.port)
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE:
                why = f"{at} is in use; name another one with --port"
            case errno.EACCES:
                why = f"there is no permission to listen on {at}; name another one with --port"
            case errno.EADDRNOTAVAIL | socket.EAI_NONAME:
                why = f"{settings.host} is no address of this machine; name another one with --bind-address"
            case _:
                why = f"cannot listen on {settings.host}, {at}: {error.strerror}"
        raise SettingsError(why) from error


def _store(settings: Settings) -> store.Store:
    try:
        return store.Store(journal.Journal(settings.data) if settings.data else None)
    except journal.UnusableError as error:
        raise SettingsError(str(error)) from error


def _restored(reg: registry.Registry, settings: Settings, new: bool) -> Sequence[str]:
    """The nodes of the dump with which the cluster begins, or began."""

    def names() -> list[str]:
        return restore.restore(reg, settings.source) if new and settings.source is not None else []

    return tuple(keys.kept(reg.objects, "restored nodes", lambda: dict.fromkeys(names(), "")))


def bootstrap(reg: registry.Registry) -> None:
    """The namespaces, priority classes and roles that every cluster has."""
    options = registry.Options(manager="stowage")
    classes = schema.named("scheduling.k8s.io", "PriorityClass")
    made: list[tuple[schema.Resource, str, dict[str, Any]]] = [
        *((_NAMESPACE, "", {"metadata": {"name": name}}) for name in sorted(admission.PROTECTED)),
        *(
            (classes, "", {"metadata": {"name": name}, "value": value})
            for name, value in admission.SYSTEM_CLASSES.items()
        ),
        *roles.bootstrap(),
    ]
    for resource, namespace, body in made:
        if reg.objects.get(resource.table, (namespace, body["metadata"]["name"])) is None:
            reg.create(resource, namespace, body, options)


def _known_by(objects: store.Store, settings: Settings) -> tuple[str, bytes, bytes]:
    """The administrator's token, and the server's key and certificate as PEM."""

    def credentials() -> dict[str, str]:
        key, certificate = certificates.self_signed(settings.host)
        return {"key": key.decode(), "certificate": certificate.decode()}

    token = settings.token
    if token is None:
        token = keys.kept(objects, "administrator", lambda: {"token": secrets.token_urlsafe(32)})["token"]
    made = keys.kept(objects, f"server {settings.host}", credentials)
    return token, made["key"].encode(), made["certificate"].encode()


def _publish(reg: registry.Registry, certificate: str) -> None:
    """Tell servers beside this one (schedulers' metrics) whom to trust; nobody has a client certificate."""
    headers = {"username": '["X-Remote-User"]', "group": '["X-Remote-Group"]'}
    headers |= {"extra": '["X-Remote-Extra-"]'}
    data = {f"requestheader-{kind}-headers": names for kind, names in headers.items()} | {
        "client-ca-file": certificate,
        "requestheader-client-ca-file": certificate,
        "requestheader-allowed-names": '["front-proxy-client"]',
    }
    maps, options = schema.named("", "ConfigMap"), registry.Options(manager="stowage")
    name, space = "extension-apiserver-authentication", "kube-system"
    if reg.objects.get(maps.table, (space, name)) is None:
        reg.create(maps, space, {"metadata": {"name": name}, "data": data}, options)
    else:
        reg.update(maps, space, name, lambda value: value | {"data": data}, options)


@contextlib.asynccontextmanager
async def simulate(
    running: Running, nodes: int, controllers: bool, others: Sequence[str] = ()
) -> AsyncIterator[None]:
    """Let `nodes` simulated kubelets, those of ``others`` and the controllers work while the block is in, and
    Events expire."""
    due = agenda.Agenda(running.registry.time)
    with contextlib.ExitStack() as stack:
        stack.callback(expiry.Expiry(running.registry, due).start())
        if controllers:
            stack.callback(manager.Controllers(running.registry, due).start())
        if nodes or others:
            stack.callback(kubelets.Kubelets(running.registry, due, nodes, others).start())
        working = asyncio.create_task(due.run())
        try:
            yield
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
