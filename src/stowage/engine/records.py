"""The stream of decisions in a compact, bounded form: one row of columns a decision, oldest overwritten.

A decision costs `BYTES` bytes beside the pod's namespace and name, which it shares with the pod, and
about a microsecond. The complete account of a decision is `explain`'s, made for a pod that is asked about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stowage.cluster import pods

FIELDS = (
    ("row", np.int32),
    ("incarnation", np.int32),
    ("total", np.int32),
    ("ties", np.int32),
    ("feasible", np.int32),
    ("sequence", np.int64),
)
BYTES = sum(np.dtype(kind).itemsize for _, kind in FIELDS) + 2 * 8
"""Bytes a decision: its columns, and references to the pod's namespace and name."""
KEPT = 1 << 16
"""Decisions on record."""
ERRED = -2
"""The row of an attempt that ended in an error."""
UNCOUNTED = -1
"""`feasible` where the choice was made from pages, which do not count the feasible rows."""


@dataclass(frozen=True, slots=True)
class Record:
    """One decision. ``row`` -1: the pod fitted nowhere; `ERRED`: the attempt failed.

    ``sequence`` is the log's at the decision.
    """

    number: int
    pod: str
    row: int
    incarnation: int
    total: int
    ties: int
    feasible: int
    sequence: int


class Records:
    """The last ``limit`` decisions."""

    __slots__ = ("_columns", "_names", "_namespaces", "count", "limit")

    def __init__(self, limit: int = KEPT) -> None:
        self.limit = limit
        self.count = 0
        """Decisions ever made."""
        self._columns = tuple(np.zeros(limit, kind) for _, kind in FIELDS)
        self._namespaces = [""] * limit
        self._names = [""] * limit

    def append(
        self,
        pod: pods.Incoming,
        row: int,
        incarnation: int,
        total: int,
        ties: int,
        feasible: int,
        sequence: int,
    ) -> None:
        """Writes one decision."""
        at = self.count % self.limit
        rows, incarnations, totals, tied, feasibles, sequences = self._columns
        rows[at] = row
        incarnations[at] = incarnation
        totals[at] = total
        tied[at] = ties
        feasibles[at] = feasible
        sequences[at] = sequence
        self._namespaces[at] = pod.group.namespace
        self._names[at] = pod.name
        self.count += 1

    def __len__(self) -> int:
        return min(self.count, self.limit)

    def __iter__(self) -> Iterator[Record]:
        """Oldest first."""
        for number in range(self.count - len(self), self.count):
            yield self[number]

    def __getitem__(self, number: int) -> Record:
        """The decision of that number; IndexError where it was never made or is overwritten."""
        if not self.count - len(self) <= number < self.count:
            raise IndexError(number)
        at = number % self.limit
        values = [int(column[at]) for column in self._columns]
        return Record(number, f"{self._namespaces[at]}/{self._names[at]}", *values)
