from typing import Any

import pytest

from tests.unit.embedded.simulated import Cluster

ZONE = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["zone-b"]}
SELECTED = {"annotations": {"volume.kubernetes.io/selected-node": "node-1"}}


def claim(cluster: Cluster, name: str, size: str = "1Gi", metadata: Any = None, **spec: Any) -> None:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}} | spec
    cluster.create("", "PersistentVolumeClaim", name, metadata=metadata or {}, spec=asked)
    cluster.after(1)


def volume(cluster: Cluster, name: str, size: str, **spec: Any) -> None:
    made = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce", "ReadOnlyMany"]}
    made |= {"hostPath": {"path": "/x"}}
    cluster.create("", "PersistentVolume", name, spec=made | spec)
    cluster.after(1)


def of(cluster: Cluster, name: str) -> tuple[str, str]:
    """Phase and volume of a claim."""
    found = cluster.get("", "PersistentVolumeClaim", name)
    return found["status"]["phase"], found["spec"].get("volumeName", "")


def phase(cluster: Cluster, name: str) -> str:
    return str(cluster.get("", "PersistentVolume", name)["status"]["phase"])


def test_a_claim_waits_for_its_first_consumer_and_gets_a_volume_where_that_goes() -> None:
    cluster = Cluster()
    claim(cluster, "waits")
    assert of(cluster, "waits") == ("Pending", "")
    claim(cluster, "c", metadata=SELECTED)
    state, name = of(cluster, "c")
    made = cluster.get("", "PersistentVolume", name)
    assert (state, made["status"]["phase"], made["spec"]["capacity"]) == (
        "Bound",
        "Bound",
        {"storage": "1Gi"},
    )
    assert made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"] == [{"matchExpressions": [ZONE]}]
    assert made["spec"]["claimRef"]["uid"] == cluster.get("", "PersistentVolumeClaim", "c")["metadata"]["uid"]


def test_a_claim_without_a_class_gets_the_smallest_volume_that_is_enough() -> None:
    cluster = Cluster()
    for name, size in (("large", "9Gi"), ("right", "3Gi"), ("small", "1Gi")):
        volume(cluster, name, size)
    claim(cluster, "c", "2Gi", storageClassName="")
    assert of(cluster, "c") == ("Bound", "right")
    claim(cluster, "d", "1Ti", storageClassName="")
    assert of(cluster, "d") == ("Pending", "")
    volume(cluster, "huge", "2Ti")
    assert of(cluster, "d") == ("Bound", "huge")
    assert [phase(cluster, each) for each in ("large", "right", "small")] == [
        "Available",
        "Bound",
        "Available",
    ]


def test_a_volume_that_is_set_aside_for_a_claim_is_bound_to_it() -> None:
    cluster = Cluster()
    claim(cluster, "c")
    volume(cluster, "v", "1Gi", storageClassName="standard", claimRef={"namespace": "default", "name": "c"})
    assert of(cluster, "c") == ("Bound", "v")


@pytest.mark.parametrize(
    ("policy", "left"), [("Delete", []), ("Retain", ["Released"])], ids=["deleted", "kept"]
)
def test_a_volume_whose_claim_is_gone_is_let_go(policy: str, left: list[str]) -> None:
    cluster = Cluster()
    volume(cluster, "v", "1Gi", persistentVolumeReclaimPolicy=policy)
    claim(cluster, "c", storageClassName="")
    cluster.delete("", "PersistentVolumeClaim", "c")
    cluster.after(1)
    assert [
        each.read()["status"]["phase"] for each in cluster.reg.objects.entries("persistentvolumes")
    ] == left


def test_what_nobody_provisions_stays_pending() -> None:
    cluster = Cluster()
    cluster.create("storage.k8s.io", "StorageClass", "local", provisioner="kubernetes.io/no-provisioner")
    claim(cluster, "c", storageClassName="local", metadata=SELECTED)
    assert of(cluster, "c") == ("Pending", "")


def mounting(cluster: Cluster, name: str, claim_name: str) -> None:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim_name}}]
    cluster.create("", "Pod", name, spec={"containers": [{"name": "a", "image": "i"}], "volumes": volumes})
    cluster.after(1)


def left(cluster: Cluster, plural: str) -> list[str]:
    return [entry.key[1] for entry in cluster.reg.objects.entries(plural)]


def test_a_claim_that_is_deleted_goes_with_the_last_pod_that_mounts_it() -> None:
    cluster = Cluster()
    claim(cluster, "c")
    mounting(cluster, "p", "c")
    cluster.delete("", "PersistentVolumeClaim", "c")
    cluster.after(1)
    assert cluster.get("", "PersistentVolumeClaim", "c")["metadata"]["finalizers"] == [
        "kubernetes.io/pvc-protection"
    ]
    cluster.delete("", "Pod", "p", gracePeriodSeconds=0)
    cluster.after(1)
    assert left(cluster, "persistentvolumeclaims") == []


def test_a_claim_goes_at_once_where_the_pods_that_mount_it_are_on_no_node() -> None:
    cluster = Cluster(bound=False)
    claim(cluster, "c")
    mounting(cluster, "p", "c")
    cluster.delete("", "PersistentVolumeClaim", "c")
    cluster.after(1)
    assert left(cluster, "persistentvolumeclaims") == []


@pytest.mark.parametrize(("owned", "kept"), [(True, ["p-v"]), (False, [])], ids=["the-pods", "anothers"])
def test_an_ephemeral_volume_mounts_the_claim_that_its_pod_owns(owned: bool, kept: list[str]) -> None:
    cluster = Cluster()
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    volumes = [{"name": "v", "ephemeral": {"volumeClaimTemplate": template}}]
    cluster.create("", "Pod", "p", spec={"containers": [{"name": "a", "image": "i"}], "volumes": volumes})
    cluster.after(1)
    uid = cluster.get("", "Pod", "p")["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": uid, "controller": owned}
    claim(cluster, "p-v", metadata={"ownerReferences": [owner]})
    cluster.delete("", "PersistentVolumeClaim", "p-v")
    cluster.after(1)
    assert left(cluster, "persistentvolumeclaims") == kept


def test_a_volume_that_is_deleted_goes_with_its_claim() -> None:
    cluster = Cluster()
    volume(cluster, "v", "1Gi")
    volume(cluster, "free", "1Gi")
    claim(cluster, "c", storageClassName="", volumeName="v")
    for name in ("v", "free"):
        cluster.delete("", "PersistentVolume", name)
    cluster.after(1)
    assert left(cluster, "persistentvolumes") == ["v"]
    cluster.delete("", "PersistentVolumeClaim", "c")
    cluster.after(1)
    assert left(cluster, "persistentvolumes") == []


def test_an_attributes_class_that_is_deleted_goes_with_the_last_claim_that_names_it() -> None:
    cluster = Cluster()
    for name in ("fast", "free"):
        cluster.create("storage.k8s.io", "VolumeAttributesClass", name, driverName="d", parameters={"a": "b"})
    claim(cluster, "c", volumeAttributesClassName="fast")
    for name in ("fast", "free"):
        cluster.delete("storage.k8s.io", "VolumeAttributesClass", name)
    cluster.after(1)
    assert left(cluster, "volumeattributesclasses.storage.k8s.io") == ["fast"]
    cluster.delete("", "PersistentVolumeClaim", "c")
    cluster.after(1)
    assert left(cluster, "volumeattributesclasses.storage.k8s.io") == []
