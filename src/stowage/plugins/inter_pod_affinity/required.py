"""The filter's half: required affinity and anti-affinity, the pod's own and that of pods already placed.

Codes are such that the first failure of kube-scheduler's order is the highest.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from stowage.cluster import intern, pods, shapes, table
from stowage.framework import interface, overlay
from stowage.plugins.inter_pod_affinity import tally

EXISTING, ANTI_AFFINITY, AFFINITY = 1, 2, 3
"""A placed pod's anti-affinity, the pod's own, the pod's affinity: not satisfied."""

MOST_TURNED = 64
"""Changes of verdicts that are remembered for `State.turned`."""

NOTHING = np.zeros(0, np.intp)

Kinds = dict[int, tally.Tally]
"""Code -> what is counted for it, of one topology key."""


class State(tally.Ledger):
    """Pods counted by topology key, and the verdicts that follow."""

    __slots__ = (
        "_by_key",
        "_concern",
        "_escaping",
        "_gathered",
        "_is_first",
        "_owns",
        "_turned",
        "_verdicts",
    )

    def __init__(self, pod: pods.Incoming, cluster: table.Table) -> None:
        super().__init__(cluster)
        self._concern = tally.Concern(pod, cluster)
        self._by_key: dict[str, Kinds] = {}
        self._gathered: dict[str, np.ndarray] = {}
        self._verdicts = np.zeros(self.size, np.int8)
        shape = pod.shape
        self._owns = bool(shape.required_affinity or shape.required_anti_affinity)
        self._own(cluster, shape)
        self._is_first = bool(shape.required_affinity) and all(
            tally.means(self._concern.own(term), pod.group) for term in shape.required_affinity
        )
        """The pod matches its own affinity, so it may be the first of its kind."""
        self._escaping = False
        self._turned: list[np.ndarray] | None = None
        """Rows whose verdicts changed since `turned` was asked; None: many."""
        self.count(cluster, pod.labels)

    def _own(self, cluster: table.Table, shape: shapes.Shape) -> None:
        near = tuple(map(self._concern.own, shape.required_affinity))
        apart = tuple(map(self._concern.own, shape.required_anti_affinity))
        if near:
            memo = cluster.groups.memo(
                ("inter-pod all", near),
                lambda group: all(tally.means(term, group) for term in near),
                (near[0].selector,),
            )
            for key in {term.topology_key for term in near}:
                self.by_group.append((self._tally(cluster, key, AFFINITY), memo))
        for key in {term.topology_key for term in apart}:
            of_key = tuple(term for term in apart if term.topology_key == key)
            memo = tally.weights(cluster, [(term, 1) for term in of_key])
            self.by_group.append((self._tally(cluster, key, ANTI_AFFINITY), memo))

    def _tally(self, cluster: table.Table, key: str, kind: int) -> tally.Tally:
        kinds = self._by_key.setdefault(key, {})
        found = kinds.get(kind)
        if found is None:
            found = kinds[kind] = tally.Tally(cluster, key, self.size)
        return found

    def weigh(self, cluster: table.Table, shape: shapes.Shape) -> tally.Amounts:
        """One for each required anti-affinity term that means the pod."""
        return tuple(
            (self._tally(cluster, term.topology_key, EXISTING), 1)
            for term in shape.required_anti_affinity
            if self._concern.means_pod(term)
        )

    @property
    def idle(self) -> bool:
        """Whether kube-scheduler's PreFilter would answer Skip now."""
        if self._owns:
            return False
        return not any(kinds[EXISTING].total for kinds in self._by_key.values())

    def _escapes(self) -> bool:
        """No pod matches anywhere and this one would be the first (satisfyPodAffinity)."""
        return self._is_first and not any(
            kinds[AFFINITY].total for kinds in self._by_key.values() if AFFINITY in kinds
        )

    def verdicts(self, cluster: table.Table, rows: interface.Rows) -> np.ndarray:
        """int8[rows]; rows that came after the state was built have no node.

        Asked about all rows, it is the same array object as last time where no verdict changed.
        """
        escaping = self._escapes()
        turned = escaping != self._escaping
        self._escaping = escaping
        changed = False
        for key, kinds in self._by_key.items():
            codes: list[int] | None = None if turned and AFFINITY in kinds else []
            for each in kinds.values():
                codes = None if codes is None or each.turned is None else codes + each.turned
            if codes is None:
                self._gathered[key] = _judged(kinds, escaping)
                self._turned = None
                changed = True
            elif codes:
                self._judge_again(key, kinds, codes)
                changed = True
        if changed:
            first, *rest = self._gathered.values()
            for gathered in rest:
                first = np.maximum(first, gathered)
            self._verdicts = first
        if cluster.size > self.size:
            return np.concatenate([self._verdicts, np.zeros(cluster.size - self.size, np.int8)])[rows]
        return self._verdicts if isinstance(rows, slice) else self._verdicts[rows]

    def _judge_again(self, key: str, kinds: Kinds, codes: list[int]) -> None:
        """Brings the verdicts of the few domains up to date whose counts turned."""
        gathered = self._gathered[key] = self._gathered[key].copy()
        one, *_ = kinds.values()
        for code in set(codes):
            rows, verdict = one.rows_of(code), 0
            for kind, each in kinds.items():
                held = each.counts.item(code) > 0
                failed = not (held or self._escaping) if kind == AFFINITY else held
                verdict = max(verdict, kind * failed)
            gathered[rows] = verdict
            if self._turned is not None:
                self._turned.append(rows)
        for each in kinds.values():
            each.turned = []
        if self._turned is not None and len(self._turned) > MOST_TURNED:
            self._turned = None

    def turned(self, cluster: table.Table) -> np.ndarray | None:
        """int[n]: the rows whose verdicts may have changed since this was asked last; None: any may."""
        self.verdicts(cluster, slice(None))
        found, self._turned = self._turned, []
        if found is None:
            return None
        return found[0] if len(found) == 1 else np.concatenate([*found, NOTHING])

    def imagined(self, cluster: table.Table, change: overlay.Overlay) -> np.ndarray:
        """int8[k]: the verdicts of the overlay's rows, each with only its own pods changed."""
        by_tally = self._changes(cluster, change)
        rows = change.rows
        none = np.zeros(len(rows), np.int64)
        wanted: np.ndarray = none
        for kinds in self._by_key.values():
            if AFFINITY in kinds:
                present = kinds[AFFINITY].at[rows] < len(kinds[AFFINITY].counts) - 1
                delta = by_tally.get(kinds[AFFINITY], none)
                wanted = wanted + kinds[AFFINITY].total + np.where(present, delta, 0)
        escaping = (wanted == 0) & self._is_first
        verdicts = np.zeros(len(rows), np.int8)
        for kinds in self._by_key.values():
            for kind, each in kinds.items():
                codes = each.at[rows]
                present = codes < len(each.counts) - 1
                held = each.counts[codes] + by_tally.get(each, none) > 0
                failed = ~present | ~(held | escaping) if kind == AFFINITY else present & held
                np.maximum(verdicts, failed * np.int8(kind), out=verdicts)
        return verdicts

    def _changes(self, cluster: table.Table, change: overlay.Overlay) -> dict[tally.Tally, np.ndarray]:
        """Tally -> int64[k], what the overlay's pods add to the domain of their row."""
        sums: dict[tally.Tally, np.ndarray] = {}
        for each, memo in self.by_group:
            sums[each] = change.sum(
                change.derived((memo, "by group"), partial(_of_groups, cluster, memo, change))
            )
        for each, amounts in self._concerned(cluster, change).items():
            sums[each] = change.sum(change.derived((each, "by shape"), partial(_of_shapes, amounts, change)))
        return sums

    def _concerned(self, cluster: table.Table, change: overlay.Overlay) -> dict[tally.Tally, dict[int, int]]:
        """Tally -> {shape of an imagined pod: what it adds}."""
        out: dict[tally.Tally, dict[int, int]] = {}
        distinct = change.derived("distinct shapes", lambda: np.unique(change.shapes))
        for shape in distinct.tolist():
            for each, amount in self.amounts(cluster, shape):
                of_shape = out.setdefault(each, {})
                of_shape[shape] = of_shape.get(shape, 0) + amount
        return out


def _of_groups(cluster: table.Table, memo: intern.Memo, change: overlay.Overlay) -> np.ndarray:
    values: np.ndarray = memo.values(len(cluster.groups))[change.groups]
    return values


def _of_shapes(amounts: dict[int, int], change: overlay.Overlay) -> np.ndarray:
    return np.array([amounts.get(shape, 0) for shape in change.shapes.tolist()], np.int64)


def _judged(kinds: Kinds, escaping: bool) -> np.ndarray:
    """int8[size]: the highest failure that one topology key gives each row."""
    verdict: np.ndarray | None = None
    for kind, each in kinds.items():
        held = each.counts > 0
        if kind == AFFINITY:
            failed = np.zeros(len(held), bool) if escaping else ~held
            failed[-1] = True  # a row without the key
        else:
            failed = held
        codes = failed * np.int8(kind)
        verdict = codes if verdict is None else np.maximum(verdict, codes)
        each.turned = []
    assert verdict is not None
    gathered: np.ndarray = verdict.take(each.at)
    return gathered
