"""How full a cluster is: use by resource, fragmentation, and its busiest and emptiest nodes.

Amounts are the table's: cpu in millicores, everything else in whole units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stowage.cluster import shapes, stranded, table

ENDS = 5
"""Nodes named at either end."""


@dataclass(frozen=True, slots=True)
class Use:
    """One resource over all nodes."""

    resource: str
    allocatable: int
    before: int
    """requested before the simulation"""
    requested: int
    free: int
    """what is left, node by node; a node with more requested than it has counts as 0"""
    stranded: int
    """of ``free``, what is on nodes where no shape fits"""

    @property
    def percent(self) -> float:
        """Requested, of what there is."""
        return 100 * self.requested / self.allocatable if self.allocatable else 0.0

    @property
    def fragmentation(self) -> float:
        """Stranded, of what is free: 0 to 1; 0 where nothing is free."""
        return self.stranded / self.free if self.free else 0.0


@dataclass(frozen=True, slots=True)
class NodeUse:
    """One node: pods, and the share of each resource that is requested, percent."""

    name: str
    pods: int
    shares: dict[str, float]
    dominant: str
    """the resource of which the largest share is requested"""


@dataclass(frozen=True, slots=True)
class Measured:
    """A cluster's use."""

    nodes: int
    shapes: int
    """distinct request vectors"""
    uses: list[Use]
    busiest: list[NodeUse]
    emptiest: list[NodeUse]


def requested(cluster: table.Table) -> dict[str, int]:
    """What the pods on nodes request in all, by resource."""
    live = cluster.live
    return {
        name: int(cluster.requested[index, live].sum()) for index, name in enumerate(cluster.resources.names)
    }


def measure(cluster: table.Table, before: dict[str, int]) -> Measured:
    """The use of the cluster as it is; ``before`` is `requested` of some earlier time."""
    rows = np.flatnonzero(cluster.live)
    allocatable = cluster.allocatable[:, rows]
    taken = cluster.requested[:, rows]
    free = np.maximum(allocatable - taken, 0)
    vectors = stranded.vectors(cluster.shapes)  # of all pods there ever were
    hopeless = stranded.hopeless(free, vectors)
    uses = [
        Use(
            name,
            int(allocatable[index].sum()),
            before.get(name, 0),
            int(taken[index].sum()),
            int(free[index].sum()),
            int(free[index, hopeless].sum()),
        )
        for index, name in enumerate(cluster.resources.names)
        if allocatable[index].any() or taken[index].any()
    ]
    busiest, emptiest = _ends(cluster, rows, allocatable, taken)
    return Measured(len(rows), len(vectors), uses, busiest, emptiest)


def _ends(
    cluster: table.Table, rows: np.ndarray, allocatable: np.ndarray, taken: np.ndarray
) -> tuple[list[NodeUse], list[NodeUse]]:
    """The nodes with the largest and, of the others, the smallest dominant share (pods left out of it)."""
    if not len(rows):
        return [], []
    shares = np.where(allocatable > 0, 100.0 * taken / np.maximum(allocatable, 1), 0.0)
    shares[shapes.PODS] = -1.0
    dominant = shares.max(axis=0)
    order = np.argsort(dominant, kind="stable")
    names = cluster.resources.names

    def describe(at: int) -> NodeUse:
        named = {
            names[i]: round(float(shares[i, at]), 1)
            for i in range(len(names))
            if i != shapes.PODS and allocatable[i, at] > 0
        }
        pods = int(taken[shapes.PODS, at])
        return NodeUse(cluster.names[rows[at]], pods, named, names[int(shares[:, at].argmax())])

    busiest = np.argsort(-dominant, kind="stable")[:ENDS]
    emptiest = order[~np.isin(order, busiest)][:ENDS]
    return [describe(at) for at in busiest.tolist()], [describe(at) for at in emptiest.tolist()]
