"""How many more fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from stowage.simulate import capacity, problems, session
from tests.unit.simulate import kube


def ask(
    path: Path, cluster: list[kube.Json], templates: list[kube.Json], limit: int = 1000
) -> capacity.Report:
    (path / "cluster").write_text(kube.a_list(*cluster))
    (path / "pods").write_text(kube.a_list(*templates))
    options = session.Options(sources=[str(path / "cluster")])
    return capacity.capacity(options, [str(path / "pods")], limit, lambda *_: None)


NODES = [kube.node("a", cpu="4"), kube.node("b", cpu="2"), kube.pod("x", "1", nodeName="a")]


def test_copies_are_placed_until_one_fits_nowhere(tmp_path: Path) -> None:
    (answer,) = ask(tmp_path, NODES, [kube.pod("probe", "2")]).answers
    assert (answer.template, answer.count, dict(answer.nodes)) == ("Pod default/probe", 2, {"a": 1, "b": 1})
    assert answer.stopped.startswith("0/2 nodes are available: 2 Insufficient cpu.")


def test_every_template_is_asked_by_itself(tmp_path: Path) -> None:
    templates = [kube.pod("probe", "1"), kube.workload("Deployment", "web", replicas=7), kube.pod("big", "9")]
    answers = ask(tmp_path, NODES, templates).answers
    assert [(each.template, each.count) for each in answers] == [
        ("Pod default/probe", 5),
        ("Deployment default/web", 5),
        ("Pod default/big", 0),
    ]


def test_the_limit_ends_the_count(tmp_path: Path) -> None:
    report = ask(tmp_path, NODES, [kube.pod("probe", "1m")], limit=3)
    (answer,) = report.answers
    assert (answer.count, answer.stopped) == (3, "")
    assert capacity.plain(report)["capacity"][0]["limited"] is True


def test_the_cluster_is_as_it_was_afterwards(tmp_path: Path) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "fast",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    late = {"provisioner": "p", "volumeBindingMode": "WaitForFirstConsumer"}
    templates = [
        kube.workload("StatefulSet", "db", volumeClaimTemplates=[claim]),
        kube.kube("StorageClass", "storage.k8s.io/v1", "fast", **late),
        kube.workload("DaemonSet", "agent"),
        kube.workload("ReplicaSet", "rs"),
        kube.workload("Job", "job", completionMode="Indexed", completions=3),
    ]
    report = ask(tmp_path, NODES, templates)
    assert [each.count for each in report.answers] == [5, 5, 5, 5]
    cluster = report.loaded.world.cluster
    assert not cluster.storage.claims
    assert not cluster.owners.controllers
    assert list(cluster.pods.by_uid) == ["default/x"]
    assert cluster.requested[0, : cluster.size].tolist() == [1000, 0]


def test_pending_pods_and_workloads_of_the_input_take_no_room(tmp_path: Path) -> None:
    cluster = [*NODES, kube.pod("waiting", "1"), kube.workload("Deployment", "web", replicas=3)]
    report = ask(tmp_path, cluster, [kube.pod("probe", "1")])
    assert report.answers[0].count == 5
    assert (
        "pending pods of the input are left out, nothing is kept for them: 1" in report.loaded.faults.warnings
    )


def test_a_pod_that_could_preempt_does_not_but_says_so(tmp_path: Path) -> None:
    (answer,) = ask(tmp_path, NODES, [kube.pod("probe", "4", priority=5)]).answers
    assert answer.count == 0
    assert answer.stopped.endswith("It could preempt 1 pod on a.")


def test_copies_repel_one_another_where_their_template_says_so(tmp_path: Path) -> None:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}
    spec = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    (answer,) = ask(tmp_path, NODES, [kube.workload("ReplicaSet", "db", pod_spec=spec)]).answers
    assert answer.count == 2


HINDERED = {
    "gated": (kube.pod("p", schedulingGates=[{"name": "x"}]), "waiting for scheduling gates: [x]"),
    "another scheduler's": (kube.pod("p", schedulerName="mine"), "no profile has the scheduler name mine"),
    "claiming devices": (kube.pod("p", resourceClaims=[{"name": "x"}]), "spec.resourceClaims needs"),
}


@pytest.mark.parametrize(("pod", "why"), HINDERED.values(), ids=HINDERED.keys())
def test_a_pod_that_is_never_tried_says_why(tmp_path: Path, pod: kube.Json, why: str) -> None:
    (answer,) = ask(tmp_path, NODES, [pod]).answers
    assert answer.count == 0
    assert answer.stopped.startswith(why)


def test_a_file_without_a_pod_is_told(tmp_path: Path) -> None:
    with pytest.raises(problems.BadInput, match="no pod and no workload to ask about"):
        ask(tmp_path, NODES, [kube.node("c")])


def test_a_class_that_is_not_there_is_told(tmp_path: Path) -> None:
    high = kube.kube("PriorityClass", "scheduling.k8s.io/v1", "high", value=1)
    with pytest.raises(problems.BadInput, match="there is no PriorityClass low"):
        ask(tmp_path, [*NODES, high], [kube.pod("p", priorityClassName="low")])
