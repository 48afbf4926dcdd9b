"""The filter's half: how many matching pods each eligible domain holds, and which domains are too full."""

from __future__ import annotations

import numpy as np

from stowage.api import selectors
from stowage.cluster import log, pods, table
from stowage.framework import interface, overlay
from stowage.plugins.pod_topology_spread import constraints

NO_MINIMUM = 2**31 - 1
"""The lowest count where no domain is eligible (newCriticalPaths)."""

FEW = 4
"""Log entries up to which one at a time is quicker than arrays."""


class Domains:
    """The counts of one constraint, one a value of its key.

    A domain exists where a row of it is eligible, be its count 0. ``verdict`` is by code of the
    value, and last the answer for an absent key: 0, ``skewed`` or ``skewed + 1``.
    """

    __slots__ = (
        "_at_least",
        "_min_domains",
        "at",
        "counts",
        "exists",
        "gathered",
        "imagined",
        "limit",
        "lowest",
        "mask",
        "memo",
        "skewed",
        "stale",
        "verdict",
    )

    def __init__(
        self,
        pod: pods.Incoming,
        cluster: table.Table,
        constraint: constraints.Constraint,
        mask: np.ndarray,
        skewed: int,
    ) -> None:
        selector = constraint.selector
        self.memo = constraints.counted(cluster, pod.namespace, selector)
        self.imagined = constraints.moved(cluster, pod.namespace, selector)
        self.limit = constraint.max_skew - selectors.matches(selector, pod.labels)
        """A domain may hold this many more than the emptiest one before the pod comes."""
        self.mask = mask
        self.skewed = skewed
        self.at, absent = constraints.positions(cluster, constraint.key)
        rows = constraints.rows_of(cluster, self.memo)
        self.counts = np.bincount(self.at[rows[mask[rows]]], minlength=absent + 1).astype(np.int64)
        self.exists = np.zeros(absent + 1, bool)
        self.exists[self.at[mask]] = True
        self._min_domains = constraint.min_domains
        self._count_lowest()
        self._judge()

    def _count_lowest(self) -> None:
        held = self.counts[self.exists]
        self.lowest = int(held.min()) if len(held) else NO_MINIMUM
        self._at_least = int((held == self.lowest).sum())
        """How many domains hold the lowest count."""
        if len(held) < self._min_domains:
            self.lowest = 0
            self._at_least = -1  # stays 0 whatever the counts

    def _judge(self) -> None:
        self.verdict = (self.counts > self.limit + self.lowest) * np.int16(self.skewed)
        self.verdict[-1] = self.skewed + 1
        self.gathered = self.verdict.take(self.at)
        self.stale = False

    def fresh(self) -> np.ndarray:
        """int16[size]: the verdict of each row."""
        if self.stale:
            self._judge()
        return self.gathered

    def add(self, row: int, delta: int) -> None:
        """One matching pod more (1) or less (-1) on a row."""
        if row >= len(self.mask) or not self.mask.item(row):
            return
        code = self.at.item(row)
        old = self.counts.item(code)
        new = old + delta
        self.counts[code] = new
        lowest = self.lowest
        if self._at_least >= 0 and (old == lowest or new <= lowest):
            self._move_lowest(old, new)
        if self.lowest != lowest or (new > self.limit + lowest) != (old > self.limit + lowest):
            self.stale = True

    def _move_lowest(self, old: int, new: int) -> None:
        if new < self.lowest:
            self.lowest, self._at_least = new, 1
        elif new == self.lowest:
            self._at_least += 1
        else:
            self._at_least -= 1
            if not self._at_least:
                self._count_lowest()

    def add_many(self, rows: np.ndarray, deltas: np.ndarray) -> None:
        """Many pods at once."""
        known = rows < len(self.mask)
        rows, deltas = rows[known], deltas[known]
        kept = self.mask[rows]
        np.add.at(self.counts, self.at[rows[kept]], deltas[kept])
        self._count_lowest()
        self.stale = True

    def imagine(self, change: overlay.Overlay, groups: int) -> np.ndarray:
        """int16[k]: the verdicts of the overlay's rows, each with only its own pods changed."""
        memo = self.imagined
        taken = change.derived(memo, lambda: memo.values(groups)[change.groups])
        rows = change.rows
        inside = self.mask[rows]
        codes = self.at[rows]
        before = self.counts[codes]
        counts = before + np.where(inside, change.sum(taken), 0)
        lowest: np.ndarray | int = self.lowest
        if self._at_least >= 0:
            held = self.counts[self.exists]
            second = int(np.partition(held, 1)[1]) if len(held) > 1 else NO_MINIMUM
            others = np.where(before == self.lowest, second, self.lowest)
            lowest = np.where(inside, np.minimum(counts, others), self.lowest)
        verdict: np.ndarray = (counts > self.limit + lowest) * np.int16(self.skewed)
        verdict[codes == len(self.counts) - 1] = self.skewed + 1
        return verdict


class State:
    """All hard constraints of a pod. The first has the highest codes, so the first failure is the maximum."""

    __slots__ = ("_domains", "_verdicts")

    def __init__(
        self, pod: pods.Incoming, cluster: table.Table, wanted: tuple[constraints.Constraint, ...]
    ) -> None:
        masks = constraints.eligible(pod, cluster, wanted, all_keys=True)
        self._domains = [
            Domains(pod, cluster, constraint, mask, 2 * (len(wanted) - i) - 1)
            for i, (constraint, mask) in enumerate(zip(wanted, masks, strict=True))
        ]
        self._verdicts = self._combined()

    def _combined(self) -> np.ndarray:
        first, *rest = self._domains
        verdicts = first.fresh()
        for domains in rest:
            verdicts = np.maximum(verdicts, domains.fresh())
        return verdicts

    def verdicts(self, cluster: table.Table, rows: interface.Rows) -> np.ndarray:
        """int16[rows]; rows that came after the state was built have no node.

        Asked about all rows, it is the same array object as last time where no verdict changed.
        """
        if any(domains.stale for domains in self._domains):
            self._verdicts = self._combined()
        if cluster.size > len(self._verdicts):
            more = np.zeros(cluster.size - len(self._verdicts), np.int16)
            return np.concatenate([self._verdicts, more])[rows]
        return self._verdicts if isinstance(rows, slice) else self._verdicts[rows]

    def imagined(self, cluster: table.Table, change: overlay.Overlay) -> np.ndarray:
        """int16[k]: the verdicts of the overlay's rows."""
        groups = len(cluster.groups)
        first, *rest = (domains.imagine(change, groups) for domains in self._domains)
        for verdict in rest:
            first = np.maximum(first, verdict)
        return first

    def advance(self, cluster: table.Table, tail: log.Tail) -> bool:
        """Counts the pods that came and went."""
        if len(tail) <= FEW:
            for i in range(len(tail)):
                delta = tail.deltas.item(i)
                if delta:
                    group, row = tail.groups.item(i), tail.rows.item(i)
                    for domains in self._domains:
                        if domains.memo[group]:
                            domains.add(row, delta)
            return True
        rows, groups, deltas = pods_of(tail)
        for domains in self._domains:
            taken = domains.memo.values(len(cluster.groups))[groups]
            kept = np.flatnonzero(taken)
            domains.add_many(rows[kept], deltas[kept])
        return True


def pods_of(tail: log.Tail) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, groups and deltas of the entries of a tail that are about pods."""
    about = np.flatnonzero(tail.deltas)
    return tail.rows[about], tail.groups[about], tail.deltas[about]
