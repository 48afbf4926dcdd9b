"""Faults of the scheduler, of the API server and its store, of the way between, and of the clock."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from stowage.kube import resources
from tests import control_plane
from tests.integration.faults import checks, harness, proxy

pytestmark = [pytest.mark.reference, pytest.mark.slow]

FULL = 30 * harness.FIT
"""Pods that fill a scene's nodes."""

DEFAULT_TIMES = ("15s", "10s", "2s")
"""Of the Lease: how long it lasts, when it must be renewed, how often that is tried."""


# ------------------------------------------------------------------------------------ the scheduler
async def test_a_scheduler_that_is_killed_and_started_again_goes_on(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path) as scene:
        scheduler = scene.scheduler()
        await scene.cluster.bound(60)
        scheduler.signal(signal.SIGKILL)
        scene.over()
        await scene.holds()
        assert scheduler.starts == 2


async def test_a_second_replica_takes_over_from_a_leader_that_is_killed(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path, pods=0) as scene:
        leader, second = await scene.replicas_of(harness.configuration(times=DEFAULT_TIMES))
        await scene.cluster.fill(FULL)
        await scene.cluster.bound(60)
        leader.kept = False
        leader.signal(signal.SIGKILL)
        scene.over()
        await scene.holds(second)


async def test_a_leader_that_stood_still_binds_nothing_when_it_goes_on(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    sent = []

    async def note(exchange: proxy.Exchange) -> None:
        if exchange.pod:
            sent.append(exchange.pod)

    async with harness.scene(plane, tmp_path, pods=0) as scene:
        leader, second = await scene.replicas_of()
        await scene.cluster.fill(FULL)
        await scene.cluster.bound(60)
        leader.signal(signal.SIGSTOP)
        await second.until("Cluster known; scheduling")
        with scene.proxy.fault(note):
            leader.signal(signal.SIGCONT)
            scene.over()
            await scene.holds(second)
        # Nor does it say anything against what the other one did.
        said = [condition for pod in await scene.cluster.pods() for condition in pod["status"]["conditions"]]
        assert {each["status"] for each in said if each["type"] == "PodScheduled"} == {"True"}
    assert sent == []


# ----------------------------------------------------------------------------------- the API server
@pytest.mark.parametrize("name", ["kube-apiserver", "etcd"])
async def test_a_server_that_is_stopped_and_started_again(
    plane: control_plane.ControlPlane, tmp_path: Path, name: str
) -> None:
    async with harness.scene(plane, tmp_path) as scene:
        scene.scheduler(direct=True)
        await scene.cluster.bound(60)
        try:
            await asyncio.to_thread(plane.stop, name)
        finally:
            await asyncio.to_thread(plane.start)
        scene.over()
        await scene.holds()


# ---------------------------------------------------------------------------------- the way between
async def test_watches_that_are_cut(plane: control_plane.ControlPlane, tmp_path: Path) -> None:
    async with harness.scene(plane, tmp_path) as scene:
        scheduler = scene.scheduler()
        for bound in (40, 90, 140):
            await scene.cluster.bound(bound)
            scene.proxy.cut()
        scene.over()
        await scene.holds()
        assert scheduler.starts == 1


async def test_bindings_whose_answers_are_lost(plane: control_plane.ControlPlane, tmp_path: Path) -> None:
    async with harness.scene(plane, tmp_path) as scene:
        scheduler = scene.scheduler()
        await scene.cluster.bound(40)
        with scene.proxy.fault(scene.proxy.lose):
            await scene.cluster.bound(120)
        scene.over()
        await scene.holds()
        assert len(scene.proxy.lost) >= 40
        assert scheduler.starts == 1


async def test_bindings_that_arrive_after_their_connection_broke(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path) as scene:
        scene.scheduler()
        await scene.cluster.bound(40)
        with scene.proxy.fault(scene.proxy.delay):
            await scene.cluster.bound(120)
        scene.over()
        await asyncio.gather(*scene.proxy.late.values())
        await scene.holds()
        assert len(scene.proxy.late) >= 40


def refusing(code: int, reason: str, retry_after: int | None = None) -> proxy.Act:
    """Answers everything with an error."""

    async def act(_: proxy.Exchange) -> web.StreamResponse:
        return proxy.status(code, reason, retry_after)

    return act


async def refuse_bindings(exchange: proxy.Exchange) -> web.StreamResponse | None:
    return proxy.status(409, "Conflict") if exchange.pod else None


async def refuse_watches(exchange: proxy.Exchange) -> web.StreamResponse | None:
    return proxy.status(410, "Expired") if exchange.watch else None


@pytest.mark.parametrize(
    ("act", "pause"),
    [
        pytest.param(refuse_bindings, 0, id="409"),
        pytest.param(refuse_watches, 0, id="410"),
        pytest.param(refusing(429, "TooManyRequests", retry_after=1), 1, id="429"),
        pytest.param(refusing(500, "InternalError"), 0, id="500"),
    ],
)
async def test_answers_that_are_errors_for_a_while(
    plane: control_plane.ControlPlane, tmp_path: Path, act: proxy.Act, pause: int
) -> None:
    """`pause`: the seconds that the answer asks for."""
    async with harness.scene(plane, tmp_path) as scene:
        scene.scheduler()
        await scene.cluster.bound(60)
        with scene.proxy.fault(act):
            scene.proxy.cut()
            await asyncio.sleep(3)  # how long the fault lasts
        scene.over()
        await scene.holds()
        # A Lease is tried at times of its own, whatever the answer was.
        waits = [seconds for path, seconds in scene.proxy.waits if "/leases/" not in path]
        assert waits
        assert min(waits) >= pause


@pytest.mark.parametrize("elect", [True, False], ids=["elected", "alone"])
async def test_an_api_that_answers_after_five_seconds(
    plane: control_plane.ControlPlane, tmp_path: Path, elect: bool
) -> None:
    async def late(_: proxy.Exchange) -> None:
        await asyncio.sleep(5)

    async with harness.scene(plane, tmp_path) as scene:
        scene.scheduler(harness.configuration(elect=elect, times=DEFAULT_TIMES))
        await scene.cluster.bound(60)
        with scene.proxy.fault(late):
            await asyncio.sleep(8)  # how long the fault lasts
        scene.over()
        await scene.holds()


# ---------------------------------------------------------------------------------------- the clock
async def test_clocks_that_jump(plane: control_plane.ControlPlane, tmp_path: Path) -> None:
    """The Lease that the second replica waits for is a day old by its clock, and then it is not."""
    async with harness.scene(plane, tmp_path, pods=0) as scene:
        leader, second = await scene.replicas_of(altered="jumping_clock=86400")
        await scene.cluster.fill(FULL)
        for bound in (40, 120):  # a day forward, and back
            await scene.cluster.bound(bound)
            leader.signal(signal.SIGUSR1)
            second.signal(signal.SIGUSR1)
        scene.over()
        await scene.holds()
        assert (leader.starts, second.starts) == (1, 1)
        assert not second.lines("Cluster known; scheduling")


# -------------------------------------------------------------- what goes while a pod is being bound
@contextlib.asynccontextmanager
async def held(
    scene: harness.Scene, wanted: Callable[[proxy.Exchange], bool]
) -> AsyncIterator[asyncio.Event]:
    """Keeps bindings on the way within the block; the event says that one is."""
    there, released = asyncio.Event(), asyncio.Event()

    async def hold(exchange: proxy.Exchange) -> None:
        if exchange.pod and wanted(exchange):
            there.set()
            await released.wait()

    with scene.proxy.fault(hold):
        try:
            yield there
        finally:
            released.set()


async def test_a_node_that_is_deleted_while_a_pod_is_being_bound_to_it(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path, nodes=10, pods=0) as scene:
        node = f"{scene.cluster.name}-n03"
        scene.scheduler()
        async with held(scene, lambda exchange: exchange.pod == "there") as there:
            await scene.cluster.pod("there", nodeSelector={"kubernetes.io/hostname": node})
            await there.wait()
            await scene.cluster.client.delete(resources.NODES, node)
            await scene.cluster.fill(9 * harness.FIT)
            await scene.cluster.bound(9 * harness.FIT)
        scene.over()
        evidence = await scene.evidence()
        assert harness.problems(evidence) == []
        assert [pod["metadata"]["name"] for pod in evidence.pods if checks.node_of(pod) == node] == ["there"]
        # It counts again where a node of this name comes back, and there only.
        await scene.cluster.node("n03")
        await asyncio.gather(*(scene.cluster.pod(f"late{i}") for i in range(harness.FIT - 1)))
        scene.over()
        await scene.holds()


async def test_a_pod_that_is_deleted_while_it_is_being_bound(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path, nodes=10) as scene:
        async with held(scene, lambda exchange: exchange.pod == "p007") as there:
            scene.scheduler()
            await there.wait()
            await scene.cluster.client.delete(resources.PODS, "p007", scene.cluster.name, grace_period=0)
            await scene.cluster.pod("instead")
            await scene.cluster.bound(10 * harness.FIT - 1)
        scene.over()
        await scene.holds()
