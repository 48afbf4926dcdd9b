"""How full the nodes are: the seeds' gauges, worked out from the table's columns when they are asked for.

A line a node and resource is bounded by the cluster, not by its pods; as there are tens of thousands on
large clusters, they are written here and not through prometheus-client, whose samples cost ten times as
much. What counts as requested is what the scheduler counts: of all pods that have a node and have not ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from stowage.cluster import shapes, stranded, table
from stowage.scheduler import cache as caches
from stowage.scheduler.queueing import queue as queues

ZONE = "topology.kubernetes.io/zone"
UNKNOWN = "unknown"
"""The zone of a node that has none."""

REASONS = ("unschedulable", "fragmented", "unrequested")
"""Why something is not requested: its node is cordoned, nothing fits there any more, or nobody asks."""


class Source(Protocol):
    """What is read of a driver."""

    queue: queues.Queue
    cache: caches.Cache


def lines(source: Source) -> Iterator[str]:
    """Lines of the text format, which is the same in OpenMetrics."""
    cluster = source.cache.cluster
    rows = np.flatnonzero(cluster.live)
    yield from _nodes(cluster, rows, source.cache.unready)
    ids = {*cluster.pods.shape_counts, *(item.pod.shape.id for item in source.queue)}
    asked = stranded.vectors(cluster.shapes[shape] for shape in ids)
    free = np.maximum(cluster.allocatable[:, rows] - cluster.requested[:, rows], 0)
    yield from _unused(cluster, rows, free, stranded.hopeless(free, asked))


def _head(name: str, help: str) -> str:
    return f"# HELP {name} {help}\n# TYPE {name} gauge\n"


def _nodes(cluster: table.Table, rows: np.ndarray, unready: set[str]) -> Iterator[str]:
    names = [cluster.names[row] for row in rows.tolist()]
    pairs = []
    for index, resource in enumerate(cluster.resources.names):
        allocatable = cluster.allocatable[index, rows]
        ratios = np.round(cluster.requested[index, rows] / np.maximum(allocatable, 1), 6)
        told = zip(names, ratios.tolist(), (allocatable > 0).tolist(), strict=True)
        pairs += [(name, resource, ratio) for name, ratio, there in told if there]
    for family, help in (
        ("scheduler_node_utilization_ratio", "Requested, of what a node has."),
        ("scheduler_resource_utilization", "Requested, of what a node has."),
    ):
        yield _head(family, help)
        for name, resource, ratio in pairs:
            yield f'{family}{{node="{name}",resource="{resource}"}} {ratio}\n'
    yield _head("scheduler_node_availability", "1: the node is ready and not cordoned.")
    zones, cordoned = _zones(cluster, rows), cluster.unschedulable[rows].tolist()
    for name, zone, closed in zip(names, zones, cordoned, strict=True):
        available = 0 if closed or name in unready else 1
        yield f'scheduler_node_availability{{node="{name}",zone="{zone}"}} {available}\n'


def _zones(cluster: table.Table, rows: np.ndarray) -> list[str]:
    codes = cluster.codes(ZONE)
    return [codes.values[code] if code >= 0 else UNKNOWN for code in codes.column[rows].tolist()]


def _unused(cluster: table.Table, rows: np.ndarray, free: np.ndarray, hopeless: np.ndarray) -> Iterator[str]:
    """What is free, and why. ``free``: int64[resources, rows]; ``hopeless``: bool[rows]."""
    there = [index for index in range(len(free)) if cluster.allocatable[index, rows].any()]
    zones, place = np.unique(np.array(_zones(cluster, rows), object), return_inverse=True)
    family = "scheduler_resource_fragmentation_ratio"
    yield _head(family, "Of what is free in a zone, the share on nodes where no typical pod fits any more.")
    for index in there:
        whole = np.bincount(place, weights=free[index], minlength=len(zones))
        part = np.bincount(place, weights=free[index] * hopeless, minlength=len(zones))
        ratios = np.divide(part, whole, out=np.zeros(len(zones)), where=whole > 0)
        for zone, ratio in zip(zones, ratios.tolist(), strict=True):
            yield f'{family}{{resource="{cluster.resources.names[index]}",zone="{zone}"}} {round(ratio, 6)}\n'
    family = "scheduler_resource_waste_ratio"
    yield _head(family, "Not requested, of what all nodes have, by why.")
    cordoned = cluster.unschedulable[rows]
    masks = zip(REASONS, (cordoned, hopeless & ~cordoned, ~hopeless & ~cordoned), strict=True)
    for reason, mask in masks:
        for index in there:
            if index == shapes.PODS:
                continue
            ratio = free[index, mask].sum() / cluster.allocatable[index, rows].sum()
            resource = cluster.resources.names[index]
            yield f'{family}{{resource="{resource}",reason="{reason}"}} {round(float(ratio), 6)}\n'
