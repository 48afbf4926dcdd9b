"""Pods that a Permit plugin makes wait: allowed, rejected, timed out, preempted, deleted, and at the end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stowage.cluster import pods
from stowage.framework import interface, status
from stowage.kube import informer
from stowage.scheduler.actuation import waiting
from tests.builders import make_node, make_pod
from tests.storage_builders import make_claim, make_class, using
from tests.unit.kube import fakes
from tests.unit.scheduler.test_driver import SCHEDULER, Scheduler, Server
from tests.unit.scheduler.test_driver_volumes import KEPT, VOLUME, answering, tell

UID = "uid-default-p"


class Patient(interface.ReservePlugin, interface.PermitPlugin):
    """Makes every pod but those of high priority wait, and notes what it reserved."""

    def __init__(self, name: str = "Patient", seconds: float = 30.0) -> None:
        self.name = name  # type: ignore[misc]
        self.seconds = seconds
        self.reserved: list[str] = []
        self.context: interface.BindContext | None = None

    def reserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
        self.context = context
        self.reserved.append(pod.name)

    def unreserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
        if pod.name in self.reserved:
            self.reserved.remove(pod.name)

    def permit(
        self, pod: pods.Incoming, node: str, context: interface.BindContext
    ) -> tuple[status.Status | None, float]:
        return (None, 0.0) if pod.priority else (status.WAIT, self.seconds)


class World:
    """A scheduler with these plugins, and a clock that the test moves."""

    def __init__(self, server: Server, made: Any, clock: fakes.Clock, plugins: tuple[Patient, ...]) -> None:
        self.server = server
        self.scheduler = Scheduler(made)
        self.clock = clock
        chain = self.scheduler.driver.engine.profiles[SCHEDULER]
        chain.permit = plugins
        chain.reserve = (*plugins, *chain.reserve)
        self.waiting = self.scheduler.driver.waiting

    async def attempt(self) -> None:
        """A cycle that makes the pod wait, until others have heard of its node."""
        self.scheduler.driver.attempt()
        async with asyncio.timeout(5):
            while not self.server.sent("PATCH", "/p/status") or self.scheduler.driver.statuses._writing:
                await asyncio.sleep(0)

    async def settle(self) -> None:
        async with asyncio.timeout(5):
            await self.scheduler.settle()


@contextlib.asynccontextmanager
async def world(server: Server, *plugins: Patient) -> AsyncIterator[World]:
    clock = fakes.Clock(hurry=False)
    async with fakes.client_of(server.handle, clock=clock) as made:
        made_world = World(server, made, clock, plugins or (Patient(),))
        made_world.scheduler.tell(make_node("n"), make_pod("p").cpu("3"))
        yield made_world


def condition(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.sent("PATCH", "/p/status")[-1]["status"]["conditions"][0]
    return found


async def test_a_pod_that_waits_holds_its_place_and_others_hear_of_its_node() -> None:
    server = Server()
    async with world(server) as made:
        await made.attempt()
        assert server.sent("PATCH", "/p/status") == [
            {"metadata": {"uid": UID}, "status": {"nominatedNodeName": "n"}}
        ]
        assert made.scheduler.used("n") == 1
        assert not server.sent("POST", "/binding")
        made.waiting.allow(UID, "Patient")
        await made.settle()
    assert len(server.sent("POST", "/binding")) == 1
    assert UID not in made.waiting


async def test_a_plugin_finds_and_allows_those_that_wait() -> None:
    server, plugin = Server(), Patient()
    async with world(server, plugin) as made:
        await made.attempt()
        assert plugin.context is not None
        for pod in plugin.context.waiting:
            plugin.context.waiting.allow(pod.uid, plugin.name)
        await made.settle()
    assert len(server.sent("POST", "/binding")) == 1


async def test_all_plugins_that_wait_have_to_allow() -> None:
    server = Server()
    async with world(server, Patient("One"), Patient("Two")) as made:
        await made.attempt()
        made.waiting.allow(UID, "One")
        await fakes.settled()
        assert not server.sent("POST", "/binding")
        made.waiting.allow(UID, "Two")
        await made.settle()
    assert len(server.sent("POST", "/binding")) == 1


async def test_a_rejected_pod_is_unschedulable_because_of_the_plugin() -> None:
    server, plugin = Server(), Patient()
    async with world(server, plugin) as made:
        await made.attempt()
        assert made.waiting.reject(UID, "Patient", "not today")
        assert not made.waiting.reject(UID, "Patient", "again")
        await made.settle()
        found = condition(server)
        assert (found["reason"], found["message"]) == (
            "Unschedulable",
            "0/1 nodes are available: 1 not today.",
        )
        last = server.sent("PATCH", "/p/status")[-1]
        assert last["status"]["nominatedNodeName"] is None
        item = made.scheduler.driver.queue.get("default/p")
        assert item is not None
        assert item.rejecting == {"Patient"}
        # What its own leaving frees is no reason to try it again.
        assert (made.scheduler.place("p"), made.scheduler.used("n")) == ("unschedulable", 0)
    assert plugin.reserved == []


async def test_the_plugin_with_the_shortest_patience_times_out() -> None:
    server = Server()
    async with world(server, Patient("Long", 60.0), Patient("Short", 1.5)) as made:
        await made.attempt()
        await made.clock.advance(1.4)
        assert UID in made.waiting
        await made.clock.advance(0.2)
        await made.settle()
    assert condition(server)["message"] == (
        "0/1 nodes are available: 1 rejected due to timeout after waiting 1.5s at plugin Short."
    )


async def test_who_has_allowed_does_not_time_out() -> None:
    server = Server()
    async with world(server, Patient("Long", 60.0), Patient("Short", 1.0)) as made:
        await made.attempt()
        made.waiting.allow(UID, "Short")
        await made.clock.advance(59.0)
        assert UID in made.waiting
        await made.clock.advance(1.5)
        await made.settle()
    assert "after waiting 1m0s at plugin Long" in condition(server)["message"]


async def test_nobody_waits_longer_than_a_quarter_of_an_hour() -> None:
    server = Server()
    async with world(server, Patient(seconds=3600.0)) as made:
        await made.attempt()
        await made.clock.advance(901.0)
        await made.settle()
    assert "after waiting 15m0s at plugin Patient" in condition(server)["message"]


async def test_a_victim_that_waits_gives_way_and_is_not_deleted() -> None:
    server = Server()
    async with world(server) as made:
        await made.attempt()
        made.scheduler.tell(make_pod("high").cpu("3").priority(9))
        made.scheduler.driver.attempt()
        await made.settle()
        assert not server.sent("DELETE", "/p")
        assert not any("DisruptionTarget" in str(body) for body in server.sent("PATCH", "/p/status"))
        found = condition(server)
        assert (found["reason"], found["message"]) == (
            "SchedulerError",
            "waiting on permit for pod: preempted",
        )
        assert (made.scheduler.place("p"), made.scheduler.used("n")) == ("backoff", 0)
        told = made.scheduler.driver.announcer
        sending = asyncio.create_task(told.run())
        await told.flush()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        notes = [body["note"] for body in server.sent("POST", "/events")]
        assert "Preempted by pod uid-default-high on node n (in kube-scheduler memory)." in notes
        # The room is there at once: its own news need not come first.
        assert made.scheduler.place("high") in ("active", "backoff")


async def test_a_victim_in_pre_bind_gives_way_and_is_not_deleted() -> None:
    server = Server(get=lambda request: answering(KEPT if "persistentvolumes" in request.path else CLAIM))
    async with world(server, Patient(seconds=0.0)) as made:
        driver = made.scheduler.driver
        driver.engine.profiles[SCHEDULER].permit = ()
        made.scheduler.tell(make_pod("p").cpu("3"), what=informer.What.REMOVED)
        tell(made.scheduler, make_class(), CLAIM, VOLUME)
        made.scheduler.tell(using(make_pod("p").cpu("3"), "c"))
        driver.attempt()
        async with asyncio.timeout(5):
            while not server.sent("GET", "/c"):  # its volume is written, its claim not bound yet
                await asyncio.sleep(0)
        made.scheduler.tell(make_pod("high").cpu("3").priority(9))
        driver.attempt()
        await made.settle()
        assert not server.sent("DELETE", "/p")
        assert condition(server)["message"] == (
            'running PreBind plugin "VolumeBinding": preempted by DefaultPreemption'
        )
        assert (made.scheduler.place("p"), made.scheduler.used("n")) == ("backoff", 0)
        # What was written stays written, and is read again.
        assert driver.engine.cluster.storage.volumes["pv"] == KEPT


CLAIM = make_claim("c")


async def test_a_pod_deleted_while_it_waits_leaves_nothing() -> None:
    server, plugin = Server(), Patient()
    async with world(server, plugin) as made:
        await made.attempt()
        before = len(server.asked)
        made.scheduler.tell(make_pod("p"), what=informer.What.REMOVED)
        await made.settle()
        assert len(server.asked) == before
        assert (made.scheduler.place("p"), made.scheduler.used("n")) == ("", 0)
        assert made.scheduler.driver.queue.in_flight == (0, 0)
    assert plugin.reserved == []


async def test_at_the_end_those_that_wait_are_unreserved_and_nothing_is_said() -> None:
    server, plugin = Server(), Patient()
    async with world(server, plugin) as made:
        run = asyncio.create_task(made.scheduler.driver.run())
        await made.attempt()
        before = server.sent("PATCH", "/p/status")
        run.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(run, return_exceptions=True)
    assert plugin.reserved == []
    assert server.sent("PATCH", "/p/status") == before
    assert not server.sent("POST", "/binding")
    assert made.scheduler.used("n") == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (1e-9, "1ns"),
        (2.5e-6, "2.5µs"),
        (0.25, "250ms"),
        (1.0, "1s"),
        (12.345, "12.345s"),
        (90.0, "1m30s"),
        (3600.5, "1h0m0.5s"),
    ],
    ids=str,
)
def test_durations_are_written_as_go_does(seconds: float, text: str) -> None:
    assert waiting.duration(seconds) == text
