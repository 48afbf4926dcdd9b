"""NodeAffinity: nodeSelector, required and preferred node affinity, and what the profile adds.

Rules: framework/plugins/nodeaffinity/node_affinity.go, component-helpers' nodeaffinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from stowage.api import objects, selectors
from stowage.cluster import match, pods, table
from stowage.framework import events, interface, normalize, overlay, status
from stowage.framework.config import args as config

REASON_POD = "node(s) didn't match Pod's node affinity/selector"
REASON_ENFORCED = "node(s) didn't match scheduler-enforced node affinity"
REASON_CONFLICT = "pod affinity terms conflict"

MISMATCH, NOT_ENFORCED = 1, 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the filter matches: the pod's own terms; the profile's are the plugin's."""

    required: selectors.RequiredNodeAffinity


class NodeAffinity(interface.PreFilterPlugin, interface.FilterPlugin, interface.ScorePlugin):
    """See the module."""

    name: ClassVar[str] = "NodeAffinity"
    reads: ClassVar[frozenset[str]] = frozenset({"labels", "names", "live"})

    def __init__(self, args: config.NodeAffinityArgs) -> None:
        added = args.added_affinity or objects.NodeAffinity()
        required = added.required_during_scheduling_ignored_during_execution
        self.added = None if required is None else selectors.compile_node_strict(required)
        self.added_preferred = selectors.compile_preferred(
            added.preferred_during_scheduling_ignored_during_execution
        )

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """SKIP without terms; the named nodes where every required term names some."""
        required = _required(pod)
        if required is None and self.added is None and not pod.spec.node_selector:
            return status.SKIP
        state = Wanted(selectors.compile_required(pod.pod))
        nodes = named_nodes(required)
        if nodes is not None and not nodes:
            return status.unresolvable(REASON_CONFLICT)
        return interface.PreFiltered(state, nodes)

    def filter(
        self,
        state: Wanted | pods.Incoming,
        cluster: table.Table,
        rows: interface.Rows,
        change: overlay.Overlay | None,
    ) -> interface.Answer:
        """The profile's own affinity first, with its own reason. It can do without PreFilter."""
        if isinstance(state, pods.Incoming):
            state = Wanted(selectors.compile_required(state.pod))
        codes = np.where(match.required(cluster, state.required)[rows], 0, MISMATCH)
        if self.added is not None:
            codes = np.where(match.node_selector(cluster, self.added)[rows], codes, NOT_ENFORCED)
        return codes

    def explain(self, state: Wanted | pods.Incoming, cluster: table.Table, code: int) -> status.Status:
        """One reason a code."""
        return status.unresolvable(REASON_POD if code == MISMATCH else REASON_ENFORCED)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """A node that matches, or comes to match."""
        node = events.Action.ADD | events.Action.UPDATE_NODE_LABEL
        return (events.on(events.Resource.NODE, node, self.after_node),)

    def after_node(self, pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
        """Matches now, and did not before; kube-scheduler leaves the profile's terms out of `before`."""
        required = selectors.compile_required(pod.pod)
        return self._matches(required, change.new) and (
            change.old is None or not self._matches(required, change.old)
        )

    def _matches(self, required: selectors.RequiredNodeAffinity, node: objects.Node) -> bool:
        labels, name = node.metadata.labels, node.metadata.name
        if self.added is not None and not selectors.matches_node(self.added, labels, name):
            return False
        return selectors.matches_required(required, labels, name)

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> Any:
        """The weighted terms, the profile's and the pod's; SKIP where there are none."""
        affinity = pod.spec.affinity and pod.spec.affinity.node_affinity
        own = affinity.preferred_during_scheduling_ignored_during_execution if affinity else ()
        if not own and not self.added_preferred:
            return status.SKIP
        try:
            return (*self.added_preferred, *selectors.compile_preferred(own))
        except selectors.SelectorError as error:
            return status.error(str(error))

    def score(
        self, state: tuple[selectors.WeightedTerm, ...], cluster: table.Table, rows: interface.Rows
    ) -> interface.Answer:
        """The sum of the weights of the terms that match."""
        total = np.zeros(cluster.size, np.int64)
        for weighted in state:
            total += weighted.weight * match.term(cluster, weighted.term)
        answer: interface.Answer = total[rows]
        return answer

    def normalize(self, state: Any, raw: np.ndarray) -> np.ndarray:
        """The highest 100."""
        return normalize.by_maximum(raw, reverse=False)


def _required(pod: pods.Incoming) -> objects.NodeSelector | None:
    affinity = pod.spec.affinity and pod.spec.affinity.node_affinity
    return affinity.required_during_scheduling_ignored_during_execution if affinity else None


def named_nodes(required: objects.NodeSelector | None) -> frozenset[str] | None:
    """The nodes that the terms name by `metadata.name`; None where some term names none."""
    if required is None or not required.node_selector_terms:
        return None
    union: set[str] = set()
    for term in required.node_selector_terms:
        fields = [
            set(field.values)
            for field in term.match_fields
            if field.key == "metadata.name" and field.operator == selectors.IN
        ]
        if not fields:
            return None
        union |= set.intersection(*fields)
    return frozenset(union)
