import pytest

from stowage.embedded import kubelets
from tests.unit.embedded.simulated import Cluster, template


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
