"""PodTopologySpread: hard and soft spread constraints, the pod's own or the profile's defaults."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.oracle import objects, selectors
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
from tests.oracle.objects import HOSTNAME, ZONE, Node, Object, Pod
from tests.oracle.plugins.taint_toleration import HARD
from tests.oracle.selectors import LabelSelector, SelectorError

NO_MINIMUM = 2**31 - 1
SYSTEM_DEFAULTS: Sequence[Object] = (
    {"topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 3},
    {"topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 5},
)
MISMATCH = "node(s) didn't match pod topology spread constraints"


@dataclass(frozen=True)
class Constraint:
    max_skew: int
    key: str
    selector: LabelSelector
    min_domains: int
    honors_affinity: bool
    honors_taints: bool

    def includes(self, pod: Pod, node: Node) -> bool:
        """Whether the node counts, by nodeAffinityPolicy and nodeTaintsPolicy."""
        if self.honors_affinity and not pod.wants_node(node):
            return False
        return not self.honors_taints or not selectors.untolerated(node.taints, pod.tolerations, HARD)


class HardState:
    """Of each hard constraint, how many matching pods each eligible domain holds."""

    def __init__(self, constraints: Sequence[Constraint], counts: list[dict[str, int]]) -> None:
        self.constraints = constraints
        self.counts = counts

    def clone(self) -> "HardState":
        return HardState(self.constraints, [dict(each) for each in self.counts])


@dataclass
class SoftState:
    """Of each soft constraint, the pods in each feasible domain and the weight of one pod."""

    constraints: Sequence[Constraint]
    ignored: set[str]
    counts: list[dict[str, int]]
    weights: list[float]


class PodTopologySpread(Plugin):
    name = "PodTopologySpread"
    points = frozenset({"preFilter", "filter", "preScore", "score"})
    counts_pods = True

    def __init__(self, cluster: Cluster, args: dict[str, Any]) -> None:
        super().__init__(cluster, args)
        self.system_defaults = (args.get("defaultingType") or "System") == "System"
        self.defaults = SYSTEM_DEFAULTS if self.system_defaults else args.get("defaultConstraints") or []

    def _constraints(self, pod: Pod, action: str) -> list[Constraint]:
        own = pod.spec.get("topologySpreadConstraints") or []
        if own:
            return [_constraint(each, pod) for each in own if each.get("whenUnsatisfiable") == action]
        wanted = [each for each in self.defaults if each.get("whenUnsatisfiable") == action]
        selector = default_selector(self.cluster, pod) if wanted else selectors.NOTHING
        if not wanted or selector.empty:
            return []
        return [_constraint(each, pod, selector) for each in wanted]

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        try:
            constraints = self._constraints(pod, "DoNotSchedule")
        except SelectorError as error:
            return None, failure(
                f"get constraints from pod: obtaining pod's hard topology spread constraints: {error}"
            )
        if not constraints:
            return None, skip()
        counts: list[dict[str, int]] = [{} for _ in constraints]
        for info in self.cluster.nodes:
            node = info.node
            if not _has_all_keys(node, constraints):
                continue
            for constraint, count in zip(constraints, counts, strict=True):
                if constraint.includes(pod, node):
                    domain = node.labels[constraint.key]
                    count[domain] = count.get(domain, 0) + _matching(info, constraint.selector, pod.namespace)
        state.before_filter[self.name] = HardState(constraints, counts)
        return None, None

    def count_pod(self, state: CycleState, pod: Pod, other: Pod, info: NodeInfo, sign: int) -> None:
        own = state.before_filter[self.name]
        if not isinstance(own, HardState) or other.namespace != pod.namespace:
            return
        if not _has_all_keys(info.node, own.constraints):
            return
        # Unlike the first count, this one also takes terminating pods and an empty selector.
        for constraint, count in zip(own.constraints, own.counts, strict=True):
            if constraint.selector.matches(other.labels) and constraint.includes(pod, info.node):
                domain = info.node.labels[constraint.key]
                count[domain] = count.get(domain, 0) + sign

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        own = state.before_filter.get(self.name)
        if not isinstance(own, HardState):
            return failure('reading "PreFilterPodTopologySpread" from cycleState: not found')
        for constraint, count in zip(own.constraints, own.counts, strict=True):
            if constraint.key not in info.node.labels:
                return unresolvable(f"{MISMATCH} (missing required label)")
            least = min([*count.values(), NO_MINIMUM]) if len(count) >= constraint.min_domains else 0
            own_match = 1 if constraint.selector.matches(pod.labels) else 0
            if count.get(info.node.labels[constraint.key], 0) + own_match - least > constraint.max_skew:
                return unschedulable(MISMATCH)
        return None

    def pre_score(self, state: CycleState, pod: Pod, feasible: Sequence[NodeInfo]) -> Status | None:
        try:
            constraints = self._constraints(pod, "ScheduleAnyway")
        except SelectorError as error:
            return failure(
                f"calculating preScoreState: obtaining pod's soft topology spread constraints: {error}"
            )
        if not constraints:
            return skip()
        # The system's default constraints also take nodes that lack a key.
        strict = bool(pod.spec.get("topologySpreadConstraints")) or not self.system_defaults
        own = SoftState(constraints, set(), [{} for _ in constraints], [])
        for info in feasible:
            if strict and not _has_all_keys(info.node, constraints):
                own.ignored.add(info.name)
                continue
            for constraint, count in zip(constraints, own.counts, strict=True):
                if constraint.key != HOSTNAME:
                    count[info.node.labels.get(constraint.key, "")] = 0
        for constraint, count in zip(constraints, own.counts, strict=True):
            hosts = len(feasible) - len(own.ignored)
            own.weights.append(math.log((hosts if constraint.key == HOSTNAME else len(count)) + 2))
        for info in self.cluster.nodes:
            if not strict or _has_all_keys(info.node, constraints):
                self._count_soft(own, pod, info)
        state.before_score[self.name] = own
        return None

    def _count_soft(self, own: SoftState, pod: Pod, info: NodeInfo) -> None:
        for constraint, count in zip(own.constraints, own.counts, strict=True):
            domain = info.node.labels.get(constraint.key, "")
            if domain in count and constraint.includes(pod, info.node):
                count[domain] += _matching(info, constraint.selector, pod.namespace)

    def score(self, state: CycleState, pod: Pod, info: NodeInfo) -> int:
        own = self._soft(state)
        if info.name in own.ignored:
            return 0
        total = 0.0
        for constraint, count, weight in zip(own.constraints, own.counts, own.weights, strict=True):
            if constraint.key in info.node.labels:
                if constraint.key == HOSTNAME:
                    number = _matching(info, constraint.selector, pod.namespace)
                else:
                    number = count[info.node.labels[constraint.key]]
                total += float(number) * weight + float(constraint.max_skew - 1)
        return math.floor(total + 0.5)

    def normalize(self, state: CycleState, scores: dict[str, int]) -> dict[str, int]:
        own = self._soft(state)
        counted = [score for name, score in scores.items() if name not in own.ignored]
        most, least = max([*counted, 0]), min(counted, default=0)
        normal = {}
        for name, score in scores.items():
            if name in own.ignored:
                normal[name] = 0
            else:
                normal[name] = MAX_SCORE * (most + least - score) // most if most else MAX_SCORE
        return normal

    def _soft(self, state: CycleState) -> SoftState:
        own = state.before_score.get(self.name)
        if not isinstance(own, SoftState):
            raise PluginError('error reading "PreScorePodTopologySpread" from cycleState: not found')
        return own


def _constraint(written: Object, pod: Pod, selector: LabelSelector | None = None) -> Constraint:
    """`selector` replaces the constraint's own, label keys included."""
    if selector is None:
        keys = [key for key in written.get("matchLabelKeys") or () if key in pod.labels]
        selector = selectors.label_selector(written.get("labelSelector"))
        if keys:
            selector = selector.and_labels({key: pod.labels[key] for key in keys})
    min_domains = written.get("minDomains")
    return Constraint(
        max_skew=written.get("maxSkew") or 0,
        key=written.get("topologyKey") or "",
        selector=selector,
        min_domains=1 if min_domains is None else min_domains,
        honors_affinity=(written.get("nodeAffinityPolicy") or "Honor") == "Honor",
        honors_taints=written.get("nodeTaintsPolicy") == "Honor",
    )


def _has_all_keys(node: Node, constraints: Sequence[Constraint]) -> bool:
    return all(constraint.key in node.labels for constraint in constraints)


def _matching(info: NodeInfo, selector: LabelSelector, namespace: str) -> int:
    """Pods of the namespace that match and are not terminating; an empty selector counts none."""
    if selector.empty:
        return 0
    return sum(
        1
        for other in info.pods
        if not other.deleting and other.namespace == namespace and selector.matches(other.labels)
    )


def default_selector(cluster: Cluster, pod: Pod) -> LabelSelector:
    """What the pod's Services and its controller select; empty where there is none."""
    labels: dict[str, str] = {}
    for service in cluster.all("Service", pod.namespace):
        chosen: Mapping[str, str] | None = (service.get("spec") or {}).get("selector")
        if chosen is not None and selectors.of_labels(chosen).matches(pod.labels):
            labels.update(chosen)
    selector = selectors.of_labels(labels)
    owner = objects.controller_of(pod.raw)
    if owner is None:
        return selector
    kind, version = owner.get("kind") or "", owner.get("apiVersion") or ""
    if (kind, version) == ("ReplicationController", "v1"):
        found = cluster.get(kind, owner.get("name") or "", pod.namespace)
        chosen = (found.get("spec") or {}).get("selector") or {} if found is not None else {}
        return selectors.of_labels({**labels, **chosen})
    if (kind, version) in (("ReplicaSet", "apps/v1"), ("StatefulSet", "apps/v1")):
        found = cluster.get(kind, owner.get("name") or "", pod.namespace)
        if found is not None:
            return _with_set(selector, (found.get("spec") or {}).get("selector"))
    return selector


def _with_set(selector: LabelSelector, written: Mapping[str, Any] | None) -> LabelSelector:
    try:
        added = selectors.label_selector(written)
    except SelectorError:
        return selector
    return LabelSelector(selector.requirements_or_none() + added.requirements_or_none())
