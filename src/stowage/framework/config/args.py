"""The arguments of the in-tree plugins, as `profiles[].pluginConfig[].args` gives them.

Frozen, and complete with kube-scheduler 1.36's defaults: `SomeArgs()` is what a plugin gets
when the configuration says nothing. Durations are seconds.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from stowage.api import objects

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Duration = Annotated[float, msgspec.Meta(extra={"duration": True})]
"""Seconds; written as Go writes durations (`1m30s`)."""


class Args(msgspec.Struct, frozen=True, rename="camel"):
    """Base of every plugin's arguments."""


class ResourceSpec(Args, frozen=True):
    """A resource and its share in a score. `weight` 1 to 100; 0 is read as 1."""

    name: str = ""
    weight: Int64 = 1


class UtilizationShapePoint(Args, frozen=True):
    """One point of a score over utilization: `utilization` in percent, `score` 0 to 10."""

    utilization: Int32 = 0
    score: Int32 = 0


CPU_AND_MEMORY: Final = (ResourceSpec("cpu"), ResourceSpec("memory"))
"""What resource scores look at by default: the two resources that every node has and pods fight over."""


class DefaultPreemptionArgs(Args, frozen=True):
    """How many candidate nodes the dry run of preemption collects before it stops.

    `min_candidate_nodes_percentage`: percent of all nodes, default 10; `min_candidate_nodes_absolute`:
    nodes, default 100; the larger counts. Both are validated and without effect here: an array
    costs the same for all nodes, so all are candidates, a superset of what kube-scheduler sees.
    """

    min_candidate_nodes_percentage: Int32 = 10
    min_candidate_nodes_absolute: Int32 = 100


class InterPodAffinityArgs(Args, frozen=True):
    """`hard_pod_affinity_weight`: the score of an existing pod whose required affinity matches, 0 to 100,
    default 1 (required terms are kept by the filter, so a hint is enough).
    `ignore_preferred_terms_of_existing_pods`: spares the look at other pods' preferences unless the pod
    has affinity of its own, default false."""

    hard_pod_affinity_weight: Int32 = 1
    ignore_preferred_terms_of_existing_pods: bool = False


class NodeAffinityArgs(Args, frozen=True):
    """`added_affinity`: what every pod of the profile demands of nodes beside its own terms, default none."""

    added_affinity: objects.NodeAffinity | None = None


class NodeResourcesBalancedAllocationArgs(Args, frozen=True):
    """`resources`: whose fractions are compared, default CPU and memory; the only weight is 1."""

    resources: tuple[ResourceSpec, ...] = CPU_AND_MEMORY


class RequestedToCapacityRatio(Args, frozen=True):
    """`shape`: the score over utilization, by increasing utilization; straight lines in between."""

    shape: tuple[UtilizationShapePoint, ...] = ()


class ScoringStrategy(Args, frozen=True):
    """`type`: LeastAllocated, MostAllocated or RequestedToCapacityRatio (required where a strategy is
    written); `requested_to_capacity_ratio` belongs to the last and to it alone."""

    type: str = ""
    resources: tuple[ResourceSpec, ...] = CPU_AND_MEMORY
    requested_to_capacity_ratio: RequestedToCapacityRatio | None = None


class NodeResourcesFitArgs(Args, frozen=True):
    """`ignored_resources`: extended resources, by name, and `ignored_resource_groups`: by the part before
    the slash, that the filter does not check, default none. `scoring_strategy`: default LeastAllocated,
    which spreads load."""

    ignored_resources: tuple[str, ...] = ()
    ignored_resource_groups: tuple[str, ...] = ()
    scoring_strategy: ScoringStrategy = ScoringStrategy("LeastAllocated")


class PodTopologySpreadArgs(Args, frozen=True):
    """What a pod without spread constraints of its own gets.

    `defaulting_type`: `System` (Kubernetes' own: zones with skew 5, nodes with skew 3, both only
    preferred), the default, or `List`: those of `default_constraints`, which carry no selector (it
    comes from the pod's Service or owner).
    """

    default_constraints: tuple[objects.TopologySpreadConstraint, ...] = ()
    defaulting_type: str = "System"


class VolumeBindingArgs(Args, frozen=True):
    """`bind_timeout_seconds`: how long PreBind waits for volumes, seconds, default 600, as provisioning
    takes minutes. `shape` belongs to the feature gate StorageCapacityScoring, which is off: always None."""

    bind_timeout_seconds: Int64 = 600
    shape: tuple[UtilizationShapePoint, ...] | None = None


class DynamicResourcesArgs(Args, frozen=True):
    """`filter_timeout`: seconds for the search for devices on one node, default 10, 0 is no limit.
    `binding_timeout`: seconds PreBind waits for device conditions, at least 1, default 600."""

    filter_timeout: Duration | None = 10.0
    binding_timeout: Duration | None = 600.0


TYPES: Final[dict[str, type[Args]]] = {
    "DefaultPreemption": DefaultPreemptionArgs,
    "DynamicResources": DynamicResourcesArgs,
    "InterPodAffinity": InterPodAffinityArgs,
    "NodeAffinity": NodeAffinityArgs,
    "NodeResourcesBalancedAllocation": NodeResourcesBalancedAllocationArgs,
    "NodeResourcesFit": NodeResourcesFitArgs,
    "PodTopologySpread": PodTopologySpreadArgs,
    "VolumeBinding": VolumeBindingArgs,
}
"""The in-tree plugins that take arguments; the others take none."""
