"""Short requests over connections that are kept: what bindings, statuses and Events leave by.

A request costs a third of what a whole HTTP client takes for it (no redirects, cookies, proxies or
streams), which is what decides how many pods a second are bound where scheduler and API server share a
machine. One request is under way on each connection; none is ever sent twice from here. Whoever asks sees to
it that not too many are: each that finds no connection idle opens one. Many in flight are cheaper for etcd,
which writes them together (measured on two cores, µs of its CPU a binding: 400 with 8 in flight, 270 with 32,
210 with 64, 190 with 100), and a handshake costs as much as two bindings.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
import urllib.parse
from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

import httptools

from stowage.kube import connection

CONNECT_SECONDS = 10.0

IDLE_SECONDS = 60.0
"""A connection that was idle for longer is not used again: API servers hang up after 90 s, and a request
that crosses with that finds no answer."""


class NotConnected(OSError):
    """There was no connection; nothing was sent."""


class Answer(NamedTuple):
    status: int
    retry_after: str | None
    body: bytes


class Pool:
    """Connections to the server of one access; when that changes, the idle ones are closed."""

    def __init__(self, user_agent: str) -> None:
        self._user_agent = user_agent
        self._access: connection.Access | None = None
        self._url = urllib.parse.urlsplit("")
        self._common = b""
        self._open: set[_Channel] = set()
        self._idle: list[_Channel] = []
        self._closed = False

    async def ask(
        self,
        access: connection.Access,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: float,
        longest: int,
        check: Callable[[], None],
    ) -> Answer:
        """Send a request and return its answer. NotConnected; another OSError (TimeoutError among
        them) where it was sent and no answer of at most `longest` bytes, head and body, came in
        `timeout` seconds. `check` is called last before it is sent, and may raise."""
        if access is not self._access:
            self._take(access)
        fields = _known_fields(tuple(headers.items()))
        length = f"Content-Length: {len(body)}\r\n" if body is not None else ""
        head = f"{method} {self._url.path}{target} HTTP/1.1\r\n{fields}{length}".encode()
        data = b"".join((head, self._common, body or b""))
        channel = await self._channel()
        try:
            check()
            return await channel.ask(data, timeout, longest)
        finally:
            self._free(channel)

    async def close(self) -> None:
        """Close all connections; requests under way fail."""
        self._closed = True
        for channel in list(self._open):
            channel.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while self._open:
                    await asyncio.sleep(0)

    def _take(self, access: connection.Access) -> None:
        """Use another access from now on. A request under way ends on the connection it has."""
        self._loop = asyncio.get_running_loop()  # looked up once: each time costs a system call
        before, self._access = self._access, access
        self._url = urllib.parse.urlsplit(access.server)
        common = {"Host": self._url.netloc, "User-Agent": self._user_agent}
        if access.authorization:
            common["Authorization"] = access.authorization
        # Decompression would cost the one event loop more than the bytes cost the network.
        common["Accept-Encoding"] = "identity"
        self._common = f"{_fields(tuple(common.items()))}\r\n".encode()
        if before is not None and (before.server, before.tls) != (access.server, access.tls):
            for channel in list(self._open):
                channel.retire()

    # ------------------------------------------------------------ connections

    async def _channel(self) -> _Channel:
        """A connection that is free: an idle one or a new one."""
        while self._idle:
            channel = self._idle.pop()
            if channel.fresh:
                return channel
            channel.abort()
        return await self._opened()

    def _free(self, channel: _Channel) -> None:
        """Keep a connection for the next request."""
        if channel.usable:
            channel.rest()
            self._idle.append(channel)
        else:
            channel.abort()

    async def _opened(self) -> _Channel:
        access, url = self._access, self._url
        assert access is not None
        secure = url.scheme == "https"
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, channel = await self._loop.create_connection(
                    lambda: _Channel(self._open, self._loop),
                    url.hostname or "",
                    url.port or (443 if secure else 80),
                    ssl=(access.tls or ssl.create_default_context()) if secure else None,
                    server_hostname=access.server_hostname or url.hostname if secure else None,
                )
        except OSError as error:
            raise NotConnected(str(error) or "it took too long") from error
        if self._closed:
            channel.abort()
            raise NotConnected("the client is closed")
        return channel


def _fields(headers: tuple[tuple[str, str], ...]) -> str:
    """Header lines. ValueError for a value that would make more than one."""
    for name, value in headers:
        if "\n" in value or "\r" in value:
            raise ValueError(f"the header {name} has a line break in it")
    return "".join(f"{name}: {value}\r\n" for name, value in headers)


_known_fields = functools.lru_cache(maxsize=32)(_fields)
"""For what is the same in most requests, and no secret."""


class _Channel(asyncio.Protocol):
    """A connection; it is in `open` while it is."""

    def __init__(self, opened: set[_Channel], loop: asyncio.AbstractEventLoop) -> None:
        self.usable = True
        self._idle_since = 0.0
        self._loop = loop
        self._opened = opened
        self._answer: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._left = 0
        self._body: list[bytes] = []
        self._retry_after: str | None = None

    async def ask(self, data: bytes, timeout: float, longest: int) -> Answer:
        """Send a request, return its answer; OSError where there is none. Afterwards, the connection
        may not be `usable`."""
        if not self.usable:
            raise NotConnected("the server hung up")
        answer = self._answer = self._loop.create_future()
        timer = self._loop.call_later(timeout, self._fail, TimeoutError(f"none in {timeout:g} s"))
        complete = False
        self._left = longest
        try:
            self._transport.write(data)
            found: Answer = await answer
            complete = True
            return found
        finally:
            timer.cancel()
            self._answer = None
            if not complete:  # an answer that comes now would be taken for that of the next request
                self.usable = False

    def rest(self) -> None:
        """Nothing is asked of it now."""
        self._idle_since = self._loop.time()

    @property
    def fresh(self) -> bool:
        """Whether it may be used again after its rest."""
        return self.usable and self._loop.time() - self._idle_since < IDLE_SECONDS

    def retire(self) -> None:
        """Be used no more once the request under way, if there is one, is answered."""
        self.usable = False
        if self._answer is None:
            self.abort()

    def abort(self) -> None:
        """Hang up."""
        self.usable = False
        self._transport.abort()

    def _fail(self, error: OSError) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    # --------------------------------------------------------------- protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._opened.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._opened.discard(self)
        self._fail(ConnectionError(str(error) if error else "the server hung up"))

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nothing was asked
            self.abort()
            return
        self._left -= len(data)
        if self._left < 0:
            self._fail(ConnectionError("the answer is too long"))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"the answer is no HTTP: {error}"))

    # ----------------------------------------------------------------- parser

    def on_message_begin(self) -> None:
        self._body, self._retry_after = [], None

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return  # 100 Continue and its like; the answer is still to come
        self.usable = self.usable and self._parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(status, self._retry_after, b"".join(self._body)))
