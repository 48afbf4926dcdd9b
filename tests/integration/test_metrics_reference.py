"""Our metrics beside the real kube-scheduler's, after the same small workload on the same API server."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import Metric, parser

from stowage.api import objects
from stowage.framework import config
from stowage.kube import client as clients
from stowage.kube import connection, resources
from stowage.scheduler import live
from tests import control_plane

pytestmark = [pytest.mark.reference, pytest.mark.slow]

PODS = resources.PODS.plain()
NODES = resources.NODES.plain()
NODE_STATUS = resources.NODES.sub("status", dict[str, Any])
NAMESPACES = resources.of(objects.Namespace).plain()
CLASSES = resources.of(objects.PriorityClass).plain()

WITHOUT_LEASE = config.load(
    "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
    "leaderElection: {leaderElect: false}\n"
).config

EQUAL = (
    "scheduler_schedule_attempts_total",
    "scheduler_pod_scheduling_attempts_count",
    "scheduler_pod_scheduling_attempts_sum",
    "scheduler_pod_scheduling_sli_duration_seconds_count",
    "scheduler_scheduling_algorithm_duration_seconds_count",
    "scheduler_scheduling_attempt_duration_seconds_count",
    "scheduler_framework_extension_point_duration_seconds_count",
    "scheduler_preemption_attempts_total",
    "scheduler_preemption_goroutines_execution_total",
    "scheduler_preemption_victims_count",
    "scheduler_preemption_victims_sum",
    "scheduler_pending_pods",
    "scheduler_unschedulable_pods",
    "scheduler_queue_incoming_pods_total",
    "scheduler_cache_size",
    "scheduler_pod_scheduled_after_flush_total",
)
"""Samples that are the same whoever schedules; what is zero counts as not there."""

REQUESTS = (
    "rest_client_requests",
    "rest_client_request_duration_seconds",
    "rest_client_rate_limiter_duration_seconds",
)

EMPTY = {
    "scheduler_batch_cache_flushed",
    "scheduler_get_node_hint_duration_seconds",
    "scheduler_store_schedule_results_duration_seconds",
}
"""Families that have values with the real scheduler and none with ours, as docs/metrics.md says."""

POINTS = ("PostFilter", "Reserve", "Permit", "PreBindPreFlight", "PreBind", "Bind", "PostBind")
"""Extension points that are timed in the same cycles; plans spare many of the others."""

Families = dict[str, Metric]
Pods = set[tuple[str, frozenset[tuple[str, str]], float]]
Told = Callable[[], Awaitable[str]]


def families(text: str) -> Families:
    """Those of the scheduler, and of its requests as far as they are ours."""
    found = parser.text_string_to_metric_families(text)
    return {each.name: each for each in found if each.name.startswith("scheduler_") or each.name in REQUESTS}


def buckets(family: Metric) -> set[float]:
    return {float(sample.labels["le"]) for sample in family.samples if "le" in sample.labels}


def label_names(family: Metric) -> set[str]:
    return {name for sample in family.samples for name in sample.labels} - {"le"}


def values(found: Families) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in found.values()
        for sample in family.samples
        if sample.name in EQUAL and sample.value and sample.labels.get("extension_point", POINTS[0]) in POINTS
    }


@dataclasses.dataclass
class World:
    """One node and its pods, in a namespace that nobody used before."""

    client: clients.Client
    namespace: str

    async def node(self) -> None:
        await self.client.create(NODES, {"metadata": {"name": self.namespace}})
        amounts = {"cpu": "2", "memory": "8Gi", "pods": "110"}
        status = {"status": {"allocatable": amounts, "capacity": amounts}}
        await self.client.patch(NODE_STATUS, status, self.namespace, how=clients.Patch.STRATEGIC)
        await self.client.patch(NODES, {"spec": {"taints": None}}, self.namespace, how=clients.Patch.MERGE)

    async def pod(self, name: str, cpu: str, **spec: Any) -> None:
        amounts = {"requests": {"cpu": cpu}, "limits": {"cpu": "3", "memory": "64Mi"}}
        container = {"name": "c", "image": "i", "resources": amounts}
        body = {
            "metadata": {"name": name},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0, **spec},
        }
        await self.client.create(PODS, body, self.namespace)

    async def bound(self, name: str) -> None:
        while "nodeName" not in (await self.client.get(PODS, name, self.namespace))["spec"]:
            await asyncio.sleep(0.05)

    async def hopeless(self, name: str) -> None:
        while True:
            pod = await self.client.get(PODS, name, self.namespace)
            said = {each["type"]: each for each in pod["status"].get("conditions", ())}
            if said.get("PodScheduled", {}).get("reason") == "Unschedulable":
                return
            await asyncio.sleep(0.05)

    async def clear(self) -> None:
        for pod in await self.client.list_all(PODS, self.namespace):
            await self.client.delete(PODS, pod["metadata"]["name"], self.namespace, grace_period=0)
        await self.client.delete(NODES, self.namespace)

    async def worked(self) -> None:
        """Two pods are bound, two wait, one of them gated, and one makes room for itself."""
        await self.pod("small", "500m")
        await self.bound("small")
        await self.pod("victim", "1", priorityClassName="low")
        await self.bound("victim")
        await self.pod("lost", "100m", nodeSelector={"nowhere": "to-be-found"})
        await self.hopeless("lost")
        await self.pod("gated", "100m", schedulingGates=[{"name": "example.com/wait"}])
        await self.pod("important", "1500m", priorityClassName="high")
        await self.bound("important")


async def settled(tell: Told) -> Families:
    """What is told once it does not change any more; kube-scheduler tells some of it a second late."""
    before: Families = {}
    while True:
        found = families(await tell())
        if before and values(before) == values(found):
            return found
        before = found
        await asyncio.sleep(1.5)


@contextlib.asynccontextmanager
async def world_of(plane: control_plane.ControlPlane, namespace: str) -> AsyncIterator[World]:
    server = connection.from_kubeconfig(plane.kubeconfig)
    async with clients.Client(server, clients.Settings(qps=None)) as client:
        world = World(client, namespace)
        await client.create(NAMESPACES, {"metadata": {"name": namespace}})
        await world.node()
        try:
            yield world
        finally:
            await world.clear()


def asked(text: str, world: World) -> Pods:
    """What pods request and are limited to, the world's own name left out."""
    return {
        (
            sample.name,
            frozenset((k, v.replace(world.namespace, "")) for k, v in sample.labels.items()),
            sample.value,
        )
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


async def theirs(plane: control_plane.ControlPlane) -> tuple[Families, Pods]:
    """The real scheduler's, which it then is the end of."""
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer admin-token"}) as session:

        async def tell(path: str = "/metrics") -> str:
            async with session.get(f"https://127.0.0.1:{plane.port + 3}{path}", ssl=False) as answer:
                assert answer.status == 200
                return await answer.text()

        async with world_of(plane, "theirs") as world:
            for name, value in (("low", -10), ("high", 1000)):
                await world.client.create(CLASSES, {"metadata": {"name": name}, "value": value})
            await world.worked()
            found = await settled(tell), asked(await tell("/metrics/resources"), world)
    plane.stop("kube-scheduler")
    return found


def declared(process: live.Process) -> dict[str, set[str]]:
    """Family -> the names of its labels, whether it has values or not."""
    return {each.name: set(each._labelnames) for each in process.metrics._book.collect()}  # type: ignore[attr-defined]


async def ours(plane: control_plane.ControlPlane) -> tuple[Families, dict[str, set[str]], Pods]:
    async with world_of(plane, "ours") as world:
        process = live.Process(world.client, WITHOUT_LEASE)
        work = asyncio.create_task(process.run())

        async def tell() -> str:
            assert not work.done(), work
            return process.metrics.exposition()[0].decode()

        try:
            await world.worked()
            found = await settled(tell)
            return found, declared(process), asked(process.metrics.resources().decode(), world)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def test_every_family_of_the_real_scheduler_is_ours_and_counts_alike(tmp_path: Path) -> None:
    with control_plane.running(tmp_path, ("scheduler",)) as plane:
        async with asyncio.timeout(120):
            real, their_pods = await theirs(plane)
            mine, labels, our_pods = await ours(plane)
    assert real.keys() <= mine.keys()
    assert {name for name in real if not mine[name].samples} == EMPTY
    for name, family in real.items():
        assert (name, mine[name].type) == (name, family.type)
        assert (name, labels[name]) == (name, label_names(family))
        if name not in EMPTY:
            assert (name, label_names(mine[name])) == (name, labels[name])
            assert (name, buckets(mine[name])) == (name, buckets(family))
    assert values(mine) == values(real)
    assert our_pods == their_pods
    assert their_pods
