"""VolumeZone: the zone and region labels of a bound volume against those of the node.

Rules: framework/plugins/volumezone/volume_zone.go.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.api import csi_migration, volumes
from stowage.cluster import claims, pods, shapes, table
from stowage.framework import events, interface, overlay, status

REASON = "node(s) had no available volume zone"
CONFLICT, REFUSED = 1, 2

GA = {
    csi_migration.BETA_ZONE: csi_migration.ZONE,
    csi_migration.BETA_REGION: csi_migration.REGION,
}
"""Old label -> the one that took its place on nodes."""
KEYS = (*GA, *GA.values())

Topology = tuple[str, frozenset[str]]
"""A label, and the values that a volume can be reached from."""


class VolumeZone(interface.PreFilterPlugin, interface.FilterPlugin):
    """See the module."""

    name: ClassVar[str] = "VolumeZone"
    reads: ClassVar[frozenset[str]] = frozenset({"labels", "storage"})

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """SKIP where no volume is bound or none has such a label; a claim that cannot be used refuses."""
        asked = topologies(pod.shape, cluster)
        if isinstance(asked, status.Status):
            return asked
        return interface.PreFiltered(asked) if asked else status.SKIP

    def filter(
        self,
        state: tuple[Topology, ...] | pods.Incoming,
        cluster: table.Table,
        rows: interface.Rows,
        change: overlay.Overlay | None,
    ) -> interface.Answer:
        """A node without any such label takes every volume."""
        asked = topologies(state.shape, cluster) if isinstance(state, pods.Incoming) else state
        if isinstance(asked, status.Status):
            return REFUSED
        columns = {key: cluster.codes(key).column[: cluster.size][rows] for key in KEYS}
        labelled = np.any([column >= 0 for column in columns.values()], axis=0)
        fits = ~labelled
        fits |= np.all([_allowed(cluster, columns, key, values) for key, values in asked], axis=0)
        return np.where(fits, 0, CONFLICT)

    def explain(
        self, state: tuple[Topology, ...] | pods.Incoming, cluster: table.Table, code: int
    ) -> status.Status:
        """The one reason there is, or why the pod's claims cannot be used."""
        if code == REFUSED and isinstance(state, pods.Incoming):
            refusal = topologies(state.shape, cluster)
            if isinstance(refusal, status.Status):
                return refusal
        return status.unresolvable(REASON)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """A node's labels, and what makes a claim usable or moves its volume."""
        kinds, made = events.Resource, events.Action.ADD | events.Action.UPDATE
        return (
            events.on(kinds.STORAGE_CLASS, events.Action.ADD, after_class_added),
            events.on(kinds.NODE, events.Action.ADD | events.Action.UPDATE_NODE_LABEL),
            events.on(kinds.PERSISTENT_VOLUME_CLAIM, made, after_claim),
            events.on(kinds.PERSISTENT_VOLUME, made, after_volume),
        )


def after_class_added(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """Its claims wait for their pod, which lets one without a volume pass."""
    mode: str | None = change.new.volume_binding_mode
    return mode == volumes.WAIT_FOR_FIRST_CONSUMER


def after_claim(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """It is one that the pod names."""
    meta = change.new.metadata
    return meta.namespace == pod.namespace and meta.name in claims.named(pod.shape)


def after_volume(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """New, or its topology labels changed."""
    if change.old is None:
        return True
    return of_labels(change.old.metadata.labels) != of_labels(change.new.metadata.labels)


def _allowed(
    cluster: table.Table, columns: dict[str, np.ndarray], key: str, values: frozenset[str]
) -> np.ndarray:
    """bool[rows]: whether the node has one of ``values`` under the label, or under its successor."""
    own, successor = columns[key], GA.get(key, key)
    allowed = _one_of(cluster, key, own, values)
    if successor == key:
        return allowed
    return np.where(own >= 0, allowed, _one_of(cluster, successor, columns[successor], values))


def _one_of(cluster: table.Table, key: str, column: np.ndarray, values: frozenset[str]) -> np.ndarray:
    known = cluster.codes(key).by_value
    return np.isin(column, [known[value] for value in values if value in known])


def topologies(shape: shapes.Shape, cluster: table.Table) -> tuple[Topology, ...] | status.Status:
    """What the bound volumes of a pod ask of its node, or why one of its claims cannot be used.

    Claims of generic ephemeral volumes are not looked at.
    """
    storage = cluster.storage
    found: list[Topology] = []
    for name in claims.named(shape):
        if name == "":
            return status.unresolvable("PersistentVolumeClaim had no name")
        claim = storage.claims.get((shape.namespace, name))
        if claim is None:
            return status.unresolvable(f'persistentvolumeclaim "{name}" not found')
        bound_to = claim.spec.volume_name
        if bound_to == "":
            refusal = _unbound(volumes.class_name(claim), cluster)
            if refusal:
                return status.unresolvable(refusal)
            continue
        volume = storage.volumes.get(bound_to)
        if volume is None:
            return status.unresolvable(f'persistentvolume "{bound_to}" not found')
        found += of_labels(volume.metadata.labels)
    return tuple(found)


def _unbound(name: str, cluster: table.Table) -> str:
    """Why an unbound claim of a class cannot be used; empty where it waits for the pod."""
    if name == "":
        return "PersistentVolumeClaim had no pv name and storageClass name"
    found = cluster.storage.classes.get(name)
    if found is None:
        return f'storageclass.storage.k8s.io "{name}" not found'
    if found.volume_binding_mode is None:
        return f'VolumeBindingMode not set for StorageClass "{name}"'
    if found.volume_binding_mode != volumes.WAIT_FOR_FIRST_CONSUMER:
        return "PersistentVolume had no name"
    return ""


def of_labels(labels: dict[str, str]) -> list[Topology]:
    """A volume's labels as topologies: `a__b` is either; one with an empty part is ignored."""
    found = []
    for key in KEYS:
        if key in labels:
            parts = labels[key].split(csi_migration.MULTI_ZONE_DELIMITER)
            values = frozenset(part.strip() for part in parts)
            if "" not in values:
                found.append((key, values))
    return found
