"""InterPodAffinity: which pods a pod must, must not, would and would rather not be near to.

Rules: framework/plugins/interpodaffinity. `required` is the filter's half, `preferred` the
score's; both count pods by the domains of a key (`tally`).

Terms of pods that are already placed can concern any pod, so neither half can be skipped for
good: where kube-scheduler answers Skip, the state answers 0 for as long as that holds.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.cluster import pods, table
from stowage.framework import events, interface, overlay, status
from stowage.framework.config import args as configuration
from stowage.plugins.inter_pod_affinity import hints, preferred, required

REASON_AFFINITY = "node(s) didn't match pod affinity rules"
REASON_ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
REASON_EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"


class InterPodAffinity(interface.PreFilterPlugin, interface.FilterPlugin, interface.ScorePlugin):
    """See the module."""

    name: ClassVar[str] = "InterPodAffinity"
    missing_state: ClassVar[str] = 'error reading "PreFilterInterPodAffinity" from cycleState: not found'
    missing_score_state: ClassVar[str] = (
        'failed to read "PreScoreInterPodAffinity" from cycleState: not found'
    )
    kind: ClassVar[interface.Kind] = interface.Kind.DOMAIN
    reads: ClassVar[frozenset[str]] = frozenset({"groups", "labels", "namespaces", "pods", "shapes"})

    def __init__(self, args: configuration.InterPodAffinityArgs) -> None:
        self._hard_weight = args.hard_pod_affinity_weight
        self._ignores_others = args.ignore_preferred_terms_of_existing_pods

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """Counts what the pod's required terms and other pods' anti-affinity terms match."""
        if pod.shape.terms_error:
            return status.unresolvable(f"parsing pod: {pod.shape.terms_error}")
        return interface.PreFiltered(required.State(pod, cluster))

    def filter(
        self,
        state: required.State,
        cluster: table.Table,
        rows: interface.Rows,
        change: overlay.Overlay | None,
    ) -> interface.Answer:
        """A code of `required`; 0 everywhere, pods imagined or not, where kube-scheduler skips."""
        if state.idle:
            return 0
        return state.imagined(cluster, change) if change is not None else state.verdicts(cluster, rows)

    def explain(self, state: required.State, cluster: table.Table, code: int) -> status.Status:
        """An affinity that is not met cannot be met by evicting pods; anti-affinity can."""
        if code == required.AFFINITY:
            return status.unresolvable(REASON_AFFINITY)
        return status.unschedulable(
            REASON_ANTI_AFFINITY if code == required.ANTI_AFFINITY else REASON_EXISTING
        )

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """Pods that are meant, and nodes that change domains."""
        pod = events.Action.ADD | events.Action.UPDATE_POD_LABEL | events.Action.DELETE
        node = events.Action.ADD | events.Action.UPDATE_NODE_LABEL
        return (
            events.on(events.Resource.POD, pod, hints.after_pod),
            events.on(events.Resource.NODE, node, hints.after_node),
        )

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> preferred.State | status.Status:
        """Weighs what the pod's preferred terms and other pods' terms match."""
        if self._ignores_others and not preferred.has_own(pod.spec):
            return status.SKIP
        if pod.shape.terms_error:
            return status.error(f"failed to parse pod: {pod.shape.terms_error}")
        return preferred.State(pod, cluster, self._hard_weight)

    def score(self, state: preferred.State, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        """The sum of the weights."""
        return state.score(rows)

    def normalize(self, state: preferred.State, raw: np.ndarray) -> np.ndarray:
        """The lowest 0, the highest 100; all 0 where they are equal."""
        return raw if state.idle else preferred.normalized(raw)
