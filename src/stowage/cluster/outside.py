"""The objects around nodes and pods: namespaces, owners, budgets, storage. Each kind has an epoch.

An epoch is a number that grows with every change of its kind; every plan is rebuilt when any of
them moved (`Outside.version`).
"""

from __future__ import annotations

from typing import Any

from stowage.api import objects

Key = tuple[str, str]
"""(namespace, name)"""

DEVICE_CLASS = "deviceclass.resource.kubernetes.io/"
"""Before the name of a device class: a resource that a pod may ask for."""


class Owners:
    """What default spreading takes its selector from."""

    __slots__ = ("controllers", "services")

    def __init__(self) -> None:
        self.services: dict[Key, objects.Service] = {}
        self.controllers: dict[tuple[str, str, str], objects.LabelSelector | None] = {}
        """(kind, namespace, name) of a ReplicationController, ReplicaSet or StatefulSet -> its selector"""


class Storage:
    """What the plugins read that look at volumes and devices."""

    __slots__ = (
        "attachments",
        "capacities",
        "claims",
        "classes",
        "csi_drivers",
        "csi_nodes",
        "derived",
        "device_classes",
        "volumes",
    )

    def __init__(self) -> None:
        self.claims: dict[Key, objects.PersistentVolumeClaim] = {}
        self.volumes: dict[str, objects.PersistentVolume] = {}
        self.classes: dict[str, objects.StorageClass] = {}
        self.csi_nodes: dict[str, objects.CSINode] = {}
        self.csi_drivers: dict[str, objects.CSIDriver] = {}
        self.capacities: dict[Key, objects.CSIStorageCapacity] = {}
        self.attachments: dict[str, objects.VolumeAttachment] = {}
        self.device_classes: dict[str, objects.DeviceClass] = {}
        self.derived: dict[tuple[str, ...], Any] = {}
        """What plugins work out from these objects, kept until one of them changes.

        Key: a name, then the mappings above that it is made from, and `nodes` where the set of nodes is.
        """

    def classed(self, resource: str) -> bool:
        """Whether a device class stands for a resource: by its name, or by the one that it extends."""
        own = resource.removeprefix(DEVICE_CLASS)
        if own != resource:
            return own in self.device_classes
        return any(each.spec.extended_resource_name == resource for each in self.device_classes.values())

    def changed(self, kind: str) -> None:
        """Forgets what was made from a kind."""
        for key in [key for key in self.derived if kind in key[1:]]:
            del self.derived[key]


STORAGE_KINDS: dict[type, str] = {
    objects.PersistentVolumeClaim: "claims",
    objects.PersistentVolume: "volumes",
    objects.StorageClass: "classes",
    objects.CSINode: "csi_nodes",
    objects.CSIDriver: "csi_drivers",
    objects.CSIStorageCapacity: "capacities",
    objects.VolumeAttachment: "attachments",
    objects.DeviceClass: "device_classes",
}
"""Kind -> the mapping of `Storage` that holds it."""

NAMESPACED = frozenset({objects.PersistentVolumeClaim, objects.CSIStorageCapacity})


class Outside:
    """All of them, with the epochs: theirs, and those of the nodes' names and images. Budgets have none."""

    __slots__ = ("budgets", "epochs", "namespaces", "owners", "storage", "version")

    def __init__(self) -> None:
        self.namespaces: dict[str, dict[str, str]] = {}
        """name -> labels"""
        self.owners = Owners()
        self.budgets: dict[Key, objects.PodDisruptionBudget] = {}
        self.storage = Storage()
        self.epochs = {"namespaces": 0, "owners": 0, "storage": 0, "images": 0, "nodes": 0}
        self.version = 0
        """The sum of the epochs: unchanged, none moved."""

    def bump(self, kind: str) -> None:
        """Moves the epoch of a kind."""
        self.epochs[kind] += 1
        self.version += 1
        if kind == "nodes":
            self.storage.changed(kind)

    def set(self, item: objects.Object) -> objects.LabelSelector | dict[str, str] | None:
        """Stores an object (added or changed); returns the pod selector it brings, if it brings one."""
        meta = item.metadata
        key = (meta.namespace, meta.name)
        match item:
            case objects.Namespace():
                if self.namespaces.get(meta.name) != meta.labels:
                    self.namespaces[meta.name] = meta.labels
                    self.bump("namespaces")
            case objects.PodDisruptionBudget():
                self.budgets[key] = item
            case objects.Service():
                before = self.owners.services.get(key)
                self.owners.services[key] = item
                if before is None or before.spec != item.spec:
                    self.bump("owners")
                return item.spec.selector
            case objects.ReplicationController():
                selector = objects.LabelSelector(match_labels=item.spec.selector)
                return self._set_controller("ReplicationController", key, selector)
            case objects.ReplicaSet():
                return self._set_controller("ReplicaSet", key, item.spec.selector)
            case objects.StatefulSet():
                return self._set_controller("StatefulSet", key, item.spec.selector)
            case _ if type(item) in STORAGE_KINDS:
                held = getattr(self.storage, STORAGE_KINDS[type(item)])
                name = key if type(item) in NAMESPACED else meta.name
                before, held[name] = held.get(name), item
                if before != item:
                    self.storage.changed(STORAGE_KINDS[type(item)])
                    self.bump("storage")
        return None

    def _set_controller(
        self, kind: str, key: Key, selector: objects.LabelSelector | None
    ) -> objects.LabelSelector | None:
        known = (kind, *key)
        if known not in self.owners.controllers or self.owners.controllers[known] != selector:
            self.owners.controllers[known] = selector
            self.bump("owners")
        return selector

    def remove(self, item: objects.Object) -> None:
        """Forgets an object; one that is not there is no error."""
        meta = item.metadata
        key = (meta.namespace, meta.name)
        match item:
            case objects.Namespace():
                self.namespaces.pop(meta.name, None)
                self.bump("namespaces")
            case objects.PodDisruptionBudget():
                self.budgets.pop(key, None)
            case objects.Service():
                self.owners.services.pop(key, None)
                self.bump("owners")
            case objects.ReplicationController() | objects.ReplicaSet() | objects.StatefulSet():
                self.owners.controllers.pop((type(item).__name__, *key), None)
                self.bump("owners")
            case _ if type(item) in STORAGE_KINDS:
                held = getattr(self.storage, STORAGE_KINDS[type(item)])
                if held.pop(key if type(item) in NAMESPACED else meta.name, None) is not None:
                    self.storage.changed(STORAGE_KINDS[type(item)])
                    self.bump("storage")
