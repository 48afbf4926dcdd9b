"""What the engine counts of its own work: seconds by extension point, who was asked, passes and rows."""

from __future__ import annotations

import time
from collections import Counter


class Timer:
    """Seconds by extension point, for the cycles that are timed; ``detailed``: by plugin, too."""

    __slots__ = ("_marked", "detailed", "plugins", "seconds", "started")

    def __init__(self, detailed: bool = False) -> None:
        self.seconds: dict[str, float] = {}
        self.detailed = detailed
        self.plugins: list[tuple[str, str, str, float]] = []
        """(plugin, extension point, label of its status, seconds), one each time it ran"""
        self.started = self._marked = time.perf_counter()

    def lap(self, point: str) -> None:
        """Books the time since the last lap to ``point``."""
        now = time.perf_counter()
        self.seconds[point] = self.seconds.get(point, 0.0) + now - self.started
        self.started = self._marked = now

    def ran(self, plugin: str, point: str, label: str = "Success") -> None:
        """Notes that a plugin has run, since the last one had or since the last lap."""
        if self.detailed:
            now = time.perf_counter()
            self.plugins.append((plugin, point, label, now - self._marked))
            self._marked = now


class Asked:
    """The plugins that a plan asks, and how often it was used: for all plans alike in this together."""

    __slots__ = ("attempts", "filter", "pre_filter", "profile", "score", "scored")

    def __init__(self, profile: str, *points: tuple[str, ...]) -> None:
        self.profile = profile
        self.pre_filter, self.filter, self.score = points
        """names of the plugins that did not skip"""
        self.attempts = 0
        self.scored = 0
        """of the attempts, those that found a node"""


class Work:
    """Counters of what plans did, for tests and benchmarks to assert on instead of clocks."""

    __slots__ = ("asked", "builds", "errors", "passes", "rows")

    def __init__(self) -> None:
        self.asked: dict[tuple[object, ...], Asked] = {}
        """by profile and plugins"""
        self.errors: Counter[tuple[str, str]] = Counter()
        """(plugin, extension point) -> cycles that ended because it failed there"""
        self.builds = 0
        """plans built"""
        self.rows = 0
        """rows brought up to date, one plan and plugin group at a time"""
        self.passes = 0
        """passes over all rows: builds, and choices without pages"""

    def asking(self, profile: str, *points: tuple[str, ...]) -> Asked:
        """The counters of who asks these plugins."""
        found = self.asked.get((profile, *points))
        if found is None:
            found = self.asked[profile, *points] = Asked(profile, *points)
        return found
