"""What the scheduler decides, told to whoever listens, as docs/decisions.md writes it.

Events are kept encoded in one ring, and each reader has a place in it: a slow one loses the oldest, is
told how many, and makes nobody wait. While nobody listens nothing is made and nothing kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import msgspec

from stowage.cluster import pods
from stowage.engine import cycle, explain
from stowage.kube import clock as clocks

KEPT = 4096
"""Decisions in the ring; about a kilobyte each."""

LINGER = 30.0
"""Seconds for which decisions are noted after the last reader has gone: a browser is back by then."""

ACCOUNTS = 100
"""Accounts made a second at most; one takes 0.11 to 0.18 ms at 5,000 nodes."""

PORTION = 256
"""Events sent at a time."""

SCHEDULED, UNSCHEDULABLE, ERROR = "scheduled", "unschedulable", "error"


class Pod(msgspec.Struct, frozen=True):
    namespace: str
    name: str
    uid: str


class RunnerUp(msgspec.Struct, frozen=True):
    node: str
    score: int


class Decision(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One attempt that has ended; the fields are those of docs/decisions.md."""

    seq: int
    time: str
    pod: Pod
    profile: str
    result: str
    node: str = ""
    nominated_node: str = ""
    evaluated: int
    feasible: int | None = None
    ties: int = 0
    score: int | None = None
    why: dict[str, int] = {}
    runner_up: RunnerUp | None = None
    margin: int | None = None
    account: bool = True
    message: str = ""
    preempted: Sequence[str] = ()
    attempts: int
    seconds: float


class Queue(msgspec.Struct, rename="camel"):
    """How much there is to do."""

    leading: bool = False
    active: int = 0
    backoff: int = 0
    unschedulable: int = 0
    gated: int = 0
    bindings: int = 0
    waiting: int = 0
    pods_per_second: float = 0.0
    nodes: int = 0


class Seen(msgspec.Struct):
    """What an attempt knew of the cluster when it chose, kept until it ends."""

    evaluated: int
    node: str = ""
    ties: int = 0
    score: int | None = None
    account: explain.Brief | None = None


class Decisions:
    """See the module. ``queue`` is asked for the numbers while somebody listens."""

    def __init__(self, clock: clocks.Clock = clocks.SYSTEM, kept: int = KEPT) -> None:
        self.queue: Callable[[], Queue] = Queue
        self._clock = clock
        self._ring: deque[bytes] = deque(maxlen=kept)
        self._boot = secrets.token_hex(4)
        self._last = 0
        self._bound = 0
        self._readers: set[asyncio.Event] = set()
        self._until = float("-inf")
        self._second, self._accounts = 0, 0

    @property
    def wanted(self) -> bool:
        """Whether somebody listens, or did until just now."""
        return bool(self._readers) or self._clock.monotonic() < self._until

    # ------------------------------------------------------------------ noting

    def seen(self, engine: cycle.Engine, outcome: cycle.Outcome) -> Seen | None:
        """What a decision was made on, before the pod is assumed; None while nobody listens."""
        if not self.wanted:
            return None
        nodes = engine.cluster.node_count
        if outcome.row < 0:
            return Seen(nodes)
        return Seen(nodes, outcome.node, outcome.ties, outcome.total, self._account(engine, outcome))

    def _account(self, engine: cycle.Engine, outcome: cycle.Outcome) -> explain.Brief | None:
        second = int(self._clock.monotonic())
        if second != self._second:
            self._second, self._accounts = second, 0
        if self._accounts >= ACCOUNTS:
            return None
        self._accounts += 1
        return engine.brief(outcome)

    def tell(
        self,
        pod: pods.Incoming,
        result: str,
        seen: Seen | None,
        *,
        attempts: int,
        seconds: float,
        node: str = "",
        nominated: str = "",
        message: str = "",
        preempted: Sequence[str] = (),
    ) -> None:
        """An attempt has ended. While nobody listens it is only counted, and what was kept is outdated."""
        self._last += 1
        if not self.wanted:
            self._ring.clear()
            return
        seen = seen or Seen(0)
        self._bound += result == SCHEDULED
        event = Decision(
            seq=self._last,
            time=clocks.micro_time(self._clock.now()),
            pod=Pod(pod.namespace, pod.name, pod.uid),
            profile=pod.spec.scheduler_name,
            result=result,
            node=node or seen.node,
            nominated_node=nominated,
            message=message,
            preempted=preempted,
            attempts=attempts,
            seconds=round(seconds, 6),
            **_grounds(seen),
        )
        self._ring.append(_encode(event))
        for reader in self._readers:
            reader.set()

    # ----------------------------------------------------------------- reading

    async def follow(self, after: str = "") -> AsyncGenerator[bytes]:
        """Server-sent events, a portion at a time, without end. ``after``: a Last-Event-ID."""
        at = self._place(after)
        news = asyncio.Event()
        self._readers.add(news)
        try:
            bound, since = self._bound, self._clock.monotonic()
            yield b": decisions follow, as docs/decisions.md says\n\n" + self._queue(0.0)
            while True:
                portion, at = self._portion(at)
                passed = self._clock.monotonic() - since
                if passed >= 1.0:
                    portion += self._queue((self._bound - bound) / passed)
                    bound, since, passed = self._bound, since + passed, 0.0
                if portion:
                    yield portion
                    continue
                news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0 - passed):
                        await news.wait()
        finally:
            self._readers.discard(news)
            self._until = self._clock.monotonic() + LINGER

    def _place(self, after: str) -> int:
        """The last event that a reader is known to have."""
        boot, _, number = after.partition(".")
        if not after:
            return self._last
        if boot != self._boot or not number.isdecimal() or len(number) > 20:
            return self._last - len(self._ring)
        return min(int(number), self._last)

    def _portion(self, at: int) -> tuple[bytes, int]:
        """The next events after ``at``, and the last of them."""
        first = self._last - len(self._ring)
        lost = b""
        if at < first:
            lost = _event(b"lost", b'{"count":%d}' % (first - at))
            at = first
        start = at - first
        events = list(itertools.islice(self._ring, start, start + PORTION))
        boot = self._boot.encode()
        told = [
            _event(b"decision", data, b"id: %s.%d\n" % (boot, number))
            for number, data in enumerate(events, at + 1)
        ]
        return lost + b"".join(told), at + len(events)

    def _queue(self, pace: float) -> bytes:
        state = self.queue()
        state.pods_per_second = round(pace, 1)
        return _event(b"queue", _encode(state))


def _grounds(seen: Seen) -> dict[str, Any]:
    """The fields of a decision that say what it was made on."""
    known = {"evaluated": seen.evaluated, "ties": seen.ties, "score": seen.score}
    account = seen.account
    if account is None:
        return {**known, "account": seen.score is None}
    found: dict[str, Any] = {**known, "feasible": account.feasible, "why": account.why}
    if account.runner_up and seen.score is not None:
        found["runner_up"] = RunnerUp(account.runner_up, account.behind)
        found["margin"] = seen.score - account.behind
    return found


_encode = msgspec.json.Encoder().encode


def _event(kind: bytes, data: bytes, number: bytes = b"") -> bytes:
    return b"event: %s\n%sdata: %s\n\n" % (kind, number, data)
