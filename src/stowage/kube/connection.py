"""Where the API server is, how to trust it and how to prove who asks.

The credentials of kubeconfigs (which `kubeconfig` looks through first), of pods and of exec plugins are read
by kubernetes-asyncio; here is what it leaves open: when to read them again (a mounted token every minute, an
exec credential before it expires, anything after a 401), TLS contexts that survive such a reading, and that
no key lies on the disk longer than it takes to load it.
"""

import asyncio
import contextlib
import dataclasses
import datetime
import logging
import os
import ssl
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from stowage.kube import clock as clocks
from stowage.kube import errors, kubeconfig, library

logger = logging.getLogger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and the API server's CA."""

TOKEN_FILE_SECONDS = 60.0
"""How old what was read of a token file may be; kubelets rotate it at 80 % of an hour or more."""

EXPIRY_MARGIN_SECONDS = 60.0
"""How long before its expiry an exec plugin's credential is replaced."""

RENEWAL_SECONDS = 10.0
"""Least time between two readings after a 401 or a failure; an exec plugin may take seconds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """What a request needs. `fresh_for`: seconds until it is read anew, None for until a 401."""

    server: str
    tls: ssl.SSLContext | None = None
    server_hostname: str | None = None
    proxy: str | None = None
    authorization: str | None = dataclasses.field(default=None, repr=False)
    fresh_for: float | None = None


class Connection:
    """One API server and one identity; `read` fetches the access, as often as needed."""

    def __init__(self, read: Callable[[], Awaitable[Access]], clock: clocks.Clock = clocks.SYSTEM) -> None:
        self._read = read
        self._clock = clock
        self._access: Access | None = None
        self._stale_at = float("inf")
        self._renewable_at = float("-inf")
        self._reading = asyncio.Lock()

    async def access(self) -> Access:
        """Return what a request needs now. ConfigurationError where it cannot be had."""
        if self._access is None or self._clock.monotonic() >= self._stale_at:
            async with self._reading:
                if self._access is None:
                    return await self._fetch()
                if self._clock.monotonic() >= self._stale_at:
                    await self._refresh()
        return self._access

    async def renew(self, refused: Access) -> bool:
        """Read again after the server refused `refused` (401); False where that was done just now."""
        async with self._reading:
            if self._access is not refused:
                return True
            if self._clock.monotonic() < self._renewable_at:
                return False
            self._renewable_at = self._clock.monotonic() + RENEWAL_SECONDS
            return await self._refresh()

    async def _refresh(self) -> bool:
        """Read again; what is at hand is kept where that fails, for the server may still take it."""
        try:
            await self._fetch()
        except errors.ConfigurationError as error:
            logger.warning("Credentials could not be read again: %s", error)
            self._stale_at = self._clock.monotonic() + RENEWAL_SECONDS
            return False
        return True

    async def _fetch(self) -> Access:
        access = self._access = await self._read()
        fresh_for = float("inf") if access.fresh_for is None else access.fresh_for
        self._stale_at = self._clock.monotonic() + fresh_for
        return access


def fixed(access: Access) -> Connection:
    """A connection that is known already and never read again."""

    async def read() -> Access:
        return access

    return Connection(read)


def anonymous(server: str) -> Connection:
    """The connection to a server that asks nobody who they are."""

    async def read() -> Access:
        try:
            settings = library.load().configuration.Configuration(host=kubeconfig.url(server))
        except ValueError as error:
            raise errors.ConfigurationError(errors.redacted(str(error))) from error
        return _access(settings, _Tls(), None)

    return Connection(read)


def from_kubeconfig(
    path: str, context: str | None = None, clock: clocks.Clock = clocks.SYSTEM, server: str = ""
) -> Connection:
    """The connection of a kubeconfig (several, separated as in $KUBECONFIG, are merged) and a context
    of it, by default its current one; to another ``server``, where that is named. Nothing is read before
    the first request."""
    tls = _Tls()

    async def read() -> Access:
        with _explained(f"kubeconfig {path}"):
            meant = kubeconfig.read(path, context, server)
            parts = library.load()
            loader = parts.kube_config.KubeConfigLoader(meant.document(), config_base_path="")
            settings = parts.configuration.Configuration()
            try:
                with _of_plugin(meant.command) if meant.command else contextlib.nullcontext():
                    await loader.load_and_set(settings)
                    if meant.command and not (settings.api_key or settings.cert_file):
                        raise ValueError("it gave neither a token nor a certificate and its key")
                return _access(settings, tls, _kubeconfig_fresh_for(loader, clock))
            finally:
                # Inline keys went through temporary files; the TLS context has them now.
                parts.kube_config._cleanup_temp_files()

    return Connection(read, clock)


def in_cluster(
    folder: Path = SERVICE_ACCOUNT,
    environment: Mapping[str, str] = os.environ,
    clock: clocks.Clock = clocks.SYSTEM,
) -> Connection:
    """The connection of a pod: its service account's token, its kubelet's environment."""
    tls = _Tls()

    async def read() -> Access:
        with _explained("in-cluster credentials"):
            parts = library.load()
            settings = parts.configuration.Configuration()
            parts.incluster_config.InClusterConfigLoader(
                str(folder / "token"), str(folder / "ca.crt"), environ=dict(environment)
            ).load_and_set(settings)
            return _access(settings, tls, TOKEN_FILE_SECONDS)

    return Connection(read, clock)


@contextlib.contextmanager
def _explained(source: str) -> Any:
    """Turn whatever a library makes of somebody's files into one sentence that names them."""
    try:
        yield
    except errors.ConfigurationError:
        raise
    except Exception as error:
        raise errors.ConfigurationError(f"{source}: {_words(error)}") from error


@contextlib.contextmanager
def _of_plugin(command: str) -> Any:
    """Say of what fails that it is the exec plugin: all else was looked at before."""
    try:
        yield
    except FileNotFoundError as error:
        raise ValueError(f"the exec plugin {command} is not installed, or not on the PATH") from error
    except Exception as error:
        raise ValueError(f"the exec plugin {command}: {_words(error).removeprefix('exec: ')}") from error


def _words(error: Exception) -> str:
    """What an error says, in a line."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return errors.redacted(" ".join(said.split())) or type(error).__name__


def _access(settings: Any, tls: "_Tls", fresh_for: float | None) -> Access:
    authorization = settings.api_key.get("BearerToken")
    server = str(settings.host).rstrip("/")
    proxy = settings.proxy or proxy_of_environment(server)
    if proxy and urllib.parse.urlsplit(proxy).scheme not in {"http", "https"}:
        named = errors.struck(proxy)
        raise errors.ConfigurationError(f"proxy {named}: only http and https proxies are supported")
    return Access(
        server=server,
        tls=tls.context(settings) if server.startswith("https:") else None,
        server_hostname=settings.tls_server_name,
        proxy=proxy,
        authorization=authorization.strip() if authorization else None,
        fresh_for=fresh_for,
    )


def proxy_of_environment(server: str) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY mean for a URL."""
    url = urllib.parse.urlsplit(server)
    if urllib.request.proxy_bypass(url.hostname or ""):
        return None
    return urllib.request.getproxies().get(url.scheme)


def _kubeconfig_fresh_for(loader: Any, clock: clocks.Clock) -> float | None:
    expiry: datetime.datetime | None = getattr(loader, "exec_plugin_expiry", None)
    if expiry is not None:
        left = (expiry - clock.now()).total_seconds()
        return max(left - EXPIRY_MARGIN_SECONDS, RENEWAL_SECONDS)
    # With neither an expiry nor a file, what was read holds until the server says otherwise.
    user = loader._user
    return TOKEN_FILE_SECONDS if user is not None and "tokenFile" in user else None


class _Tls:
    """The TLS context of a configuration; the same one while the files' contents are the same, so
    that reading credentials again does not close every kept-alive connection."""

    def __init__(self) -> None:
        self._material: tuple[object, ...] | None = None
        self._context: ssl.SSLContext | None = None

    def context(self, settings: Any) -> ssl.SSLContext:
        files = (settings.ssl_ca_cert, settings.cert_file, settings.key_file)
        material = (settings.verify_ssl, *(Path(file).read_bytes() if file else None for file in files))
        if self._context is None or material != self._material:
            self._context, self._material = _context(settings), material
        return self._context


def _context(settings: Any) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    except ssl.SSLError as error:
        raise ValueError("the cluster's certificate authority is no certificate in PEM") from error
    # RFC 5280 to the letter, the default from Python 3.13 on, refuses CAs that clusters do have and
    # that every other client takes.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not settings.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_password)
        except ssl.SSLError as error:
            raise ValueError("the client's certificate and key are no pair in PEM") from error
    return context


def _no_password() -> str:
    raise ValueError("the client's key is encrypted")
