"""Why a pod fits nowhere: the histogram of reasons, and kube-scheduler's sentence about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stowage.engine import entries
from stowage.engine import plan as plans
from stowage.framework import interface, status

NO_NODES = "no nodes available to schedule pods"


@dataclass(slots=True)
class Failure:
    """One failed attempt. ``reasons`` counts nodes; empty where PreFilter refused them all."""

    nodes: int
    refusal: status.Status | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    plugins: tuple[str, ...] = ()
    """The plugins that rejected some node, or the pod: an event that one of them waits for may help."""
    pending: tuple[str, ...] = ()
    """Those of ``plugins`` that answered PENDING: what they wait for ends the backoff as well."""
    post: interface.PostFiltered | None = None

    @property
    def sentence(self) -> str:
        """As the PodScheduled condition and the FailedScheduling event say it (types.go FitError.Error)."""
        if not self.nodes:
            return NO_NODES
        text = status.unavailable(self.nodes, self.reasons if self.refusal is None else {})
        if self.refusal is not None and self.refusal.message:
            text += f" {self.refusal.message}."
        if self.post is not None and self.post.status.message:
            text += f" {self.post.status.message}"
        return text


EXTENDER = "Extender"
"""Stands for the extenders among the plugins that reject: whatever happens may help."""


def diagnose(
    plan: plans.Plan, statuses: np.ndarray, refused: Mapping[str, status.Status] | None = None
) -> Failure:
    """The failure that these statuses amount to: int64[size], OK on live rows of ``refused`` only, by node
    what extenders say."""
    cluster = plan.cluster
    if not cluster.node_count:
        return Failure(0, plan.refusal)  # nobody was asked, so nobody rejected the pod
    if plan.refusal is not None:
        return Failure(cluster.node_count, plan.refusal, plugins=_refusing(plan, plan.refusal))
    values, counts = np.unique(statuses[cluster.live & (statuses != entries.OK)], return_counts=True)
    found = Failure(cluster.node_count)
    rejecting: dict[str, None] = dict.fromkeys(plan.restricting)
    pending: dict[str, None] = {}
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        if value == entries.EXCLUDED:
            found.reasons[f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(plan.restricting))}]"] += count
            continue
        verdict = plan.explain(value)
        rejecting[verdict.plugin] = None
        if verdict.code is status.Code.PENDING:
            pending[verdict.plugin] = None
        for reason in verdict.reasons:
            found.reasons[reason] += count
    if refused:
        rejecting[EXTENDER] = None
        found.reasons.update(reason for each in refused.values() for reason in each.reasons)
    found.plugins = tuple(rejecting)
    found.pending = tuple(pending)
    return found


def _refusing(plan: plans.Plan, refusal: status.Status) -> tuple[str, ...]:
    """Who refused before any filter ran: a plugin, or those whose nodes have none in common.

    An unresolvable refusal leaves the others out (RunPreFilterPlugins).
    """
    if refusal.plugin and refusal.code is not status.Code.UNSCHEDULABLE:
        return (refusal.plugin,)
    own = [refusal.plugin] if refusal.plugin else []
    return tuple(dict.fromkeys([*plan.restricting, *own]))


def codes(plan: plans.Plan, statuses: np.ndarray) -> np.ndarray:
    """int8[size]: the status code of each row; rows without a node hold SUCCESS."""
    cluster = plan.cluster
    out = np.zeros(cluster.size, np.int8)
    if plan.refusal is not None:
        out[cluster.live] = plan.refusal.code
        return out
    values, inverse = np.unique(statuses, return_inverse=True)
    by_value = [_code(plan, value) for value in values.tolist()]
    out[:] = np.array(by_value, np.int8)[inverse.reshape(-1)]
    out[~cluster.live] = status.Code.SUCCESS
    return out


def _code(plan: plans.Plan, value: int) -> status.Code:
    if value == entries.EXCLUDED:
        return status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE
    if value == entries.GONE or value == entries.OK:
        return status.Code.SUCCESS
    return plan.explain(value).code
