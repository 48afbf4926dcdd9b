"""The dry run of preemption for all nodes at once against a plain one of node after node."""

from dataclasses import dataclass

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stowage.api import objects
from stowage.framework import interface
from stowage.framework.config import args as config
from stowage.plugins import default_preemption
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.stub_attempt import StubAttempt

PLUGIN = default_preemption.DefaultPreemption(config.DefaultPreemptionArgs())
STARTS = (None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
NODES = 3


@dataclass(frozen=True)
class Held:
    """A bound pod. `start`: index into `STARTS`; 0 is none."""

    name: str
    node: int
    cpu: int
    priority: int
    start: int
    app: str
    port: int

    def built(self) -> PodBuilder:
        pod = make_pod(self.name).cpu(str(self.cpu)).priority(self.priority).on(f"n{self.node}")
        start = STARTS[self.start]
        if start:
            pod.start(start)
        if self.app:
            pod.label(app=self.app)
        return pod.host_port(self.port) if self.port else pod


@dataclass
class Budget:
    app: str
    allowed: int
    disrupted: list[str]

    def built(self, index: int) -> objects.PodDisruptionBudget:
        raw = {
            "metadata": {"name": f"b{index}", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": self.app}}},
            "status": {
                "disruptionsAllowed": self.allowed,
                "disruptedPods": dict.fromkeys(self.disrupted, STARTS[1]),
            },
        }
        return msgspec.convert(raw, objects.PodDisruptionBudget)


class Node:
    """What a node's pods use; its ports are a set."""

    def __init__(self, room: int, held: list[Held]) -> None:
        self.room = room
        self.cpu = 0
        self.ports: set[int] = set()
        for pod in held:
            self.add(pod)

    def add(self, pod: Held) -> None:
        self.cpu += pod.cpu
        self.ports |= {pod.port}

    def remove(self, pod: Held) -> None:
        self.cpu -= pod.cpu
        self.ports -= {pod.port}

    def fits(self, cpu: int, port: int) -> bool:
        return self.cpu + cpu <= self.room and not (port and port in self.ports)


def more_important(one: Held, two: Held) -> bool:
    """Each look at a pod that has not started finds it a little younger than the look before."""
    if one.priority != two.priority:
        return one.priority > two.priority
    if not one.start or not two.start:
        return bool(one.start) or not two.start
    return one.start < two.start


def by_importance(held: list[Held]) -> list[Held]:
    """An insertion sort, which is what Go does to a dozen or fewer."""
    found: list[Held] = []
    for pod in held:
        at = len(found)
        while at and more_important(pod, found[at - 1]):
            at -= 1
        found.insert(at, pod)
    return found


def violating(held: list[Held], budgets: list[Budget]) -> set[str]:
    left = [budget.allowed for budget in budgets]
    found: set[str] = set()
    for pod in held:
        for i, budget in enumerate(budgets):
            if budget.app == pod.app and pod.name not in budget.disrupted:
                left[i] -= 1
                if left[i] < 0:
                    found.add(pod.name)
    return found


def dry_run(
    room: int, held: list[Held], budgets: list[Budget], cpu: int, port: int, priority: int
) -> tuple[list[Held], int]:
    """The victims of one node, most important first, and how many of them break a budget."""
    node = Node(room, held)
    lower = by_importance([pod for pod in held if pod.priority < priority])
    for pod in lower:
        node.remove(pod)
    if not lower or not node.fits(cpu, port):
        return [], 0
    breaking = violating(lower, budgets)
    victims: list[Held] = []
    for pod in sorted(lower, key=lambda each: each.name not in breaking):
        node.add(pod)
        if not node.fits(cpu, port):
            node.remove(pod)
            victims.append(pod)
    violations = sum(pod.name in breaking for pod in victims)
    return sorted(victims, key=lower.index), violations


def cost(victims: list[Held], violations: int) -> tuple[int, int, int, int, int]:
    """Smaller is better."""
    highest = max(pod.priority for pod in victims)
    total = sum(pod.priority + 2**31 for pod in victims)
    starts = [pod.start or len(STARTS) for pod in victims if pod.priority == highest]
    return violations, highest, total, len(victims), -min(starts)


@st.composite
def held_pods(draw: st.DrawFn) -> list[Held]:
    """At most a dozen a node."""
    return [
        Held(
            name=f"p{i}",
            node=draw(st.integers(0, NODES - 1)),
            cpu=draw(st.integers(0, 3)),
            priority=draw(st.sampled_from([-1, 0, 5, 10])),
            start=draw(st.integers(0, len(STARTS) - 1)),
            app=draw(st.sampled_from(["", "x", "y"])),
            port=draw(st.sampled_from([0, 0, 80, 81])),
        )
        for i in range(draw(st.integers(0, 12)))
    ]


BUDGETS = st.lists(
    st.builds(
        Budget,
        app=st.sampled_from(["x", "y"]),
        allowed=st.integers(-1, 3),
        disrupted=st.lists(st.sampled_from([f"p{i}" for i in range(12)]), max_size=3),
    ),
    max_size=3,
)


@given(
    held=held_pods(),
    budgets=BUDGETS,
    rooms=st.lists(st.integers(0, 12), min_size=NODES, max_size=NODES),
    cpu=st.integers(1, 6),
    port=st.sampled_from([0, 80]),
    priority=st.sampled_from([0, 5, 10, 100]),
)
def test_the_dry_run_of_all_nodes_is_that_of_each(
    held: list[Held], budgets: list[Budget], rooms: list[int], cpu: int, port: int, priority: int
) -> None:
    cluster = make_table(
        *(make_node(f"n{i}").allocatable(cpu=str(room)) for i, room in enumerate(rooms)),
        *(pod.built() for pod in held),
        *(budget.built(i) for i, budget in enumerate(budgets)),
    )
    pod = make_pod("new").cpu(str(cpu)).priority(priority)
    incoming = cluster.project((pod.host_port(port) if port else pod).done())
    answer = PLUGIN.post_filter(incoming, StubAttempt(cluster, incoming))

    expected: dict[str, tuple[list[Held], int]] = {}
    for i, room in enumerate(rooms):
        here = [each for each in held if each.node == i]
        if not Node(room, here).fits(cpu, port):
            victims, violations = dry_run(room, here, budgets, cpu, port, priority)
            if victims:
                expected[f"n{i}"] = (victims, violations)
    assert told(answer) == {
        node: ([each.name for each in victims], violations)
        for node, (victims, violations) in expected.items()
    }
    if expected:
        assert cost(*expected[answer.node]) == min(cost(*each) for each in expected.values())


def told(answer: interface.PostFiltered) -> dict[str, tuple[list[str], int]]:
    return {
        node: ([pod.name for pod in found.pods], found.violations)
        for node, found in answer.candidates.items()
    }
