import pytest

from stowage.embedded import agenda, errors
from stowage.embedded.writing import subresources
from tests.unit.embedded.simulated import OPTIONS, Cluster, template


def images(cluster: Cluster) -> list[str]:
    return sorted(pod["spec"]["containers"][0]["image"] for pod in cluster.pods())


def test_a_deployment_runs_its_pods_and_says_so() -> None:
    cluster = Cluster()
    cluster.create("apps", "Deployment", "web", spec={"replicas": 3, **template()})
    cluster.after(3)
    status = cluster.get("apps", "Deployment", "web")["status"]
    assert len(cluster.running()) == 3
    assert (status["availableReplicas"], status["updatedReplicas"], status["observedGeneration"]) == (3, 3, 1)
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Available": "True",
        "Progressing": "True",
    }


def test_a_rolling_update_never_has_too_few_or_too_many() -> None:
    cluster = Cluster()
    cluster.create("apps", "Deployment", "web", spec={"replicas": 4, **template()})
    cluster.after(3)
    cluster.patch("apps", "Deployment", "web", template=template("web:2")["template"])
    for _ in range(60):
        cluster.after(0.25)
        there = [pod for pod in cluster.pods() if "deletionTimestamp" not in pod["metadata"]]
        # 25 % of 4 is 1, both ways.
        assert len(cluster.running()) >= 3
        assert len(there) <= 5
    assert images(cluster) == ["web:2"] * 4


def test_recreate_ends_the_old_pods_first() -> None:
    cluster = Cluster()
    spec = {"replicas": 2, "strategy": {"type": "Recreate"}}
    cluster.create("apps", "Deployment", "web", spec=spec | template())
    cluster.after(3)
    cluster.patch("apps", "Deployment", "web", template=template("web:2")["template"])
    for _ in range(40):
        cluster.after(0.25)
        assert len(set(images(cluster))) <= 1 or cluster.running() == []
    assert images(cluster) == ["web:2"] * 2


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_deleting_a_deployment_takes_its_pods_along(policy: str) -> None:
    cluster = Cluster()
    cluster.create("apps", "Deployment", "web", spec={"replicas": 2, **template()})
    cluster.after(3)
    cluster.delete("apps", "Deployment", "web", propagationPolicy=policy)
    cluster.after(6)
    assert cluster.pods() == []
    for table in ("deployments.apps", "replicasets.apps"):
        assert cluster.reg.objects.count(table) == 0


def test_orphaned_pods_stay_without_an_owner() -> None:
    cluster = Cluster()
    cluster.create("apps", "ReplicaSet", "web", spec={"replicas": 2, **template()})
    cluster.after(3)
    cluster.delete("apps", "ReplicaSet", "web", propagationPolicy="Orphan")
    cluster.after(6)
    assert [pod["metadata"].get("ownerReferences") for pod in cluster.pods()] == [None, None]


def test_a_stateful_set_starts_its_pods_one_after_the_other_with_their_claims() -> None:
    cluster = Cluster()
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"metadata": {"name": "data"}, "spec": wanted}
    spec = {"replicas": 3, "serviceName": "db", "volumeClaimTemplates": [claim]}
    cluster.create("apps", "StatefulSet", "db", spec=spec | template())
    seen: list[int] = []
    for _ in range(24):
        cluster.after(0.25)
        pods = cluster.pods()
        assert len(pods) - len(cluster.running()) <= 1
        seen.append(len(pods))
    assert sorted(set(seen)) == [1, 2, 3]
    assert [pod["metadata"]["name"] for pod in cluster.pods()] == ["db-0", "db-1", "db-2"]
    assert [entry.key[1] for entry in cluster.reg.objects.entries("persistentvolumeclaims")] == [
        "data-db-0",
        "data-db-1",
        "data-db-2",
    ]
    cluster.patch("apps", "StatefulSet", "db", replicas=1)
    cluster.after(8)
    assert [pod["metadata"]["name"] for pod in cluster.pods()] == ["db-0"]


def test_a_daemon_runs_once_on_each_node_that_takes_it() -> None:
    cluster = Cluster(nodes=3, bound=False)
    cluster.create("apps", "DaemonSet", "agent", spec=template(nodeSelector={"disk": "ssd"}))

    def labelled(node: dict[str, dict[str, dict[str, str]]]) -> dict[str, dict[str, dict[str, str]]]:
        node["metadata"]["labels"]["disk"] = "ssd"
        return node

    cluster.after(2)
    assert cluster.pods() == []
    nodes = cluster.reg.catalog.find("", "v1", "nodes")
    assert nodes is not None
    for name in ("node-0", "node-2"):
        cluster.reg.update(nodes, "", name, labelled, OPTIONS)
    cluster.after(2)
    wanted = []
    for pod in cluster.pods():
        affinity = pod["spec"]["affinity"]["nodeAffinity"]
        (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        wanted.append(term["matchFields"][0]["values"])
    assert sorted(wanted) == [["node-0"], ["node-2"]]


@pytest.mark.parametrize("mode", ["NonIndexed", "Indexed"])
def test_a_job_completes(mode: str) -> None:
    cluster = Cluster()
    work = template(restartPolicy="Never")["template"]
    work["metadata"]["annotations"] = {"stowage.dev/run-seconds": "2"}
    spec = {"completions": 3, "parallelism": 2, "completionMode": mode, "template": work}
    cluster.create("batch", "Job", "once", spec=spec)
    cluster.after(1.5)
    assert len(cluster.pods()) == 2
    cluster.after(10)
    status = cluster.get("batch", "Job", "once")["status"]
    assert status["succeeded"] == 3
    assert {each["type"] for each in status["conditions"]} == {"SuccessCriteriaMet", "Complete"}


def test_a_budget_allows_what_is_to_spare_and_no_eviction_more() -> None:
    cluster = Cluster()
    cluster.create("apps", "ReplicaSet", "web", spec={"replicas": 3, **template()})
    budget = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    cluster.create("policy", "PodDisruptionBudget", "web", spec=budget)
    cluster.after(3)
    status = cluster.get("policy", "PodDisruptionBudget", "web")["status"]
    assert (status["currentHealthy"], status["desiredHealthy"], status["disruptionsAllowed"]) == (3, 2, 1)
    first, second, _ = cluster.running()
    subresources.evict(cluster.reg, "default", first, {}, OPTIONS)
    with pytest.raises(errors.ApiError) as caught:
        subresources.evict(cluster.reg, "default", second, {}, OPTIONS)
    assert caught.value.code == 429
    cluster.after(5)
    subresources.evict(cluster.reg, "default", second, {}, OPTIONS)


def test_a_namespace_goes_when_all_in_it_is_gone() -> None:
    cluster = Cluster()
    cluster.create("", "Namespace", "shop")
    resource = cluster.reg.catalog.find("", "v1", "configmaps")
    assert resource is not None
    held = {"metadata": {"name": "a", "finalizers": ["example.com/x"]}}
    cluster.reg.create(resource, "shop", held, OPTIONS)
    cluster.delete("", "Namespace", "shop")
    cluster.after(3)
    assert cluster.get("", "Namespace", "shop")["status"] == {"phase": "Terminating"}
    with pytest.raises(errors.ApiError, match="is being terminated"):
        cluster.reg.create(resource, "shop", {"metadata": {"name": "b"}}, OPTIONS)

    def released(value: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
        del value["metadata"]["finalizers"]
        return value

    cluster.reg.update(resource, "shop", "a", released, OPTIONS)
    cluster.after(3)
    assert cluster.reg.objects.get("namespaces", ("", "shop")) is None


def test_pods_go_with_their_node() -> None:
    cluster = Cluster()
    cluster.create("", "Pod", "a", spec=template()["template"]["spec"])
    cluster.after(3)
    cluster.delete("", "Node", "node-0")
    cluster.after(1)
    assert cluster.pods() == []


def test_every_namespace_has_a_default_account_as_long_as_it_is_there() -> None:
    cluster = Cluster()
    cluster.after(1)
    accounts = [entry.key for entry in cluster.reg.objects.entries("serviceaccounts")]
    spaces = ("default", "kube-node-lease", "kube-public", "kube-system")
    assert accounts == [(space, "default") for space in spaces]
    cluster.delete("", "ServiceAccount", "default")
    cluster.after(1)
    assert cluster.get("", "ServiceAccount", "default")
    cluster.create("", "Namespace", "shop")
    cluster.after(1)
    assert cluster.reg.objects.get("serviceaccounts", ("shop", "default"))
    cluster.delete("", "Namespace", "shop")
    cluster.after(3)
    assert cluster.reg.objects.get("namespaces", ("", "shop")) is None


def test_a_stateful_set_makes_the_claims_that_its_pods_mount() -> None:
    cluster = Cluster()
    spec = {"replicas": 2, "serviceName": "db", **template()}
    spec["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": wanted}]
    cluster.create("apps", "StatefulSet", "db", spec=spec)
    cluster.after(5)
    assert cluster.running() == ["db-0", "db-1"]
    claims = cluster.reg.objects.entries("persistentvolumeclaims")
    assert [each.key[1] for each in claims] == ["data-db-0", "data-db-1"]
    assert cluster.pods()[0]["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}
    ]


@pytest.mark.parametrize(
    ("group", "kind", "number", "message"),
    [
        ("apps", "ReplicaSet", "replicas", "Error creating: "),
        ("apps", "StatefulSet", "replicas", "Create Pod web-3 in StatefulSet web failed error: "),
        ("apps", "DaemonSet", "currentNumberScheduled", "Error creating: "),
        ("batch", "Job", "active", "Error creating: "),
    ],
    ids=["ReplicaSet", "StatefulSet", "DaemonSet", "Job"],
)
def test_what_a_quota_refuses_is_told_and_the_rest_runs(
    group: str, kind: str, number: str, message: str
) -> None:
    cluster = Cluster(nodes=5, bound=False)
    cluster.create("", "ResourceQuota", "few", spec={"hard": {"pods": "3"}})
    spec = {
        "ReplicaSet": {"replicas": 5, **template()},
        "StatefulSet": {"replicas": 5, "podManagementPolicy": "Parallel", **template()},
        "DaemonSet": template(),
        "Job": {"parallelism": 5, "template": template(restartPolicy="Never")["template"]},
    }[kind]
    cluster.create(group, kind, "web", spec=spec)
    cluster.after(2)
    assert cluster.get(group, kind, "web")["status"][number] == 3
    (event,) = [e.read() for e in cluster.reg.objects.entries("events", "default")]
    assert (event["reason"], event["type"], event["involvedObject"]["kind"]) == (
        "FailedCreate",
        "Warning",
        kind,
    )
    assert event["message"].startswith(message)
    assert "exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3" in event["message"]


def test_a_deployment_tells_why_it_lacks_pods_until_it_has_them() -> None:
    cluster = Cluster()
    cluster.create("", "ResourceQuota", "few", spec={"hard": {"pods": "3"}})
    cluster.create("apps", "Deployment", "web", spec={"replicas": 5, **template()})
    cluster.after(5)
    status = cluster.get("apps", "Deployment", "web")["status"]
    (failure,) = [each for each in status["conditions"] if each["type"] == "ReplicaFailure"]
    assert (status["replicas"], status["availableReplicas"], failure["reason"]) == (3, 3, "FailedCreate")
    cluster.patch("", "ResourceQuota", "few", hard={"pods": "5"})
    # It is tried again after a minute at most.
    cluster.after(65)
    status = cluster.get("apps", "Deployment", "web")["status"]
    assert status["availableReplicas"] == 5
    assert {each["type"] for each in status["conditions"]} == {"Available", "Progressing"}


def test_a_deployment_without_a_replica_set_says_why() -> None:
    cluster = Cluster()
    cluster.create("", "ResourceQuota", "none", spec={"hard": {"count/replicasets.apps": "0"}})
    cluster.create("apps", "Deployment", "web", spec={"replicas": 2, **template()})
    cluster.after(2)
    (condition,) = cluster.get("apps", "Deployment", "web")["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Progressing", "False")
    assert condition["reason"] == "ReplicaSetCreateError"
    assert condition["message"].startswith('Failed to create new replica set "web-')


def test_a_step_that_is_refused_waits_twice_as_long_each_time() -> None:
    now, tried = 0.0, []

    def refused() -> None:
        tried.append(now)
        raise errors.forbidden("", "pods", "p", "no")

    due = agenda.Agenda(lambda: now)
    due.add("step", refused)
    while now < 250:
        due.run_due()
        now += 1.0
    # 1, 2, 4, … 32 seconds, then a minute each.
    assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
