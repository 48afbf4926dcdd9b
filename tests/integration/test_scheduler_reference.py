"""The live scheduler against the real API server: what becomes of pods, and what is said of them."""

import asyncio
import collections
import contextlib
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stowage.api import objects
from stowage.framework import config
from stowage.kube import client as clients
from stowage.kube import connection, errors, resources
from stowage.scheduler import live
from tests import control_plane

pytestmark = [pytest.mark.reference, pytest.mark.slow]

PODS = resources.PODS.plain()
NODES = resources.NODES.plain()
NODE_STATUS = resources.NODES.sub("status", dict[str, Any])
NAMESPACES = resources.of(objects.Namespace).plain()
CLASSES = resources.of(objects.PriorityClass).plain()
DEVICE_CLASSES = resources.of(objects.DeviceClass).plain()
EVENTS = resources.EVENTS.plain()

WITHOUT_LEASE = config.load(
    "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
    "leaderElection: {leaderElect: false}\n"
).config


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control_plane.ControlPlane]:
    with control_plane.running(tmp_path_factory.mktemp("controlplane")) as started:
        yield started


class Cluster:
    """Nodes and pods of one test, with a label of their own so that tests do not meet."""

    def __init__(self, client: clients.Client) -> None:
        self.client = client
        self.name = f"t{uuid.uuid4().hex[:6]}"

    async def node(self, name: str, cpu: str = "4") -> str:
        """A node's full name."""
        full = f"{self.name}-{name}"
        await self.client.create(NODES, {"metadata": {"name": full, "labels": {"test": self.name}}})
        amounts = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
        status = {"status": {"allocatable": amounts, "capacity": amounts}}
        await self.client.patch(NODE_STATUS, status, full, how=clients.Patch.STRATEGIC)
        # Without controllers nobody else takes off what admission puts on.
        await self.client.patch(NODES, {"spec": {"taints": None}}, full, how=clients.Patch.MERGE)
        return full

    async def pod(self, name: str, cpu: str = "1", **spec: Any) -> None:
        body = {
            "metadata": {"name": name},
            "spec": {
                "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}],
                "nodeSelector": {"test": self.name},
                "terminationGracePeriodSeconds": 0,
                **spec,
            },
        }
        await self.client.create(PODS, body, self.name)

    async def get(self, name: str) -> dict[str, Any]:
        return await self.client.get(PODS, name, self.name)

    async def node_of(self, name: str) -> str:
        """The node of a pod that is bound."""
        pod = await self.until(name, lambda pod: "nodeName" in pod["spec"])
        return str(pod["spec"]["nodeName"])

    async def until(self, name: str, there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """A pod, once something is so."""
        while True:
            with contextlib.suppress(errors.NotFound):
                pod = await self.get(name)
                if there(pod):
                    return pod
            await asyncio.sleep(0.1)

    async def unscheduled(self, name: str) -> dict[str, Any]:
        """The PodScheduled condition of a pod, once it is False."""
        return condition(await self.until(name, lambda pod: condition(pod).get("status") == "False"))

    async def event(self, reason: str, name: str) -> dict[str, Any]:
        """The first Event about a pod with a reason."""
        while True:
            for event in await self.client.list_all(EVENTS, self.name):
                if event["reason"] == reason and event["regarding"]["name"] == name:
                    return event
            await asyncio.sleep(0.1)


def condition(pod: dict[str, Any], kind: str = "PodScheduled") -> dict[str, Any]:
    found = pod["status"].get("conditions", [])
    return next((each for each in found if each["type"] == kind), {})


@contextlib.asynccontextmanager
async def cluster_of(plane: control_plane.ControlPlane) -> AsyncIterator[Cluster]:
    settings = clients.Settings(qps=None)
    async with (
        asyncio.timeout(90),
        clients.Client(connection.from_kubeconfig(plane.kubeconfig), settings) as client,
    ):
        cluster = Cluster(client)
        await client.create(NAMESPACES, {"metadata": {"name": cluster.name}})
        try:
            yield cluster
        finally:
            for node in await client.list_all(NODES, params={"labelSelector": f"test={cluster.name}"}):
                await client.delete(NODES, node["metadata"]["name"])
            for pod in await client.list_all(PODS, cluster.name):
                await client.delete(PODS, pod["metadata"]["name"], cluster.name, grace_period=0)


@contextlib.asynccontextmanager
async def scheduling(cluster: Cluster) -> AsyncIterator[None]:
    """The scheduler at work, in this process."""
    work = asyncio.create_task(live.run(cluster.client, WITHOUT_LEASE))
    try:
        yield
        assert not work.done(), work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_many_pods_are_bound_and_no_node_gets_more_than_it_has(
    plane: control_plane.ControlPlane,
) -> None:
    async with cluster_of(plane) as cluster, scheduling(cluster):
        for i in range(50):
            await cluster.node(f"n{i}")
        async with asyncio.TaskGroup() as group:
            for i in range(300):  # a node of 4 CPUs holds six of 600m: they fill all 50 of them
                group.create_task(cluster.pod(f"p{i}", "600m"))
        used = collections.Counter([await cluster.node_of(f"p{i}") for i in range(300)])
        assert set(used.values()) == {6}
        event = await cluster.event("Scheduled", "p0")
        node = await cluster.node_of("p0")
    assert event["note"] == f"Successfully assigned {cluster.name}/p0 to {node}"
    assert (event["action"], event["type"]) == ("Binding", "Normal")
    assert event["reportingController"] == "default-scheduler"


async def test_a_pod_that_fits_nowhere_says_why_and_is_bound_when_a_node_comes(
    plane: control_plane.ControlPlane,
) -> None:
    async with cluster_of(plane) as cluster, scheduling(cluster):
        await cluster.node("small", "1")
        await cluster.pod("p", "2")
        said = await cluster.unscheduled("p")
        sentence = (
            "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
            "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        )
        assert (said["reason"], said["message"]) == ("Unschedulable", sentence)
        event = await cluster.event("FailedScheduling", "p")
        assert (event["note"], event["action"], event["type"]) == (sentence, "Scheduling", "Warning")
        large = await cluster.node("large", "4")
        assert await cluster.node_of("p") == large
        assert condition(await cluster.get("p"))["status"] == "True"


async def test_a_gated_pod_waits_for_its_gate(plane: control_plane.ControlPlane) -> None:
    async with cluster_of(plane) as cluster, scheduling(cluster):
        node = await cluster.node("n")
        await cluster.pod("gated", schedulingGates=[{"name": "example.com/wait"}])
        await cluster.pod("free")
        assert await cluster.node_of("free") == node
        assert condition(await cluster.get("gated"))["reason"] == "SchedulingGated"
        await cluster.client.patch(
            PODS, {"spec": {"schedulingGates": None}}, "gated", cluster.name, how=clients.Patch.MERGE
        )
        assert await cluster.node_of("gated") == node


async def test_preemption_evicts_and_binds(plane: control_plane.ControlPlane) -> None:
    async with cluster_of(plane) as cluster, scheduling(cluster):
        high = f"{cluster.name}-high"
        await cluster.client.create(CLASSES, {"metadata": {"name": high}, "value": 1000})
        node = await cluster.node("n", "2")
        await cluster.pod("victim", "2", terminationGracePeriodSeconds=30)
        await cluster.node_of("victim")
        await cluster.pod("important", "2", priorityClassName=high)
        victim = await cluster.until("victim", lambda pod: "deletionTimestamp" in pod["metadata"])
        said = condition(victim, "DisruptionTarget")
        assert (said["status"], said["reason"]) == ("True", "PreemptionByScheduler")
        assert said["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
        pending = await cluster.until("important", lambda pod: "nominatedNodeName" in pod["status"])
        assert pending["status"]["nominatedNodeName"] == node
        event = await cluster.event("Preempted", "victim")
        assert event["note"] == f"Preempted by pod {pending['metadata']['uid']} on node {node}"
        assert event["related"]["name"] == "important"
        # There is no kubelet to end it.
        await cluster.client.delete(PODS, "victim", cluster.name, grace_period=0)
        assert await cluster.node_of("important") == node


async def test_a_pod_that_another_binds_counts_where_it_was_bound(plane: control_plane.ControlPlane) -> None:
    async with cluster_of(plane) as cluster, scheduling(cluster):
        node = await cluster.node("n", "3")
        await cluster.pod("theirs", "2", schedulerName="another")
        body = {"metadata": {"name": "theirs"}, "target": {"kind": "Node", "name": node}}
        await cluster.client.create(resources.BINDINGS, body, cluster.name, "theirs")
        await cluster.pod("fits", "1")
        assert await cluster.node_of("fits") == node
        await cluster.pod("waits", "1")
        assert (await cluster.unscheduled("waits"))["reason"] == "Unschedulable"
        await cluster.client.create(
            resources.BINDINGS,
            {"metadata": {"name": "waits"}, "target": {"kind": "Node", "name": node}},
            cluster.name,
            "waits",
        )
        await cluster.client.delete(PODS, "fits", cluster.name, grace_period=0)
        await cluster.pod("next", "1")
        said = await cluster.unscheduled("next")
        assert "Insufficient cpu" in said["message"]


async def test_what_needs_claims_of_devices_stays_pending(plane: control_plane.ControlPlane) -> None:
    async with cluster_of(plane) as cluster, scheduling(cluster):
        await cluster.node("n")
        await cluster.pod(
            "p",
            resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}],
            schedulerName="default-scheduler",
        )
        said = await cluster.unscheduled("p")
        assert said["message"] == "0/1 nodes are available: resource claims are not supported yet."
        event = await cluster.event("FailedScheduling", "p")
        assert event["note"] == said["message"]


async def test_what_only_devices_provide_stays_pending_and_says_so(plane: control_plane.ControlPlane) -> None:
    async with cluster_of(plane) as cluster:
        node, resource = await cluster.node("n"), f"{cluster.name}.example.com/gpu"
        spec = {"extendedResourceName": resource}
        await cluster.client.create(DEVICE_CLASSES, {"metadata": {"name": cluster.name}, "spec": spec})
        asked = {"requests": {resource: "1"}, "limits": {resource: "1"}}
        containers = [{"name": "c", "image": "i", "resources": asked}]
        async with scheduling(cluster):
            await cluster.pod("p", containers=containers)
            said = await cluster.unscheduled("p")
            assert "1 extended resources of device classes are not supported yet." in said["message"]
            status = {"status": {"allocatable": {resource: "1"}, "capacity": {resource: "1"}}}
            await cluster.client.patch(NODE_STATUS, status, node, how=clients.Patch.STRATEGIC)
            assert await cluster.node_of("p") == node
        await cluster.client.delete(DEVICE_CLASSES, cluster.name)


@contextlib.asynccontextmanager
async def command(
    plane: control_plane.ControlPlane, settings: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`stowage scheduler`, as a process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "stowage", "scheduler", "--secure-port=0"),
        *("--kubeconfig", plane.kubeconfig, "--config", str(settings)),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(process: asyncio.subprocess.Process, text: str) -> None:
    """Returns when a process has logged something."""
    assert process.stderr is not None
    while text not in (line := (await process.stderr.readline()).decode()):
        assert line, f"ended without saying {text}"


async def test_of_two_replicas_one_schedules_and_the_other_takes_over(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    settings = tmp_path / "config.yaml"
    settings.write_text(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
        "leaderElection: {leaseDuration: 3s, renewDeadline: 2s, retryPeriod: 500ms}\n"
    )
    async with cluster_of(plane) as cluster:
        node = await cluster.node("n")
        async with command(plane, settings) as first, command(plane, settings) as second:
            leader, standby = await first_to_lead(first, second)
            await cluster.pod("a")
            assert await cluster.node_of("a") == node
            leader.kill()
            await cluster.pod("b")
            assert await cluster.node_of("b") == node
            standby.send_signal(signal.SIGTERM)
            assert await standby.wait() == 0
        lease = await cluster.client.get(resources.LEASES, "kube-scheduler", "kube-system")
    assert lease["spec"]["holderIdentity"] == ""


async def first_to_lead(
    *processes: asyncio.subprocess.Process,
) -> tuple[asyncio.subprocess.Process, asyncio.subprocess.Process]:
    """The one that leads, and the other."""
    waiting = {asyncio.create_task(said(each, "Cluster known")): each for each in processes}
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    leader = waiting[done.pop()]
    for each in pending:
        each.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return leader, next(each for each in processes if each is not leader)
