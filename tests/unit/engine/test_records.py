"""The stream of decisions: a ring of the last ones."""

import sys
import tracemalloc

import pytest

from stowage.cluster import pods, table
from stowage.engine import records
from tests.builders import make_pod


def pod(name: str) -> pods.Incoming:
    return table.Table().project(make_pod(name).done())


def filled(count: int) -> records.Records:
    kept = records.Records(limit=4)
    for i in range(count):
        kept.append(pod(f"p{i}"), i, 1, 100 + i, 2, 3, 10 * i)
    return kept


def test_a_decision_is_read_back_whole() -> None:
    kept = filled(1)
    assert kept[0] == records.Record(0, "default/p0", 0, 1, 100, 2, 3, 0)
    assert len(kept) == kept.count == 1


def test_the_oldest_are_overwritten_and_numbers_go_on() -> None:
    kept = filled(6)
    assert (len(kept), kept.count) == (4, 6)
    assert [(each.number, each.pod, each.row) for each in kept] == [
        (i, f"default/p{i}", i) for i in range(2, 6)
    ]
    assert kept[5].sequence == 50


@pytest.mark.parametrize("number", [-1, 1, 6], ids=["negative", "overwritten", "not-yet-made"])
def test_a_decision_that_is_not_there_is_an_index_error(number: int) -> None:
    with pytest.raises(IndexError):
        filled(6)[number]


def test_a_decision_costs_what_is_stated() -> None:
    one = pod("web-0")
    kept = records.Records(limit=10_000)
    tracemalloc.start()
    for number in range(10_000):
        kept.append(one, number, 2, 3, 4, 5, 6)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 10_000  # room for all of them was there from the start
    columns = sum(column.nbytes for column in kept._columns)
    references = sys.getsizeof(kept._names) + sys.getsizeof(kept._namespaces)
    assert columns + references <= records.BYTES * 10_000 + 200
