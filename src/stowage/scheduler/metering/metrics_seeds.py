"""What the project's own dashboards ask for beside kube-scheduler's families, under names of their own.

Most repeats what `Metrics` counts anyway under other names and labels, and is derived when asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from stowage.scheduler.metering import meters

if TYPE_CHECKING:
    from stowage.scheduler.metering import metrics

SCHEDULER = "stowage"
"""The value of every label `scheduler`."""
PLUGIN_TIMES = meters.exponential(0.0001, 2, 15)


class Seeds:
    """Families that `Metrics` shows beside its own."""

    def __init__(self, book: meters.Book, beside: metrics.Metrics) -> None:
        self._beside = beside
        self._started = beside.clock.monotonic()
        self._attempts(book)
        self._plugins(book)
        self._state(book)

    def _attempts(self, book: meters.Book) -> None:
        labels = ("scheduler", "profile", "result")
        book.measured(
            "scheduler_scheduling_latency_seconds",
            "Seconds that an attempt took, binding included.",
            labels,
            lambda: {
                (SCHEDULER, profile, result): each
                for (result, profile), each in self._beside.attempts.items()
            },
        )
        book.counted(
            "scheduler_scheduling_attempts_total",
            "Attempts by how they ended.",
            labels,
            lambda: {
                (SCHEDULER, profile, result): each.count
                for (result, profile), each in self._beside.attempts.items()
            },
        )
        self.failures = book.counters(
            "scheduler_scheduling_failures_total",
            "Failed attempts by the plugins that rejected the pod, each of several; or Unschedulable, where "
            "none did, or SchedulerError.",
            ("scheduler", "profile", "reason"),
        )
        book.counted("scheduler_scheduling_total", "Attempts.", (), lambda: {(): self._counts()[0]})
        book.gauges(
            "scheduler_scheduling_success_rate",
            "Of all attempts so far, the share that bound a pod: 0 to 1.",
            (),
            self._success,
        )
        book.measured(
            "scheduler_queue_wait_time_seconds",
            "Seconds from when a pod was last queued until it was tried.",
            ("scheduler", "priority_class"),
            self._waits,
        )

    def _plugins(self, book: meters.Book) -> None:
        self.plugins = book.histograms(
            "scheduler_plugin_execution_time_seconds",
            "Seconds that a plugin took at an extension point, for all nodes; one cycle in ten is timed.",
            ("plugin", "extension_point", "status"),
            PLUGIN_TIMES,
        )
        book.measured(
            "scheduler_plugin_execution_latency_seconds",
            "As scheduler_plugin_execution_time_seconds, whatever the status.",
            ("plugin", "extension_point"),
            self._by_point,
        )
        self.node_score = book.histograms(
            "scheduler_node_score_latency_seconds",
            "Seconds that scoring the nodes took in a cycle.",
            (),
            PLUGIN_TIMES,
        )[()]
        book.counted(
            "scheduler_plugin_errors_total",
            "Attempts that ended because a plugin answered with an error, or because what it wanted to be "
            "written was not (write).",
            ("plugin", "extension_point", "error_type"),
            self._beside.failed_plugins,
        )

    def _state(self, book: meters.Book) -> None:
        book.gauges(
            "scheduler_queue_length",
            "Pods in the queue, in whichever part of it.",
            (),
            lambda: {(): len(self._beside.source.queue)} if self._beside.source else {},
        )
        book.gauges(
            "scheduler_health_status",
            "1: the process is healthy, as /healthz says.",
            (),
            lambda: {(): self._beside.healthy()},
        )
        book.gauges(
            "scheduler_uptime_seconds",
            "Seconds since the process began.",
            (),
            lambda: {(): self._beside.clock.monotonic() - self._started},
        )

    # ------------------------------------------------------------------- reads

    def _counts(self) -> tuple[int, int]:
        """(attempts, those that bound a pod)."""
        by_result: Counter[str] = Counter()
        for (result, _), each in self._beside.attempts.items():
            by_result[result] += each.count
        return by_result.total(), by_result["scheduled"]

    def _success(self) -> meters.Values:
        attempts, scheduled = self._counts()
        return {(): scheduled / attempts} if attempts else {}

    def _waits(self) -> Mapping[meters.Labels, meters.Histogram]:
        source = self._beside.source
        return {(SCHEDULER, *labels): each for labels, each in source.queue.waits.items()} if source else {}

    def _by_point(self) -> meters.Histograms:
        found = meters.Histograms(PLUGIN_TIMES)
        for (plugin, point, _), each in self.plugins.items():
            found[plugin, point].add(each)
        return found
