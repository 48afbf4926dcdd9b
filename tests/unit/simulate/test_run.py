"""The simulated queue: order, rounds, preemption, and the pods that are not tried."""

from __future__ import annotations

import pytest

from stowage.framework import config
from stowage.simulate import missing, run
from tests.unit.simulate import kube

TWO_PROFILES = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
- schedulerName: packer
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}]}
"""


def created(second: int) -> kube.Json:
    return {"creationTimestamp": f"2026-01-01T00:00:{second:02}Z"}


def test_the_queue_goes_by_priority_then_creation_then_input() -> None:
    result, _ = kube.simulated(
        kube.node("n", cpu="4"),
        kube.pod("new"),
        kube.pod("late", meta=created(9)),
        kube.pod("early", meta=created(1)),
        kube.pod("twin", meta=created(9)),
        kube.pod("high", priority=5, preemptionPolicy="Never"),
    )
    assert kube.fates(result)["new"] == ("unschedulable", "")
    assert [name for name, (state, _) in kube.fates(result).items() if state == "placed"] == [
        "late",
        "early",
        "twin",
        "high",
    ]


def test_the_sentence_is_kube_schedulers_preemption_included() -> None:
    result, _ = kube.simulated(kube.node("a"), kube.node("b"), kube.pod("big", "9"))
    (entry,) = result.entries
    assert entry.reason == (
        "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )


def test_a_pod_that_fits_nowhere_is_tried_again_after_a_round_that_placed_one() -> None:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}
    required = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    result, _ = kube.simulated(
        kube.node("a"),
        kube.pod("follower", priority=9, affinity=required),
        kube.pod("db", meta={"labels": {"app": "db"}}),
        kube.pod("big", "99"),
    )
    assert kube.fates(result) == {
        "follower": ("placed", "a"),
        "db": ("placed", "a"),
        "big": ("unschedulable", ""),
    }
    assert (result.passes, result.tried, result.attempts) == (3, 3, 3 + 2 + 1)


def preempting() -> list[kube.Json]:
    return [
        kube.node("a", cpu="4"),
        kube.node("b", cpu="2", taints=[{"key": "k", "effect": "NoSchedule"}]),
        kube.pod("low", "3", nodeName="a", priority=-1),
        kube.pod("high", "3", priority=10),
        kube.pod("small", "500m"),  # beside high, once low is gone
        kube.pod("other", "1"),
    ]


def test_a_preemptor_stays_nominated_its_victims_stay_and_others_respect_it() -> None:
    result, found = kube.simulated(*preempting())
    assert kube.fates(result) == {
        "high": ("nominated", "a"),
        "small": ("nominated", "a"),
        "other": ("unschedulable", ""),
    }
    high = result.entries[0]
    assert high.victims == ["default/low"]
    assert high.reason == ("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s).")
    (slot,) = (found.cluster.pods.by_uid["default/low"],)
    assert found.cluster.groups.values[found.cluster.pods.groups[slot]].terminating
    assert [pod.name for pod, _ in found.cluster.nominations.values()] == ["high", "small"]


def beside(app: str) -> kube.Json:
    """A required affinity to pods of an app."""
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": app}}}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def test_a_pod_placed_earlier_may_be_evicted_later() -> None:
    result, _ = kube.simulated(
        kube.node("a", cpu="4"),
        kube.pod("first", "3", priority=9, affinity=beside("db")),
        kube.pod("db", "1", meta={"labels": {"app": "db"}}, priority=9),
        kube.pod("filler", "3"),
    )
    assert kube.fates(result) == {
        "first": ("nominated", "a"),
        "db": ("placed", "a"),
        "filler": ("placed", "a"),
    }
    assert result.entries[0].victims == ["default/filler"]
    assert result.entries[2].evicted_by == "default/first"


def test_a_higher_preemptor_takes_the_nomination_of_a_lower_one() -> None:
    result, _ = kube.simulated(
        kube.node("a", cpu="4"),
        kube.node("b", cpu="1", taints=[{"key": "k", "effect": "NoSchedule"}]),
        kube.pod("low", "3", nodeName="a", priority=-1),
        kube.pod("higher", "3", priority=20, affinity=beside("db")),
        kube.pod("high", "3", priority=10),
        kube.pod("db", "1", meta={"labels": {"app": "db"}}, priority=20, nodeSelector={"x": "y"}),
        kube.pod("db2", "1", meta={"labels": {"app": "db"}}, priority=20),
        kube.pod("last", "100m", tolerations=[{"operator": "Exists"}]),
    )
    fates = kube.fates(result)
    assert fates["db2"] == ("placed", "a")
    assert fates["higher"] == ("nominated", "a")
    assert fates["high"] == ("unschedulable", "")


NOT_TRIED = {
    "gated": (
        kube.pod("p", schedulingGates=[{"name": "x"}, {"name": "y"}]),
        "gated",
        "waiting for scheduling gates: [x y]",
    ),
    "another scheduler's": (
        kube.pod("p", schedulerName="mine"),
        "otherScheduler",
        "no profile has the scheduler name mine",
    ),
    "being deleted": (
        kube.pod("p", meta={"deletionTimestamp": "2026-01-01T00:00:00Z"}),
        "deleted",
        "the pod is being deleted",
    ),
    "with resource claims": (
        kube.pod("p", resourceClaims=[{"name": "gpu"}]),
        "unsupported",
        run.CLAIMS,
    ),
    "of a scheduling group": (
        kube.pod("p", schedulingGroup={"podGroupName": "g"}),
        "unsupported",
        run.GROUP,
    ),
}


@pytest.mark.parametrize(("pod", "state", "reason"), NOT_TRIED.values(), ids=NOT_TRIED.keys())
def test_some_pods_are_not_tried_and_say_why(pod: kube.Json, state: str, reason: str) -> None:
    result, _ = kube.simulated(kube.node("n"), pod)
    (entry,) = result.entries
    assert (entry.state.value, entry.node, entry.reason) == (state, "", reason)
    assert result.tried == 0


def test_each_profile_places_its_own_pods() -> None:
    nodes = [kube.node("full"), kube.node("empty"), kube.pod("x", "2", nodeName="full")]
    result, _ = kube.simulated(
        *nodes, kube.pod("spread"), kube.pod("packed", schedulerName="packer"), text=TWO_PROFILES
    )
    assert kube.fates(result) == {"spread": ("placed", "empty"), "packed": ("placed", "full")}


def test_the_same_seed_gives_the_same_placement() -> None:
    items = [*(kube.node(f"n{i}") for i in range(8)), *(kube.pod(f"p{i}") for i in range(8))]
    assert kube.fates(kube.simulated(*items)[0]) == kube.fates(kube.simulated(*items)[0])


def test_the_pod_asked_about_is_explained_by_the_attempt_that_decided() -> None:
    result, _ = kube.simulated(*preempting(), explained="default/high")
    assert result.explained is result.entries[0]
    assert result.explanation is not None
    assert result.explanation.first_failure(0) is not None


CLAIMING = kube.pod("p", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}])
CLAIM = {
    **kube.kube("PersistentVolumeClaim", "v1", "c"),
    "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast"},
}
TERM = {"topologyKey": "zone", "labelSelector": {}, "namespaceSelector": {}}
MISSING = {
    "Node": [kube.pod("p")],
    "PersistentVolumeClaim": [CLAIMING],
    "StorageClass": [CLAIMING, CLAIM],
    "PersistentVolume": [CLAIMING, {**CLAIM, "spec": {**CLAIM["spec"], "volumeName": "v"}}],
    "CSIDriver": [CLAIMING, CLAIM, kube.kube("StorageClass", "storage.k8s.io/v1", "fast", provisioner="p")],
    "CSIStorageCapacity": [
        CLAIMING,
        CLAIM,
        kube.kube("StorageClass", "storage.k8s.io/v1", "fast", provisioner="p"),
        kube.kube("CSIDriver", "storage.k8s.io/v1", "p", spec={"storageCapacity": True}),
    ],
    "CSINode": [kube.pod("p", volumes=[{"name": "v", "csi": {"driver": "d"}}])],
    "VolumeAttachment": [kube.pod("p", volumes=[{"name": "v", "csi": {"driver": "d"}}])],
    "Namespace": [
        kube.pod("p", affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}})
    ],
    "PriorityClass": [kube.pod("p", priorityClassName="high")],
    "ReplicaSet": [kube.owned(kube.pod("p", meta={"labels": {"a": "b"}}), "ReplicaSet", "rs")],
    "StatefulSet": [kube.owned(kube.pod("p", meta={"labels": {"a": "b"}}), "StatefulSet", "s")],
    "Service": [kube.pod("p", meta={"labels": {"a": "b"}})],
}


@pytest.mark.parametrize(("kind", "items"), MISSING.items(), ids=MISSING.keys())
def test_a_kind_that_is_absent_though_an_answer_depends_on_it_is_a_warning(
    kind: str, items: list[kube.Json]
) -> None:
    found = list(missing.warnings(kube.built(*items), config.default()))
    assert [each for each in found if f"there is no {kind} in the input" in each]


def test_nothing_is_missing_where_no_answer_depends_on_more() -> None:
    assert list(missing.warnings(kube.built(kube.node("n"), kube.pod("p")), config.default())) == []


def test_preemption_without_budgets_in_the_input_is_a_warning() -> None:
    result, found = kube.simulated(*preempting())
    (warning,) = missing.afterwards(found, result)
    assert warning.startswith("there is no PodDisruptionBudget in the input; pods that preempt others: 2")


def test_claims_of_new_pods_are_provisioned_where_the_pods_go() -> None:
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    late = {"provisioner": "p", "volumeBindingMode": "WaitForFirstConsumer"}
    fast = kube.kube("StorageClass", "storage.k8s.io/v1", "fast", **late)
    fast["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    scratch = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": storage}}}
    data = {"metadata": {"name": "data"}, "spec": storage}
    item = kube.workload(
        "StatefulSet", "db", replicas=2, volumeClaimTemplates=[data], pod_spec={"volumes": [scratch]}
    )
    result, found = kube.simulated(kube.node("n"), fast, item)
    assert kube.fates(result) == {"db-0": ("placed", "n"), "db-1": ("placed", "n")}
    claims = found.cluster.storage.claims
    assert sorted(name for _, name in claims) == ["data-db-0", "data-db-1", "db-0-scratch", "db-1-scratch"]
    chosen = {claim.metadata.annotations["volume.kubernetes.io/selected-node"] for claim in claims.values()}
    assert chosen == {"n"}
    assert not [each for each in missing.warnings(found, config.default()) if "PersistentVolumeClaim" in each]
