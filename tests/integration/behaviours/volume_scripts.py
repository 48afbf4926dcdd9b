"""Scripts about claims, volumes and classes."""

from typing import Any

from tests.integration.behaviours import registry
from tests.integration.behaviours.specs import on_nodes_with
from tests.integration.behaviours.world import HOST, KINDS, Json, World

SCRIPTS: registry.Scripts = {}
script = registry.into(SCRIPTS)

SELECTED = "volume.kubernetes.io/selected-node"
COMPLETED = {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}


def mounts(*claims: str) -> list[Json]:
    return [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]


async def storage_class(w: World, name: str, mode: str = "WaitForFirstConsumer", **fields: Any) -> None:
    fields.setdefault("provisioner", "kubernetes.io/no-provisioner")
    await w.create("StorageClass", name, volumeBindingMode=mode, **fields)


async def claim(w: World, name: str, metadata: Json | None = None, **spec: Any) -> Json:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return await w.create("PersistentVolumeClaim", name, metadata=metadata or {}, spec=spec)


async def volume(w: World, name: str, node: str = "", **spec: Any) -> None:
    """A volume that is free, on one node or anywhere."""
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "csi": {"driver": "d.example.com", "volumeHandle": name},
        **spec,
    }
    if node:
        term = {"matchExpressions": [{"key": HOST, "operator": "In", "values": [node]}]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    await w.create("PersistentVolume", name, {"phase": "Available"}, spec=spec)


async def bind(w: World, name: str, to: str) -> None:
    """What the volume controller does once a claim and a volume are meant for one another."""
    await w.patch("PersistentVolumeClaim", name, metadata=COMPLETED, spec={"volumeName": to})
    await w.status("PersistentVolumeClaim", name, {"phase": "Bound"})
    await w.status("PersistentVolume", to, {"phase": "Bound"})


async def bound_claim(w: World, name: str, node: str = "", **fields: Any) -> None:
    made = await claim(w, name, storageClassName="", **fields)
    reference = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "name": name}
    reference |= {"namespace": w.namespace, "uid": made["metadata"]["uid"]}
    modes = {"accessModes": fields["accessModes"]} if "accessModes" in fields else {}
    await volume(w, f"pv-{name}", node, claimRef=reference, **modes)
    await bind(w, name, f"pv-{name}")


@script
async def a_claim_comes_after_its_pod(w: World) -> None:
    await w.node("n")
    await volume(
        w, "pv", claimRef={"kind": "PersistentVolumeClaim", "namespace": w.namespace, "name": "data"}
    )
    await w.pod("p", volumes=mounts("data"))
    await w.rejected("p", 'persistentvolumeclaim "data" not found')
    # all at once: between two changes of it, an attempt may or may not fall
    await claim(w, "data", COMPLETED, storageClassName="", volumeName="pv")
    await w.bound("p")


@script
async def a_claim_that_is_bound_at_once_is_awaited(w: World) -> None:
    await w.node("n")
    await storage_class(w, "now", "Immediate")
    await claim(w, "data", storageClassName="now")
    await w.pod("p", volumes=mounts("data"))
    await w.rejected("p", "unbound immediate PersistentVolumeClaims")
    await volume(w, "pv", storageClassName="now")
    await bind(w, "data", "pv")
    await w.bound("p")


@script
async def a_claim_gets_the_volume_on_the_chosen_node(w: World) -> None:
    await w.node("a")
    await w.node("b")
    await storage_class(w, "local")
    await volume(w, "pv", "b", storageClassName="local")
    await claim(w, "data", storageClassName="local")
    await w.pod("p", volumes=mounts("data"))
    await w.kept("pv", "data")
    await bind(w, "data", "pv")
    await w.bound("p")


@script
async def there_is_no_volume_for_a_claim_until_one_comes(w: World) -> None:
    await w.node("n")
    await storage_class(w, "local")
    await claim(w, "data", storageClassName="local")
    await w.pod("p", volumes=mounts("data"))
    await w.rejected("p", "available persistent volumes to bind")
    await volume(w, "pv", "n", storageClassName="local")
    await w.kept("pv", "data")
    await bind(w, "data", "pv")
    await w.bound("p")


@script
async def a_claim_is_provisioned_for_the_chosen_node(w: World) -> None:
    await w.node("a", labels={"disk": "ssd"})
    await w.node("b")
    await storage_class(w, "made", provisioner="made.example.com")
    await claim(w, "data", storageClassName="made")
    await w.pod("p", volumes=mounts("data"), affinity=on_nodes_with("disk", "ssd"))
    await w.selected("data", "a")
    await provisioned(w)
    await w.bound("p")


@script
async def a_provisioner_gives_up_and_the_pod_is_tried_again(w: World) -> None:
    await w.node("a")
    await storage_class(w, "made", provisioner="made.example.com")
    await claim(w, "data", storageClassName="made")
    await w.pod("p", volumes=mounts("data"))
    await w.selected("data", "a")
    gone = {"annotations": {SELECTED: None, "example.com/tried": "yes"}}
    await w.patch("PersistentVolumeClaim", "data", metadata=gone)
    await w.rejected("p", "provisioning failed")
    await w.selected("data", "a")
    await provisioned(w)
    await w.bound("p")


async def provisioned(w: World, node: str = "") -> None:
    """A volume of its own is made for the claim, on that node."""
    meta = (await w.client.get(KINDS["PersistentVolumeClaim"], "data", w.namespace))["metadata"]
    reference = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "name": "data"}
    reference |= {"namespace": w.namespace, "uid": meta["uid"]}
    await volume(w, "pv", node, claimRef=reference, storageClassName="made")
    await bind(w, "data", "pv")


async def waits_for_its_volume(w: World) -> None:
    """Pod p, for which node a was chosen and a volume is yet to be made."""
    await w.node("a", "2")
    await storage_class(w, "made", provisioner="made.example.com")
    await claim(w, "data", storageClassName="made")
    await w.pod("p", "2", volumes=mounts("data"))
    await w.selected("data", "a")


@script
async def a_pod_is_deleted_while_its_volume_is_made(w: World) -> None:
    await waits_for_its_volume(w)
    await w.pod("q", "2")
    await w.rejected("q", "Insufficient cpu")
    await w.delete("Pod", "p")
    await w.bound("q")
    await w.told("p", "FailedScheduling")


@script
async def a_claim_is_deleted_while_its_volume_is_made(w: World) -> None:
    await waits_for_its_volume(w)
    await w.delete("PersistentVolumeClaim", "data")
    await w.rejected("p", 'persistentvolumeclaim "data" not found')
    await claim(w, "data", storageClassName="made")
    await w.selected("data", "a")
    await provisioned(w)
    await w.bound("p")


@script
async def a_node_goes_while_a_volume_is_made_for_it(w: World) -> None:
    await waits_for_its_volume(w)
    await w.delete("Node", "a")
    await w.rejected("p", "no nodes available")
    await w.patch("PersistentVolumeClaim", "data", metadata={"annotations": {SELECTED: None}})
    await w.node("b", "2")
    await w.selected("data", "b")
    await provisioned(w)
    await w.bound("p")


@script
async def a_volume_is_made_where_its_pod_cannot_be(w: World) -> None:
    await waits_for_its_volume(w)
    await provisioned(w, "b")
    await w.rejected("p", "didn't match PersistentVolume's node affinity")
    await w.node("b", "2")
    await w.bound("p")


@script
async def a_class_is_missing(w: World) -> None:
    await w.node("n")
    await claim(w, "data", storageClassName="later")
    await w.pod("p", volumes=mounts("data"))
    await w.rejected("p")
    await storage_class(w, "later", provisioner="made.example.com")
    await w.selected("data", "n")


@script
async def a_volume_is_elsewhere(w: World) -> None:
    await w.node("a")
    await bound_claim(w, "data", "b")
    await w.pod("p", volumes=mounts("data"))
    await w.rejected("p", "didn't match PersistentVolume's node affinity")
    await w.node("b")
    await w.bound("p")


@script
async def a_volume_goes_away(w: World) -> None:
    await w.node("n")
    await bound_claim(w, "data")
    await w.delete("PersistentVolume", "pv-data")
    await w.pod("p", volumes=mounts("data"))
    await w.rejected("p")
    await volume(w, "pv-data")
    await w.bound("p")


@script
async def a_claim_is_being_deleted(w: World) -> None:
    await w.node("n")
    await bound_claim(w, "data")
    await w.patch("PersistentVolumeClaim", "data", metadata={"finalizers": ["example.com/hold"]})
    await w.delete("PersistentVolumeClaim", "data")
    await w.pod("p", volumes=mounts("data"))
    await w.rejected("p", 'persistentvolumeclaim "data" is being deleted')


@script
async def a_claim_has_lost_its_volume(w: World) -> None:
    await w.node("n")
    await bound_claim(w, "data")
    await w.status("PersistentVolumeClaim", "data", {"phase": "Lost"})
    await w.pod("p", volumes=mounts("data"))
    await w.rejected("p", "bound to non-existent persistentvolume")


@script
async def a_claim_is_for_one_pod_alone(w: World) -> None:
    await w.node("n")
    await bound_claim(w, "data", accessModes=["ReadWriteOncePod"])
    await w.running("first", "n", volumes=mounts("data"))
    await w.pod("second", volumes=mounts("data"))
    await w.rejected("second", "ReadWriteOncePod")
    await w.ended("first")
    await w.bound("second")


@script
async def a_claim_for_one_pod_alone_makes_a_victim(w: World) -> None:
    await w.node("n")
    await bound_claim(w, "data", accessModes=["ReadWriteOncePod"])
    await w.running("victim", "n", volumes=mounts("data"))
    await w.pod("high", volumes=mounts("data"), priority=100)
    await w.nominated("high", "n")
    await w.going("victim")
    await w.ended("victim")
    await w.bound("high")


@script
async def a_node_can_attach_no_more_volumes(w: World) -> None:
    await w.node("n")
    drivers = [{"name": "d.example.com", "nodeID": "n", "allocatable": {"count": 1}}]
    await w.create("CSINode", "n", spec={"drivers": drivers})
    await bound_claim(w, "one")
    await bound_claim(w, "two")
    await w.running("first", "n", volumes=mounts("one"))
    await w.pod("second", volumes=mounts("two"))
    await w.rejected("second", "exceed max volume count")
    await w.ended("first")
    await w.bound("second")


@script
async def an_ephemeral_claim_is_awaited(w: World) -> None:
    await w.node("n")
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    source = {"ephemeral": {"volumeClaimTemplate": template}}
    await w.pod("p", volumes=[{"name": "scratch", **source}])
    await w.rejected("p", "waiting for ephemeral volume controller")
