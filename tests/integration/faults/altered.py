"""The scheduler, altered: broken on purpose, for the tests of the checks, or with another name or clock.

`python -m tests.integration.faults.altered ALTERATION[=VALUE],… scheduler …`
"""

import asyncio
import datetime
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from stowage.cluster import pods, shapes, table
from stowage.kube import clock, leases
from stowage.scheduler import cache
from stowage.scheduler.actuation import binding
from stowage.scheduler.queueing import entry, queue


def counts_less(_: str) -> None:
    """Takes every pod for half of what it is."""
    count = table.Table._count

    def half(self: table.Table, shape: shapes.Shape, row: int, sign: int) -> None:
        count(self, shape, row, sign)
        for index, amount in shape.requested:
            self._requested[index, row] -= sign * (amount // 2)

    table.Table._count = half  # type: ignore[method-assign]


def binds_again(_: str) -> None:
    """Asks for every binding twice."""
    bind = binding.Writer.bind

    async def twice(self: binding.Writer, *args: Any) -> str:
        await bind(self, *args)
        return await bind(self, *args)

    binding.Writer.bind = twice  # type: ignore[method-assign,assignment]


def loses_some(_: str) -> None:
    """Loses the pods whose names end in 7."""
    pop = queue.Queue.pop

    def some(self: queue.Queue) -> entry.Entry | None:
        while (item := pop(self)) is not None and item.pod.name.endswith("7"):
            self.done(item.pod.uid)
        return item

    queue.Queue.pop = some  # type: ignore[method-assign]


def never_looks(_: str) -> None:
    """Takes an answer that was lost for a failure."""

    async def no(self: binding.Writer, pod: pods.Incoming, node: str) -> bool:
        return False

    binding.Writer.is_bound = no  # type: ignore[method-assign]


def keeps_the_gone(_: str) -> None:
    """Does not notice that a pod went."""
    cache.Cache._pod_gone = lambda self, uid: None  # type: ignore[method-assign]


def keeps_assumed(_: str) -> None:
    """Does not notice that what it assumed came true."""
    assigned = cache.Cache._assigned

    def kept(self: cache.Cache, pod: Any) -> None:
        node = self.assumed.get(pod.metadata.uid)
        assigned(self, pod)
        if node is not None:
            self.assumed[pod.metadata.uid] = node

    cache.Cache._assigned = kept  # type: ignore[method-assign]


def ignores_the_lease(_: str) -> None:
    """Leads, whatever the Lease says."""

    async def at_once(self: leases.Election) -> None:
        return

    async def for_ever(self: leases.Election) -> None:
        await asyncio.Event().wait()

    leases.Candidate.holds = lambda self: True  # type: ignore[method-assign]
    leases.Election.acquire = at_once  # type: ignore[method-assign]
    leases.Election.renew = for_ever  # type: ignore[method-assign]
    leases.Election.release = at_once  # type: ignore[method-assign]


def hostname(name: str) -> None:
    """Runs in the pod of this name."""
    socket.gethostname = lambda: name


def jumping_clock(seconds: str) -> None:
    """Has a wall clock that jumps by so much at each SIGUSR1, back and forth."""
    offset = 0.0
    true = time.time

    def jump(*_: Any) -> None:
        nonlocal offset
        offset = 0.0 if offset else float(seconds)

    def now(self: clock.SystemClock) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(true() + offset, datetime.UTC)

    clock.SystemClock.now = now  # type: ignore[method-assign]
    time.time = lambda: true() + offset
    signal.signal(signal.SIGUSR1, jump)


ALTERATIONS: dict[str, Callable[[str], None]] = {
    made.__name__: made
    for made in (
        counts_less,
        binds_again,
        loses_some,
        never_looks,
        keeps_the_gone,
        keeps_assumed,
        ignores_the_lease,
        hostname,
        jumping_clock,
    )
}


if __name__ == "__main__":
    from stowage import __main__

    for each in sys.argv.pop(1).split(","):
        alteration, _, value = each.partition("=")
        ALTERATIONS[alteration](value)
    __main__.main()
