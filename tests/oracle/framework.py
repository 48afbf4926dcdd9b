"""The plugin framework's runtime: statuses, a cycle's state, and how the extension points are run."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.oracle.cluster import Cluster, NodeInfo
from tests.oracle.objects import Pod

UNSCHEDULABLE = "Unschedulable"
UNRESOLVABLE = "UnschedulableAndUnresolvable"
ERROR = "Error"
SKIP = "Skip"
MAX_SCORE = 100


@dataclass
class Status:
    """What is not a success; None is one."""

    code: str
    reasons: list[str] = field(default_factory=list)
    plugin: str = ""

    @property
    def rejected(self) -> bool:
        return self.code in (UNSCHEDULABLE, UNRESOLVABLE)


def skip() -> Status:
    return Status(SKIP)


def unschedulable(*reasons: str) -> Status:
    return Status(UNSCHEDULABLE, list(reasons))


def unresolvable(*reasons: str) -> Status:
    return Status(UNRESOLVABLE, list(reasons))


def failure(message: object) -> Status:
    return Status(ERROR, [str(message)])


class PluginError(Exception):
    """A plugin fails where kube-scheduler's would report an error."""


class State(Protocol):
    """What a plugin keeps from PreFilter; `clone` shares nothing that AddPod or RemovePod change."""

    def clone(self) -> "State": ...


@dataclass
class CycleState:
    before_filter: dict[str, State] = field(default_factory=dict)
    before_score: dict[str, Any] = field(default_factory=dict)
    skip_filter: set[str] = field(default_factory=set)
    skip_score: set[str] = field(default_factory=set)
    narrowed: list[str] = field(default_factory=list)  # PreFilter plugins that named nodes

    def clone(self) -> "CycleState":
        made = copy.copy(self)
        made.before_filter = {name: state.clone() for name, state in self.before_filter.items()}
        return made


class Plugin:
    """One plugin: `points` names the extension points it takes part in, `args` its configuration."""

    name = ""
    points: frozenset[str] = frozenset()
    counts_pods = False  # has AddPod and RemovePod

    def __init__(self, cluster: Cluster, args: dict[str, Any]) -> None:
        self.cluster = cluster
        self.args = args

    def pre_enqueue(self, pod: Pod) -> Status | None:
        return None

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        """The only nodes that come into question, or None; and a refusal of all, or a Skip."""
        return None, skip()

    def count_pod(self, state: CycleState, pod: Pod, other: Pod, info: NodeInfo, sign: int) -> None:
        """AddPod (+1) and RemovePod (-1): `other` comes to, or leaves, `info`."""

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        return None

    def pre_score(self, state: CycleState, pod: Pod, feasible: Sequence[NodeInfo]) -> Status | None:
        return skip()

    def score(self, state: CycleState, pod: Pod, info: NodeInfo) -> int:
        """Raises PluginError."""
        return 0

    def normalize(self, state: CycleState, scores: dict[str, int]) -> dict[str, int]:
        return scores


@dataclass
class Profile:
    """One scheduler name's plugins, in order, by extension point."""

    scheduler_name: str
    cluster: Cluster
    plugins: dict[str, list[Plugin]]
    weights: dict[str, int]
    nominated: dict[str, list[Pod]] = field(default_factory=dict)

    def run_pre_enqueue(self, pod: Pod) -> Status | None:
        for plugin in self.plugins["preEnqueue"]:
            status = plugin.pre_enqueue(pod)
            if status is not None:
                status.plugin = plugin.name
                return status
        return None

    def run_pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        only: set[str] | None = None
        narrowed: set[str] = set()
        refusal: Status | None = None
        for plugin in self.plugins["preFilter"]:
            names, status = plugin.pre_filter(state, pod)
            if status is not None and status.code == SKIP:
                state.skip_filter.add(plugin.name)
                continue
            if status is not None:
                status.plugin = plugin.name
                if status.code == ERROR:
                    status.reasons = [f'running PreFilter plugin "{plugin.name}": {status.reasons[0]}']
                if status.code != UNSCHEDULABLE:
                    return None, status
                refusal = status
                continue
            if names is not None:
                narrowed.add(plugin.name)
                only = names if only is None else only & names
            if only is not None and not only:
                return only, unresolvable(_disjoint(sorted(narrowed)))
        state.narrowed = sorted(narrowed)
        return only, refusal

    def count_pod(self, state: CycleState, pod: Pod, other: Pod, info: NodeInfo, sign: int) -> None:
        for plugin in self.plugins["preFilter"]:
            if plugin.counts_pods and plugin.name not in state.skip_filter:
                plugin.count_pod(state, pod, other, info, sign)

    def run_filters(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        for plugin in self.plugins["filter"]:
            if plugin.name in state.skip_filter:
                continue
            status = plugin.filter(state, pod, info)
            if status is not None:
                status.plugin = plugin.name
                if not status.rejected:
                    status.reasons = [f'running "{plugin.name}" filter plugin: {status.reasons[0]}']
                return status
        return None

    def run_filters_with_nominated(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        """With the pods nominated to the node that matter as much or more, and then without them."""
        rivals = [
            other
            for other in self.nominated.get(info.name, [])
            if other.priority >= pod.priority and other.uid != pod.uid
        ]
        if rivals:
            crowded, full = state.clone(), info.copy()
            for other in rivals:
                full.add(other)
                self.count_pod(crowded, pod, other, full, 1)
            status = self.run_filters(crowded, pod, full)
            if status is not None:
                return status
        return self.run_filters(state, pod, info)

    def run_scores(
        self, state: CycleState, pod: Pod, feasible: Sequence[NodeInfo]
    ) -> dict[str, dict[str, int]]:
        """Node, plugin: weighted score. Raises PluginError."""
        for plugin in self.plugins["preScore"]:
            status = plugin.pre_score(state, pod, feasible)
            if status is not None and status.code != SKIP:
                message = f'prescore: running PreScore plugin "{plugin.name}": {status.reasons[0]}'
                raise PluginError(message)
            if status is not None:
                state.skip_score.add(plugin.name)
        table: dict[str, dict[str, int]] = {info.name: {} for info in feasible}
        for plugin in self.plugins["score"]:
            if plugin.name in state.skip_score:
                continue
            try:
                raw = {info.name: plugin.score(state, pod, info) for info in feasible}
                normal = plugin.normalize(state, raw)
            except PluginError as error:
                message = f'score: running Score plugins: plugin "{plugin.name}" failed with: {error}'
                raise PluginError(message) from error
            for name, score in normal.items():
                if not 0 <= score <= MAX_SCORE:
                    raise PluginError(f'score: plugin "{plugin.name}" returns an invalid score {score}')
                table[name][plugin.name] = score * self.weights[plugin.name]
        return table


def _disjoint(plugins: list[str]) -> str:
    if len(plugins) == 1:
        return f"node(s) didn't satisfy plugin {plugins[0]}"
    return f"node(s) didn't satisfy plugin(s) [{' '.join(plugins)}] simultaneously"


def normalized(scores: dict[str, int], *, reverse: bool) -> dict[str, int]:
    """The default normalisation: shares of the highest score."""
    most = max(0, *scores.values())
    if most == 0:
        return dict.fromkeys(scores, MAX_SCORE) if reverse else scores
    shares = {name: MAX_SCORE * score // most for name, score in scores.items()}
    return {name: MAX_SCORE - share for name, share in shares.items()} if reverse else shares
