"""RackSpread: keeps pods off racks under maintenance, and prefers nodes with more free memory."""

from typing import Any

import numpy as np

from stowage.cluster import table
from stowage.framework import interface, overlay, status

RACK = "example.com/rack"
MAINTENANCE = "node(s) were in a rack under maintenance"


class RackSpread(interface.FilterPlugin, interface.ScorePlugin):
    name = "RackSpread"
    reads = frozenset({"labels", "allocatable", "requested"})

    def __init__(self, args: dict[str, list[str]] | None) -> None:
        self.closed = frozenset((args or {}).get("maintenance", []))

    def filter(
        self, state: Any, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        codes = cluster.codes(RACK)
        closed = codes.truth(self.closed, lambda rack: rack in self.closed)
        return np.asarray(closed[codes.column[: cluster.size]][rows], np.int64)

    def explain(self, state: Any, cluster: table.Table, code: int) -> status.Status:
        return status.unresolvable(MAINTENANCE)

    def score(self, state: Any, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        memory = cluster.resources.index["memory"]
        return np.asarray((cluster.allocatable[memory, rows] - cluster.requested[memory, rows]) >> 20)

    def normalize(self, state: Any, raw: np.ndarray) -> np.ndarray:
        raw = raw.clip(0)
        return np.asarray(raw * 100 // max(int(raw.max()), 1))
