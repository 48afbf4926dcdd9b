"""NodeName: a pod that names its node."""

from tests.oracle.cluster import NodeInfo
from tests.oracle.framework import CycleState, Plugin, Status, unresolvable
from tests.oracle.objects import Pod


class NodeName(Plugin):
    name = "NodeName"
    points = frozenset({"filter"})

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        if pod.node_name in ("", info.name):
            return None
        return unresolvable("node(s) didn't match the requested node name")
