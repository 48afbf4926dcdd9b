"""The queue and the engine together: what rejected a pod in a cycle is what it waits for."""

from stowage.cluster import pods
from stowage.engine import cycle
from stowage.framework import events
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod
from tests.unit.scheduler.worlds import PROFILE, World


class Scheduler(World):
    """One attempt after another, as a live scheduler makes them."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = cycle.Engine(self.cluster, [PROFILE])

    def attempt(self) -> str:
        """The pod popped and its node, empty where it failed; empty where nothing is to be tried."""
        item = self.queue.pop()
        if item is None:
            return ""
        outcome = self.engine.schedule(item.pod)
        if outcome.failure is not None:
            self.queue.put_back(item, item.pod, outcome.failure.plugins, outcome.failure.pending)
        else:
            self.queue.done(item.pod.uid)
        return f"{item.pod.name}:{outcome.node}"

    def node(self, built: NodeBuilder) -> None:
        self.cluster.set(built.done())
        self.queue.move(events.Event(events.Resource.NODE, events.Action.ADD), None, built.done())

    def gone(self, built: PodBuilder) -> None:
        pod: pods.Incoming = self.pod(built)
        self.cluster.remove(built.done())
        self.queue.move(events.ASSIGNED_POD_DELETE, pod, None)


def test_a_pod_that_fits_nowhere_waits_for_a_node_that_it_fits() -> None:
    world = Scheduler()
    world.node(make_node("small").allocatable(cpu="1"))
    world.add(make_pod("big").cpu("6"))
    assert world.attempt() == "big:"
    world.node(make_node("middle").allocatable(cpu="4"))
    assert world.where("big") == "unschedulable"
    world.node(make_node("large").allocatable(cpu="8"))
    assert world.where("big") == "backoff"
    assert world.attempt() == "big:large"


def test_a_pod_waits_for_the_end_of_one_that_holds_its_port() -> None:
    world = Scheduler()
    world.node(make_node("only"))
    holder = make_pod("holder").host_port(80).on("only")
    other = make_pod("other").host_port(81).on("only")
    world.cluster.set(holder.done())
    world.cluster.set(other.done())
    world.add(make_pod("p").host_port(80))
    assert world.attempt() == "p:"
    world.gone(other)
    assert world.where("p") == "unschedulable"
    world.gone(holder)
    assert world.attempt() == "p:only"


def test_without_nodes_a_pod_is_tried_again_after_an_errors_pause() -> None:
    world = Scheduler()
    world.add("p")
    assert world.attempt() == "p:"
    assert world.where("p") == "backoff"
    assert world.attempt() == ""
    world.clock.now += 2
    world.queue.flush_backoff()
    world.node(make_node("n"))
    assert world.attempt() == "p:n"


def test_a_nominated_pods_room_is_kept_from_others() -> None:
    world = Scheduler()
    world.node(make_node("n").allocatable(cpu="1"))
    world.add(make_pod("nominated").cpu("1").priority(5))
    item = world.pop()
    world.queue.put_back(item, item.pod, ["NodeResourcesFit"])
    world.queue.nominate(item.pod, "n")
    world.add(make_pod("low").cpu("1"))
    assert world.attempt() == "low:"
    world.queue.activate([item.pod])
    assert world.attempt() == "nominated:n"
