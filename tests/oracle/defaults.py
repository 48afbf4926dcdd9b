"""A pod as an API server would complete it, as far as scheduling reads it (`SetObjectDefaults_Pod`)."""

import copy
from typing import Any

from tests.oracle import pod_resources, quantity, resources

Object = dict[str, Any]


def pod(raw: Object) -> Object:
    """A completed copy, its resource lists parsed. Objects of other kinds are read as they are written."""
    made: Object = copy.deepcopy(raw)
    made["metadata"] = made.get("metadata") or {}
    made["status"] = made.get("status") or {}
    spec = made["spec"] = made.get("spec") or {}
    if not spec.get("schedulerName"):
        spec["schedulerName"] = "default-scheduler"
    lists = _resource_lists(made)
    for holder, key in lists:
        holder[key] = {name: quantity.parse(text) for name, text in holder[key].items()}
    containers = (spec.get("containers") or []) + (spec.get("initContainers") or [])
    for container in containers:
        _requests_from_limits(container)
    _pod_level(made)
    for container in containers:
        for port in container.get("ports") or []:
            port["protocol"] = port.get("protocol") or "TCP"
            if spec.get("hostNetwork") and not port.get("hostPort"):
                port["hostPort"] = port.get("containerPort", 0)
    for holder, key in _resource_lists(made):
        holder[key] = {name: value.rounded_up(quantity.MILLI) for name, value in holder[key].items()}
    for volume in spec.get("volumes") or []:
        if volume.get("rbd") is not None:
            volume["rbd"]["pool"] = volume["rbd"].get("pool") or "rbd"
        if volume.get("azureDisk") is not None and volume["azureDisk"].get("kind") is None:
            volume["azureDisk"]["kind"] = "Shared"
    return made


def _requests_from_limits(container: Object) -> None:
    own = container.get("resources") or {}
    if own.get("limits") is not None:
        own["requests"] = {**own["limits"], **(own.get("requests") or {})}


def _pod_level(made: Object) -> None:
    """Limits of huge pages and requests that `spec.resources` leaves out come from the containers."""
    own = made["spec"].get("resources")
    if own is None:
        return
    if own.get("limits") or own.get("requests"):
        limits = dict(own.get("limits") or {})
        for name, value in pod_resources.aggregate(made, "limits").items():
            if resources.is_hugepage(name) and name not in (own.get("requests") or {}):
                limits.setdefault(name, value)
        if limits:
            own["limits"] = limits
    if own.get("limits"):
        requests = dict(own.get("requests") or {})
        for name, value in pod_resources.aggregate(made, "requests").items():
            if name in ("cpu", "memory"):
                requests.setdefault(name, value)
        for name, value in own["limits"].items():
            if pod_resources.at_pod_level(name):
                requests.setdefault(name, value)
        if requests:
            own["requests"] = requests


def _resource_lists(made: Object) -> list[tuple[Object, str]]:
    """Every place of a pod that holds quantities by resource name: (holder, key)."""
    spec, status = made["spec"], made["status"]
    holders: list[tuple[Object, str]] = [(spec, "overhead"), (status, "allocatedResources")]
    owners = [spec, status, *(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    for state in (status.get("containerStatuses") or []) + (status.get("initContainerStatuses") or []):
        holders.append((state, "allocatedResources"))
        owners.append(state)
    for owner in owners:
        if owner.get("resources") is not None:
            holders += [(owner["resources"], "requests"), (owner["resources"], "limits")]
    return [(holder, key) for holder, key in holders if holder.get(key) is not None]
