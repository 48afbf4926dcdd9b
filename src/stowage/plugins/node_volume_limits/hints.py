"""What may help a pod that found no room for its volumes: volumes that leave a node, and higher limits."""

from __future__ import annotations

from stowage.api import csi_migration, objects
from stowage.cluster import claims, pods, table
from stowage.framework import events


def after_csi_node(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """Some driver's limit became higher; none counts as 0."""
    old, new = _limits(change.old), _limits(change.new)
    return any(limit > old.get(driver, 0) for driver, limit in new.items())


def _limits(node: objects.CSINode) -> dict[str, int]:
    return {
        driver.name: (driver.allocatable and driver.allocatable.count) or 0 for driver in node.spec.drivers
    }


def after_pod_deleted(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """It had, on some node, a volume that may have counted."""
    gone: pods.Incoming = change.old
    return events.holds_node(gone) and any(
        claims.use(gone.shape, volume) is not None or csi_migration.plugin_of_volume(volume) is not None
        for volume in gone.shape.volumes
    )


def after_claim_added(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """It is the pod's."""
    return claims.is_used(pod.shape, change.new)


def after_attachment_deleted(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """A pod with claims may gain from any, one with in-tree disks only from their driver's.

    kube-scheduler forgets the claims of generic ephemeral volumes here.
    """
    for volume in pod.shape.volumes:
        plugin = csi_migration.plugin_of_volume(volume)
        if claims.use(pod.shape, volume) is not None:
            return True
        if plugin is not None and csi_migration.DRIVERS[plugin] == change.old.spec.attacher:
            return True
    return False
