"""Lets claims, volumes and attribute classes that are to go really go, once nobody uses them.

A claim is used by each pod on a node that mounts it, ended or not; a volume while it is bound; a class by the
claims and volumes that name it. Rules: pkg/controller/volume/pvcprotection, pvprotection, vacprotection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from stowage.embedded import schema
from stowage.embedded.controllers import volumes
from stowage.embedded.controllers import world as worlds
from stowage.embedded.storage import store
from stowage.embedded.writing import admission

Object = dict[str, Any]
CLASSES: Final = schema.named("storage.k8s.io", "VolumeAttributesClass")
_MANAGER: Final = "volume-protection"


class _Source(msgspec.Struct, rename="camel"):
    claim_name: str = ""


class _Volume(msgspec.Struct, rename="camel"):
    name: str = ""
    persistent_volume_claim: _Source | None = None
    ephemeral: Object | None = None


class _Spec(msgspec.Struct, rename="camel"):
    node_name: str = ""
    volumes: list[_Volume] = []


class _Meta(msgspec.Struct, rename="camel"):
    name: str
    uid: str
    deletion_grace_period_seconds: int | None = None


class _Pod(msgspec.Struct):
    metadata: _Meta
    spec: _Spec


_pod = msgspec.json.Decoder(_Pod).decode


def affected(table: str, change: store.Change) -> Iterator[tuple[str, store.Key]]:
    """What may have to be let go after a change: table and key."""
    key = change.entry.key
    if table in _KINDS and change.kind != "DELETED":
        yield table, key
    if table == worlds.PODS.table and change.kind == "DELETED":
        for name, _ in _claims(_pod(change.entry.body)):
            yield volumes.CLAIMS.table, (key[0], name)
    if table in {volumes.CLAIMS.table, volumes.VOLUMES.table} and change.before is not None:
        for name in _classes(change.before.read()):
            yield CLASSES.table, ("", name)


def sync(world: worlds.World, table: str, key: store.Key) -> None:
    """Take the finalizer from what is to go and not used."""
    resource, in_use = _KINDS[table]
    finalizer, value = admission.IN_USE_FINALIZERS[table], world.read(resource, key)
    if value is None or "deletionTimestamp" not in value["metadata"]:
        return
    if finalizer in (value["metadata"].get("finalizers") or ()) and not in_use(world, value):
        worlds.drop_finalizer(world, resource, key, finalizer, _MANAGER)


def _claims(pod: _Pod) -> Iterator[tuple[str, bool]]:
    """The claims that a pod mounts, and whether it does so as their owner, for an ephemeral volume."""
    for each in pod.spec.volumes:
        if each.persistent_volume_claim is not None:
            yield each.persistent_volume_claim.claim_name, False
        elif each.ephemeral is not None:
            yield f"{pod.metadata.name}-{each.name}", True


def _classes(value: Object) -> set[str]:
    """The attribute classes that a claim or a volume names."""
    status = value.get("status") or {}
    found = {
        value["spec"].get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    }
    return {name for name in found if name}


def _is_mounted(world: worlds.World, claim: Object) -> bool:
    meta = claim["metadata"]
    owners = {each["uid"] for each in meta.get("ownerReferences") or () if each.get("controller")}
    for entry in world.reg.objects.entries(worlds.PODS.table, meta["namespace"]):
        pod = _pod(entry.body)
        # Of a pod that is shut down, what it owns may go, so that neither waits for the other.
        owns = pod.metadata.uid in owners and pod.metadata.deletion_grace_period_seconds != 0
        claims = _claims(pod) if pod.spec.node_name else ()
        if any(name == meta["name"] and (owns or not owned) for name, owned in claims):
            return True
    return False


def _is_bound(world: worlds.World, volume: Object) -> bool:
    return (volume.get("status") or {}).get("phase") == "Bound"


def _is_named(world: worlds.World, of: Object) -> bool:
    return any(
        of["metadata"]["name"] in _classes(entry.read())
        for resource in (volumes.CLAIMS, volumes.VOLUMES)
        for entry in world.reg.objects.entries(resource.table)
    )


_KINDS: Final = {
    volumes.CLAIMS.table: (volumes.CLAIMS, _is_mounted),
    volumes.VOLUMES.table: (volumes.VOLUMES, _is_bound),
    CLASSES.table: (CLASSES, _is_named),
}
