"""Histograms against plain counting, and what a book tells of its families."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client import metrics as reference

from stowage.scheduler.metering import meters

BOUNDS = (0.5, 1.0, 2.5)


@given(st.lists(st.one_of(st.sampled_from(BOUNDS), st.floats(0, 5))))
def test_a_histogram_counts_as_the_library_does(values: list[float]) -> None:
    registry = CollectorRegistry()
    theirs = reference.Histogram("h", "help", registry=registry, buckets=BOUNDS)
    book = meters.Book()
    ours = book.histograms("h", "help", (), BOUNDS)[()]
    for value in values:
        theirs.observe(value)
        ours.observe(value)
    [told] = book.collect()
    [expected] = registry.collect()
    assert samples(told) == [each for each in samples(expected) if each[0] != "h_created"]


def samples(metric: Metric) -> list[tuple[str, dict[str, str], float]]:
    return [(each.name, each.labels, each.value) for each in metric.samples]


def test_a_family_without_labels_is_there_before_anything_is_counted() -> None:
    book = meters.Book()
    book.counters("a_total", "A.")
    book.counters("b_total", "B.", ("c",))
    told = {sample.name: sample.value for family in book.collect() for sample in family.samples}
    assert told == {"a_total": 0}


def test_values_of_somebody_else_are_read_when_asked_for() -> None:
    book = meters.Book()
    kept = {("x",): 1.0}
    book.gauges("g", "G.", ("name",), lambda: kept)
    book.counted("c_total", "C.", ("name",), lambda: kept)
    kept[("x",)] = 7
    registry = CollectorRegistry()
    registry.register(book)
    assert generate_latest(registry).decode() == (
        '# HELP g G.\n# TYPE g gauge\ng{name="x"} 7.0\n'
        '# HELP c_total C.\n# TYPE c_total counter\nc_total{name="x"} 7.0\n'
    )


def test_bounds_grow_by_a_factor() -> None:
    assert meters.exponential(0.001, 2, 4) == (0.001, 0.002, 0.004, 0.008)
    assert len(meters.TIMES) == 15
    assert meters.TIMES[-1] == 0.001 * 2**14


def test_histograms_of_equal_bounds_add_up() -> None:
    one, other = meters.Histogram(BOUNDS), meters.Histogram(BOUNDS)
    one.observe(0.7)
    other.observe(2)
    other.observe(9)
    one.add(other)
    assert (one.counts, one.sum, one.count) == ([0, 1, 1, 1], 11.7, 3)
