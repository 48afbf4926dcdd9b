"""Spread constraints: compiled, with the pods they count and the nodes they count them on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from stowage.api import objects, selectors
from stowage.cluster import intern, match, outside, pods, table

HARD: Final = "DoNotSchedule"
SOFT: Final = "ScheduleAnyway"


class Constraint(NamedTuple):
    """One constraint with its defaults filled in and the pod's matchLabelKeys merged."""

    key: str
    max_skew: int
    min_domains: int
    selector: selectors.Selector
    honors_affinity: bool
    honors_taints: bool


def compiled(
    written: Iterable[objects.TopologySpreadConstraint], labels: Mapping[str, str], action: str
) -> tuple[Constraint, ...]:
    """Those of ``action``, `HARD` or `SOFT`, for a pod with ``labels``. SelectorError: one is invalid."""
    return tuple(
        Constraint(
            each.topology_key,
            each.max_skew,
            1 if each.min_domains is None else each.min_domains,
            _merged(selectors.compile(each.label_selector), each.match_label_keys, labels),
            each.node_affinity_policy != "Ignore",
            each.node_taints_policy == "Honor",
        )
        for each in written
        if each.when_unsatisfiable == action
    )


def _merged(
    selector: selectors.Selector, keys: Iterable[str], labels: Mapping[str, str]
) -> selectors.Selector:
    """The selector and the pod's values of ``keys``; keys the pod lacks are left out."""
    own = {key: labels[key] for key in keys if key in labels}
    if selector.nothing or not own:
        return selector
    return selectors.Selector((*selectors.from_labels(own).requirements, *selector.requirements))


def default_selector(pod: pods.Incoming, owners: outside.Owners) -> selectors.Selector:
    """What the pod's Services and its controller select (plugins/helper/spread.go)."""
    namespace = pod.namespace
    chosen: dict[str, str] = {}
    for (place, _), service in owners.services.items():
        wanted = service.spec.selector
        if place == namespace and wanted.items() <= pod.labels.items():
            chosen.update(wanted)
    if not pod.shape.owner:
        return selectors.from_labels(chosen)
    kind, name = pod.shape.owner.split("/", 1)
    written = owners.controllers.get((kind, namespace, name))
    if written is not None and kind == "ReplicationController":
        return selectors.from_labels({**chosen, **written.match_labels})
    own = selectors.from_labels(chosen)
    try:
        added = selectors.compile(written)
    except selectors.SelectorError:
        return own
    return selectors.Selector((*own.requirements, *added.requirements))


def counted(cluster: table.Table, namespace: str, selector: selectors.Selector) -> intern.Memo:
    """Group id -> 1 where a count from scratch takes its pods: an empty selector counts none."""
    if selector == selectors.EVERYTHING:
        selector = selectors.NOTHING
    return cluster.groups.memo(
        ("spread", namespace, selector),
        lambda group: (
            not group.terminating
            and group.namespace == namespace
            and selectors.matches(selector, group.labels)
        ),
        (selector,),
    )


def moved(cluster: table.Table, namespace: str, selector: selectors.Selector) -> intern.Memo:
    """Group id -> 1 where a pod imagined to come or go changes the count: terminating ones too,
    and all for an empty selector (filtering.go updateWithPod).
    """
    return cluster.groups.memo(
        ("spread overlay", namespace, selector),
        lambda group: group.namespace == namespace and selectors.matches(selector, group.labels),
        (selector,),
    )


def rows_of(cluster: table.Table, memo: intern.Memo) -> np.ndarray:
    """int[n]: the row of each pod whose group the memo takes."""
    held = cluster.pods
    taken = memo.values(len(cluster.groups))[held.groups[: held.size]]
    rows: np.ndarray = held.rows[: held.size][taken.astype(bool)]
    return rows[rows >= 0]


def eligible(
    pod: pods.Incoming, cluster: table.Table, wanted: Sequence[Constraint], all_keys: bool
) -> list[np.ndarray]:
    """bool[size] a constraint: the rows that its inclusion policies let count.

    ``all_keys``: only rows that have every constraint's key.
    """
    base = cluster.live.copy()
    if all_keys:
        for key in {constraint.key for constraint in wanted}:
            base &= cluster.codes(key).column[: cluster.size] >= 0
    affinity = taints = None
    masks = []
    for constraint in wanted:
        mask = base
        if constraint.honors_affinity and _demands(pod.spec):
            if affinity is None:
                affinity = match.required(cluster, selectors.compile_required(pod.pod))
            mask = mask & affinity
        if constraint.honors_taints:
            if taints is None:
                taints = match.taints_tolerated(cluster, pod.spec.tolerations)
            mask = mask & taints
        masks.append(mask)
    return masks


def _demands(spec: objects.PodSpec) -> bool:
    affinity = spec.affinity
    return bool(spec.node_selector) or (
        affinity is not None
        and affinity.node_affinity is not None
        and affinity.node_affinity.required_during_scheduling_ignored_during_execution is not None
    )


def positions(cluster: table.Table, key: str) -> tuple[np.ndarray, int]:
    """intp[size], the code of each row's value, and the number of codes, which stands for an absent key."""
    codes = cluster.codes(key)
    return codes.positions(cluster.size), len(codes.values)
