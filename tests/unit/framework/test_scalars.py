"""One formula over columns and over plain numbers gives the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stowage.framework import scalars

wholes = st.integers(0, 1 << 60)
divisors = st.integers(1, 1 << 60)


@given(pairs=st.lists(st.tuples(wholes, divisors), min_size=1))
def test_division_truncates_exactly(pairs: list[tuple[int, int]]) -> None:
    above, below = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    expected = [a // b for a, b in pairs]
    assert scalars.COLUMNS.divide(above, below).tolist() == expected
    assert [scalars.SCALARS.divide(a, b) for a, b in pairs] == expected


@given(divisor=st.integers(1, 1 << 26), quotient=st.integers(0, (1 << 26) - 1), less=st.integers(-1, 1))
def test_division_next_to_a_multiple_is_exact(divisor: int, quotient: int, less: int) -> None:
    above = max(divisor * quotient + less, 0)
    assert scalars.COLUMNS.divide(np.array([above]), np.array([divisor])).tolist() == [above // divisor]


@given(pairs=st.lists(st.tuples(wholes, divisors), min_size=1))
def test_fractions_and_what_is_made_of_them_are_bit_equal(pairs: list[tuple[int, int]]) -> None:
    above, below = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    columns = scalars.COLUMNS.fraction(above, below)
    plain = [scalars.SCALARS.fraction(a, b) for a, b in pairs]
    assert columns.tolist() == plain
    assert scalars.COLUMNS.sqrt(columns).tolist() == [scalars.SCALARS.sqrt(x) for x in plain]
    capped = scalars.COLUMNS.minimum(columns, 1.0)
    assert capped.tolist() == [scalars.SCALARS.minimum(x, 1.0) for x in plain]
    percent = scalars.COLUMNS.whole(capped * 100.0)
    assert percent.tolist() == [scalars.SCALARS.whole(x * 100.0) for x in capped.tolist()]


def test_where_chooses() -> None:
    assert scalars.COLUMNS.where(np.array([True, False]), 1, 2).tolist() == [1, 2]
    assert [scalars.SCALARS.where(each, 1, 2) for each in (True, False)] == [1, 2]
