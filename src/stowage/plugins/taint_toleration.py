"""TaintToleration: taints the pod does not tolerate keep it off a node, or count against it.

Rules: framework/plugins/tainttoleration/taint_toleration.go.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.api import objects, tolerations
from stowage.cluster import intern, match, pods, table
from stowage.framework import events, interface, normalize, overlay, status

REASON = "node(s) had untolerated taint(s)"


class TaintToleration(interface.FilterPlugin, interface.ScorePlugin):
    """See the module. The score is never skipped: 100 for all where no taint counts."""

    name: ClassVar[str] = "TaintToleration"
    missing_score_state: ClassVar[str] = 'failed to read "PreScoreTaintToleration" from cycleState: not found'
    reads: ClassVar[frozenset[str]] = frozenset({"taints", "live"})

    def filter(
        self, state: pods.Incoming, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """1 where a NoSchedule or NoExecute taint is not tolerated."""
        if len(cluster.taints.sets) == 1:
            return 0  # no node has any
        tolerated = match.taints_tolerated(cluster, state.spec.tolerations)
        answer: interface.Answer = (~tolerated[rows]).astype(np.int64)
        return answer

    def explain(self, state: pods.Incoming, cluster: table.Table, code: int) -> status.Status:
        """The one reason there is."""
        return status.unresolvable(REASON)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """Other taints, or a toleration."""
        node = events.Action.ADD | events.Action.UPDATE_NODE_TAINT
        return (
            events.on(events.Resource.NODE, node, after_node),
            events.on(events.Resource.POD, events.Action.UPDATE_POD_TOLERATION, after_toleration),
        )

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> intern.Memo:
        """Taint set id -> how many of its PreferNoSchedule taints are not tolerated."""
        soft = tuple(t for t in pod.spec.tolerations if t.effect in ("", tolerations.PREFER_NO_SCHEDULE))
        return intern.Memo(lambda index: intolerable(cluster.taints.sets[index], soft))

    def score(self, state: intern.Memo, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        """The number of PreferNoSchedule taints that are not tolerated."""
        counts = state.values(len(cluster.taints.sets))
        if not counts.any():
            return 0
        answer: interface.Answer = counts[cluster.taints.ids[: cluster.size][rows]]
        return answer

    def normalize(self, state: intern.Memo, raw: np.ndarray) -> np.ndarray:
        """Most taints 0, none 100."""
        return normalize.by_maximum(raw, reverse=True)


def after_node(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """A node that the pod tolerates now, and did not before."""
    return _tolerates(pod, change.new) and not (change.old is not None and _tolerates(pod, change.old))


def after_toleration(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """Any new toleration of the pod's own."""
    return change.updates(pod)


def _tolerates(pod: pods.Incoming, node: objects.Node) -> bool:
    hard = (tolerations.NO_SCHEDULE, tolerations.NO_EXECUTE)
    return tolerations.untolerated(node.spec.taints, pod.spec.tolerations, hard) is None


def intolerable(taints: tuple[objects.Taint, ...], soft: tuple[objects.Toleration, ...]) -> int:
    """How many PreferNoSchedule taints of a set the tolerations leave."""
    return sum(
        taint.effect == tolerations.PREFER_NO_SCHEDULE and not tolerations.tolerates_any(soft, taint)
        for taint in taints
    )
