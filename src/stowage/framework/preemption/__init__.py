"""What the plugins that evict pods share: who may, what they try, and how they say it.

Rules: framework/plugins/defaultpreemption/default_preemption.go and framework/preemption/preemption.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from stowage.cluster import pods, table
from stowage.framework import interface, status
from stowage.framework.preemption import trial

NEVER = "not eligible due to preemptionPolicy=Never."
WAITING = "not eligible due to a terminating pod on the nominated node."


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

    def __init__(self, cluster: table.Table, outcome: trial.Outcome) -> None:
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


def failed(code: status.Code, message: str, clears: bool = False) -> interface.PostFiltered:
    """No node; why, in kube-scheduler's words."""
    return interface.PostFiltered(status.Status(code, (f"preemption: {message}",)), clears=clears)


def erred(errors: Collection[str]) -> interface.PostFiltered:
    """No node, because filters failed; one or more messages."""
    message = ", ".join(sorted(errors))
    return failed(status.Code.ERROR, message if len(errors) == 1 else f"[{message}]")
