"""The in-tree plugins, a module each, by name."""

from tests.oracle.framework import Plugin
from tests.oracle.plugins.image_locality import ImageLocality
from tests.oracle.plugins.inactive import (
    DefaultBinder,
    DefaultPreemption,
    DynamicResources,
    GangScheduling,
)
from tests.oracle.plugins.inter_pod_affinity import InterPodAffinity
from tests.oracle.plugins.node_affinity import NodeAffinity
from tests.oracle.plugins.node_declared_features import NodeDeclaredFeatures
from tests.oracle.plugins.node_name import NodeName
from tests.oracle.plugins.node_ports import NodePorts
from tests.oracle.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from tests.oracle.plugins.node_resources_fit import NodeResourcesFit
from tests.oracle.plugins.node_unschedulable import NodeUnschedulable
from tests.oracle.plugins.node_volume_limits import NodeVolumeLimits
from tests.oracle.plugins.pod_topology_spread import PodTopologySpread
from tests.oracle.plugins.priority_sort import PrioritySort
from tests.oracle.plugins.scheduling_gates import SchedulingGates
from tests.oracle.plugins.taint_toleration import TaintToleration
from tests.oracle.plugins.volume_binding import VolumeBinding
from tests.oracle.plugins.volume_restrictions import VolumeRestrictions
from tests.oracle.plugins.volume_zone import VolumeZone

REGISTRY: dict[str, type[Plugin]] = {
    plugin.name: plugin
    for plugin in (
        DefaultBinder,
        DefaultPreemption,
        DynamicResources,
        GangScheduling,
        ImageLocality,
        InterPodAffinity,
        NodeAffinity,
        NodeDeclaredFeatures,
        NodeName,
        NodePorts,
        NodeResourcesBalancedAllocation,
        NodeResourcesFit,
        NodeUnschedulable,
        NodeVolumeLimits,
        PodTopologySpread,
        PrioritySort,
        SchedulingGates,
        TaintToleration,
        VolumeBinding,
        VolumeRestrictions,
        VolumeZone,
    )
}
