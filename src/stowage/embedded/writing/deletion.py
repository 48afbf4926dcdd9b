"""Deletes objects: grace periods, preconditions, finalizers and what becomes of dependents.

Rules: apiserver's `registry/rest/delete.go` and `registry/generic/registry/store.go`; for pods
`registry/core/pod/strategy.go`, for namespaces `registry/core/namespace/storage`.
"""

from __future__ import annotations

from typing import Any, Final

from stowage.embedded import errors, registry, schema
from stowage.embedded.storage import store
from stowage.embedded.writing import admission

Object = dict[str, Any]
_ANSWERS_OBJECT: Final = frozenset(
    [
        "pods",
        "namespaces",
        "services",
        "serviceaccounts",
        "podtemplates",
        "resourcequotas",
        "persistentvolumes",
        "persistentvolumeclaims",
        "csidrivers.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "storageclasses.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
        "volumeattributesclasses.storage.k8s.io",
        "deviceclasses.resource.k8s.io",
        "resourceclaims.resource.k8s.io",
        "resourceclaimtemplates.resource.k8s.io",
        "resourceslices.resource.k8s.io",
    ]
)
"""Kinds whose deletion is answered with the object; that of others with a Status once it is gone."""
_ORPHANS: Final = {"jobs.batch", "replicationcontrollers"}
"""Kinds whose dependents stay where nothing is said of them, as in their first versions."""
_POLICIES: Final = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}


def delete(
    reg: registry.Registry,
    resource: schema.Resource,
    namespace: str,
    name: str,
    asked: Object,
    options: registry.Options,
) -> Object:
    """Delete or begin to; the answer's body. `asked` are DeleteOptions. ApiError 400, 403, 404, 409."""
    entry = reg.entry(resource, namespace, name)
    value = reg.read(resource, entry)
    _preconditions(resource, value, asked)
    if resource.table == "namespaces" and name in admission.PROTECTED and name != "kube-node-lease":
        raise errors.forbidden("", "namespaces", name, "this namespace may not be deleted")
    meta = value["metadata"]
    finalizers = _finalizers(resource, meta, asked)
    grace = _grace(resource, value, asked)
    if not finalizers and not grace and resource.table != "namespaces":
        # That a pod is to go now is written as well, for whoever watches.
        marked = resource.table == "pods" and _mark(reg, value, finalizers, grace)
        if marked and not options.dry_run:
            value = reg.read(resource, reg.objects.put(resource.table, value))
        reg.remove(resource, value, options)
        return value if resource.table in _ANSWERS_OBJECT else _status(resource, value)
    changed = _mark(reg, value, finalizers, grace)
    if resource.table == "namespaces":
        changed |= (value.get("status") or {}).get("phase") != "Terminating"
        value["status"] = (value.get("status") or {}) | {"phase": "Terminating"}
        if not finalizers and not (value.get("spec") or {}).get("finalizers"):
            return reg.remove(resource, value, options)
    if changed and not options.dry_run:
        value = reg.read(resource, reg.objects.put(resource.table, value))
    return value


def _preconditions(resource: schema.Resource, value: Object, asked: Object) -> None:
    wanted = asked.get("preconditions") or {}
    meta = value["metadata"]
    group, kind = "" if resource.table == "events" else resource.group, resource.kind
    if resource.table == "namespaces":
        kind = resource.plural
    if wanted.get("uid", meta["uid"]) != meta["uid"]:
        why = (
            f"the UID in the precondition ({wanted['uid']}) does not match the UID in record ({meta['uid']})."
            " The object might have been deleted and then recreated"
        )
        raise errors.conflict(group, kind, meta["name"], why)
    version = wanted.get("resourceVersion", meta["resourceVersion"])
    if version != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in"
            f" record ({meta['resourceVersion']}). The object might have been modified"
        )
        raise errors.conflict(group, kind, meta["name"], why)


def _finalizers(resource: schema.Resource, meta: Object, asked: Object) -> list[str]:
    policy, orphan = asked.get("propagationPolicy"), asked.get("orphanDependents")
    if policy is None and orphan is None and resource.table in _ORPHANS and not _asked_before(meta):
        policy = "Orphan"
    found = list(meta.get("finalizers") or ())
    if resource.table == "events":  # which has no dependents
        return found
    if policy is not None or orphan is not None:
        added = _POLICIES.get(policy or ("Orphan" if orphan else "Background"))
        found = [each for each in found if each not in _POLICIES.values()] + ([added] if added else [])
    return found


def _asked_before(meta: Object) -> bool:
    """Whether the finalizers already say what becomes of dependents."""
    return bool(set(meta.get("finalizers") or ()) & set(_POLICIES.values()))


def _grace(resource: schema.Resource, value: Object, asked: Object) -> int:
    """Seconds until the kubelet is to be done: only pods on a node that have not ended have any."""
    if resource.table != "pods":
        return 0
    seconds = asked.get("gracePeriodSeconds")
    if seconds is not None and seconds < 0:
        seconds = 1
    spec, status = value["spec"], value.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in {"Succeeded", "Failed"}:
        return 0
    return int(spec.get("terminationGracePeriodSeconds", 30) if seconds is None else seconds)


def _mark(reg: registry.Registry, value: Object, finalizers: list[str], grace: int) -> bool:
    """Note that the object is to go; whether that changes anything. A grace period is only ever shortened."""
    meta = value["metadata"]
    before = (meta.get("deletionTimestamp"), meta.get("deletionGracePeriodSeconds"), meta.get("finalizers"))
    is_namespace = (value["apiVersion"], value["kind"]) == ("v1", "Namespace")
    if "deletionTimestamp" not in meta or grace < meta.get("deletionGracePeriodSeconds", 0):
        if "deletionTimestamp" not in meta and "generation" in meta:
            meta["generation"] += 1
        meta["deletionTimestamp"] = reg.now(grace)
        if not is_namespace:
            meta["deletionGracePeriodSeconds"] = grace
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)
    after = (meta["deletionTimestamp"], meta.get("deletionGracePeriodSeconds"), meta.get("finalizers"))
    return before != after


def _status(resource: schema.Resource, value: Object) -> Object:
    meta = value["metadata"]
    details = {"name": meta["name"], "group": resource.group, "kind": resource.plural, "uid": meta["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: part for key, part in details.items() if part},
    }


def delete_all(
    reg: registry.Registry,
    resource: schema.Resource,
    entries: list[store.Entry],
    asked: Object,
    options: registry.Options,
) -> list[Object]:
    """Delete each; the objects as they were found."""
    found = []
    for entry in entries:
        if reg.objects.get(resource.table, entry.key) is not None:
            found.append(reg.read(resource, entry))
            delete(reg, resource, *entry.key, asked, options)
    return found
