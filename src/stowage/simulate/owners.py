"""Who controls what: pods by their controller, and pods as a controller makes them of its template."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from stowage.api import objects

ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Phases of pods that hold nothing any more."""
API_VERSIONS: Final = {
    objects.Deployment: "apps/v1",
    objects.ReplicaSet: "apps/v1",
    objects.StatefulSet: "apps/v1",
    objects.DaemonSet: "apps/v1",
    objects.Job: "batch/v1",
}
_Key = tuple[str, str, str, str]
_replace = msgspec.structs.replace


def controller(item: objects.Object) -> objects.OwnerReference | None:
    """The reference to the object's controller, if it has one."""
    return next((each for each in item.metadata.owner_references if each.controller), None)


def reference(owner: objects.Object) -> objects.OwnerReference:
    """A reference that makes ``owner`` the controller."""
    meta = owner.metadata
    return objects.OwnerReference(
        API_VERSIONS[type(owner)], type(owner).__name__, meta.name, meta.uid, controller=True
    )


def is_controlled(item: objects.Object, owner: objects.Object) -> bool:
    """Whether ``owner`` is the controller of ``item``; uids decide where both sides have them."""
    held = controller(item)
    return (
        held is not None
        and item.metadata.namespace == owner.metadata.namespace
        and (held.kind, held.name) == (type(owner).__name__, owner.metadata.name)
        and (not held.uid or not owner.metadata.uid or held.uid == owner.metadata.uid)
    )


class Present:
    """Which objects of an input there are to be controlled by."""

    def __init__(self, items: Iterable[objects.Object]) -> None:
        self._known = {
            (type(item).__name__, item.metadata.namespace, item.metadata.name): item.metadata.uid
            for item in items
        }

    def controls(self, item: objects.Object) -> bool:
        """Whether the controller of ``item`` is in the input."""
        held = controller(item)
        if held is None:
            return False
        uid = self._known.get((held.kind, item.metadata.namespace, held.name))
        return uid is not None and (not uid or not held.uid or uid == held.uid)


class Owned:
    """Pods by their controller."""

    def __init__(self, pods: Iterable[objects.Pod]) -> None:
        self._pods: dict[tuple[str, str, str], list[objects.Pod]] = {}
        self._names: dict[str, set[str]] = {}
        for pod in pods:
            meta = pod.metadata
            if pod.status.phase not in ENDED:
                self._names.setdefault(meta.namespace, set()).add(meta.name)
            held = controller(pod)
            if held is not None:
                self._pods.setdefault((meta.namespace, held.kind, held.name), []).append(pod)

    def all(self, owner: objects.Object) -> list[objects.Pod]:
        """The pods that ``owner`` controls, ended ones included."""
        meta = owner.metadata
        found = self._pods.get((meta.namespace, type(owner).__name__, meta.name), ())
        return [pod for pod in found if is_controlled(pod, owner)]

    def live(self, owner: objects.Object) -> list[objects.Pod]:
        """Those that count: not ended, not being deleted."""
        return [
            pod
            for pod in self.all(owner)
            if pod.status.phase not in ENDED and pod.metadata.deletion_timestamp is None
        ]

    def names(self, namespace: str) -> set[str]:
        """The names of pods in a namespace, to be added to as pods are made."""
        return self._names.setdefault(namespace, set())


def pod_of(owner: objects.Object, template: objects.PodTemplateSpec, name: str) -> objects.Pod:
    """A pod as a controller makes it (controller_utils.go, GetPodFromTemplate)."""
    meta = objects.ObjectMeta(
        name=name,
        namespace=owner.metadata.namespace,
        labels=template.metadata.labels,
        annotations=template.metadata.annotations,
        owner_references=(reference(owner),),
    )
    return objects.Pod(metadata=meta, spec=template.spec)


def named(pod: objects.Pod, name: str) -> objects.Pod:
    """The same pod under another name."""
    return _replace(pod, metadata=_replace(pod.metadata, name=name))


def target(pod: objects.Pod) -> str:
    """The node that a DaemonSet's pod is for, also while it waits; empty where it is for none."""
    if pod.spec.node_name:
        return pod.spec.node_name
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    for term in required.node_selector_terms if required is not None else ():
        for field in term.match_fields:
            if field.key == "metadata.name" and field.operator == "In" and len(field.values) == 1:
                return field.values[0]
    return ""
