from typing import Any

import pytest

from stowage.embedded import schema
from stowage.embedded.nodes import kubelets
from tests.unit.embedded.simulated import OPTIONS, Cluster, template


def test_nodes_are_there_in_three_zones_and_beat() -> None:
    cluster = Cluster(nodes=4)
    zones = [entry.labels["topology.kubernetes.io/zone"] for entry in cluster.reg.objects.entries("nodes")]
    assert zones == ["zone-a", "zone-b", "zone-c", "zone-a"]
    cluster.after(kubelets.LEASE_SECONDS)
    leases = cluster.reg.objects.entries("leases.coordination.k8s.io", "kube-node-lease")
    before = [each.read()["spec"]["renewTime"] for each in leases]
    assert len(before) == 4
    cluster.after(kubelets.LEASE_SECONDS + 1)
    again = cluster.reg.objects.entries("leases.coordination.k8s.io", "kube-node-lease")
    assert all(new.read()["spec"]["renewTime"] > old for new, old in zip(again, before, strict=True))


def test_a_node_declares_in_order_what_pods_may_need() -> None:
    (node,) = [entry.read() for entry in Cluster(nodes=1).reg.objects.entries("nodes")]
    declared = node["status"]["declaredFeatures"]
    assert declared == sorted(declared)
    assert "RestartAllContainersOnContainerExits" in declared


def test_a_bound_pod_runs_after_a_moment() -> None:
    cluster = Cluster()
    cluster.create("", "Pod", "a", spec=template()["template"]["spec"])
    cluster.after(0.5)
    assert cluster.running() == []
    cluster.after(1)
    (pod,) = cluster.pods()
    ready = {each["type"]: each["status"] for each in pod["status"]["conditions"]}
    assert ready["Ready"] == ready["PodScheduled"] == "True"
    assert pod["status"]["containerStatuses"][0]["ready"] is True


@pytest.mark.parametrize(
    ("grace", "sleep", "gone_after"),
    [(30, None, 1.0), (30, 5, 6.0), (3, 20, 3.0)],
    ids=["at once", "preStop sleep", "grace period ends the sleep"],
)
def test_a_deleted_pod_goes_within_its_grace_period(grace: int, sleep: int | None, gone_after: float) -> None:
    cluster = Cluster()
    spec = template()["template"]["spec"] | {"terminationGracePeriodSeconds": grace}
    if sleep is not None:
        spec["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": sleep}}}
    cluster.create("", "Pod", "a", spec=spec)
    cluster.after(3)
    cluster.delete("", "Pod", "a")
    cluster.after(gone_after - 0.25)
    assert len(cluster.pods()) == 1
    cluster.after(0.5)
    assert cluster.pods() == []


def test_a_node_that_is_deleted_stays_deleted() -> None:
    cluster = Cluster(nodes=2)
    cluster.delete("", "Node", "node-1")
    cluster.after(30)
    assert [entry.key[1] for entry in cluster.reg.objects.entries("nodes")] == ["node-0"]


def resized(cluster: Cluster, name: str, cpu: str) -> None:
    def change(pod: dict[str, Any]) -> dict[str, Any]:
        pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = cpu
        return pod

    cluster.reg.update(schema.named("", "Pod"), "default", name, change, OPTIONS, "resize")


def running(cluster: Cluster, name: str, cpu: str, **fields: Any) -> None:
    container = {"name": "a", "image": "i", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}
    cluster.create("", "Pod", name, spec={"containers": [container], **fields})
    cluster.after(3)


def given(cluster: Cluster, name: str) -> tuple[str, str, list[str]]:
    """The CPU that a pod runs with and was given, and how its resize waits."""
    status = cluster.get("", "Pod", name)["status"]
    (state,) = status["containerStatuses"]
    assert status["allocatedResources"] == status["resources"]["requests"] == state["allocatedResources"]
    waits = [each["message"] for each in status["conditions"] if each["type"] == "PodResizePending"]
    return state["resources"]["requests"]["cpu"], state["allocatedResources"]["cpu"], waits


def test_a_resized_pod_gets_what_it_asks_for() -> None:
    cluster = Cluster()
    running(cluster, "p", "1")
    assert given(cluster, "p") == ("1", "1", [])
    resized(cluster, "p", "2500m")
    cluster.after(2)
    assert given(cluster, "p") == ("2500m", "2500m", [])
    pod = cluster.get("", "Pod", "p")
    assert pod["status"]["observedGeneration"] == pod["metadata"]["generation"] == 2
    assert pod["status"]["allocatedResources"] == {"cpu": "2500m", "memory": "1Gi"}


def test_a_resize_waits_until_its_node_has_room() -> None:
    cluster = Cluster()
    running(cluster, "p", "1")
    running(cluster, "q", "6")
    resized(cluster, "p", "4")
    cluster.after(2)
    # The node has 8 CPUs.
    why = "Node didn't have enough resource: cpu, requested: 4000, used: 6000, capacity: 8000"
    assert given(cluster, "p") == ("1", "1", [why])
    version = cluster.get("", "Pod", "p")["metadata"]["resourceVersion"]
    cluster.after(5)
    assert cluster.get("", "Pod", "p")["metadata"]["resourceVersion"] == version
    resized(cluster, "q", "2")
    cluster.after(3)
    assert given(cluster, "p") == ("4", "4", [])


def test_a_resize_that_waits_is_done_when_another_pod_is_gone() -> None:
    cluster = Cluster()
    running(cluster, "p", "1")
    running(cluster, "q", "6")
    resized(cluster, "p", "4")
    cluster.after(2)
    cluster.delete("", "Pod", "q")
    cluster.after(4)
    assert given(cluster, "p") == ("4", "4", [])
