"""NodeUnschedulable: a cordoned node takes only pods that tolerate its taint.

Rules: framework/plugins/nodeunschedulable/node_unschedulable.go. It is the field that counts, not
the taint that a controller derives from it.
"""

from __future__ import annotations

from typing import ClassVar

from stowage.api import objects, tolerations
from stowage.cluster import pods, table
from stowage.framework import events, interface, overlay, status

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

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """A node that takes pods, or a toleration."""
        node = events.Action.ADD | events.Action.UPDATE_NODE_TAINT
        return (
            events.on(events.Resource.NODE, node, after_node),
            events.on(events.Resource.POD, events.Action.UPDATE_POD_TOLERATION, after_toleration),
        )


def after_node(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """New, or uncordoned."""
    old: objects.Node | None = change.old
    return not change.new.spec.unschedulable and (old is None or old.spec.unschedulable)


def after_toleration(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """The pod's own, and of the cordon."""
    return change.updates(pod) and tolerations.tolerates_any(change.new.spec.tolerations, TAINT)
