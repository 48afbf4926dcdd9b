"""Whether a candidate's steps are the recorded ones.

Reasons, `best` and victims are sets, and of the nodes that are equal by all of kube-scheduler's criteria
any may be nominated; everything else is compared exactly. A field that only one side has is a difference,
whatever it is, unless it is empty.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from tests.fuzz.world import Json

# The fields of a step in the order in which a cycle makes them: the first that differs is the cause.
ORDER = (
    "pod",
    "preEnqueue",
    "preFilter",
    "preFilterNodes",
    "rejected",
    "scores",
    "totals",
    "best",
    "chosen",
    "preemption",
    "nominated",
    "message",
)


@dataclass(frozen=True)
class Difference:
    """Where two answers part: the first step and field that differ."""

    step: int
    field: str
    kind: str  # what differs, without names of pods and nodes: equal for equal causes
    expected: Any
    actual: Any

    @property
    def signature(self) -> str:
        return f"{self.field}: {self.kind}"


def first(scenario: Json, expected: list[Json], actual: list[Json]) -> Difference | None:
    """The first difference, or None."""
    for i, step in enumerate(actual):
        if "crash" in step:
            return Difference(i, "crash", step["crash"], None, step["detail"])
    for i, (want, got) in enumerate(zip(expected, actual, strict=False)):
        found = _step(scenario, i, tidy(want), tidy(got))
        if found:
            return found
    if len(expected) != len(actual):
        return Difference(min(len(expected), len(actual)), "steps", "count", len(expected), len(actual))
    return None


def tidy(step: Json) -> Json:
    """The step with sets sorted, and without what is empty or scored 0 (a plugin that was skipped)."""
    made = {k: v for k, v in step.items() if v not in (None, "", [], {})}
    for field in ("preEnqueue", "preFilter"):
        if field in made:
            made[field] = _verdict(made[field])
    if "rejected" in made:
        made["rejected"] = {node: _verdict(v) for node, v in made["rejected"].items()}
    for field in ("best", "preFilterNodes"):
        if field in made:
            made[field] = sorted(made[field])
    if "scores" in made:
        made["scores"] = {n: {p: s for p, s in row.items() if s} for n, row in made["scores"].items()}
    if "preemption" in made:
        made["preemption"] = {n: {**v, "pods": sorted(v["pods"])} for n, v in made["preemption"].items()}
    return made


def _verdict(verdict: Json) -> Json:
    return {**verdict, "reasons": sorted(verdict.get("reasons") or [])}


def _step(scenario: Json, i: int, want: Json, got: Json) -> Difference | None:
    unknown = sorted((want.keys() | got.keys()) - set(ORDER))
    for field in (*ORDER, *unknown):
        a, b = want.get(field), got.get(field)
        if a == b or (field == "nominated" and as_good(scenario, want, a, b)):
            continue
        return Difference(i, field, _kind(field, a, b), a, b)
    return None


def as_good(scenario: Json, want: Json, a: str | None, b: str | None) -> bool:
    """Whether the nodes `a` and `b` tie on everything that default preemption looks at."""
    victims = want.get("preemption") or {}
    if a not in victims or b not in victims:
        return False
    pods = {_key(p): p for p in [*scenario["objects"], *scenario["pending"]] if p["kind"] == "Pod"}
    return _criteria(pods, victims[a]) == _criteria(pods, victims[b])


def _key(pod: Json) -> str:
    return f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}"


def _criteria(pods: dict[str, Json], victims: Json) -> tuple[Any, ...]:
    """Violations, highest priority, sum of priorities, number, earliest start of the highest."""
    gone = [pods[name] for name in victims["pods"]]
    priorities = [pod["spec"].get("priority", 0) for pod in gone]
    highest = max(priorities)
    # A pod without a start time counts as started now, later than any other.
    starts = [
        pod.get("status", {}).get("startTime") or "9999"
        for pod, priority in zip(gone, priorities, strict=True)
        if priority == highest
    ]
    total = sum(p + math.ldexp(1, 31) for p in priorities)
    return (victims["pdbViolations"], highest, total, len(gone), min(starts))


def _kind(field: str, a: Any, b: Any) -> str:
    if field in ("preEnqueue", "preFilter"):
        return f"{_told(a)} / {_told(b)}"
    if field == "rejected":
        a, b = a or {}, b or {}
        node = next(n for n in sorted({*a, *b}) if a.get(n) != b.get(n))
        return f"{_told(a.get(node))} / {_told(b.get(node))}"
    if field == "scores":
        a, b = a or {}, b or {}
        if a.keys() != b.keys():
            return "nodes"
        node = next(n for n in sorted(a) if a[n] != b[n])
        plugins: list[str] = sorted({*a[node], *b[node]})
        return next(p for p in plugins if a[node].get(p) != b[node].get(p))
    if field == "preemption":
        a, b = a or {}, b or {}
        if a.keys() != b.keys():
            return "more nodes" if a.keys() < b.keys() else "fewer nodes" if b.keys() < a.keys() else "nodes"
        node = next(n for n in sorted(a) if a[n] != b[n])
        return "victims" if a[node]["pods"] != b[node]["pods"] else "violations"
    if field == "message":
        return "missing" if b is None else "not expected" if a is None else "text"
    return "missing" if b is None else "not expected" if a is None else "value"


def _told(verdict: Json | None) -> str:
    if verdict is None:
        return "none"
    reasons = ", ".join(re.sub(r'"[^"]*"|\S+/\S+', "*", r) for r in verdict["reasons"])
    return f"{verdict.get('plugin', '')} {verdict['code']} {reasons}"
