"""Whole nodes that extenders send back: scored as they came, and as if no pod ran on them."""

from typing import Any

import pytest

from stowage.cluster import pods
from stowage.scheduler.metering import metrics
from tests.builders import make_node, make_pod
from tests.unit.scheduler.test_driver import Server
from tests.unit.scheduler.test_extenders import Consulting, Extender, bound, said, world


async def test_whole_nodes_that_come_back_are_scored_as_if_no_pod_ran_on_them() -> None:
    server = Server()
    asked = Extender(filter=lambda question: {"Nodes": question["Nodes"]})
    async with world(server, asked, nodeCacheCapable=False) as scheduler:
        scheduler.tell(make_node("big").allocatable(cpu="16"), make_node("small").allocatable(cpu="8"))
        scheduler.tell(*(make_pod(name).cpu("6").on("big") for name in ("a", "b")), make_pod("p").cpu("1"))
        cluster = scheduler.driver.engine.cluster
        before = (dict(cluster.row_of), cluster.node_count, scheduler.used("big"))
        for _ in range(2):
            outcome = await scheduler.driver._consulted(_pending(scheduler, "p"), metrics.Metrics().timer())
            # 1 of 16 against 1 of 8; with its pods, big would have 13 of 16 requested
            assert outcome.node == "big"
        assert (cluster.row_of, cluster.node_count, scheduler.used("big")) == before
        plain = scheduler.driver.engine.decide(_pending(scheduler, "p"))
    assert plain.node == "small"


def _pending(scheduler: Consulting, name: str) -> pods.Incoming:
    [found] = [each for each in scheduler.driver.cache.pending.values() if each.name == name]
    return found


async def test_whole_nodes_are_scored_and_passed_on_as_an_extender_changed_them() -> None:
    def tainted(question: dict[str, Any]) -> Any:
        first, *others = sorted(question["Nodes"]["items"], key=lambda node: str(node["metadata"]["name"]))
        first["spec"]["taints"] = [{"key": "k", "effect": "PreferNoSchedule"}]
        return {"Nodes": {"items": [first, *others]}}

    def taints(question: dict[str, Any]) -> list[str]:
        items = question["Nodes"]["items"]
        return sorted(node["metadata"]["name"] for node in items if node["spec"].get("taints"))

    server = Server()
    first = Extender(filter=tainted)
    second = Extender(filter=lambda question: {"Nodes": question["Nodes"]}, prioritize=lambda _: [])
    async with world(server, first, second, nodeCacheCapable=False) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_pod("p"))
        await scheduler.attempt()
    assert [taints(question) for _, question in second.asked] == [["a"], ["a"]]
    assert bound(server) == ["b"]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"allocatable": []}, "an extender sent a node that is none"),
        ({"allocatable": {"cpu": "many"}}, "many"),
    ],
    ids=["type", "quantity"],
)
async def test_what_comes_back_and_is_no_node_is_an_error(status: dict[str, Any], message: str) -> None:
    def broken(question: dict[str, Any]) -> Any:
        first, *others = question["Nodes"]["items"]
        return {"Nodes": {"items": [*others, {**first, "status": status}]}}

    server = Server()
    async with world(server, Extender(filter=broken), nodeCacheCapable=False) as scheduler:
        scheduler.tell(make_node("a"), make_node("b"), make_pod("p"))
        cluster = scheduler.driver.engine.cluster
        before = (dict(cluster.row_of), cluster.node_count)
        await scheduler.attempt()
        assert (cluster.row_of, cluster.node_count) == before
    assert said(server)["reason"] == "SchedulerError"
    assert message in said(server)["message"]
