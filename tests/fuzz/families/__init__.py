"""The wild families: what the recorded scenarios of `tests.reference.scenarios` never hold."""

from tests.fuzz.families import configuration, disks, placement, preemption, resources, storage, topology
from tests.fuzz.world import Family, Json, World

TOPICS: dict[str, Family] = {
    "wild-nodeaffinity": placement.node_affinity,
    "wild-taints": placement.taints,
    "wild-ports": placement.ports,
    "wild-images": placement.images,
    "wild-gates": placement.gates,
    "wild-features": placement.features,
    "wild-resources": resources.resources,
    "wild-strategies": resources.strategies,
    "wild-interpod": topology.interpod,
    "wild-spread": topology.spread,
    "wild-owned": topology.owned,
    "wild-volumes": storage.volumes,
    "wild-attach": storage.attach,
    "wild-zones": storage.zones,
    "wild-disks": disks.disks,
    "wild-preemption": preemption.preemption,
    "wild-nominated": preemption.nominated,
    "wild-configuration": configuration.configuration,
}


def mixed(w: World) -> None:
    """Three or four topics in one cluster."""
    topics = [f for name, f in TOPICS.items() if name not in ("wild-configuration", "wild-gates")]
    for topic in w.some(topics, 3, 4):
        topic(w)


FAMILIES: dict[str, Family] = {**TOPICS, "wild-mixed": mixed}


def scenario(family: str, seed: int, index: int) -> Json:
    """The scenario of a wild family at one place of a seed's stream; the same each time."""
    world = World(seed * 1_000_003 + index)
    FAMILIES[family](world)
    return world.scenario(f"{family}-{seed}-{index:05d}", family)
