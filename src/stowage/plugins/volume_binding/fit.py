"""Which rows a pod's claims fit, and which volume each claim takes there."""

from __future__ import annotations

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
        mask = np.zeros(self.cluster.size, bool)
        for name, csi_node in self.cluster.storage.csi_nodes.items():
            row = self.cluster.row_of.get(name)
            if row is not None and plugin in csi_migration.migrated_on(csi_node):
                mask[row] = True
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
        for candidate in waiting.free:
            if not left.any():
                break
            number, usable = self._untaken(candidate, left & self._reachable(candidate.reach))
            taken[usable] = number
            left &= ~usable
        return taken

    def _untaken(self, candidate: ask.Candidate, rows: np.ndarray) -> tuple[int, np.ndarray]:
        """The volume's number, and those of ``rows`` where no earlier claim of the pod takes it."""
        name = candidate.volume.metadata.name
        number = self._number.get(name)
        if number is None:
            number = self._number[name] = len(self.volumes)
            self.volumes.append(candidate.volume)
        elif self.taken:
            rows = rows & np.all([earlier != number for earlier in self.taken], axis=0)
        return number, rows

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
