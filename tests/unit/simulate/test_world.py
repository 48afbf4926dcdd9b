"""What of an input counts, and what contradicts itself."""

from __future__ import annotations

import pytest

from stowage.simulate import problems
from tests.unit.simulate import kube


def told(*items: kube.Json) -> list[str]:
    faults = problems.Faults()
    kube.built(*items, faults=faults)
    return faults.problems


def test_pods_that_have_ended_are_left_out() -> None:
    found = kube.built(
        kube.node("n"),
        kube.pod("a", nodeName="n", status={"phase": "Succeeded"}),
        kube.pod("b", nodeName="gone", status={"phase": "Failed"}),
        kube.pod("c", nodeName="n", status={"phase": "Running"}),
        kube.pod("d", status={"phase": "Failed"}),
    )
    assert (found.placed, found.ended, found.pending) == (1, 3, [])


def test_a_pod_on_a_node_that_is_not_there_is_told() -> None:
    assert told(kube.pod("a", nodeName="gone")) == [
        "f: Pod default/a: spec.nodeName: there is no Node gone in the input"
    ]


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (kube.node("n"), "Node n"),
        (kube.pod("a"), "Pod default/a"),
        (kube.workload("Deployment", "web"), "Deployment default/web"),
    ],
    ids=["a node", "a pod", "a workload"],
)
def test_a_name_given_twice_is_told(item: kube.Json, name: str) -> None:
    assert told(item, item) == [f"f: {name}: metadata.name: is given twice"]


def test_names_are_apart_by_kind_and_namespace() -> None:
    assert not told(kube.node("a"), kube.pod("a"), kube.pod("a", meta={"namespace": "other"}))


def test_two_pods_with_one_uid_are_told() -> None:
    first, second = (kube.pod(name, meta={"uid": "u"}) for name in "ab")
    assert told(first, second) == ["f: Pod default/b: metadata.uid: is that of Pod default/a too"]


def test_a_class_that_is_not_among_those_of_the_input_is_told() -> None:
    high = kube.kube("PriorityClass", "scheduling.k8s.io/v1", "high", value=1)
    message = "spec.priorityClassName: there is no PriorityClass low in the input"
    assert told(high, kube.pod("a", priorityClassName="low")) == [f"f: Pod default/a: {message}"]


def test_a_pod_with_a_uid_was_admitted_when_it_was_created() -> None:
    stored, new = kube.built(kube.pod("a", meta={"uid": "u"}), kube.pod("b")).pending
    assert not stored.spec.tolerations
    assert len(new.spec.tolerations) == 2


def test_a_nominated_pod_is_known_to_the_table() -> None:
    found = kube.built(kube.node("n"), kube.pod("a", status={"nominatedNodeName": "n"}))
    ((pod, node),) = found.cluster.nominations.values()
    assert (pod.name, node) == ("a", "n")


def test_namespaces_carry_their_name_as_a_label() -> None:
    found = kube.built(kube.kube("Namespace", "v1", "blue"))
    assert found.cluster.namespaces["blue"] == {"kubernetes.io/metadata.name": "blue"}


def test_a_class_without_a_binding_mode_binds_at_once() -> None:
    found = kube.built(kube.kube("StorageClass", "storage.k8s.io/v1", "fast", provisioner="p"))
    assert found.cluster.storage.classes["fast"].volume_binding_mode == "Immediate"


def test_generic_ephemeral_volumes_get_their_claims() -> None:
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    volume = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}
    found = kube.built(kube.pod("a", volumes=[volume]))
    claim = found.cluster.storage.claims[("default", "a-scratch")]
    assert claim.metadata.owner_references[0].name == "a"
    assert claim.spec.volume_mode == "Filesystem"


def test_a_node_that_says_only_how_much_it_has_offers_all_of_it() -> None:
    node = kube.node("n", cpu="3")
    node["status"] = {"capacity": node["status"]["allocatable"]}
    assert kube.built(node).cluster.allocatable[0].tolist() == [3000]
