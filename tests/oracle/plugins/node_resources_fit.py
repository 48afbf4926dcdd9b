"""NodeResourcesFit: whether the requests fit, and its three strategies of scoring."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from tests.oracle import pod_resources, resources
from tests.oracle.cluster import Cluster, NodeInfo
from tests.oracle.framework import UNRESOLVABLE, UNSCHEDULABLE, CycleState, Plugin, Status, failure
from tests.oracle.objects import Pod
from tests.oracle.plugins import resource_allocation
from tests.oracle.quantity import truncated

Scorer = Callable[[Sequence[int], Sequence[int]], int]


class FitState:
    """What the pod requests; nothing changes it."""

    def __init__(self, wanted: resources.Vector) -> None:
        self.wanted = wanted

    def clone(self) -> "FitState":
        return self


class NodeResourcesFit(Plugin):
    name = "NodeResourcesFit"
    points = frozenset({"preFilter", "filter", "preScore", "score"})

    def __init__(self, cluster: Cluster, args: dict[str, Any]) -> None:
        super().__init__(cluster, args)
        self.ignored = set(args.get("ignoredResources") or ())
        self.ignored_groups = set(args.get("ignoredResourceGroups") or ())
        strategy = args.get("scoringStrategy") or {}
        self.specs = resource_allocation.specs(strategy.get("resources"))
        self.scorer = self._scorer(strategy)

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        # A resize under way counts for pods on nodes only.
        state.before_filter[self.name] = FitState(resources.Vector.of(pod_resources.requests(pod.raw)))
        return None, None

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        own = state.before_filter.get(self.name)
        if not isinstance(own, FitState):
            return failure('error reading "PreFilterNodeResourcesFit" from cycleState: not found')
        reasons, hopeless = [], False
        if len(info.pods) + 1 > info.node.allocatable.pods:
            reasons.append("Too many pods")
        for name, wanted, used, capacity in self._numbers(own.wanted, info):
            if wanted > capacity - used:
                reasons.append(f"Insufficient {name}")
                hopeless = hopeless or wanted > capacity
        if not reasons:
            return None
        return Status(UNRESOLVABLE if hopeless else UNSCHEDULABLE, reasons)

    def _numbers(self, wanted: resources.Vector, info: NodeInfo) -> list[tuple[str, int, int, int]]:
        """Of each resource the pod asks for and that is not ignored: name, wanted, used, allocatable."""
        capacity, used = info.node.allocatable, info.requested
        numbers = [
            ("cpu", wanted.cpu, used.cpu, capacity.cpu),
            ("memory", wanted.memory, used.memory, capacity.memory),
            ("ephemeral-storage", wanted.storage, used.storage, capacity.storage),
        ]
        numbers = [each for each in numbers if each[1] > 0]
        for name, number in wanted.scalars.items():
            if number != 0 and not self._is_ignored(name):
                numbers.append((name, number, used.scalars.get(name, 0), capacity.scalars.get(name, 0)))
        return numbers

    def _is_ignored(self, name: str) -> bool:
        group = name.split("/", maxsplit=1)[0]
        return resources.is_extended(name) and (name in self.ignored or group in self.ignored_groups)

    def pre_score(self, state: CycleState, pod: Pod, feasible: Sequence[NodeInfo]) -> Status | None:
        state.before_score[self.name] = self._pod_numbers(pod)
        return None

    def _pod_numbers(self, pod: Pod) -> list[int]:
        # The scorer, unlike the filter, does not know of resources at pod level.
        requests = pod_resources.requests(pod.raw, pod_level=False, missing=pod_resources.NON_ZERO)
        return resource_allocation.pod_numbers(self.specs, requests)

    def score(self, state: CycleState, pod: Pod, info: NodeInfo) -> int:
        own = state.before_score.get(self.name) or self._pod_numbers(pod)
        requested, _, allocatable = resource_allocation.node_numbers(self.specs, own, info, scored=True)
        return self.scorer(requested, allocatable)

    def _scorer(self, strategy: dict[str, Any]) -> Scorer:
        kind = strategy.get("type") or "LeastAllocated"
        if kind == "RequestedToCapacityRatio":
            points = (strategy.get("requestedToCapacityRatio") or {}).get("shape") or []
            shape = [(each.get("utilization") or 0, (each.get("score") or 0) * 10) for each in points]
            return lambda requested, allocatable: self._ratio(requested, allocatable, shape)
        one = _least if kind == "LeastAllocated" else _most
        return lambda requested, allocatable: self._mean(requested, allocatable, one)

    def _mean(
        self, requested: Sequence[int], allocatable: Sequence[int], one: Callable[[int, int], int]
    ) -> int:
        total, weights = 0, 0
        for (_, weight), wanted, capacity in zip(self.specs, requested, allocatable, strict=True):
            if capacity != 0:
                total += one(wanted, capacity) * weight
                weights += weight
        return truncated(total, weights) if weights else 0

    def _ratio(
        self, requested: Sequence[int], allocatable: Sequence[int], shape: Sequence[tuple[int, int]]
    ) -> int:
        """Resources that score 0 do not count in the mean."""
        total, weights = 0, 0
        for (_, weight), wanted, capacity in zip(self.specs, requested, allocatable, strict=True):
            if capacity == 0:
                continue
            utilization = 100 if wanted > capacity else truncated(wanted * 100, capacity)
            score = _along(shape, utilization)
            if score > 0:
                total += score * weight
                weights += weight
        return math.floor(total / weights + 0.5) if weights else 0


def _least(requested: int, capacity: int) -> int:
    return 0 if requested > capacity else truncated((capacity - requested) * 100, capacity)


def _most(requested: int, capacity: int) -> int:
    return truncated(min(requested, capacity) * 100, capacity)


def _along(shape: Sequence[tuple[int, int]], utilization: int) -> int:
    """The broken line through the points, flat outside them."""
    for index, (place, score) in enumerate(shape):
        if utilization <= place:
            if index == 0:
                return score
            left, height = shape[index - 1]
            return height + truncated((score - height) * (utilization - left), place - left)
    return shape[-1][1]
