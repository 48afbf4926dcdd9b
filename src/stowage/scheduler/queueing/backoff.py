"""How long a pod pauses after a failed attempt, and the pods that pause.

Rules: kube-scheduler's backend/queue/backoff_queue.go.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

from stowage.scheduler.queueing import entry, heap

WINDOW = 1.0
"""Seconds. Pauses that end in the same window end together, so that priorities count among them."""
NEVER = -math.inf


class Backoff:
    """Two heaps, by the end of the pause: after rejections, and after errors.

    ``initial`` and ``longest`` are seconds; ``longest`` 0 means that nobody pauses. ``aligned``: ends
    are rounded down to `WINDOW`, and of those that end together the active queue's order decides.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        initial: float,
        longest: float,
        order: Callable[[entry.Entry], Any],
        aligned: bool,
    ) -> None:
        self._clock = clock
        self._initial = initial
        self._longest = longest
        self._aligned = aligned
        self.rejected = heap.Heap((lambda e: (self.ends(e), order(e))) if aligned else self.ends)
        self.failed = heap.Heap(self.ends)

    def __len__(self) -> int:
        return len(self.rejected) + len(self.failed)

    def __contains__(self, key: str) -> bool:
        return key in self.rejected or key in self.failed

    def __iter__(self) -> Iterator[entry.Entry]:
        return itertools.chain(self.rejected, self.failed)

    def get(self, key: str) -> entry.Entry | None:
        """The entry of a pod."""
        return self.rejected.get(key) or self.failed.get(key)

    def put(self, item: entry.Entry) -> None:
        """Adds an entry that is not here; one that no plugin rejected failed with an error."""
        (self.rejected if item.rejecting else self.failed).put(item)

    def discard(self, key: str) -> entry.Entry | None:
        """Takes the entry of a pod out."""
        return self.rejected.discard(key) or self.failed.discard(key)

    def completed(self) -> list[entry.Entry]:
        """Takes out all whose pause is over."""
        done = []
        for each in (self.rejected, self.failed):
            while (first := each.peek()) is not None and not self.holds(first):
                each.pop()
                done.append(first)
        return done

    def holds(self, item: entry.Entry) -> bool:
        """Whether its pause is not over; one that ends in the present window is not."""
        return self.ends(item) >= self._align(self._clock())

    def ends(self, item: entry.Entry) -> float:
        """When its pause ends; `NEVER` began for one that has not failed."""
        count = item.errors or item.rejections
        if not self._longest or not count:
            return NEVER
        if item.expires is None:
            item.expires = self._align(item.queued + self.seconds(count))
        return item.expires

    def seconds(self, count: int) -> float:
        """The pause after so many failures: doubled each time, up to the longest."""
        if count > 63:
            return self._longest
        return min(self._initial * (1 << (count - 1)), self._longest)

    def _align(self, time: float) -> float:
        return math.floor(time / WINDOW) * WINDOW if self._aligned else time
