"""What is refused with 422, kind by kind: what is missing, and what may not change. Not of pods.

The values that a scheduler reads are looked at in `stowage.embedded.rules`; those of kinds that none reads
are taken as they are, but for a few that a client easily gets wrong. Rules: pkg/apis/*/validation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final

from stowage.api import names, quantity
from stowage.embedded import errors
from stowage.embedded.rules import faults, pods
from stowage.embedded.writing import admission, events, job_rules, requirements

Object = dict[str, Any]
Cause = errors.Cause
Check = Callable[[Object | None, Object], Iterator[Cause]]

FIXED: Final = "field is immutable"
FINALIZERS: Final = frozenset({"kubernetes", "orphan", "foregroundDeletion"})
UNQUALIFIED: Final = "name is neither a standard finalizer name nor is it fully qualified"
"""What is said of other finalizers without a group."""
HIGHEST_PRIORITY: Final = 1_000_000_000
_IMMUTABLE: Final[dict[str, tuple[str, ...]]] = {
    "Deployment": ("spec.selector",),
    "ReplicaSet": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "Job": ("spec.selector", "spec.completionMode", "spec.completions"),
    "StorageClass": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
    "CSIStorageCapacity": ("nodeTopology", "storageClassName"),
    "PriorityClass": ("preemptionPolicy",),
    "Secret": ("type",),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "ResourceClaim": ("spec",),
    "ResourceClaimTemplate": ("spec",),
    "CSIDriver": ("spec.volumeLifecycleModes",),
    "VolumeAttachment": ("spec",),
    "ControllerRevision": ("data",),
    "EndpointSlice": ("addressType",),
    "IngressClass": ("spec.controller",),
    "RuntimeClass": ("handler",),
}
"""Fields that an update may not change, by kind."""
_STATEFUL_FREE: Final = frozenset(
    [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ]
)
_EVENT_FIXED: Final = (
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingInstance",
)
_VOLUME_PLAIN: Final = frozenset(
    [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    ]
)
"""The fields of a PersistentVolume's spec that are no source."""


def check(kind: str, before: Object | None, value: Object) -> Iterator[Cause]:
    """What is wrong with a new object (`before` is None) or a new version of one."""
    yield from requirements.missing(kind, value)
    for path in _IMMUTABLE.get(kind, ()) if before is not None else ():
        if at(before, path) != at(value, path):
            yield Cause(path, f"Invalid value: {FIXED}")
    own = _CHECKS.get(kind)
    if own is not None:
        yield from own(before, value)


def at(value: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    return functools.reduce(lambda inside, name: (inside or {}).get(name), path.split("."), value)


def _data(before: Object | None, value: Object) -> Iterator[Cause]:
    """Of a ConfigMap or a Secret."""
    if before is None or not before.get("immutable"):
        return
    why = "field is immutable when `immutable` is set"
    if not value.get("immutable"):
        yield faults.forbidden("immutable", why)
    for field in ("data", "binaryData"):
        if before.get(field) != value.get(field):
            yield faults.forbidden(field, why)


def _priority_class(before: Object | None, value: Object) -> Iterator[Cause]:
    name = value["metadata"].get("name", "")
    if before is not None:
        if before["value"] != value["value"]:
            yield faults.forbidden("value", "may not be changed in an update.")
        return
    yield from faults.one_of("preemptionPolicy", value["preemptionPolicy"], pods.PREEMPTION)
    if name.startswith("system-"):
        fixed = admission.SYSTEM_CLASSES.get(name)
        if fixed == value["value"] and not value.get("globalDefault"):
            return
        reserved = "priority class names with 'system-' prefix are reserved for system use only. error: "
        why = f"{name} is not a known system priority class"
        if fixed is not None:
            why = f"globalDefault of {name} PriorityClass must be false"
            if fixed != value["value"]:
                why = f"value of {name} PriorityClass must be {fixed}"
        yield faults.forbidden("metadata.name", reserved + why)
    elif value["value"] > HIGHEST_PRIORITY:
        why = f"maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}"
        yield faults.forbidden("value", why)


def _namespace(before: Object | None, value: Object) -> Iterator[Cause]:
    for i, each in enumerate(at(value, "spec.finalizers") or ()):
        if "/" not in each and each not in FINALIZERS:
            path = "spec.finalizers" if before is None else f"spec.finalizers[{i}]"
            yield faults.invalid(path, each, UNQUALIFIED)


def _stateful_set(before: Object | None, value: Object) -> Iterator[Cause]:
    if before is None:
        return
    old, new = before["spec"], value["spec"]
    keys = (old.keys() | new.keys()) - _STATEFUL_FREE
    if any(old.get(key) != new.get(key) for key in keys):
        why = "updates to statefulset spec for fields other than those that may change"
        yield faults.forbidden("spec", why)


def _budget(before: Object | None, value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        fields = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
        told = {name[0].upper() + name[1:]: spec.get(name) for name in fields}
        yield faults.invalid("spec", told, "minAvailable and maxUnavailable cannot be both set")


def _lease(before: Object | None, value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if spec.get("leaseDurationSeconds", 1) <= 0:
        yield faults.invalid(
            "spec.leaseDurationSeconds", spec["leaseDurationSeconds"], "must be greater than 0"
        )
    yield from faults.not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))


def _role(before: Object | None, value: Object) -> Iterator[Cause]:
    for i, rule in enumerate(value.get("rules") or ()):
        paths = rule.get("nonResourceURLs")
        for field in ("verbs",) if paths else ("verbs", "apiGroups", "resources"):
            if not rule.get(field):
                yield faults.required(f"rules[{i}].{field}")


def _binding(*kinds: str) -> Check:
    def of_roles(before: Object | None, value: Object) -> Iterator[Cause]:
        reference = value.get("roleRef") or {}
        if reference.get("kind") not in kinds:
            yield Cause("roleRef.kind", "Unsupported value", "FieldValueNotSupported")
        if not reference.get("name"):
            yield faults.required("roleRef.name")
        for i, subject in enumerate(value.get("subjects") or ()):
            if not subject.get("name"):
                yield faults.required(f"subjects[{i}].name")
            if subject.get("kind") not in {"ServiceAccount", "User", "Group"}:
                yield Cause(f"subjects[{i}].kind", "Unsupported value", "FieldValueNotSupported")
            elif subject["kind"] == "ServiceAccount" and "Role" not in kinds and not subject.get("namespace"):
                yield faults.required(f"subjects[{i}].namespace")

    return of_roles


def _volume(before: Object | None, value: Object) -> Iterator[Cause]:
    spec = value["spec"]
    if before is None:
        return
    sources = {name: part for name, part in spec.items() if name not in _VOLUME_PLAIN}
    if sources != {name: part for name, part in before["spec"].items() if name not in _VOLUME_PLAIN}:
        why = "spec.persistentvolumesource is immutable after creation"
        yield faults.forbidden("spec.persistentvolumesource", why)
    if before["spec"].get("volumeMode") != spec.get("volumeMode"):
        yield Cause("volumeMode", f"Invalid value: {FIXED}")


def _event(before: Object | None, value: Object) -> Iterator[Cause]:
    """Older writers of core/v1 state no eventTime, and of them little is asked."""
    strict = value["apiVersion"] != "v1"
    event = events.to_core(value) if strict else value
    reporter = "reportingController" if strict else "reportingComponent"
    namespace = (event.get("involvedObject") or {}).get("namespace", "")
    found = event["metadata"]["namespace"]
    if event.get("eventTime") is None:
        if namespace != found and (namespace or found != "default"):
            yield Cause("involvedObject.namespace", "Invalid value: does not match event.namespace")
    else:
        if not namespace and found not in {"default", "kube-system"}:
            yield Cause("involvedObject.namespace", "Invalid value: does not match event.namespace")
        if not event.get("reportingComponent"):
            yield faults.required(reporter)
        if not names.is_qualified(event.get("reportingComponent", "")):
            yield Cause(reporter, "Invalid value: name part must be a qualified name")
        for field in ("reportingInstance", "action", "reason"):
            if not event.get(field):
                yield faults.required(field)
    if not strict:
        return
    series = event.get("series")
    if series is not None and (before is None or before.get("series") != series):
        if series.get("count", 0) < 2:
            yield Cause("series.count", "Invalid value: should be at least 2")
        if series.get("lastObservedTime") is None:
            yield faults.required("series.lastObservedTime")
    if before is None:
        yield from _new_event(event)
        return
    old = events.to_core(before)
    for field in _EVENT_FIXED:
        if (old.get(field) or None) != (event.get(field) or None):
            yield Cause(field, f"Invalid value: {FIXED}")
    if old.get("reportingComponent") != event.get("reportingComponent"):
        yield Cause("reportingController", f"Invalid value: {FIXED}")


def _new_event(event: Object) -> Iterator[Cause]:
    if event.get("eventTime") is None:
        yield faults.required("eventTime")
    if event.get("type") not in {"Normal", "Warning"}:
        yield Cause("type", "Invalid value: has invalid value")
    for field in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if event.get(field):
            yield Cause(field, "Invalid value: needs to be unset")


def _claim(before: Object | None, value: Object) -> Iterator[Cause]:
    """The spec of a claim stays, but for what binding sets, and growth once it is bound."""
    if before is None:
        return
    old, new = dict(before["spec"]), dict(value["spec"])
    if not old.get("volumeName"):
        old.pop("volumeName", None)
        new.pop("volumeName", None)
    size, had = _storage(value, "spec.resources.requests"), _storage(before, "spec.resources.requests")
    if size < had and size <= _storage(before, "status.capacity"):
        why = "field can not be less than status.capacity"
        yield faults.forbidden("spec.resources.requests.storage", why)
    if at(before, "status.phase") == "Bound":
        old["resources"] = new.get("resources")
    if "storageClassName" not in old:
        new.pop("storageClassName", None)
    if old.get("volumeMode") != new.get("volumeMode"):
        yield Cause("volumeMode", f"Invalid value: {FIXED}")
    if old != new:
        why = "spec is immutable after creation except resources.requests and"
        yield faults.forbidden("spec", f"{why} volumeAttributesClassName for bound claims")


def _storage(value: Object, path: str) -> int:
    return quantity.nanos((at(value, path) or {}).get("storage", 0))


def _node(before: Object | None, value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    for field in ("podCIDR", "providerID"):
        old = at(before, f"spec.{field}") if before is not None else None
        if old and old != spec.get(field):
            why = "node updates may only change labels, taints, or capacity"
            yield faults.forbidden(f"spec.{field}", why)


def _ingress(before: Object | None, value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    backend = spec.get("defaultBackend")
    if backend is None and not spec.get("rules"):
        yield Cause("spec", "Invalid value: either `defaultBackend` or `rules` must be specified")
    service = (backend or {}).get("service")
    if service is not None and not (service.get("port") or {}):
        yield faults.required("spec.defaultBackend")


def _service(before: Object | None, value: Object) -> Iterator[Cause]:
    spec = value["spec"]
    if not spec.get("ports") and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield faults.required("spec.ports")
    had, has = at(before, "spec.clusterIPs"), spec.get("clusterIPs")
    if had and has and had[0] != has[0]:
        yield Cause("spec.clusterIPs[0]", "Invalid value: may not change once set")
    ports, taken = spec.get("ports") or (), set()
    for i, port in enumerate(ports):
        name = port.get("name", "")
        if len(ports) > 1 and not name:
            yield faults.required(f"spec.ports[{i}].name")
        elif name in taken:
            yield faults.duplicate(f"spec.ports[{i}].name", name)
        taken.add(name)


def _csi_node(before: Object | None, value: Object) -> Iterator[Cause]:
    """A driver stays as it is, but for how many volumes it takes."""

    def drivers(of: Object | None) -> dict[str, Object]:
        found = at(of, "spec.drivers") or ()
        return {each.get("name", ""): each | {"allocatable": None} for each in found}

    old, new = drivers(before), drivers(value)
    if any(old[name] != new[name] for name in old.keys() & new.keys()):
        yield Cause("spec.drivers", f"Invalid value: {FIXED}")


def _capacity(before: Object | None, value: Object) -> Iterator[Cause]:
    name = value.get("storageClassName", "")
    yield from faults.each("storageClassName", name, faults.dns_subdomain(name))


def _revision(before: Object | None, value: Object) -> Iterator[Cause]:
    if not isinstance(value.get("data"), dict):
        yield faults.required("data")


def _driver(before: Object | None, value: Object) -> Iterator[Cause]:
    if before is not None and at(before, "spec.attachRequired") != at(value, "spec.attachRequired"):
        yield Cause("spec.attachedRequired", f"Invalid value: {FIXED}")


def _policy(before: Object | None, value: Object) -> Iterator[Cause]:
    if not at(value, "spec.validations") and not at(value, "spec.auditAnnotations"):
        yield faults.required("spec.validations")
        yield faults.required("spec.auditAnnotations")


def _attributes(before: Object | None, value: Object) -> Iterator[Cause]:
    for field in ("driverName", "parameters"):
        if before is not None and before.get(field) != value.get(field):
            yield faults.forbidden(field, f"updates to {field} are forbidden.")


def _deployment(before: Object | None, value: Object) -> Iterator[Cause]:
    strategy = value["spec"]["strategy"]
    if strategy["type"] == "Recreate" and "rollingUpdate" in strategy:
        why = "may not be specified when strategy `type` is 'Recreate'"
        yield faults.forbidden("spec.strategy.rollingUpdate", why)


_CHECKS: Final[dict[str, Check]] = {
    "CSIDriver": _driver,
    "CSINode": _csi_node,
    "CSIStorageCapacity": _capacity,
    "ConfigMap": _data,
    "ControllerRevision": _revision,
    "Deployment": _deployment,
    "Secret": _data,
    "Namespace": _namespace,
    "PriorityClass": _priority_class,
    "StatefulSet": _stateful_set,
    "PodDisruptionBudget": _budget,
    "Job": job_rules.check,
    "Lease": _lease,
    "Role": _role,
    "ClusterRole": _role,
    "ValidatingAdmissionPolicy": _policy,
    "RoleBinding": _binding("Role", "ClusterRole"),
    "ClusterRoleBinding": _binding("ClusterRole"),
    "PersistentVolume": _volume,
    "PersistentVolumeClaim": _claim,
    "Event": _event,
    "Node": _node,
    "Ingress": _ingress,
    "Service": _service,
    "VolumeAttributesClass": _attributes,
}
