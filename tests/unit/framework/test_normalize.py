"""The normalisation that several plugins share."""

import numpy as np
import pytest

from stowage.framework import normalize


@pytest.mark.parametrize(
    ("raw", "reverse", "expected"),
    [
        pytest.param([0, 5, 10], False, [0, 50, 100], id="the-highest-is-100"),
        pytest.param([0, 5, 10], True, [100, 50, 0], id="reversed-it-is-0"),
        pytest.param([1, 3], False, [33, 100], id="truncated"),  # 100/3 = 33.3
        pytest.param([1, 3], True, [67, 0], id="truncated-before-reversing"),  # 100 - 33
        pytest.param([0, 0], False, [0, 0], id="all-zero"),
        pytest.param([0, 0], True, [100, 100], id="all-zero-reversed"),
        pytest.param([7, 7], True, [0, 0], id="all-equal"),
        pytest.param([], True, [], id="none"),
    ],
)
def test_by_maximum(raw: list[int], reverse: bool, expected: list[int]) -> None:
    assert normalize.by_maximum(np.array(raw, np.int64), reverse=reverse).tolist() == expected
