"""NodeUnschedulable: cordoned nodes, by their field, whatever their taints."""

from tests.oracle import selectors
from tests.oracle.cluster import NodeInfo
from tests.oracle.framework import CycleState, Plugin, Status, unresolvable
from tests.oracle.objects import Pod

TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class NodeUnschedulable(Plugin):
    name = "NodeUnschedulable"
    points = frozenset({"filter"})

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        if not info.node.unschedulable or any(selectors.tolerates(each, TAINT) for each in pod.tolerations):
            return None
        return unresolvable("node(s) were unschedulable")
