"""What a kubelet makes of the resources of its pods: what it has given them, and what must wait.

Nothing is executed, so a pod that fits is resized at once. Rules: pkg/kubelet/allocation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from stowage.api import objects, quantity, resources
from stowage.embedded.writing import clean

Object = dict[str, Any]
_PENDING: Final = "PodResizePending"
_STATES: Final = (("containers", "containerStatuses"), ("initContainers", "initContainerStatuses"))


def pending(pod: Object) -> bool:
    """Whether a running pod asks for other resources than it was given. A pod whose status does not tell
    what it was given is no kubelet's of ours."""
    status = pod.get("status") or {}
    return any(
        "resources" in state and state["resources"] != stated.get(state["name"])
        for field, states in _STATES
        for stated in [_stated(pod["spec"], field)]
        for state in status.get(states) or ()
    ) or ("resources" in pod["spec"] and status.get("resources") != _of_pod(pod))


def give(pod: Object) -> None:
    """Write into a pod's status that it has what it asks for."""
    status = pod["status"]
    for field, states in _STATES:
        stated = _stated(pod["spec"], field)
        for state in status.get(states) or ():
            state["resources"] = copy.deepcopy(stated[state["name"]])
            state.pop("allocatedResources", None)
            if state["resources"].get("requests"):
                state["allocatedResources"] = dict(state["resources"]["requests"])
    status["resources"] = _of_pod(pod)
    status["allocatedResources"] = dict(status["resources"].get("requests") or {})
    status["conditions"] = [each for each in status.get("conditions") or () if each["type"] != _PENDING]
    status["observedGeneration"] = pod["metadata"]["generation"]


def defer(pod: Object, why: str, now: str) -> None:
    """Write into a pod's status that it waits for what it asks for."""
    status, generation = pod["status"], pod["metadata"]["generation"]
    found = next((each for each in status.get("conditions") or () if each["type"] == _PENDING), None)
    made: Object = {"type": _PENDING, "status": "True", "reason": "Deferred", "message": why}
    made |= {"lastProbeTime": None, "lastTransitionTime": (found or {}).get("lastTransitionTime", now)}
    kept = [each for each in status.get("conditions") or () if each is not found]
    status["conditions"] = [*kept, made | {"observedGeneration": generation}]
    status["observedGeneration"] = generation


def lacking(node: Object, pod: Object, others: Iterable[Object]) -> str:
    """Why a node has no room for a pod as it asks to be, beside the others that run there; else empty."""
    asked = resources.spec_requests(msgspec.convert(pod, objects.Pod))
    used: dict[str, int] = {}
    for each in others:
        for name, amount in _given(each).items():
            used[name] = used.get(name, 0) + amount
    have = (node.get("status") or {}).get("allocatable") or {}
    for name in ("cpu", "memory"):
        wanted, room, taken = asked.get(name, 0), quantity.nanos(have.get(name, "0")), used.get(name, 0)
        if wanted + taken > room:
            unit = quantity.to_milli_value if name == "cpu" else quantity.to_value
            numbers = f"requested: {unit(wanted)}, used: {unit(taken)}, capacity: {unit(room)}"
            return f"Node didn't have enough resource: {name}, {numbers}"
    return ""


def _given(pod: Object) -> dict[str, int]:
    """What a pod was given; what it asks for where that is not told."""
    given = (pod.get("status") or {}).get("allocatedResources")
    if given is not None:
        return {name: quantity.nanos(amount) for name, amount in given.items()}
    return resources.spec_requests(msgspec.convert(pod, objects.Pod))


def _stated(spec: Object, field: str) -> Object:
    return {each["name"]: each.get("resources") or {} for each in spec.get(field) or ()}


def _of_pod(pod: Object) -> Object:
    """The requests and limits of a pod as a whole."""
    typed = msgspec.convert(pod, objects.Pod)
    made = copy.deepcopy(pod["spec"].get("resources") or {})
    for side, amounts in (
        ("requests", resources.spec_requests(typed)),
        ("limits", resources.spec_limits(typed)),
    ):
        if amounts:
            made[side] = {name: _written(name, amount) for name, amount in sorted(amounts.items())}
    return made


def _written(name: str, nanos: int) -> str:
    """CPU in decimals, bytes in binary units where they are whole ones."""
    kibi, rest = divmod(nanos, quantity.NANO << 10)
    return (
        str(quantity.from_nanos(nanos)) if rest or name == "cpu" or not kibi else clean.canonical(f"{kibi}Ki")
    )
