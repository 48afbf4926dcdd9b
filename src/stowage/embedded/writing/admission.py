"""What is decided about a request when its object is known: priority, tolerations, limits, quota, namespace.

The plugins are those of kube-apiserver's default set that a scheduler's users meet: NamespaceLifecycle,
Priority, DefaultTolerationSeconds, RuntimeClass, DefaultStorageClass, StorageObjectInUseProtection,
LimitRanger and ResourceQuota.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, Final

from stowage.api import quantity
from stowage.embedded import errors, schema
from stowage.embedded.storage import store
from stowage.embedded.writing import quota, resize, runtime_class

Object = dict[str, Any]
SYSTEM_CLASSES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_NOT_READY: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_ADDRESSES: Final = ipaddress.ip_network("10.96.0.0/12")
_TOLERATED_SECONDS: Final = 300
PROTECTED: Final = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
_JUDGED_AGAIN: Final = {("persistentvolumeclaims", ""), ("services", ""), ("pods", "resize")}
"""The tables, and through which subresource, in which a new version may use more than the one before."""
IN_USE_FINALIZERS: Final = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
    "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
}
"""By table: what keeps an object while it is in use; a controller takes it away."""


def namespace_open(objects: store.Store, resource: schema.Resource, namespace: str, name: str) -> None:
    """Refuse to create in a namespace that is not there, or that is being deleted. ApiError 404, 403."""
    if not resource.namespaced:
        return
    found = objects.get("namespaces", ("", namespace))
    if found is None:
        raise errors.not_found("", "namespaces", namespace)
    if "deletionTimestamp" in found.read()["metadata"]:
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        cause = errors.Cause(
            "metadata.namespace", f"namespace {namespace} is being terminated", "NamespaceTerminating"
        )
        raise errors.forbidden(resource.group, resource.plural, name, why, [cause])


def create(objects: store.Store, resource: schema.Resource, value: Object) -> None:
    """Complete a new object. ApiError 403."""
    if resource.table == "pods":
        _priority(objects, value)
        _tolerations(value["spec"])
        runtime_class.complete(objects, value)
        notes = give_limits(objects, value)
        if notes:
            annotations = value["metadata"].setdefault("annotations", {})
            annotations["kubernetes.io/limit-ranger"] = "LimitRanger plugin set: " + "; ".join(notes)
    elif resource.table == "services":
        _address(objects, value)
    elif resource.table == "persistentvolumeclaims":
        _default_class(objects, value)
    if resource.table in IN_USE_FINALIZERS:
        _protect(value["metadata"], IN_USE_FINALIZERS[resource.table])


def judge(
    objects: store.Store,
    resource: schema.Resource,
    value: Object,
    before: Object | None = None,
    subresource: str = "",
) -> None:
    """Refuse a valid object, or a new version of one, that its namespace does not allow. ApiError 403."""
    if before is not None and (resource.table, subresource) not in _JUDGED_AGAIN:
        return
    if resource.table == "pods":
        if before is None:
            runtime_class.judge(objects, value)
        _limit_pod(objects, value)
        if before is not None:
            resize.judge(objects, before, value)
    elif resource.table == "persistentvolumeclaims":
        _limit_claim(objects, value)
    if resource.namespaced:
        quota.check(objects, resource, value, before)


def update(resource: schema.Resource, before: Object, value: Object) -> None:
    """Complete a new version of an object."""
    if resource.table == "pods":
        _tolerations(value["spec"])
    elif resource.table == "services" and _wants_address(before) and _wants_address(value):
        _keep_address(before["spec"], value["spec"])


def _keep_address(before: Object, spec: Object) -> None:
    spec.setdefault("clusterIP", before["clusterIP"])
    if "clusterIPs" not in spec or spec["clusterIPs"] == before["clusterIPs"]:
        spec["clusterIPs"] = [spec["clusterIP"]]


def _wants_address(service: Object) -> bool:
    return bool(service["spec"].get("type") != "ExternalName")


def _address(objects: store.Store, service: Object) -> None:
    """The first cluster IP that no other service has; nothing answers there."""
    spec = service["spec"]
    if not _wants_address(service):
        return
    if not spec.get("clusterIP"):
        taken = {entry.read()["spec"].get("clusterIP") for entry in objects.entries("services")}
        spec["clusterIP"] = next(text for each in _ADDRESSES.hosts() if (text := str(each)) not in taken)
    spec["clusterIPs"] = [spec["clusterIP"]]


def _priority(objects: store.Store, pod: Object) -> None:
    spec = pod["spec"]
    name = spec.get("priorityClassName", "")
    found: Object | None = None
    if name:
        entry = objects.get("priorityclasses.scheduling.k8s.io", ("", name))
        found = entry.read() if entry else None
        if found is None and name in SYSTEM_CLASSES:
            found = {"metadata": {"name": name}, "value": SYSTEM_CLASSES[name]}
        if found is None:
            raise _refused(pod, f"no PriorityClass with name {name} was found")
    else:
        classes = [entry.read() for entry in objects.entries("priorityclasses.scheduling.k8s.io")]
        found = min(
            (c for c in classes if c.get("globalDefault")), key=lambda c: int(c["value"]), default=None
        )
    value = found["value"] if found else 0
    policy = found.get("preemptionPolicy", "PreemptLowerPriority") if found else "PreemptLowerPriority"
    if spec.get("priority", value) != value:
        raise _refused(
            pod,
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; priority"
            f" admission controller computed {value} from the given PriorityClass name",
        )
    if spec.get("preemptionPolicy", policy) != policy:
        raise _refused(
            pod,
            f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod"
            f" spec; priority admission controller computed {policy} from the given PriorityClass name",
        )
    if found:
        spec["priorityClassName"] = found["metadata"]["name"]
    spec["priority"] = value
    spec["preemptionPolicy"] = policy


def _refused(pod: Object, why: str) -> errors.ApiError:
    return errors.forbidden("", "pods", pod["metadata"].get("name", ""), why)


def _tolerations(spec: Object) -> None:
    given = spec.get("tolerations") or []
    for key in _NOT_READY:
        if any(
            each.get("key", "") in {"", key} and each.get("effect", "") in {"", "NoExecute"} for each in given
        ):
            continue
        added = {
            "key": key,
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": _TOLERATED_SECONDS,
        }
        given = [*given, added]
    if given:
        spec["tolerations"] = given


def _protect(meta: Object, finalizer: str) -> None:
    given = meta.get("finalizers") or []
    if finalizer not in given:
        meta["finalizers"] = [*given, finalizer]


def _default_class(objects: store.Store, claim: Object) -> None:
    """The newest StorageClass marked as default, where a claim names none."""
    mark = "storageclass.kubernetes.io/is-default-class"
    if "storageClassName" in claim["spec"]:
        return
    classes = [entry.read()["metadata"] for entry in objects.entries("storageclasses.storage.k8s.io")]
    marked = [meta for meta in classes if (meta.get("annotations") or {}).get(mark) == "true"]
    if marked:
        newest = max(marked, key=lambda meta: meta.get("creationTimestamp", ""))
        claim["spec"]["storageClassName"] = newest["name"]


def _limits(objects: store.Store, namespace: str, kind: str) -> Iterator[Object]:
    for entry in objects.entries("limitranges", namespace):
        for item in entry.read()["spec"].get("limits") or ():
            if item.get("type") == kind:
                yield item


def give_limits(objects: store.Store, pod: Object) -> list[str]:
    """Give containers the defaults of the namespace's LimitRanges; what was given, in words."""
    notes: list[str] = []
    for item in _limits(objects, pod["metadata"]["namespace"], "Container"):
        for container in _containers(pod):
            notes += _give_defaults(item, container)
    return notes


def _limit_pod(objects: store.Store, pod: Object) -> None:
    """Hold a pod to the bounds of the namespace's LimitRanges."""
    namespace = pod["metadata"]["namespace"]
    problems: list[str] = []
    for item in _limits(objects, namespace, "Container"):
        for container in _containers(pod):
            problems += _bounds(item, container.get("resources") or {}, "Container")
    for item in _limits(objects, namespace, "Pod"):
        total = {side: _sum(pod["spec"].get("containers") or (), side) for side in ("requests", "limits")}
        problems += _bounds(item, total, "Pod")
    if problems:
        raise _refused(pod, problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")


def _containers(pod: Object) -> list[Object]:
    return [*(pod["spec"].get("initContainers") or ()), *(pod["spec"].get("containers") or ())]


def _give_defaults(item: Object, container: Object) -> Iterator[str]:
    """Set what a container does not state; what was set, in words."""
    resources = container.setdefault("resources", {})
    for side, field, word in (("requests", "defaultRequest", "request"), ("limits", "default", "limit")):
        stated = resources.get(side) or {}
        missing = {name: amount for name, amount in (item.get(field) or {}).items() if name not in stated}
        if missing:
            resources[side] = stated | missing
            yield f"{', '.join(sorted(missing))} {word} for container {container.get('name', '')}"


def _limit_claim(objects: store.Store, claim: Object) -> None:
    meta = claim["metadata"]
    for item in _limits(objects, meta["namespace"], "PersistentVolumeClaim"):
        problems = list(_bounds(item, claim["spec"].get("resources") or {}, "PersistentVolumeClaim"))
        if problems:
            raise errors.forbidden("", "persistentvolumeclaims", meta["name"], problems[0])


def _sum(containers: Any, side: str) -> Object:
    total: dict[str, int] = {}
    for container in containers:
        for name, amount in ((container.get("resources") or {}).get(side) or {}).items():
            total[name] = total.get(name, 0) + quantity.nanos(amount)
    return {name: quantity.from_nanos(amount) for name, amount in total.items()}


def _bounds(item: Object, resources: Object, kind: str) -> Iterator[str]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for name, bound in (item.get("min") or {}).items():
        if name not in requests:
            yield f"minimum {name} usage per {kind} is {bound}.  No request is specified"
        elif quantity.nanos(requests[name]) < quantity.nanos(bound):
            yield f"minimum {name} usage per {kind} is {bound}, but request is {requests[name]}"
    for name, bound in (item.get("max") or {}).items():
        stated = limits if kind != "PersistentVolumeClaim" else requests
        if name not in stated:
            yield f"maximum {name} usage per {kind} is {bound}.  No limit is specified"
        elif quantity.nanos(stated[name]) > quantity.nanos(bound):
            yield f"maximum {name} usage per {kind} is {bound}, but limit is {stated[name]}"
    for name, ratio in (item.get("maxLimitRequestRatio") or {}).items():
        if name not in requests or name not in limits:
            yield f"{name} max limit to request ratio per {kind} is {ratio}, but no request or limit is given"
        elif quantity.nanos(limits[name]) * quantity.NANO > quantity.nanos(ratio) * quantity.nanos(
            requests[name]
        ):
            yield f"{name} max limit to request ratio per {kind} is {ratio}, but provided ratio is larger"
