"""NodePorts: a node takes a pod only where the host ports it asks for are free.

Rules: framework/plugins/nodeports/node_ports.go and HostPortInfo (kube-scheduler/framework/types.go).
kube-scheduler keeps the ports in use on a node as a set. Where pods share a port, the set depends on
who came or went last; that is followed inside a dry run, which has an order, and nowhere else.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.cluster import intern, log, pods, shapes, table
from stowage.framework import events, interface, overlay, status

REASON = "node(s) didn't have free ports for the requested pod ports"
TAKEN = 1


class State:
    """Per row, how many ports held there conflict with ``wanted``."""

    __slots__ = ("conflicts", "counts", "wanted")

    def __init__(self, wanted: tuple[shapes.Port, ...], cluster: table.Table) -> None:
        self.wanted = wanted
        self.conflicts = intern.Memo(
            lambda shape: sum(self.rival(port) for port in cluster.shapes[shape].ports)
        )
        """shape id -> how many of its ports conflict"""
        self.counts = self.total(cluster)
        """int64[size]"""

    def rival(self, port: shapes.Port) -> bool:
        """Whether a port that another pod holds is in the way."""
        return any(port.conflicts(own) for own in self.wanted)

    def total(self, cluster: table.Table) -> np.ndarray:
        """``counts``, from the pods of the table."""
        if not any(self.conflicts[shape] for shape in cluster.pods.shape_counts):
            return np.zeros(cluster.size, np.int64)
        return cluster.sum_by_shape(self.conflicts.values(len(cluster.shapes)))

    def advance(self, cluster: table.Table, tail: log.Tail) -> bool:
        """Counts pods that came and went."""
        missing = cluster.size - len(self.counts)
        if missing > 0:
            self.counts = np.concatenate([self.counts, np.zeros(missing, np.int64)])
        if len(tail) == 1:
            delta = tail.deltas.item(0)
            if delta:
                self.counts[tail.rows.item(0)] += delta * self.conflicts[tail.shapes.item(0)]
            return True
        moved = np.flatnonzero(tail.deltas)
        conflicts = self.conflicts.values(len(cluster.shapes))[tail.shapes[moved]]
        np.add.at(self.counts, tail.rows[moved], conflicts * tail.deltas[moved])
        return True


class NodePorts(interface.PreFilterPlugin, interface.FilterPlugin):
    """See the module."""

    name: ClassVar[str] = "NodePorts"
    missing_state: ClassVar[str] = 'reading "PreFilterNodePorts" from cycleState: not found'
    kind: ClassVar[interface.Kind] = interface.Kind.DOMAIN
    reads: ClassVar[frozenset[str]] = frozenset({"pods", "shapes"})

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """SKIP for a pod without host ports."""
        if not pod.shape.ports:
            return status.SKIP
        return interface.PreFiltered(State(pod.shape.ports, cluster))

    def filter(
        self, state: State, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """`TAKEN` where a port that the pod wants is in use."""
        taken = state.counts[rows] > 0 if change is None else taken_with(state, cluster, change)
        answer: np.ndarray = taken.view(np.int8)
        return answer

    def explain(self, state: State, cluster: table.Table, code: int) -> status.Status:
        """The one reason there is."""
        return status.unschedulable(REASON)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """A port freed, or any new node."""
        return (
            events.on(events.Resource.POD, events.Action.DELETE, after_pod_deleted),
            events.on(events.Resource.NODE, events.Action.ADD),
        )


def after_pod_deleted(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """It held, on some node, a port that the pod wants."""
    gone: pods.Incoming = change.old
    return events.holds_node(gone) and any(
        held.conflicts(wanted) for held in gone.shape.ports for wanted in pod.shape.ports
    )


def taken_with(state: State, cluster: table.Table, change: overlay.Overlay) -> np.ndarray:
    """bool[k]: whether a wanted port is in use on each row of ``change``.

    A port that a pod of the change holds is in use or free as the last of these pods left it, whoever
    else on the node holds it too; a port that none of them touched, where a pod of the node holds it.
    """
    held = state.counts[change.rows]
    conflicts = change.derived(
        ("NodePorts", state.wanted),
        lambda: state.conflicts.values(len(cluster.shapes))[change.shapes],
    )
    taken = np.zeros(len(held), bool)
    holders = np.flatnonzero(conflicts)
    touched = {port for shape in np.unique(change.shapes[holders]) for port in cluster.shapes[shape].ports}
    for port in touched:
        if state.rival(port):
            known, used = _as_left(port, cluster, change, holders)
            taken |= used
            held[known] -= _held(port, cluster, change)[known]
    taken |= held > 0
    return taken


def _as_left(
    port: shapes.Port, cluster: table.Table, change: overlay.Overlay, holders: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """bool[k] twice: the rows where ``change`` touches a port, and those where it is in use after that."""
    has = np.array([port in cluster.shapes[shape].ports for shape in change.shapes[holders].tolist()], bool)
    holders = holders[has]
    at, sign, turn = change.at[holders], change.sign[holders], change.turn[holders]
    moves = (sign != 0) | (turn > 0)
    at, sign, turn = at[moves], sign[moves], turn[moves]
    last = np.full(len(change.rows), -1, np.int64)
    np.maximum.at(last, at, turn)
    used = np.zeros(len(change.rows), bool)
    used[at[(sign > 0) | ((sign == 0) & (turn == last[at]))]] = True
    return last >= 0, used


def _held(port: shapes.Port, cluster: table.Table, change: overlay.Overlay) -> np.ndarray:
    """int64[k]: how often the pods of each row hold a port, by the table."""

    def count() -> np.ndarray:
        amounts = np.zeros(len(cluster.shapes), np.int64)
        for shape in cluster.pods.shape_counts:
            amounts[shape] = cluster.shapes[shape].ports.count(port)
        held: np.ndarray = cluster.sum_by_shape(amounts)[change.rows]
        return held

    return change.derived(("NodePorts", port, cluster.log.sequence), count)
