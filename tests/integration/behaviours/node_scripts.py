"""Scripts about nodes that come, change and go."""

from tests.integration.behaviours import registry
from tests.integration.behaviours.specs import on_nodes_with
from tests.integration.behaviours.world import Json, World

SCRIPTS: registry.Scripts = {}
script = registry.into(SCRIPTS)


@script
async def a_pod_is_bound(w: World) -> None:
    await w.node("n")
    await w.pod("p")
    await w.bound("p")
    await w.told("p", "Scheduled")


@script
async def without_nodes_a_pod_waits_for_the_first(w: World) -> None:
    await w.pod("p")
    await w.rejected("p", "no nodes available")
    await w.node("n")
    await w.bound("p")


@script
async def a_pod_waits_for_a_larger_node(w: World) -> None:
    await w.node("a", "1")
    await w.pod("p", "3")
    await w.rejected("p", "Insufficient cpu")
    await w.node("b", "2")  # helps nobody
    await w.node("c", "4")
    await w.bound("p")


@script
async def a_node_grows(w: World) -> None:
    await w.node("n", "1", amounts={"memory": "1Gi"})
    await w.pod("p", "2", requests={"memory": "2Gi"})
    await w.rejected("p", "Insufficient cpu, 1 Insufficient memory")
    await w.status("Node", "n", {"allocatable": {"cpu": "2", "memory": "2Gi"}})
    await w.bound("p")


@script
async def a_taint_is_removed(w: World) -> None:
    taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    await w.node("n", taints=[taint])
    await w.pod("p")
    await w.rejected("p", "untolerated taint")
    await w.patch("Node", "n", spec={"taints": None})
    await w.bound("p")


@script
async def a_node_is_cordoned_and_uncordoned(w: World) -> None:
    await w.node("n", unschedulable=True)
    await w.pod("p")
    await w.rejected("p", "unschedulable")
    await w.patch("Node", "n", spec={"unschedulable": False})
    await w.bound("p")


@script
async def a_node_gets_the_label_that_a_pod_selects(w: World) -> None:
    await w.node("n", labels={"disk": "hdd"})
    await w.pod("p", nodeSelector={"disk": "ssd"})
    await w.pod("q", affinity=on_nodes_with("disk", "nvme"))
    await w.rejected("p", "node affinity/selector")
    await w.rejected("q", "node affinity/selector")
    await w.patch("Node", "n", metadata={"labels": {"disk": "ssd"}})
    await w.bound("p")


@script
async def each_node_says_no_for_a_reason_of_its_own(w: World) -> None:
    await w.node("a", "500m")
    await w.node("b", unschedulable=True)
    await w.node("c", taints=[{"key": "k", "effect": "NoExecute"}])
    await w.node("d", labels={"disk": "hdd"}, amounts={"pods": "1"})
    await w.running("old", "d")
    await w.node("e", labels={"disk": "hdd"})
    await w.pod("p", requests={"ephemeral-storage": "1Gi"})
    await w.rejected("p", "0/5 nodes are available")
    await w.pod("q", affinity=on_nodes_with("disk", "ssd"))
    await w.rejected("q", "0/5 nodes are available")


@script
async def a_pod_is_for_a_node_that_is_not_there(w: World) -> None:
    await w.node("n")
    only = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["gone"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [only]}}
    await w.pod("p", affinity={"nodeAffinity": required})
    await w.rejected("p")
    await w.node("gone")
    await w.bound("p")


@script
async def a_node_is_full_of_pods(w: World) -> None:
    await w.node("n", amounts={"pods": "1"})
    await w.running("old", "n")
    await w.pod("p")
    await w.rejected("p", "Too many pods")
    await w.ended("old")
    await w.bound("p")


@script
async def a_node_goes_with_its_pods(w: World) -> None:
    await w.node("a")
    await w.running("old", "a", "3")
    await w.node("b", "1")
    await w.pod("p", "2")
    await w.rejected("p")
    await w.delete("Node", "a")
    await w.pod("q", "2")
    await w.rejected("q", "0/1 nodes")
    await w.ended("old")
    await w.tried("q", 2)
    await w.node("a")
    await w.bound("p", "q")


@script
async def a_long_reason_is_cut_in_the_event(w: World) -> None:
    for i in range(30):
        await w.node(f"n{i:02}", taints=[{"key": f"example.com/{'k' * 40}-{i:02}", "effect": "NoSchedule"}])
    await w.pod("p")
    await w.rejected("p", "0/30 nodes")
    await w.told("p", "FailedScheduling")


@script
async def what_changes_nothing_wakes_nobody(w: World) -> None:
    await w.node("n", "1", labels={"disk": "hdd"})
    await w.pod("p", "2")
    await w.rejected("p", "Insufficient cpu")
    await w.told("p", "FailedScheduling")
    await w.patch("Node", "n", metadata={"annotations": {"a": "b"}})
    await w.patch("Node", "n", metadata={"labels": {"disk": "ssd"}})
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    await w.status("Node", "n", {"conditions": [ready]})
    await w.patch("Pod", "p", metadata={"labels": {"a": "b"}})
    await w.pod("small", "1", nodeSelector={"disk": "ssd"})
    await w.bound("small")


@script
async def a_node_is_replaced_by_one_of_its_name(w: World) -> None:
    await w.node("n", "1")
    await w.pod("p", "2")
    await w.rejected("p", "Insufficient cpu")
    await w.delete("Node", "n")
    await w.node("n", "2")
    await w.bound("p")


@script
async def a_taint_makes_way_for_another(w: World) -> None:
    await w.node("n", taints=[{"key": "a", "effect": "NoSchedule"}])
    await w.pod("p", tolerations=[{"key": "b", "operator": "Exists"}])
    await w.rejected("p", "untolerated taint")
    await w.patch("Node", "n", spec={"taints": [{"key": "c", "effect": "NoExecute"}]})
    await w.patch("Node", "n", spec={"taints": [{"key": "b", "effect": "NoExecute"}]})
    await w.bound("p")


# ---------------------------------------------------------------------------------- declared features


def _restarting(action: str = "RestartAllContainers") -> Json:
    """A container that has all of its pod started again where it ends with 42."""
    rule = {"action": action, "exitCodes": {"operator": "In", "values": [42]}}
    container = {"name": "c", "image": "i", "restartPolicy": "Never", "restartPolicyRules": [rule]}
    return {**container, "resources": {"requests": {"cpu": "1"}}}


@script
async def a_node_comes_to_declare_what_a_pod_needs(w: World) -> None:
    await w.node("n")
    await w.pod("p", containers=[_restarting()])
    await w.rejected("p", "0/1 nodes are available: 1 node(s) didn't match Pod's required features")
    await w.pod("plain")
    await w.pod("alone", containers=[_restarting(action="Restart")])
    await w.bound("plain", "alone")
    await w.told("p", "FailedScheduling")
    await w.status("Node", "n", {"declaredFeatures": ["ExtendWebSocketsToKubelet"]})
    await w.tried("p", 2)  # what is declared has changed, and that is all that is asked
    await w.status("Node", "n", {"declaredFeatures": ["RestartAllContainersOnContainerExits"]})
    await w.bound("p")


@script
async def no_pod_makes_way_where_the_node_lacks_a_feature(w: World) -> None:
    await w.node("old", "1")
    await w.node("new", "1")
    await w.status("Node", "new", {"declaredFeatures": ["RestartAllContainersOnContainerExits"]})
    await w.running("on-old", "old")
    await w.running("on-new", "new")
    init = {key: value for key, value in _restarting().items() if key != "resources"} | {"name": "first"}
    await w.pod("high", priority=10, initContainers=[init])
    await w.nominated("high", "new")
    await w.going("on-new")
    await w.ended("on-new")
    await w.bound("high")
