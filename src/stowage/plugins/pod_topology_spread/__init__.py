"""PodTopologySpread: keeps a pod's kind evenly over the domains of a topology key, by rule or by wish.

Rules: framework/plugins/podtopologyspread. The constraints (`constraints`), the filter's counts
(`hard`) and the score's (`soft`) have a module each.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.api import objects, selectors
from stowage.cluster import nodes, pods, table
from stowage.framework import events, interface, overlay, status
from stowage.framework.config import args as configuration
from stowage.plugins.pod_topology_spread import constraints, hard, hints, soft

ZONE = "topology.kubernetes.io/zone"
SYSTEM_DEFAULTS = (
    objects.TopologySpreadConstraint(
        topology_key=nodes.HOSTNAME, when_unsatisfiable=constraints.SOFT, max_skew=3
    ),
    objects.TopologySpreadConstraint(topology_key=ZONE, when_unsatisfiable=constraints.SOFT, max_skew=5),
)
"""What a pod without constraints gets where the configuration says `defaultingType: System`."""

REASON = "node(s) didn't match pod topology spread constraints"
REASON_MISSING_LABEL = f"{REASON} (missing required label)"


class PodTopologySpread(interface.PreFilterPlugin, interface.FilterPlugin, interface.ScorePlugin):
    """See the module. Both halves are skipped for a pod that has no constraint of their kind."""

    name: ClassVar[str] = "PodTopologySpread"
    missing_state: ClassVar[str] = 'reading "PreFilterPodTopologySpread" from cycleState: not found'
    missing_score_state: ClassVar[str] = (
        'error reading "PreScorePodTopologySpread" from cycleState: not found'
    )
    kind: ClassVar[interface.Kind] = interface.Kind.DOMAIN
    reads: ClassVar[frozenset[str]] = frozenset(
        {"groups", "labels", "live", "names", "owners", "pods", "taints"}
    )

    def __init__(self, args: configuration.PodTopologySpreadArgs) -> None:
        self._system = args.defaulting_type == "System"
        self._defaults = SYSTEM_DEFAULTS if self._system else args.default_constraints

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """Counts the hard constraints' domains."""
        try:
            found = self._constraints(pod, cluster, constraints.HARD)
        except selectors.SelectorError as error:
            return status.error(f"get constraints from pod: {_origin(pod, 'hard')}: {error}")
        return interface.PreFiltered(hard.State(pod, cluster, found)) if found else status.SKIP

    def filter(
        self, state: hard.State, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """Of the first constraint a row breaks, its code; see `hard.Domains`."""
        return state.imagined(cluster, change) if change is not None else state.verdicts(cluster, rows)

    def explain(self, state: hard.State, cluster: table.Table, code: int) -> status.Status:
        """Even codes: the node lacks the key; odd ones: the skew would be too large."""
        return status.unschedulable(REASON) if code % 2 else status.unresolvable(REASON_MISSING_LABEL)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """Pods that are counted, and nodes that are."""
        kinds = events.Action
        pod = kinds.ADD | kinds.UPDATE_POD_LABEL | kinds.UPDATE_POD_TOLERATION | kinds.DELETE
        node = kinds.ADD | kinds.DELETE | kinds.UPDATE_NODE_LABEL | kinds.UPDATE_NODE_TAINT
        return (
            events.on(events.Resource.POD, pod, self.after_pod),
            events.on(events.Resource.NODE, node, self.after_node),
        )

    def after_pod(self, pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
        """As `hints` says; constraints that cannot be read are worth another try."""
        try:
            return hints.after_pod(pod, change, self._constraints(pod, cluster, constraints.HARD))
        except selectors.SelectorError:
            return True

    def after_node(self, pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
        """As `after_pod`."""
        try:
            return hints.after_node(change, self._constraints(pod, cluster, constraints.HARD))
        except selectors.SelectorError:
            return True

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> soft.State | status.Status:
        """Counts the soft constraints' domains."""
        try:
            found = self._constraints(pod, cluster, constraints.SOFT)
        except selectors.SelectorError as error:
            return status.error(f"calculating preScoreState: {_origin(pod, 'soft')}: {error}")
        if not found:
            return status.SKIP
        strict = bool(pod.spec.topology_spread_constraints) or not self._system
        return soft.State(pod, cluster, found, strict)

    def score(self, state: soft.State, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        """The more matching pods in a row's domains, the higher."""
        return state.score(np.arange(cluster.size)[rows] if isinstance(rows, slice) else np.atleast_1d(rows))

    def normalize(self, state: soft.State, raw: np.ndarray) -> np.ndarray:
        """The emptiest domains 100; rows without the labels 0."""
        return state.normalize(raw)

    def _constraints(
        self, pod: pods.Incoming, cluster: table.Table, action: str
    ) -> tuple[constraints.Constraint, ...]:
        """The pod's own constraints of this kind, or the defaults where it has none of any kind.

        SelectorError where one is invalid.
        """
        own = pod.spec.topology_spread_constraints
        if own:
            return constraints.compiled(own, pod.labels, action)
        defaults = constraints.compiled(self._defaults, pod.labels, action)
        if not defaults:
            return ()
        selector = constraints.default_selector(pod, cluster.owners)
        if selector == selectors.EVERYTHING:
            return ()
        return tuple(constraint._replace(selector=selector) for constraint in defaults)


def _origin(pod: pods.Incoming, kind: str) -> str:
    if pod.spec.topology_spread_constraints:
        return f"obtaining pod's {kind} topology spread constraints"
    return f"setting default {kind} topology spread constraints"
