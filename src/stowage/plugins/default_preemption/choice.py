"""The choice among nodes that evicting helps.

Rules: pickOneNodeForPreemption (framework/preemption/preemption.go).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stowage.cluster import table
from stowage.framework import interface
from stowage.framework.preemption import trial

OFFSET = 1 << 31
"""Added to every priority of a sum, so that more victims never make a sum smaller."""


def best(cluster: table.Table, outcome: trial.Outcome) -> int:
    """Index of the node to nominate; of equal ones the first.

    In order: fewest violations, lowest highest priority of a victim, lowest sum of their priorities,
    fewest victims, and the latest start, a node's being the earliest among its victims of the highest
    priority.
    """
    at = outcome.at
    priorities = cluster.pods.priorities[outcome.slots].astype(np.int64)
    first = np.flatnonzero(np.diff(at, prepend=-1))
    highest = np.maximum.reduceat(priorities, first)
    sums = np.add.reduceat(priorities + OFFSET, first)
    starts = cluster.pods.starts[outcome.slots]
    starts = np.where(priorities == highest[at], starts, np.iinfo(np.int64).max)
    earliest = np.minimum.reduceat(starts, first)
    left = np.arange(len(first))
    for cost in (outcome.violations, highest, sums, np.bincount(at), -earliest):
        left = left[cost[left] == cost[left].min()]
    return int(left[0])


def best_of(candidates: Mapping[str, interface.Victims]) -> str:
    """As `best`, of candidates that somebody else has put together; each has victims."""

    def cost(node: str) -> tuple[int, ...]:
        victims = candidates[node].pods
        highest = victims[0].priority
        earliest = min(victim.start for victim in victims if victim.priority == highest)
        total = sum(victim.priority + OFFSET for victim in victims)
        return candidates[node].violations, highest, total, len(victims), -earliest

    return min(candidates, key=cost)
