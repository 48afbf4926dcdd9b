"""Nominations, by way of the queue: who keeps room on a node, and until when."""

import pytest

from tests.builders import make_pod
from tests.unit.scheduler.worlds import FIT, World


def nominations(world: World) -> dict[str, str]:
    return {pod.name: node for pod, node in world.cluster.nominations.values()}


def test_a_pod_that_comes_nominated_keeps_room_on_its_node() -> None:
    world = World()
    world.add(make_pod("a").nominated("n"), "b")
    assert nominations(world) == {"a": "n"}


def test_a_gated_pod_keeps_no_room() -> None:
    world = World()
    world.add(make_pod("a").nominated("n").spec(schedulingGates=[{"name": "g"}]))
    assert nominations(world) == {}


def test_an_update_that_has_not_heard_of_the_nomination_keeps_it() -> None:
    world = World()
    world.add("a")
    item = world.fail(FIT)
    world.queue.nominate(item.pod, "n")
    world.queue.update(item.pod, world.pod(make_pod("a").label(app="web")))
    assert nominations(world) == {"a": "n"}
    (kept, _) = world.cluster.nominations[item.pod.uid]
    assert kept is item.pod


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        pytest.param("", "m", {"a": "m"}, id="it is told"),
        pytest.param("n", "m", {"a": "m"}, id="it is told otherwise"),
        pytest.param("n", "", {}, id="it is told no more"),
    ],
)
def test_what_an_update_says_of_the_nomination_counts(old: str, new: str, kept: dict[str, str]) -> None:
    world = World()
    before = world.pod(make_pod("a").nominated(old))
    world.queue.add(before)
    world.queue.nominate(before, "n")
    world.queue.update(before, world.pod(make_pod("a").nominated(new)))
    assert nominations(world) == kept


def test_a_nomination_ends_by_an_empty_one_and_by_deletion() -> None:
    world = World()
    world.add("a", "b")
    a, b = world.pod("a"), world.pod("b")
    world.queue.nominate(a, "n")
    world.queue.nominate(b, "n")
    world.queue.nominate(a, "")
    assert nominations(world) == {"b": "n"}
    world.queue.delete(b)
    assert nominations(world) == {}


def test_a_pod_that_is_gone_is_not_nominated() -> None:
    world = World()
    world.queue.nominate(world.pod("a"), "n")
    assert nominations(world) == {}
