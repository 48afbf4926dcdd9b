"""NodeName: a pod that names its node goes there or nowhere.

Rules: framework/plugins/nodename/node_name.go. An API server calls such a pod bound, so only a file
of pods to try brings one.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.cluster import pods, table
from stowage.framework import events, interface, overlay, status

REASON = "node(s) didn't match the requested node name"


class NodeName(interface.FilterPlugin):
    """See the module."""

    name: ClassVar[str] = "NodeName"
    reads: ClassVar[frozenset[str]] = frozenset({"names"})

    def filter(
        self, state: pods.Incoming, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """1 on every row but the named node's."""
        named = state.spec.node_name
        if not named:
            return 0
        codes = np.ones(cluster.size, np.int64)
        row = cluster.row_of.get(named)
        if row is not None:
            codes[row] = 0
        answer: interface.Answer = codes[rows]
        return answer

    def explain(self, state: pods.Incoming, cluster: table.Table, code: int) -> status.Status:
        """The one reason there is."""
        return status.unresolvable(REASON)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """Any new node."""
        return (events.on(events.Resource.NODE, events.Action.ADD),)
