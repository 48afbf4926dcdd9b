"""RackSpread: prefers racks with more free memory; keeps pods off racks under maintenance."""

import numpy as np

from stowage.framework import interface, status

RACK = "example.com/rack"
MAINTENANCE = "node(s) were in a rack under maintenance"


class RackSpread(interface.FilterPlugin, interface.ScorePlugin):
    name = "RackSpread"
    reads = frozenset({"labels", "allocatable", "requested"})

    def __init__(self, args: dict[str, list[str]] | None) -> None:
        self.closed = frozenset((args or {}).get("maintenance", []))

    def filter(self, state, cluster, rows, change):  # type: ignore[no-untyped-def]
        codes = cluster.codes(RACK)
        closed = codes.truth(("rack", self.closed), lambda rack: rack in self.closed)
        return closed[codes.column[: cluster.size]][rows].astype(np.int64)

    def explain(self, state, cluster, code):  # type: ignore[no-untyped-def]
        return status.unresolvable(MAINTENANCE)

    def score(self, state, cluster, rows):  # type: ignore[no-untyped-def]
        memory = cluster.resources.index["memory"]
        return (cluster.allocatable[memory, rows] - cluster.requested[memory, rows]) >> 30

    def normalize(self, state, raw):  # type: ignore[no-untyped-def]
        return raw * 100 // max(int(raw.max()), 1)
