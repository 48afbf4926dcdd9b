"""Interning: equal values share one small integer, so columns hold numbers and rules run once a value."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

import numpy as np

K = TypeVar("K", bound=Hashable)


class Interner(Generic[K]):
    """Values by id, ids by value. Ids count up from 0 and are never reused."""

    __slots__ = ("_ids", "values")

    def __init__(self) -> None:
        self._ids: dict[K, int] = {}
        self.values: list[K] = []

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[K]:
        return iter(self.values)

    def __getitem__(self, index: int) -> K:
        return self.values[index]

    def id(self, value: K) -> int:
        """The id of ``value``, a new one where it was not seen before."""
        found = self._ids.get(value)
        if found is None:
            found = self._ids[value] = len(self.values)
            self.values.append(value)
        return found

    def get(self, value: K) -> int | None:
        """The id of ``value``, or None where it was never interned."""
        return self._ids.get(value)


FEW = 64
"""Up to so many elements, a Python set is quicker than NumPy's sorting."""


def distinct(values: np.ndarray) -> np.ndarray:
    """int[n]: the distinct elements of an int array, ascending; `np.unique`, but quicker on few."""
    if len(values) <= FEW:
        return np.array(sorted(set(values.tolist())), values.dtype)
    ordered = np.sort(values)
    first = np.empty(len(ordered), bool)
    first[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


class Memo:
    """A function of an interned id as an array that grows with the interner.

    ``values(n)`` is int64[n]: the function of ids 0..n-1, each evaluated once.
    """

    __slots__ = ("_array", "_function", "_known")

    def __init__(self, function: Callable[[int], int]) -> None:
        self._function = function
        self._array = np.zeros(16, np.int64)
        self._known = 0

    def values(self, size: int) -> np.ndarray:
        """int64[size], one value an id."""
        if self._known < size:
            if len(self._array) < size:
                grown = np.zeros(max(size, 2 * len(self._array)), np.int64)
                grown[: self._known] = self._array[: self._known]
                self._array = grown
            for index in range(self._known, size):
                self._array[index] = self._function(index)
            self._known = size
        return self._array[:size]

    def seed(self, size: int, candidates: Iterable[int]) -> None:
        """Of a memo not yet used: says that of ids below ``size`` only ``candidates`` can be other than 0."""
        self._array = np.zeros(max(size, 16), np.int64)
        for index in candidates:
            self._array[index] = self._function(index)
        self._known = size

    def __getitem__(self, index: int) -> int:
        if index >= self._known:
            self.values(index + 1)
        return int(self._array.item(index))
