"""CustomPreemption in the place of DefaultPreemption, with the driver: its victims are evicted alike."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from stowage.kube import informer
from stowage.scheduler import driver
from stowage.scheduler.metering import metrics
from tests.builders import make_node, make_pod
from tests.unit.kube import fakes
from tests.unit.plugins import test_custom_preemption
from tests.unit.scheduler.test_driver import HoldingServer, Scheduler, Server
from tests.unit.scheduler.test_driver_rules import kept_out

NOT_AT_ALL = test_custom_preemption.CONFIG.replace("postFilter", "multiPoint")


@asynccontextmanager
async def world(server: Server, text: str = test_custom_preemption.CONFIG) -> AsyncIterator[Scheduler]:
    written = test_custom_preemption.loaded(text)
    async with fakes.client_of(server.handle) as made:
        scheduler = Scheduler(made)
        scheduler.driver = driver.Driver(made, written, lambda: True, seed=1)
        yield scheduler


async def test_its_victims_are_evicted_and_the_pod_takes_their_place() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.tell(
            make_node("n").allocatable(cpu="4"),
            make_pod("system", "kube-system").cpu("1").on("n"),
            make_pod("low").cpu("1").priority(1).on("n"),
            make_pod("mid").cpu("1").priority(2).on("n"),
            make_pod("high").cpu("1").priority(3).on("n"),
            make_pod("p").cpu("2").priority(9),
        )
        await scheduler.attempt()
        [nomination] = server.sent("PATCH", "/p/status")
        assert nomination["status"]["nominatedNodeName"] == "n"
        assert {path.rpartition("/")[2] for verb, path, _ in server.asked if verb == "DELETE"} == {
            "low",
            "mid",
        }
        [mark] = server.sent("PATCH", "/low/status")
        assert mark["status"]["conditions"][0]["type"] == "DisruptionTarget"
        assert metrics_of(scheduler) == 1
        for name in ("low", "mid"):
            scheduler.tell(make_pod(name).on("n"), what=informer.What.REMOVED)
        assert scheduler.place("p") == "backoff"
        await scheduler.attempt()
    assert len(server.sent("POST", "/p/binding")) == 1


async def test_a_victim_that_is_not_bound_yet_gives_way_to_it_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def give_way(uid: str, plugin: str) -> bool:
        asked.append(f"{uid} to {plugin}")
        return True

    async with world(Server()) as scheduler:
        monkeypatch.setattr(scheduler.driver._preemption, "_give_way", give_way)
        scheduler.tell(make_node("n"), make_pod("low").cpu("4").on("n"), make_pod("p").cpu("4").priority(9))
        await scheduler.attempt()
    assert asked == ["uid-default-low to CustomPreemption"]


async def test_where_nobody_may_be_evicted_the_pod_is_told_so() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.tell(
            make_node("n"),
            make_pod("system", "kube-system").cpu("4").on("n"),
            make_pod("p").cpu("4").priority(9),
        )
        await scheduler.attempt()
    [patch] = server.sent("PATCH", "/p/status")
    message = patch["status"]["conditions"][0]["message"]
    assert message.endswith(", no preemption candidates found")
    assert not server.sent("DELETE", "system")


async def test_a_gate_without_default_preemption_opens_when_a_victim_is_gone() -> None:
    server = HoldingServer()
    async with world(server, NOT_AT_ALL) as scheduler:
        [chain] = scheduler.driver.engine.profiles.values()
        assert "DefaultPreemption" not in {plugin.name for plugin in chain.pre_enqueue}
        await kept_out(scheduler, server)


def metrics_of(scheduler: Scheduler) -> int:
    """Attempts to preempt that were counted."""
    counted: metrics.Metrics = scheduler.driver.metrics
    return int(counted.preemptions[()])
