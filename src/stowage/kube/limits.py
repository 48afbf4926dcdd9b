"""How fast requests leave: token buckets, places in flight with a priority, and backoff.

A bucket is client-go's: `burst` requests at once, then `qps` a second; Events have one of their own, as
kube-scheduler's have. A place in flight is one HTTP/1.1 connection; where places are short, the more
important request goes first, however late it came, but for the share that is LOW's. Watches take a token
and no place.
"""

import asyncio
import collections
import dataclasses
import enum
import random
from types import TracebackType

from stowage.kube import clock as clocks

SHARE = 32
"""While LOW waits, one place in so many is its: bindings without end do not hold Events back for ever."""

BESIDE = 4
"""IDLE goes while fewer of the others' requests than these are in flight."""

PATIENCE = 5.0
"""Seconds for which IDLE stands back; then it is LOW."""


class Priority(enum.IntEnum):
    """Who goes first: a smaller number."""

    HIGH = 0
    """What must not be late: renewing a Lease."""
    NORMAL = 1
    LOW = 2
    """What nobody waits for, such as Events."""
    IDLE = 3
    """LOW that may be late: it stands back, even where there is a place, so that what a server and a
    machine can do goes into what others wait for."""


_USUAL = (Priority.HIGH, Priority.NORMAL, Priority.LOW, Priority.IDLE)
_TURN = (Priority.HIGH, Priority.LOW, Priority.NORMAL, Priority.IDLE)


class _Bucket:
    def __init__(self, qps: float | None, burst: int, clock: clocks.Clock) -> None:
        self.refill: asyncio.Task[None] | None = None
        self._qps = qps
        self._burst = float(burst)
        self._tokens = float(burst)
        self._clock = clock
        self._counted_at = clock.monotonic()

    def empty(self) -> bool:
        if self._qps is None:
            return False
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._qps)
        self._counted_at = now
        return self._tokens < 1

    def take(self) -> None:
        if self._qps is not None:
            self._tokens -= 1

    async def filled(self) -> None:
        """Returns when there is a token."""
        if self._qps is not None:
            # A nanosecond more, so that rounding does not leave the bucket a hair short of its token.
            await self._clock.sleep((1 - self._tokens) / self._qps + 1e-9)


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
        common, behind = _Bucket(qps, burst, clock), _Bucket(qps, burst, clock)
        self._buckets = (common, common, behind, behind)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._free = places
        self._urgent = 0
        """Places that neither LOW nor IDLE has."""
        self._passed = 0
        """Places given while LOW waited, since it or IDLE had one."""
        self._waiting: tuple[collections.deque[tuple[bool, asyncio.Future[None]]], ...]
        self._waiting = tuple(collections.deque() for _ in Priority)

    def place(self, priority: Priority = Priority.NORMAL) -> "_Place":
        """Hold a place in flight; entered when there is one and the bucket has a token."""
        return _Place(self, priority)

    async def token(self, priority: Priority = Priority.NORMAL) -> None:
        """Wait for a token alone."""
        await self.admit(priority, False)

    async def admit(self, priority: Priority, place: bool) -> None:
        """Wait for a token and, with `place`, for a place, which is to be given back."""
        if not any(self._waiting[: priority + 1]) and not self._turn and self._open(priority, place):
            self._admit(priority, place)
            return
        if self._loop is None:  # looked up once: each time costs a system call
            self._loop = asyncio.get_running_loop()
        admitted: asyncio.Future[None] = self._loop.create_future()
        self._waiting[priority].append((place, admitted))
        self._serve()
        if admitted.done():
            return
        try:
            if priority is Priority.IDLE:
                await asyncio.wait((admitted,), timeout=PATIENCE)
                if admitted.cancel():
                    await self.admit(Priority.LOW, place)
            else:
                await admitted
        except asyncio.CancelledError:
            if not admitted.cancel() and not admitted.cancelled() and place:
                self._take(priority, -1)  # admitted and cancelled in the same turn of the loop
            self._serve()
            raise

    def leave(self, priority: Priority) -> None:
        """Give a place back."""
        self._take(priority, -1)
        self._serve()

    def _take(self, priority: Priority, places: int = 1) -> None:
        self._free -= places
        if priority < Priority.LOW:
            self._urgent += places

    def _serve(self) -> None:
        """Admit who may go, in order; see to it that somebody looks again when there is a token."""
        while (priority := self._due()) is not None:
            place, admitted = self._waiting[priority].popleft()
            self._admit(priority, place)
            admitted.set_result(None)

    def _admit(self, priority: Priority, place: bool) -> None:
        self._buckets[priority].take()
        if place:
            self._take(priority)
            late = bool(self._waiting[Priority.LOW])
            self._passed = self._passed + late if priority < Priority.LOW else 0

    def _due(self) -> Priority | None:
        """Whose turn it is, of those that may go."""
        for priority in _TURN if self._turn else _USUAL:
            waiting = self._waiting[priority]
            while waiting and waiting[0][1].done():
                waiting.popleft()  # its request was cancelled
            if waiting and self._open(priority, waiting[0][0]):
                return priority
        return None

    @property
    def _turn(self) -> bool:
        """Whether LOW has its share now."""
        return self._passed >= SHARE - 1

    def _open(self, priority: Priority, place: bool) -> bool:
        """Whether the first of a priority may go; where it lacks a token, somebody looks again."""
        if place and not self._free:
            return False
        if priority is Priority.IDLE and self._urgent >= BESIDE:
            return False
        bucket = self._buckets[priority]
        if bucket.empty():
            if bucket.refill is None:
                bucket.refill = asyncio.create_task(self._refilled(bucket))
            return False
        return True

    async def _refilled(self, bucket: _Bucket) -> None:
        try:
            await bucket.filled()
        finally:
            bucket.refill = None
        self._serve()

    async def close(self) -> None:
        """Stop waiting for tokens; requests that still wait are the caller's to cancel."""
        for bucket in self._buckets:
            if bucket.refill is not None:
                bucket.refill.cancel()
                await asyncio.gather(bucket.refill, return_exceptions=True)


class _Place:
    """A place, held for the length of a block."""

    __slots__ = ("_limiter", "_priority")

    def __init__(self, limiter: Limiter, priority: Priority) -> None:
        self._limiter = limiter
        self._priority = priority

    async def __aenter__(self) -> None:
        await self._limiter.admit(self._priority, True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limiter.leave(self._priority)


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
