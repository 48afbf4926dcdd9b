"""What goes with what: dependents with their owners, pods with their node, everything with its namespace."""

from __future__ import annotations

from typing import Any, Final

from stowage.embedded import registry, schema
from stowage.embedded.controllers import world as worlds
from stowage.embedded.writing import deletion

Object = dict[str, Any]
FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
_MANAGER: Final = "generic-garbage-collector"
_NAMESPACES: Final = schema.named("", "Namespace")
_AGAIN_SECONDS: Final = 1.0


def resource_of(world: worlds.World, table: str) -> schema.Resource | None:
    return next((each for each in world.reg.catalog.stored() if each.table == table), None)


def sync_owner(world: worlds.World, uid: str) -> None:
    """Take away the dependents of an object that is gone."""
    if uid in world.by_uid:
        return
    for ref in tuple(world.dependents.get(uid, ())):
        _collect(world, ref)


def sync_dependent(world: worlds.World, ref: worlds.Ref) -> None:
    """Take away an object none of whose owners is there."""
    _collect(world, ref)


def _collect(world: worlds.World, ref: worlds.Ref) -> None:
    resource = resource_of(world, ref.table)
    value = world.read(resource, ref.key) if resource else None
    if resource is None or value is None:
        return
    owners = value["metadata"].get("ownerReferences") or ()
    if not owners or any(owner["uid"] in world.by_uid for owner in owners):
        return
    asked = {"preconditions": {"uid": value["metadata"]["uid"]}, "propagationPolicy": "Background"}
    if value["metadata"].get("finalizers"):
        # What waits for its own dependents keeps waiting for them.
        asked.pop("propagationPolicy")
    deletion.delete(world.reg, resource, *ref.key, asked, worlds.options(_MANAGER))


def sync_deleting(world: worlds.World, ref: worlds.Ref) -> None:
    """Do what the finalizers of an object that is to go ask for: orphan, or wait for dependents."""
    resource = resource_of(world, ref.table)
    value = world.read(resource, ref.key) if resource else None
    if resource is None or value is None or "deletionTimestamp" not in value["metadata"]:
        return
    uid, finalizers = value["metadata"]["uid"], value["metadata"].get("finalizers") or ()
    if ORPHAN in finalizers:
        for held in tuple(world.dependents.get(uid, ())):
            _disown(world, held, uid)
        worlds.drop_finalizer(world, resource, ref.key, ORPHAN, _MANAGER)
    elif FOREGROUND in finalizers:
        blocking = [held for held in tuple(world.dependents.get(uid, ())) if _delete_first(world, held, uid)]
        if not blocking:
            worlds.drop_finalizer(world, resource, ref.key, FOREGROUND, _MANAGER)


def _delete_first(world: worlds.World, ref: worlds.Ref, uid: str) -> bool:
    """Delete a dependent of an object that goes last; whether that one has to wait for it."""
    resource = resource_of(world, ref.table)
    value = world.read(resource, ref.key) if resource else None
    if resource is None or value is None:
        return False
    owner = next(each for each in value["metadata"]["ownerReferences"] if each["uid"] == uid)
    if "deletionTimestamp" not in value["metadata"]:
        asked = {"preconditions": {"uid": value["metadata"]["uid"]}, "propagationPolicy": "Foreground"}
        deletion.delete(world.reg, resource, *ref.key, asked, worlds.options(_MANAGER))
    return bool(owner.get("blockOwnerDeletion")) and world.reg.objects.get(ref.table, ref.key) is not None


def _disown(world: worlds.World, ref: worlds.Ref, uid: str) -> None:
    resource = resource_of(world, ref.table)
    if resource is None:
        return

    def change(value: Object) -> Object:
        owners = value["metadata"].get("ownerReferences") or ()
        value["metadata"]["ownerReferences"] = [each for each in owners if each["uid"] != uid]
        return value

    world.reg.update(resource, *ref.key, change, worlds.options(_MANAGER))


def sync_node(world: worlds.World, name: str) -> None:
    """Delete the pods of a node that is gone: no kubelet will."""
    if world.reg.objects.get("nodes", ("", name)) is not None:
        return
    for key in tuple(world.pods_on.get(name, ())):
        deletion.delete(
            world.reg, worlds.PODS, *key, {"gracePeriodSeconds": 0}, worlds.options("pod-garbage-collector")
        )


def sync_namespace(world: worlds.World, name: str) -> None:
    """Empty a namespace that is to go; when nothing is left, let it go."""
    value = world.read(_NAMESPACES, ("", name))
    if value is None or "deletionTimestamp" not in value["metadata"]:
        return
    left = 0
    who = worlds.options("namespace-controller")
    for resource in world.reg.catalog.stored():
        if resource.namespaced:
            found = world.reg.objects.entries(resource.table, name)
            deletion.delete_all(world.reg, resource, found, {}, who)
            left += len(world.reg.objects.entries(resource.table, name))
    if left:
        world.due.add(("namespace", name), lambda: sync_namespace(world, name), _AGAIN_SECONDS)
        return

    def finalized(namespace: Object) -> Object:
        spec = namespace.get("spec") or {}
        namespace["spec"] = {"finalizers": [f for f in spec.get("finalizers") or () if f != "kubernetes"]}
        return namespace

    world.reg.update(_NAMESPACES, "", name, finalized, registry.Options("namespace-controller"), "finalize")


def sync_definition(world: worlds.World, group: str, plural: str) -> None:
    """Delete the objects of a custom kind whose definition is gone."""
    for _ in world.reg.objects.drop_table(f"{plural}.{group}"):
        pass
