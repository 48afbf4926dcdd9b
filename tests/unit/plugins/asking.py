"""What a plugin says of each node, by name, for tests that count pods over domains."""

from __future__ import annotations

from typing import Any

import numpy as np

from stowage.cluster import table
from stowage.framework import interface, overlay, status
from tests.builders import PodBuilder


def verdicts(plugin: Any, cluster: table.Table, pod: PodBuilder) -> dict[str, str]:
    """Node -> the reason it is refused, or empty. A skipped filter passes all."""
    before = plugin.pre_filter(cluster.project(pod.done()), cluster)
    if before is status.SKIP:
        return dict.fromkeys(cluster.row_of, "")
    assert isinstance(before, interface.PreFiltered)
    codes = np.broadcast_to(
        plugin.filter(before.state, cluster, slice(0, cluster.size), None), (cluster.size,)
    )
    return {
        name: _reason(plugin, before.state, cluster, int(codes[row])) for name, row in cluster.row_of.items()
    }


def imagined(
    plugin: Any, cluster: table.Table, pod: PodBuilder, moves: list[tuple[PodBuilder, str]], sign: int
) -> dict[str, str]:
    """Node -> the reason it is refused with its pods of ``moves`` come (1) or gone (-1)."""
    before = plugin.pre_filter(cluster.project(pod.done()), cluster)
    placed = [(cluster.project(each.done()), cluster.row_of[node]) for each, node in moves]
    change = overlay.of_pods(placed, sign)
    if before is status.SKIP:
        return {cluster.names[row]: "" for row in change.rows.tolist()}
    codes = np.broadcast_to(plugin.filter(before.state, cluster, change.rows, change), (len(change.rows),))
    found = zip(change.rows.tolist(), codes.tolist(), strict=True)
    return {cluster.names[row]: _reason(plugin, before.state, cluster, code) for row, code in found}


def _reason(plugin: Any, state: Any, cluster: table.Table, code: int) -> str:
    if not code:
        return ""
    said = plugin.explain(state, cluster, code)
    return f"{said.code.label}: {said.message}"


def raw_scores(plugin: Any, cluster: table.Table, pod: PodBuilder, *feasible: str) -> dict[str, int] | None:
    """Node -> score before normalisation among the feasible ones (none named: all); None: skipped."""
    return _scores(plugin, cluster, pod, feasible, normalize=False)


def scores(plugin: Any, cluster: table.Table, pod: PodBuilder, *feasible: str) -> dict[str, int] | None:
    """Node -> normalised score among the feasible ones (none named: all); None: skipped."""
    return _scores(plugin, cluster, pod, feasible, normalize=True)


def _scores(
    plugin: Any, cluster: table.Table, pod: PodBuilder, feasible: tuple[str, ...], *, normalize: bool
) -> dict[str, int] | None:
    state = plugin.pre_score(cluster.project(pod.done()), cluster)
    if state is status.SKIP:
        return None
    rows = cluster.rows(feasible or cluster.row_of)
    answer = plugin.score(state, cluster, rows)
    raw = np.full(len(rows), answer, np.int64) if np.ndim(answer) == 0 else answer
    if normalize:
        raw = plugin.normalize(state, raw)
    return {cluster.names[row]: int(score) for row, score in zip(rows.tolist(), raw, strict=True)}
