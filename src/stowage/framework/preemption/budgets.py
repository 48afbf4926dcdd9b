"""Disruption budgets: which pods of a node could not go without breaking one.

Rules: filterPodsWithPDBViolation (framework/plugins/defaultpreemption/default_preemption.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from stowage.api import objects, selectors
from stowage.cluster import shapes, table

Matching = Mapping[str, list[tuple[int, selectors.Selector]]]
"""Namespace -> (index of a budget, its selector)."""


def violating(cluster: table.Table, slots: np.ndarray, at: np.ndarray) -> np.ndarray:
    """bool[m]: whether evicting a pod breaks a budget that the pods before it on its node have used up.

    ``slots`` are pods in the order they are counted in; ``at`` tells their nodes apart and ascends.
    Every node counts from the budget's `disruptionsAllowed` anew, whether its pods leave in the end or
    not, and a pod counts against every budget that matches it.
    """
    broken = np.zeros(len(slots), bool)
    budgets = list(cluster.outside.budgets.values())
    if not budgets or not len(slots):
        return broken
    pod, budget = _pairs(cluster, slots, budgets)
    allowed = np.array([each.status.disruptions_allowed for each in budgets], np.int64)
    order = np.argsort(budget, kind="stable")
    pod, budget = pod[order], budget[order]
    broken[pod[_position(budget, at[pod]) >= allowed[budget]]] = True
    return broken


def _position(budget: np.ndarray, at: np.ndarray) -> np.ndarray:
    """int64[n], 0, 1, 2, … along each run of equal (budget, at)."""
    index = np.arange(len(budget))
    starts = np.ones(len(budget), bool)
    starts[1:] = (budget[1:] != budget[:-1]) | (at[1:] != at[:-1])
    position: np.ndarray = index - np.maximum.accumulate(np.where(starts, index, 0))
    return position


def _pairs(
    cluster: table.Table, slots: np.ndarray, budgets: list[objects.PodDisruptionBudget]
) -> tuple[np.ndarray, np.ndarray]:
    """(index into ``slots``, index into ``budgets``) of every pod that counts against a budget, by pod."""
    matching = _by_namespace(budgets)
    groups, which = np.unique(cluster.pods.groups[slots], return_inverse=True)
    matched = [_of_group(cluster.groups.values[group], matching) for group in groups.tolist()]
    counts = np.array([len(found) for found in matched], np.int64)
    flat = np.array([each for found in matched for each in found], np.int64)
    pod = np.repeat(np.arange(len(slots)), counts[which])
    within = _position(pod, pod)
    budget = flat[(np.cumsum(counts) - counts)[which][pod] + within]
    counted = np.ones(len(pod), bool)
    for index, each in enumerate(budgets):
        if each.status.disrupted_pods:  # they are on their way out already and were counted then
            for pair in np.flatnonzero(budget == index).tolist():
                name = cluster.pods.names[slots.item(pod.item(pair))]
                counted[pair] = name not in each.status.disrupted_pods
    return pod[counted], budget[counted]


def _by_namespace(budgets: Iterable[objects.PodDisruptionBudget]) -> Matching:
    """The budgets that can match a pod: neither without a selector, nor an empty nor an invalid one."""
    found: dict[str, list[tuple[int, selectors.Selector]]] = {}
    for index, budget in enumerate(budgets):
        try:
            selector = selectors.compile(budget.spec.selector)
        except selectors.SelectorError:
            continue
        if selector.requirements:
            found.setdefault(budget.metadata.namespace, []).append((index, selector))
    return found


def _of_group(group: shapes.Group, matching: Matching) -> list[int]:
    """The budgets that pods of a group count against; none for pods without labels."""
    if not group.labels:
        return []
    return [
        index
        for index, selector in matching.get(group.namespace, ())
        if selectors.matches(selector, group.labels)
    ]
