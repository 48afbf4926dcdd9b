"""Node selectors and tolerations as masks: evaluated on distinct values and sets, gathered by row."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from stowage.api import objects, selectors, tolerations
from stowage.cluster import nodes, table


def requirement(cluster: table.Table, part: selectors.Requirement) -> np.ndarray:
    """bool[size]: whether the labels of each row satisfy one requirement."""
    codes = cluster.codes(part.key)
    return _truth(codes, part)[codes.column[: cluster.size]]


def _truth(codes: nodes.Codes, part: selectors.Requirement) -> np.ndarray:
    """bool[values + 1]: the requirement of each value and, last, of an absent one."""
    if part.operator in (selectors.GT, selectors.LT):
        return codes.truth(
            part, lambda value: selectors.holds(part, {} if value is None else {part.key: value})
        )
    negative = part.operator in (selectors.NOT_IN, selectors.DOES_NOT_EXIST)
    truth = np.full(len(codes.values) + 1, negative)
    if part.operator in (selectors.EXISTS, selectors.DOES_NOT_EXIST):
        truth[:-1] = not negative
        return truth
    for value in part.values:
        code = codes.by_value.get(value)
        if code is not None:
            truth[code] = not negative
    return truth


def term(cluster: table.Table, alternative: selectors.NodeTerm) -> np.ndarray:
    """bool[size]: whether one term of a node selector matches each row's node."""
    if alternative.errors:
        return np.zeros(cluster.size, bool)
    mask = cluster.live.copy()
    for part in alternative.expressions:
        mask &= requirement(cluster, part)
    for part in alternative.fields:
        named = np.zeros(cluster.size, bool)
        if part.key == "metadata.name":
            row = cluster.row_of.get(part.values[0])
            if row is not None:
                named[row] = True
        else:
            named[:] = part.values[0] == ""
        mask &= named if part.operator == selectors.IN else ~named
    return mask


def node_selector(cluster: table.Table, selector: selectors.NodeSelector) -> np.ndarray:
    """bool[size]: whether any term of a node selector matches."""
    mask = np.zeros(cluster.size, bool)
    for alternative in selector.terms:
        mask |= term(cluster, alternative)
    return mask


def required(cluster: table.Table, wanted: selectors.RequiredNodeAffinity) -> np.ndarray:
    """bool[size]: whether a pod's nodeSelector and required node affinity both match."""
    mask = cluster.live.copy()
    if wanted.node_selector is not None:
        for part in wanted.node_selector.requirements:
            mask &= requirement(cluster, part)
    if wanted.affinity is not None:
        mask &= node_selector(cluster, wanted.affinity)
    return mask


def untolerated(
    cluster: table.Table, tolerated: tuple[objects.Toleration, ...], effects: Collection[str]
) -> list[objects.Taint | None]:
    """By taint set id, the first taint of one of ``effects`` that is not tolerated."""
    return [tolerations.untolerated(taints, tolerated, effects) for taints in cluster.taints.sets]


def taints_tolerated(cluster: table.Table, tolerated: tuple[objects.Toleration, ...]) -> np.ndarray:
    """bool[size]: no NoSchedule or NoExecute taint of the row is untolerated."""
    effects = (tolerations.NO_SCHEDULE, tolerations.NO_EXECUTE)
    clear = np.array([taint is None for taint in untolerated(cluster, tolerated, effects)], bool)
    return clear[cluster.taints.ids[: cluster.size]]
