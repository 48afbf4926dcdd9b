"""DefaultPreemption: evicts pods of lower priority where that makes room for one that fits nowhere.

It says whom; it evicts nobody. Every node is tried, where kube-scheduler stops at a share of them, so
the arguments have no effect. Rules: framework/plugins/defaultpreemption/default_preemption.go and
framework/preemption/preemption.go.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from stowage.cluster import pods, table
from stowage.framework import events, interface, preemption, status
from stowage.framework.config import args as config
from stowage.framework.preemption import trial
from stowage.plugins.default_preemption import choice, dry_run

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
        refusal = preemption.ineligible(pod, cluster, codes)
        if refusal:
            return preemption.failed(status.Code.UNSCHEDULABLE, refusal)
        if not cluster.node_count:
            return preemption.failed(status.Code.ERROR, NO_NODES)
        rows = np.flatnonzero(cluster.live & (codes == status.Code.UNSCHEDULABLE))
        off = trial.removed(cluster, rows, pod.priority)
        fits = attempt.fits(off.change) if len(off.change.rows) else np.zeros(0, bool)
        outcome = dry_run.reprieved(attempt, off.take(np.flatnonzero(fits)))
        if len(outcome.rows):
            candidates = preemption.Candidates(cluster, outcome)
            node = cluster.names[outcome.rows.item(choice.best(cluster, outcome))]
            found = interface.PostFiltered(status.SUCCESS, node, candidates[node], candidates)
            return dataclasses.replace(found, amended=_amended)
        return _hopeless(attempt, off, fits, len(rows))


def after_pod_deleted(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """Never reason enough by itself."""
    return False


def _amended(left: Mapping[str, interface.Victims] | str) -> interface.PostFiltered:
    """The choice among the candidates that extenders left, or the error they met (callExtenders)."""
    if isinstance(left, str):
        return preemption.failed(status.Code.ERROR, left)
    if not left:
        return preemption.failed(status.Code.UNSCHEDULABLE, NO_CANDIDATE)
    node = choice.best_of(left)
    return interface.PostFiltered(status.SUCCESS, node, left[node], left)


def _hopeless(
    attempt: interface.Attempt, off: trial.Removed, fits: np.ndarray, tried: int
) -> interface.PostFiltered:
    """What to say where no node can be helped; ``fits``: whether the pod does with all of ``off`` gone."""
    cluster = attempt.cluster
    verdicts = attempt.verdicts(off.change) if len(fits) else {}
    errors = {each.message for each in verdicts if not each.rejected}
    # Where the pod did not fit, but does after everyone has come back, a filter contradicts itself.
    contradictory = off.change.rows[fits].tolist()
    errors.update(f'expected at least one victim pod on node "{cluster.names[row]}"' for row in contradictory)
    if errors:
        return preemption.erred(errors)
    reasons = collections.Counter({NO_VICTIMS: tried - len(fits), NOT_HELPFUL: cluster.node_count - tried})
    for verdict, count in verdicts.items():
        for reason in verdict.reasons:
            reasons[reason] += count
    sentence = status.unavailable(cluster.node_count, {k: n for k, n in reasons.items() if n})
    return preemption.failed(status.Code.UNSCHEDULABLE, sentence, clears=True)
