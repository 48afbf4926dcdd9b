"""Volumes for claims: one that is there and fits, or a new one, as the volume controller and a provisioner
have it.

Every class's provisioner is simulated, but for kubernetes.io/no-provisioner; a cluster without a class
gets one. Rules: pkg/controller/volume/persistentvolume. Not here: resizing.
"""

from __future__ import annotations

from typing import Any, Final

from stowage.api import quantity, selectors
from stowage.embedded import registry, schema
from stowage.embedded.controllers import world as worlds
from stowage.embedded.http import query
from stowage.embedded.storage import store
from stowage.embedded.writing import deletion

Object = dict[str, Any]
CLAIMS: Final = schema.named("", "PersistentVolumeClaim")
VOLUMES: Final = schema.named("", "PersistentVolume")
CLASSES: Final = schema.named("storage.k8s.io", "StorageClass")
_NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
_SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
_BOUND_BY: Final = "pv.kubernetes.io/bound-by-controller"
_ZONE: Final = "topology.kubernetes.io/zone"
_OPTIONS: Final = worlds.options("persistentvolume-binder")


def bootstrap(reg: registry.Registry) -> None:
    """A default class for a cluster that has none."""
    if reg.objects.count(CLASSES.table):
        return
    meta = {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    body = {"provisioner": "stowage.dev/simulated", "volumeBindingMode": "WaitForFirstConsumer"}
    reg.create(CLASSES, "", {"metadata": meta} | body, _OPTIONS)


def sync_claim(world: worlds.World, key: store.Key) -> None:
    """Bind a claim that is not bound yet, as soon as there is what to bind it to."""
    claim = world.read(CLAIMS, key)
    if claim is None or "deletionTimestamp" in claim["metadata"]:
        return
    if (claim.get("status") or {}).get("phase") == "Bound":
        return
    wanted = claim["spec"].get("volumeName", "")
    if wanted:
        volume = world.read(VOLUMES, ("", wanted))
    else:
        volume = _meant_for(world, claim) or _found_or_made(world, claim)
    if volume is not None and _is_for((volume["spec"].get("claimRef") or {}), claim):
        _bind(world, volume, claim)


def sync_volume(world: worlds.World, key: store.Key) -> None:
    """Say whether a volume can be had; let one go whose claim is gone."""
    volume = world.read(VOLUMES, key)
    if volume is None:
        return
    ref, phase = volume["spec"].get("claimRef"), "Available"
    if ref:
        claim = world.read(CLAIMS, (ref.get("namespace", ""), ref["name"]))
        if claim is not None and _is_for(ref, claim):
            sync_claim(world, (ref["namespace"], ref["name"]))
            return
        phase = "Released" if ref.get("uid") else "Available"
    _set_phase(world, volume, phase)
    if "deletionTimestamp" in volume["metadata"]:
        return
    if phase == "Released" and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
        deletion.delete(world.reg, VOLUMES, "", key[1], {}, _OPTIONS)
    elif not ref:
        for entry in world.reg.objects.entries(CLAIMS.table):
            sync_claim(world, entry.key)


def _is_for(ref: Object, claim: Object) -> bool:
    """Whether a volume's reference means this claim; one without a claim means any."""
    meta = claim["metadata"]
    if not ref:
        return True
    same = (ref.get("namespace"), ref.get("name")) == (meta["namespace"], meta["name"])
    return same and ref.get("uid", meta["uid"]) == meta["uid"]


def _meant_for(world: worlds.World, claim: Object) -> Object | None:
    """The volume that somebody, such as the scheduler, has set aside for a claim."""
    for entry in world.reg.objects.entries(VOLUMES.table):
        volume = world.reg.read(VOLUMES, entry)
        ref = volume["spec"].get("claimRef")
        if ref and _is_for(ref, claim):
            return volume
    return None


def _found_or_made(world: worlds.World, claim: Object) -> Object | None:
    name = claim["spec"].get("storageClassName", "")
    of = world.read(CLASSES, ("", name)) if name else None
    node = (claim["metadata"].get("annotations") or {}).get(_SELECTED_NODE, "")
    if of is not None and of.get("volumeBindingMode") == "WaitForFirstConsumer" and not node:
        return None
    found = _smallest(world, claim) if not node else None
    if found is None and of is not None and of["provisioner"] != _NO_PROVISIONER:
        found = _provision(world, claim, of, node)
    return found


def _smallest(world: worlds.World, claim: Object) -> Object | None:
    """The smallest volume that nobody has and that is enough."""
    spec = claim["spec"]
    asked = quantity.nanos(spec["resources"]["requests"]["storage"])
    chosen = query.object_selector(spec["selector"]) if "selector" in spec else selectors.EVERYTHING
    fitting = []
    for entry in world.reg.objects.entries(VOLUMES.table):
        volume = world.reg.read(VOLUMES, entry)
        have, size = volume["spec"], quantity.nanos(volume["spec"].get("capacity", {}).get("storage", "0"))
        if (
            "claimRef" not in have
            and "deletionTimestamp" not in volume["metadata"]
            and size >= asked
            and have.get("storageClassName", "") == spec.get("storageClassName", "")
            and have.get("volumeMode") == spec.get("volumeMode")
            and set(spec.get("accessModes") or ()) <= set(have.get("accessModes") or ())
            and selectors.matches(chosen, entry.labels)
        ):
            fitting.append((size, entry.key, volume))
    return min(fitting, key=lambda each: each[:2])[2] if fitting else None


def _provision(world: worlds.World, claim: Object, of: Object, node: str) -> Object:
    """A volume as large as is asked for, in the zone of the node that the scheduler chose."""
    name, spec = f"pvc-{claim['metadata']['uid']}", claim["spec"]
    made: Object = {
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
        "accessModes": spec["accessModes"],
        "persistentVolumeReclaimPolicy": of.get("reclaimPolicy", "Delete"),
        "storageClassName": of["metadata"]["name"],
        "volumeMode": spec.get("volumeMode", "Filesystem"),
        # A driver's name is a domain; a provisioner's may have a path.
        "csi": {"driver": of["provisioner"].replace("/", "."), "volumeHandle": name},
        "claimRef": _reference(claim),
    }
    entry = world.reg.objects.get("nodes", ("", node))
    zone = entry.labels.get(_ZONE) if entry else None
    if zone:
        term = {"matchExpressions": [{"key": _ZONE, "operator": "In", "values": [zone]}]}
        made["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    annotations = {"pv.kubernetes.io/provisioned-by": of["provisioner"]}
    body = {"metadata": {"name": name, "annotations": annotations}, "spec": made}
    return world.reg.create(VOLUMES, "", body, _OPTIONS)


def _reference(claim: Object) -> Object:
    meta = claim["metadata"]
    return {"kind": "PersistentVolumeClaim", "apiVersion": "v1"} | {
        key: meta[key] for key in ("namespace", "name", "uid", "resourceVersion")
    }


def _bind(world: worlds.World, volume: Object, claim: Object) -> None:
    def of_volume(value: Object) -> Object:
        if not value["spec"].get("claimRef"):
            value["metadata"].setdefault("annotations", {})[_BOUND_BY] = "yes"
        value["spec"]["claimRef"] = _reference(claim)
        return value

    def of_claim(value: Object) -> Object:
        annotations = value["metadata"].setdefault("annotations", {})
        annotations["pv.kubernetes.io/bind-completed"] = "yes"
        if not value["spec"].get("volumeName"):
            annotations[_BOUND_BY] = "yes"
        value["spec"]["volumeName"] = volume["metadata"]["name"]
        return value

    def bound(value: Object) -> Object:
        status = {"phase": "Bound", "accessModes": volume["spec"]["accessModes"]}
        value["status"] = status | {"capacity": volume["spec"]["capacity"]}
        return value

    name, meta = volume["metadata"]["name"], claim["metadata"]
    # Of the claim the status comes last: only then it is no more looked at.
    volume = world.reg.update(VOLUMES, "", name, of_volume, _OPTIONS)
    _set_phase(world, volume, "Bound")
    world.reg.update(CLAIMS, meta["namespace"], meta["name"], of_claim, _OPTIONS)
    world.reg.update(CLAIMS, meta["namespace"], meta["name"], bound, _OPTIONS, "status")


def _set_phase(world: worlds.World, volume: Object, phase: str) -> None:
    status = volume.get("status") or {}
    if status.get("phase") != phase:
        changed = status | {"phase": phase, "lastPhaseTransitionTime": world.reg.now()}
        worlds.set_status(world, VOLUMES, volume, changed, _OPTIONS.manager)
