"""A simulation's report as plain values, for the machine formats."""

from __future__ import annotations

from collections import Counter
from typing import Any

from stowage.simulate import explained, measure, run, session

SHOWN = 10
"""Pods named for each reason."""


def plain(report: session.Report) -> dict[str, Any]:
    """The whole report; `placements` has one object a pod that was pending, in input order."""
    result = report.result
    out: dict[str, Any] = {
        "summary": summary(report),
        "unschedulable": [
            {"reason": reason, "count": len(names), "pods": names[:SHOWN]}
            for reason, names in reasons(result, run.State.UNSCHEDULABLE)
        ],
        "utilisation": [_use(each) for each in report.measured.uses],
        "fragmentation": {each.resource: round(each.fragmentation, 6) for each in report.measured.uses},
        "busiest": [_node(each) for each in report.measured.busiest],
        "emptiest": [_node(each) for each in report.measured.emptiest],
        "seconds": {
            "load": round(report.load_seconds, 6),
            "schedule": round(result.seconds, 6),
            "total": round(report.total_seconds, 6),
        },
        "podsPerSecond": round(rate(report), 1),
        "warnings": report.loaded.faults.warnings,
        "skipped": report.loaded.faults.problems,
        "placements": [placement(entry) for entry in result.entries],
    }
    if result.explained is not None:
        out["explanation"] = explained.plain(result)
    return out


def summary(report: session.Report) -> dict[str, int]:
    """The counts."""
    result, found = report.result, report.loaded.world
    counts = {state.value: result.count(state) for state in run.State}
    return {
        "nodes": report.measured.nodes,
        "boundPods": found.placed,
        "endedPods": found.ended,
        "pendingPods": len(result.entries),
        **counts,
        "evicted": len({victim for entry in result.entries for victim in entry.victims}),
        "skippedObjects": report.loaded.faults.bad_objects,
        "passes": result.passes,
        "attempts": result.attempts,
        "shapes": report.measured.shapes,
    }


def rate(report: session.Report) -> float:
    """Pods tried a second, however often each was."""
    result = report.result
    return result.tried / result.seconds if result.seconds else 0.0


def reasons(result: run.Result, state: run.State) -> list[tuple[str, list[str]]]:
    """The sentences of pods that ended so, the most frequent first, each with the pods' names."""
    named: dict[str, list[str]] = {}
    for entry in result.entries:
        if entry.state is state:
            named.setdefault(entry.reason, []).append(entry.incoming.key)
    counts = Counter({reason: len(names) for reason, names in named.items()})
    return [(reason, named[reason]) for reason, _ in counts.most_common()]


def placement(entry: run.Entry) -> dict[str, Any]:
    """What became of one pod."""
    out: dict[str, Any] = {
        "namespace": entry.incoming.namespace,
        "name": entry.incoming.name,
        "node": entry.node or None,
        "nominated": entry.nominated or None,
        "victims": entry.victims,
        "reason": entry.reason or None,
        "state": entry.state.value,
    }
    if entry.evicted_by:
        out["evictedBy"] = entry.evicted_by
    return out


def _use(use: measure.Use) -> dict[str, Any]:
    return {
        "resource": use.resource,
        "unit": unit(use.resource),
        "allocatable": use.allocatable,
        "requestedBefore": use.before,
        "requested": use.requested,
        "left": use.free,
        "requestedPercent": round(use.percent, 3),
        "fragmentation": round(use.fragmentation, 6),
    }


def unit(resource: str) -> str:
    """What an amount of the resource counts."""
    if resource == "cpu":
        return "millicores"
    if resource in ("memory", "ephemeral-storage") or resource.startswith("hugepages-"):
        return "bytes"
    return "pods" if resource == "pods" else "units"


def _node(use: measure.NodeUse) -> dict[str, Any]:
    return {"node": use.name, "pods": use.pods, "requestedPercent": use.shares, "dominant": use.dominant}
