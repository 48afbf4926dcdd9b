"""Workloads and the pods they lack."""

from __future__ import annotations

from typing import Any

import pytest

from stowage.api import objects
from stowage.simulate import problems, world
from tests.unit.simulate import kube

RUNNING = {"phase": "Running"}


def names(found: world.World) -> list[str]:
    return [pod.metadata.name for pod in found.pending]


def pending(*items: kube.Json) -> list[objects.Pod]:
    return kube.built(*items).pending


def test_a_deployment_lacks_its_replicas_through_a_replica_set_of_its_own() -> None:
    found = kube.built(kube.workload("Deployment", "web", replicas=3))
    prefix = names(found)[0].rsplit("-", 1)[0]
    digest = prefix.removeprefix("web-")
    assert len(set(names(found))) == 3
    for pod in found.pending:
        assert pod.metadata.name.startswith(f"web-{digest}-")
        assert pod.metadata.labels == {"app": "web", "pod-template-hash": digest}
        (owner,) = pod.metadata.owner_references
        assert (owner.api_version, owner.kind, owner.name, owner.controller) == (
            "apps/v1",
            "ReplicaSet",
            prefix,
            True,
        )
    selector = found.cluster.owners.controllers[("ReplicaSet", "default", prefix)]
    assert selector == objects.LabelSelector({"app": "web", "pod-template-hash": digest})


def test_replicas_that_are_not_given_are_one() -> None:
    assert len(pending(kube.workload("Deployment", "web"))) == 1


def replica_set(name: str, owner: str, revision: str, cpu: str = "1") -> kube.Json:
    item = kube.owned(kube.workload("ReplicaSet", name, replicas=1, cpu=cpu), "Deployment", owner)
    item["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": revision}
    item["spec"]["template"]["metadata"]["labels"] = {"app": owner, "pod-template-hash": name[-1]}
    return item


def test_live_pods_of_all_its_replica_sets_count_and_the_latest_with_its_template_makes_the_rest() -> None:
    found = kube.built(
        kube.workload("Deployment", "web", replicas=4),
        replica_set("web-1", "web", "1"),
        replica_set("web-2", "web", "2"),
        replica_set("web-3", "web", "3", cpu="2"),
        kube.node("n"),
        kube.owned(kube.pod("a", nodeName="n"), "ReplicaSet", "web-1"),
        kube.owned(kube.pod("b", nodeName="n", status={"phase": "Failed"}), "ReplicaSet", "web-2"),
        kube.owned(
            kube.pod("c", nodeName="n", meta={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
            "ReplicaSet",
            "web-2",
        ),
        kube.owned(kube.pod("d"), "ReplicaSet", "web-3"),
    )
    assert names(found)[2] == "d"
    assert len(names(found)) == 3
    assert all(name.startswith("web-2-") for name in names(found)[:2])
    assert found.pending[1].metadata.labels["pod-template-hash"] == "2"


def test_a_workload_whose_owner_is_not_in_the_input_stands_for_itself() -> None:
    assert (
        len(pending(kube.owned(kube.workload("ReplicaSet", "web-1", replicas=2), "Deployment", "web"))) == 2
    )


def test_a_workload_that_has_what_it_wants_lacks_nothing() -> None:
    owned = [kube.owned(kube.pod(name), "ReplicaSet", "rs") for name in "ab"]
    assert names(kube.built(kube.workload("ReplicaSet", "rs", replicas=1), *owned)) == ["a", "b"]


def test_pods_of_another_owner_of_the_same_name_do_not_count() -> None:
    item = kube.workload("ReplicaSet", "rs", replicas=1)
    item["metadata"]["uid"] = "new"
    found = kube.built(item, kube.owned(kube.pod("a"), "ReplicaSet", "rs", uid="old"))
    assert len(names(found)) == 2


def test_a_stateful_set_fills_its_ordinals_and_makes_claims() -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    item = kube.workload("StatefulSet", "db", replicas=3, ordinals={"start": 5}, volumeClaimTemplates=[claim])
    standard = kube.kube("StorageClass", "storage.k8s.io/v1", "standard", provisioner="p")
    standard["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    found = kube.built(item, kube.owned(kube.pod("db-6"), "StatefulSet", "db"), standard)
    assert names(found) == ["db-5", "db-7", "db-6"]
    pod = found.pending[0]
    assert pod.metadata.labels["statefulset.kubernetes.io/pod-name"] == "db-5"
    assert pod.metadata.labels["apps.kubernetes.io/pod-index"] == "5"
    assert pod.spec.volumes[0].persistent_volume_claim == objects.PersistentVolumeClaimVolume("data-db-5")
    made = found.cluster.storage.claims
    assert sorted(made) == [("default", "data-db-5"), ("default", "data-db-7")]
    assert made[("default", "data-db-5")].spec.storage_class_name == "standard"
    assert made[("default", "data-db-5")].metadata.labels == {"app": "db"}


def test_an_ordinal_whose_pod_is_still_leaving_waits_for_its_name() -> None:
    leaving = kube.pod("db-0", nodeName="n", meta={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    found = kube.built(
        kube.node("n"),
        kube.workload("StatefulSet", "db", replicas=2),
        kube.owned(leaving, "StatefulSet", "db"),
    )
    assert names(found) == ["db-1"]


def daemon_items(**fields: Any) -> list[kube.Json]:
    return [
        kube.node("n1", zone="a"),
        kube.node("n2", zone="b"),
        kube.node("n3", zone="b", taints=[{"key": "k", "effect": "NoSchedule"}]),
        kube.node(
            "n4", zone="b", taints=[{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]
        ),
        kube.workload("DaemonSet", "agent", **fields),
    ]


def targets(pods: list[objects.Pod]) -> list[str]:
    out = []
    for pod in pods:
        assert pod.spec.affinity is not None
        assert pod.spec.affinity.node_affinity is not None
        required = pod.spec.affinity.node_affinity.required_during_scheduling_ignored_during_execution
        assert required is not None
        (term,) = required.node_selector_terms
        assert not term.match_expressions
        out.append(term.match_fields[0].values[0])
    return out


def test_a_daemon_set_lacks_a_pod_on_every_node_that_it_tolerates_and_does_not_serve_yet() -> None:
    served = kube.owned(kube.pod("agent-x", nodeName="n2"), "DaemonSet", "agent")
    found = kube.built(*daemon_items(), served)
    assert targets(found.pending) == ["n1", "n4"]
    assert {each.key for each in found.pending[0].spec.tolerations} >= {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/memory-pressure",
        "node.kubernetes.io/pid-pressure",
        "node.kubernetes.io/unschedulable",
    }


def test_a_daemon_set_goes_where_its_selector_and_affinity_allow() -> None:
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    found = kube.built(*daemon_items(pod_spec={"affinity": {"nodeAffinity": required}}))
    assert targets(found.pending) == ["n2", "n4"]


def test_a_waiting_pod_of_a_daemon_set_serves_the_node_it_is_meant_for() -> None:
    first = kube.built(*daemon_items())
    waiting = kube.owned(kube.pod("agent-y"), "DaemonSet", "agent")
    field = {"key": "metadata.name", "operator": "In", "values": [targets(first.pending)[0]]}
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    waiting["spec"]["affinity"] = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}
    }
    assert targets(kube.built(*daemon_items(), waiting).pending) == ["n2", "n4", "n1"]


JOBS = {
    "neither given": ({}, [], 1),
    "parallelism alone": ({"parallelism": 3}, [], 3),
    "parallelism alone after a success": ({"parallelism": 3}, [("a", "Succeeded"), ("b", "Running")], 0),
    "completions bound it": ({"parallelism": 5, "completions": 2}, [], 2),
    "parallelism bounds it": ({"parallelism": 2, "completions": 9}, [], 2),
    "completions alone go one by one": ({"completions": 4}, [], 1),
    "active ones count": ({"parallelism": 3, "completions": 9}, [("a", "Running"), ("b", "Failed")], 2),
    "ended ones are done": ({"parallelism": 3, "completions": 3}, [("a", "Succeeded")], 2),
    "suspended": ({"parallelism": 3, "suspend": True}, [], 0),
}


@pytest.mark.parametrize(("fields", "pods", "lacking"), JOBS.values(), ids=JOBS.keys())
def test_a_job_starts_what_parallelism_and_completions_allow(
    fields: kube.Json, pods: list[tuple[str, str]], lacking: int
) -> None:
    owned = [kube.owned(kube.pod(name, status={"phase": phase}), "Job", "j") for name, phase in pods]
    made = [name for name in names(kube.built(kube.workload("Job", "j", **fields), *owned)) if name[0] == "j"]
    assert len(made) == lacking


def test_a_job_that_is_over_starts_nothing() -> None:
    item = kube.workload("Job", "j")
    item["status"] = {"conditions": [{"type": "Failed", "status": "True"}]}
    assert not pending(item)


def test_an_indexed_job_starts_the_first_indexes_that_are_neither_done_nor_running() -> None:
    item = kube.workload("Job", "j", parallelism=3, completions=8, completionMode="Indexed")
    item["status"] = {"completedIndexes": "0-1,3", "succeeded": 3}
    running = kube.owned(kube.pod("r", status=RUNNING), "Job", "j")
    running["metadata"]["annotations"] = {"batch.kubernetes.io/job-completion-index": "4"}
    made = [pod for pod in pending(item, running) if pod.metadata.name != "r"]
    assert [pod.metadata.annotations["batch.kubernetes.io/job-completion-index"] for pod in made] == [
        "2",
        "5",
    ]
    assert made[0].metadata.name.startswith("j-2-")
    assert made[0].metadata.labels["batch.kubernetes.io/job-name"] == "j"


def test_pods_of_workloads_are_admitted() -> None:
    high = kube.kube("PriorityClass", "scheduling.k8s.io/v1", "high", value=7)
    item = kube.workload("Deployment", "web", pod_spec={"priorityClassName": "high"})
    (pod,) = pending(item, high)
    assert pod.spec.priority == 7
    assert len(pod.spec.tolerations) == 2


def test_a_spread_workload_keeps_its_revisions_apart() -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
        "matchLabelKeys": ["pod-template-hash"],
    }
    item = kube.workload("Deployment", "web", pod_spec={"topologySpreadConstraints": [constraint]})
    (pod,) = pending(item)
    selector = pod.spec.topology_spread_constraints[0].label_selector
    assert selector is not None
    (merged,) = selector.match_expressions
    assert merged.values == (pod.metadata.labels["pod-template-hash"],)


def test_what_a_workload_lacks_stands_in_its_place_in_the_input() -> None:
    found = kube.built(kube.pod("a"), kube.workload("StatefulSet", "db", replicas=2), kube.pod("z"))
    assert names(found) == ["a", "db-0", "db-1", "z"]


WANTON = {
    "a deployment": (kube.workload("Deployment", "w", replicas=2_000_000), "spec.replicas"),
    "a job": (kube.workload("Job", "w", parallelism=2_000_000), "spec.parallelism"),
    "an indexed job": (
        kube.workload("Job", "w", completions=2_000_000, completionMode="Indexed"),
        "spec.completions",
    ),
}


@pytest.mark.parametrize(("item", "field"), WANTON.values(), ids=WANTON.keys())
def test_a_workload_that_wants_beyond_all_measure_is_told(item: kube.Json, field: str) -> None:
    faults = problems.Faults()
    kube.built(item, faults=faults)
    (problem,) = faults.problems
    assert f"{field}: 2000000 are more than the 1000000 pods that one workload may have here" in problem
