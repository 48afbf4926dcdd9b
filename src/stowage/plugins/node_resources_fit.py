"""NodeResourcesFit: whether what the pod asks for is left on the node, and how full it would be.

Rules: framework/plugins/noderesources/{fit,resource_allocation,least_allocated,most_allocated,
requested_to_capacity_ratio}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from stowage.api import names, objects, resources
from stowage.cluster import outside, pods, shapes, table
from stowage.framework import allocation, events, interface, overlay, scalars, status
from stowage.framework.config import args as config

TOO_MANY_PODS = "Too many pods"
MOST_RESOURCES = 46
"""A filter code has one bit a resource."""
UNRESOLVABLE = 1 << 47
"""Bit of a filter code: a request is more than the node could ever give."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The pod's requests that the filter checks: (resource index, amount, name), amounts above 0."""

    amounts: tuple[tuple[int, int, str], ...]
    classed: frozenset[int]
    """Indexes of those that a device class stands for: DynamicResources' business where the node has none."""


class NodeResourcesFit(interface.PreFilterPlugin, interface.FilterPlugin, interface.ScorePlugin):
    """See the module."""

    name: ClassVar[str] = "NodeResourcesFit"
    missing_state: ClassVar[str] = 'error reading "PreFilterNodeResourcesFit" from cycleState: not found'
    reads: ClassVar[frozenset[str]] = frozenset({"allocatable", "requested", "nonzero", "shapes", "storage"})
    scalar: ClassVar[bool] = True

    def __init__(self, args: config.NodeResourcesFitArgs) -> None:
        self.ignored = frozenset(args.ignored_resources)
        self.ignored_groups = frozenset(args.ignored_resource_groups)
        self.strategy = args.scoring_strategy
        self.formula = FORMULAS[args.scoring_strategy.type]
        ratio = args.scoring_strategy.requested_to_capacity_ratio
        self.shape = broken_linear(ratio.shape) if ratio else np.zeros(101, np.int64)

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """What the pod asks for, resources that the arguments ignore left out."""
        asked = resources.filter_requests(pod.pod)
        amounts = tuple(
            (cluster.resource(name), amount, name)
            for name, amount in asked.items()
            if amount > 0 and not self._ignores(name)
        )
        if len(amounts) > MOST_RESOURCES:
            return status.error(f"a pod that requests more than {MOST_RESOURCES} resources is not supported")
        classed = frozenset(index for index, _, name in amounts if cluster.storage.classed(name))
        return interface.PreFiltered(Asked(amounts, classed))

    def _ignores(self, name: str) -> bool:
        if not names.is_extended(name):
            return False
        return name in self.ignored or name.split("/", maxsplit=1)[0] in self.ignored_groups

    def filter(
        self, state: Asked, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """Bit 0: too many pods; bit i+1: not enough of the i-th resource; `UNRESOLVABLE`."""
        if isinstance(rows, int):
            return self._filter_row(state, cluster, rows)
        held = cluster.requested[shapes.PODS, rows]
        if change is not None:
            held = held + overlay.requests(change, cluster, shapes.PODS)
        codes = (held + 1 > cluster.allocatable[shapes.PODS, rows]).astype(np.int64)
        for bit, (index, amount, _) in enumerate(state.amounts, 1):
            held = cluster.requested[index, rows]
            if change is not None:
                held = held + overlay.requests(change, cluster, index)
            capacity = cluster.allocatable[index, rows]
            short = amount > capacity - held
            if index in state.classed:
                short &= capacity > 0
            if short.any():
                codes |= np.where(short, (1 << bit) | np.where(amount > capacity, UNRESOLVABLE, 0), 0)
        return codes

    @staticmethod
    def _filter_row(state: Asked, cluster: table.Table, row: int) -> int:
        allocatable, requested = cluster.allocatable, cluster.requested
        code = int(requested.item(shapes.PODS, row) + 1 > allocatable.item(shapes.PODS, row))
        for bit, (index, amount, _) in enumerate(state.amounts, 1):
            capacity = allocatable.item(index, row)
            free = capacity - requested.item(index, row)
            if amount > free and (capacity > 0 or index not in state.classed):
                code |= (1 << bit) | (UNRESOLVABLE if amount > capacity else 0)
        return code

    def explain(self, state: Asked, cluster: table.Table, code: int) -> status.Status:
        """One reason a bit."""
        reasons = [TOO_MANY_PODS] if code & 1 else []
        for bit, (_, _, name) in enumerate(state.amounts, 1):
            if code >> bit & 1:
                reasons.append(f"Insufficient {name}")
        make = status.unresolvable if code & UNRESOLVABLE else status.unschedulable
        return make(*reasons)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """Less asked, or more there."""
        pod = events.Action.DELETE | events.Action.UPDATE_POD_SCALE_DOWN
        node = events.Action.ADD | events.Action.UPDATE_NODE_ALLOCATABLE
        return (
            events.on(events.Resource.POD, pod, after_pod),
            events.on(events.Resource.NODE, node, self.after_node),
            events.on(events.Resource.DEVICE_CLASS, events.Action.ADD | events.Action.UPDATE, after_class),
        )

    def after_node(self, pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
        """The node, empty, holds the pod; and more than before, where it was there before.

        kube-scheduler asks for what the arguments ignore as well.
        """
        asked = resources.filter_requests(pod.pod)
        wanted = {name: amount for name, amount in asked.items() if amount and not self._ignores(name)}
        wanted["pods"] = 1
        new = resources.allocatable(change.new.status.allocatable)
        if any(amount > new.get(name, 0) for name, amount in wanted.items()):
            return False
        node: objects.Node | None = change.old
        old = {} if node is None else resources.allocatable(node.status.allocatable)
        return any(new[name] > old.get(name, 0) for name in wanted)

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> tuple[allocation.Scored, ...]:
        """The resources that take part."""
        asked = resources.fit_score_requests(pod.pod)
        return allocation.scored(cluster, self.strategy.resources, asked, nonzero=True)

    def score(
        self, state: tuple[allocation.Scored, ...], cluster: table.Table, rows: interface.Rows
    ) -> interface.Answer:
        """The strategy's score of each resource, averaged by weight over those the node has."""
        if not state:
            return 0
        xp, columns = allocation.columns(cluster, state, rows)
        total: Any = 0
        weights: Any = 0
        for capacity, allocated, resource in columns:
            present = capacity != 0
            everywhere = present if isinstance(present, bool) else bool(present.all())
            safe = capacity if everywhere else xp.where(present, capacity, 1)
            score, counts = self.formula(xp, allocated + resource.asked, safe, self.shape)
            if everywhere and counts is True:
                total, weights = total + score * resource.weight, weights + resource.weight
                continue
            counts = present & counts
            total = total + xp.where(counts, score * resource.weight, 0)
            weights = weights + xp.where(counts, resource.weight, 0)
        if self.strategy.type == "RequestedToCapacityRatio":  # math.Round: half away from zero
            total, weights = 2 * total + weights, 2 * weights
        divisor = max(weights, 1) if isinstance(weights, int) else np.maximum(weights, 1)
        answer: interface.Answer = total // divisor
        return answer


def after_pod(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """One that held a node is gone; it, or the pod itself, asks for less of something the pod asks for."""
    if change.new is None:
        return events.holds_node(change.old)
    if change.updates(pod):
        return True
    if not change.new.pod.spec.node_name:
        return False
    old, new = (resources.node_accounting(each.pod).requests for each in (change.old, change.new))
    return any(
        amount and old.get(name, 0) > new.get(name, 0)
        for name, amount in resources.balanced_requests(pod.pod).items()
    )


def after_class(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """It stands for something that the pod asks for, and did not before."""
    old: objects.DeviceClass | None = change.old
    new: objects.DeviceClass = change.new
    asked = resources.filter_requests(pod.pod)
    if old is None and outside.DEVICE_CLASS + new.metadata.name in asked:
        return True
    resource = new.spec.extended_resource_name
    return resource in asked and (old is None or old.spec.extended_resource_name != resource)


Formula = Callable[[scalars.Namespace, Any, Any, np.ndarray], tuple[Any, Any]]
"""(namespace, requested with the pod, capacity above 0, shape) -> (score, whether it counts)."""


def least_allocated(xp: scalars.Namespace, requested: Any, capacity: Any, _: np.ndarray) -> tuple[Any, Any]:
    """The free share in percent; 0 where more is asked than there is."""
    free = xp.where(requested > capacity, 0, capacity - requested)
    return xp.divide(free * interface.MAX_SCORE, capacity), True


def most_allocated(xp: scalars.Namespace, requested: Any, capacity: Any, _: np.ndarray) -> tuple[Any, Any]:
    """The used share in percent, at most 100."""
    return xp.divide(xp.minimum(requested, capacity) * interface.MAX_SCORE, capacity), True


def requested_to_capacity_ratio(
    xp: scalars.Namespace, requested: Any, capacity: Any, shape: np.ndarray
) -> tuple[Any, Any]:
    """The shape's value at the used percentage; a resource that scores 0 does not count."""
    score = shape[xp.divide(xp.minimum(requested, capacity) * 100, capacity)]
    return score, score > 0


FORMULAS: dict[str, Formula] = {
    "LeastAllocated": least_allocated,
    "MostAllocated": most_allocated,
    "RequestedToCapacityRatio": requested_to_capacity_ratio,
}


def broken_linear(points: tuple[config.UtilizationShapePoint, ...]) -> np.ndarray:
    """int64[101]: the score (times 10) at each whole utilization; Go's division truncates toward zero."""
    values = np.zeros(101, np.int64)
    for at in range(101):
        values[at] = _broken_linear(points, at)
    return values


def _broken_linear(points: tuple[config.UtilizationShapePoint, ...], at: int) -> int:
    scale = interface.MAX_SCORE // 10
    for before, point in zip((None, *points), points, strict=False):
        if at <= point.utilization:
            if before is None:
                return point.score * scale
            rise = (point.score - before.score) * scale * (at - before.utilization)
            run = point.utilization - before.utilization
            return before.score * scale + (rise // run if rise >= 0 else -(-rise // run))
    return points[-1].score * scale
