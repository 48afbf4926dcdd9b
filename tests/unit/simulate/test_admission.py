"""What is written into a new pod."""

from __future__ import annotations

from typing import Any

import pytest

from stowage.api import objects
from stowage.simulate import admission
from tests.unit.simulate import kube


def a_class(name: str, value: int, **fields: object) -> objects.PriorityClass:
    item = kube.decoded(
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": name},
            "value": value,
            **fields,
        }
    )
    assert isinstance(item, objects.PriorityClass)
    return item


def admitted(*classes: objects.PriorityClass, **spec: Any) -> objects.PodSpec:
    found = admission.Admission({each.metadata.name: each for each in classes})
    item = kube.decoded(kube.pod("a", meta={"labels": {"app": "x", "version": "2"}}, **spec))
    assert isinstance(item, objects.Pod)
    return found.admit(item).spec


def test_a_class_gives_its_value_and_its_policy() -> None:
    spec = admitted(a_class("high", 1000, preemptionPolicy="Never"), priorityClassName="high")
    assert (spec.priority, spec.preemption_policy) == (1000, "Never")


def test_the_lowest_global_default_holds_for_pods_without_a_class() -> None:
    spec = admitted(a_class("b", 5, globalDefault=True), a_class("a", 7, globalDefault=True))
    assert (spec.priority, spec.priority_class_name) == (5, "b")


def test_the_classes_of_every_cluster_need_not_be_in_the_input() -> None:
    assert admitted(priorityClassName="system-node-critical").priority == 2_000_001_000


def test_a_class_that_is_not_there_is_refused_where_others_are() -> None:
    with pytest.raises(admission.UnknownClassError, match="gone"):
        admitted(a_class("high", 1), priorityClassName="gone")


def test_without_any_class_in_the_input_the_priority_stays_open() -> None:
    assert admitted(priorityClassName="gone").priority is None


def test_a_written_priority_stands() -> None:
    assert admitted(a_class("b", 5, globalDefault=True), priority=3).priority == 3


def test_five_minutes_on_a_node_in_trouble_are_tolerated_unless_the_pod_says_otherwise() -> None:
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    assert [each.key for each in admitted(tolerations=[own]).tolerations] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    assert len(admitted(tolerations=[{"operator": "Exists"}]).tolerations) == 1


def expressions(selector: objects.LabelSelector | None) -> list[tuple[str, str, tuple[str, ...]]]:
    assert selector is not None
    return [(each.key, each.operator, each.values) for each in selector.match_expressions]


def test_label_keys_of_spreading_join_the_selector_once_and_only_where_the_pod_has_them() -> None:
    merged = {"key": "app", "operator": "In", "values": ["x"]}
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchExpressions": [merged]},
        "matchLabelKeys": ["app", "version", "absent"],
    }
    (found,) = admitted(topologySpreadConstraints=[constraint]).topology_spread_constraints
    assert expressions(found.label_selector) == [("app", "In", ("x",)), ("version", "In", ("2",))]


def test_label_keys_of_affinity_join_the_selectors_of_every_kind_of_term() -> None:
    term = {
        "topologyKey": "zone",
        "labelSelector": {},
        "matchLabelKeys": ["app"],
        "mismatchLabelKeys": ["version"],
    }
    side = {
        "requiredDuringSchedulingIgnoredDuringExecution": [term],
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}],
    }
    affinity = admitted(affinity={"podAffinity": side, "podAntiAffinity": side}).affinity
    assert affinity is not None
    for each in (affinity.pod_affinity, affinity.pod_anti_affinity):
        assert each is not None
        (required,) = each.required_during_scheduling_ignored_during_execution
        (preferred,) = each.preferred_during_scheduling_ignored_during_execution
        for found in (required, preferred.pod_affinity_term):
            assert expressions(found.label_selector) == [("app", "In", ("x",)), ("version", "NotIn", ("2",))]


def test_a_selector_that_is_absent_selects_nothing_and_stays_absent() -> None:
    term = {"topologyKey": "zone", "matchLabelKeys": ["app"]}
    affinity = admitted(
        affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    ).affinity
    assert affinity is not None
    assert affinity.pod_affinity is not None
    (found,) = affinity.pod_affinity.required_during_scheduling_ignored_during_execution
    assert found.label_selector is None


def test_defaults_are_written() -> None:
    spec = admitted()
    assert spec.scheduler_name == "default-scheduler"


def test_a_stored_pod_gets_no_more_than_defaults_and_the_priority_of_its_class() -> None:
    found = admission.Admission({"high": a_class("high", 9)})
    item = kube.decoded(kube.pod("a", priorityClassName="high"))
    assert isinstance(item, objects.Pod)
    spec = found.complete(item).spec
    assert (spec.priority, spec.tolerations) == (9, ())
    item = kube.decoded(kube.pod("a", priorityClassName="gone"))
    assert isinstance(item, objects.Pod)
    assert found.complete(item).spec.priority is None
