"""What runs for a plan: its filters and its scores, each with its state; and what a status is.

Statuses are int64, one a row: `OK`, or the filter's place in the profile shifted left by `SHIFT`
with the plugin's own code below it, so that the minimum over filters is the first failure in
configured order.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from stowage.cluster import table
from stowage.framework import interface, overlay, status

SHIFT = 48
OK = 1 << 62
GONE = -1
"""The status of a row without a node."""
EXCLUDED = -2
"""The status of a row that PreFilter left out."""


class CycleError(Exception):
    """An attempt that ends without an answer: a plugin failed, or its score was not within 0..100.

    ``point``: the extension point at which ``plugin`` did.
    """

    def __init__(self, message: str, plugin: str = "", point: str = "") -> None:
        super().__init__(message)
        self.plugin = plugin
        self.point = point


def in_range(plugin: interface.ScorePlugin, scores: interface.Answer) -> None:
    """Raises `CycleError` where a score is out of range."""
    if isinstance(scores, np.ndarray):
        scores = scores.astype(np.int64, copy=False)
        if not scores.size or scores.view(np.uint64).max() <= interface.MAX_SCORE:  # one pass finds both
            return
        wrong = int(scores.min()) if scores.min() < 0 else int(scores.max())
    else:
        wrong = scores
    if not 0 <= wrong <= interface.MAX_SCORE:
        raise CycleError(
            f'plugin "{plugin.name}" returns an invalid score {wrong}, '
            f"it should in the range of [0, {interface.MAX_SCORE}] after normalizing",
            plugin.name,
            "Score",
        )


class FilterEntry:
    """A filter that runs for this plan."""

    __slots__ = ("base", "idle", "plugin", "state", "usage")

    def __init__(self, order: int, plugin: interface.FilterPlugin, state: Any) -> None:
        self.plugin = plugin
        self.state = state
        self.idle = _idle(plugin, state)
        self.base = (order + 1) << SHIFT
        self.usage = bool(plugin.reads & table.USAGE)

    def statuses(
        self, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None = None
    ) -> np.ndarray | int:
        """Statuses of ``rows``, or one int that holds for all of them."""
        codes = self.plugin.filter(self.state, cluster, rows, change)
        if isinstance(codes, np.ndarray):
            if codes.ndim:
                if not codes.any():
                    return OK
                return np.where(codes == 0, OK, codes.astype(np.int64) | self.base)
            codes = int(codes)
        return codes | self.base if codes else OK


class Unprepared(interface.FilterPlugin):
    """Stands for a filter whose PreFilter the profile leaves out: it errs on every node."""

    fallible = True

    def __init__(self, plugin: interface.PreFilterPlugin) -> None:
        self.name = plugin.name  # type: ignore[misc]
        self._reason = plugin.missing_state

    def filter(
        self, state: Any, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """The one code."""
        return 1

    def explain(self, state: Any, cluster: table.Table, code: int) -> status.Status:
        """The plugin's own words."""
        return status.error(self._reason)


class ScoreEntry:
    """A score that runs for this plan. ``raw`` is kept for normalised ROW scores only."""

    __slots__ = ("constant", "idle", "normalizes", "plugin", "raw", "state", "usage", "weight")

    def __init__(self, plugin: interface.ScorePlugin, state: Any, weight: int) -> None:
        self.plugin = plugin
        self.state = state
        self.weight = weight
        self.idle = _idle(plugin, state)
        self.usage = bool(plugin.reads & table.USAGE)
        self.normalizes = hasattr(plugin, "normalize")  # isinstance of a protocol costs ten times this
        self.raw: np.ndarray | None = None
        self.constant = 0

    def raw_at(self, cluster: table.Table, rows: np.ndarray) -> np.ndarray:
        """int64[rows]: the scores before normalisation."""
        if self.raw is not None:
            kept: np.ndarray = self.raw[rows]
            return kept
        answer = self.plugin.score(self.state, cluster, rows)
        return np.full(len(rows), answer, np.int64) if np.ndim(answer) == 0 else np.asarray(answer)

    def normalized(self, raw: np.ndarray) -> np.ndarray:
        """int64[n]: 0..100."""
        return cast(interface.Normalizing, self.plugin).normalize(self.state, raw) if self.normalizes else raw


def _idle(plugin: interface.Plugin, state: Any) -> bool:
    """Whether a DOMAIN state says that, for now, it passes every row and adds nothing."""
    return plugin.kind is interface.Kind.DOMAIN and getattr(state, "idle", False)
