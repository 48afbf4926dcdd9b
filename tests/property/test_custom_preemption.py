"""CustomPreemption for all nodes at once against a plain form, one node and one pod after another."""

from dataclasses import dataclass

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stowage.api import objects
from stowage.framework import interface
from stowage.framework.config import args as config
from stowage.plugins import custom_preemption, default_preemption
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.stub_attempt import StubAttempt

PLUGIN = custom_preemption.CustomPreemption()
DEFAULT = default_preemption.DefaultPreemption(config.DefaultPreemptionArgs())
LABELS: tuple[tuple[str, str, str], ...] = (
    ("default", "", ""),
    ("default", "app", "x"),
    ("default", "app", "y"),
    ("default", "tier", "web"),
    ("kube-system", "app", "x"),
    ("default", "tier", "control-plane"),
    ("default", "component", "etcd"),
)
SAFE = 4
"""So many of `LABELS` are of pods that may be evicted."""
NODES = 3


@dataclass(frozen=True)
class Held:
    """A bound pod. ``label``: index into `LABELS`; ``day`` of its start, no two pods' the same."""

    day: int
    node: int
    cpu: int
    memory: int
    priority: int
    label: int

    @property
    def name(self) -> str:
        return f"p{self.day}"

    def built(self) -> PodBuilder:
        namespace, key, value = LABELS[self.label]
        pod = make_pod(self.name, namespace).cpu(str(self.cpu)).memory(str(self.memory))
        pod.priority(self.priority).on(f"n{self.node}").start(f"2026-01-{self.day + 1:02}T00:00:00Z")
        return pod.label(**{key: value}) if key else pod


@dataclass(frozen=True)
class Budget:
    app: str
    allowed: int

    def built(self, index: int) -> objects.PodDisruptionBudget:
        raw = {
            "metadata": {"name": f"b{index}", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": self.app}}},
            "status": {"disruptionsAllowed": self.allowed},
        }
        return msgspec.convert(raw, objects.PodDisruptionBudget)


Room = tuple[int, int]
"""cpu and memory of a node"""


def violating(lower: list[Held], budgets: list[Budget]) -> set[Held]:
    """Counted from the most important down."""
    left = [each.allowed for each in budgets]
    found = set()
    for pod in sorted(lower, key=lambda each: (-each.priority, each.day)):
        for i, each in enumerate(budgets):
            if LABELS[pod.label] == ("default", "app", each.app):
                left[i] -= 1
                if left[i] < 0:
                    found.add(pod)
    return found


def plain(
    room: Room, held: list[Held], budgets: list[Budget], cpu: int, priority: int
) -> tuple[list[Held], int] | None:
    """The victims of a node, most important first, and how many of them break a budget."""

    def fits(staying: set[Held]) -> bool:
        return sum(pod.cpu for pod in staying) + cpu <= room[0]

    staying = set(held)
    lower = [pod for pod in held if pod.priority < priority and pod.label < SAFE]
    breaking = violating(lower, budgets)
    if fits(staying) or not fits(staying - set(lower)):
        return None
    for pod in sorted(lower, key=lambda each: (each in breaking, each.priority, -each.day)):
        staying.remove(pod)
        if fits(staying):
            break
    victims = sorted(set(held) - staying, key=lambda each: (-each.priority, each.day))
    for pod in [each for each in victims if each in breaking]:
        if fits({*staying, pod}):
            staying.add(pod)
            victims.remove(pod)
    return victims, len(breaking & set(victims))


def score(room: Room, held: list[Held], victims: list[Held], priority: int) -> int:
    use = 0.0
    for there, asked in zip(room, (sum(p.cpu for p in held), sum(p.memory for p in held)), strict=True):
        use += asked / there if there else 1.0
    differences = sum(priority - victim.priority for victim in victims)
    return -10 * len(victims) + differences + int(100 * (1 - use / 2))


@st.composite
def held_pods(draw: st.DrawFn) -> list[Held]:
    days = draw(st.permutations(range(draw(st.integers(0, 14)))))
    return [
        Held(
            day,
            node=draw(st.integers(0, NODES - 1)),
            cpu=draw(st.integers(0, 3)),
            memory=draw(st.integers(0, 4)),
            priority=draw(st.sampled_from([-1, 0, 5, 10])),
            label=draw(st.sampled_from([0, 0, 1, 1, 2, 3, 4, 5, 6])),
        )
        for day in days
    ]


BUDGETS = st.lists(st.builds(Budget, st.sampled_from(["x", "y"]), st.integers(-1, 3)), max_size=3)
ROOMS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=NODES, max_size=NODES)
PRIORITIES = st.sampled_from([0, 5, 10, 100])


def answers(
    held: list[Held], budgets: list[Budget], rooms: list[Room], cpu: int, priority: int
) -> tuple[interface.PostFiltered, interface.PostFiltered]:
    """This plugin's and the default one's."""
    cluster = make_table(
        *(make_node(f"n{i}").allocatable(cpu=str(r[0]), memory=str(r[1])) for i, r in enumerate(rooms)),
        *(pod.built() for pod in held),
        *(budget.built(i) for i, budget in enumerate(budgets)),
    )
    incoming = cluster.project(make_pod("new").cpu(str(cpu)).priority(priority).done())
    attempt = StubAttempt(cluster, incoming)
    return PLUGIN.post_filter(incoming, attempt), DEFAULT.post_filter(incoming, attempt)


def told(answer: interface.PostFiltered) -> dict[str, tuple[list[str], int]]:
    return {
        node: ([pod.name for pod in found.pods], found.violations)
        for node, found in answer.candidates.items()
    }


@given(held_pods(), BUDGETS, ROOMS, st.integers(1, 6), PRIORITIES)
def test_all_nodes_at_once_are_as_one_after_another(
    held: list[Held], budgets: list[Budget], rooms: list[Room], cpu: int, priority: int
) -> None:
    answer, _ = answers(held, budgets, rooms, cpu, priority)
    expected: dict[str, tuple[list[str], int]] = {}
    costs: dict[str, tuple[int, int]] = {}
    for i, room in enumerate(rooms):
        here = [each for each in held if each.node == i]
        found = plain(room, here, budgets, cpu, priority)
        if found is not None:
            victims, violations = found
            expected[f"n{i}"] = [each.name for each in victims], violations
            costs[f"n{i}"] = violations, -score(room, here, victims, priority)
    assert told(answer) == expected
    assert answer.node == min(costs, key=lambda name: costs[name], default="")
    if expected:
        assert answer.amended is not None
        assert answer.amended(answer.candidates).node == answer.node
    else:
        assert answer.status.message == "no preemption candidates found"


@given(held_pods(), BUDGETS, ROOMS, st.integers(1, 6), PRIORITIES)
def test_where_nobody_is_protected_it_helps_the_same_nodes_and_breaks_no_more_budgets_there(
    held: list[Held], budgets: list[Budget], rooms: list[Room], cpu: int, priority: int
) -> None:
    ours, default = answers([each for each in held if each.label < SAFE], budgets, rooms, cpu, priority)
    assert ours.candidates.keys() == default.candidates.keys()
    for node, found in ours.candidates.items():
        assert found.violations <= default.candidates[node].violations
        assert len(found.pods) >= len(default.candidates[node].pods)
