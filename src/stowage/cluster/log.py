"""The log of changed rows: what a plan reads to bring itself up to date.

One entry a change, in order. An entry with ``delta`` +1 or -1 says that a pod of
``shape`` and ``group`` came to or left ``row``; one with ``delta`` 0 says that the
node of that row changed, and ``shape`` then holds the mask of what did.
"""

from __future__ import annotations

import numpy as np


class Log:
    """Four int32 columns that grow at the end; ``base`` is the number of entries already dropped."""

    __slots__ = ("_used", "base", "deltas", "groups", "rows", "shapes")

    LIMIT = 1 << 20
    """Entries kept. A plan older than the oldest of them builds itself anew, which is cheaper by then."""

    def __init__(self) -> None:
        self.base = 0
        self._used = 0
        self.rows = np.zeros(1024, np.int32)
        self.shapes = np.zeros(1024, np.int32)
        self.groups = np.zeros(1024, np.int32)
        self.deltas = np.zeros(1024, np.int32)

    @property
    def sequence(self) -> int:
        """The number of entries ever written: the cursor of a reader that is up to date."""
        return self.base + self._used

    def append(self, row: int, shape: int, group: int, delta: int) -> None:
        """Writes one entry."""
        used = self._used
        if used == len(self.rows):
            self._make_room()
            used = self._used
        self.rows[used] = row
        self.shapes[used] = shape
        self.groups[used] = group
        self.deltas[used] = delta
        self._used = used + 1

    def _make_room(self) -> None:
        size = len(self.rows)
        if size >= self.LIMIT:
            keep = size // 2
            for column in (self.rows, self.shapes, self.groups, self.deltas):
                column[:keep] = column[size - keep :]
            self.base += size - keep
            self._used = keep
            return
        for name in ("rows", "shapes", "groups", "deltas"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros_like(old)]))

    def since(self, cursor: int) -> Tail | None:
        """The entries from ``cursor`` on, or None where some of them were dropped."""
        start = cursor - self.base
        if start < 0:
            return None
        end = self._used
        return Tail(
            self.rows[start:end], self.shapes[start:end], self.groups[start:end], self.deltas[start:end]
        )


class Tail:
    """Consecutive log entries, as four int32 arrays of one length."""

    __slots__ = ("deltas", "groups", "rows", "shapes")

    def __init__(self, rows: np.ndarray, shapes: np.ndarray, groups: np.ndarray, deltas: np.ndarray) -> None:
        self.rows = rows
        self.shapes = shapes
        self.groups = groups
        self.deltas = deltas

    def __len__(self) -> int:
        return len(self.rows)
