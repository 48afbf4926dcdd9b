"""Where nothing fits any more: the arrays against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stowage.cluster import stranded

amounts = st.integers(0, 6)


@given(
    st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=6),
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), max_size=3, unique_by=lambda pair: pair[0]),
        max_size=4,
    ),
)
def test_fitting_is_any_vector_on_any_node(
    free: list[tuple[int, int, int]], vectors: list[list[tuple[int, int]]]
) -> None:
    found = stranded.fitting(np.array(free).T, [tuple(vector) for vector in vectors])
    expected = [
        any(all(node[index] >= amount for index, amount in vector) for vector in vectors) for node in free
    ]
    assert found.tolist() == expected
