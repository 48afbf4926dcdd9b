"""Interning: one id a value, and functions of ids evaluated once."""

import numpy as np

from stowage.cluster import intern


def test_equal_values_have_one_id() -> None:
    known: intern.Interner[str] = intern.Interner()
    assert [known.id(value) for value in "abcab"] == [0, 1, 2, 0, 1]
    assert list(known) == ["a", "b", "c"]
    assert len(known) == 3
    assert known[2] == "c"
    assert known.get("b") == 1
    assert known.get("z") is None


def test_a_memo_evaluates_each_id_once() -> None:
    asked: list[int] = []

    def square(index: int) -> int:
        asked.append(index)
        return index * index

    memo = intern.Memo(square)
    assert memo[3] == 9
    assert memo.values(3).tolist() == [0, 1, 4]
    assert memo.values(40).tolist() == [i * i for i in range(40)]
    assert memo[39] == 1521
    assert asked == list(range(40))


def test_a_memo_gives_plain_ints() -> None:
    assert type(intern.Memo(lambda index: index)[20]) is int


def test_a_memo_grown_again_and_again_keeps_what_it_knew() -> None:
    memo = intern.Memo(lambda index: index + 1)
    for size in (5, 17, 100, 101, 1000):
        assert (memo.values(size) == np.arange(1, size + 1)).all()


def test_a_seeded_memo_looks_only_at_the_candidates() -> None:
    asked: list[int] = []

    def one(index: int) -> int:
        asked.append(index)
        return 1

    memo = intern.Memo(one)
    memo.seed(30, [4, 20])
    assert np.flatnonzero(memo.values(30)).tolist() == [4, 20]
    assert asked == [4, 20]
    assert memo[30] == 1  # ids that came later are evaluated as ever
    assert asked == [4, 20, 30]
