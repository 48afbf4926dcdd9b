"""Scripts about pods that make room for more important ones."""

from tests.integration.behaviours import registry
from tests.integration.behaviours.specs import affinity, anti_affinity
from tests.integration.behaviours.world import World

SCRIPTS: registry.Scripts = {}
script = registry.into(SCRIPTS)


@script
async def a_victim_makes_room(w: World) -> None:
    await w.node("n", "2")
    await w.running("victim", "n", "2", terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.nominated("high", "n")
    await w.going("victim")
    await w.told("victim", "Preempted")
    await w.ended("victim")
    await w.bound("high")


@script
async def of_two_nodes_the_one_with_the_lesser_victim(w: World) -> None:
    await w.node("a", "2")
    await w.node("b", "2")
    await w.running("five", "a", "2", priority=5, terminationGracePeriodSeconds=30)
    await w.running("four", "b", "2", priority=4, terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.nominated("high", "b")
    await w.going("four")
    await w.ended("four")
    await w.bound("high")


@script
async def several_victims_on_one_node(w: World) -> None:
    await w.node("n", "4")
    for i in range(4):
        await w.running(f"v{i}", "n", "1", priority=i, terminationGracePeriodSeconds=30)
    await w.pod("high", "3", priority=100)
    await w.going("v0", "v1", "v2")
    for i in range(3):
        await w.told(f"v{i}", "Preempted")
    await w.nominated("high", "n")
    for i in range(2):  # each time it is tried again, and is told so; an Event names the version it is about
        await w.ended(f"v{i}")
        await w.rejected("high", "not eligible")
        await w.tried("high", i + 2)
    await w.ended("v2")
    await w.bound("high")


@script
async def a_victim_without_grace_goes_at_once(w: World) -> None:
    await w.node("n", "2")
    await w.running("victim", "n", "2", terminationGracePeriodSeconds=0)
    await w.pod("high", "2", priority=100)
    await w.bound("high")
    await w.told("victim", "Preempted")


@script
async def a_budget_protects_one_of_two(w: World) -> None:
    status = {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}}
    await w.create("PodDisruptionBudget", "kept", status, spec=spec)
    await w.node("a", "2")
    await w.node("b", "2")
    await w.running("kept", "a", "2", labels={"app": "kept"}, terminationGracePeriodSeconds=30)
    await w.running("free", "b", "2", priority=50, terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.nominated("high", "b")
    await w.going("free")
    await w.ended("free")
    await w.bound("high")


@script
async def a_budget_is_broken_where_nothing_else_helps(w: World) -> None:
    status = {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}}
    await w.create("PodDisruptionBudget", "kept", status, spec=spec)
    await w.node("n", "2")
    await w.running("kept", "n", "2", labels={"app": "kept"}, terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.going("kept")
    await w.ended("kept")
    await w.bound("high")


@script
async def a_pod_that_never_preempts_waits(w: World) -> None:
    await w.node("n", "2")
    await w.running("old", "n", "2")
    await w.pod("polite", "2", priority=100, preemptionPolicy="Never")
    await w.rejected("polite", "preemptionPolicy=Never")
    await w.ended("old")
    await w.bound("polite")


@script
async def preemption_does_not_help(w: World) -> None:
    await w.node("a", "1")
    await w.running("old", "a", "1")
    await w.node("b", "4", unschedulable=True)
    await w.running("important", "b", "4", priority=200)
    await w.pod("high", "2", priority=100)
    await w.rejected("high", "preemption: 0/2 nodes are available")


@script
async def the_victims_are_awaited(w: World) -> None:
    """What happens meanwhile makes nobody else a victim."""
    await w.node("a", "2")
    await w.running("victim", "a", "2", terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.nominated("high", "a")
    await w.going("victim")
    await w.told("victim", "Preempted")
    await w.node("b", "1")
    await w.running("other", "b", "1", terminationGracePeriodSeconds=30)
    await w.ended("other")
    await w.pod("small", "1")
    await w.bound("small")
    await w.ended("victim")
    await w.bound("high")


@script
async def room_is_kept_for_the_nominated(w: World) -> None:
    await w.node("n", "2")
    await w.running("victim", "n", "2", terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.nominated("high", "n")
    await w.going("victim")
    await w.pod("low", "1", priority=1)
    await w.rejected("low", "Insufficient cpu")
    await w.ended("victim")
    await w.bound("high")


@script
async def a_more_important_pod_takes_the_nominated_place(w: World) -> None:
    await w.node("n", "2")
    await w.running("victim", "n", "2", terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.nominated("high", "n")
    await w.going("victim")
    await w.told("victim", "Preempted")
    await w.pod("higher", "2", priority=200)
    await w.rejected("higher")
    await w.ended("victim")
    await w.bound("higher")
    await w.rejected("high", "Insufficient cpu")


@script
async def another_node_comes_before_the_victim_has_gone(w: World) -> None:
    await w.node("a", "2")
    await w.running("victim", "a", "2", terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.nominated("high", "a")
    await w.going("victim")
    await w.told("victim", "Preempted")
    await w.node("b", "4")
    await w.bound("high")


@script
async def the_nominated_node_goes(w: World) -> None:
    await w.node("a", "2")
    await w.running("victim", "a", "2", terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.nominated("high", "a")
    await w.going("victim")
    await w.told("victim", "Preempted")
    await w.delete("Node", "a")
    await w.ended("victim")
    await w.node("b", "2")
    await w.bound("high")


@script
async def a_nominated_pod_is_deleted_and_others_profit(w: World) -> None:
    await w.node("n", "2")
    await w.running("victim", "n", "2", terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.nominated("high", "n")
    await w.going("victim")
    await w.pod("low", "2", priority=1)
    await w.rejected("low")
    await w.ended("high")
    await w.ended("victim")
    await w.bound("low")


@script
async def the_victim_is_one_that_the_pod_avoids(w: World) -> None:
    await w.node("n", "4")
    await w.running("noisy", "n", labels={"app": "noisy"}, terminationGracePeriodSeconds=30)
    await w.running("quiet", "n", terminationGracePeriodSeconds=30)
    await w.pod("high", priority=100, affinity=anti_affinity("noisy"))
    await w.nominated("high", "n")
    await w.going("noisy")
    await w.ended("noisy")
    await w.bound("high")


@script
async def removing_the_partner_is_no_help(w: World) -> None:
    await w.node("n", "1")
    await w.running("db", "n", "1", labels={"app": "db"}, terminationGracePeriodSeconds=30)
    await w.pod("high", "1", priority=100, affinity=affinity("db"))
    await w.rejected("high", "preemption: 0/1 nodes are available")


@script
async def a_victim_has_to_give_up_its_port(w: World) -> None:
    ports = [{"containerPort": 80, "hostPort": 8080}]
    await w.node("n", "4")
    await w.running("victim", "n", ports=ports, terminationGracePeriodSeconds=30)
    await w.pod("high", priority=100, ports=ports)
    await w.nominated("high", "n")
    await w.going("victim")
    await w.ended("victim")
    await w.bound("high")


@script
async def the_second_profile_preempts_in_its_own_name(w: World) -> None:
    await w.node("n", "2")
    await w.running("victim", "n", "2", terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100, schedulerName="packing")
    await w.nominated("high", "n")
    await w.going("victim")
    await w.told("victim", "Preempted")
    await w.ended("victim")
    await w.bound("high")


@script
async def a_pod_that_comes_with_a_nomination_goes_there(w: World) -> None:
    await w.node("a", "2")
    await w.node("b", "4")
    await w.pod("p", schedulingGates=[{"name": "example.com/a"}])
    await w.status("Pod", "p", {"nominatedNodeName": "a"})
    await w.patch("Pod", "p", spec={"schedulingGates": None})
    await w.bound("p")


@script
async def a_lesser_nomination_ends_where_a_greater_one_preempts(w: World) -> None:
    await w.node("n", "4")
    await w.running("a", "n", "2", priority=1, terminationGracePeriodSeconds=30)
    await w.running("b", "n", "2", priority=2, terminationGracePeriodSeconds=30)
    await w.pod("middle", "2", priority=50)
    await w.nominated("middle", "n")
    await w.going("a")
    await w.told("a", "Preempted")
    await w.pod("high", "4", priority=100)
    await w.going("b")
    await w.nominated("middle", "")
    await w.nominated("high", "n")
    await w.told("b", "Preempted")
    await w.ended("a")  # both are tried again, and the greater one waits for the other victim
    await w.rejected("high", "not eligible")
    await w.rejected("middle", "preemption: 0/1 nodes are available: 1 Insufficient cpu")
    await w.ended("b")
    await w.bound("high")
    await w.rejected("middle", "No preemption victims found")


@script
async def a_victim_is_on_its_way_already(w: World) -> None:
    await w.node("n", "2")
    await w.running("victim", "n", "2", priority=1, terminationGracePeriodSeconds=30)
    await w.delete("Pod", "victim")
    await w.going("victim")
    await w.pod("high", "2", priority=100)
    await w.rejected("high")
    await w.ended("victim")
    await w.bound("high")


@script
async def the_least_of_two_makes_room(w: World) -> None:
    """Of two nodes one is full for good, on the other a lesser pod is in the way."""
    await w.node("a", "1")
    await w.running("equal", "a", "1", priority=100, terminationGracePeriodSeconds=30)
    await w.node("b", "2")
    await w.running("lesser", "b", "1", priority=10, terminationGracePeriodSeconds=30)
    await w.running("least", "b", "1", priority=1, terminationGracePeriodSeconds=30)
    await w.pod("high", "1", priority=100)
    await w.nominated("high", "b")
    await w.going("least")
    await w.ended("least")
    await w.bound("high")


@script
async def room_is_made_after_a_taint_is_gone(w: World) -> None:
    await w.node("n", "2", taints=[{"key": "k", "effect": "NoSchedule"}])
    await w.running("victim", "n", "2", terminationGracePeriodSeconds=30)
    await w.pod("high", "2", priority=100)
    await w.rejected("high", "Preemption is not helpful")
    await w.patch("Node", "n", spec={"taints": None})
    await w.nominated("high", "n")
    await w.going("victim")
    await w.ended("victim")
    await w.bound("high")
