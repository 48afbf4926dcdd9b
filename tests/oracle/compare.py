"""Whether two answers to a scenario are the same, as the conformance format says."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.oracle import preemption
from tests.oracle.objects import Pod, name_of, namespace_of
from tests.oracle.preemption import Victims

FIELDS = ("preEnqueue", "preFilter", "preFilterNodes", "rejected", "scores", "totals", "best", "chosen")
OTHERS = ("pod", "preemption", "nominated", "error")


def differences(
    scenario: Mapping[str, Any], expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]
) -> list[str]:
    """One line a field that differs: scenario, pod, field, what was expected and what came."""
    where = scenario.get("id", "")
    found = []
    if len(expected) != len(actual):
        found.append(f"{where}: {len(expected)} steps expected, {len(actual)} came")
    for wanted, got in zip(expected, actual, strict=False):
        unknown = (set(wanted) | set(got)) - set(FIELDS) - set(OTHERS)
        found += [f"{where} {wanted['pod']} {field}: not compared" for field in sorted(unknown)]
        for field in ("pod", "error", *FIELDS, "preemption"):
            one, other = _plain(field, wanted.get(field)), _plain(field, got.get(field))
            if one != other:
                found.append(f"{where} {wanted['pod']} {field}: {_unlike(one, other)}")
        choices = as_good(scenario, wanted)
        if got.get("nominated", "") not in choices:
            found.append(f"{where} {wanted['pod']} nominated: {choices} != {got.get('nominated')}")
    return found


def as_good(scenario: Mapping[str, Any], step: Mapping[str, Any]) -> list[str]:
    """The nodes that preemption may pick, judged from the recorded victims."""
    if not step.get("nominated"):
        return [""]
    pods = {
        f"{namespace_of(raw)}/{name_of(raw)}": raw for raw in scenario["objects"] if raw.get("kind") == "Pod"
    }
    pods |= {f"{namespace_of(raw)}/{name_of(raw)}": raw for raw in scenario["pending"]}
    candidates = {
        name: Victims([Pod(pods[key]) for key in victims["pods"]], victims["pdbViolations"])
        for name, victims in step["preemption"].items()
    }
    return preemption.best(candidates)


def _plain(field: str, value: Any) -> Any:
    """Sets sorted; nothing and empty alike; a score of 0 like one that was not given; of an error, where."""
    if field in ("preEnqueue", "preFilter"):
        return _verdict(value) if value else None
    if field == "rejected":
        return {name: _verdict(verdict) for name, verdict in (value or {}).items()}
    if field == "scores":
        return {
            name: {plugin: score for plugin, score in row.items() if score}
            for name, row in (value or {}).items()
        }
    if field == "preemption":
        return {name: (sorted(each["pods"]), each["pdbViolations"]) for name, each in (value or {}).items()}
    if field == "error" and value:
        return value.split(": ")[:2]
    if field in ("best", "preFilterNodes"):
        return sorted(value or [])
    return value or None


def _verdict(verdict: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    return verdict["code"], verdict.get("plugin", ""), sorted(verdict.get("reasons") or [])


def _unlike(one: Any, other: Any) -> str:
    """Of two tables, the first rows that differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)][:3]
        one, other = {key: one.get(key) for key in keys}, {key: other.get(key) for key in keys}
    return f"{one} != {other}"
