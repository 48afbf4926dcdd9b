"""Whom the queue asks for a hint, how often, and which plugins it hears."""

from stowage.cluster import pods, table
from stowage.framework import events, interface
from stowage.scheduler.queueing import entry, hints
from tests.builders import make_node, make_pod
from tests.unit.scheduler.worlds import PROFILE, Gate, World


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
    names = {plugin.name for plugin in hints.rejecters(PROFILE)}
    assert "NodeResourcesFit" in names
    assert not {"ImageLocality", "NodeResourcesBalancedAllocation", "DefaultBinder"} & names
