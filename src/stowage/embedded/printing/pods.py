"""What a table says of a pod's containers: how many are ready, what they are at, how often they restarted.

As long as an init container is waited for it alone speaks for the pod; a sidecar (an init container that
is restarted always) counts as one of the containers.
"""

from __future__ import annotations

from typing import Any, Final

from stowage.embedded.printing import ages, texts

Object = dict[str, Any]
COMPLETED: Final = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}
"""The phases in which a row is marked as completed, and what the mark says."""


def ready(pod: Object, _now: float) -> str:
    sidecars, visited = _sidecars(pod), _visited(pod)
    count = sum(bool(each.get("ready")) for each in visited if _runs_on(each, sidecars))
    if _initialized(pod):
        mains = _statuses(pod, "containerStatuses")
        count += sum(bool(each.get("ready")) for each in mains if _comes_to_running(each))
    return f"{count}/{len(texts.each(pod, 'spec.containers')) + len(sidecars)}"


def status(pod: Object, _now: float) -> str:
    found = pod.get("status") or {}
    phase = found.get("phase", "")
    shown = str(found.get("reason") or phase)
    if any(each.get("reason") == "SchedulingGated" for each in _conditions(pod, "PodScheduled")):
        shown = "SchedulingGated"
    shown = _waited_for(pod) or shown
    if _initialized(pod):
        shown = _of_containers(pod, shown)
    if "deletionTimestamp" in pod["metadata"]:
        if found.get("reason") == "NodeLost":
            return "Unknown"
        if phase not in COMPLETED:
            return "Terminating"
    return shown


def restarts(pod: Object, now: float) -> str:
    counted = _visited(pod)
    if _initialized(pod):
        sidecars = _sidecars(pod)
        counted = [each for each in counted if each["name"] in sidecars]
        counted += _statuses(pod, "containerStatuses")
    count = sum(each.get("restartCount", 0) for each in counted)
    ended = [(each.get("lastState") or {}).get("terminated") or {} for each in counted]
    last = max((each.get("finishedAt") or "" for each in ended), default="")
    return f"{count} ({ages.age(last, now)} ago)" if count and last else str(count)


def address(pod: Object, _now: float) -> str:
    listed = [each.get("ip") for each in texts.each(pod, "status.podIPs")]
    return texts.at(pod, "status.podIP") or (listed and listed[0]) or texts.NONE


def gates(pod: Object, _now: float) -> str:
    """How many of the readiness gates are open."""
    named = [each["conditionType"] for each in texts.each(pod, "spec.readinessGates")]
    first = [_conditions(pod, name)[:1] for name in named]
    is_open = [bool(each) and each[0].get("status") == "True" for each in first]
    return f"{sum(is_open)}/{len(named)}" if named else texts.NONE


def _conditions(pod: Object, kind: str) -> list[Object]:
    return [each for each in texts.each(pod, "status.conditions") if each.get("type") == kind]


def _statuses(pod: Object, name: str) -> list[Object]:
    return list(texts.each(pod, f"status.{name}"))


def _sidecars(pod: Object) -> set[str]:
    inits = texts.each(pod, "spec.initContainers")
    return {each["name"] for each in inits if each.get("restartPolicy") == "Always"}


def _ended_well(status: Object) -> bool:
    ended = (status.get("state") or {}).get("terminated")
    return ended is not None and not ended.get("exitCode")


def _runs_on(status: Object, sidecars: set[str]) -> bool:
    """Whether a sidecar has started."""
    return not _ended_well(status) and status["name"] in sidecars and bool(status.get("started"))


def _done(status: Object, sidecars: set[str]) -> bool:
    return _ended_well(status) or _runs_on(status, sidecars)


def _visited(pod: Object) -> list[Object]:
    """The init containers up to the one that is waited for, with it."""
    sidecars, states = _sidecars(pod), _statuses(pod, "initContainerStatuses")
    waited = next((at for at, each in enumerate(states) if not _done(each, sidecars)), len(states))
    return states[: waited + 1]


def _waited_for(pod: Object) -> str:
    """What the init container that is waited for gives as the pod's status; empty where there is none."""
    visited = _visited(pod)
    if not visited or _done(visited[-1], _sidecars(pod)):
        return ""
    state = visited[-1].get("state") or {}
    if state.get("terminated") is not None:
        return "Init:" + _end(state["terminated"])
    reason = (state.get("waiting") or {}).get("reason", "")
    if reason and reason != "PodInitializing":
        return f"Init:{reason}"
    return f"Init:{len(visited) - 1}/{len(texts.each(pod, 'spec.initContainers'))}"


def _initialized(pod: Object) -> bool:
    """Whether the containers proper speak for the pod."""
    told = _conditions(pod, "Initialized")
    return not _waited_for(pod) or bool(told and told[0].get("status") == "True")


def _comes_to_running(status: Object) -> bool:
    state = status.get("state") or {}
    waiting = (state.get("waiting") or {}).get("reason")
    return not waiting and state.get("terminated") is None and state.get("running") is not None


def _of_containers(pod: Object, shown: str) -> str:
    """The first container that waits or has ended gives the status."""
    states = _statuses(pod, "containerStatuses")
    failed = ""
    for each in reversed(states):
        state = each.get("state") or {}
        ended = state.get("terminated")
        if reason := (state.get("waiting") or {}).get("reason"):
            shown = reason
        elif ended is not None:
            shown = _end(ended)
            failed = shown if ended.get("exitCode") else failed
    running = any(_comes_to_running(each) and each.get("ready") for each in states)
    if shown != "Completed":
        return shown
    if running and any(each.get("status") == "True" for each in _conditions(pod, "Ready")):
        return "Running"
    return failed or ("NotReady" if running else shown)


def _end(ended: Object) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    signal = ended.get("signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode', 0)}"
