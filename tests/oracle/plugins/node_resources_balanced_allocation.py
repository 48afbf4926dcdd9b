"""NodeResourcesBalancedAllocation: how much evener, or less even, the pod makes the node's utilisation."""

import math
from collections.abc import Sequence
from typing import Any

from tests.oracle import pod_resources
from tests.oracle.cluster import Cluster, NodeInfo
from tests.oracle.framework import CycleState, Plugin, Status, skip
from tests.oracle.objects import Pod
from tests.oracle.plugins import resource_allocation
from tests.oracle.quantity import truncated


class NodeResourcesBalancedAllocation(Plugin):
    name = "NodeResourcesBalancedAllocation"
    points = frozenset({"preScore", "score"})

    def __init__(self, cluster: Cluster, args: dict[str, Any]) -> None:
        super().__init__(cluster, args)
        self.specs = resource_allocation.specs(args.get("resources"))

    def _pod_numbers(self, pod: Pod) -> list[int]:
        requests = pod_resources.requests(pod.raw, from_status=True)
        return resource_allocation.pod_numbers(self.specs, requests)

    def pre_score(self, state: CycleState, pod: Pod, feasible: Sequence[NodeInfo]) -> Status | None:
        own = self._pod_numbers(pod)
        state.before_score[self.name] = own
        return None if any(own) else skip()

    def score(self, state: CycleState, pod: Pod, info: NodeInfo) -> int:
        own = state.before_score.get(self.name) or self._pod_numbers(pod)
        if not any(own):
            return 0
        requested, allocated, allocatable = resource_allocation.node_numbers(
            self.specs, own, info, scored=False
        )
        gain = _evenness(requested, allocatable) - _evenness(allocated, allocatable)
        return 50 + truncated(50 + gain, 2)


def _evenness(used: Sequence[int], allocatable: Sequence[int]) -> int:
    """100 less the standard deviation of the utilisations in per cent, cut to a whole number."""
    shares = [
        min(float(number) / float(capacity), 1.0)
        for number, capacity in zip(used, allocatable, strict=True)
        if capacity != 0
    ]
    deviation = 0.0
    if len(shares) == 2:
        deviation = abs((shares[0] - shares[1]) / 2)
    elif len(shares) > 2:
        total = 0.0
        for share in shares:
            total += share
        mean, squares = total / len(shares), 0.0
        for share in shares:
            squares += (share - mean) * (share - mean)
        deviation = math.sqrt(squares / len(shares))
    return int((1 - deviation) * 100)
