"""Work that is due at some time: what the kubelets and controllers do, one step after the other.

A step is a plain function with a key, and is there at most once: asked for twice, the earlier time
counts. What a step may lose by a conflict it is asked to do again.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable, Hashable
from typing import Final

from stowage.embedded import errors

_AGAIN_SECONDS: Final = 0.2
_REFUSED_SECONDS: Final = (1.0, 60.0)
"""How long a step waits that was refused: at first, and doubled each time, at most."""
_SLICE: Final = 50
"""Steps until others in the process have their turn: some 20 ms."""
_log = logging.getLogger(__name__)

Step = Callable[[], None]


class Agenda:
    """`time` gives seconds; tests move it by hand and call `run_due`."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._heap: list[tuple[float, int, Hashable]] = []
        self._steps: dict[Hashable, tuple[float, Step]] = {}
        self._refused: dict[Hashable, float] = {}
        self._order = itertools.count()
        self._wake = asyncio.Event()

    def add(self, key: Hashable, step: Step, delay: float = 0) -> None:
        """Do `step` in `delay` seconds; a step with that key that is due earlier stays instead."""
        due = self._time() + delay
        known = self._steps.get(key)
        if known is not None and known[0] <= due:
            return
        self._steps[key] = (due, step)
        heapq.heappush(self._heap, (due, next(self._order), key))
        self._wake.set()

    def run_due(self, most: int | None = None) -> int:
        """Do what is due, at most `most` steps; how many there were."""
        done = 0
        while self._heap and self._heap[0][0] <= self._time() and (most is None or done < most):
            due, _, key = heapq.heappop(self._heap)
            known = self._steps.get(key)
            if known is None or known[0] != due:
                continue
            del self._steps[key]
            done += 1
            try:
                known[1]()
                self._refused.pop(key, None)
            except errors.ApiError as error:
                self._failed(key, known[1], error)
            except Exception:
                _log.exception("%s", key)
        return done

    def _failed(self, key: Hashable, step: Step, error: errors.ApiError) -> None:
        """What is gone needs nothing more; a refusal (a quota, a namespace's end) may pass."""
        if error.code == 404:
            self._refused.pop(key, None)
        elif error.code == 409:
            self.add(key, step, _AGAIN_SECONDS)
        else:
            first, most = _REFUSED_SECONDS
            self._refused[key] = min(2 * self._refused.get(key, first / 2), most)
            self.add(key, step, self._refused[key])

    async def run(self) -> None:
        """Do what is due as it becomes due, until cancelled."""
        while True:
            self._wake.clear()
            if self.run_due(_SLICE):
                await asyncio.sleep(0)
                continue
            wait = self._heap[0][0] - self._time() if self._heap else None
            if wait is not None and wait <= 0:
                continue
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue
