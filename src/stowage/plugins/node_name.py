"""NodeName: a pod that names its node goes there or nowhere.

Rules: framework/plugins/nodename/node_name.go. A pod that names a node is not pending, so the
filter passes all; it is here for profiles that list it.
"""

from __future__ import annotations

from typing import ClassVar

from stowage.cluster import pods, table
from stowage.framework import interface, overlay, status

REASON = "node(s) didn't match the requested node name"


class NodeName(interface.FilterPlugin):
    """See the module."""

    name: ClassVar[str] = "NodeName"

    def filter(
        self, state: pods.Incoming, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """0: pending pods name no node."""
        return 0

    def explain(self, state: pods.Incoming, cluster: table.Table, code: int) -> status.Status:
        """The one reason there is."""
        return status.unresolvable(REASON)
