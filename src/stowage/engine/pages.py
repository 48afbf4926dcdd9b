"""Pages: the highest of many totals, kept as single ones change, and a fair draw among its holders."""

from __future__ import annotations

import math
import random

import numpy as np

from stowage.cluster import intern

INFEASIBLE = -1
"""The total of a row that cannot be chosen."""


class Pages:
    """Totals by row in pages of ``page`` rows, each with its highest total and how many rows have it.

    A change costs O(page), a draw O(pages + page), where ``page`` is near the square root of the
    number of rows, unless it is given.
    """

    __slots__ = ("_counts", "_highest", "_page", "_totals", "size")

    def __init__(self, totals: np.ndarray, page: int | None = None) -> None:
        self.size = len(totals)
        if page is None:
            page = 1 << max(6, (max(self.size, 1).bit_length() + 1) // 2)
        self._page = page
        pages = max(1, math.ceil(self.size / page))
        self._totals = np.full(pages * page, INFEASIBLE, np.int64)
        self._totals[: self.size] = totals
        by_page = self._totals.reshape(pages, page)
        self._highest = by_page.max(axis=1)
        self._counts = (by_page == self._highest[:, None]).sum(axis=1)

    def get(self, row: int) -> int:
        """The total of a row."""
        return self._totals.item(row)

    def set(self, row: int, total: int) -> None:
        """Changes the total of one row."""
        old = self._totals.item(row)
        if old == total:
            return
        self._totals[row] = total
        page = row // self._page
        highest = self._highest.item(page)
        if total > highest:
            self._highest[page] = total
            self._counts[page] = 1
        elif total == highest:
            self._counts[page] += 1
        elif old == highest:
            left = self._counts.item(page) - 1
            if left:
                self._counts[page] = left
            else:
                self._recount(page)

    def _recount(self, page: int) -> None:
        totals = self._totals[page * self._page : (page + 1) * self._page]
        highest = totals.max()
        self._highest[page] = highest
        self._counts[page] = np.count_nonzero(totals == highest)

    def set_many(self, rows: np.ndarray, totals: np.ndarray) -> None:
        """Changes the totals of distinct rows."""
        self._totals[rows] = totals
        touched = intern.distinct(rows // self._page)
        by_page = self._totals.reshape(-1, self._page)[touched]
        highest = by_page.max(axis=1)
        self._highest[touched] = highest
        self._counts[touched] = (by_page == highest[:, None]).sum(axis=1)

    def best(self) -> tuple[int, int]:
        """The highest total and how many rows have it; (INFEASIBLE, 0) where no row can be chosen."""
        total = int(self._highest.max())
        if total == INFEASIBLE:
            return INFEASIBLE, 0
        return total, int(self._counts[self._highest == total].sum())

    def draw(self, rng: random.Random) -> tuple[int, int, int]:
        """(row, total, ties): one of the rows with the highest total, each as likely; row -1 where none."""
        highest = self._highest
        total = highest.item(highest.argmax())  # a third of what max() takes
        if total == INFEASIBLE:
            return -1, INFEASIBLE, 0
        pages = (highest == total).nonzero()[0]
        if len(pages) == 1:
            page = pages.item(0)
            ties = count = self._counts.item(page)
            index = rng.randrange(count) if count > 1 else 0
        else:
            ends = self._counts[pages].cumsum()
            ties = int(ends[-1])
            index = rng.randrange(ties)
            at = int(ends.searchsorted(index, "right"))
            page = pages.item(at)
            if at:
                index -= ends.item(at - 1)
        start = page * self._page
        within = (self._totals[start : start + self._page] == total).nonzero()[0]
        return start + within.item(index), total, ties

    def rows_at(self, total: int) -> np.ndarray:
        """int[n]: the rows with exactly this total."""
        return np.flatnonzero(self._totals[: self.size] == total)
