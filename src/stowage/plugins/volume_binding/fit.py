"""Which rows a pod's claims fit, and which volume each claim takes there."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from stowage.api import csi_migration, objects, selectors
from stowage.cluster import claims, table
from stowage.plugins.volume_binding import ask

NODE_CONFLICT, BIND_CONFLICT, NO_SPACE, NO_VOLUME = 1, 2, 4, 8
"""Bits of a code."""
ERROR = 16
"""A code from here on is `ERROR` + the index of its text in `errors`."""

Rows = slice | np.ndarray


def errors(asked: ask.Asked) -> list[str]:
    """What can go wrong on a node, in the order of the codes."""
    return [each.error for each in asked.bound] + [each.error for each in asked.open]


class Fit:
    """The answer for some rows; ``taken[i]``, by row, is what open claim i takes: of ``volumes``, or -1."""

    def __init__(self, asked: ask.Asked, cluster: table.Table, rows: Rows) -> None:
        self.asked = asked
        self.cluster = cluster
        self.rows = rows
        self.count = len(cluster.live[rows])
        self.volumes: list[objects.PersistentVolume] = []
        self.taken: list[np.ndarray] = []
        self._number: dict[str, int] = {}
        self._masks: dict[selectors.NodeSelector | None, np.ndarray] = {}
        self.codes = np.zeros(self.count, np.int64)
        self._bound()
        if asked.selected or asked.open:
            self._waiting()

    def _reachable(self, selector: selectors.NodeSelector | None) -> np.ndarray:
        """bool[rows], made once a selector: volumes of one zone share it."""
        mask = self._masks.get(selector)
        if mask is None:
            mask = self._masks[selector] = claims.reachable(self.cluster, selector, self.rows)
        return mask

    def _bound(self) -> None:
        """The first volume that is missing, untranslatable or out of reach decides."""
        fits = np.ones(self.count, bool)
        for index, bound in enumerate(self.asked.bound):
            if bound.missing:
                self.codes[fits] = NO_VOLUME
                return
            near = self._reachable(bound.reach)
            if bound.plugin:
                migrated = self._migrated(bound.plugin)
                if bound.error:
                    self.codes[fits & migrated] = ERROR + index
                    fits = fits & ~migrated
                else:
                    near = np.where(migrated, self._reachable(bound.migrated_reach), near)
            self.codes[fits & ~near] = NODE_CONFLICT
            fits = fits & near

    def _migrated(self, plugin: str) -> np.ndarray:
        """bool[rows]: the node says that it has migrated an in-tree plugin."""
        cluster, key = self.cluster, ("migrated " + plugin, "csi_nodes", "nodes")
        names: set[str] | None = cluster.storage.derived.get(key)
        if names is None:
            names = cluster.storage.derived[key] = {
                name
                for name, csi_node in cluster.storage.csi_nodes.items()
                if plugin in csi_migration.migrated_on(csi_node)
            }
        mask = np.zeros(cluster.size, bool)
        mask[cluster.rows(names)] = True
        return mask[self.rows]

    def _waiting(self) -> None:
        """Claims with a node go there; the others take a volume or get a new one."""
        open_rows = self.codes < ERROR
        for waiting in self.asked.selected:
            here = np.zeros(self.cluster.size, bool)
            row = self.cluster.row_of.get(waiting.selected or "")
            if row is not None:
                here[row] = True
            elsewhere = open_rows & ~here[self.rows]
            self.codes[elsewhere] |= BIND_CONFLICT
            open_rows &= ~elsewhere
        for index, waiting in enumerate(self.asked.open, len(self.asked.bound)):
            if waiting.error:
                self.codes[open_rows] = ERROR + index
                return
        for waiting in self.asked.open:
            self.taken.append(self._take(waiting, open_rows))
        for waiting in self.asked.selected:
            open_rows = self._provision(waiting, open_rows, open_rows)
        for waiting, taken in zip(self.asked.open, self.taken, strict=True):
            open_rows = self._provision(waiting, open_rows & (taken < 0), open_rows)

    def _take(self, waiting: ask.Waiting, rows: np.ndarray) -> np.ndarray:
        """int64[rows]: the number of the volume that a claim takes, -1 where there is none."""
        taken = np.full(self.count, -1, np.int64)
        left = rows.copy()
        for candidate in waiting.kept:
            number, usable = self._untaken(candidate, left)
            taken[usable & self._reachable(candidate.reach)] = number
            left &= ~usable
        for key, run in itertools.groupby(waiting.free, key=_single_key):
            if not left.any():
                break
            if key is not None:
                self._take_local(key, list(run), left, taken)
                continue
            for candidate in run:
                number, usable = self._untaken(candidate, left & self._reachable(candidate.reach))
                taken[usable] = number
                left &= ~usable
        return taken

    def _take_local(self, key: str, run: list[ask.Candidate], left: np.ndarray, taken: np.ndarray) -> None:
        """Volumes of one node (or zone) each, by one label: every row at once takes the first of its own.

        Sets ``taken`` and clears ``left`` where there is one.
        """
        codes = self.cluster.codes(key)
        homes = np.array([codes.by_value.get(_home(each), -1) for each in run], np.int64)
        numbers = np.array([self._numbered(each) for each in run], np.int64)
        order = np.argsort(homes, kind="stable")
        homes, numbers = homes[order], numbers[order]
        mine = codes.column[: self.cluster.size][self.rows].astype(np.int64)
        at, end = np.searchsorted(homes, mine), np.searchsorted(homes, mine, side="right")
        rows = np.flatnonzero(left & (mine >= 0) & (at < end))
        while len(rows):
            offered = numbers[at[rows]]
            free = np.ones(len(rows), bool)
            for earlier in self.taken:
                free &= earlier[rows] != offered
            taken[rows[free]] = offered[free]
            left[rows[free]] = False
            rows = rows[~free]
            at[rows] += 1
            rows = rows[at[rows] < end[rows]]

    def _untaken(self, candidate: ask.Candidate, rows: np.ndarray) -> tuple[int, np.ndarray]:
        """The volume's number, and those of ``rows`` where no earlier claim of the pod takes it."""
        number = self._numbered(candidate)
        for earlier in self.taken:
            rows = rows & (earlier != number)
        return number, rows

    def _numbered(self, candidate: ask.Candidate) -> int:
        """The volume's number: its index in ``volumes``."""
        number = self._number.setdefault(candidate.volume.metadata.name, len(self.volumes))
        if number == len(self.volumes):
            self.volumes.append(candidate.volume)
        return number

    def _provision(self, waiting: ask.Waiting, wanted: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Refuses the rows of ``wanted`` where no new volume can be made; those of ``rows`` that are left."""
        if not wanted.any():
            return rows
        demands = waiting.provisioning
        possible = np.full(self.count, demands.possible)
        if demands.possible and demands.topologies is not None:
            possible = self._any_labels(demands.topologies)
        self.codes[wanted & ~possible] |= BIND_CONFLICT
        rows = rows & ~(wanted & ~possible)
        if demands.capacities is not None:
            short = wanted & possible & ~self._any_labels(demands.capacities)
            self.codes[short] |= NO_SPACE
            rows = rows & ~short
        return rows

    def _any_labels(self, alternatives: Iterable[ask.Labels]) -> np.ndarray:
        mask = np.zeros(self.count, bool)
        for parts in alternatives:
            mask |= claims.labels(self.cluster, parts, self.rows)
        return mask


def _single_key(candidate: ask.Candidate) -> str | None:
    """The label by which a volume is reached, where that is one value of one label."""
    reach = candidate.reach
    if (
        reach is None
        or len(reach.terms) != 1
        or len(reach.terms[0].expressions) != 1
        or reach.terms[0].errors
    ):
        return None
    part = reach.terms[0].expressions[0]
    return part.key if part.operator == selectors.IN and len(part.values) == 1 else None


def _home(candidate: ask.Candidate) -> str:
    """The one value of that label."""
    reach = candidate.reach
    return reach.terms[0].expressions[0].values[0] if reach is not None else ""
