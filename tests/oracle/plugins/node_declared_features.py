"""NodeDeclaredFeatures: what a kubelet must be able to do for a pod."""

from tests.oracle.cluster import NodeInfo
from tests.oracle.framework import CycleState, Plugin, Status, failure, skip, unresolvable
from tests.oracle.objects import Pod

# AllFeatures of component-helpers 0.36.2, in the order in which they are looked up.
KNOWN = (
    "ExtendWebSocketsToKubelet",
    "InPlacePodLevelResourcesVerticalScaling",
    "InPlacePodVerticalScalingInitContainers",
    "RestartAllContainersOnContainerExits",
    "UserNamespacesHostNetworkSupport",
)


class FeatureState:
    """What the pod needs; nothing changes it."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted = wanted

    def clone(self) -> "FeatureState":
        return self


class NodeDeclaredFeatures(Plugin):
    name = "NodeDeclaredFeatures"
    points = frozenset({"preFilter", "filter"})

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        wanted = _wanted(pod)
        if not wanted:
            return None, skip()
        state.before_filter[self.name] = FeatureState(wanted)
        return None, None

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        own = state.before_filter.get(self.name)
        if not isinstance(own, FeatureState):
            return failure('error reading "PreFilterNodeDeclaredFeatures" from cycle-state: not found')
        if own.wanted <= _recognised(info.node.declared_features):
            return None
        return unresolvable("node(s) didn't match Pod's required features")


def _wanted(pod: Pod) -> set[str]:
    wanted = set()
    if pod.spec.get("hostNetwork") and pod.spec.get("hostUsers") is False:
        wanted.add("UserNamespacesHostNetworkSupport")
    for container in [*pod.containers, *pod.init_containers]:
        for rule in container.get("restartPolicyRules") or []:
            if rule.get("action") == "RestartAllContainers":
                wanted.add("RestartAllContainersOnContainerExits")
    return wanted


def _recognised(declared: list[str]) -> set[str]:
    """TryMap: two sorted lists gone through side by side, one of which may not be sorted."""
    found = set()
    ahead, known = list(declared), list(KNOWN)
    while ahead and known:
        if ahead[0] == known[0]:
            found.add(ahead.pop(0))
            known.pop(0)
        elif ahead[0] < known[0]:
            ahead.pop(0)
        else:
            known.pop(0)
    return found
