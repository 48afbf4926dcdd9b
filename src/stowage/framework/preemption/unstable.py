"""The order in which Go's `sort.Slice` leaves pods that are equally important.

kube-scheduler sorts potential victims with a sort that is not stable, so among equal pods chance
decides who is tried first; the same chance every time, which makes it part of the answer. Up to a
dozen pods it is an insertion sort. Beyond, it is a pattern-defeating quicksort (Go's sort package,
`pdqsort_func`); this follows its every comparison.
"""

from __future__ import annotations

import functools

import numpy as np

INSERTION = 12
"""Longest run that is sorted by insertion."""
NINTHER = 50
"""Shortest run whose pivot is a median of medians, and in which an almost sorted run is mended."""
MENDS = 5
"""So many pairs out of order are mended before a run counts as unsorted."""
DESCENDING = 12
"""Pairs out of order, of those looked at for a median of medians, that make a run a descending one."""
_WORD = (1 << 64) - 1


@functools.lru_cache(maxsize=1 << 14)
def order(keys: bytes) -> np.ndarray:
    """intp[n]: where the sort takes each place from. ``keys``: int32[n], smaller is more important.

    An odd key is of a pod that has not started: of two with the same one, whichever is asked about
    first counts as the more important, since its start is the time of the question.
    """
    sorter = _Sorter(np.frombuffer(keys, np.int32).tolist())
    sorter.sort(0, len(sorter.keys), len(sorter.keys).bit_length())
    return np.array(sorter.places, np.intp)


class _Sorter:
    """Keys and where they came from, moved together."""

    __slots__ = ("keys", "places")

    def __init__(self, keys: list[int]) -> None:
        self.keys = keys
        self.places = list(range(len(keys)))

    def less(self, i: int, j: int) -> bool:
        one, two = self.keys[i], self.keys[j]
        return one < two or (one == two and one & 1 == 1)

    def swap(self, i: int, j: int) -> None:
        keys, places = self.keys, self.places
        keys[i], keys[j] = keys[j], keys[i]
        places[i], places[j] = places[j], places[i]

    def sort(self, start: int, end: int, patience: int) -> None:
        """Sorts [start, end); after ``patience`` bad pivots by a heap."""
        balanced = partitioned = True
        while (length := end - start) > INSERTION:
            if patience == 0:
                self.heap(start, end)
                return
            if not balanced:
                self.scatter(start, length)
                patience -= 1
            pivot, swaps = self.pivot(start, length)
            ascending = swaps == 0
            if swaps == DESCENDING:
                self.reverse(start, end)
                pivot = end - 1 - (pivot - start)
                ascending = True
            if balanced and partitioned and ascending and self.mend(start, end):
                return
            if start > 0 and not self.less(start - 1, pivot):
                start = self.split_equal(start, end, pivot)
                continue
            middle, partitioned = self.split(start, end, pivot)
            left, right = middle - start, end - middle
            balanced = min(left, right) >= length // 8
            if left < right:
                self.sort(start, middle, patience)
                start = middle + 1
            else:
                self.sort(middle + 1, end, patience)
                end = middle
        self.insert(start, end)

    def insert(self, start: int, end: int) -> None:
        for i in range(start + 1, end):
            while i > start and self.less(i, i - 1):
                self.swap(i, i - 1)
                i -= 1

    def heap(self, start: int, end: int) -> None:
        size = end - start
        for root in range((size - 1) // 2, -1, -1):
            self.sift(root, size, start)
        for last in range(size - 1, -1, -1):
            self.swap(start, start + last)
            self.sift(0, last, start)

    def sift(self, root: int, size: int, start: int) -> None:
        while (child := 2 * root + 1) < size:
            if child + 1 < size and self.less(start + child, start + child + 1):
                child += 1
            if not self.less(start + root, start + child):
                return
            self.swap(start + root, start + child)
            root = child

    def reverse(self, start: int, end: int) -> None:
        self.keys[start:end] = self.keys[start:end][::-1]
        self.places[start:end] = self.places[start:end][::-1]

    def scatter(self, start: int, length: int) -> None:
        """Moves three elements about, by an xorshift that starts from the length."""
        mask = (1 << length.bit_length()) - 1
        random = length
        middle = start + length // 4 * 2
        for i in range(middle - 1, middle + 2):
            random ^= random << 13 & _WORD
            random ^= random >> 7
            random ^= random << 17 & _WORD
            other = random & mask
            self.swap(i, start + (other - length if other >= length else other))

    def pivot(self, start: int, length: int) -> tuple[int, int]:
        """The pivot's index, and how many of the pairs looked at were out of order."""
        quarter = length // 4
        chosen = [start + quarter, start + quarter * 2, start + quarter * 3]
        swaps = 0
        if length >= NINTHER:
            for k, i in enumerate(chosen):
                chosen[k], more = self.median(i - 1, i, i + 1)
                swaps += more
        found, more = self.median(*chosen)
        return found, swaps + more

    def median(self, a: int, b: int, c: int) -> tuple[int, int]:
        swaps = 0
        if self.less(b, a):
            a, b, swaps = b, a, swaps + 1
        if self.less(c, b):
            b, c, swaps = c, b, swaps + 1
        if self.less(b, a):
            a, b, swaps = b, a, swaps + 1
        return b, swaps

    def mend(self, start: int, end: int) -> bool:
        """Puts a few neighbours right; whether all is sorted then."""
        i = start + 1
        for _ in range(MENDS):
            while i < end and not self.less(i, i - 1):
                i += 1
            if i == end:
                return True
            if end - start < NINTHER:
                return False
            self.swap(i, i - 1)
            if i - start >= 2:
                for j in range(i - 1, 0, -1):
                    if not self.less(j, j - 1):
                        break
                    self.swap(j, j - 1)
            if end - i >= 2:
                for j in range(i + 1, end):
                    if not self.less(j, j - 1):
                        break
                    self.swap(j, j - 1)
        return False

    def split(self, start: int, end: int, pivot: int) -> tuple[int, bool]:
        """Smaller ones to the left of the pivot; its new index, and whether nothing had to move."""
        self.swap(start, pivot)
        i, j = self.gap(start, start + 1, end - 1)
        settled = i > j
        while i <= j:
            self.swap(i, j)
            i, j = self.gap(start, i + 1, j - 1)
        self.swap(j, start)
        return j, settled

    def gap(self, pivot: int, i: int, j: int) -> tuple[int, int]:
        while i <= j and self.less(i, pivot):
            i += 1
        while i <= j and not self.less(j, pivot):
            j -= 1
        return i, j

    def split_equal(self, start: int, end: int, pivot: int) -> int:
        """Those equal to the pivot to the left, where none is smaller; the index of the first larger."""
        self.swap(start, pivot)
        i, j = start + 1, end - 1
        while True:
            while i <= j and not self.less(start, i):
                i += 1
            while i <= j and self.less(start, j):
                j -= 1
            if i > j:
                return i
            self.swap(i, j)
            i, j = i + 1, j - 1
