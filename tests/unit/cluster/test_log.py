"""The log: entries in order, and a cursor that is too old says so."""

import pytest

from stowage.cluster import log


def test_a_tail_holds_what_came_after_the_cursor() -> None:
    changes = log.Log()
    changes.append(3, 30, 300, 1)
    cursor = changes.sequence
    changes.append(4, 40, 400, -1)
    changes.append(5, 2, 0, 0)
    tail = changes.since(cursor)
    assert tail is not None
    assert len(tail) == 2
    columns = (tail.rows, tail.shapes, tail.groups, tail.deltas)
    assert [column.tolist() for column in columns] == [[4, 5], [40, 2], [400, 0], [-1, 0]]


def test_a_reader_that_is_up_to_date_gets_an_empty_tail() -> None:
    changes = log.Log()
    changes.append(1, 1, 1, 1)
    tail = changes.since(changes.sequence)
    assert tail is not None
    assert len(tail) == 0


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> log.Log:
    """A log that keeps 1,024 entries, with 1,500 written."""
    monkeypatch.setattr(log.Log, "LIMIT", 1024)
    changes = log.Log()
    for i in range(1500):
        changes.append(i, 0, 0, 1)
    return changes


def test_old_entries_are_dropped_and_numbers_go_on(short: log.Log) -> None:
    assert short.sequence == 1500
    assert short.base > 0
    tail = short.since(1490)
    assert tail is not None
    assert tail.rows.tolist() == list(range(1490, 1500))


def test_the_oldest_kept_entry_can_still_be_read_and_the_one_before_cannot(short: log.Log) -> None:
    tail = short.since(short.base)
    assert tail is not None
    assert tail.rows[0] == short.base
    assert len(tail) == 1500 - short.base
    assert short.since(short.base - 1) is None


def test_it_grows_before_it_drops_anything() -> None:
    changes = log.Log()
    for i in range(5000):
        changes.append(i, 0, 0, 1)
    tail = changes.since(0)
    assert tail is not None
    assert tail.rows.tolist() == list(range(5000))
