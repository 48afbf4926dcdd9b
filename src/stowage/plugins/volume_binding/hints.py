"""What may help a pod whose claims found no volume: claims, classes, and room to provision in."""

from __future__ import annotations

from stowage.api import csi_migration, objects, quantity, volumes
from stowage.cluster import claims, pods, table
from stowage.framework import events


def after_csi_node(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """New, or other in-tree plugins are migrated on it."""
    if change.old is None:
        return True
    key = csi_migration.MIGRATED_PLUGINS_ANNOTATION
    old, new = change.old.metadata.annotations, change.new.metadata.annotations
    return bool(old.get(key, "") != new.get(key, ""))


def after_claim(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """It is the pod's."""
    return claims.is_used(pod.shape, change.new)


def after_class(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """New, or its volumes can be reached from elsewhere."""
    old: objects.StorageClass | None = change.old
    return old is None or bool(old.allowed_topologies != change.new.allowed_topologies)


def after_capacity(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """New, or the largest volume became larger."""
    if change.old is None:
        return True
    old, new = _largest(change.old), _largest(change.new)
    return new is not None and (old is None or quantity.value(new) > quantity.value(old))


def _largest(capacity: objects.CSIStorageCapacity) -> objects.Quantity | None:
    return capacity.capacity if capacity.maximum_volume_size is None else capacity.maximum_volume_size


def after_driver(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """It no longer looks at capacity, and a volume of the pod is, or is to be, of it.

    kube-scheduler looks at inline volumes alone, which have no claim and no part in this.
    """
    driver = change.new.metadata.name
    if not change.old.spec.storage_capacity or change.new.spec.storage_capacity:
        return False
    storage = cluster.storage
    for volume in pod.shape.volumes:
        use = claims.use(pod.shape, volume)
        claim = storage.claims.get((pod.namespace, use.name)) if use else None
        kind = storage.classes.get(volumes.class_name(claim)) if claim else None
        if (volume.csi and volume.csi.driver == driver) or (kind and kind.provisioner == driver):
            return True
    return False
