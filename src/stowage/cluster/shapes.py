"""Shapes and groups: the two interned views of a pod that the table keeps.

A *shape* is what a pod asks for (its spec without a node, its namespace, the owner that spreads it);
pods of one template share it. A *group* is what selectors see of a pod: namespace, labels, and
whether it is terminating. The table holds one small integer of each a pod.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stowage.api import objects, resources
from stowage.cluster import terms

CPU, MEMORY, EPHEMERAL, PODS = 0, 1, 2, 3
"""Indices of the resources that every table has; others are added as they are named."""

SPREADING_OWNERS = frozenset(
    {("v1", "ReplicationController"), ("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet")}
)
"""(apiVersion, kind) of the controllers whose selector joins a pod's default spreading constraints."""


class Resources:
    """Resource names by index. Units: cpu in millicores, every other in its own whole units."""

    __slots__ = ("index", "names")

    def __init__(self) -> None:
        self.names = ["cpu", "memory", "ephemeral-storage", "pods"]
        self.index = {name: i for i, name in enumerate(self.names)}

    def id(self, name: str) -> int:
        """The index of a resource, a new one where it was never named."""
        found = self.index.get(name)
        if found is None:
            found = self.index[name] = len(self.names)
            self.names.append(name)
        return found


class Port(msgspec.Struct, frozen=True, gc=False):
    """A host port as the node's port table has it: defaults applied (0.0.0.0, TCP)."""

    protocol: str
    ip: str
    port: int

    def conflicts(self, other: Port) -> bool:
        """Same protocol and port, and the same address or one of the two on all addresses."""
        return (
            self.port == other.port
            and self.protocol == other.protocol
            and (self.ip == other.ip or "0.0.0.0" in (self.ip, other.ip))
        )


class Shape:
    """What the pods of one template ask of a node and of their neighbours. Immutable once interned."""

    __slots__ = (
        "__weakref__",
        "claimant",
        "id",
        "namespace",
        "nonzero",
        "owner",
        "ports",
        "preferred_affinity",
        "preferred_anti_affinity",
        "requested",
        "required_affinity",
        "required_anti_affinity",
        "spec",
        "terms_error",
        "volumes",
    )

    def __init__(
        self, index: int, pod: objects.Pod, spec: objects.PodSpec, owner: str, names: Resources
    ) -> None:
        self.id = index
        self.namespace = pod.metadata.namespace
        self.spec = spec
        self.owner = owner
        """`Kind/name` of the controller that spreads it, or empty."""
        accounted = resources.node_accounting(pod)
        counted = accounted.requests.items()
        self.requested = (*((names.id(name), amount) for name, amount in counted if amount), (PODS, 1))
        """(resource index, amount) of what it takes from its node; zeros left out."""
        self.nonzero = accounted.nonzero
        """(millicores, bytes) with the scheduler's defaults for containers that request nothing."""
        self.ports = host_ports(spec)
        affinity = spec.affinity
        namespace = self.namespace
        (
            self.required_affinity,
            self.required_anti_affinity,
            self.preferred_affinity,
            self.preferred_anti_affinity,
            self.terms_error,
        ) = terms.of(affinity, namespace)
        self.volumes = spec.volumes
        ephemeral = any(volume.ephemeral is not None for volume in spec.volumes)
        self.claimant = (pod.metadata.name, pod.metadata.uid) if ephemeral else ("", "")
        """(name, uid) of its only pod where it has generic ephemeral volumes, whose claims are that pod's."""

    @property
    def terms(self) -> Iterable[terms.Term]:
        """All of its inter-pod terms."""
        yield from self.required_affinity
        yield from self.required_anti_affinity
        yield from self.preferred_affinity
        yield from self.preferred_anti_affinity


def host_ports(spec: objects.PodSpec) -> tuple[Port, ...]:
    """The host ports a pod holds on its node: its containers', and its restartable init containers'.

    As component-helpers' GetHostPorts and HostPortInfo's defaults (empty address and protocol).
    """
    sidecars = [c for c in spec.init_containers if c.restart_policy == "Always"]
    return tuple(
        Port(port.protocol or "TCP", port.host_ip or "0.0.0.0", port.host_port)
        for container in (*sidecars, *spec.containers)
        for port in container.ports
        if port.host_port > 0
    )


class Group:
    """What a selector sees of a pod. Immutable once interned."""

    __slots__ = ("id", "labels", "namespace", "preempted", "terminating")

    def __init__(
        self, index: int, namespace: str, labels: dict[str, str], terminating: bool, preempted: bool
    ) -> None:
        self.id = index
        self.namespace = namespace
        self.labels = labels
        self.terminating = terminating
        self.preempted = preempted
        """Terminating because the scheduler made room for a more important pod."""


def preempted(status: objects.PodStatus) -> bool:
    """Whether the pod's DisruptionTarget condition says that a scheduler preempted it."""
    for condition in status.conditions:
        if condition.type == "DisruptionTarget":
            return condition.status == "True" and condition.reason == "PreemptionByScheduler"
    return False


def spreading_owner(pod: objects.Pod) -> str:
    """`Kind/name` of the pod's controller where default spreading reads its selector, else empty.

    kube-scheduler looks the controller up by its group, version and kind (helper/spread.go).
    """
    for owner in pod.metadata.owner_references:
        if owner.controller:
            return f"{owner.kind}/{owner.name}" if (owner.api_version, owner.kind) in SPREADING_OWNERS else ""
    return ""


def spec_selectors(spec: objects.PodSpec) -> Iterable[tuple[objects.LabelSelector | None, tuple[str, ...]]]:
    """Every pod selector in a spec, with the label keys its pod adds by `matchLabelKeys`."""
    for constraint in spec.topology_spread_constraints:
        yield constraint.label_selector, constraint.match_label_keys


def selector_keys(selector: objects.LabelSelector | None) -> set[str]:
    """The label keys that a selector reads."""
    if selector is None:
        return set()
    return {*selector.match_labels, *(r.key for r in selector.match_expressions)}
