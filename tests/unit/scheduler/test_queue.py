"""The queue: order, pauses, gates, what happens during an attempt, and the ways in and out."""

import pytest

from stowage.cluster import pods
from stowage.framework import events
from stowage.scheduler.queueing import queue
from tests.builders import make_node, make_pod
from tests.unit.scheduler.worlds import FIT, TAINTS, Gate, World


def test_the_settings_are_kube_schedulers() -> None:
    assert queue.Settings() == queue.Settings(1.0, 10.0, 300.0, True)


# ---------------------------------------------------------------------------------------- order


def test_the_higher_priority_goes_first() -> None:
    world = World()
    world.add(make_pod("low").priority(1), make_pod("high").priority(9), make_pod("none"))
    assert world.popped() == ["high", "low", "none"]


def test_of_equal_priorities_the_one_queued_first_goes_first() -> None:
    world = World()
    for name in ("b", "a", "c"):
        world.add(name)
        world.clock.now += 0.001
    assert world.popped() == ["b", "a", "c"]


def test_pods_queued_at_the_same_instant_keep_their_order() -> None:
    world = World()
    world.add("b", "a", "c")
    assert world.popped() == ["b", "a", "c"]


def test_a_pod_that_comes_back_queues_behind_those_that_came_meanwhile() -> None:
    world = World()
    world.add("old")
    world.fail(TAINTS)
    world.clock.now += 1
    world.add("new")
    world.queue.activate([world.pod("old")])
    # its time is that of its return to the queue, one second before the other came
    assert world.popped() == ["old", "new"]


# -------------------------------------------------------------------------------------- backoff


def test_an_event_during_the_pause_moves_the_pod_to_backoff_and_its_end_makes_it_active() -> None:
    world = World(pop_from_backoff=False)
    world.add("a")
    world.fail(FIT)
    world.node_added()
    assert world.where("a") == "backoff"
    assert world.queue.pop() is None
    world.clock.now += 1
    world.queue.flush_backoff()
    assert world.where("a") == "backoff"  # the end itself belongs to the pause
    world.clock.now += 0.1
    world.queue.flush_backoff()
    assert world.popped() == ["a"]


def test_an_event_after_the_pause_makes_the_pod_active_at_once() -> None:
    world = World()
    world.add("a")
    world.fail(FIT)
    world.clock.now += 3
    world.node_added()
    assert world.where("a") == "active"


def test_pauses_end_in_whole_seconds_and_priority_decides_within_one() -> None:
    world = World()
    world.clock.now = 1000.2
    world.add("low")
    world.fail(FIT)
    world.clock.now = 1000.9
    world.add(make_pod("high").priority(5))
    world.fail(FIT)
    world.node_added()
    # ends: 1001.2 and 1001.9, both in the window of 1001
    assert world.popped() == ["high", "low"]


def test_a_pause_that_ends_in_the_present_window_is_not_over() -> None:
    world = World()
    world.clock.now = 1000.2
    world.add("a")
    world.fail(FIT)
    world.clock.now = 1001.9
    world.node_added()
    assert world.where("a") == "backoff"
    world.clock.now = 1002.0
    world.queue.flush_backoff()
    assert world.where("a") == "active"


def test_rather_than_do_nothing_a_pod_is_popped_from_backoff() -> None:
    world = World()
    world.add("a")
    world.fail(FIT)
    world.node_added()
    world.add("b")
    assert world.popped() == ["b", "a"]
    assert world.queue.incoming["active", "PopFromBackoffQ"] == 1


# -------------------------------------------------------------------------------- error backoff


def test_an_error_pauses_the_pod_apart_and_is_not_popped_early() -> None:
    world = World()
    world.add("a")
    world.fail()
    assert world.where("a") == "backoff"
    assert not world.queue.ready
    assert world.queue.pop() is None
    world.clock.now += 2
    world.queue.flush_backoff()
    assert world.popped() == ["a"]


def test_errors_count_apart_from_rejections_and_a_rejection_ends_them() -> None:
    world = World()
    world.add("a")
    for _ in range(3):
        item = world.fail()
        world.clock.now += 20
        world.queue.flush_backoff()
    assert (item.errors, item.rejections) == (3, 0)
    item = world.fail(FIT)
    assert (item.errors, item.rejections) == (0, 1)
    world.node_added()
    assert item.expires == world.clock.now + 1


def test_a_pod_with_errors_pauses_by_their_number() -> None:
    world = World()
    world.add("a")
    for _ in range(3):
        item = world.fail(TAINTS)
        world.queue.activate([item.pod])
    item = world.fail()
    assert (item.errors, item.rejections) == (1, 3)
    assert item.expires == world.clock.now + 1


# ---------------------------------------------------------------------------------------- flush


def test_a_pod_that_waited_for_five_minutes_is_tried_anyway() -> None:
    world = World()
    world.add("a")
    item = world.fail(FIT)
    world.clock.now += 300
    world.queue.flush_pool()
    assert world.where("a") == "unschedulable"
    world.clock.now += 1
    world.queue.flush_pool()
    assert world.where("a") == "active"
    assert item.flushed
    assert world.fail(FIT) is item
    assert not item.flushed


def test_a_flush_leaves_gated_pods_where_they_are() -> None:
    world = World()
    world.add(make_pod("a").spec(schedulingGates=[{"name": "g"}]))
    world.clock.now += 1000
    world.queue.flush_pool()
    assert world.where("a") == "gated"


def test_a_flush_counts_for_pods_in_flight() -> None:
    world = World()
    world.add("waiting", "flying")
    world.fail(FIT)
    world.clock.now += 301
    item = world.pop()
    world.queue.flush_pool()
    world.queue.put_back(item, item.pod, [FIT])
    assert world.where("flying") == "backoff"


# ---------------------------------------------------------------------------------------- gates


def test_a_gated_pod_enters_when_its_last_gate_is_gone() -> None:
    world = World()
    two = make_pod("a").spec(schedulingGates=[{"name": "g"}, {"name": "h"}])
    world.add(two)
    assert world.where("a") == "gated"
    assert world.queue.pop() is None
    one = world.pod(make_pod("a").spec(schedulingGates=[{"name": "h"}]))
    world.queue.update(world.pod(two), one)
    assert world.where("a") == "gated"
    world.queue.update(one, world.pod("a"))
    assert world.popped() == ["a"]


def test_a_gated_pod_is_not_moved_by_what_its_gate_does_not_wait_for() -> None:
    gate = Gate()
    world = World(gate)
    world.add("a")
    world.fail(FIT)
    gate.shut.add("a")
    world.node_added()
    assert world.where("a") == "gated"
    gate.shut.clear()
    world.node_added()  # helps NodeResourcesFit; the gate waits for pods deleted
    assert world.where("a") == "gated"
    world.queue.move(events.ASSIGNED_POD_DELETE, world.pod(make_pod("b").on("n")), None)
    assert world.where("a") == "backoff"


def test_a_pod_kept_out_until_its_victims_are_gone_is_activated_afterwards() -> None:
    gate = Gate()
    world = World(gate)
    world.add("a")
    item = world.pop()
    gate.shut.add("a")
    world.queue.move(events.ASSIGNED_POD_DELETE, world.pod(make_pod("victim").on("n")), None)
    world.queue.put_back(item, item.pod, [FIT])
    assert world.where("a") == "gated"
    gate.shut.clear()
    world.queue.activate([item.pod])
    assert world.where("a") == "active"


def test_the_gate_that_shut_last_is_asked_first() -> None:
    class Counting(Gate):
        name = "Counting"
        asked = 0

        def pre_enqueue(self, pod: pods.Incoming) -> None:
            self.asked += 1

    gate, other = Gate(), Counting()
    gate.shut.add("a")
    world = World(other, gate)
    world.add("a")
    world.queue.activate([world.pod("a")])
    assert other.asked == 1


# ------------------------------------------------------------------------------------ in flight


def test_an_event_during_the_attempt_that_helps_sends_the_pod_to_backoff() -> None:
    world = World()
    world.add("a", "b")
    first, second = world.pop(), world.pop()
    world.node_added()
    world.queue.put_back(first, first.pod, [FIT])
    world.queue.put_back(second, second.pod, [TAINTS, "NodePorts"])
    assert [world.where(name) for name in ("a", "b")] == ["backoff", "backoff"]


def test_an_event_during_the_attempt_that_cannot_help_leaves_the_pod_waiting() -> None:
    world = World()
    world.add(make_pod("a").cpu("8"))
    item = world.pop()
    world.node_added("4")
    world.queue.put_back(item, item.pod, [FIT])
    assert world.where("a") == "unschedulable"


def test_an_event_before_the_attempt_does_not_count() -> None:
    world = World()
    world.add("a", "b")
    other = world.pop()
    world.node_added()
    item = world.pop()
    world.queue.put_back(item, item.pod, [FIT])
    assert world.where("b") == "unschedulable"
    world.queue.put_back(other, other.pod, [FIT])
    assert world.where("a") == "backoff"


def test_what_nobody_in_flight_saw_is_forgotten() -> None:
    world = World()
    world.add("a", "b")
    first, second = world.pop(), world.pop()
    world.node_added()
    world.node_added()
    assert world.queue.in_flight == (2, 2)
    world.queue.done(second.pod.uid)
    assert world.queue.in_flight == (1, 2)
    world.queue.done(first.pod.uid)
    assert world.queue.in_flight == (0, 0)
    world.node_added()
    assert world.queue.in_flight == (0, 0)


def test_events_that_no_plugin_waits_for_are_not_kept() -> None:
    world = World()
    world.add("a")
    world.pop()
    node = make_node("n").done()
    world.queue.move(events.Event(events.Resource.NODE, events.Action.UPDATE_NODE_CONDITION), node, node)
    assert world.queue.in_flight == (1, 0)


def test_a_pod_that_is_done_early_comes_back_after_its_pause() -> None:
    world = World()
    world.add("a")
    item = world.pop()
    world.queue.done(item.pod.uid)
    world.queue.put_back(item, item.pod, [FIT])
    assert world.where("a") == "backoff"


def test_what_a_pending_plugin_waited_for_ends_the_backoff_too() -> None:
    world = World()
    world.add("a", "b")
    waiting, flying = world.pop(), world.pop()
    world.queue.put_back(waiting, waiting.pod, [FIT], pending=[TAINTS])
    world.node_added()  # helps both
    assert world.where("a") == "active"
    world.queue.put_back(flying, flying.pod, [FIT], pending=[TAINTS])
    assert world.where("b") == "active"


def test_a_pod_put_back_twice_is_refused() -> None:
    world = World()
    world.add("a")
    item = world.fail(FIT)
    with pytest.raises(ValueError, match="default/a is in the queue already"):
        world.queue.put_back(item, item.pod, [FIT])
    assert world.queue.in_flight == (0, 0)


# ----------------------------------------------------------------------------------- own update


def test_a_waiting_pods_own_update_that_helps_moves_it() -> None:
    world = World()
    world.add(make_pod("a").cpu("2"))
    item = world.fail(FIT)
    new = world.pod(make_pod("a").cpu("1"))
    world.queue.update(item.pod, new)
    assert world.where("a") == "backoff"
    assert item.pod is new


def test_a_waiting_pods_own_update_that_cannot_help_is_taken_over_in_place() -> None:
    world = World()
    world.add("a")
    item = world.fail(FIT)
    new = world.pod(make_pod("a").label(app="web"))
    world.queue.update(item.pod, new)
    assert world.where("a") == "unschedulable"
    assert item.pod is new


def test_an_update_during_the_attempt_counts_when_it_fails() -> None:
    world = World()
    world.add(make_pod("a").cpu("2"), make_pod("b").cpu("1"))
    item, other = world.pop(), world.pop()
    new = world.pod(make_pod("a").cpu("1"))
    world.queue.update(item.pod, new)
    world.queue.put_back(item, new, [FIT])
    world.queue.put_back(other, other.pod, [FIT])  # like the other as it is now, but not it
    assert [world.where(name) for name in ("a", "b")] == ["backoff", "unschedulable"]


@pytest.mark.parametrize("paused", [pytest.param(False, id="active"), pytest.param(True, id="backoff")])
def test_a_pod_that_is_to_be_tried_is_updated_where_it_is(paused: bool) -> None:
    world = World()
    world.add("a")
    if paused:
        world.fail(FIT)
        world.node_added()
    new = world.pod(make_pod("a").label(app="web"))
    world.queue.update(world.pod("a"), new)
    assert world.where("a") == ("backoff" if paused else "active")
    assert world.pop().pod is new


def test_an_update_of_a_pod_that_is_not_known_adds_it() -> None:
    world = World()
    world.queue.update(world.pod("a"), world.pod(make_pod("a").label(app="web")))
    assert world.popped() == ["a"]


# ----------------------------------------------------------------------------- activate, delete


def test_activate_moves_a_waiting_or_pausing_pod_past_its_pause() -> None:
    world = World()
    world.add("waiting", "pausing")
    world.fail(TAINTS)
    world.fail()
    world.queue.activate([world.pod("waiting"), world.pod("pausing"), world.pod("unknown")])
    assert sorted(world.popped()) == ["pausing", "waiting"]


def test_activate_of_a_pod_in_flight_counts_when_it_fails_and_for_no_other() -> None:
    world = World()
    world.add("a", "b")
    first, second = world.pop(), world.pop()
    world.queue.activate([first.pod])
    world.queue.put_back(first, first.pod, [TAINTS])
    world.queue.put_back(second, second.pod, [TAINTS])
    assert [world.where(name) for name in ("a", "b")] == ["backoff", "unschedulable"]


@pytest.mark.parametrize("place", ["active", "backoff", "unschedulable", "gated"])
def test_a_deleted_pod_leaves_whichever_queue_it_is_in(place: str) -> None:
    gate = Gate()
    world = World(gate)
    if place == "gated":
        gate.shut.add("a")
    world.add("a")
    if place in ("backoff", "unschedulable"):
        world.fail(*[FIT] if place == "unschedulable" else [])
    assert world.where("a") == place
    world.queue.delete(world.pod("a"))
    assert len(world.queue) == 0
    assert list(world.queue) == []
    world.node_added()
    assert world.popped() == []


def test_only_the_pods_asked_for_are_moved() -> None:
    world = World()
    world.add(make_pod("low").priority(1), make_pod("high").priority(9))
    world.fail(FIT)
    world.fail(FIT)
    gone = world.pod(make_pod("x").priority(5).on("n"))
    world.queue.move(events.ASSIGNED_POD_DELETE, gone, None, among=lambda pod: pod.priority <= 5)
    assert [world.where(name) for name in ("low", "high")] == ["backoff", "unschedulable"]
