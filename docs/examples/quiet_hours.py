"""QuietHours: keeps batch pods off nodes labelled for daytime use; one node at a time."""

from stowage.cluster import pods
from stowage.framework import nodewise

REASON = "node(s) were reserved for daytime work"


class QuietHours(nodewise.NodeFilter, nodewise.NodeScore):
    name = "QuietHours"

    def filter_node(self, pod: pods.Incoming, node: nodewise.Node) -> str | None:
        batch = pod.labels.get("tier") == "batch"
        return REASON if batch and node.labels.get("example.com/daytime") == "true" else None

    def score_node(self, pod: pods.Incoming, node: nodewise.Node) -> int:
        free = node.allocatable.get("cpu", 0) - node.requested.get("cpu", 0)
        return 100 * max(free, 0) // max(node.allocatable.get("cpu", 0), 1)
