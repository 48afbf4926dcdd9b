"""Cluster events, and what a plugin registers for: the changes that may help a pod it rejected.

A hint says whether one change can help one pod. Rules: kube-scheduler's framework/events.go and
framework/types.go (k8s.io/kube-scheduler: ActionType, EventResource, ClusterEventWithHint).
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stowage.api import objects, quantity, resources
from stowage.cluster import pods, table


class Action(enum.IntFlag):
    """What happened to an object; a registration joins several."""

    ADD = 1 << 0
    DELETE = 1 << 1
    UPDATE_NODE_ALLOCATABLE = 1 << 2
    UPDATE_NODE_LABEL = 1 << 3
    UPDATE_NODE_TAINT = 1 << 4
    """Its taints, or that it can be scheduled to again."""
    UPDATE_NODE_CONDITION = 1 << 5
    UPDATE_NODE_ANNOTATION = 1 << 6
    UPDATE_NODE_DECLARED_FEATURE = 1 << 7
    UPDATE_POD_LABEL = 1 << 8
    UPDATE_POD_SCALE_DOWN = 1 << 9
    """Some request became smaller."""
    UPDATE_POD_TOLERATION = 1 << 10
    UPDATE_POD_SCHEDULING_GATES_ELIMINATED = 1 << 11
    """The last gate went."""
    UPDATE_POD_GENERATED_RESOURCE_CLAIM = 1 << 12
    UPDATE = (1 << 13) - (1 << 2)
    """An update: of a node or a pod, one that is nothing more particular."""
    ALL = (1 << 13) - 1

    @functools.cached_property
    def label(self) -> str:
        """As kube-scheduler prints it: `UpdateNodeTaint`."""
        return "".join(word.capitalize() for word in (self.name or "").split("_"))


class Resource(enum.StrEnum):
    """The kind of the object."""

    POD = "Pod"
    ASSIGNED_POD = "AssignedPod"
    """Only in what happens: a pod with a node. Plugins register for `POD`."""
    UNSCHEDULED_POD = "UnschedulablePod"
    """Only in what happens: a pod without."""
    NODE = "Node"
    PERSISTENT_VOLUME = "PersistentVolume"
    PERSISTENT_VOLUME_CLAIM = "PersistentVolumeClaim"
    CSI_NODE = "storage.k8s.io/CSINode"
    CSI_DRIVER = "storage.k8s.io/CSIDriver"
    CSI_STORAGE_CAPACITY = "storage.k8s.io/CSIStorageCapacity"
    STORAGE_CLASS = "storage.k8s.io/StorageClass"
    VOLUME_ATTACHMENT = "storage.k8s.io/VolumeAttachment"
    DEVICE_CLASS = "resource.k8s.io/DeviceClass"
    ANY = "*"


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of change; ``name`` is that of a special one."""

    resource: Resource
    action: Action
    name: str = ""

    @property
    def label(self) -> str:
        """For logs and metrics: `NodeUpdateNodeTaint`."""
        return self.name or f"{self.resource.value}{self.action.label}"

    @property
    def wild(self) -> bool:
        """It concerns every pod, whatever rejected it."""
        return self.resource is Resource.ANY and self.action == Action.ALL

    def covers(self, happened: Event) -> bool:
        """Whether who registered for this is told of ``happened``, which is as particular or more."""
        if self.wild:
            return True
        kind = happened.resource
        named = self.resource is Resource.ANY or self.resource is kind
        pod = self.resource is Resource.POD and kind in (Resource.ASSIGNED_POD, Resource.UNSCHEDULED_POD)
        overlap = self.action & happened.action
        return (named or pod) and bool(overlap) and happened.action.value <= self.action.value


ASSIGNED_POD_ADD = Event(Resource.ASSIGNED_POD, Action.ADD)
ASSIGNED_POD_DELETE = Event(Resource.ASSIGNED_POD, Action.DELETE)
UNSCHEDULED_POD_ADD = Event(Resource.UNSCHEDULED_POD, Action.ADD)
UNSCHEDULED_POD_UPDATE = Event(Resource.UNSCHEDULED_POD, Action.UPDATE)
TIMEOUT = Event(Resource.ANY, Action.ALL, "UnschedulableTimeout")
FORCE_ACTIVATE = Event(Resource.ANY, Action.ALL, "ForceActivate")


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Something that happened: the object before (None: added) and after (None: deleted).

    A pod is here as `pods.Incoming`, every other object as itself.
    """

    event: Event
    old: Any = None
    new: Any = None

    def updates(self, pod: pods.Incoming) -> bool:
        """Whether it is an update of this very pod."""
        return isinstance(self.new, pods.Incoming) and self.new.uid == pod.uid


Hint = Callable[[pods.Incoming, Change, table.Table], bool]
"""(a pod that the plugin rejected, what happened, the table) -> whether it is worth another try.

But for an update of the pod itself, and for a plugin of kind CYCLE, the answer depends on nothing of
the pod but its shape and the labels that some selector reads: it is asked once for all pods that are
alike in these.
"""


@dataclass(frozen=True, slots=True)
class Registration:
    """A plugin's interest in an event; without a hint, any such event may help."""

    event: Event
    hint: Hint | None = None


def on(resource: Resource, action: Action, hint: Hint | None = None) -> Registration:
    """A registration in one line."""
    return Registration(Event(resource, action), hint)


EVERYTHING = tuple(
    on(resource, Action.ALL)
    for resource in Resource
    if resource not in (Resource.ASSIGNED_POD, Resource.UNSCHEDULED_POD, Resource.ANY)
    if resource is not Resource.VOLUME_ATTACHMENT
)
"""For a plugin that does not say what helps (UnrollWildCardResource)."""


def holds_node(pod: pods.Incoming) -> bool:
    """Whether the pod is on a node, or nominated to one."""
    return bool(pod.pod.spec.node_name or pod.nominated)


def pod_changes(old: pods.Incoming, new: pods.Incoming) -> tuple[Event, ...]:
    """What an update of a pod amounts to (PodSchedulingPropertiesChange); never nothing."""
    resource = Resource.ASSIGNED_POD if new.pod.spec.node_name else Resource.UNSCHEDULED_POD
    found = []
    if old.labels != new.labels:
        found.append(Action.UPDATE_POD_LABEL)
    if old.shape is not new.shape:
        if _scaled_down(old.pod, new.pod):
            found.append(Action.UPDATE_POD_SCALE_DOWN)
        if old.spec.scheduling_gates and not new.spec.scheduling_gates:
            found.append(Action.UPDATE_POD_SCHEDULING_GATES_ELIMINATED)
        if len(old.spec.tolerations) != len(new.spec.tolerations):
            found.append(Action.UPDATE_POD_TOLERATION)
    return tuple(Event(resource, action) for action in found or [Action.UPDATE])


def _scaled_down(old: objects.Pod, new: objects.Pod) -> bool:
    left = resources.balanced_requests(new)
    return any(
        name not in left or amount > left[name] for name, amount in resources.balanced_requests(old).items()
    )


def node_changes(old: objects.Node, new: objects.Node) -> tuple[Event, ...]:
    """What an update of a node amounts to (NodeSchedulingPropertiesChange); often nothing."""
    found = []
    if old.spec.unschedulable and not new.spec.unschedulable:
        found.append(Action.UPDATE_NODE_TAINT)
    if _differ(old.status.allocatable, new.status.allocatable):
        found.append(Action.UPDATE_NODE_ALLOCATABLE)
    if old.metadata.labels != new.metadata.labels:
        found.append(Action.UPDATE_NODE_LABEL)
    if old.spec.taints != new.spec.taints:
        found.append(Action.UPDATE_NODE_TAINT)
    if _conditions(old) != _conditions(new):
        found.append(Action.UPDATE_NODE_CONDITION)
    if old.metadata.annotations != new.metadata.annotations:
        found.append(Action.UPDATE_NODE_ANNOTATION)
    if old.status.declared_features != new.status.declared_features:
        found.append(Action.UPDATE_NODE_DECLARED_FEATURE)
    return tuple(Event(Resource.NODE, action) for action in found)


def _differ(old: Mapping[str, objects.Quantity], new: Mapping[str, objects.Quantity]) -> bool:
    """Whether the amounts differ, however they are written."""
    if old == new:
        return False
    return old.keys() != new.keys() or any(
        quantity.nanos(amount) != quantity.nanos(new[name]) for name, amount in old.items()
    )


def _conditions(node: objects.Node) -> dict[str, str]:
    return {condition.type: condition.status for condition in node.status.conditions}
