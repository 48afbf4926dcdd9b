"""What the driver counts, by kube-scheduler's names; durations on a clock that the test moves."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from typing import Any

import pytest
from prometheus_client import parser

from stowage.cluster import pods
from stowage.engine import entries, measures
from stowage.framework import interface, status
from stowage.kube import informer
from stowage.scheduler.actuation import failures
from stowage.scheduler.metering import metrics
from stowage.scheduler.queueing import entry
from tests.builders import make_node, make_pod
from tests.unit.kube import fakes
from tests.unit.scheduler import worlds
from tests.unit.scheduler.test_driver import SCHEDULER, Scheduler, Server, world

Labels = frozenset[tuple[str, str]]


REGISTERED = {
    "batch_attempts_total": "counter",
    "batch_cache_flushed_total": "counter",
    "cache_size": "gauge",
    "dra_bindingconditions_allocations_total": "counter",
    "dra_bindingconditions_wait_duration_seconds": "histogram",
    "event_handling_duration_seconds": "histogram",
    "framework_extension_point_duration_seconds": "histogram",
    "get_node_hint_duration_seconds": "histogram",
    "goroutines": "gauge",
    "inflight_events": "gauge",
    "pending_pods": "gauge",
    "permit_wait_duration_seconds": "histogram",
    "plugin_evaluation_total": "counter",
    "plugin_execution_duration_seconds": "histogram",
    "pod_scheduled_after_flush_total": "counter",
    "pod_scheduling_attempts": "histogram",
    "pod_scheduling_sli_duration_seconds": "histogram",
    "preemption_attempts_total": "counter",
    "preemption_goroutines_duration_seconds": "histogram",
    "preemption_goroutines_execution_total": "counter",
    "preemption_victims": "histogram",
    "queue_incoming_pods_total": "counter",
    "queueing_hint_execution_duration_seconds": "histogram",
    "resourceclaim_creates_total": "counter",
    "schedule_attempts_total": "counter",
    "scheduling_algorithm_duration_seconds": "histogram",
    "scheduling_attempt_duration_seconds": "histogram",
    "store_schedule_results_duration_seconds": "histogram",
    "unschedulable_pods": "gauge",
    "volume_binder_cache_requests_total": "counter",
    "volume_scheduling_stage_error_total": "counter",
}
"""What kube-scheduler 1.36.2 registers with its default feature gates, without `scheduler_`."""

OWN = {
    "health_status": "gauge",
    "node_availability": "gauge",
    "node_score_latency_seconds": "histogram",
    "node_utilization_ratio": "gauge",
    "overcommits_total": "counter",
    "overcommitted_nodes": "gauge",
    "plugin_errors_total": "counter",
    "plugin_execution_latency_seconds": "histogram",
    "plugin_execution_time_seconds": "histogram",
    "queue_length": "gauge",
    "queue_wait_time_seconds": "histogram",
    "resource_fragmentation_ratio": "gauge",
    "resource_utilization": "gauge",
    "resource_waste_ratio": "gauge",
    "scheduling_attempts_total": "counter",
    "scheduling_failures_total": "counter",
    "scheduling_latency_seconds": "histogram",
    "scheduling_success_rate": "gauge",
    "scheduling_total": "counter",
    "uptime_seconds": "gauge",
}


@dataclasses.dataclass
class Told:
    """What a driver's metrics are at this moment."""

    samples: dict[tuple[str, Labels], float]

    def __call__(self, name: str, **labels: str) -> float:
        """A sample of the scheduler's; 0 where it is not told."""
        return self.samples.get((f"scheduler_{name}", frozenset(labels.items())), 0.0)

    def all(self, name: str) -> dict[Any, float]:
        """A family's samples by their labels' values, in the order of their names; one value by itself."""
        found = {}
        for (sample, labels), value in self.samples.items():
            if sample == f"scheduler_{name}" and value:
                values = tuple(value for _, value in sorted(labels))
                found[values[0] if len(values) == 1 else values] = value
        return found


def told(of: Scheduler | metrics.Metrics) -> Told:
    counted = of if isinstance(of, metrics.Metrics) else of.driver.metrics
    text = counted.exposition()[0].decode()
    return Told(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
        }
    )


def clock(scheduler: Scheduler) -> fakes.Clock:
    found = scheduler.driver._client.clock
    assert isinstance(found, fakes.Clock)
    return found


async def test_a_pod_that_is_bound_counts_as_scheduled() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        clock(scheduler).time += 3  # it waits that long, and is then bound at once
        await scheduler.attempt()
    found = told(scheduler)
    assert found.all("schedule_attempts_total") == {(SCHEDULER, "scheduled"): 1}
    assert found("pod_scheduling_attempts_sum") == 1
    assert found.all("pod_scheduling_sli_duration_seconds_count") == {"1": 1}
    assert found("pod_scheduling_sli_duration_seconds_sum", attempts="1") == 3
    assert found("scheduling_attempt_duration_seconds_sum", profile=SCHEDULER, result="scheduled") == 0
    assert found("scheduling_algorithm_duration_seconds_count") == 1
    assert found("scheduling_total") == found("scheduling_success_rate") == 1
    assert found("queue_wait_time_seconds_sum", scheduler="stowage", priority_class="") == 3
    points = found.all("framework_extension_point_duration_seconds_count")
    assert {point for point, _, _ in points} >= {
        "PreEnqueue",
        "Filter",
        "Reserve",
        "Permit",
        "Bind",
        "PostBind",
    }
    assert points["PreBindPreFlight", SCHEDULER, "Skip"] == 1


async def test_a_pod_that_fits_nowhere_counts_for_each_plugin_that_rejected_it() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n").allocatable(cpu="1"), make_node("m").taint("k", "NoSchedule"))
        scheduler.tell(make_pod("p").cpu("2"))
        await scheduler.attempt()
    found = told(scheduler)
    assert found.all("schedule_attempts_total") == {(SCHEDULER, "unschedulable"): 1}
    rejecting = {("NodeResourcesFit", SCHEDULER): 1, ("TaintToleration", SCHEDULER): 1}
    assert found.all("unschedulable_pods") == rejecting
    assert found.all("pending_pods") == {"unschedulable": 1}
    assert found.all("scheduling_failures_total") == {
        (SCHEDULER, plugin, "stowage"): 1 for plugin, _ in rejecting
    }
    assert found("preemption_attempts_total") == 1
    assert found("framework_extension_point_duration_seconds_count", **point("PostFilter", "Unschedulable"))
    assert found("scheduling_success_rate") == 0


async def test_a_node_with_more_bound_pods_than_it_holds_is_counted() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n").allocatable(cpu="2"), make_pod("a").cpu("2").on("n"))
        assert told(scheduler)("overcommits_total") == 0
        scheduler.tell(make_pod("b").cpu("1").on("n"))  # another scheduler bound it there
        found = told(scheduler)
    assert found("overcommits_total") == found("overcommitted_nodes") == 1


def point(name: str, label: str) -> dict[str, str]:
    return {"extension_point": name, "status": label, "profile": SCHEDULER}


async def test_a_pod_in_flight_is_not_among_the_rejected() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n").allocatable(cpu="1"), make_pod("p").cpu("2"))
        await scheduler.attempt()
        scheduler.tell(make_node("large"))
        assert told(scheduler).all("unschedulable_pods") == {("NodeResourcesFit", SCHEDULER): 1}
        assert scheduler.driver.queue.pop() is not None
        scheduler.tell(make_node("another"))
        found = told(scheduler)
    assert found.all("unschedulable_pods") == {}
    assert found.all("inflight_events") == {"PodPopped": 1, "NodeAdd": 1}


async def test_a_binding_that_fails_counts_as_an_error_of_who_binds() -> None:
    async with world(Server(bind=lambda _: fakes.status(403, "Forbidden"))) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
    found = told(scheduler)
    assert found.all("schedule_attempts_total") == {(SCHEDULER, "error"): 1}
    assert found.all("plugin_errors_total") == {("write", "Bind", "DefaultBinder"): 1}
    assert found.all("scheduling_failures_total") == {(SCHEDULER, "SchedulerError", "stowage"): 1}
    assert found("framework_extension_point_duration_seconds_count", **point("Bind", "Error")) == 1
    assert found.all("plugin_execution_duration_seconds_count") == {("Bind", "DefaultBinder", "Error"): 1}
    assert found("framework_extension_point_duration_seconds_count", **point("Unreserve", "Success")) == 1
    assert found("framework_extension_point_duration_seconds_count", **point("PostBind", "Success")) == 0
    assert found.all("pending_pods") == {"backoff": 1}


async def test_preemption_counts_victims_and_evictions() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n").allocatable(cpu="2"))
        for name in ("a", "b"):
            scheduler.tell(make_pod(name).cpu("1").on("n"), what=informer.What.ADDED)
        scheduler.tell(make_pod("p").cpu("2").priority(10))
        await scheduler.attempt()
    found = told(scheduler)
    assert (found("preemption_victims_count"), found("preemption_victims_sum")) == (1, 2)
    assert found("preemption_attempts_total") == 1
    assert found.all("preemption_goroutines_execution_total") == {"success": 1}
    assert found("framework_extension_point_duration_seconds_count", **point("PostFilter", "Success")) == 1


async def test_an_eviction_that_fails_counts_as_an_error() -> None:
    async with world(Server(patch=lambda _: fakes.status(403, "Forbidden"))) as scheduler:
        scheduler.tell(make_node("n").allocatable(cpu="1"), make_pod("a").cpu("1").on("n"))
        scheduler.tell(make_pod("p").cpu("1").priority(10))
        await scheduler.attempt()
    assert told(scheduler).all("preemption_goroutines_execution_total") == {"error": 1}


async def test_a_pod_that_must_not_preempt_is_an_attempt_all_the_same() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n").allocatable(cpu="1"))
        scheduler.tell(make_pod("p").cpu("2").spec(preemptionPolicy="Never"))
        await scheduler.attempt()
    assert told(scheduler)("preemption_attempts_total") == 1


async def test_where_prefilter_ends_a_cycle_early_preemption_is_not_asked() -> None:
    # DynamicResources comes before DefaultPreemption and ends PostFilter there, as with kube-scheduler.
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p").spec(volumes=[claim("missing")]))
        await scheduler.attempt()
    found = told(scheduler)
    assert found("framework_extension_point_duration_seconds_count", **point("PostFilter", "Error")) == 1
    assert found("preemption_attempts_total") == 0


def claim(name: str) -> dict[str, Any]:
    return {"name": "v", "persistentVolumeClaim": {"claimName": name}}


async def test_permit_is_timed_by_what_came_of_the_wait() -> None:
    class Patience(interface.PermitPlugin):
        name = "Patience"

        def permit(
            self, pod: pods.Incoming, node: str, context: interface.BindContext
        ) -> tuple[status.Status | None, float]:
            return status.Status(status.Code.WAIT), 5.0

    async with world(Server()) as scheduler:
        scheduler.driver.engine.profiles[SCHEDULER].permit = (Patience(),)
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
    found = told(scheduler)
    assert found.all("permit_wait_duration_seconds_count") == {"Unschedulable": 1}
    assert found("framework_extension_point_duration_seconds_count", **point("Permit", "Wait")) == 1


async def test_a_refusal_of_reserve_is_a_point_of_its_own() -> None:
    class Miser(interface.ReservePlugin):
        name = "Miser"

        def reserve(
            self, pod: pods.Incoming, node: str, context: interface.BindContext
        ) -> status.Status | None:
            return status.error("nothing left")

        def unreserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
            pass

    async with world(Server()) as scheduler:
        scheduler.driver.engine.profiles[SCHEDULER].reserve = (Miser(),)
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
    found = told(scheduler)
    assert found("framework_extension_point_duration_seconds_count", **point("Reserve", "Error")) == 1
    assert found("framework_extension_point_duration_seconds_count", **point("Permit", "Success")) == 0
    assert found.all("plugin_errors_total") == {("error", "Reserve", "Miser"): 1}


async def test_the_cache_is_told_by_what_is_assumed() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n"), make_node("m"), make_pod("other").on("n"), make_pod("p"))
        await scheduler.attempt()
    assert told(scheduler).all("cache_size") == {"nodes": 2, "pods": 2, "assumed_pods": 1}


async def test_events_are_timed_by_what_they_are() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        scheduler.tell(make_node("n").label("a", "b"), make_pod("p").on("n"), what=informer.What.CHANGED)
        scheduler.tell(make_pod("p").on("n"), make_node("n"), what=informer.What.REMOVED)
    assert told(scheduler).all("event_handling_duration_seconds_count") == {
        "NodeAdd": 1,
        "NodeUpdateNodeLabel": 1,
        "NodeDelete": 1,
        "UnschedulablePodAdd": 1,
        "UnschedulablePodDelete": 1,
        "AssignedPodAdd": 1,
        "AssignedPodDelete": 1,
    }


async def test_hints_are_timed_by_what_they_say() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n").allocatable(cpu="1"), make_pod("p").cpu("4"), make_pod("q").cpu("4"))
        await scheduler.attempt()
        await scheduler.attempt()
        scheduler.tell(make_node("small").allocatable(cpu="2"), make_node("large").allocatable(cpu="8"))
    # Both pods are alike, so each event is asked about once.
    assert told(scheduler).all("queueing_hint_execution_duration_seconds_count") == {
        ("NodeAdd", "QueueSkip", "NodeResourcesFit"): 1,
        ("NodeAdd", "Queue", "NodeResourcesFit"): 1,
    }


async def test_plugins_count_as_evaluated_once_an_attempt() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n").allocatable(cpu="2"))
        for name in ("a", "b", "c"):  # the third finds no room, so nothing is scored
            scheduler.tell(make_pod(name).cpu("1"))
            await scheduler.attempt()
    found = told(scheduler)
    evaluated = found.all("plugin_evaluation_total")
    assert evaluated["Filter", "NodeResourcesFit", SCHEDULER] == 3
    assert evaluated["Score", "NodeResourcesFit", SCHEDULER] == 2
    assert ("PreFilter", "VolumeBinding", SCHEDULER) not in evaluated  # it skips pods without volumes
    assert found("batch_attempts_total", profile=SCHEDULER, result="no_hint") == 3


async def test_one_cycle_in_ten_times_its_plugins() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n"))
        for i in range(metrics.DETAILED):
            before = told(scheduler).all("plugin_execution_duration_seconds_count")
            assert {at for at, _, _ in before} <= {"Bind"}
            scheduler.tell(make_pod(f"p{i}"))
            await scheduler.attempt()
    found = told(scheduler)
    timed = found.all("plugin_execution_duration_seconds_count")
    assert timed["Filter", "NodeResourcesFit", "Success"] == 1
    assert timed["Bind", "DefaultBinder", "Success"] == metrics.DETAILED  # what takes long is timed always
    assert found.all("plugin_execution_time_seconds_count") == timed
    assert found.all("plugin_execution_latency_seconds_count")["Filter", "NodeResourcesFit"] == 1


async def test_what_the_process_does_and_is_told() -> None:
    async with world(Server()) as scheduler:
        counted = scheduler.driver.metrics
        counted.leading = lambda: {"kube-scheduler": True}
        counted.healthy = lambda: False
        clock(scheduler).time += 60
        counted.requested("201", "POST", "host:1", 0.02)
        text = counted.exposition()[0].decode()
    found = told(scheduler)
    assert (found("uptime_seconds"), found("health_status")) == (60, 0)
    assert 'leader_election_master_status{name="kube-scheduler"} 1.0' in text
    assert 'rest_client_requests_total{code="201",host="host:1",method="POST"} 1.0' in text
    assert f'version="{importlib.metadata.version("stowage-scheduler")}"' in text
    assert "process_resident_memory_bytes" in text


async def test_all_families_are_there_and_no_others() -> None:
    async with world(Server()) as scheduler:
        lines = scheduler.driver.metrics.exposition()[0].decode().splitlines()
    types = dict(line.split()[2:] for line in lines if line.startswith("# TYPE scheduler_"))
    assert types == {f"scheduler_{name}": kind for name, kind in (REGISTERED | OWN).items()}


def test_attempts_beyond_fourteen_are_not_told_apart() -> None:
    counted = metrics.Metrics(fakes.Clock())
    for attempts in (1, 14, 15, 40):
        counted.bound(entry.Entry(worlds.World().pod("p"), 0.0, attempts), 0.0, 1.0)
    found = told(counted).all("pod_scheduling_sli_duration_seconds_count")
    assert found == {"1": 1, "14": 1, "15+": 2}


def test_a_pod_that_was_tried_again_for_its_long_wait_counts_when_it_is_bound() -> None:
    counted = metrics.Metrics(fakes.Clock())
    item = entry.Entry(worlds.World().pod("p"), 0.0, 2, flushed=True)
    counted.failed(item, failures.Failed("no"), 1.0)
    assert told(counted)("pod_scheduled_after_flush_total") == 0
    counted.bound(item, 0.0, 1.0)
    assert told(counted)("pod_scheduled_after_flush_total") == 1


async def test_an_error_of_a_filter_counts_for_its_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> measures.Work:
        raise entries.CycleError("no volume", "VolumeBinding", "Filter")

    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        monkeypatch.setattr(scheduler.driver.engine, "plan", broken)
        await scheduler.attempt()
    found = told(scheduler)
    assert found.all("plugin_errors_total") == {("error", "Filter", "VolumeBinding"): 1}
    assert found.all("volume_scheduling_stage_error_total") == {"predicate": 1}
    assert found.all("schedule_attempts_total") == {(SCHEDULER, "error"): 1}


async def test_openmetrics_is_told_to_who_asks_for_it() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n"))
        body, kind = scheduler.driver.metrics.exposition("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert body.count(b"# EOF") == 1
    assert b'scheduler_node_availability{node="n",zone="unknown"} 0\n' in body


def test_a_process_that_does_not_lead_has_no_pods_to_tell_of() -> None:
    counted = metrics.Metrics(fakes.Clock())
    found = told(counted)
    assert found.all("pending_pods") == {}
    assert counted.resources() == b""
    assert found("health_status") == 1
