"""A queue with a clock of its own, and pods for it."""

from typing import Any

from stowage.cluster import pods, table
from stowage.framework import config, events, interface, profile, status
from stowage.scheduler.queueing import entry, queue
from tests.builders import PodBuilder, make_node, make_pod

PROFILE = profile.Profile(config.default().profiles[0])
FIT = "NodeResourcesFit"
TAINTS = "TaintToleration"


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A queue, its clock and its table."""

    def __init__(self, *gates: interface.PreEnqueuePlugin, **settings: Any) -> None:
        self.clock = Clock()
        self.cluster = table.Table()
        self.queue = queue.Queue(self.cluster, [PROFILE], self.clock, queue.Settings(**settings), gates)

    def pod(self, built: PodBuilder | str) -> pods.Incoming:
        """A pod by name, or as built; its scheduler is ours."""
        builder = make_pod(built) if isinstance(built, str) else built
        return self.cluster.project(builder.spec(schedulerName=PROFILE.name).done(), placed=True)

    def add(self, *built: PodBuilder | str) -> None:
        for each in built:
            self.queue.add(self.pod(each))

    def pop(self) -> entry.Entry:
        item = self.queue.pop()
        assert item is not None
        return item

    def popped(self) -> list[str]:
        """Names in the order in which they come, all of them."""
        names = []
        while (item := self.queue.pop()) is not None:
            names.append(item.pod.name)
            self.queue.done(item.pod.uid)
        return names

    def fail(self, *plugins: str, pending: tuple[str, ...] = ()) -> entry.Entry:
        """The next pod is tried, and these plugins reject it; none is an error."""
        item = self.pop()
        self.queue.put_back(item, item.pod, plugins, pending)
        return item

    def node_added(self, cpu: str = "4") -> None:
        """An event that can help a pod that fits in ``cpu``."""
        node = make_node("new").allocatable(cpu=cpu).done()
        self.queue.move(events.Event(events.Resource.NODE, events.Action.ADD), None, node)

    def where(self, name: str) -> str:
        """The queue a pod is in; `gated` of the pool; empty where it is in none."""
        return self.queue.place(f"default/{name}")


class Gate(interface.PreEnqueuePlugin):
    """Keeps out the pods named; a pod deleted may change that."""

    name = "Gate"

    def __init__(self) -> None:
        self.shut: set[str] = set()

    def pre_enqueue(self, pod: pods.Incoming) -> status.Status | None:
        return status.unresolvable("shut") if pod.name in self.shut else None

    def events_to_register(self) -> tuple[events.Registration, ...]:
        return (events.on(events.Resource.POD, events.Action.DELETE),)
