"""Of the nodes that tie, each is as likely as any other, and a seed gives one choice however it is found."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stowage.engine import cycle, pages
from tests.builders import make_node, make_pod, make_table
from tests.property import model, strategies

PAGE_SIZES = (1, 2, 7, 64, 4096)
DRAWS = 20_000


def uneven() -> np.ndarray:
    """1,000 rows; the 60 that tie are thick in some pages of 64 and thin or missing in others."""
    totals = np.random.default_rng(3).integers(pages.INFEASIBLE, 90, 1000)
    totals[[*range(3, 40), 64, 300, 301, *range(640, 658), 998, 999]] = 95
    return totals


def chi_square(counts: Counter[int], kinds: int) -> float:
    expected = sum(counts.values()) / kinds
    return sum((counts[row] - expected) ** 2 / expected for row in counts) + (kinds - len(counts)) * expected


@pytest.mark.parametrize("page", PAGE_SIZES)
def test_every_tied_row_is_drawn_as_often(page: int) -> None:
    totals = uneven()
    tied = np.flatnonzero(totals == 95)
    drawn = pages.Pages(totals, page)
    rng = random.Random(11)
    counts = Counter(drawn.draw(rng)[0] for _ in range(DRAWS))
    assert set(counts) == set(tied.tolist())
    # 59 degrees of freedom: above 119 once in 100,000.
    assert chi_square(counts, len(tied)) < 119


def test_a_seed_draws_the_same_rows_whatever_the_page_size() -> None:
    sequences = []
    for page in PAGE_SIZES:
        rng = random.Random(5)
        drawn = pages.Pages(uneven(), page)
        sequence = []
        for _ in range(60):
            row, total, ties = drawn.draw(rng)
            sequence.append((row, total, ties))
            drawn.set(row, total - 3)
        sequences.append(sequence)
    assert all(each == sequences[0] for each in sequences)


@given(
    start=st.lists(st.integers(-1, 3), min_size=1, max_size=30),
    page=st.integers(1, 9),
    data=st.data(),
)
def test_pages_know_the_highest_and_its_holders(start: list[int], page: int, data: st.DataObject) -> None:
    totals = np.array(start, np.int64)
    paged = pages.Pages(totals.copy(), page)
    rows = st.integers(0, len(start) - 1)
    for _ in range(data.draw(st.integers(1, 8))):
        if data.draw(st.booleans()):
            row, total = data.draw(rows), data.draw(st.integers(-1, 4))
            paged.set(row, total)
            totals[row] = total
        else:
            many = np.array(sorted(data.draw(st.sets(rows))), np.intp)
            values = np.array([data.draw(st.integers(-1, 4)) for _ in many], np.int64)
            paged.set_many(many, values)
            totals[many] = values
        highest = int(totals.max())
        ties = np.flatnonzero(totals == highest)
        assert paged.best() == (highest, 0 if highest == pages.INFEASIBLE else len(ties))
        assert paged.rows_at(highest).tolist() == ties.tolist()
        assert [paged.get(row) for row in range(len(start))] == totals.tolist()
        row, total, count = paged.draw(random.Random(1))
        if highest == pages.INFEASIBLE:
            assert (row, count) == (-1, 0)
        else:
            assert (total, count) == (highest, len(ties))
            assert row in ties


def choices(page: int | None, count: int, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Where 60 pods go on 90 nodes of three sizes; ``page`` 0: without pages."""
    cluster = make_table(
        *(make_node(f"n{i:02}").allocatable(cpu=("2", "4", "4", "8")[i % 4], pods="20") for i in range(90))
    )
    engine = cycle.Engine(cluster, [model.default_profile()], seed=9)
    with monkeypatch.context() as patch:
        if page:
            init = pages.Pages.__init__
            patch.setattr(pages.Pages, "__init__", lambda self, totals: init(self, totals, page))
        found = []
        for i in range(count):
            incoming = cluster.project(strategies.done(make_pod(f"p{i}").cpu("100m").memory("64Mi")))
            plan = engine.plan(incoming)
            assert plan.pages is not None or page == 0
            if page == 0:
                plan.pages = None
            outcome = engine.schedule(incoming)
            found.append((outcome.node, outcome.total, outcome.ties))
    return found


def test_a_seed_gives_the_same_nodes_with_pages_of_any_size_and_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without = choices(0, 60, monkeypatch)
    assert max(ties for _, _, ties in without) > 1
    assert [choices(page, 60, monkeypatch) for page in (None, 1, 5)] == [without] * 3


def test_the_engine_takes_every_tied_node_as_often() -> None:
    cluster = make_table(*(make_node(f"n{i}") for i in range(8)))
    engine = cycle.Engine(cluster, [model.default_profile()], seed=2)
    counts: Counter[int] = Counter()
    for _ in range(4000):
        incoming = cluster.project(strategies.done(make_pod("p").cpu("1")))
        outcome = engine.schedule(incoming)
        assert outcome.ties == 8
        counts[outcome.row] += 1
        cluster.remove_pod(incoming.uid)
    # 7 degrees of freedom: above 39 once in 500,000.
    assert chi_square(counts, 8) < 39
