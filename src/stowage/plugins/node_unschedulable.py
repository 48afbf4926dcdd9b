"""NodeUnschedulable: a cordoned node takes only pods that tolerate its taint.

Rules: framework/plugins/nodeunschedulable/node_unschedulable.go. It is the field that counts, not
the taint that a controller derives from it.
"""

from __future__ import annotations

from typing import ClassVar

from stowage.api import objects, tolerations
from stowage.cluster import pods, table
from stowage.framework import interface, overlay, status

REASON = "node(s) were unschedulable"
TAINT = objects.Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


class NodeUnschedulable(interface.FilterPlugin):
    """See the module."""

    name: ClassVar[str] = "NodeUnschedulable"
    reads: ClassVar[frozenset[str]] = frozenset({"unschedulable"})

    def filter(
        self, state: pods.Incoming, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """1 where the node is cordoned and the pod does not tolerate that."""
        column = cluster.unschedulable[rows]
        if not column.any() or tolerations.tolerates_any(state.spec.tolerations, TAINT):
            return 0
        answer: interface.Answer = column.astype("int64")
        return answer

    def explain(self, state: pods.Incoming, cluster: table.Table, code: int) -> status.Status:
        """The one reason there is."""
        return status.unresolvable(REASON)
