"""Whether what became of a pod is what somebody says that should: a step of `answer`, or of our engine."""

import dataclasses

from tests.fuzz import compare
from tests.fuzz.world import Json
from tests.integration.side_by_side import cluster

VICTIMS_GO = "preemption: not eligible due to a terminating pod on the nominated node."


@dataclasses.dataclass(frozen=True)
class Observed:
    """What became of one pod: a node, or a condition, a nomination and pods that had to go."""

    node: str
    reason: str
    message: str
    nominated: str
    evicted: tuple[str, ...]

    @classmethod
    def of(cls, pod: Json, evicted: list[str]) -> "Observed":
        condition = cluster.said(pod)
        return cls(
            pod["spec"].get("nodeName", ""),
            condition.get("reason", ""),
            condition.get("message", ""),
            pod["status"].get("nominatedNodeName", ""),
            tuple(sorted(evicted)),
        )


def difference(scenario: Json, step: Json, seen: Observed) -> str:
    """In what a step says something else; empty where it does not."""
    best = step.get("best") or []
    if "preEnqueue" in step:
        return "left its gate" if seen.node or seen.reason else ""
    if best:
        return "" if seen.node in best else f"on {seen.node or seen}, not on one of {best}"
    if seen.node:
        return f"on {seen.node}, not rejected: {step.get('message')}"
    if "message" not in step:  # an error, of which one of several is told
        return "" if seen.reason == "SchedulerError" else f"{seen}, not an error"
    if seen.message != step["message"] and not _waits(step, seen):
        return f"said {seen.message!r}, not {step['message']!r}"
    return _preemption(scenario, step, seen)


def unbindable(seen: Observed, best: list[str]) -> bool:
    """Whether one of the best was chosen, and PreBind then failed there, of which `answer` knows nothing."""
    failed = seen.reason == "SchedulerError" and seen.message.startswith("running PreBind plugin ")
    return failed and any(f'node "{node}"' in seen.message for node in best)


def _waits(step: Json, seen: Observed) -> bool:
    """Whether the pod was tried once more since, and waits for its victims."""
    victims = bool(step.get("preemption")) and seen.nominated != ""
    return victims and seen.message.startswith(step["message"]) and seen.message.endswith(VICTIMS_GO)


def _preemption(scenario: Json, step: Json, seen: Observed) -> str:
    candidates = step.get("preemption") or {}
    if not candidates:
        own = scenario["pending"][0].get("status", {}).get("nominatedNodeName", "")
        return f"nominated to {seen.nominated}, not to any" if seen.nominated not in ("", own) else ""
    if seen.nominated not in candidates:
        return f"nominated to {seen.nominated!r}, not to one of {sorted(candidates)}"
    if not compare.as_good(scenario, step, step["nominated"], seen.nominated):
        return f"nominated to {seen.nominated}, where {step['nominated']} is better"
    expected = tuple(sorted(candidates[seen.nominated]["pods"]))
    return f"evicted {seen.evicted}, not {expected}" if seen.evicted != expected else ""
