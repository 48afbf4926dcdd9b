"""One pod's decision as plain values: verdicts by node, scores by plugin, the winner and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from stowage.engine import explain
from stowage.framework import status
from stowage.simulate import run


def plain(result: run.Result) -> dict[str, Any]:
    """The account of the pod that was asked about."""
    entry, account = result.explained, result.explanation
    assert entry is not None
    out: dict[str, Any] = {
        "pod": entry.incoming.key,
        "priority": entry.incoming.priority,
        "node": entry.node or None,
        "nominated": entry.nominated or None,
        "victims": entry.victims,
        "reason": entry.reason or None,
    }
    if account is None:
        return out
    out["verdicts"] = [
        {
            "plugin": verdict.plugin,
            "code": verdict.code.label,
            "reasons": list(verdict.reasons),
            "nodes": names,
        }
        for verdict, names in groups(account)
    ]
    out["rejectedByPlugin"] = {each.plugin: _rejected(each, account) for each in account.verdicts}
    out["feasible"] = [account.names[row] for row in account.feasible.tolist()]
    out["scores"] = [_scored(account, index) for index in ranking(account)]
    out["best"] = sorted(account.best)
    out["margin"] = account.margin
    out["why"] = why(entry, account)
    out["microseconds"] = {point: round(1e6 * spent, 1) for point, spent in account.seconds.items()}
    return out


def groups(account: explain.Explanation) -> list[tuple[status.Status, list[str]]]:
    """The verdicts of the nodes that cannot take the pod, the most frequent first, with the nodes."""
    if account.refusal is not None:
        return [(account.refusal, [account.names[row] for row in np.flatnonzero(account.live).tolist()])]
    by_value: dict[int, list[str]] = {}
    for row in np.flatnonzero(account.live).tolist():
        value = int(account.statuses[row])
        if value in account.first:
            by_value.setdefault(value, []).append(account.names[row])
    merged: dict[status.Status, list[str]] = {}
    for value, names in by_value.items():
        merged.setdefault(account.first[value], []).extend(names)
    return sorted(merged.items(), key=lambda group: -len(group[1]))


def ranking(account: explain.Explanation) -> list[int]:
    """Indices into ``feasible``, the highest total first."""
    return np.argsort(-account.totals, kind="stable").tolist() if len(account.feasible) else []


def why(entry: run.Entry, account: explain.Explanation) -> str:
    """One sentence about the choice."""
    if entry.node:
        return _chosen(entry, account)
    if entry.nominated:
        count = len(entry.victims)
        return (
            f"No node takes the pod as it is; {entry.nominated} will, once"
            f" {count} pod{'' if count == 1 else 's'} of lower priority {'is' if count == 1 else 'are'} gone."
        )
    return "No node takes the pod."


def _chosen(entry: run.Entry, account: explain.Explanation) -> str:
    best = account.best
    if entry.incoming.nominated == entry.node:
        return f"{entry.node} was kept for the pod, which was nominated to it; no other node was looked at."
    if entry.node not in best:
        return f"{entry.node} was chosen among the nodes that were looked at; not all were."
    if len(account.feasible) == 1:
        return f"{entry.node} is the only node that takes the pod."
    total = int(account.totals.max())
    if len(best) > 1:
        return f"{len(best)} nodes share the highest total, {total}; {entry.node} was drawn among them."
    return f"{entry.node} has the highest total, {total}: {account.margin} more than the next node."


def _scored(account: explain.Explanation, index: int) -> dict[str, Any]:
    return {
        "node": account.names[int(account.feasible[index])],
        "total": int(account.totals[index]),
        "plugins": {
            each.plugin: {
                "raw": int(each.raw[index]),
                "normalized": int(each.normalized[index]),
                "weight": each.weight,
                "weighted": int(each.weighted[index]),
            }
            for each in account.scores
        },
    }


def _rejected(verdicts: explain.Verdicts, account: explain.Explanation) -> int:
    """How many nodes one filter rejects by itself."""
    return int((verdicts.codes[account.live] != 0).sum())
