"""Scripts about pods that come, change and go, and about what they want of one another."""

from tests.integration.behaviours import registry
from tests.integration.behaviours.specs import affinity, anti_affinity
from tests.integration.behaviours.world import HOST, ZONE, Json, World

SCRIPTS: registry.Scripts = {}
script = registry.into(SCRIPTS)


@script
async def gates_are_removed_one_by_one(w: World) -> None:
    await w.node("n")
    await w.pod("p", schedulingGates=[{"name": "example.com/a"}, {"name": "example.com/b"}])
    await w.rejected("p")
    await w.patch("Pod", "p", spec={"schedulingGates": [{"name": "example.com/b"}]})
    await w.pod("free")
    await w.bound("free")
    await w.patch("Pod", "p", spec={"schedulingGates": None})
    await w.bound("p")


@script
async def a_gated_pod_is_not_woken_and_fits_nowhere_afterwards(w: World) -> None:
    await w.node("a", "1")
    await w.pod("p", "3", schedulingGates=[{"name": "example.com/a"}])
    await w.node("b", "2")
    await w.patch("Pod", "p", spec={"schedulingGates": None})
    await w.rejected("p", "0/2 nodes")
    await w.node("c", "3")
    await w.bound("p")


@script
async def a_pod_is_deleted_while_it_waits_and_comes_again(w: World) -> None:
    await w.node("n", "1")
    await w.pod("p", "2")
    await w.rejected("p")
    await w.delete("Pod", "p")
    await w.pod("p", "1")
    await w.bound("p")


@script
async def a_pod_that_is_being_deleted_is_left_alone(w: World) -> None:
    await w.node("n", "1")
    await w.pod("p", "2", finalizers=["example.com/hold"])
    await w.rejected("p")
    await w.delete("Pod", "p")
    await w.going("p")
    await w.status("Node", "n", {"allocatable": {"cpu": "4"}})
    await w.pod("q", "4")
    await w.bound("q")


@script
async def a_pod_tolerates_what_kept_it_out(w: World) -> None:
    await w.node("n", taints=[{"key": "k", "effect": "NoSchedule"}])
    await w.pod("p")
    await w.rejected("p", "untolerated taint")
    pod = await w.patch("Pod", "p", metadata={"labels": {"a": "b"}})  # helps nothing
    tolerations = [*pod["spec"]["tolerations"], {"key": "k", "operator": "Exists"}]
    await w.patch("Pod", "p", spec={"tolerations": tolerations})
    await w.bound("p")


@script
async def pods_of_other_schedulers_are_left_alone(w: World) -> None:
    await w.node("n", "2")
    await w.pod("theirs", schedulerName="nobody")
    await w.pod("p")
    await w.bound("p")


@script
async def another_binds_a_pod_that_waits(w: World) -> None:
    await w.node("n", "1")
    await w.pod("p", "2")
    await w.rejected("p", "Insufficient cpu")
    await w.bind("p", "n")
    await w.status("Node", "n", {"allocatable": {"cpu": "3"}})
    await w.pod("q", "1")
    await w.bound("q")


@script
async def a_pod_asks_for_what_no_node_has(w: World) -> None:
    gpu = {"example.com/gpu": "1"}
    await w.node("a")
    await w.pod("p", requests=gpu, limits=gpu)
    await w.rejected("p", "Insufficient example.com/gpu")
    await w.status("Node", "a", {"capacity": gpu, "allocatable": gpu})
    await w.bound("p")


@script
async def a_pod_with_init_containers_and_sidecars_needs_the_most_of_them(w: World) -> None:
    def asks(name: str, cpu: str, **fields: str) -> Json:
        return {"name": name, "image": "i", "resources": {"requests": {"cpu": cpu}}, **fields}

    await w.node("a", "4")
    await w.pod("p", "1", initContainers=[asks("side", "1", restartPolicy="Always"), asks("first", "4")])
    await w.rejected("p", "Insufficient cpu")
    await w.node("b", "5")
    await w.bound("p")


@script
async def a_second_profile_has_a_mind_of_its_own(w: World) -> None:
    await w.node("a", "4")
    await w.node("b", "4")
    await w.running("old", "a", "2")
    await w.pod("spread", "1")  # the default profile likes the emptier node
    await w.bound("spread")
    await w.ended("spread")
    await w.pod("packed", "1", schedulerName="packing")
    await w.bound("packed")
    await w.pod("large", "5", schedulerName="packing")
    await w.rejected("large")


@script
async def two_pods_want_one_port(w: World) -> None:
    ports = [{"containerPort": 80, "hostPort": 8080}]
    await w.node("n")
    await w.pod("first", ports=ports)
    await w.bound("first")
    await w.pod("second", ports=ports)
    await w.rejected("second", "free ports")
    await w.ended("first")
    await w.bound("second")


@script
async def a_pod_is_made_smaller_in_place(w: World) -> None:
    await w.node("n", "4")
    await w.running("old", "n", "3")
    await w.pod("p", "2")
    await w.rejected("p", "Insufficient cpu")
    smaller = {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}
    await w.status("Pod", "old", {"spec": smaller}, "resize")
    await w.bound("p")


@script
async def a_pod_grows_in_place(w: World) -> None:
    await w.node("n", "4")
    await w.running("old", "n", "1")
    larger = {"containers": [{"name": "c", "resources": {"requests": {"cpu": "3"}}}]}
    await w.status("Pod", "old", {"spec": larger}, "resize")
    await w.pod("p", "2")
    await w.rejected("p", "Insufficient cpu")
    await w.status("Pod", "old", {"phase": "Succeeded"})
    await w.bound("p")


@script
async def a_pod_that_ends_makes_room(w: World) -> None:
    await w.node("n", "2")
    await w.running("old", "n", "2")
    await w.pod("p", "2")
    await w.rejected("p")
    await w.status("Pod", "old", {"phase": "Failed"})
    await w.bound("p")


# --------------------------------------------------------------------------- between the pods


@script
async def a_pod_waits_for_the_one_it_wants_to_be_with(w: World) -> None:
    await w.node("a")
    await w.node("b")
    await w.pod("p", affinity=affinity("db"))
    await w.rejected("p", "pod affinity rules")
    await w.pod("other", labels={"app": "web"}, nodeSelector={HOST: "a"})  # helps nobody
    await w.bound("other")
    await w.pod("db", labels={"app": "db"}, nodeSelector={HOST: "b"})
    await w.bound("db", "p")


@script
async def a_pod_waits_until_the_one_it_avoids_is_gone(w: World) -> None:
    await w.node("n")
    await w.running("noisy", "n", labels={"app": "noisy"})
    await w.pod("p", affinity=anti_affinity("noisy"))
    await w.rejected("p", "anti-affinity rules")
    await w.ended("noisy")
    await w.bound("p")


@script
async def one_that_runs_avoids_a_pod(w: World) -> None:
    await w.node("n", labels={ZONE: "z"})
    await w.running("shy", "n", affinity=anti_affinity("noisy", ZONE))
    await w.pod("p", labels={"app": "noisy"})
    await w.rejected("p", "existing pods anti-affinity rules")
    await w.ended("shy")
    await w.bound("p")


@script
async def a_pod_no_longer_bears_what_others_avoid(w: World) -> None:
    await w.node("n")
    await w.running("shy", "n", affinity=anti_affinity("noisy"))
    await w.pod("p", labels={"app": "noisy"})
    await w.rejected("p", "existing pods anti-affinity rules")
    await w.patch("Pod", "p", metadata={"labels": {"app": "quiet"}})
    await w.bound("p")


@script
async def replicas_spread_until_a_zone_is_missing(w: World) -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    await w.node("a", labels={ZONE: "a"})
    await w.running("one", "a", labels={"app": "web"})
    await w.node("b", "500m", labels={ZONE: "b"})
    await w.pod("two", labels={"app": "web"}, topologySpreadConstraints=[constraint])
    await w.rejected("two", "topology spread constraints")
    await w.node("c", labels={ZONE: "b"})
    await w.bound("two")
    await w.pod(
        "three", labels={"app": "web"}, topologySpreadConstraints=[constraint], nodeSelector={ZONE: "c"}
    )
    await w.rejected("three")
    await w.node("d", labels={ZONE: "c"})
    await w.bound("three")


# ---------------------------------------------------------------------------------- namespaces


@script
async def a_namespace_goes_with_its_pods(w: World) -> None:
    """A namespace that ends takes neither Bindings nor Events."""
    await w.node("n", "1")
    await w.pod("p", "2")
    await w.rejected("p")
    await w.told("p", "FailedScheduling")
    await w.end_namespace()
    await w.node("m", "2")
    await w.rejected("p", "because it is being terminated")
    await w.ended("p")
