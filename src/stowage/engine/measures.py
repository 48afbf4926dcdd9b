"""What the engine counts of its own work: seconds by extension point, and passes and rows."""

from __future__ import annotations

import time


class Timer:
    """Seconds by extension point, for the cycles that are timed."""

    __slots__ = ("seconds", "started")

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.started = time.perf_counter()

    def lap(self, point: str) -> None:
        """Books the time since the last lap to ``point``."""
        now = time.perf_counter()
        self.seconds[point] = self.seconds.get(point, 0.0) + now - self.started
        self.started = now


class Work:
    """Counters of what plans did, for tests and benchmarks to assert on instead of clocks."""

    __slots__ = ("builds", "passes", "rows")

    def __init__(self) -> None:
        self.builds = 0
        """plans built"""
        self.rows = 0
        """rows brought up to date, one plan and plugin group at a time"""
        self.passes = 0
        """passes over all rows: builds, and choices without pages"""
