"""What the controllers share: indices of the objects by owner and node, and writing in their name."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import msgspec

from stowage.embedded import agenda, errors, registry, schema
from stowage.embedded.storage import store
from stowage.embedded.writing import deletion

Object = dict[str, Any]
PODS: Final = schema.named("", "Pod")
_EVENTS: Final = schema.named("", "Event")


class Ref(NamedTuple):
    """Where an object is."""

    table: str
    key: store.Key


class _Owner(msgspec.Struct):
    uid: str = ""
    controller: bool = False


class _Meta(msgspec.Struct, rename="camel"):
    uid: str
    owner_references: list[_Owner] = []


class _Spec(msgspec.Struct, rename="camel"):
    node_name: str = ""


class _Head(msgspec.Struct):
    metadata: _Meta


class _Pod(_Head):
    spec: _Spec


_head = msgspec.json.Decoder(_Head).decode
_pod = msgspec.json.Decoder(_Pod).decode


class World:
    """Follows the store; `resources` says what each table holds."""

    def __init__(self, reg: registry.Registry, due: agenda.Agenda) -> None:
        self.reg, self.due = reg, due
        self.by_uid: dict[str, Ref] = {}
        self.dependents: defaultdict[str, set[Ref]] = defaultdict(set)
        self.pods_on: defaultdict[str, set[store.Key]] = defaultdict(set)

    def start(self) -> Callable[[], None]:
        """Read what there is and follow it; the answer stops that."""
        for resource in self.reg.catalog.stored():
            for entry in self.reg.objects.entries(resource.table):
                self._note(resource.table, entry, True)
        return self.reg.objects.listen(self._changed)

    def _changed(self, table: str, change: store.Change) -> None:
        if change.before is not None:
            self._note(table, change.before, False)
        if change.kind != "DELETED":
            self._note(table, change.entry, True)

    def _note(self, table: str, entry: store.Entry, there: bool) -> None:
        ref = Ref(table, entry.key)
        meta = _head(entry.body).metadata
        if there:
            self.by_uid[meta.uid] = ref
        else:
            self.by_uid.pop(meta.uid, None)
        for owner in meta.owner_references:
            held = self.dependents[owner.uid]
            (held.add if there else held.discard)(ref)
            if not held:
                del self.dependents[owner.uid]
        if table == "pods":
            node = _pod(entry.body).spec.node_name
            if node:
                (self.pods_on[node].add if there else self.pods_on[node].discard)(entry.key)

    def owned(self, owner: Object, table: str) -> list[Object]:
        """The objects of a table that an object controls, oldest first."""
        uid = owner["metadata"]["uid"]
        found = []
        for ref in self.dependents.get(uid, ()):
            entry = self.reg.objects.get(ref.table, ref.key) if ref.table == table else None
            if entry is None:
                continue
            value = entry.read()
            if any(o.get("uid") == uid and o.get("controller") for o in value["metadata"]["ownerReferences"]):
                found.append(value)
        return sorted(
            found, key=lambda each: (each["metadata"]["creationTimestamp"], each["metadata"]["name"])
        )

    def read(self, resource: schema.Resource, key: store.Key) -> Object | None:
        entry = self.reg.objects.get(resource.table, key)
        return self.reg.read(resource, entry) if entry else None


def options(name: str) -> registry.Options:
    return registry.Options(manager=name)


def reference(resource: schema.Resource, owner: Object) -> Object:
    """The ownerReference of what a controller makes."""
    return {
        "apiVersion": resource.group_version,
        "kind": resource.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def make_pod(template: Object, resource: schema.Resource, owner: Object, name: str = "") -> Object:
    """A pod of a workload's template, with a generated name where none is given."""
    meta = msgspec.json.decode(msgspec.json.encode(template.get("metadata") or {}))
    made = {key: meta[key] for key in ("labels", "annotations", "finalizers") if key in meta}
    made["ownerReferences"] = [reference(resource, owner)]
    if name:
        made["name"] = name
    else:
        made["generateName"] = owner["metadata"]["name"] + "-"
    return {"metadata": made, "spec": msgspec.json.decode(msgspec.json.encode(template["spec"]))}


def create_pod(
    world: World,
    resource: schema.Resource,
    owner: Object,
    pod: Object,
    manager: str,
    what: str = "Error creating",
) -> None:
    """Make a pod of a workload. A refusal is told in an Event too, unless the namespace is about to go: then
    nothing is made, and nothing is wrong. ApiError."""
    try:
        world.reg.create(PODS, owner["metadata"]["namespace"], pod, options(manager))
    except errors.ApiError as error:
        causes = (error.details or {}).get("causes") or ()
        if any(each.get("reason") == "NamespaceTerminating" for each in causes):
            return
        warn(world, resource, owner, "FailedCreate", f"{what}: {error.message}", manager)
        raise


def warn(
    world: World, resource: schema.Resource, about: Object, reason: str, message: str, manager: str
) -> None:
    """Tell a failure in an Event; as long as it is there, the next of that reason counts there."""
    meta, now = about["metadata"], world.reg.now()
    mark = hashlib.sha256(f"{meta['uid']}/{reason}".encode()).hexdigest()[:16]
    name, space = f"{meta['name']}.{mark}", meta["namespace"]
    regarding = {"kind": resource.kind, "apiVersion": resource.group_version} | {
        key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion")
    }

    def again(event: Object) -> Object:
        return event | {"count": event["count"] + 1, "message": message, "lastTimestamp": now}

    if world.reg.objects.get(_EVENTS.table, (space, name)) is not None:
        world.reg.update(_EVENTS, space, name, again, options(manager))
        return
    event = {"involvedObject": regarding, "reason": reason, "message": message, "type": "Warning", "count": 1}
    event |= {"source": {"component": manager}, "reportingComponent": manager, "reportingInstance": ""}
    event |= {"metadata": {"name": name}, "firstTimestamp": now, "lastTimestamp": now}
    world.reg.create(_EVENTS, space, event, options(manager))


def delete_pod(world: World, pod: Object, manager: str) -> None:
    meta = pod["metadata"]
    asked = {"preconditions": {"uid": meta["uid"]}}
    deletion.delete(world.reg, PODS, meta["namespace"], meta["name"], asked, options(manager))


def active(pods: Iterable[Object]) -> list[Object]:
    """Those that have not ended and are not about to go."""
    return [
        pod
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}
    ]


def terminating(pod: Object) -> bool:
    """Whether a pod that runs is about to go."""
    ended = (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    return "deletionTimestamp" in pod["metadata"] and not ended


def ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def set_status(world: World, resource: schema.Resource, value: Object, status: Object, manager: str) -> None:
    """Write what differs in the status of an object."""
    if (value.get("status") or {}) == status:
        return
    meta = value["metadata"]

    def change(current: Object) -> Object:
        current["status"] = status
        return current

    world.reg.update(resource, meta.get("namespace", ""), meta["name"], change, options(manager), "status")


def drop_finalizer(world: World, resource: schema.Resource, key: store.Key, name: str, manager: str) -> None:
    def change(value: Object) -> Object:
        found = value["metadata"].get("finalizers") or ()
        value["metadata"]["finalizers"] = [each for each in found if each != name]
        return value

    world.reg.update(resource, *key, change, options(manager))


def share(value: Any, total: int, up: bool) -> int:
    """A number, or a percentage of `total` rounded up or down."""
    if isinstance(value, str) and value.endswith("%"):
        percent = int(value[:-1])
        return -(-total * percent // 100) if up else total * percent // 100
    return int(value)


def first_to_go(pods: list[Object]) -> list[Object]:
    """The order in which a set gives up pods: not bound, not running, not ready, then the youngest."""
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    young_first = sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"], reverse=True)
    return sorted(
        young_first,
        key=lambda pod: (
            bool(pod["spec"].get("nodeName")),
            phases.get((pod.get("status") or {}).get("phase", "Pending"), 0),
            ready(pod),
        ),
    )
