"""uvicorn in the caller's event loop, on a socket that is listened on before anything else starts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http import httptools_impl

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""

_CLOSE_SECONDS: Final = 1

LONGEST_HEAD: Final = 1 << 20
"""Bytes of a request before its body; Go's limit, and so Kubernetes'."""

HEAD_SECONDS: Final = 32.0
"""How long a request's head may take, and agreeing on TLS before it; Kubernetes' limit."""

MOST: Final = 500
"""Connections at once, half of the files that systemd and shells let a process open. One more, and the oldest
on which nothing is being answered is hung up on: a probe is answered however many just sit there."""

_PAUSE: Final = 1.0
"""Seconds before the next connection is taken in where that failed, for want of files most likely."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that clients can connect to from now on; port 0: any that is free. OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off (40 ms an answer) only where the protocol is named.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setblocking(False)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


@contextlib.asynccontextmanager
async def serving(
    app: App, listening: socket.socket, tls: ssl.SSLContext | None, stopping: Callable[[], None] | None = None
) -> AsyncIterator[None]:
    """Answers while the block is in, without TLS where ``tls`` is None. ``stopping`` is called at its end,
    to end answers that would go on."""
    server = _Server(
        uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # A client that keeps its connection while the server ends is no news.
            log_level="critical",
            timeout_graceful_shutdown=_CLOSE_SECONDS,
        ),
        tls,
    )
    running = asyncio.create_task(server.serve([listening]), name="server")
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        yield
    finally:
        ready.cancel()
        if stopping is not None:
            stopping()
        server.should_exit = True
        await running


class _Bounded(httptools_impl.HttpToolsProtocol):
    """Hangs up on who sends a head without end, or none: uvicorn itself would wait, and keep it all."""

    all: dict[_Bounded, asyncio.Future[Any]]
    """The server's connections, this one among them while it is open."""
    _head = 0
    _late: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered."""
        cycle: Any = self.cycle  # None before the first request
        return cycle is None or cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self.all.pop(self, None)
        self._have_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._late is not None:
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._have_head()
        super().on_headers_complete()

    def _await_head(self) -> None:
        if self._late is None:
            self._head = 0
            self._late = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _have_head(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _Server(uvicorn.Server):
    """Takes connections in, at most `MOST`, and tells when it does; signals are the command's."""

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._tls = tls
        self._accepting: asyncio.Task[None]
        self._open: dict[_Bounded, asyncio.Future[Any]] = {}
        """Connections in the order they came, each with what makes it one: TLS has to be agreed on."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.servers = []
        assert sockets is not None
        self._accepting = asyncio.create_task(self._accept(sockets[0]), name="connections")
        self.started = True
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        making = [self._accepting, *self._open.values()]
        for each in making:
            each.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        await super().shutdown(sockets)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                opened, _ = await loop.sock_accept(listening)
            except OSError:
                await asyncio.sleep(_PAUSE)
                continue
            self._take(opened)
            await asyncio.sleep(0)  # others have a turn however many wait

    def _take(self, opened: socket.socket) -> None:
        protocol = _Bounded(self.config, self.server_state, self.lifespan.state)
        made = asyncio.ensure_future(
            protocol.loop.connect_accepted_socket(
                lambda: protocol,
                opened,
                ssl=self._tls,
                ssl_handshake_timeout=None if self._tls is None else HEAD_SECONDS,
            )
        )
        made.add_done_callback(lambda _: self._made(made, protocol, opened))
        protocol.all = self._open
        self._open[protocol] = made
        if len(self._open) > MOST:
            oldest = next(each for each in self._open if each.idle)
            self._open.pop(oldest).cancel()
            if oldest.transport is not None:
                oldest.transport.abort()

    def _made(self, made: asyncio.Future[Any], protocol: _Bounded, opened: socket.socket) -> None:
        if made.cancelled() or made.exception() is not None:
            self._open.pop(protocol, None)
            opened.close()
