"""The subresource `resize` of pods: what of a write counts, what is refused, what the node does not allow.

Rules: `podResizeStrategy` of registry/core/pod/strategy.go, `ValidatePodResize`, and the admission plugins
NodeDeclaredFeatureValidator and PodResizeValidator.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from stowage.api import objects as kinds
from stowage.api import quantity, resources
from stowage.embedded import errors
from stowage.embedded.rules import faults
from stowage.embedded.storage import store
from stowage.embedded.writing import pod_defaults

Object = dict[str, Any]
_FIELDS: Final = ("containers", "initContainers")
_RESIZABLE: Final = ("cpu", "memory")
_KEPT: Final = ("labels", "annotations", "finalizers", "ownerReferences")
_MIRROR: Final = "kubernetes.io/config.mirror"
_POD_LEVEL: Final = "InPlacePodLevelResourcesVerticalScaling"
_INIT: Final = "InPlacePodVerticalScalingInitContainers"


def keep_rest(before: Object, value: Object) -> None:
    """Take from a new version nothing but resources and resize policies; one with other containers is left
    as it is, to be refused."""
    old, new = before["spec"], value["spec"]
    if any(len(old.get(field) or ()) != len(new.get(field) or ()) for field in _FIELDS):
        return
    made = copy.deepcopy({key: part for key, part in old.items() if key != "resources"})
    if "resources" in new:
        made["resources"] = new["resources"]
    for field in _FIELDS:
        if made.get(field):
            made[field] = _containers(made[field], new[field])
    value["spec"], value["status"] = made, copy.deepcopy(before.get("status") or {})
    for name in _KEPT:
        value["metadata"].pop(name, None)
        if name in before["metadata"]:
            value["metadata"][name] = copy.deepcopy(before["metadata"][name])


def _containers(old: list[Object], new: list[Object]) -> list[Object]:
    if [each["name"] for each in old] != [each.get("name") for each in new]:
        return new
    taken = ("resources", "resizePolicy")
    return [
        {key: part for key, part in had.items() if key not in taken}
        | {key: given[key] for key in taken if key in given}
        for had, given in zip(old, new, strict=True)
    ]


def check(before: Object, value: Object) -> Iterator[errors.Cause]:
    """What is wrong with the new version of a pod that is resized."""
    old, new = before["spec"], value["spec"]
    if _MIRROR in (before["metadata"].get("annotations") or {}):
        yield faults.forbidden("", "static pods cannot be resized")
        return
    if (old.get("os") or {}).get("name") == "windows":
        yield faults.forbidden("", "windows pods cannot be resized")
        return
    status = before.get("status") or {}
    quality = status.get("qosClass") or pod_defaults.qos_class(old)
    if quality != pod_defaults.qos_class(new):
        yield faults.invalid("spec", quality, "Pod QOS Class may not change as a result of resizing")
    running = (
        each for each in status.get("containerStatuses") or () if "running" in (each.get("state") or {})
    )
    if "resources" not in next(running, {"resources": {}}):
        yield faults.forbidden("spec", "Pod running on node without support for resize")
    if _stated(old) or _stated(new):
        yield from _pod_level(old.get("resources"), new.get("resources"))
    other = list(_other_containers(old, new))
    yield from other
    if not other:
        yield from _changes(old, new)


def _stated(spec: Object) -> bool:
    found = spec.get("resources") or {}
    return bool(found.get("requests") or found.get("limits"))


def _pod_level(old: Object | None, new: Object | None) -> Iterator[errors.Cause]:
    if old is not None and new is None:
        yield faults.forbidden("spec.resources", "pod-level resources cannot be removed")
        return
    for side in ("requests", "limits"):
        if old is not None and new is not None and set(old.get(side) or ()) - set(new.get(side) or ()):
            yield faults.forbidden(f"spec.resources.{side}", f"pod-level resource {side} cannot be removed")
    if _rest(old or {}) != _rest(new or {}):
        yield faults.forbidden("spec", "only cpu and memory resources are mutable at pod-level")


def _rest(stated: Object) -> Object:
    """Resources without what may change, and without what is empty."""
    made = dict(stated)
    for side in ("requests", "limits"):
        made[side] = {key: part for key, part in (stated.get(side) or {}).items() if key not in _RESIZABLE}
    return {key: part for key, part in made.items() if part}


def _other_containers(old: Object, new: Object) -> Iterator[errors.Cause]:
    for field in _FIELDS:
        had, given = old.get(field) or [], new.get(field) or []
        if len(had) != len(given):
            yield faults.forbidden(f"spec.{field}", f"{field} may not be added or removed on resize")
            continue
        for i, (one, other) in enumerate(zip(had, given, strict=True)):
            if one["name"] != other["name"]:
                why = f"{field} may not be renamed or reordered on resize"
                yield faults.forbidden(f"spec.{field}[{i}].name", why)


def _changes(old: Object, new: Object) -> Iterator[errors.Cause]:
    pairs = {field: list(zip(old.get(field) or (), new.get(field) or (), strict=True)) for field in _FIELDS}
    for field in reversed(_FIELDS):
        for i, (had, given) in enumerate(pairs[field]):
            for side in ("requests", "limits"):
                gone = set(_side(had, side)) - set(_side(given, side))
                if gone:
                    at = f"spec.{field}[{i}].resources.{side}"
                    yield faults.forbidden(at, f"resource {side} cannot be removed")
    for had, given in pairs["containers"]:
        if _settled(had) != _settled(_claimless(given)):
            yield faults.forbidden("spec", "only cpu and memory resources are mutable")
    for i, (had, given) in enumerate(pairs["initContainers"]):
        at = f"spec.initContainers[{i}]"
        if _settled(had) != _settled(_claimless(given)):
            why = "only cpu and memory resources for init or sidecar containers are mutable"
            yield faults.forbidden(at, why)
        restarts = (
            each.get("restartPolicy") == "RestartContainer" for each in given.get("resizePolicy") or ()
        )
        if had != given and given.get("restartPolicy") != "Always" and any(restarts):
            why = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
            yield faults.forbidden(at, why)


def _side(container: Object, side: str) -> Object:
    found: Object = (container.get("resources") or {}).get(side) or {}
    return found


def _settled(container: Object) -> Object:
    """What of a container stays."""
    return container | {"resources": _rest(container.get("resources") or {})}


def _claimless(container: Object) -> Object:
    """A container as the comparison leaves it, which loses its claims: one that has any cannot be resized."""
    stated = container.get("resources") or {}
    return container | {"resources": {key: part for key, part in stated.items() if key != "claims"}}


def judge(nodes: store.Store, before: Object, value: Object) -> None:
    """Refuse what the pod's node is not made for. ApiError 403."""
    name = value["spec"].get("nodeName")
    if not name or before["spec"] == value["spec"]:
        return
    entry = nodes.get("nodes", ("", name))
    node = entry.read() if entry else None
    needed = sorted(_needed(before["spec"], value["spec"]))
    if node is None:
        raise _refused(value, f'node "{name}" not found')
    lacking = [each for each in needed if each not in (node["status"].get("declaredFeatures") or ())]
    if lacking:
        which = f"pod update requires features {', '.join(lacking)}"
        raise _refused(value, f'{which} which are not available on node "{name}"')
    system = (node["metadata"].get("labels") or {}).get("kubernetes.io/os", "linux")
    if system != "linux":
        why = f'pod resize is only supported on linux nodes, node "{name}" is "{system}"'
        raise _refused(value, why, "UnsupportedPlatform")
    short = "; ".join(_short(value, node["status"].get("allocatable") or {}))
    if short:
        raise _refused(value, f"node didn't have enough allocatable resources: {short}", "NodeCapacity")


def _refused(pod: Object, why: str, reason: str = "") -> errors.ApiError:
    error = errors.forbidden("", "pods", pod["metadata"]["name"], why)
    if reason:
        error.details = (error.details or {}) | {"causes": [{"reason": reason}]}
    return error


def _needed(old: Object, new: Object) -> Iterator[str]:
    """The features that a node must declare."""
    if old.get("resources") != new.get("resources"):
        yield _POD_LEVEL
    for had, given in zip(old.get("initContainers") or (), new.get("initContainers") or (), strict=True):
        if had.get("restartPolicy") != "Always" and had.get("resources") != given.get("resources"):
            yield _INIT
            return


def _short(pod: Object, allocatable: Object) -> Iterator[str]:
    """What of it the node has not enough of for this pod alone."""
    asked = resources.spec_requests(msgspec.convert(pod, kinds.Pod))
    for name in _RESIZABLE:
        have = quantity.nanos(allocatable.get(name, "0"))
        if asked.get(name, 0) > have:
            unit = quantity.to_milli_value if name == "cpu" else quantity.to_value
            yield f"{name}, requested: {unit(asked[name])}, allocatable: {unit(have)}"
