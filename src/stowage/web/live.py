"""News for browsers, as server-sent events: each stream asks what is new since what it has.

Nothing is queued for anybody. Whoever holds the state numbers its changes, and tells a reader what
differs between the number it has and now; a slow reader gets fewer, larger steps. A browser that comes
back says which number it had.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

import msgspec
from starlette import requests, responses

PAUSE: Final = 0.25
"""Seconds between two steps of a stream: as fast as people see, and little work when much happens."""

HEARTBEAT: Final = 10.0
"""Seconds without news after which a comment shows that the stream lives."""


class Step(NamedTuple):
    """The number that a reader has arrived at, and the events, name and JSON value, that bring it there."""

    version: int
    events: list[tuple[str, Any]]


Changes = Callable[[int], Step]
"""What differs from a version; from 0, everything there is."""


class Live:
    """The streams of one state. Whoever changes the state calls `wake`."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._boot = secrets.token_hex(4)
        self._waiting: set[asyncio.Event] = set()
        self._stopped = False

    def wake(self) -> None:
        """There is news."""
        for each in self._waiting:
            each.set()

    def stop(self) -> None:
        """Ends every stream, so that the server can close."""
        self._stopped = True
        self.wake()

    async def endpoint(self, request: requests.Request) -> responses.Response:
        """The stream; with `Last-Event-ID` from there on."""
        boot, _, number = request.headers.get("last-event-id", "").partition(".")
        known = boot == self._boot and number.isdecimal()
        stream = self.stream(int(number) if known else 0)
        return responses.StreamingResponse(stream, media_type="text/event-stream")

    async def stream(self, since: int) -> AsyncIterator[bytes]:
        """Events without end, or until `stop`."""
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            yield b"retry: 1000\n\n"
            while not self._stopped:
                news.clear()
                step = self._changes(since)
                since = step.version
                if step.events:
                    yield self._encoded(step)
                    await asyncio.sleep(PAUSE)
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT):
                        await news.wait()
                        continue
                yield b": still here\n\n"
        finally:
            self._waiting.discard(news)

    def _encoded(self, step: Step) -> bytes:
        """The number comes with the last event: who loses some of a step gets all of it again."""
        parts = [b"event: %s\ndata: %s\n" % (name.encode(), _encode(value)) for name, value in step.events]
        parts[-1] += b"id: %s.%d\n" % (self._boot.encode(), step.version)
        return b"\n".join([*parts, b""])


_encode = msgspec.json.Encoder().encode
