"""The queue against a plain model: whatever happens, the same pods are in the same places.

A history is drawn from a seed and is long: what goes wrong in a queue needs several things to happen.
"""

import math
import random
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.framework import events
from stowage.scheduler.queueing import entry, queue
from tests.builders import make_node, make_pod
from tests.property.queue_model import Model, Waiting
from tests.unit.scheduler.worlds import PROFILE, Clock, Gate

PLUGINS = ("NodeResourcesFit", "TaintToleration", "NodeAffinity", "PodTopologySpread", "InterPodAffinity")
APPS = ("", "web", "db")


def terms(kind: str, app: str) -> dict[str, Any]:
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": app}}}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


SPREAD = {
    "maxSkew": 1,
    "topologyKey": "zone",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "web"}},
}
ASKS: dict[str, tuple[Any, ...]] = {
    "app": APPS,
    "gates": ([], [], [], [{"name": "g"}]),
    "tolerations": ([], [{"key": "a", "operator": "Exists"}]),
    "cpu": ("1", "3"),
    "nominated": ("", "", "n", "m"),
    "nodeSelector": ({}, {"disk": "ssd"}),
    "affinity": ({}, {}, terms("podAffinity", "db"), terms("podAntiAffinity", "web")),
    "spread": ([], [SPREAD]),
}
"""What a pod may ask for; few kinds, so that many are alike."""
MUTABLE = ("app", "gates", "tolerations", "cpu", "nominated")


class History:
    """The queue and its model, told the same."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = Clock()
        self.cluster = table.Table()
        self.gate = Gate()
        early = seed % 4 > 0
        chosen = queue.Settings(pop_from_backoff=early)
        self.queue = queue.Queue(self.cluster, [PROFILE], self.clock, chosen, [self.gate])
        self.model = Model(self.cluster, PROFILE, self.clock, [self.gate], early)
        self.asked: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, pods.Incoming] = {}
        """The newest version of every pending pod, by name."""
        self.flying: dict[str, tuple[entry.Entry, Waiting]] = {}
        self.made = 0

    def run(self, steps: int) -> None:
        deeds: dict[Callable[[], None], int] = {
            self.add: 4,
            self.update: 3,
            self.delete: 1,
            self.pop: 7,
            self.fail: 6,
            self.bind: 1,
            self.node_comes: 2,
            self.node_changes: 2,
            self.pod_comes: 2,
            self.pod_goes: 3,
            self.pod_changes: 2,
            self.gate_turns: 2,
            self.activate: 1,
            self.time_passes: 3,
        }
        for deed in self.rng.choices(list(deeds), list(deeds.values()), k=steps):
            deed()
            self.compare()

    def some(self, names: dict[str, Any]) -> str:
        return self.rng.choice(sorted(names))

    def build(self, name: str, priority: int) -> pods.Incoming:
        ask = self.asked[name]
        pod = make_pod(name).cpu(ask["cpu"]).priority(priority).nominated(ask["nominated"])
        pod.label(**{"app": ask["app"]} if ask["app"] else {})
        pod.spec(
            schedulerName=PROFILE.name,
            schedulingGates=ask["gates"],
            tolerations=ask["tolerations"],
            nodeSelector=ask["nodeSelector"],
            affinity=ask["affinity"],
            topologySpreadConstraints=ask["spread"],
        )
        return self.cluster.project(pod.done(), placed=True)

    def later(self) -> None:
        """No two pods enter at one instant: among those, the order is anybody's."""
        self.clock.now += 0.01

    # ------------------------------------------------------------------- pods

    def add(self) -> None:
        if len(self.pods) >= 25:
            return
        self.later()
        self.made += 1
        name = f"p{self.made}"
        alike = self.pods and self.rng.random() < 0.5
        self.asked[name] = (
            self.asked[self.some(self.pods)]
            if alike
            else {part: self.rng.choice(choices) for part, choices in ASKS.items()}
        )
        self.pods[name] = pod = self.build(name, self.rng.randrange(3))
        self.queue.add(pod)
        self.model.add(pod)

    def update(self) -> None:
        if not self.pods:
            return
        name, part = self.some(self.pods), self.rng.choice(MUTABLE)
        old = self.pods[name]
        self.asked[name] = {**self.asked[name], part: self.rng.choice(ASKS[part])}
        self.pods[name] = new = self.build(name, old.priority)
        self.later()
        self.queue.update(old, new)
        self.model.update(old, new)

    def delete(self) -> None:
        if not self.pods:
            return
        pod = self.pods.pop(self.some(self.pods))
        self.queue.delete(pod)
        self.model.delete(pod)

    def pop(self) -> None:
        ours, theirs = self.queue.pop(), self.model.pop()
        assert (ours and ours.pod.key) == (theirs and theirs.pod.key)
        if ours is not None and theirs is not None:
            self.flying[ours.pod.name] = (ours, theirs)

    def fail(self) -> None:
        if not self.flying:
            return
        name = self.some(self.flying)
        ours, theirs = self.flying.pop(name)
        if name not in self.pods:
            self.queue.done(ours.pod.uid)
            self.model.done(ours.pod.uid)
            return
        self.later()
        pod, node = self.pods[name], self.rng.choice((None, "", "m"))
        rejecting = set(self.rng.sample(PLUGINS, self.rng.choice((0, 1, 1, 2))))
        pending = set(self.rng.sample(PLUGINS, self.rng.choice((0, 0, 1))))
        self.queue.put_back(ours, pod, rejecting, pending)
        self.model.put_back(theirs, pod, rejecting, pending)
        self.queue.nominate(pod, node)
        self.model.nominate(pod, node)

    def bind(self) -> None:
        if not self.flying:
            return
        name = self.some(self.flying)
        ours, _ = self.flying.pop(name)
        pod = self.pods.pop(name, None)
        self.queue.done(ours.pod.uid)
        self.model.done(ours.pod.uid)
        if pod is not None:
            self.queue.delete(pod)
            self.model.delete(pod)

    def activate(self) -> None:
        if self.pods:
            pod = self.pods[self.some(self.pods)]
            self.queue.activate([pod])
            self.model.activate(pod)

    # ----------------------------------------------------------------- events

    def happen(self, event: events.Event, old: Any, new: Any) -> None:
        highest = self.rng.choice((0, 1, 9, 9))

        def among(pod: pods.Incoming) -> bool:
            return pod.priority <= highest

        self.queue.move(event, old, new, among)
        self.model.move(events.Change(event, old, new), among)

    def node(self) -> objects.Node:
        node = make_node("n").allocatable(cpu=self.rng.choice(("2", "4")))
        for key, values in {"disk": ("", "ssd"), "zone": ("", "a", "b")}.items():
            if value := self.rng.choice(values):
                node.label(key, value)
        return (node.taint("a", "NoSchedule") if self.rng.random() < 0.5 else node).done()

    def node_comes(self) -> None:
        self.happen(events.Event(events.Resource.NODE, events.Action.ADD), None, self.node())

    def node_changes(self) -> None:
        old, new = self.node(), self.node()
        for event in events.node_changes(old, new):
            self.happen(event, old, new)

    def placed(self) -> pods.Incoming:
        pod = make_pod("x").label(app=self.rng.choice(APPS)).cpu(self.rng.choice(("1", "2"))).on("n")
        return self.cluster.project(pod.done(), placed=True)

    def pod_comes(self) -> None:
        self.happen(events.ASSIGNED_POD_ADD, None, self.placed())

    def pod_goes(self) -> None:
        self.happen(events.ASSIGNED_POD_DELETE, self.placed(), None)

    def pod_changes(self) -> None:
        old, new = self.placed(), self.placed()
        for event in events.pod_changes(old, new):
            self.happen(event, old, new)

    def gate_turns(self) -> None:
        if self.pods:
            self.gate.shut ^= {self.some(self.pods)}

    def time_passes(self) -> None:
        self.clock.now += self.rng.choice((0.3, 1.0, 4.5, 4.5, 150.0))
        self.clock.now = self.rng.choice((self.clock.now, float(math.ceil(self.clock.now))))
        self.queue.flush_backoff()
        self.model.flush_backoff()
        self.queue.flush_pool()
        self.model.flush_pool()

    # ---------------------------------------------------------------- compare

    def compare(self) -> None:
        names = {"pool": "unschedulable"}
        theirs = {
            each.pod.key: "gated" if each.gate and each.place == "pool" else names.get(each.place, each.place)
            for each in self.model.known
        }
        assert {item.pod.key: self.queue.place(item.pod.key) for item in self.queue} == theirs
        places = list(theirs.values())
        assert self.queue.counts == {place: places.count(place) for place in self.queue.counts}
        flying = [each for each in self.model.story if isinstance(each, str)]
        assert self.queue.in_flight == (len(flying), len(self.model.story) - len(flying))
        nominations = {uid: node for uid, (_, node) in self.cluster.nominations.items()}
        assert nominations == self.model.nominated


SEEDS = st.integers(0, 2**32)


@hypothesis.given(SEEDS)
@hypothesis.settings(max_examples=15, phases=[hypothesis.Phase.generate])
def test_the_queue_does_as_its_model(seed: int) -> None:
    History(seed).run(300)


@pytest.mark.slow
@hypothesis.given(SEEDS)
@hypothesis.settings(max_examples=150, phases=[hypothesis.Phase.generate])
def test_the_queue_does_as_its_model_for_longer(seed: int) -> None:
    History(seed).run(600)
