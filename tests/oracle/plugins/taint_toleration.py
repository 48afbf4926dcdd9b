"""TaintToleration: NoSchedule and NoExecute taints filter, PreferNoSchedule taints score."""

from collections.abc import Sequence

from tests.oracle import selectors
from tests.oracle.cluster import NodeInfo
from tests.oracle.framework import CycleState, Plugin, PluginError, Status, normalized, unresolvable
from tests.oracle.objects import Pod

HARD = ("NoSchedule", "NoExecute")


class TaintToleration(Plugin):
    name = "TaintToleration"
    points = frozenset({"filter", "preScore", "score"})

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        if selectors.untolerated(info.node.taints, pod.tolerations, HARD):
            return unresolvable("node(s) had untolerated taint(s)")
        return None

    def pre_score(self, state: CycleState, pod: Pod, feasible: Sequence[NodeInfo]) -> Status | None:
        soft = [each for each in pod.tolerations if each.get("effect") in (None, "", "PreferNoSchedule")]
        state.before_score[self.name] = soft
        return None

    def score(self, state: CycleState, pod: Pod, info: NodeInfo) -> int:
        if self.name not in state.before_score:
            raise PluginError('failed to read "PreScoreTaintToleration" from cycleState: not found')
        tolerations = state.before_score[self.name]
        return selectors.untolerated(info.node.taints, tolerations, ("PreferNoSchedule",))

    def normalize(self, state: CycleState, scores: dict[str, int]) -> dict[str, int]:
        return normalized(scores, reverse=True)
