"""Whether one nominated node is as good as another, judged from the recorded victims.

Criteria: pickOneNodeForPreemption (framework/preemption/preemption.go): the fewest violated budgets,
the lowest highest priority, the lowest sum of priorities, the fewest victims, and the latest start of
the victims of the highest priority. This is apart from the engine on purpose: it reads the
scenario's own objects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stowage.api import times

Json = Mapping[str, Any]
OFFSET = 1 << 31
"""Added to each priority of a sum, so that more victims weigh more even where priorities are negative."""


def as_good(question: Json, victims: Json, one: str, other: str) -> bool:
    """Whether both nodes are candidates and equal by every criterion."""
    if one not in victims or other not in victims:
        return False
    return _criteria(question, one, victims[one]) == _criteria(question, other, victims[other])


def _criteria(question: Json, node: str, victims: Json) -> tuple[Any, ...]:
    pods = [_pod(question, node, key) for key in victims["pods"]]
    priorities = [int(pod.get("spec", {}).get("priority") or 0) for pod in pods]
    highest = max(priorities, default=0)
    starts = [_start(pod) for pod, priority in zip(pods, priorities, strict=True) if priority == highest]
    total = sum(priority + OFFSET for priority in priorities)
    return victims["pdbViolations"], highest, total, len(pods), min(starts, default=math.inf)


def _pod(question: Json, node: str, key: str) -> Json:
    """The victim: a pod bound to the node, or one that was placed there on the way."""
    namespace, _, name = key.partition("/")
    named = [
        pod
        for pod in (*question["objects"], *question["pending"])
        if pod.get("kind") == "Pod" and _called(pod, namespace, name)
    ]
    bound = [pod for pod in named if pod.get("spec", {}).get("nodeName") == node]
    found: Sequence[Json] = bound or [pod for pod in named if not pod.get("spec", {}).get("nodeName")]
    return found[0]


def _called(pod: Json, namespace: str, name: str) -> bool:
    meta = pod.get("metadata", {})
    return meta.get("name") == name and (meta.get("namespace") or "") == namespace


def _start(pod: Json) -> float:
    """A pod that has not started yet counts as started now, later than any other."""
    start = pod.get("status", {}).get("startTime")
    return times.seconds(start) if start else math.inf
