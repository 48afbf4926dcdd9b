"""A failed cycle without an engine: CPU, number of pods and host ports are all that a node refuses for."""

import collections
from collections.abc import Mapping

import numpy as np

from stowage.cluster import pods, shapes, table
from stowage.framework import overlay, status
from stowage.plugins import node_ports

CPU = status.unschedulable("Insufficient cpu")
PODS = status.unschedulable("Too many pods")
PORTS = status.unschedulable(node_ports.REASON)
REASONS = (CPU, PODS, PORTS)


class StubAttempt:
    def __init__(self, cluster: table.Table, pod: pods.Incoming) -> None:
        self.cluster = cluster
        self.pod = pod
        self.asked = frozenset({"NodePorts", "NodeResourcesFit"})
        self.overrides: dict[str, status.Code] = {}
        """node -> the code it has instead of the one its resources give it"""
        self.looks = 0
        """rows looked at, all in all"""

    def codes(self) -> np.ndarray:
        rows = np.arange(self.cluster.size)
        none = np.zeros(0, np.int64)
        refused = self._refused(overlay.Overlay(rows, none, none, none, none)) >= 0
        codes = np.where(refused & self.cluster.live, status.Code.UNSCHEDULABLE, status.Code.SUCCESS)
        for node, code in self.overrides.items():
            codes[self.cluster.row_of[node]] = code
        return codes.astype(np.int8)

    def fits(self, change: overlay.Overlay) -> np.ndarray:
        self.looks += len(change.rows)
        fits: np.ndarray = self._refused(change) < 0
        return fits

    def verdicts(self, change: overlay.Overlay) -> Mapping[status.Status, int]:
        refused = self._refused(change)
        return collections.Counter(REASONS[i] for i in refused[refused >= 0].tolist())

    def _refused(self, change: overlay.Overlay) -> np.ndarray:
        """int[k]: index of the first reason, -1 where the pod fits."""
        cluster = self.cluster
        wanted = dict(self.pod.shape.requested)
        answer = np.full(len(change.rows), -1)
        state = node_ports.State(self.pod.shape.ports, cluster)
        answer[node_ports.taken_with(state, cluster, change)] = 2
        for index, resource in ((1, shapes.PODS), (0, shapes.CPU)):
            used = cluster.requested[resource][change.rows] + overlay.requests(change, cluster, resource)
            room = cluster.allocatable[resource][change.rows]
            answer[(wanted.get(resource, 0) > 0) & (used + wanted.get(resource, 0) > room)] = index
        return answer
