"""What nodes say of themselves, as columns: interned ids a row, value codes for the label keys in use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import numpy as np

from stowage.cluster import intern

K = TypeVar("K", bound=Hashable)

HOSTNAME = "kubernetes.io/hostname"
"""Kept out of the interned label sets, because its value is another one on every node."""

TRUTHS = 4096
"""Predicates kept a label key; they are cheap to make again."""


def grown(column: np.ndarray, capacity: int, fill: int = 0) -> np.ndarray:
    """``column`` with its last axis extended to ``capacity``, new cells holding ``fill``."""
    shape = (*column.shape[:-1], capacity)
    out = np.full(shape, fill, column.dtype)
    out[..., : column.shape[-1]] = column
    return out


class Codes:
    """The values of one label key, by row: ``column[row]`` indexes ``values``, -1 where the key is absent."""

    __slots__ = ("_positions", "_truths", "by_value", "column", "values")

    def __init__(self, capacity: int) -> None:
        self.column = np.full(capacity, -1, np.int32)
        self.values: list[str] = []
        self.by_value: dict[str, int] = {}
        self._truths: dict[Hashable, np.ndarray] = {}
        self._positions: np.ndarray | None = None

    def code(self, value: str | None) -> int:
        """The code of ``value``, a new one where it was not seen before; -1 for None."""
        if value is None:
            return -1
        found = self.by_value.get(value)
        if found is None:
            found = self.by_value[value] = len(self.values)
            self.values.append(value)
        return found

    def set(self, row: int, value: str | None) -> None:
        """Stores the value of a row."""
        self.column[row] = self.code(value)
        self._positions = None

    def positions(self, size: int) -> np.ndarray:
        """intp[size], not to be written to: the codes, with ``len(values)`` for an absent key.

        An index into arrays that have a cell for each value and, last, one for its absence.
        """
        known = self._positions
        if known is None or len(known) != size:
            known = self.column[:size].astype(np.intp)
            known[known < 0] = len(self.values)
            known.flags.writeable = False
            self._positions = known
        return known

    def truth(self, key: Hashable, predicate: Callable[[str | None], bool]) -> np.ndarray:
        """bool[values + 1], the predicate of each value and, last, of an absent one; memoised by ``key``."""
        known = self._truths.get(key)
        count = len(self.values)
        if known is None or len(known) != count + 1:
            start = 0 if known is None else len(known) - 1
            old = [] if known is None else known[:-1].tolist()
            new = [predicate(value) for value in self.values[start:]]
            known = np.array([*old, *new, predicate(None)], bool)
            if len(self._truths) >= TRUTHS:
                self._truths.clear()
            self._truths[key] = known
        return known


class Labels:
    """The label sets of the nodes, and a column of codes for every key that somebody asked about."""

    __slots__ = ("_codes", "_hostnames", "_set_codes", "ids", "sets")

    def __init__(self) -> None:
        self.sets: intern.Interner[tuple[tuple[str, str], ...]] = intern.Interner()
        self.ids = np.full(16, -1, np.int32)
        self._hostnames: list[str | None] = []
        self._codes: dict[str, Codes] = {}
        self._set_codes: dict[str, list[int]] = {}

    def resize(self, capacity: int) -> None:
        """Room for ``capacity`` rows."""
        self.ids = grown(self.ids, capacity, -1)
        for codes in self._codes.values():
            codes.column = grown(codes.column, capacity, -1)

    def set(self, row: int, labels: dict[str, str], name: str) -> bool:
        """Stores a node's labels; returns whether they differ from what the row had."""
        hostname = labels.get(HOSTNAME)
        if hostname == name:
            hostname = name  # share the string
        rest = tuple(sorted(item for item in labels.items() if item[0] != HOSTNAME))
        set_id = self.sets.id(rest)
        while len(self._hostnames) <= row:
            self._hostnames.append(None)
        if self.ids.item(row) == set_id and self._hostnames[row] == hostname:
            return False
        self.ids[row] = set_id
        self._hostnames[row] = hostname
        for key, codes in self._codes.items():
            codes.set(row, hostname if key == HOSTNAME else labels.get(key))
        return True

    def clear(self, row: int) -> None:
        """Forgets the labels of a row whose node is gone."""
        self.ids[row] = -1
        if row < len(self._hostnames):
            self._hostnames[row] = None
        for codes in self._codes.values():
            codes.set(row, None)

    def get(self, row: int) -> dict[str, str]:
        """The labels of a row's node."""
        set_id = self.ids.item(row)
        labels = dict(self.sets[set_id]) if set_id >= 0 else {}
        hostname = self._hostnames[row] if row < len(self._hostnames) else None
        if hostname is not None:
            labels[HOSTNAME] = hostname
        return labels

    def codes(self, key: str) -> Codes:
        """The value codes of ``key``; the first call builds the column."""
        found = self._codes.get(key)
        if found is None:
            found = self._codes[key] = self._build(key)
        return found

    def _build(self, key: str) -> Codes:
        codes = Codes(len(self.ids))
        if key == HOSTNAME:
            column = [codes.code(value) for value in self._hostnames]
            codes.column[: len(column)] = column
            return codes
        by_set = np.array([codes.code(dict(labels).get(key)) for labels in self.sets] + [-1], np.int32)
        codes.column[:] = by_set[self.ids]
        return codes


class Sets(Generic[K]):
    """One tuple a node (its taints, the features it declares): an interned id a row, 0 the empty one's."""

    __slots__ = ("ids", "sets")

    def __init__(self) -> None:
        self.sets: intern.Interner[tuple[K, ...]] = intern.Interner()
        self.sets.id(())
        self.ids = np.zeros(16, np.int32)

    def resize(self, capacity: int) -> None:
        """Room for ``capacity`` rows."""
        self.ids = grown(self.ids, capacity)

    def set(self, row: int, values: tuple[K, ...]) -> bool:
        """Stores a node's values, in their order; returns whether they differ from what the row had."""
        set_id = self.sets.id(values)
        changed = self.ids.item(row) != set_id
        self.ids[row] = set_id
        return changed


class Images:
    """Which rows have which image, and its size as that row's node reports it."""

    __slots__ = ("_by_row", "rows")

    def __init__(self) -> None:
        self._by_row: dict[int, tuple[str, ...]] = {}
        self.rows: dict[str, dict[int, int]] = {}
        """image name -> {row: bytes as that node reports it}"""

    def set(self, row: int, images: tuple[tuple[str, int], ...]) -> bool:
        """Stores a node's (image name, bytes) pairs; returns whether they differ from what the row had.

        Their order, which changes all the time, does not count: of a name given twice, the first does.
        """
        sizes = dict(reversed(images))
        old = self._by_row.get(row, ())
        if sizes.keys() == set(old) and all(self.rows[name][row] == sizes[name] for name in old):
            return False
        for name in old:
            holders = self.rows[name]
            del holders[row]
            if not holders:
                del self.rows[name]
        for name, size in sizes.items():
            self.rows.setdefault(name, {})[row] = size
        self._by_row[row] = tuple(map(sys.intern, sizes))
        if not sizes:
            del self._by_row[row]
        return True
