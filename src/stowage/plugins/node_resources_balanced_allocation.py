"""NodeResourcesBalancedAllocation: whether the pod makes the node's resources more evenly used.

Rules: framework/plugins/noderesources/balanced_allocation.go. The score is the improvement: the
evenness with the pod against the evenness without it.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from stowage.api import resources
from stowage.cluster import pods, table
from stowage.framework import allocation, interface, scalars, status
from stowage.framework.config import args as config


class NodeResourcesBalancedAllocation(interface.ScorePlugin):
    """See the module."""

    name: ClassVar[str] = "NodeResourcesBalancedAllocation"
    reads: ClassVar[frozenset[str]] = frozenset({"allocatable", "requested"})
    scalar: ClassVar[bool] = True

    def __init__(self, args: config.NodeResourcesBalancedAllocationArgs) -> None:
        self.resources = args.resources

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> Any:
        """The resources that take part; SKIP for a pod that asks for none of those configured."""
        asked = resources.balanced_requests(pod.pod)
        if not any(asked.get(spec.name, 0) for spec in self.resources):
            return status.SKIP
        return allocation.scored(cluster, self.resources, asked, nonzero=False)

    def score(
        self, state: tuple[allocation.Scored, ...], cluster: table.Table, rows: interface.Rows
    ) -> interface.Answer:
        """50 for the worst change, 75 for none, 100 for the best."""
        xp, columns = allocation.columns(cluster, state, rows)
        present, before, after = [], [], []
        for capacity, allocated, resource in columns:
            here = capacity != 0
            safe = xp.where(here, capacity, 1)
            present.append(here)
            before.append(xp.minimum(xp.fraction(allocated, safe), 1.0))
            after.append(xp.minimum(xp.fraction(allocated + resource.asked, safe), 1.0))
        if isinstance(rows, int):
            kept = [i for i, here in enumerate(present) if here]
            without = evenness(xp, [before[i] for i in kept])
            with_pod = evenness(xp, [after[i] for i in kept])
            return int(50 + (50 + with_pod - without) // 2)
        if all(here.all() for here in present):
            answer: interface.Answer = 50 + (50 + evenness(xp, after) - evenness(xp, before)) // 2
            return answer
        return _by_pattern(present, before, after)


def _by_pattern(present: list[Any], before: list[Any], after: list[Any]) -> interface.Answer:
    """Rows that lack some resource, a group of equal ones at a time: the lacking take no part."""
    patterns = sum(here.astype(np.int64) << i for i, here in enumerate(present))
    out = np.zeros(len(patterns), np.int64)
    for pattern in np.unique(patterns).tolist():
        rows = patterns == pattern
        kept = [i for i in range(len(present)) if pattern >> i & 1]
        with_pod = evenness(scalars.COLUMNS, [after[i][rows] for i in kept])
        out[rows] = 50 + (50 + with_pod - evenness(scalars.COLUMNS, [before[i][rows] for i in kept])) // 2
    return out


def evenness(xp: scalars.Namespace, fractions: list[Any]) -> Any:
    """(1 - standard deviation) * 100, truncated; the sums are made in order, as Go makes them."""
    if len(fractions) < 2:
        return 100
    if len(fractions) == 2:
        deviation = abs((fractions[0] - fractions[1]) / 2)
    else:
        total = fractions[0]
        for fraction in fractions[1:]:
            total = total + fraction
        mean = total / len(fractions)
        squares: Any = 0.0
        for fraction in fractions:
            squares = squares + (fraction - mean) * (fraction - mean)
        deviation = xp.sqrt(squares / len(fractions))
    return xp.whole((1 - deviation) * 100.0)
