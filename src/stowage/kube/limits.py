"""How fast requests leave: a token bucket, places in flight with a priority, and backoff.

The bucket is client-go's: `burst` requests at once, then `qps` a second. A place in flight is one
HTTP/1.1 connection; where places or tokens are short, the more important request goes first, however
late it came. Watches take a token and no place.
"""

import asyncio
import contextlib
import dataclasses
import enum
import heapq
import itertools
import random
from collections.abc import AsyncIterator

from stowage.kube import clock as clocks


class Priority(enum.IntEnum):
    """Who goes first: a smaller number."""

    HIGH = 0
    """What must not be late: renewing a Lease."""
    NORMAL = 1
    LOW = 2
    """What nobody waits for, such as Events."""


class Limiter:
    """Admits requests. `qps` a second after `burst` at once (None: any number), `places` in flight."""

    def __init__(
        self,
        qps: float | None,
        burst: int,
        places: int,
        clock: clocks.Clock = clocks.SYSTEM,
    ) -> None:
        if burst < 1 or places < 1 or (qps is not None and qps <= 0):
            raise ValueError("qps, burst and places must be greater than 0")
        self._qps = qps
        self._burst = float(burst)
        self._tokens = float(burst)
        self._counted_at = clock.monotonic()
        self._free = places
        self._clock = clock
        self._queue: list[tuple[Priority, int, bool, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._refill: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def place(self, priority: Priority = Priority.NORMAL) -> AsyncIterator[None]:
        """Hold a place in flight; entered when there is one and the bucket has a token."""
        await self._admit(priority, True)
        try:
            yield
        finally:
            self._free += 1
            self._serve()

    async def token(self, priority: Priority = Priority.NORMAL) -> None:
        """Wait for a token alone."""
        await self._admit(priority, False)

    async def _admit(self, priority: Priority, place: bool) -> None:
        self._count()
        if not self._queue and self._tokens >= 1 and (self._free or not place):
            self._take(place)
            return
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (priority, next(self._order), place, admitted))
        self._serve()
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled() and place:
                self._free += 1  # admitted and cancelled in the same turn of the loop
            self._serve()
            raise

    def _serve(self) -> None:
        """Admit who may go, in order; see to it that somebody looks again when there is a token."""
        self._count()
        while self._queue:
            _, _, place, admitted = self._queue[0]
            if admitted.done():  # its request was cancelled
                heapq.heappop(self._queue)
                continue
            if place and not self._free:
                return
            if self._tokens < 1:
                self._await_token()
                return
            heapq.heappop(self._queue)
            self._take(place)
            admitted.set_result(None)

    def _take(self, place: bool) -> None:
        if self._qps is not None:
            self._tokens -= 1
        self._free -= place

    def _count(self) -> None:
        if self._qps is not None:
            now = self._clock.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._qps)
            self._counted_at = now

    def _await_token(self) -> None:
        if self._refill is None and self._qps is not None:
            self._refill = asyncio.create_task(self._refilled((1 - self._tokens) / self._qps))

    async def _refilled(self, seconds: float) -> None:
        try:
            # A nanosecond more, so that rounding does not leave the bucket a hair short of its token.
            await self._clock.sleep(seconds + 1e-9)
        finally:
            self._refill = None
        self._serve()

    async def close(self) -> None:
        """Stop waiting for tokens; requests that still wait are the caller's to cancel."""
        if self._refill is not None:
            self._refill.cancel()
            await asyncio.gather(self._refill, return_exceptions=True)


@dataclasses.dataclass(slots=True)
class Backoff:
    """Delays that double, in seconds: `first`, up to `longest`, each spread over its upper half so
    that clients which failed together do not return together."""

    first: float = 0.25
    longest: float = 30.0
    chance: random.Random = dataclasses.field(default_factory=random.Random, repr=False)
    _step: int = 0

    def next(self) -> float:
        """Return the delay before the next try."""
        whole = min(self.longest, self.first * 2.0 ** min(self._step, 60))
        self._step += 1
        return whole * self.chance.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin anew: something worked."""
        self._step = 0
