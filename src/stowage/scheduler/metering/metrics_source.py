"""What stands in a driver at work anyway, read when metrics are asked for; and families without values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from stowage.engine import cycle
from stowage.scheduler import cache as caches
from stowage.scheduler.metering import meters
from stowage.scheduler.queueing import queue as queues

if TYPE_CHECKING:
    from stowage.scheduler.metering import metrics

VOLUME_STAGES = {"Filter": "predicate", "Reserve": "assume", "PreBind": "bind"}
"""Extension points at which VolumeBinding may fail, as kube-scheduler names them."""

HINT_TIMES = meters.exponential(0.00001, 2, 12)


class Source(Protocol):
    """A driver at work, as far as it is read."""

    queue: queues.Queue
    cache: caches.Cache
    engine: cycle.Engine

    def tasks(self) -> Mapping[str, int]:
        """How many tasks do what."""
        ...


class Standing:
    """Families that are read from the `Source` of ``beside``."""

    def __init__(self, book: meters.Book, beside: metrics.Metrics) -> None:
        self._beside = beside
        self._queues(book)
        self._cache(book)
        self._work(book)
        self._volumes_and_devices(book)
        self._batches(book)

    @property
    def source(self) -> Source | None:
        """The driver; None before this process leads."""
        return self._beside.source

    def _queues(self, book: meters.Book) -> None:
        book.gauges(
            "scheduler_pending_pods",
            "Pods in the queue that are to be tried (active), pause after a failure (backoff), wait for "
            "something to happen (unschedulable), or may not be tried yet (gated).",
            ("queue",),
            self._pending,
        )
        book.counted(
            "scheduler_queue_incoming_pods_total",
            "Pods that came into a part of the queue, by what brought them.",
            ("queue", "event"),
            lambda: self.source.queue.incoming if self.source else {},
        )
        book.gauges(
            "scheduler_unschedulable_pods",
            "Pods in the queue that a plugin rejected; one that several rejected counts for each.",
            ("plugin", "profile"),
            self._rejected,
        )
        book.gauges(
            "scheduler_inflight_events",
            "Events kept for the pods under way, and as PodPopped those pods.",
            ("event",),
            self._in_flight,
        )
        book.measured(
            "scheduler_queueing_hint_execution_duration_seconds",
            "Seconds that a plugin took to say whether an event helps pods that it rejected.",
            ("plugin", "event", "hint"),
            lambda: self.source.queue.hint_seconds if self.source else {},
        )

    def _cache(self, book: meters.Book) -> None:
        book.measured(
            "scheduler_event_handling_duration_seconds",
            "Seconds that taking in an event took.",
            ("event",),
            lambda: self.source.cache.handling if self.source else {},
        )
        book.gauges(
            "scheduler_cache_size",
            "Nodes, pods with a node, and those of them that are not known to be bound yet.",
            ("type",),
            self._cached,
        )

    def _work(self, book: meters.Book) -> None:
        book.counted(
            "scheduler_plugin_evaluation_total",
            "Attempts that asked a plugin at PreFilter, Filter, PreScore or Score.",
            ("plugin", "extension_point", "profile"),
            self._evaluations,
        )
        book.gauges(
            "scheduler_goroutines",
            "Tasks under way, by what they do.",
            ("operation",),
            lambda: {(name,): count for name, count in self.source.tasks().items()} if self.source else {},
        )
        book.gauges(
            "scheduler_overcommitted_nodes",
            "Nodes whose bound pods ask for more than they have.",
            (),
            lambda: {(): len(self.source.cache.overcommitted)} if self.source else {},
        )
        book.counted(
            "scheduler_overcommits_total",
            "Times that a node was found to have more pods bound than it has room for.",
            (),
            lambda: {(): self.source.cache.overcommits} if self.source else {},
        )

    def _volumes_and_devices(self, book: meters.Book) -> None:
        book.counters(
            "scheduler_volume_binder_cache_requests_total",
            "Stays without values, as with kube-scheduler.",
            ("operation",),
        )
        book.counted(
            "scheduler_volume_scheduling_stage_error_total",
            "Errors about volumes while nodes are filtered (predicate), reserved (assume) or bound (bind).",
            ("operation",),
            self._volume_errors,
        )
        book.counters(
            "scheduler_resourceclaim_creates_total", "Stays without values: claims are not made.", ("status",)
        )
        devices = ("profile", "driver", "status")
        book.counters(
            "scheduler_dra_bindingconditions_allocations_total",
            "Stays without values: devices are not allocated.",
            devices,
        )
        book.histograms(
            "scheduler_dra_bindingconditions_wait_duration_seconds",
            "Stays without values: devices are not allocated.",
            devices,
            meters.exponential(0.1, 2, 14),
        )

    def _batches(self, book: meters.Book) -> None:
        """Plans serve what kube-scheduler's batches serve, and need none of their hints."""
        book.counted(
            "scheduler_batch_attempts_total",
            "Attempts; none has a hint, as plans stand for batches.",
            ("profile", "result"),
            self._unhinted,
        )
        book.counters(
            "scheduler_batch_cache_flushed_total",
            "Stays without values: plans stand for batches.",
            ("profile", "reason"),
        )
        book.histograms(
            "scheduler_get_node_hint_duration_seconds",
            "Stays without values: plans stand for batches.",
            ("hinted", "profile"),
            HINT_TIMES,
        )
        book.histograms(
            "scheduler_store_schedule_results_duration_seconds",
            "Stays without values: plans stand for batches.",
            ("profile",),
            HINT_TIMES,
        )

    # ------------------------------------------------------------------ reads

    def _pending(self) -> meters.Values:
        return {(name,): count for name, count in self.source.queue.counts.items()} if self.source else {}

    def _rejected(self) -> meters.Values:
        found: Counter[meters.Labels] = Counter()
        if self.source:
            for item in self.source.queue:
                found.update((plugin, item.pod.spec.scheduler_name) for plugin in item.rejecting)
        return found

    def _in_flight(self) -> meters.Values:
        if not self.source:
            return {}
        queue = self.source.queue
        return {("PodPopped",): queue.in_flight[0], **{(label,): n for label, n in queue.changes.items()}}

    def _cached(self) -> meters.Values:
        if not self.source:
            return {}
        cluster = self.source.engine.cluster
        return {
            ("assumed_pods",): len(self.source.cache.assumed),
            ("pods",): len(cluster.pods),
            ("nodes",): cluster.node_count,
        }

    def _volume_errors(self) -> meters.Values:
        found: Counter[meters.Labels] = Counter()
        for (plugin, point, _), count in self._beside.failed_plugins().items():
            if plugin == "VolumeBinding" and point in VOLUME_STAGES:
                found[(VOLUME_STAGES[point],)] += count
        return found

    def _unhinted(self) -> meters.Values:
        found: Counter[meters.Labels] = Counter()
        for each in self.source.engine.work.asked.values() if self.source else ():
            found[each.profile, "no_hint"] += each.attempts
        return found

    def _evaluations(self) -> meters.Values:
        found: Counter[meters.Labels] = Counter()
        asked = self.source.engine.work.asked.values() if self.source else ()
        for each in asked:
            for point, plugins, times in (
                ("PreFilter", each.pre_filter, each.attempts),
                ("Filter", each.filter, each.attempts),
                ("PreScore", each.score, each.scored),
                ("Score", each.score, each.scored),
            ):
                for plugin in plugins:
                    found[plugin, point, each.profile] += times
        return found
