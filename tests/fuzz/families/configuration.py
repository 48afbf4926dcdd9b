"""Families about the configuration: extension points, multiPoint, order, `*`, two profiles."""

from collections.abc import Sequence

from tests.fuzz.families import placement, preemption, resources, topology
from tests.fuzz.world import Json, World, plugin_config

# In the order of the default profile.
FILTERS = (
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "VolumeRestrictions",
    "NodeVolumeLimits",
    "VolumeBinding",
    "VolumeZone",
    "PodTopologySpread",
    "InterPodAffinity",
    "NodeDeclaredFeatures",
)
SCORES = (
    "TaintToleration",
    "NodeAffinity",
    "NodeResourcesFit",
    "VolumeBinding",
    "PodTopologySpread",
    "InterPodAffinity",
    "NodeResourcesBalancedAllocation",
    "ImageLocality",
)
# Filter plugins that do without what their own PreFilter prepares.
ALONE = ("NodeUnschedulable", "NodeName", "TaintToleration")
NEEDED = ("PrioritySort", "DefaultBinder")


def configuration(w: World) -> None:
    """A cluster that many plugins have something to say about, and a profile that changes who says it."""
    topics = [placement.taints, placement.node_affinity, placement.ports, placement.images]
    topics += [topology.spread, topology.interpod, resources.resources, preemption.preemption]
    topics += [placement.features]
    for topic in w.some(topics, 2, 3):
        topic(w)
    if w.p(0.5):
        resources.strategies(w)
    w.plugins = _plugins(w)
    if w.p(0.35):
        _second_profile(w)
    if w.p(0.2):
        w.args["DefaultPreemption"] = {"minCandidateNodesPercentage": 0, "minCandidateNodesAbsolute": 1}
    if w.p(0.2):
        w.args["VolumeBinding"] = {"bindTimeoutSeconds": 5}
    if w.p(0.2):
        w.around = {"parallelism": 2, "percentageOfNodesToScore": w.pick([0, 50, 100])}


def _plugins(w: World) -> Json:
    roll = w.r.random()
    if roll < 0.25:
        return _everything_off(w)
    if roll < 0.5:
        return _multi_point(w)
    made: Json = {}
    if w.p(0.6):
        made["score"] = _reweighed(w, SCORES)
    if w.p(0.6):
        made["filter"] = _reordered(w)
    if w.p(0.2):
        made["postFilter"] = {"disabled": [{"name": w.pick(["DefaultPreemption", "*", "DynamicResources"])}]}
    if w.p(0.15):
        made["preEnqueue"] = {"disabled": [{"name": "SchedulingGates"}]}
    if w.p(0.15):
        made["preScore"] = {
            "disabled": [{"name": "*"}],
            "enabled": [{"name": n} for n in w.some(SCORES, 1, 3)],
        }
        made["score"] = {"disabled": [{"name": "*"}], "enabled": list(made["preScore"]["enabled"])}
        made["preScore"]["enabled"] = [p for p in made["preScore"]["enabled"] if p["name"] != "ImageLocality"]
    return made


def _reweighed(w: World, names: Sequence[str]) -> Json:
    """Some disabled, some of them enabled again with another weight, some enabled on top of the default."""
    chosen = w.some(names, 1, 4)
    made: Json = {}
    if w.p(0.85):
        made["disabled"] = [{"name": n} for n in chosen] if w.p(0.8) else [{"name": "*"}]
    enabled: list[Json] = []
    for name in chosen:
        if w.p(0.7):
            one: Json = {"name": name}
            if w.p(0.85):
                one["weight"] = w.pick([0, *range(1, 13)])
            enabled.append(one)
    if enabled:
        made["enabled"] = enabled
    return made


def _reordered(w: World) -> Json:
    if w.p(0.4):  # all of them, in any order
        order = list(FILTERS)
        w.r.shuffle(order)
        order = order[: w.r.randint(6, len(order))]
        return {"disabled": [{"name": "*"}], "enabled": [{"name": n} for n in order]}
    chosen = w.some(FILTERS, 1, 4)
    made: Json = {"disabled": [{"name": n} for n in chosen]}
    if w.p(0.6):
        made["enabled"] = [{"name": n} for n in chosen]
    elif w.p(0.5):  # ahead of the default ones
        made = {"enabled": [{"name": n} for n in chosen]}
    return made


def _everything_off(w: World) -> Json:
    """`*` at multiPoint, and what is left is named."""
    order = list(dict.fromkeys([*FILTERS, *SCORES, "DefaultPreemption", "SchedulingGates"]))
    kept = w.some(order, 3, len(order))
    enabled: list[Json] = [{"name": n} for n in [*kept, *NEEDED]]
    for one in enabled:
        if one["name"] in SCORES and w.p(0.4):
            one["weight"] = w.r.randint(1, 9)
    return {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}}


def _multi_point(w: World) -> Json:
    chosen = w.some([*FILTERS, *SCORES, "DefaultPreemption", "SchedulingGates"], 1, 4)
    made: Json = {"multiPoint": {"disabled": [{"name": n} for n in dict.fromkeys(chosen)]}}
    if w.p(0.6):
        again = [n for n in dict.fromkeys(chosen) if w.p(0.6)]
        made["multiPoint"]["enabled"] = [
            {"name": n, "weight": w.r.randint(1, 9)} if n in SCORES else {"name": n} for n in again
        ]
        if w.p(0.4):
            del made["multiPoint"]["disabled"]
    if w.p(0.4):  # a point of its own beside multiPoint
        made["score"] = _reweighed(w, [n for n in SCORES if n not in chosen] or SCORES)
    return made


def _second_profile(w: World) -> None:
    """Another profile with arguments of its own; some of the pods are its."""
    args: dict[str, Json] = {}
    if w.p(0.6):
        strategy = {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": w.r.randint(1, 9)}]}
        args["NodeResourcesFit"] = {"scoringStrategy": strategy}
    if w.p(0.4):
        args["InterPodAffinity"] = {"hardPodAffinityWeight": w.r.randint(0, 100)}
    if w.p(0.3):
        args["DefaultPreemption"] = {"minCandidateNodesPercentage": 10, "minCandidateNodesAbsolute": 1}
    profile: Json = {"schedulerName": "second", "plugins": {"score": _reweighed(w, SCORES)}}
    if args:
        profile["pluginConfig"] = plugin_config(args)
    w.profiles.append(profile)
    for pod in w.everyone():
        if w.p(0.5):
            pod["spec"]["schedulerName"] = "second"
