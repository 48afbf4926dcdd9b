"""Pods, as far as scheduling reads them.

The engine uses the msgpack form of a `PodSpec` as a cache key, so the spec keeps nothing that is
unique to a pod without bearing on where it may run: no environment, no host name, and no name of a
volume where it does not matter.
"""

from typing import Literal

import msgspec

from stowage.api.meta import (
    Condition,
    LabelSelector,
    NodeSelector,
    NodeSelectorTerm,
    ObjectMeta,
    ResourceList,
    ResourceRequirements,
    Wire,
)
from stowage.api.storage import (
    AWSElasticBlockStore,
    AzureDisk,
    Cinder,
    GCEPersistentDisk,
    InTreeSource,
    PersistentVolumeClaimTemplate,
    PortworxVolume,
)

TaintEffect = Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"]
TolerationOperator = Literal["", "Exists", "Equal", "Lt", "Gt"]
Protocol = Literal["", "TCP", "UDP", "SCTP"]
PreemptionPolicy = Literal["", "PreemptLowerPriority", "Never"]
WhenUnsatisfiable = Literal["", "DoNotSchedule", "ScheduleAnyway"]
NodeInclusionPolicy = Literal["Honor", "Ignore"]
ContainerRestartPolicy = Literal["", "Always", "OnFailure", "Never"]
# The next two bear on no placement; they are read so that a value the API refuses is told.
PodRestartPolicy = Literal["", "Always", "OnFailure", "Never"]
ImagePullPolicy = Literal["", "Always", "IfNotPresent", "Never"]
PodPhase = Literal["", "Pending", "Running", "Succeeded", "Failed", "Unknown"]


class Toleration(Wire, frozen=True):
    key: str = ""
    operator: TolerationOperator = ""
    value: str = ""
    effect: TaintEffect = ""


class PreferredSchedulingTerm(Wire, frozen=True):
    weight: int = 0
    preference: NodeSelectorTerm = NodeSelectorTerm()


class NodeAffinity(Wire, frozen=True):
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: tuple[PreferredSchedulingTerm, ...] = ()


class PodAffinityTerm(Wire, frozen=True):
    """A selector that is None selects nothing, an empty one everything."""

    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    topology_key: str = ""
    namespace_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()


class WeightedPodAffinityTerm(Wire, frozen=True):
    weight: int = 0
    pod_affinity_term: PodAffinityTerm = PodAffinityTerm()


class PodAffinity(Wire, frozen=True):
    """Serves `podAffinity` and `podAntiAffinity`, which have the same fields."""

    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = ()
    preferred_during_scheduling_ignored_during_execution: tuple[WeightedPodAffinityTerm, ...] = ()


class Affinity(Wire, frozen=True):
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpreadConstraint(Wire, frozen=True):
    max_skew: int = 0
    topology_key: str = ""
    when_unsatisfiable: WhenUnsatisfiable = ""
    label_selector: LabelSelector | None = None
    min_domains: int | None = None
    node_affinity_policy: NodeInclusionPolicy | None = None
    node_taints_policy: NodeInclusionPolicy | None = None
    match_label_keys: tuple[str, ...] = ()


class ContainerPort(Wire, frozen=True):
    container_port: int = 0
    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")
    protocol: Protocol = ""


class ContainerRestartRule(Wire, frozen=True):
    action: str = ""


class Container(Wire, frozen=True):
    name: str = ""
    image: str = ""
    resources: ResourceRequirements = ResourceRequirements()
    ports: tuple[ContainerPort, ...] = ()
    restart_policy: ContainerRestartPolicy | None = None
    restart_policy_rules: tuple[ContainerRestartRule, ...] = ()
    image_pull_policy: ImagePullPolicy = ""


class PersistentVolumeClaimVolume(Wire, frozen=True):
    claim_name: str = ""


class EphemeralVolume(Wire, frozen=True):
    volume_claim_template: PersistentVolumeClaimTemplate | None = None


class ImageVolume(Wire, frozen=True):
    reference: str = ""


class ISCSIVolume(Wire, frozen=True):
    iqn: str = ""
    read_only: bool = False


class RBDVolume(Wire, frozen=True):
    """An empty pool means `rbd`, which defaulting writes."""

    monitors: tuple[str, ...] = ()
    image: str = ""
    pool: str = ""
    read_only: bool = False


class CSIVolume(Wire, frozen=True):
    driver: str = ""


class Volume(Wire, frozen=True):
    """The name is kept where it means something: a generic ephemeral volume's claim is called after
    it, and CSI migration names a disk that it cannot translate.
    """

    name: str = ""
    persistent_volume_claim: PersistentVolumeClaimVolume | None = None
    ephemeral: EphemeralVolume | None = None
    gce_persistent_disk: GCEPersistentDisk | None = None
    aws_elastic_block_store: AWSElasticBlockStore | None = None
    azure_disk: AzureDisk | None = None
    azure_file: InTreeSource | None = None
    cinder: Cinder | None = None
    portworx_volume: PortworxVolume | None = None
    vsphere_volume: InTreeSource | None = None
    rbd: RBDVolume | None = None
    iscsi: ISCSIVolume | None = None
    csi: CSIVolume | None = None
    image: ImageVolume | None = None

    def __post_init__(self) -> None:
        if self.ephemeral is None and self.azure_disk is None and self.aws_elastic_block_store is None:
            msgspec.structs.force_setattr(self, "name", "")


class PodSchedulingGate(Wire, frozen=True):
    name: str = ""


class PodResourceClaim(Wire, frozen=True):
    name: str = ""
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class PodSchedulingGroup(Wire, frozen=True):
    pod_group_name: str | None = None


class PodSpec(Wire, frozen=True):
    node_name: str = ""
    scheduler_name: str = ""
    priority: int | None = None
    priority_class_name: str = ""
    preemption_policy: PreemptionPolicy | None = None
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = ()
    host_network: bool = False
    host_users: bool | None = None
    restart_policy: PodRestartPolicy = ""
    overhead: ResourceList = {}
    resources: ResourceRequirements | None = None
    scheduling_gates: tuple[PodSchedulingGate, ...] = ()
    resource_claims: tuple[PodResourceClaim, ...] = ()
    scheduling_group: PodSchedulingGroup | None = None


class ContainerStatus(Wire, frozen=True):
    """`resources` is what the container runs with, `allocated_resources` what its node granted."""

    name: str = ""
    resources: ResourceRequirements | None = None
    allocated_resources: ResourceList = {}


class PodCondition(Condition, frozen=True):
    message: str = ""


class PodStatus(Wire, frozen=True):
    phase: PodPhase = ""
    nominated_node_name: str = ""
    start_time: str | None = None
    conditions: tuple[PodCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    resources: ResourceRequirements | None = None
    allocated_resources: ResourceList = {}


class Pod(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class PodTemplateSpec(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()
