"""CustomPreemption: evicts the least important pods where that costs least by a score of its own.

To be enabled at postFilter in the place of DefaultPreemption. Nodes are tried, and pods nominated, as
there; different are the pods that are never evicted, whom else it takes, and which node it prefers:

- On each node pods go one by one, ascending by priority, until the pod passes every filter. Those whose
  eviction breaks a disruption budget go after all others, and stay where it fits without them: on no node
  are more budgets broken than by DefaultPreemption.
- Of the nodes with the fewest such evictions the one with the highest `score` is nominated, of equal ones
  the first of the table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np

from stowage.cluster import pods, shapes, table
from stowage.framework import interface, overlay, preemption, status
from stowage.framework.preemption import trial

NO_CANDIDATES = "no preemption candidates found"
COMPONENTS = frozenset({"kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"})
VICTIM = 10
"""What each victim costs a node's score."""


class CustomPreemption(interface.PostFilterPlugin):
    """See the module."""

    name: ClassVar[str] = "CustomPreemption"
    kind: ClassVar[interface.Kind] = interface.Kind.CYCLE
    reads: ClassVar[frozenset[str]] = frozenset(
        {"allocatable", "groups", "live", "names", "outside", "pods", "requested", "row_of", "shapes"}
    )

    def post_filter(self, pod: pods.Incoming, attempt: interface.Attempt) -> interface.PostFiltered:
        """The node to nominate with its victims, or why there is none."""
        cluster = attempt.cluster
        codes = attempt.codes()
        refusal = preemption.ineligible(pod, cluster, codes)
        if refusal:
            return preemption.failed(status.Code.UNSCHEDULABLE, refusal)
        rows = np.flatnonzero(cluster.live & (codes == status.Code.UNSCHEDULABLE))
        off = trial.removed(cluster, rows, pod.priority, protected)
        if not len(off.change.rows):
            return _hopeless()
        helped = off.take(np.flatnonzero(attempt.fits(off.change)))
        outcome = trial.outcome(helped, np.flatnonzero(_victims(attempt, helped)))
        if not len(outcome.rows):
            errors = {each.message for each in attempt.verdicts(off.change) if not each.rejected}
            return preemption.erred(errors) if errors else _hopeless()
        return _nominated(pod, cluster, outcome)


def protected(group: shapes.Group) -> bool:
    """Whether these pods are the cluster's own, which nobody evicts."""
    labels = group.labels
    return (
        group.namespace == "kube-system"
        or labels.get("tier") == "control-plane"
        or labels.get("component") in COMPONENTS
    )


def score(priority: int, victims: Iterable[int], percent: int) -> int:
    """A node's, from the priorities of the pod and its victims, and its `unused`.

    More victims add more differences of priority, so they often make a node better.
    """
    return sum(priority - each - VICTIM for each in victims) + percent


def unused(cluster: table.Table, rows: np.ndarray) -> np.ndarray:
    """int64[k]: how much of cpu and memory is not requested, in percent, the mean of both.

    Victims count as requesting. A node without any of one has all of it requested.
    """
    both = [shapes.CPU, shapes.MEMORY]
    requested, allocatable = (each[both][:, rows] for each in (cluster.requested, cluster.allocatable))
    used = np.divide(requested, allocatable, out=np.ones(requested.shape), where=allocatable > 0)
    percent: np.ndarray = np.trunc((1.0 - used.mean(axis=0)) * 100).astype(np.int64)
    return percent


def _hopeless() -> interface.PostFiltered:
    return interface.PostFiltered(status.unschedulable(NO_CANDIDATES), clears=True)


def _victims(attempt: interface.Attempt, off: trial.Removed) -> np.ndarray:
    """bool[m]: who has to leave. The rows of ``off`` are those where the pod fits without all."""
    leaves = _taken(attempt, off.change)
    breaking = leaves & off.violating
    rows = np.unique(off.change.at[breaking])
    if not rows.size:
        return leaves
    member = np.flatnonzero(np.isin(off.change.at, rows))
    change = off.change.take(rows)
    change.sign[:] = np.where(leaves[member], -1, 0)
    change.turn[:] = 0
    tried = np.flatnonzero(breaking[member])
    order = np.arange(tried.size) - np.searchsorted(change.at[tried], change.at[tried])
    for step in range(order.max() + 1):  # the most important first, one on every node
        now = tried[order == step]
        change.sign[now] = 0
        change.turn[now] = step + 1
        fits = attempt.fits(change)[change.at[now]]
        change.sign[now[~fits]] = -1
        leaves[member[now[fits]]] = False
    return leaves


def _taken(attempt: interface.Attempt, change: overlay.Overlay) -> np.ndarray:
    """bool[m]: the pods of ``change`` that leave, one by one on every row, the last first, until it fits.

    Where it fits from the start, an extender refused the node, and nobody's leaving helps. ``change`` is
    left as it ends.
    """
    leaves = np.zeros(len(change.at), bool)
    member = np.arange(len(change.at))
    change.sign[:] = 0
    first, count = trial.lengths(change)
    full = ~attempt.fits(change)
    step = 0
    while (active := np.flatnonzero(full & (count > step))).size:
        if 2 * active.size <= count.size:  # rows that are done need no more looks
            member = member[(full & (count > step))[change.at]]
            change = change.take(active)
            first, count = trial.lengths(change)
            active = np.arange(active.size)
            full = np.ones(active.size, bool)
        step += 1
        tried = (first + count)[active] - step
        change.sign[tried] = -1
        change.turn[tried] = step
        leaves[member[tried]] = True
        full[active] = ~attempt.fits(change)[active]
    return leaves


def _nominated(pod: pods.Incoming, cluster: table.Table, outcome: trial.Outcome) -> interface.PostFiltered:
    """The best of the nodes that evicting helps, and of those that extenders may leave of them."""
    percent = unused(cluster, outcome.rows)
    names = [cluster.names[row] for row in outcome.rows.tolist()]
    candidates = preemption.Candidates(cluster, outcome)
    by_name = dict(zip(names, percent.tolist(), strict=True))

    def amended(left: Mapping[str, interface.Victims] | str) -> interface.PostFiltered:
        if isinstance(left, str):
            return preemption.failed(status.Code.ERROR, left)
        if not left:
            return interface.PostFiltered(status.unschedulable(NO_CANDIDATES))

        def cost(name: str) -> tuple[int, int]:
            priorities = (victim.priority for victim in left[name].pods)
            return left[name].violations, -score(pod.priority, priorities, by_name[name])

        node = min(left, key=cost)
        return interface.PostFiltered(status.SUCCESS, node, left[node], left)

    node = names[_best(pod.priority, cluster, outcome, percent)]
    found = interface.PostFiltered(status.SUCCESS, node, candidates[node], candidates)
    return dataclasses.replace(found, amended=amended)


def _best(priority: int, cluster: table.Table, outcome: trial.Outcome, percent: np.ndarray) -> int:
    """Index of the node to nominate, `score` computed for all at once."""
    gains = priority - VICTIM - cluster.pods.priorities[outcome.slots].astype(np.int64)
    first = np.flatnonzero(np.diff(outcome.at, prepend=-1))
    scores = np.add.reduceat(gains, first) + percent
    fewest = np.flatnonzero(outcome.violations == outcome.violations.min())
    return int(fewest[scores[fewest].argmax()])
