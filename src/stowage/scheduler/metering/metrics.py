"""What the scheduler counts and measures, under kube-scheduler's names, and the text it is told in.

Every `scheduler_*` family that kube-scheduler 1.36.2 registers is here with its type, labels and buckets
(pkg/scheduler/metrics/metrics.go); what has no counterpart here stays without values. What counts how is
in docs/metrics.md. Who does the work counts it in the attributes below; what stands somewhere anyway
(queues, table, tasks) is read from the `metrics_source.Source` when metrics are asked for.
"""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Self

from prometheus_client import CollectorRegistry, ProcessCollector, exposition

from stowage.engine import cycle, measures
from stowage.framework import status
from stowage.kube import clock as clocks
from stowage.scheduler.actuation import failures
from stowage.scheduler.metering import (
    meters,
    metrics_cluster,
    metrics_pods,
    metrics_seeds,
    metrics_source,
    trace,
)
from stowage.scheduler.queueing import entry

SCHEDULED, UNSCHEDULABLE, ERROR = "scheduled", "unschedulable", "error"
"""Results of an attempt."""
SUCCESS, FAILURE = "success", "error"
"""Results of what a task did."""
DETAILED = 10
"""One cycle in so many times its plugins one by one (pluginMetricsSamplePercent)."""
MANY = 15
"""Attempts that are not told apart any more."""
PREEMPTION = "DefaultPreemption"
"""What evictions under way are counted under, whoever chose the victims."""
PREEMPTING = frozenset({PREEMPTION, "CustomPreemption"})
"""The plugins whose attempts count as attempts to preempt."""
KUBERNETES = "v1.36.2"
"""The release whose scheduler this is like."""

REQUEST_TIMES = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


class Timed:
    """The block is what an extension point, or one plugin, does for a pod; ``label``: that of its status,
    to be set; it stands between the labels ``before`` and ``after``."""

    __slots__ = ("_after", "_before", "_began", "_into", "label")

    def __init__(
        self, into: tuple[meters.Histograms, ...], before: meters.Labels, after: meters.Labels = ()
    ) -> None:
        self._into = into
        self._before = before
        self._after = after
        self.label = "Success"

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self._began
        for histograms in self._into:
            histograms[*self._before, self.label, *self._after].observe(spent)

    def ended(self, failed: failures.Failed | None) -> failures.Failed | None:
        """Takes the label from how it ended, and hands that on."""
        if failed is not None:
            self.label = "Unschedulable" if failed.rejected else "Error"
        return failed


class Metrics:
    """See the module. One a process; ``healthy``: what scheduler_health_status says."""

    def __init__(self, clock: clocks.Clock = clocks.SYSTEM) -> None:
        self.clock = clock
        self.source: metrics_source.Source | None = None
        self.healthy: Callable[[], bool] = lambda: True
        self.leading: Callable[[], Mapping[str, bool]] = dict
        """Lease -> whether it is held."""
        self.plugin_errors: Counter[meters.Labels] = Counter()
        """(plugin, extension point, error type), of what comes after a node was chosen"""
        self._cycles = 0
        self._book = book = meters.Book()
        self._attempts(book)
        self._points(book)
        self._preemption(book)
        self._requests(book)
        self._process(book)
        metrics_source.Standing(book, self)
        self.seeds = metrics_seeds.Seeds(book, self)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(book)
        ProcessCollector(registry=self._registry)

    # --------------------------------------------------------------- families

    def _attempts(self, book: meters.Book) -> None:
        self.attempts = book.histograms(
            "scheduler_scheduling_attempt_duration_seconds",
            "Seconds that an attempt took, binding included, by how it ended.",
            ("result", "profile"),
            meters.TIMES,
        )
        book.counted(
            "scheduler_schedule_attempts_total",
            "Attempts by how they ended: an error is a failure of the scheduler or of the API.",
            ("result", "profile"),
            lambda: {labels: each.count for labels, each in self.attempts.items()},
        )
        self.algorithm = book.histograms(
            "scheduler_scheduling_algorithm_duration_seconds",
            "Seconds from taking a pod out of the queue to the choice of its node or its failure.",
            (),
            meters.TIMES,
        )[()]
        self.sli_duration = book.histograms(
            "scheduler_pod_scheduling_sli_duration_seconds",
            "Seconds from when a pod was first ready to be tried until it was bound, by attempts.",
            ("attempts",),
            meters.LONG_TIMES,
        )
        self.attempts_needed = book.histograms(
            "scheduler_pod_scheduling_attempts",
            "Attempts that the pods needed which were bound.",
            (),
            meters.exponential(1, 2, 5),
        )[()]
        self.after_flush = book.counters(
            "scheduler_pod_scheduled_after_flush_total",
            "Pods bound after they were tried again because of their long wait, and of nothing else.",
        )

    def _points(self, book: meters.Book) -> None:
        self.points = meters.Histograms(meters.SHORT_TIMES)
        """(extension point, status, profile) -> seconds"""
        book.measured(
            "scheduler_framework_extension_point_duration_seconds",
            "Seconds that all plugins of an extension point took.",
            ("extension_point", "status", "profile"),
            lambda: {**self.points, **(self.source.queue.gating if self.source else {})},
        )
        self.plugins = book.histograms(
            "scheduler_plugin_execution_duration_seconds",
            "Seconds that a plugin took at an extension point, for all nodes; one cycle in ten is timed.",
            ("plugin", "extension_point", "status"),
            meters.PLUGIN_TIMES,
        )
        self.permit_wait = book.histograms(
            "scheduler_permit_wait_duration_seconds",
            "Seconds that pods waited because a Permit plugin said so, by what came of it.",
            ("result",),
            meters.TIMES,
        )

    def _preemption(self, book: meters.Book) -> None:
        self.victims = book.histograms(
            "scheduler_preemption_victims",
            "Pods chosen to make room for another.",
            (),
            meters.exponential(1, 2, 7),
        )[()]
        self.preemptions = book.counters(
            "scheduler_preemption_attempts_total", "Times that preemption was looked into."
        )
        self.evictions = book.histograms(
            "scheduler_preemption_goroutines_duration_seconds",
            "Seconds that evicting the victims of one pod took.",
            ("result",),
            meters.LONG_TIMES,
        )
        book.counted(
            "scheduler_preemption_goroutines_execution_total",
            "Times that the victims of one pod were evicted.",
            ("result",),
            lambda: {labels: each.count for labels, each in self.evictions.items()},
        )

    def _requests(self, book: meters.Book) -> None:
        self.requests = book.counters(
            "rest_client_requests_total", "Requests to the API server.", ("code", "method", "host")
        )
        self.request_duration = book.histograms(
            "rest_client_request_duration_seconds",
            "Seconds until a request was answered, those that it waited to be sent aside.",
            ("verb", "host"),
            REQUEST_TIMES,
        )
        self.rate_limiter = book.histograms(
            "rest_client_rate_limiter_duration_seconds",
            "Seconds that a request waited until it might be sent (qps, burst).",
            ("verb", "host"),
            REQUEST_TIMES,
        )

    def _process(self, book: meters.Book) -> None:
        version = importlib.metadata.version("stowage-scheduler")
        machine = f"{platform.system()}/{platform.machine()}".lower()
        book.gauges(
            "stowage_build_info",
            "1; says which version this is, and which Kubernetes release's scheduler it is like.",
            ("version", "kubernetes", "python", "platform"),
            lambda: {(version, KUBERNETES, platform.python_version(), machine): 1},
        )
        book.gauges(
            "leader_election_master_status",
            "Whether this process holds the Lease.",
            ("name",),
            lambda: {(name,): holds for name, holds in self.leading().items()},
        )

    def failed_plugins(self) -> Counter[meters.Labels]:
        """(plugin, extension point, error type) -> attempts that ended so."""
        found = Counter(self.plugin_errors)
        if self.source:
            for labels, count in self.source.engine.work.errors.items():
                found[*labels, "error"] += count
        return found

    # ------------------------------------------------------------------- hooks

    def timer(self) -> measures.Timer:
        """For a cycle that begins now."""
        self._cycles += 1
        return measures.Timer(self._cycles % DETAILED == 0)

    def decided(self, outcome: cycle.Outcome, timer: measures.Timer, seconds: float) -> None:
        """A scheduling cycle came to a choice or a failure, ``seconds`` after the pod was taken."""
        self.algorithm.observe(seconds)
        profile = outcome.pod.spec.scheduler_name
        labels = _labels(outcome)
        for point, spent in points(timer).items():
            self.points[point, labels.get(point, "Success"), profile].observe(spent)
            if point == "Score":
                self.seeds.node_score.observe(spent)
        self._ran(timer)
        failure = outcome.failure
        if failure is not None and failure.post is not None:
            self.preemptions[()] += self._preempting(profile, failure.post.status.plugin)
        if seconds >= trace.THRESHOLD:
            trace.log(outcome.pod, timer.seconds)

    def _preempting(self, profile: str, last: str) -> bool:
        """Whether preemption was asked; ``last``: the PostFilter plugin that was, empty where all were."""
        chain = self.source.engine.profiles[profile].post_filter if self.source else ()
        names = [plugin.name for plugin in chain]
        return not PREEMPTING.isdisjoint(names[: names.index(last) + 1] if last else names)

    def _ran(self, timer: measures.Timer) -> None:
        for plugin, point, label, spent in timer.plugins:
            self.plugins[plugin, point, label].observe(spent)
            self.seeds.plugins[plugin, point, label].observe(spent)
        timer.plugins.clear()

    def placed(
        self, outcome: cycle.Outcome, timer: measures.Timer, refused: status.Status | None, waits: bool
    ) -> str:
        """Reserve and Permit are through, or the one that is returned ``refused``; or the pod ``waits``."""
        profile, spent = outcome.pod.spec.scheduler_name, timer.seconds
        if "Reserve" in spent:
            self.points["Reserve", "Success", profile].observe(spent["Reserve"])
        if "Permit" in spent:
            self.points["Permit", "Wait" if waits else "Success", profile].observe(spent["Permit"])
        self._ran(timer)
        if refused is None:
            return ""
        last = "Permit" if "Reserve" in timer.seconds else "Reserve"
        timer.lap(last)
        self.points[last, refused.code.label, profile].observe(timer.seconds[last])
        self.plugin_failed(refused, last)
        return last

    def timed(self, point: str, outcome: cycle.Outcome) -> Timed:
        """For a block that is an extension point of the binding cycle."""
        return Timed((self.points,), (point,), (outcome.pod.spec.scheduler_name,))

    def timed_plugin(self, plugin: str, point: str) -> Timed:
        """For a block that is what a plugin does there."""
        return Timed((self.plugins, self.seeds.plugins), (plugin, point))

    def plugin_failed(self, answer: status.Status, point: str) -> None:
        """A plugin refused a pod after its node was chosen; counts where that was an error."""
        if not answer.rejected:
            self.plugin_errors[answer.plugin, point, "error"] += 1

    def bound(self, item: entry.Entry, seconds: float, waited: float) -> None:
        """A pod was bound: ``seconds`` after it was taken, ``waited`` after it was first ready."""
        self.attempts[SCHEDULED, item.pod.spec.scheduler_name].observe(seconds)
        self.attempts_needed.observe(item.attempts)
        label = f"{MANY}+" if item.attempts >= MANY else str(item.attempts)
        self.sli_duration[(label,)].observe(waited)
        self.after_flush[()] += item.flushed

    def failed(self, item: entry.Entry, failed: failures.Failed, seconds: float) -> None:
        """An attempt failed, ``seconds`` after the pod was taken."""
        profile = item.pod.spec.scheduler_name
        self.attempts[UNSCHEDULABLE if failed.rejected else ERROR, profile].observe(seconds)
        for reason in failed.plugins or (failed.reason,):
            self.seeds.failures[metrics_seeds.SCHEDULER, profile, reason] += 1

    def requested(self, code: str, method: str, host: str, seconds: float) -> None:
        """A request was answered, or came to nothing."""
        self.requests[code, method, host] += 1
        self.request_duration[method, host].observe(seconds)

    def held(self, method: str, host: str, seconds: float) -> None:
        """A request waited so long to be sent."""
        self.rate_limiter[method, host].observe(seconds)

    # --------------------------------------------------------------------- out

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """What there is to tell, and its content type: OpenMetrics where ``accept`` asks for it."""
        encode, kind = exposition.choose_encoder(accept)
        text: bytes = encode(self._registry)
        lines = list(metrics_cluster.lines(self.source)) if self.source else []
        end = b"# EOF\n" if text.endswith(b"# EOF\n") else b""
        return text.removesuffix(end) + "".join(lines).encode() + end, kind

    def resources(self) -> bytes:
        """What every pod requests and is limited to, in the text format."""
        return b"".join(metrics_pods.lines(self.source.cache)) if self.source else b""


def points(timer: measures.Timer) -> dict[str, float]:
    """Seconds by extension point: normalising scores and choosing is part of scoring."""
    spent = timer.seconds
    chosen = spent.pop("Choose", None)
    if chosen is not None:
        spent["Score"] = spent.get("Score", 0.0) + chosen
    return spent


def _labels(outcome: cycle.Outcome) -> dict[str, str]:
    """Extension point -> its status, where that is not Success."""
    failure = outcome.failure
    if failure is None:
        return {}
    labels = {}
    if failure.refusal is not None:
        labels["PreFilter"] = failure.refusal.code.label
    if failure.post is not None:
        labels["PostFilter"] = failure.post.status.code.label
    return labels
