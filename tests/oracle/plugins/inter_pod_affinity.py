"""InterPodAffinity: which pods a pod must, must not, would and would rather not be near to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.oracle.cluster import Cluster, NodeInfo
from tests.oracle.framework import (
    MAX_SCORE,
    CycleState,
    Plugin,
    PluginError,
    Status,
    failure,
    skip,
    unresolvable,
    unschedulable,
)
from tests.oracle.objects import Node, Pod, Term, labels_of, name_of

Pair = tuple[str, str]  # topology key and value
Counts = dict[Pair, int]


class TermState:
    """Pods by topology pair that the pod's terms match, or whose anti-affinity terms match the pod."""

    def __init__(self, pod: Pod, own: "OwnTerms", namespace_labels: Mapping[str, str]) -> None:
        self.pod = pod
        self.own = own
        self.namespace_labels = namespace_labels
        self.wanted: Counts = {}
        self.unwanted: Counts = {}
        self.refusing: Counts = {}

    def clone(self) -> "TermState":
        made = TermState(self.pod, self.own, self.namespace_labels)
        made.wanted, made.unwanted = dict(self.wanted), dict(self.unwanted)
        made.refusing = dict(self.refusing)
        return made

    def count(self, other: Pod, node: Node, sign: int) -> None:
        for term in other.anti_affinity_terms:
            if term.matches(self.pod, self.namespace_labels):
                _count(self.refusing, node, term.topology_key, sign)
        if self.own.affinity and all(term.matches(other, {}) for term in self.own.affinity):
            for term in self.own.affinity:
                _count(self.wanted, node, term.topology_key, sign)
        for term in self.own.anti_affinity:
            if term.matches(other, {}):
                _count(self.unwanted, node, term.topology_key, sign)


class OwnTerms:
    """The incoming pod's terms, their namespace selectors resolved to the Namespaces that exist.

    The selector stays beside the names, and is matched against no labels at all when pods are compared: one
    that demands nothing present, `{}` or DoesNotExist or NotIn, therefore takes in every namespace.
    """

    def __init__(self, cluster: Cluster, pod: Pod) -> None:
        self.affinity = [_resolved(cluster, term) for term in pod.affinity_terms]
        self.anti_affinity = [_resolved(cluster, term) for term in pod.anti_affinity_terms]
        self.preferred = [_resolved(cluster, term) for term in pod.preferred_affinity_terms]
        self.preferred_anti = [_resolved(cluster, term) for term in pod.preferred_anti_affinity_terms]


class InterPodAffinity(Plugin):
    name = "InterPodAffinity"
    points = frozenset({"preFilter", "filter", "preScore", "score"})
    counts_pods = True

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        if pod.term_error:
            return None, unresolvable(f"parsing pod: {pod.term_error}")
        own = TermState(pod, OwnTerms(self.cluster, pod), self.cluster.namespace_labels(pod.namespace))
        for info in self.cluster.nodes:
            for other in info.pods:
                own.count(other, info.node, 1)
        if not own.refusing and not pod.affinity_terms and not pod.anti_affinity_terms:
            return None, skip()
        state.before_filter[self.name] = own
        return None, None

    def count_pod(self, state: CycleState, pod: Pod, other: Pod, info: NodeInfo, sign: int) -> None:
        own = state.before_filter[self.name]
        if isinstance(own, TermState):
            own.count(other, info.node, sign)

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        own = state.before_filter.get(self.name)
        if not isinstance(own, TermState):
            return failure('error reading "PreFilterInterPodAffinity" from cycleState: not found')
        labels = info.node.labels
        if not _affinity_holds(own, pod, labels):
            return unresolvable("node(s) didn't match pod affinity rules")
        pairs = [(term.topology_key, labels.get(term.topology_key)) for term in own.own.anti_affinity]
        if any(own.unwanted.get((key, value), 0) > 0 for key, value in pairs if value is not None):
            return unschedulable("node(s) didn't match pod anti-affinity rules")
        if any(own.refusing.get(pair, 0) > 0 for pair in labels.items()):
            return unschedulable("node(s) didn't satisfy existing pods anti-affinity rules")
        return None

    def pre_score(self, state: CycleState, pod: Pod, feasible: Sequence[NodeInfo]) -> Status | None:
        if self.args.get("ignorePreferredTermsOfExistingPods") and not pod.has_preferred:
            return skip()
        if pod.term_error:
            return failure(f"failed to parse pod: {pod.term_error}")
        own = OwnTerms(self.cluster, pod)
        namespace_labels = self.cluster.namespace_labels(pod.namespace)
        scores: Counts = {}
        for info in self.cluster.nodes:
            for other in info.pods:
                if pod.has_preferred or other.has_affinity:
                    self._score_pair(scores, own, pod, other, info.node, namespace_labels)
        if not scores:
            return skip()
        state.before_score[self.name] = scores
        return None

    def _score_pair(
        self,
        scores: Counts,
        own: OwnTerms,
        pod: Pod,
        other: Pod,
        node: Node,
        namespace_labels: Mapping[str, str],
    ) -> None:
        hard = self.args.get("hardPodAffinityWeight")
        hard = 1 if hard is None else hard
        matching = [(term, 1) for term in own.preferred if term.matches(other, {})]
        matching += [(term, -1) for term in own.preferred_anti if term.matches(other, {})]
        theirs = [(replace(term, weight=hard), 1) for term in other.affinity_terms if hard > 0]
        theirs += [(term, 1) for term in other.preferred_affinity_terms]
        theirs += [(term, -1) for term in other.preferred_anti_affinity_terms]
        matching += [(term, sign) for term, sign in theirs if term.matches(pod, namespace_labels)]
        for term, sign in matching:
            if term.topology_key in node.labels:
                pair = (term.topology_key, node.labels[term.topology_key])
                scores[pair] = scores.get(pair, 0) + sign * term.weight

    def score(self, state: CycleState, pod: Pod, info: NodeInfo) -> int:
        scores: Counts | None = state.before_score.get(self.name)
        if scores is None:
            raise PluginError('failed to read "PreScoreInterPodAffinity" from cycleState: not found')
        return sum(scores.get(pair, 0) for pair in info.node.labels.items())

    def normalize(self, state: CycleState, scores: dict[str, int]) -> dict[str, int]:
        least, most = min(scores.values()), max(scores.values())
        if most == least:
            return dict.fromkeys(scores, 0)
        span = float(most - least)
        return {name: int(float(MAX_SCORE) * (float(score - least) / span)) for name, score in scores.items()}


def _resolved(cluster: Cluster, term: Term) -> Term:
    if term.namespace_selector.empty:
        return term
    found = {
        name_of(each) for each in cluster.all("Namespace") if term.namespace_selector.matches(labels_of(each))
    }
    return replace(term, namespaces=term.namespaces | found)


def _count(counts: Counts, node: Node, key: str, number: int) -> None:
    if key in node.labels:
        pair = (key, node.labels[key])
        counts[pair] = counts.get(pair, 0) + number
        if counts[pair] == 0:
            del counts[pair]


def _affinity_holds(own: TermState, pod: Pod, labels: Mapping[str, str]) -> bool:
    """All pairs hold pods; or no pod matches anywhere and this one would be the first of its kind."""
    terms = own.own.affinity
    if any(term.topology_key not in labels for term in terms):
        return False
    if all(own.wanted.get((term.topology_key, labels[term.topology_key]), 0) > 0 for term in terms):
        return True
    return not own.wanted and all(term.matches(pod, {}) for term in terms)
