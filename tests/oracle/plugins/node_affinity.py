"""NodeAffinity: `nodeSelector`, node affinity, and the affinity a profile adds."""

from collections.abc import Sequence
from typing import Any

from tests.oracle import selectors
from tests.oracle.cluster import Cluster, NodeInfo
from tests.oracle.framework import (
    CycleState,
    Plugin,
    PluginError,
    Status,
    failure,
    normalized,
    skip,
    unresolvable,
)
from tests.oracle.objects import Pod
from tests.oracle.selectors import NodeTerm, SelectorError

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class NodeAffinity(Plugin):
    name = "NodeAffinity"
    points = frozenset({"preFilter", "filter", "preScore", "score"})

    def __init__(self, cluster: Cluster, args: dict[str, Any]) -> None:
        super().__init__(cluster, args)
        added = args.get("addedAffinity") or {}
        self.added_terms: list[NodeTerm] | None = None
        if added.get(REQUIRED) is not None:
            self.added_terms = selectors.node_terms(added[REQUIRED].get("nodeSelectorTerms") or [])
        self.added_preferred = selectors.preferred_terms(added.get(PREFERRED) or [])

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        required = pod.node_affinity.get(REQUIRED)
        if required is None and self.added_terms is None and pod.spec.get("nodeSelector") is None:
            return None, skip()
        terms = (required or {}).get("nodeSelectorTerms") or []
        names: set[str] = set()
        for term in terms:
            wanted = [
                set(field.get("values") or ())
                for field in term.get("matchFields") or ()
                if field.get("key") == "metadata.name" and field.get("operator") == "In"
            ]
            if not wanted:
                return None, None
            names |= set.intersection(*wanted)
        if terms and not names:
            return None, unresolvable("pod affinity terms conflict")
        return names or None, None

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        node = info.node
        if self.added_terms is not None and not selectors.matches_terms(
            self.added_terms, node.labels, node.name
        ):
            return unresolvable("node(s) didn't match scheduler-enforced node affinity")
        if not pod.wants_node(node):
            return unresolvable("node(s) didn't match Pod's node affinity/selector")
        return None

    def pre_score(self, state: CycleState, pod: Pod, feasible: Sequence[NodeInfo]) -> Status | None:
        preferred = pod.node_affinity.get(PREFERRED)
        try:
            state.before_score[self.name] = selectors.preferred_terms(preferred or [])
        except SelectorError as error:
            return failure(error)
        # One that is written but empty is scored, to 0 everywhere.
        return skip() if preferred is None and not self.args_prefer else None

    @property
    def args_prefer(self) -> bool:
        return bool((self.args.get("addedAffinity") or {}).get(PREFERRED))

    def score(self, state: CycleState, pod: Pod, info: NodeInfo) -> int:
        preferred = state.before_score.get(self.name)
        if preferred is None:
            try:
                preferred = selectors.preferred_terms(pod.node_affinity.get(PREFERRED) or [])
            except SelectorError as error:
                raise PluginError(str(error)) from error
        terms = [*self.added_preferred, *preferred]
        return selectors.preferred_score(terms, info.node.labels, info.name)

    def normalize(self, state: CycleState, scores: dict[str, int]) -> dict[str, int]:
        return normalized(scores, reverse=False)
