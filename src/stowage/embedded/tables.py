"""Objects as `kubectl get` shows them: the server's own rows for `Accept: …;as=Table`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from stowage.api import quantity
from stowage.embedded import schema

Object = dict[str, Any]
Cell = Callable[[Object, float], Any]


def _at(value: Any, path: str, missing: Any = None) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return missing if value is None else value


def _field(path: str, missing: Any = "<none>") -> Cell:
    return lambda value, _now: _at(value, path, missing)


def _count(*paths: str) -> Cell:
    return lambda value, _now: sum(len(_at(value, path, ())) for path in paths)


def _joined(values: Iterable[Any]) -> str:
    return ",".join(str(each) for each in values) or "<none>"


def age(value: str | None, now: float) -> str:
    """How long ago, as `duration.HumanDuration` writes it."""
    if not value:
        return "<unknown>"
    seconds = max(int(now - datetime.fromisoformat(value).timestamp()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        rest = seconds % 60
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        rest = minutes % 60
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        rest = hours % 24
        return f"{days}d{rest}h" if rest else f"{days}d"
    return f"{days}d" if days < 730 else f"{days // 365}y"


def _age(value: Object, now: float) -> str:
    return age(_at(value, "metadata.creationTimestamp"), now)


def _of(left: str, right: str) -> Cell:
    return lambda value, _now: f"{_at(value, left, 0)}/{_at(value, right, 0)}"


def _pod_ready(pod: Object, _now: float) -> str:
    states = _at(pod, "status.containerStatuses", ())
    return f"{sum(bool(each.get('ready')) for each in states)}/{len(pod['spec']['containers'])}"


def _pod_status(pod: Object, _now: float) -> str:
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    conditions = _at(pod, "status.conditions", ())
    if any(each["type"] == "PodScheduled" and each.get("reason") == "SchedulingGated" for each in conditions):
        return "SchedulingGated"
    phase = _at(pod, "status.reason") or _at(pod, "status.phase", "Unknown")
    return "Completed" if phase == "Succeeded" else str(phase)


def _restarts(pod: Object, _now: float) -> str:
    return str(sum(each.get("restartCount", 0) for each in _at(pod, "status.containerStatuses", ())))


def _node_status(node: Object, _now: float) -> str:
    conditions = {each["type"]: each["status"] for each in _at(node, "status.conditions", ())}
    ready = {"True": "Ready", "False": "NotReady"}.get(conditions.get("Ready", ""), "Unknown")
    return ready + (",SchedulingDisabled" if _at(node, "spec.unschedulable") else "")


def _roles(node: Object, _now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = _at(node, "metadata.labels", {})
    return _joined(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix)))


def _ports(service: Object, _now: float) -> str:
    return _joined(f"{p['port']}/{p.get('protocol', 'TCP')}" for p in _at(service, "spec.ports", ()))


def _duration(job: Object, now: float) -> str:
    start, end = _at(job, "status.startTime"), _at(job, "status.completionTime")
    if not start:
        return ""
    return age(start, datetime.fromisoformat(end).timestamp() if end else now)


def _job_status(job: Object, _now: float) -> str:
    on = {each["type"] for each in _at(job, "status.conditions", ()) if each["status"] == "True"}
    for kind in ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if kind in on:
            return kind
    return "Terminating" if "deletionTimestamp" in job["metadata"] else "Running"


def _completions(job: Object, _now: float) -> str:
    done = _at(job, "status.succeeded", 0)
    return f"{done}/{_at(job, 'spec.completions') or '1 of ' + str(_at(job, 'spec.parallelism', 1))}"


def _used(name: str) -> Cell:
    """What a node or all containers of a pod use, in the unit it is measured in."""
    one, unit = (1, "n") if name == "cpu" else (quantity.NANO << 10, "Ki")

    def cell(value: Object, _now: float) -> str:
        parts = [each.get("usage") or {} for each in value.get("containers", (value,))]
        return f"{sum(quantity.nanos(part.get(name, '0')) for part in parts) // one}{unit}"

    return cell


def _about(event: Object, _now: float) -> str:
    about = event.get("involvedObject") or event.get("regarding") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _last_seen(event: Object, now: float) -> str:
    last = event.get("lastTimestamp") or event.get("deprecatedLastTimestamp")
    series = _at(event, "series.lastObservedTime")
    return age(series or last or event.get("eventTime") or event["metadata"]["creationTimestamp"], now)


def _note(event: Object, _now: float) -> str:
    return str(event.get("message") or event.get("note") or "").strip()


def _claim_of(volume: Object, _now: float) -> str:
    reference = _at(volume, "spec.claimRef", {})
    return f"{reference['namespace']}/{reference['name']}" if reference else ""


def _modes(path: str) -> Cell:
    short = {
        "ReadWriteOnce": "RWO",
        "ReadOnlyMany": "ROX",
        "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }
    return lambda value, _now: ",".join(short.get(mode, mode) for mode in _at(value, path, ()))


def _quota(value: Object, _now: float) -> str:
    used = _at(value, "status.used", {})
    hard = _at(value, "spec.hard", {})
    return ", ".join(f"{name}: {used.get(name, 0)}/{hard[name]}" for name in sorted(hard))


Column = tuple[str, Cell] | tuple[str, Cell, int]
"""Name, cell, and 1 where only `-o wide` shows it."""
_SCHEDULABLE: Final = _field("status.desiredNumberScheduled", 0)
_WORKLOADS: Final[dict[str, tuple[Column, ...]]] = {
    "Pod": (
        ("Ready", _pod_ready),
        ("Status", _pod_status),
        ("Restarts", _restarts),
        ("Age", _age),
        ("IP", _field("status.podIP"), 1),
        ("Node", _field("spec.nodeName"), 1),
        ("Nominated Node", _field("status.nominatedNodeName"), 1),
    ),
    "Deployment": (
        ("Ready", _of("status.readyReplicas", "spec.replicas")),
        ("Up-to-date", _field("status.updatedReplicas", 0)),
        ("Available", _field("status.availableReplicas", 0)),
        ("Age", _age),
    ),
    "ReplicaSet": (
        ("Desired", _field("spec.replicas", 0)),
        ("Current", _field("status.replicas", 0)),
        ("Ready", _field("status.readyReplicas", 0)),
        ("Age", _age),
    ),
    "StatefulSet": (("Ready", _of("status.readyReplicas", "spec.replicas")), ("Age", _age)),
    "DaemonSet": (
        ("Desired", _SCHEDULABLE),
        ("Current", _field("status.currentNumberScheduled", 0)),
        ("Ready", _field("status.numberReady", 0)),
        ("Up-to-date", _field("status.updatedNumberScheduled", 0)),
        ("Available", _field("status.numberAvailable", 0)),
        ("Age", _age),
    ),
    "Job": (("Status", _job_status), ("Completions", _completions), ("Duration", _duration), ("Age", _age)),
    "PodDisruptionBudget": (
        ("Min available", _field("spec.minAvailable", "N/A")),
        ("Max unavailable", _field("spec.maxUnavailable", "N/A")),
        ("Allowed disruptions", _field("status.disruptionsAllowed", 0)),
        ("Age", _age),
    ),
}
_COLUMNS: Final[dict[str, tuple[Column, ...]]] = _WORKLOADS | {
    "Node": (
        ("Status", _node_status),
        ("Roles", _roles),
        ("Age", _age),
        ("Version", _field("status.nodeInfo.kubeletVersion", "")),
    ),
    "Namespace": (("Status", _field("status.phase", "")), ("Age", _age)),
    "Service": (
        ("Type", _field("spec.type")),
        ("Cluster-IP", _field("spec.clusterIP")),
        ("External-IP", lambda value, _now: _joined(_at(value, "spec.externalIPs", ()))),
        ("Port(s)", _ports),
        ("Age", _age),
    ),
    "ConfigMap": (("Data", _count("data", "binaryData")), ("Age", _age)),
    "Secret": (("Type", _field("type", "")), ("Data", _count("data")), ("Age", _age)),
    "PersistentVolume": (
        ("Capacity", _field("spec.capacity.storage", "")),
        ("Access Modes", _modes("spec.accessModes")),
        ("Reclaim Policy", _field("spec.persistentVolumeReclaimPolicy", "")),
        ("Status", _field("status.phase", "")),
        ("Claim", _claim_of),
        ("StorageClass", _field("spec.storageClassName", "")),
        ("Age", _age),
    ),
    "PersistentVolumeClaim": (
        ("Status", _field("status.phase", "")),
        ("Volume", _field("spec.volumeName", "")),
        ("Capacity", _field("status.capacity.storage", "")),
        ("Access Modes", _modes("status.accessModes")),
        ("StorageClass", _field("spec.storageClassName", "")),
        ("Age", _age),
    ),
    "StorageClass": (
        ("Provisioner", _field("provisioner", "")),
        ("ReclaimPolicy", _field("reclaimPolicy", "")),
        ("VolumeBindingMode", _field("volumeBindingMode", "")),
        ("AllowVolumeExpansion", _field("allowVolumeExpansion", False)),
        ("Age", _age),
    ),
    "PriorityClass": (
        ("Value", _field("value", 0)),
        ("Global-Default", _field("globalDefault", False)),
        ("Age", _age),
    ),
    "Lease": (("Holder", _field("spec.holderIdentity", "")), ("Age", _age)),
    "ResourceQuota": (("Used", _quota), ("Age", _age)),
    "NodeMetrics": (("Cpu", _used("cpu")), ("Memory", _used("memory")), ("Window", _field("window"))),
    "PodMetrics": (("Cpu", _used("cpu")), ("Memory", _used("memory")), ("Window", _field("window"))),
    "CronJob": (
        ("Schedule", _field("spec.schedule", "")),
        ("Suspend", _field("spec.suspend", False)),
        ("Active", _count("status.active")),
        ("Age", _age),
    ),
}
_EVENT: Final[tuple[Column, ...]] = (
    ("Last Seen", _last_seen),
    ("Type", _field("type", "")),
    ("Reason", _field("reason", "")),
    ("Object", _about),
    ("Message", _note),
    ("Name", _field("metadata.name"), 1),
)
_NAME: Final[Column] = ("Name", _field("metadata.name"))
_DEFAULT: Final[tuple[Column, ...]] = (("Age", _age),)


def columns(resource: schema.Resource) -> tuple[Column, ...]:
    """The columns of a kind: the name first, but for Events."""
    if resource.kind == "Event":
        return _EVENT
    if resource.type:
        return (_NAME, *_COLUMNS.get(resource.kind, _DEFAULT))
    custom = tuple((name, _path(kind, path)) for name, kind, path in resource.columns)
    return (_NAME, *custom, *(() if any(name == "Age" for name, _ in custom) else _DEFAULT))


def _path(kind: str, path: str) -> Cell:
    """A printer column of a custom kind; of JSON paths the plain ones, `.spec.size`."""
    plain = _field(path.lstrip("."), "")
    return (lambda value, now: age(plain(value, now) or None, now)) if kind == "date" else plain


def definitions(resource: schema.Resource) -> list[Object]:
    made = [(column[0], len(column) - 2) for column in columns(resource)]
    return [
        {
            "name": n,
            "type": "string",
            "format": "name" if n == "Name" else "",
            "description": "",
            "priority": p,
        }
        for n, p in made
    ]


def row(resource: schema.Resource, value: Object, now: float, include: str) -> Object:
    """One object's row; `include` is Metadata (the default), Object or None."""
    cells = [column[1](value, now) for column in columns(resource)]
    if include == "Object":
        return {"cells": cells, "object": value}
    if include == "None":
        return {"cells": cells, "object": None}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]}
    return {"cells": cells, "object": partial}


def table(resource: schema.Resource, rows: list[Object], metadata: Object, headed: bool = True) -> Object:
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions(resource) if headed else None,
        "rows": rows,
    }
