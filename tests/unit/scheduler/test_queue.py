"""The queue: order, pauses, gates, what happens during an attempt, and the ways in and out."""

import pytest

from stowage.cluster import pods, table
from stowage.framework import events, interface
from stowage.scheduler.queueing import entry, hints, queue
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


# ------------------------------------------------------------------------------------ nominator


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


# ----------------------------------------------------------------------------------------- cost


def test_a_hint_is_asked_once_for_all_pods_that_are_alike() -> None:
    asked: list[str] = []

    def hint(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
        asked.append(pod.name)
        return False

    class Asking(Gate):
        name = "Asking"

        def events_to_register(self) -> tuple[events.Registration, ...]:
            return (events.on(events.Resource.NODE, events.Action.ADD, hint),)

    world = World(Asking())
    alike = [make_pod(f"alike-{i}") for i in range(50)]
    labelled = [make_pod(f"labelled-{i}").label(app=str(i)) for i in range(50)]
    world.add(*alike, *labelled, make_pod("other").cpu("1"))
    for _ in range(101):
        world.fail("Asking")
    world.node_added()
    assert len(asked) == 2
    asked.clear()
    # From now on some selector reads the label: each value is a kind of its own.
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "0"}}}
    anti = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    world.add(make_pod("selecting").spec(affinity=anti))
    world.node_added()
    assert len(asked) == 52


def test_a_hint_that_may_look_at_anything_of_a_pod_is_asked_for_each() -> None:
    class Named(Gate):
        name = "Named"
        kind = interface.Kind.CYCLE

        def events_to_register(self) -> tuple[events.Registration, ...]:
            return (events.on(events.Resource.NODE, events.Action.ADD, self.hint),)

        def hint(self, pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
            return pod.name == "b"

    world = World(Named())
    world.add("a", "b", "c")
    for _ in range(3):
        world.fail("Named")
    world.node_added()
    assert [world.where(name) for name in "abc"] == ["unschedulable", "backoff", "unschedulable"]


def test_in_flight_events_are_judged_once_for_all_pods_that_are_alike() -> None:
    asked: list[str] = []

    class Asking(Gate):
        name = "Asking"

        def events_to_register(self) -> tuple[events.Registration, ...]:
            return (events.on(events.Resource.NODE, events.Action.ADD, self.hint),)

        def hint(self, pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
            asked.append(pod.name)
            return False

    world = World(Asking())
    world.add(*(f"p{i}" for i in range(20)))
    flying: list[entry.Entry] = [world.pop() for _ in range(20)]
    world.node_added()
    for item in flying:
        world.queue.put_back(item, item.pod, ["Asking"])
    assert len(asked) == 1


def test_a_plugin_that_registers_nothing_of_its_own_waits_for_everything() -> None:
    class Plain(Gate):
        name = "Plain"

        def events_to_register(self) -> tuple[events.Registration, ...]:
            return super(Gate, self).events_to_register()

    world = World(Plain())
    world.add("a")
    world.fail("Plain")
    node = make_node("n").done()
    world.queue.move(events.Event(events.Resource.NODE, events.Action.UPDATE_NODE_CONDITION), node, node)
    assert world.where("a") == "backoff"


def test_only_plugins_that_may_reject_register() -> None:
    from tests.unit.scheduler.worlds import PROFILE

    names = {plugin.name for plugin in hints.rejecters(PROFILE)}
    assert "NodeResourcesFit" in names
    assert not {"ImageLocality", "NodeResourcesBalancedAllocation", "DefaultBinder"} & names
