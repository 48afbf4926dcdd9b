"""What is worked out for all pods at once: limits by row, volumes by shape, attachments by row.

A volume is an interned number; that a volume is on a row is one int64, ``row << SHIFT | volume``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from stowage.api import objects
from stowage.cluster import intern, table
from stowage.plugins.node_volume_limits import handles

SHIFT = 32
VOLUME = (1 << SHIFT) - 1
NO_DRIVER = 0

LIMITS = ("volume limits", "csi_nodes", "nodes")
INDEX = ("volumes of pods", "claims", "volumes", "classes", "attachments", "nodes")


def limits_of(cluster: table.Table) -> Limits:
    """The limits, kept while CSINodes and nodes stay as they are."""
    known: Limits | None = cluster.storage.derived.get(LIMITS)
    if known is None or known.size != cluster.size:
        known = cluster.storage.derived[LIMITS] = Limits(cluster)
    return known


def index_of(cluster: table.Table) -> Index:
    """The index, kept while what it is made from stays as it is."""
    known: Index | None = cluster.storage.derived.get(INDEX)
    if known is None:
        known = cluster.storage.derived[INDEX] = Index(cluster)
    return known


class Limits:
    """What the CSINodes say, by row."""

    def __init__(self, cluster: table.Table) -> None:
        size = self.size = cluster.size
        self.has_csi_node = np.zeros(size, bool)
        self.limited = np.zeros(size, bool)
        """bool[size]: some driver has a limit there"""
        self.by_driver: dict[str, np.ndarray] = {}
        """driver -> int64[size]: the most volumes of it, -1 without limit"""
        for name, csi_node in cluster.storage.csi_nodes.items():
            row = cluster.row_of.get(name)
            if row is not None:
                self._add(row, csi_node)

    def _add(self, row: int, csi_node: objects.CSINode) -> None:
        self.has_csi_node[row] = True
        for driver in csi_node.spec.drivers:
            if driver.allocatable is not None and driver.allocatable.count is not None:
                limit = self.by_driver.get(driver.name)
                if limit is None:
                    limit = self.by_driver[driver.name] = np.full(self.size, -1, np.int64)
                limit[row] = driver.allocatable.count
                self.limited[row] = True


class Index:
    """The volumes that pods bring, by shape, and those that VolumeAttachments say are there, by row."""

    def __init__(self, cluster: table.Table) -> None:
        storage, known = cluster.storage, cluster.shapes
        self.handles: intern.Interner[str] = intern.Interner()
        self.drivers: intern.Interner[str] = intern.Interner()
        self.drivers.id("")
        self._drivers: list[int] = []
        self.driver_of = intern.Memo(self._drivers.__getitem__)
        """volume -> driver"""
        self._brought = Ragged(lambda shape: self.number(handles.held(known[shape], storage)))
        self.attached = np.unique(np.array(list(self._attachments(cluster)), np.int64))
        """int64[k]: what VolumeAttachments say is where"""

    def _attachments(self, cluster: table.Table) -> Iterable[int]:
        for attachment in cluster.storage.attachments.values():
            spec = attachment.spec
            row = cluster.row_of.get(spec.node_name)
            volume = cluster.storage.volumes.get(spec.source.persistent_volume_name or "")
            if row is not None and spec.attacher and volume is not None and volume.spec.csi is not None:
                name = f"{spec.attacher}/{volume.spec.csi.volume_handle}"
                yield row << SHIFT | self.number([(name, spec.attacher)])[0]

    def number(self, pairs: Iterable[handles.Handle]) -> list[int]:
        """The numbers of volumes; new ones for new volumes."""
        numbers = []
        for name, driver in pairs:
            number = self.handles.id(name)
            if number == len(self._drivers):
                self._drivers.append(self.drivers.id(driver))
            numbers.append(number)
        return numbers

    def of_driver(self, keys: np.ndarray, driver: int) -> np.ndarray:
        """bool[k]: which keys are of a driver's volumes."""
        mask: np.ndarray = self.driver_of.values(len(self.handles))[keys & VOLUME] == driver
        return mask

    def brought(self, shape_ids: np.ndarray, cluster: table.Table) -> tuple[np.ndarray, np.ndarray]:
        """(index into ``shape_ids``, volume): what pods of these shapes bring, one entry a volume."""
        return self._brought.gather(shape_ids, len(cluster.shapes))

    def brings(self, shape: int) -> np.ndarray:
        """int64[k]: the volumes that a pod of one shape brings."""
        return self._brought[shape]


class Ragged:
    """Lists of ints by id, each made once, as arrays that grow."""

    def __init__(self, make: Callable[[int], list[int]]) -> None:
        self._make = make
        self._flat = np.zeros(16, np.int64)
        self._used = 0
        self._ends = intern.Memo(self._append)

    def _append(self, index: int) -> int:
        made = self._make(index)
        while self._used + len(made) > len(self._flat):
            self._flat = np.concatenate([self._flat, np.zeros_like(self._flat)])
        self._flat[self._used : self._used + len(made)] = made
        self._used += len(made)
        return self._used

    def __getitem__(self, index: int) -> np.ndarray:
        end = self._ends[index]
        return self._flat[self._ends[index - 1] if index else 0 : end]

    def gather(self, ids: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """(position in ``ids``, value), in order; ``size`` is above every id."""
        ends = self._ends.values(size)
        starts = np.concatenate([[0], ends[:-1]])
        return spread(starts[ids], ends[ids], self._flat)


def spread(starts: np.ndarray, ends: np.ndarray, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(i, value) for every value of ``flat[starts[i]:ends[i]]``."""
    counts = ends - starts
    positions = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    at = np.arange(len(positions)) - first[positions] + starts[positions]
    return positions, flat[at]


def local(keys: np.ndarray, values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(key, value) of the entries of ``rows``; in the keys, a row is its position in ``rows``."""
    rows = rows.astype(np.int64)
    starts, ends = np.searchsorted(keys, rows << SHIFT), np.searchsorted(keys, (rows + 1) << SHIFT)
    at, found = spread(starts, ends, keys)
    return at << SHIFT | (found & VOLUME), spread(starts, ends, values)[1]
