"""Requests to an API server as cheaply as Python can send them, and watches that are only counted.

Nothing here is our client's: the ceiling that a scheduler is measured against must not depend on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, cast

import httptools

CONNECTIONS = 100
"""Requests in flight, as many as our scheduler has: etcd writes what comes at the same time together."""

TOKEN = "admin-token"
"""The administrator's, of tests/reference/controlplane."""


class LoadError(Exception):
    """The server answered something else than asked for; the message is a sentence."""


def request(method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
    """A whole request, ready to be sent."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Accept: application/json\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def binding(namespace: str, pod: str, node: str) -> bytes:
    """The request that binds a pod."""
    body = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": pod, "namespace": namespace},
        "target": {"kind": "Node", "name": node},
    }
    return request("POST", f"/api/v1/namespaces/{namespace}/pods/{pod}/binding", json.dumps(body).encode())


def event(namespace: str, pod: str, node: str, now: str) -> bytes:
    """The request that records a binding, as schedulers do. `now`: a MicroTime."""
    body = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{pod}.bound", "namespace": namespace},
        "eventTime": now,
        "reportingController": "default-scheduler",
        "reportingInstance": "default-scheduler-load",
        "action": "Binding",
        "reason": "Scheduled",
        "regarding": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": pod},
        "note": f"Successfully assigned {namespace}/{pod} to {node}",
        "type": "Normal",
    }
    path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    return request("POST", path, json.dumps(body).encode())


class _Channel(asyncio.Protocol):
    """A connection that sends one request after another, each when the one before was answered."""

    def __init__(self, requests: Iterator[bytes], answered: Callable[[], object]) -> None:
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the server answered no HTTP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"the server hung up: {error}")

    def on_body(self, body: bytes) -> None:
        if self._parser.get_status_code() >= 300:
            self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 300:
            self._fail(f"the server answered {status}: {self._body[:300].decode(errors='replace')}")
            return
        self._answered()
        self._send()

    def _send(self) -> None:
        data = next(self._requests, None)
        if data is not None:
            self._transport.write(data)
        elif not self.finished.done():
            self.finished.set_result(None)
            self._transport.close()

    def _fail(self, sentence: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(LoadError(sentence))
            self._transport.close()


async def send(
    port: int,
    requests: Iterable[bytes],
    answered: Callable[[], object] = lambda: None,
    connections: int = CONNECTIONS,
) -> None:
    """Sends all requests, so many at a time. LoadError where one is not answered with success."""
    shared = iter(requests)
    loop = asyncio.get_running_loop()
    opened = await asyncio.gather(
        *(
            loop.create_connection(lambda: _Channel(shared, answered), "127.0.0.1", port, ssl=_tls())
            for _ in range(connections)
        )
    )
    try:
        await asyncio.gather(*(channel.finished for _, channel in opened))
    finally:
        for transport, _ in opened:
            transport.close()


async def get(port: int, path: str) -> Any:
    """The JSON of an answer. LoadError where it is no success."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=_tls())
    try:
        writer.write(request("GET", path).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        while not answer.complete and (data := await reader.read(1 << 16)):
            parser.feed_data(data)
    finally:
        writer.close()
    if not answer.complete or parser.get_status_code() >= 300:
        raise LoadError(f"GET {path}: the server answered {bytes(answer.body[:300])!r}")
    return json.loads(answer.body)


class _Answer:
    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


class _Watch(asyncio.Protocol):
    """Hands on the lines of a watch."""

    def __init__(self, path: str, heard: Callable[[bytes], None]) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self.last = b""
        self._request = request("GET", path)
        self._heard = heard
        self._parser = httptools.HttpResponseParser(self)
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        *lines, self._rest = (self._rest + body).split(b"\n")
        for line in lines:
            self.last = line
            self._heard(line)

    def on_message_complete(self) -> None:
        self._transport.close()


@contextlib.asynccontextmanager
async def watching(
    port: int, path: str, heard: Callable[[bytes], None] = lambda line: None
) -> AsyncIterator[None]:
    """Keeps a watch going for the length of a block."""
    connected = asyncio.Event()
    task = asyncio.create_task(_watch(port, path, heard, connected))
    try:
        await connected.wait()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _watch(port: int, path: str, heard: Callable[[bytes], None], connected: asyncio.Event) -> None:
    """Watches for ever: an API server ends a watch whose reader does not keep up."""
    loop, since = asyncio.get_running_loop(), ""
    while True:
        made = functools.partial(_Watch, path + since, heard)
        transport, watch = await loop.create_connection(made, "127.0.0.1", port, ssl=_tls())
        connected.set()
        try:
            await watch.ended
        finally:
            transport.close()
        if version := re.search(rb'"resourceVersion":"(\d+)"', watch.last):
            since = f"&resourceVersion={version[1].decode()}"


@functools.cache
def _tls() -> ssl.SSLContext:
    """The control plane's certificate is its own; it is on loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
