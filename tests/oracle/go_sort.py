"""The order in which Go's `sort.Slice` leaves equal elements: a pattern-defeating quicksort is not stable.

Up to twelve elements it is an insertion sort. Which of two equally important pods is evicted hangs on this.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Element = TypeVar("Element")

LONGEST_INSERTION = 12
SHORTEST_NINTHER = 50
MOST_SWAPS = 12
MASK = 2**64 - 1


def sort_slice(elements: Sequence[Element], before: Callable[[Element, Element], bool]) -> list[Element]:
    """A sorted copy. `before` need not be consistent, as where it asks a clock."""
    run = _Sort(list(elements), before)
    run.sort(0, len(elements), len(elements).bit_length())
    return run.data


class _Sort(Generic[Element]):
    def __init__(self, data: list[Element], before: Callable[[Element, Element], bool]) -> None:
        self.data = data
        self.before = before

    def less(self, one: int, other: int) -> bool:
        return self.before(self.data[one], self.data[other])

    def swap(self, one: int, other: int) -> None:
        self.data[one], self.data[other] = self.data[other], self.data[one]

    def sort(self, start: int, end: int, limit: int) -> None:
        balanced, partitioned = True, True
        while end - start > LONGEST_INSERTION:
            length = end - start
            if limit == 0:
                self.heap_sort(start, end)
                return
            if not balanced:
                self.break_patterns(start, end)
                limit -= 1
            pivot, swaps = self.choose_pivot(start, end)
            rising = swaps == 0
            if swaps == MOST_SWAPS:
                self.data[start:end] = self.data[start:end][::-1]
                pivot = (end - 1) - (pivot - start)
                rising = True
            if balanced and partitioned and rising and self.nearly_sorted(start, end):
                return
            if start > 0 and not self.less(start - 1, pivot):
                start = self.split_equal(start, end, pivot)
                continue
            middle, partitioned = self.split(start, end, pivot)
            left, right = middle - start, end - middle
            balanced = min(left, right) >= length // 8
            if left < right:
                self.sort(start, middle, limit)
                start = middle + 1
            else:
                self.sort(middle + 1, end, limit)
                end = middle
        for place in range(start + 1, end):
            while place > start and self.less(place, place - 1):
                self.swap(place, place - 1)
                place -= 1

    def split(self, start: int, end: int, pivot: int) -> tuple[int, bool]:
        """Smaller ones to the left of the pivot's place; whether they were there already."""
        self.swap(start, pivot)
        left, right, already = start + 1, end - 1, True
        while True:
            while left <= right and self.less(left, start):
                left += 1
            while left <= right and not self.less(right, start):
                right -= 1
            if left > right:
                self.swap(right, start)
                return right, already
            already = False
            self.swap(left, right)
            left, right = left + 1, right - 1

    def split_equal(self, start: int, end: int, pivot: int) -> int:
        """Those equal to the pivot to the left; where the greater ones begin."""
        self.swap(start, pivot)
        left, right = start + 1, end - 1
        while True:
            while left <= right and not self.less(start, left):
                left += 1
            while left <= right and self.less(start, right):
                right -= 1
            if left > right:
                return left
            self.swap(left, right)
            left, right = left + 1, right - 1

    def nearly_sorted(self, start: int, end: int) -> bool:
        """Whether a few shifts were enough to finish the sort."""
        place = start + 1
        for _ in range(5):
            while place < end and not self.less(place, place - 1):
                place += 1
            if place == end:
                return True
            if end - start < 50:
                return False
            self.swap(place, place - 1)
            if place - start >= 2:
                self.shift(range(place - 1, 0, -1))
            if end - place >= 2:
                self.shift(range(place + 1, end))
        return False

    def shift(self, places: Sequence[int]) -> None:
        for place in places:
            if not self.less(place, place - 1):
                return
            self.swap(place, place - 1)

    def heap_sort(self, start: int, end: int) -> None:
        """The way out where the pivots keep being bad."""
        size = end - start
        for root in range((size - 1) // 2, -1, -1):
            self.sift_down(start, root, size)
        for last in range(size - 1, -1, -1):
            self.swap(start, start + last)
            self.sift_down(start, 0, last)

    def sift_down(self, start: int, root: int, size: int) -> None:
        while (child := 2 * root + 1) < size:
            if child + 1 < size and self.less(start + child, start + child + 1):
                child += 1
            if not self.less(start + root, start + child):
                return
            self.swap(start + root, start + child)
            root = child

    def break_patterns(self, start: int, end: int) -> None:
        """Swaps three elements of the middle with others drawn by a generator seeded with the length."""
        length = end - start
        drawn = length
        middle = start + length // 4 * 2
        for place in range(middle - 1, middle + 2):
            drawn ^= drawn << 13 & MASK
            drawn ^= drawn >> 7
            drawn ^= drawn << 17 & MASK
            other = drawn & ((1 << length.bit_length()) - 1)
            self.swap(place, start + (other - length if other >= length else other))

    def choose_pivot(self, start: int, end: int) -> tuple[int, int]:
        """The median of three, or of three such medians; and how many swaps that took."""
        quarter = (end - start) // 4
        low, middle, high = start + quarter, start + quarter * 2, start + quarter * 3
        swaps = 0
        if end - start >= SHORTEST_NINTHER:
            low, one = self.median(low - 1, low, low + 1)
            middle, two = self.median(middle - 1, middle, middle + 1)
            high, three = self.median(high - 1, high, high + 1)
            swaps = one + two + three
        middle, more = self.median(low, middle, high)
        return middle, swaps + more

    def median(self, one: int, two: int, three: int) -> tuple[int, int]:
        swaps = 0
        for step in range(3):
            if step == 1 and self.less(three, two):
                two, three, swaps = three, two, swaps + 1
            elif step != 1 and self.less(two, one):
                one, two, swaps = two, one, swaps + 1
        return two, swaps
