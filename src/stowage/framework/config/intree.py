"""The in-tree plugins: where each one runs, and which are on by default.

kube-scheduler 1.36.2 with its default feature gates. The table is data, so that a configuration
can be read without any plugin; a test holds the plugins themselves to it.
"""

from __future__ import annotations

from typing import Final

POINTS: Final[dict[str, frozenset[str]]] = {
    "DefaultBinder": frozenset({"bind"}),
    "DefaultPreemption": frozenset({"preEnqueue", "postFilter"}),
    "DynamicResources": frozenset(
        {"preEnqueue", "preFilter", "filter", "postFilter", "score", "reserve", "preBind"}
    ),
    "GangScheduling": frozenset({"preEnqueue", "permit"}),
    "ImageLocality": frozenset({"score"}),
    "InterPodAffinity": frozenset({"preFilter", "filter", "preScore", "score"}),
    "NodeAffinity": frozenset({"preFilter", "filter", "preScore", "score"}),
    "NodeDeclaredFeatures": frozenset({"preFilter", "filter"}),
    "NodeName": frozenset({"filter"}),
    "NodePorts": frozenset({"preFilter", "filter"}),
    "NodeResourcesBalancedAllocation": frozenset({"preScore", "score"}),
    "NodeResourcesFit": frozenset({"preFilter", "filter", "preScore", "score", "placementScore"}),
    "NodeUnschedulable": frozenset({"filter"}),
    "NodeVolumeLimits": frozenset({"preFilter", "filter"}),
    "PodGroupPodsCount": frozenset({"placementScore"}),
    "PodTopologySpread": frozenset({"preFilter", "filter", "preScore", "score"}),
    "PrioritySort": frozenset({"queueSort"}),
    "SchedulingGates": frozenset({"preEnqueue"}),
    "TaintToleration": frozenset({"filter", "preScore", "score"}),
    "TopologyPlacementGenerator": frozenset({"placementGenerate"}),
    "VolumeBinding": frozenset({"preFilter", "filter", "preScore", "score", "reserve", "preBind"}),
    "VolumeRestrictions": frozenset({"preFilter", "filter"}),
    "VolumeZone": frozenset({"preFilter", "filter"}),
}
"""Plugin name to the extension points it implements."""

DEFAULTS: Final = (
    ("SchedulingGates", 0),
    ("PrioritySort", 0),
    ("NodeUnschedulable", 0),
    ("NodeName", 0),
    ("TaintToleration", 3),
    ("NodeAffinity", 2),
    ("NodePorts", 0),
    ("NodeResourcesFit", 1),
    ("VolumeRestrictions", 0),
    ("NodeVolumeLimits", 0),
    ("VolumeBinding", 0),
    ("VolumeZone", 0),
    ("PodTopologySpread", 2),
    ("InterPodAffinity", 2),
    ("DynamicResources", 2),  # before DefaultPreemption: freeing an idle claim is milder than evicting
    ("DefaultPreemption", 0),
    ("NodeResourcesBalancedAllocation", 1),
    ("ImageLocality", 1),
    ("DefaultBinder", 0),
    ("NodeDeclaredFeatures", 0),
)
"""The default `multiPoint` list: name and weight (0: not given, read as 1 where it scores).

GangScheduling, TopologyPlacementGenerator and PodGroupPodsCount stay out: their gates
(GangScheduling, TopologyAwareWorkloadScheduling) are alpha and off in 1.36.
"""
