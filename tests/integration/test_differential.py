"""A few of the random requests of `make differential`, to both servers."""

import pytest

from tests.differential import __main__ as differential


@pytest.mark.slow
@pytest.mark.reference
def test_random_requests_are_answered_alike() -> None:
    with differential.servers() as pair:
        found = [told for number in range(60) if (told := differential.compared(pair, 7_000_021 + number))]
    assert found == []
    assert pair.answers.total() > 500
