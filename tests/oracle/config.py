"""Profiles from a KubeSchedulerConfiguration v1: defaults, plugin sets, multiPoint, weights, arguments.

A configuration that kube-scheduler would refuse is not diagnosed here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from tests.oracle.cluster import Cluster
from tests.oracle.framework import Plugin, Profile
from tests.oracle.plugins import REGISTRY

POINTS = ("preEnqueue", "preFilter", "filter", "postFilter", "preScore", "score")

# getDefaultPlugins of apis/config/v1 with the default gates of 1.36; the weight of those that score.
DEFAULT_PLUGINS: Mapping[str, int] = {
    "SchedulingGates": 0,
    "PrioritySort": 0,
    "NodeUnschedulable": 0,
    "NodeName": 0,
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodePorts": 0,
    "NodeResourcesFit": 1,
    "VolumeRestrictions": 0,
    "NodeVolumeLimits": 0,
    "VolumeBinding": 0,
    "VolumeZone": 0,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "DynamicResources": 2,
    "DefaultPreemption": 0,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
    "DefaultBinder": 0,
    "NodeDeclaredFeatures": 0,
}

PluginSet = dict[str, Any]


def profiles(text: str | None, cluster: Cluster) -> dict[str, Profile]:
    """By scheduler name. `text` is YAML; without it, the default profile."""
    written = yaml.safe_load(text) if text else {}
    listed = (written or {}).get("profiles") or [{}]
    if len(listed) == 1 and listed[0].get("schedulerName") is None:
        listed[0]["schedulerName"] = "default-scheduler"
    return {each["schedulerName"]: _profile(each, cluster) for each in listed}


def _profile(written: Mapping[str, Any], cluster: Cluster) -> Profile:
    custom = written.get("plugins") or {}
    default_set = {"enabled": [{"name": name, "weight": weight} for name, weight in DEFAULT_PLUGINS.items()]}
    multi = _merged(default_set, custom.get("multiPoint") or {})
    sets = {point: _merged({}, custom.get(point) or {}) for point in POINTS}
    args = {each["name"]: each.get("args") or {} for each in written.get("pluginConfig") or []}
    made: dict[str, Plugin] = {}

    def plugin(name: str) -> Plugin:
        if name not in made:
            made[name] = REGISTRY[name](cluster, args.get(name, {}))
        return made[name]

    plugins = {point: [plugin(name) for name in _expanded(point, sets[point], multi)] for point in POINTS}
    weights = _weights([*sets["score"]["enabled"], *multi["enabled"]])
    return Profile(written["schedulerName"], cluster, plugins, weights)


def _merged(default: PluginSet, custom: PluginSet) -> PluginSet:
    """A default plugin that is enabled again keeps its place and takes the new weight."""
    own = custom.get("enabled") or []
    latest = {each["name"]: index for index, each in enumerate(own)}
    disabled = [each["name"] for each in custom.get("disabled") or []]
    enabled: list[dict[str, Any]] = []
    replaced: set[int] = set()
    for each in default.get("enabled") or [] if "*" not in disabled else []:
        if each["name"] in disabled:
            continue
        if each["name"] in latest:
            replaced.add(latest[each["name"]])
            each = own[latest[each["name"]]]
        enabled.append(each)
    enabled += [each for index, each in enumerate(own) if index not in replaced]
    return {"enabled": enabled, "disabled": disabled}


def _expanded(point: str, own: PluginSet, multi: PluginSet) -> list[str]:
    """multiPoint comes after those of its plugins that the point itself re-configures, before its others."""
    named = list(dict.fromkeys(each["name"] for each in own["enabled"]))
    if "*" in own["disabled"]:
        return named
    fitting = [each["name"] for each in multi["enabled"] if point in REGISTRY[each["name"]].points]
    fitting = [name for name in fitting if name not in own["disabled"]]
    again = [name for name in named if name in fitting]
    return [
        *again,
        *[name for name in fitting if name not in named],
        *[name for name in named if name not in again],
    ]


def _weights(enabled: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The first mention counts; no weight means 1."""
    weights: dict[str, int] = {}
    for each in enabled:
        weights.setdefault(each["name"], each.get("weight") or 1)
    return weights
