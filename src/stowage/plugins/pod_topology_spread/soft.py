"""The score's half: what the pods that are already in a row's domains cost it.

A row's score is a sum over the constraints of ``count x weight + maxSkew - 1``, in float64, in
their order. Counts are small, and rows share domains, so the sum is computed once for every
combination that occurs (a *cell*) and gathered.
"""

from __future__ import annotations

import math

import numpy as np

from stowage.cluster import log, nodes, pods, table
from stowage.framework import interface
from stowage.plugins.pod_topology_spread import constraints

FEW = 4
"""Log entries up to which one at a time is quicker than arrays."""

ROOM = 6
"""Counts a row may reach before the cells are laid out anew."""


class Part:
    """One constraint. ``index[row]`` says which of ``size`` values of `values` the row has.

    Over hostnames every row counts for itself, whatever the inclusion policies say; index 0 is a row
    without the key, 1 + n one with n pods. Over other keys the index is the code of the row's
    value, and last an absent key.
    """

    __slots__ = (
        "_absent",
        "_at",
        "_blank",
        "_mask",
        "_numbers",
        "counts",
        "hostname",
        "index",
        "memo",
        "size",
        "skew",
    )

    def __init__(
        self,
        pod: pods.Incoming,
        cluster: table.Table,
        constraint: constraints.Constraint,
        mask: np.ndarray,
    ) -> None:
        self.skew = float(constraint.max_skew - 1)
        self.hostname = constraint.key == nodes.HOSTNAME
        self.memo = constraints.counted(cluster, pod.namespace, constraint.selector)
        self._mask = mask
        self._at, self._absent = constraints.positions(cluster, constraint.key)
        self._blank = cluster.codes(constraint.key).by_value.get("", -1)
        """The code of an empty value, whose domain rows without the key share; -1 where none has it."""
        rows = constraints.rows_of(cluster, self.memo)
        rows = rows[rows < len(mask)]
        if self.hostname:
            counts = np.bincount(rows, minlength=len(mask)) + 1
            self.index = np.where(self._at < self._absent, counts, 0)
            self.lay_out()
        else:
            self.index = self._at
            self.size = self._absent + 1
            self.counts = np.zeros(self.size, np.int64)
            self.add_many(rows, np.ones(len(rows), np.int64))

    def lay_out(self) -> None:
        """Over hostnames: makes room for higher counts."""
        self.size = int(self.index.max(initial=0)) + 1 + ROOM
        self._numbers = np.arange(-1.0, self.size - 1)

    def add(self, row: int, delta: int) -> int:
        """One matching pod more or less on a row; returns by how much the row's index moves."""
        if self.hostname:
            if self._at.item(row) == self._absent:
                return 0
            self.index[row] += delta
            return delta
        if self._mask.item(row):
            code = self._at.item(row)
            self.counts[self._blank if code == self._absent else code] += delta
        return 0

    def add_many(self, rows: np.ndarray, deltas: np.ndarray) -> None:
        """Many pods at once."""
        if self.hostname:
            kept = self._at[rows] < self._absent
            np.add.at(self.index, rows[kept], deltas[kept])
            return
        kept = self._mask[rows]
        codes = self._at[rows[kept]]
        codes[codes == self._absent] = self._blank
        np.add.at(self.counts, codes, deltas[kept])

    def domains(self, rows: np.ndarray) -> int:
        """How many domains ``rows`` are in; an absent key is the empty value."""
        if self.hostname:
            return len(rows)
        present = np.zeros(self.size, bool)
        present[self._at[rows]] = True
        if self._blank >= 0 and present.item(self._absent):
            present[self._blank] = True
            present[self._absent] = False
        return int(np.count_nonzero(present))

    def values(self, weight: float) -> np.ndarray:
        """float64[size]: what the constraint adds, by index."""
        if self.hostname:
            numbers, absent = self._numbers, 0
        else:
            numbers, absent = self.counts, -1
        out: np.ndarray = numbers * weight + self.skew
        out[absent] = 0.0
        return out


class State:
    """All soft constraints of a pod, and what the last `score` saw, which `normalize` needs.

    ``strict``: rows that lack a key are left out; otherwise the constraints they have keys for count.
    """

    __slots__ = ("_cells", "_ignored", "_lacking", "_parts", "_rows", "_size", "_strides", "_weights")

    def __init__(
        self,
        pod: pods.Incoming,
        cluster: table.Table,
        wanted: tuple[constraints.Constraint, ...],
        strict: bool,
    ) -> None:
        self._size = cluster.size
        masks = constraints.eligible(pod, cluster, wanted, all_keys=strict)
        self._parts = [Part(pod, cluster, each, mask) for each, mask in zip(wanted, masks, strict=True)]
        self._lacking: np.ndarray | None = None
        if strict:
            lacking = np.zeros(self._size, bool)
            for key in {each.key for each in wanted}:
                lacking |= cluster.codes(key).column[: self._size] < 0
            if lacking.any():
                self._lacking = lacking
        self._rows = np.empty(0, np.intp)
        self._ignored: np.ndarray | None = None
        self._weights: list[float] = []
        self._lay_out()

    def _lay_out(self) -> None:
        """A cell is the indices of all parts as one number, the last part's the fastest."""
        stride = 1
        self._strides: list[int] = []
        for part in reversed(self._parts):
            self._strides.insert(0, stride)
            stride *= part.size
        self._cells: np.ndarray | None = None
        if len(self._parts) == 1:
            self._cells = self._parts[0].index
        elif stride <= max(self._size, 256):
            self._cells = np.zeros(self._size, np.intp)
            for part, step in zip(self._parts, self._strides, strict=True):
                self._cells += part.index * step

    def _look(self, rows: np.ndarray) -> None:
        """Which of the feasible rows count, and the weights that follow from their number."""
        if len(rows) == len(self._rows) and (rows == self._rows).all():
            return
        self._rows = rows.copy()
        self._ignored = None
        kept = rows
        if self._lacking is not None:
            ignored = self._lacking[rows]
            if ignored.any():
                self._ignored = ignored
                kept = rows[~ignored]
        self._weights = [math.log(part.domains(kept) + 2) for part in self._parts]

    def score(self, rows: np.ndarray) -> np.ndarray:
        """int64[rows], rounded half up (counts are not negative); 0 for rows left out."""
        self._look(rows)
        raw: np.ndarray
        values = [part.values(weight) for part, weight in zip(self._parts, self._weights, strict=True)]
        if self._cells is None:
            total = values[0].take(self._parts[0].index.take(rows))
            for part, value in zip(self._parts[1:], values[1:], strict=True):
                total += value.take(part.index.take(rows))
            raw = _rounded(total)
        else:
            by_cell = values[0]
            for value in values[1:]:
                by_cell = np.add.outer(by_cell, value)
            cells = self._cells if len(rows) == self._size else self._cells.take(rows)
            raw = _rounded(by_cell.ravel()).take(cells)
        if self._ignored is not None:
            raw[self._ignored] = 0
        return raw

    def normalize(self, raw: np.ndarray) -> np.ndarray:
        """int64[n]: the highest of the rows that count becomes what the lowest leaves of it, and so on."""
        kept = raw if self._ignored is None else raw[~self._ignored]
        most = max(int(kept.max(initial=0)), 0)
        if most == 0:
            out: np.ndarray = np.full(len(raw), interface.MAX_SCORE, np.int64)
        else:
            out = _scaled(raw, most, int(kept.min()))
        if self._ignored is not None:
            out[self._ignored] = 0
        return out

    def advance(self, cluster: table.Table, tail: log.Tail) -> bool:
        """Counts the pods that came and went."""
        if len(tail) > FEW:
            return self._advance_many(cluster, tail)
        for i in range(len(tail)):
            delta = tail.deltas.item(i)
            row = tail.rows.item(i)
            if delta and row < self._size:
                self._add(tail.groups.item(i), row, delta)
        return True

    def _add(self, group: int, row: int, delta: int) -> None:
        for part, stride in zip(self._parts, self._strides, strict=True):
            if part.memo[group]:
                moved = part.add(row, delta)
                if moved:
                    if part.index.item(row) >= part.size:
                        part.lay_out()
                        self._lay_out()
                    elif self._cells is not None and self._cells is not part.index:
                        self._cells[row] += moved * stride

    def _advance_many(self, cluster: table.Table, tail: log.Tail) -> bool:
        counted = np.zeros(len(tail), np.int64)
        for part in self._parts:
            counted |= part.memo.values(len(cluster.groups))[tail.groups]
        about = (counted * tail.deltas * (tail.rows < self._size)).nonzero()[0]
        rows, groups, deltas = tail.rows[about], tail.groups[about], tail.deltas[about]
        if len(about) <= FEW:
            for row, group, delta in zip(rows.tolist(), groups.tolist(), deltas.tolist(), strict=True):
                self._add(group, row, delta)
            return True
        for part in self._parts:
            kept = np.flatnonzero(part.memo.values(len(cluster.groups))[groups])
            part.add_many(rows[kept], deltas[kept])
            if part.hostname:
                part.lay_out()
        self._lay_out()
        return True


def _rounded(values: np.ndarray) -> np.ndarray:
    """int64: half away from zero, as math.Round, for values that are not negative."""
    whole = values.astype(np.int64)
    whole += values - whole >= 0.5
    return whole


def _scaled(raw: np.ndarray, most: int, least: int) -> np.ndarray:
    """int64: ``100 * (most + least - raw) / most`` by integer division; by table where that is shorter."""
    if least >= 0 and most < len(raw):
        by_score = (most + least - np.arange(most + 1)) * interface.MAX_SCORE // most
        return by_score.take(raw)
    scaled: np.ndarray = (most + least - raw) * interface.MAX_SCORE // most
    return scaled
