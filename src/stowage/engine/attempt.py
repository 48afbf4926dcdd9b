"""One pod's attempt on a plan: nominated pods taken into account, and what PostFilter may ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.engine import entries, failure
from stowage.engine import plan as plans
from stowage.framework import overlay, status

Nomination = tuple[pods.Incoming, str]
"""A pending pod and the name of the node it is nominated to."""


class Attempt:
    """The statuses of one pod, the pods nominated to nodes included.

    Rows that hold nominated pods of the same or a higher priority are judged twice, with those
    pods and without them; the first failing answer counts (RunFilterPluginsWithNominatedPods).
    """

    def __init__(self, plan: plans.Plan, pod: pods.Incoming, nominations: Iterable[Nomination]) -> None:
        self.plan = plan
        self.pod = pod
        self.cluster: table.Table = plan.cluster
        self.asked = plan.asked
        self.nominated = self._nominated(nominations)
        self.refused: dict[str, status.Status] = {}
        """node -> why somebody beside the plugins refuses it (an extender), where no filter did"""
        self.returned: Mapping[str, objects.Node] = {}
        """Feasible nodes as an extender sent them back"""

    def _nominated(self, nominations: Iterable[Nomination]) -> overlay.Overlay | None:
        placed = []
        for other, node in nominations:
            row = self.cluster.row_of.get(node)
            if (
                row is not None
                and self.cluster.live.item(row)
                and other.uid != self.pod.uid
                and other.priority >= self.pod.priority
            ):
                placed.append((other, row))
        return overlay.of_pods(placed, 1) if placed else None

    def statuses(self) -> np.ndarray:
        """int64[size]: each row's status."""
        out = self.plan.full_statuses()
        if self.nominated is not None:
            rows = self.nominated.rows
            crowded = self.plan.statuses_with(self.nominated)
            out[rows] = np.where(crowded == entries.OK, out[rows], crowded)
        return out

    def passes(self, row: int) -> bool:
        """Whether the pod fits one row, nominated pods included."""
        at = np.array([row])
        alone = overlay.Overlay(at, *(np.zeros(0, np.int64) for _ in range(4)))
        return bool(self.fits(alone)[0])

    def codes(self) -> np.ndarray:
        """int8[size]: each row's status code; rows without a node hold SUCCESS."""
        out = failure.codes(self.plan, self.statuses() if self.plan.refusal is None else np.zeros(0))
        for node, refusal in self.refused.items():
            out[self.cluster.row_of[node]] = refusal.code
        return out

    def fits(self, change: overlay.Overlay) -> np.ndarray:
        """bool[k]: whether the pod passes every filter on each row of ``change``."""
        fit: np.ndarray = self._statuses_with(change) == entries.OK
        return fit

    def verdicts(self, change: overlay.Overlay) -> Counter[status.Status]:
        """As ``fits``: how many rows of ``change`` are refused, by the status they are refused with."""
        found: Counter[status.Status] = Counter()
        values, counts = np.unique(self._statuses_with(change), return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            if value != entries.OK:
                found[self.plan.explain(value)] += count
        return found

    def _statuses_with(self, change: overlay.Overlay) -> np.ndarray:
        """int64[k]: with the nominated pods where the rows hold any, then without them."""
        out = self.plan.statuses_with(change)
        if self.nominated is None:
            return out
        among = np.flatnonzero(np.isin(change.rows, self.nominated.rows))
        if len(among):
            part = change.take(among)
            crowded = self.plan.statuses_with(part.plus(self.nominated.onto(part.rows)))
            out[among] = np.where(crowded == entries.OK, out[among], crowded)
        return out
