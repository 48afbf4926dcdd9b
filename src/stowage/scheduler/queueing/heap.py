"""A heap of pods by key: the smallest first, equal ones in the order they came.

Orders are a plugin's, and may turn out not to compare: such pods go in the order they came, too.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterator
from typing import Any

from stowage.scheduler.queueing import entry

logger = logging.getLogger(__name__)


class _Slot(tuple[Any, int, str]):
    """A slot where orders were found not to compare."""

    __slots__ = ()

    def __lt__(self, other: tuple[Any, ...]) -> bool:
        try:
            return tuple.__lt__(self, other)
        except Exception:
            return bool(self[1] < other[1])


class Heap:
    """Entries by pod key, ordered by ``order``. What is taken out leaves a hole until it comes up."""

    def __init__(self, order: Callable[[entry.Entry], Any]) -> None:
        self._order = order
        self._slots: list[tuple[Any, int, str]] = []
        self._slot: Callable[[tuple[Any, int, str]], tuple[Any, int, str]] = tuple
        self._live: dict[str, tuple[int, entry.Entry]] = {}
        """pod key -> (the turn of its slot, the entry)"""
        self._turn = 0

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: str) -> bool:
        return key in self._live

    def __iter__(self) -> Iterator[entry.Entry]:
        return (each for _, each in self._live.values())

    def get(self, key: str) -> entry.Entry | None:
        """The entry of a pod."""
        found = self._live.get(key)
        return found and found[1]

    def put(self, item: entry.Entry) -> None:
        """Adds an entry, or places it anew."""
        key, order = item.pod.key, self._order(item)
        self._turn += 1
        self._live[key] = (self._turn, item)
        try:
            heapq.heappush(self._slots, self._slot((order, self._turn, key)))
            if len(self._slots) > 2 * len(self._live) + 64:
                self._slots = [slot for slot in self._slots if self._stands(slot)]
                heapq.heapify(self._slots)
        except Exception as error:
            self._bear(error)

    def discard(self, key: str) -> entry.Entry | None:
        """Takes the entry of a pod out, wherever it is."""
        found = self._live.pop(key, None)
        return found and found[1]

    def peek(self) -> entry.Entry | None:
        """The first."""
        while self._slots and not self._stands(self._slots[0]):
            try:
                heapq.heappop(self._slots)
            except Exception as error:
                self._bear(error)
        return self._live[self._slots[0][2]][1] if self._slots else None

    def pop(self) -> entry.Entry | None:
        """Takes out the first."""
        first = self.peek()
        return self.discard(first.pod.key) if first else None

    def _bear(self, error: Exception) -> None:
        """Two orders do not compare: what was being done has left the slots complete, but in no order."""
        logger.error("Pods cannot be sorted: some keep the order they came in", exc_info=error)
        self._slot = _Slot
        self._slots = [_Slot(slot) for slot in self._slots]
        heapq.heapify(self._slots)

    def _stands(self, slot: tuple[Any, int, str]) -> bool:
        found = self._live.get(slot[2])
        return found is not None and found[0] == slot[1]
