"""Plugins that look at one node at a time: easier to write, run for every node of every cycle.

The array form (`interface`) is what our own plugins use. This one is for a rule that is not worth
vectorising, or that asks something outside the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from stowage.cluster import pods, table
from stowage.framework import interface, overlay, status


@dataclass(frozen=True, slots=True)
class Node:
    """One node as the table has it. Amounts: cpu in millicores, everything else in its own units."""

    name: str
    labels: dict[str, str]
    taints: tuple[Any, ...]
    unschedulable: bool
    allocatable: dict[str, int]
    requested: dict[str, int]


READS = frozenset({"names", "labels", "taints", "unschedulable", "allocatable", "requested", "live", "pods"})


def node_at(cluster: table.Table, row: int) -> Node:
    """The node of a row."""
    amounts = zip(
        cluster.resources.names,
        cluster.allocatable[:, row].tolist(),
        cluster.requested[:, row].tolist(),
        strict=True,
    )
    known = [each for each in amounts if each[1] or each[2]]
    return Node(
        cluster.names[row],
        cluster.labels.get(row),
        cluster.taints.sets[cluster.taints.ids.item(row)],
        cluster.unschedulable.item(row),
        {name: have for name, have, _ in known},
        {name: used for name, _, used in known},
    )


def _each(cluster: table.Table, rows: interface.Rows) -> list[int]:
    selected: list[int] = np.atleast_1d(np.arange(cluster.size)[rows]).tolist()
    return selected


class NodeFilter(interface.PreFilterPlugin, interface.FilterPlugin):
    """A filter by `filter_node`. Pods that a dry run imagines are not in ``node.requested``."""

    kind: ClassVar[interface.Kind] = interface.Kind.CYCLE
    reads: ClassVar[frozenset[str]] = READS

    def filter_node(self, pod: pods.Incoming, node: Node) -> str | None:
        """Why the pod may not go to the node; None where it may."""
        raise NotImplementedError

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered:
        """The state: the pod, and the reasons met so far."""
        return interface.PreFiltered((pod, []))

    def filter(
        self, state: Any, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """0, or one more than the index of the reason."""
        pod, reasons = state
        codes = []
        for row in _each(cluster, rows):
            reason = self.filter_node(pod, node_at(cluster, row)) if cluster.live.item(row) else None
            if reason is not None and reason not in reasons:
                reasons.append(reason)
            codes.append(0 if reason is None else reasons.index(reason) + 1)
        return np.array(codes, np.int64)

    def explain(self, state: Any, cluster: table.Table, code: int) -> status.Status:
        """The reason, as one that evicting pods may lift."""
        return status.unschedulable(state[1][code - 1])


class NodeScore(interface.ScorePlugin):
    """A score by `score_node`."""

    kind: ClassVar[interface.Kind] = interface.Kind.CYCLE
    reads: ClassVar[frozenset[str]] = READS

    def score_node(self, pod: pods.Incoming, node: Node) -> int:
        """0 to 100, higher is better."""
        raise NotImplementedError

    def score(self, state: pods.Incoming, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        """One `score_node` a feasible row."""
        scores = [self.score_node(state, node_at(cluster, row)) for row in _each(cluster, rows)]
        return np.array(scores, np.int64)
