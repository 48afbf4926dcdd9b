"""Whatever happens to a cluster, plans kept all along answer as plans made afresh, on a table made afresh."""

from collections.abc import Callable
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import stateful
from hypothesis import strategies as st

from stowage.api import objects
from stowage.cluster import table
from stowage.engine import cycle, measures
from stowage.engine import plan as plans
from tests.property import model, strategies

replace = msgspec.structs.replace


class ClusterMachine(stateful.RuleBasedStateMachine):
    """A table that lives through everything, beside the objects that it should amount to."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = table.Table()
        self.nodes: dict[str, objects.Node] = {}
        self.pods: dict[str, objects.Pod] = {}
        """uid -> a placed pod"""
        self.waiting: dict[str, objects.Pod] = {}
        """uid -> a nominated pod"""
        self.around: dict[tuple[type, str, str], objects.Object] = {}
        self.made = 0
        self.profile = model.default_profile()
        self.engine = cycle.Engine(self.cluster, [self.profile])

    @stateful.initialize(usual=st.booleans(), data=st.data())
    def begin(self, usual: bool, data: st.DataObject) -> None:
        for item in strategies.usual_outside() if usual else ():
            self.set_outside(item)
        for name in strategies.NODES[: data.draw(st.integers(0, len(strategies.NODES)))]:
            self.set_node(data.draw(strategies.nodes(name)).done())

    # ------------------------------------------------------------------ nodes

    def set_node(self, node: objects.Node) -> None:
        self.cluster.set(node)
        self.nodes[node.metadata.name] = node

    @stateful.rule(data=st.data(), name=strategies.names)
    def replaces_a_node(self, data: st.DataObject, name: str) -> None:
        self.set_node(data.draw(strategies.nodes(name)).done())

    def change(self, name: str, edit: Callable[[objects.Node], objects.Node]) -> None:
        if name in self.nodes:
            self.set_node(edit(self.nodes[name]))

    @stateful.rule(name=strategies.names, key=st.sampled_from(("disk", strategies.ZONE)), data=st.data())
    def relabels(self, name: str, key: str, data: st.DataObject) -> None:
        values = ("ssd", "hdd", None) if key == "disk" else (*strategies.ZONES, None)
        value = data.draw(st.sampled_from(values))

        def edit(node: objects.Node) -> objects.Node:
            labels = {k: v for k, v in node.metadata.labels.items() if k != key}
            labels |= {} if value is None else {key: value}
            return replace(node, metadata=replace(node.metadata, labels=labels))

        self.change(name, edit)

    @stateful.rule(name=strategies.names, amounts=strategies.capacities)
    def resizes(self, name: str, amounts: dict[str, str]) -> None:
        self.change(name, lambda node: replace(node, status=replace(node.status, allocatable=amounts)))

    @stateful.rule(name=strategies.names, taints=strategies.taint_lists)
    def taints(self, name: str, taints: list[dict[str, Any]]) -> None:
        wanted = msgspec.convert(taints, tuple[objects.Taint, ...])
        self.change(name, lambda node: replace(node, spec=replace(node.spec, taints=wanted)))

    @stateful.rule(name=strategies.names, value=st.booleans())
    def cordons(self, name: str, value: bool) -> None:
        self.change(name, lambda node: replace(node, spec=replace(node.spec, unschedulable=value)))

    @stateful.rule(name=strategies.names, images=strategies.image_lists)
    def pulls_images(self, name: str, images: list[dict[str, Any]]) -> None:
        wanted = msgspec.convert(images, tuple[objects.ContainerImage, ...])
        self.change(name, lambda node: replace(node, status=replace(node.status, images=wanted)))

    @stateful.rule(name=strategies.names, features=strategies.feature_lists)
    def declares_features(self, name: str, features: list[str]) -> None:
        wanted = tuple(features)
        self.change(name, lambda node: replace(node, status=replace(node.status, declared_features=wanted)))

    @stateful.rule(name=strategies.names)
    def removes_a_node(self, name: str) -> None:
        self.cluster.remove_node(name)
        self.nodes.pop(name, None)

    # ------------------------------------------------------------------- pods

    def name(self) -> str:
        self.made += 1
        return f"p{self.made}"

    def keep(self, pod: objects.Pod, node: str) -> None:
        uid = pod.metadata.uid
        self.pods[uid] = replace(pod, spec=replace(pod.spec, node_name=node))
        self.waiting.pop(uid, None)

    @stateful.rule(data=st.data(), node=strategies.names)
    def sees_a_bound_pod(self, data: st.DataObject, node: str) -> None:
        pod = strategies.done(data.draw(strategies.pods(self.name())).on(node))
        self.cluster.set(pod)
        self.keep(pod, node)

    @stateful.rule(data=st.data(), count=st.integers(2, 40), node=strategies.names)
    def sees_many_pods(self, data: st.DataObject, count: int, node: str) -> None:
        pod = data.draw(strategies.pods("many"))
        for _ in range(count):
            name = self.name()
            pod.raw["metadata"] |= {"name": name, "uid": name}
            made = strategies.done(pod.on(node))
            self.cluster.set(made)
            self.keep(made, node)

    @stateful.rule(data=st.data())
    def assumes(self, data: st.DataObject) -> None:
        live = sorted(self.nodes)
        if live:
            node = data.draw(st.sampled_from(live))
            pod = strategies.done(data.draw(strategies.pods(self.name())))
            self.cluster.add_pod(self.cluster.project(pod), self.cluster.row_of[node])
            self.keep(pod, node)

    @stateful.rule(data=st.data())
    def schedules(self, data: st.DataObject) -> None:
        pod = strategies.done(data.draw(strategies.pods(self.name())))
        outcome = self.engine.schedule(self.cluster.project(pod))
        if outcome.node:
            self.keep(pod, outcome.node)

    def some_pod(self, data: st.DataObject) -> str | None:
        return data.draw(st.sampled_from(sorted(self.pods))) if self.pods else None

    @stateful.rule(data=st.data())
    def forgets(self, data: st.DataObject) -> None:
        if (uid := self.some_pod(data)) is not None:
            self.cluster.remove_pod(uid)
            del self.pods[uid]

    @stateful.rule(data=st.data())
    def sees_a_pod_go(self, data: st.DataObject) -> None:
        if (uid := self.some_pod(data)) is not None:
            self.cluster.remove(self.pods.pop(uid))

    @stateful.rule(data=st.data(), labels=strategies.label_sets)
    def sees_a_pod_relabelled(self, data: st.DataObject, labels: dict[str, str]) -> None:
        if (uid := self.some_pod(data)) is not None:
            pod = self.pods[uid]
            pod = replace(pod, metadata=replace(pod.metadata, labels=labels))
            self.cluster.set(pod)
            self.pods[uid] = pod

    @stateful.rule(data=st.data(), cpu=st.sampled_from(("50m", "1", "3")))
    def sees_a_pod_resized(self, data: st.DataObject, cpu: str) -> None:
        if (uid := self.some_pod(data)) is not None:
            pod = self.pods[uid]
            asked = objects.ResourceRequirements(requests={"cpu": cpu})
            containers = tuple(replace(each, resources=asked) for each in pod.spec.containers)
            pod = replace(pod, spec=replace(pod.spec, containers=containers))
            self.cluster.set(pod)
            self.pods[uid] = pod

    @stateful.rule(data=st.data(), preempted=st.booleans())
    def terminates(self, data: st.DataObject, preempted: bool) -> None:
        if (uid := self.some_pod(data)) is not None:
            self.pods[uid] = pod = leaving(self.pods[uid], preempted)
            if preempted:
                self.cluster.terminate(uid)
            else:
                self.cluster.set(pod)

    @stateful.rule(data=st.data(), node=strategies.names)
    def nominates(self, data: st.DataObject, node: str) -> None:
        pod = strategies.done(data.draw(strategies.pods(self.name())).nominated(node))
        self.cluster.set(pod)
        self.waiting[pod.metadata.uid] = pod

    @stateful.rule(data=st.data(), node=st.one_of(st.just(""), strategies.names))
    def settles_a_nomination(self, data: st.DataObject, node: str) -> None:
        if self.waiting:
            uid = data.draw(st.sampled_from(sorted(self.waiting)))
            pod = self.waiting.pop(uid)
            if node and node in self.nodes:
                self.cluster.set(replace(pod, spec=replace(pod.spec, node_name=node)))
                self.keep(pod, node)
            else:
                self.cluster.remove(pod)

    # ---------------------------------------------------------------- outside

    def set_outside(self, item: objects.Object) -> None:
        self.cluster.set(item)
        self.around[type(item), item.metadata.namespace, item.metadata.name] = item

    @stateful.rule(item=strategies.outside)
    def sets_something_outside(self, item: objects.Object) -> None:
        self.set_outside(item)

    @stateful.rule(data=st.data())
    def removes_something_outside(self, data: st.DataObject) -> None:
        if self.around:
            keys = sorted(self.around, key=lambda key: (key[0].__name__, *key[1:]))
            self.cluster.remove(self.around.pop(data.draw(st.sampled_from(keys))))

    # ----------------------------------------------------------------- trials

    @stateful.rule(data=st.data(), keeps=st.booleans())
    def tries(self, data: st.DataObject, keeps: bool) -> None:
        before = model.columns(self.cluster)
        pods = dict(self.pods)
        self.cluster.begin_trial()
        for _ in range(data.draw(st.integers(1, 4))):
            data.draw(st.sampled_from((self.assumes, self.forgets, self.terminates_in_trial)))(data)
        self.warm_equals_cold()
        if keeps:
            self.cluster.keep_trial()
        else:
            self.cluster.undo_trial()
            self.pods = pods
            assert model.columns(self.cluster) == before

    def terminates_in_trial(self, data: st.DataObject) -> None:
        if (uid := self.some_pod(data)) is not None:
            self.cluster.terminate(uid)
            self.pods[uid] = leaving(self.pods[uid], True)

    # ----------------------------------------------------------------- checks

    def afresh(self) -> table.Table:
        """A table of the present objects, in another order: pods first."""
        made = table.Table()
        for pod in (*self.pods.values(), *self.waiting.values()):
            made.set(pod)
        storage = {type(item) for item in model.storage_objects(self.cluster)}
        for item in (*model.storage_objects(self.cluster), *reversed(self.around.values())):
            if type(item) not in storage or item in model.storage_objects(self.cluster):
                made.set(item)
        for node in reversed(self.nodes.values()):
            made.set(node)
        return made

    @stateful.invariant()
    def warm_equals_cold(self) -> None:
        for template in strategies.TEMPLATES:
            pod = strategies.done(strategies.pending(template))
            incoming = self.cluster.project(pod)
            warm = model.answers(self.engine.plan(incoming))
            cold = model.answers(plans.Plan(self.profile, incoming, self.cluster, measures.Work()))
            assert (template, warm) == (template, cold)

    @stateful.invariant()
    def table_equals_one_made_afresh(self) -> None:
        model.consistent(self.cluster)
        afresh = self.afresh()
        assert model.described(self.cluster) == model.described(afresh)
        for template in strategies.TEMPLATES:
            pod = strategies.done(strategies.pending(template))
            lived = model.answers(self.engine.plan(self.cluster.project(pod)))
            made = model.answers(plans.Plan(self.profile, afresh.project(pod), afresh, measures.Work()))
            assert (template, lived) == (template, made)


def leaving(pod: objects.Pod, preempted: bool) -> objects.Pod:
    """The pod as it is told while it terminates."""
    status = pod.status
    if preempted:
        condition = objects.PodCondition(
            type="DisruptionTarget", status="True", reason="PreemptionByScheduler"
        )
        status = replace(status, conditions=(condition,))
    return replace(
        pod, metadata=replace(pod.metadata, deletion_timestamp="2026-01-31T00:00:00Z"), status=status
    )


def run(examples: int, steps: int) -> None:
    settings = hypothesis.settings(
        max_examples=examples,
        stateful_step_count=steps,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    stateful.run_state_machine_as_test(ClusterMachine, settings=settings)


def test_warm_plans_answer_as_cold_ones() -> None:
    run(examples=12, steps=15)


@pytest.mark.slow
def test_warm_plans_answer_as_cold_ones_for_longer() -> None:
    run(examples=100, steps=40)
