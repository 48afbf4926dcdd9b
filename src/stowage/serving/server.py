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
"""How long a request's head may take; Kubernetes' limit."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that clients can connect to from now on; port 0: any that is free. OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off (40 ms an answer) only where the protocol is named.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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
            http=_Bounded,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # A client that keeps its connection while the server ends is no news.
            log_level="critical",
            ssl_context_factory=None if tls is None else lambda *_: tls,
            timeout_graceful_shutdown=_CLOSE_SECONDS,
        )
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

    _head = 0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
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
    """Tells when it answers; signals are the command's."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
