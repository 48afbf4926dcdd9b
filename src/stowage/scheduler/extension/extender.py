"""One HTTP extender: whom it is asked about, and how a question reaches it.

Rules: kube-scheduler's extender.go. Answers are read as Go reads them, field names in any case. Beyond
`LONGEST` bytes an answer is none. Redirections are not followed.
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yarl

from stowage.cluster import pods
from stowage.framework import config
from stowage.kube import connection, errors

TIMEOUT = 5.0
"""Seconds for a question, where the configuration does not say."""

LONGEST = 256 << 20
"""Bytes of an answer; 15,000 whole nodes are some 200 MB."""


class Failed(Exception):
    """No answer, or not one as agreed. ``lost``: the extender may have done what it was asked to."""

    def __init__(self, message: str, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost


class Extender:
    """One entry of a configuration. `errors.ConfigurationError` where its certificates are no good."""

    def __init__(self, written: config.Extender) -> None:
        self.written = written
        self.name = errors.struck(written.url_prefix)
        """For people: its URL, without a password."""
        self._managed = frozenset(resource.name for resource in written.managed_resources)
        self._tls = _tls(written)
        self._session: aiohttp.ClientSession | None = None

    def interested(self, pod: pods.Incoming) -> bool:
        """Whether the pod asks for a resource that it manages; without any, it is for every pod."""
        if not self._managed:
            return True
        containers = (*pod.spec.containers, *pod.spec.init_containers)
        return any(
            not self._managed.isdisjoint(amounts)
            for each in containers
            for amounts in (each.resources.requests, each.resources.limits)
        )

    async def ask(self, verb: str, question: Any) -> Any:
        """The answer to a question, decoded. `Failed` where there is none."""
        url = f"{self.written.url_prefix.rstrip('/')}/{verb}"
        shown = errors.struck(url)
        asked = self.written.tls_config
        try:
            async with self._connected().post(
                yarl.URL(url, encoded=True),
                data=msgspec.json.encode(question),
                headers={"Content-Type": "application/json"},
                ssl=self._tls or True,
                server_hostname=(asked.server_name or None) if asked is not None else None,
                proxy=connection.proxy_of_environment(url),
                allow_redirects=False,
            ) as answer:
                if answer.status != 200:
                    raise Failed(f"failed {verb} with extender at URL {shown}, code {answer.status}")
                body = await _bounded(answer.content, shown)
        except TimeoutError as error:
            raise Failed(f'Post "{shown}": no answer in time', lost=True) from error
        except (aiohttp.ClientError, OSError) as error:
            why = errors.struck(str(error)) or type(error).__name__
            raise Failed(f'Post "{shown}": {why}', lost=True) from error
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Failed(f"answer of extender at URL {shown}: {error}") from error

    async def close(self) -> None:
        """Closes its connections."""
        if self._session is not None:
            await self._session.close()

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:  # a session wants a running loop
            timeout = aiohttp.ClientTimeout(total=self.written.http_timeout or TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def _bounded(content: aiohttp.StreamReader, url: str) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > LONGEST:
            raise Failed(f"answer of extender at URL {url} is longer than {LONGEST} bytes", lost=True)
    return bytes(body)


def _tls(written: config.Extender) -> ssl.SSLContext | None:
    """As configured; with HTTPS switched on and no CA named, nobody is verified (makeTransport)."""
    asked = written.tls_config or config.ExtenderTLS()
    if not written.enable_https and written.tls_config is None:
        return None
    name, named = errors.struck(written.url_prefix), bool(asked.ca_data or asked.ca_file)
    if asked.insecure and named:
        raise errors.ConfigurationError(f"extender {name}: insecure, and yet with a CA")
    try:
        data = asked.ca_data.decode() or None
        context = ssl.create_default_context(cafile=None if data else asked.ca_file or None, cadata=data)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # which refuses CAs that Go takes
        if asked.insecure or (not named and written.enable_https):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        _load_certificate(context, asked)
    except (OSError, ValueError) as error:
        raise errors.ConfigurationError(f"extender {name}: tlsConfig: {error}") from error
    return context


def _load_certificate(context: ssl.SSLContext, asked: config.ExtenderTLS) -> None:
    """Our own certificate; data go before files. TLS libraries read files only."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, data, file in (
            ("certificate", asked.cert_data, asked.cert_file),
            ("key", asked.key_data, asked.key_file),
        ):
            if data:
                file = str(Path(folder) / name)
                Path(file).touch(0o600)
                Path(file).write_bytes(data)
            files.append(file)
        if any(files):
            context.load_cert_chain(files[0], files[1])
