"""DefaultPreemption: evicts pods of lower priority where that makes room for one that fits nowhere.

It says whom; it evicts nobody. Every node is tried, where kube-scheduler stops at a share of them, so
the arguments have no effect. Rules: framework/plugins/defaultpreemption/default_preemption.go and
framework/preemption/preemption.go.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from stowage.cluster import pods, table
from stowage.framework import events, interface, status
from stowage.framework.config import args as config
from stowage.plugins.default_preemption import choice, dry_run

NEVER = "not eligible due to preemptionPolicy=Never."
WAITING = "not eligible due to a terminating pod on the nominated node."
NO_NODES = "no nodes available"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_CANDIDATE = "no candidate node for preemption"
NO_VICTIMS = "No preemption victims found for incoming pod"


class DefaultPreemption(interface.PreEnqueuePlugin, interface.PostFilterPlugin):
    """See the module."""

    name: ClassVar[str] = "DefaultPreemption"
    kind: ClassVar[interface.Kind] = interface.Kind.CYCLE
    reads: ClassVar[frozenset[str]] = frozenset(
        {"groups", "live", "names", "outside", "pods", "row_of", "shapes"}
    )

    def __init__(self, args: config.DefaultPreemptionArgs) -> None:
        self.args = args

    def pre_enqueue(self, pod: pods.Incoming) -> status.Status | None:
        """Keeps nobody out: a pod whose victims are only named has no eviction under way to wait for."""
        return None

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """Victims gone: asks the pod's gates again, and leaves what to make of it to other plugins."""
        return (events.on(events.Resource.POD, events.Action.DELETE, after_pod_deleted),)

    def post_filter(self, pod: pods.Incoming, attempt: interface.Attempt) -> interface.PostFiltered:
        """The node to nominate with its victims, or why there is none."""
        cluster = attempt.cluster
        codes = attempt.codes()
        refusal = ineligible(pod, cluster, codes)
        if refusal:
            return _failed(status.Code.UNSCHEDULABLE, refusal)
        if not cluster.node_count:
            return _failed(status.Code.ERROR, NO_NODES)
        rows = np.flatnonzero(cluster.live & (codes == status.Code.UNSCHEDULABLE))
        off = dry_run.removed(cluster, rows, pod.priority)
        fits = attempt.fits(off.change) if len(off.change.rows) else np.zeros(0, bool)
        outcome = dry_run.reprieved(attempt, off.take(np.flatnonzero(fits)))
        if len(outcome.rows):
            candidates = Candidates(cluster, outcome)
            node = cluster.names[outcome.rows.item(choice.best(cluster, outcome))]
            found = interface.PostFiltered(status.SUCCESS, node, candidates[node], candidates)
            return dataclasses.replace(found, amended=_amended)
        return _hopeless(attempt, off, fits, len(rows))


def after_pod_deleted(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """Never reason enough by itself."""
    return False


def ineligible(pod: pods.Incoming, cluster: table.Table, codes: np.ndarray) -> str:
    """Why the pod may not preempt now; empty where it may (PodEligibleToPreemptOthers).

    A pod that is nominated waits while pods that made room for it are on their way out, unless its
    node has become one that evicting cannot help.
    """
    if pod.spec.preemption_policy == "Never":
        return NEVER
    row = cluster.row_of.get(pod.nominated, -1) if pod.nominated else -1
    if row < 0 or not cluster.live.item(row):
        return ""
    if codes.item(row) == status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
        return ""
    held = cluster.pods
    slots = held.on(np.array([row]))
    lower = slots[held.priorities[slots] < pod.priority]
    leaving = any(cluster.groups.values[group].preempted for group in held.groups[lower].tolist())
    return WAITING if leaving else ""


class Candidates(Mapping[str, interface.Victims]):
    """Node name -> its victims, each put together when it is asked for."""

    __slots__ = ("_cluster", "_index", "_outcome")

    def __init__(self, cluster: table.Table, outcome: dry_run.Outcome) -> None:
        self._cluster = cluster
        self._outcome = outcome
        self._index = {cluster.names[row]: i for i, row in enumerate(outcome.rows.tolist())}

    def __getitem__(self, name: str) -> interface.Victims:
        index = self._index[name]
        outcome = self._outcome
        start, end = np.searchsorted(outcome.at, [index, index + 1])
        victims = tuple(self._cluster.held(slot) for slot in outcome.slots[start:end].tolist())
        return interface.Victims(victims, outcome.violations.item(index))

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)


def _amended(left: Mapping[str, interface.Victims] | str) -> interface.PostFiltered:
    """The choice among the candidates that extenders left, or the error they met (callExtenders)."""
    if isinstance(left, str):
        return _failed(status.Code.ERROR, left)
    if not left:
        return _failed(status.Code.UNSCHEDULABLE, NO_CANDIDATE)
    node = choice.best_of(left)
    return interface.PostFiltered(status.SUCCESS, node, left[node], left)


def _hopeless(
    attempt: interface.Attempt, off: dry_run.Removed, fits: np.ndarray, tried: int
) -> interface.PostFiltered:
    """What to say where no node can be helped; ``fits``: whether the pod does with all of ``off`` gone."""
    cluster = attempt.cluster
    verdicts = attempt.verdicts(off.change) if len(fits) else {}
    errors = {each.message for each in verdicts if not each.rejected}
    # Where the pod did not fit, but does after everyone has come back, a filter contradicts itself.
    contradictory = off.change.rows[fits].tolist()
    errors.update(f'expected at least one victim pod on node "{cluster.names[row]}"' for row in contradictory)
    if errors:
        message = ", ".join(sorted(errors))
        return _failed(status.Code.ERROR, message if len(errors) == 1 else f"[{message}]")
    reasons = collections.Counter({NO_VICTIMS: tried - len(fits), NOT_HELPFUL: cluster.node_count - tried})
    for verdict, count in verdicts.items():
        for reason in verdict.reasons:
            reasons[reason] += count
    sentence = status.unavailable(cluster.node_count, {k: n for k, n in reasons.items() if n})
    return _failed(status.Code.UNSCHEDULABLE, sentence, clears=True)


def _failed(code: status.Code, message: str, clears: bool = False) -> interface.PostFiltered:
    return interface.PostFiltered(status.Status(code, (f"preemption: {message}",)), clears=clears)
