"""Plugins that only have a name here: nothing a scenario holds makes them refuse or score.

NodeDeclaredFeatures is the exception: it speaks up for pods that ask for what a node must declare.
"""

from tests.oracle.cluster import NodeInfo
from tests.oracle.framework import CycleState, Plugin, Status, skip, unresolvable
from tests.oracle.objects import Pod


class DynamicResources(Plugin):
    name = "DynamicResources"
    points = frozenset({"preEnqueue", "preFilter", "filter", "postFilter", "score"})


class DefaultPreemption(Plugin):
    name = "DefaultPreemption"
    points = frozenset({"preEnqueue", "postFilter"})


class DefaultBinder(Plugin):
    name = "DefaultBinder"


class GangScheduling(Plugin):
    name = "GangScheduling"
    points = frozenset({"preEnqueue"})


class NodeDeclaredFeatures(Plugin):
    name = "NodeDeclaredFeatures"
    points = frozenset({"preFilter", "filter"})
    reason = "node(s) didn't match Pod's required features"

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        return None, None if self._wanted(pod) else skip()

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        return None if self._wanted(pod) <= info.node.declared_features else unresolvable(self.reason)

    @staticmethod
    def _wanted(pod: Pod) -> set[str]:
        wanted = set()
        if pod.spec.get("hostNetwork") and pod.spec.get("hostUsers") is False:
            wanted.add("UserNamespacesHostNetworkSupport")
        for container in [*pod.containers, *pod.init_containers]:
            rules = container.get("restartPolicyRules") or []
            if any(rule.get("action") == "RestartAllContainers" for rule in rules):
                wanted.add("RestartAllContainersOnContainerExits")
        return wanted
