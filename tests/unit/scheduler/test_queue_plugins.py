"""The queue among plugins that raise: no pod is lost, others go on, and the log says who failed."""

import copy
from typing import Any

import pytest

from stowage.cluster import pods, table
from stowage.engine import cycle
from stowage.framework import events, interface
from stowage.scheduler.queueing import queue
from tests.builders import make_node, make_pod
from tests.unit.scheduler.worlds import PROFILE, Gate, World


def complaints(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    """(pod, plugin, what it was asked) of each line that says that a plugin failed."""
    records = [record for record in caplog.records if record.message == "Plugin failed in the queue"]
    return [(vars(each)["pod"], vars(each)["plugin"], vars(each)["asked"]) for each in records]


class Broken(Gate):
    """A gate that raises for the pods it would keep out."""

    def pre_enqueue(self, pod: pods.Incoming) -> None:
        if super().pre_enqueue(pod) is not None:
            raise RuntimeError("broken")


def test_a_gate_that_raises_keeps_its_pod_out_says_so_once_and_is_asked_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = Broken()
    gate.shut.add("a")
    world = World(gate)
    world.add("a", "b")
    assert (world.where("a"), world.popped()) == ("gated", ["b"])
    removed = events.ASSIGNED_POD_DELETE, world.pod(make_pod("victim").on("n")), None
    world.queue.move(*removed)
    assert world.where("a") == "gated"
    assert complaints(caplog) == [("default/a", "Gate", "pre_enqueue")]
    gate.shut.clear()
    world.queue.move(*removed)
    assert world.popped() == ["a"]


def test_a_hint_that_fails_does_not_leave_the_pod_behind(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Gate):
        name = "Failing"

        def events_to_register(self) -> tuple[events.Registration, ...]:
            return (events.on(events.Resource.NODE, events.Action.ADD, self.hint),)

        def hint(self, pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
            raise KeyError("oops")

    world = World(Failing())
    world.add("a")
    for _ in range(2):
        world.fail("Failing")
        world.node_added()
        assert world.where("a") == "backoff"
    assert complaints(caplog) == [("default/a", "Failing", "hint on NodeAdd")]


def test_the_gate_of_a_nominated_pod_that_raises_fails_nobody_elses_attempt() -> None:
    world, gate = World(), Broken()
    gate.shut.add("nominated")
    chain = copy.copy(PROFILE)
    chain.pre_enqueue = (gate,)
    engine = cycle.Engine(world.cluster, [chain])
    world.cluster.set_node(make_node("n").allocatable(cpu="4").done())
    nominated = world.pod("nominated")
    world.cluster.nominations[nominated.uid] = (nominated, "n")
    assert engine.decide(world.pod("other")).node == "n"


class Sort(interface.QueueSortPlugin):
    """Orders pods by the label `order`; a pod without one has a key of None."""

    name = "Sort"

    def sort_key(self, pod: pods.Incoming, queued: float) -> Any:
        if pod.name.startswith("broken"):
            raise RuntimeError("broken")
        order = pod.group.labels.get("order")
        return order and int(order)


def sorting() -> World:
    world = World()
    chain = copy.copy(PROFILE)
    chain.queue_sort = (Sort(),)
    world.queue = queue.Queue(world.cluster, [chain], world.clock)
    return world


def test_a_pod_that_cannot_be_sorted_goes_behind_all_others(caplog: pytest.LogCaptureFixture) -> None:
    world = sorting()
    labelled = [make_pod(f"o{order}").label(order=str(order)) for order in (3, 1, 2)]
    world.add("broken-a", *labelled, "broken-b")
    assert world.popped() == ["o1", "o2", "o3", "broken-a", "broken-b"]
    assert [pod for pod, _, _ in complaints(caplog)] == ["default/broken-a", "default/broken-b"]


def test_pods_whose_keys_do_not_compare_all_come_out(caplog: pytest.LogCaptureFixture) -> None:
    world = sorting()
    names = [f"p{number}" for number in range(200)]
    for number, name in enumerate(names):
        world.add(make_pod(name).label(order=str(number)) if number % 3 else make_pod(name))
    for name in names[::2]:  # leaves holes, which are cleared away
        world.queue.delete(world.pod(name))
    world.add("late")
    assert sorted(world.popped()) == sorted([*names[1::2], "late"])
    assert len([each for each in caplog.records if each.message.startswith("Pods cannot be sorted")]) == 1
