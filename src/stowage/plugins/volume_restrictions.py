"""VolumeRestrictions: disks that two pods of a node cannot share, and claims for one pod only.

Rules: framework/plugins/volumerestrictions/volume_restrictions.go. A ReadWriteOncePod claim in use
anywhere in the cluster is in the way everywhere. A change (nominated pods, victims) is counted by
the claims' names alone, in whatever namespace, as kube-scheduler does it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.api import objects, volumes
from stowage.cluster import claims, intern, log, pods, shapes, table
from stowage.framework import events, interface, overlay, status

REASON_DISK = "node(s) had no available disk"
REASON_CLAIM = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use"
    " by another pod"
)
DISK, CLAIM, NO_STATE = 1, 2, 3


class State:
    """Where the pod's disks are in use, and how many of its ReadWriteOncePod claims are, anywhere."""

    __slots__ = ("clashes", "disks", "held", "mentions", "used")

    def __init__(self, shape: shapes.Shape, exclusive: frozenset[str], cluster: table.Table) -> None:
        self.disks = tuple(volume for volume in shape.volumes if is_disk(volume))
        known = cluster.shapes
        self.held = intern.Memo(lambda index: clash(self.disks, known[index].volumes))
        """shape id -> 1 where a pod of it has a disk that the pod cannot share"""
        self.mentions = intern.Memo(
            lambda index: sum(name in exclusive for name in claims.named(known[index]))
        )
        """shape id -> how many of its volumes name one of the claims"""
        self.used = len(in_use(shape.namespace, exclusive, cluster)) if exclusive else 0
        self.clashes = np.zeros(cluster.size, np.int64)
        """int64[size]: pods that have a disk that the pod cannot share"""
        if self.disks and any(self.held[index] for index in cluster.pods.shape_counts):
            self.clashes = cluster.sum_by_shape(self.held.values(len(known)))

    def advance(self, cluster: table.Table, tail: log.Tail) -> bool:
        """Counts disks that came and went; False where a claim did."""
        missing = cluster.size - len(self.clashes)
        if missing > 0:
            self.clashes = np.concatenate([self.clashes, np.zeros(missing, np.int64)])
        if len(tail) == 1:
            delta = tail.deltas.item(0)
            if delta:
                shape = tail.shapes.item(0)
                if self.mentions[shape]:
                    return False
                self.clashes[tail.rows.item(0)] += delta * self.held[shape]
            return True
        moved = np.flatnonzero(tail.deltas)
        moving = tail.shapes[moved]
        if self.mentions.values(len(cluster.shapes))[moving].any():
            return False
        held = self.held.values(len(cluster.shapes))[moving]
        np.add.at(self.clashes, tail.rows[moved], held * tail.deltas[moved])
        return True


class VolumeRestrictions(interface.PreFilterPlugin, interface.FilterPlugin):
    """See the module."""

    name: ClassVar[str] = "VolumeRestrictions"
    fallible: ClassVar[bool] = True
    kind: ClassVar[interface.Kind] = interface.Kind.DOMAIN
    reads: ClassVar[frozenset[str]] = frozenset({"pods", "shapes", "storage", "live"})

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """SKIP where the pod names no such disk and no ReadWriteOncePod claim.

        kube-scheduler skips the filter as well while none of the claims is in use. Here the state
        says so: it must see the pod that comes to use one.
        """
        exclusive = set()
        for name in claims.named(pod.shape):
            claim = cluster.storage.claims.get((pod.namespace, name))
            if claim is None:
                return status.unresolvable(f'persistentvolumeclaim "{name}" not found')
            if volumes.READ_WRITE_ONCE_POD in claim.spec.access_modes:
                exclusive.add(name)
        if not exclusive and not any(is_disk(volume) for volume in pod.shape.volumes):
            return status.SKIP
        return interface.PreFiltered(State(pod.shape, frozenset(exclusive), cluster))

    def filter(
        self,
        state: State | pods.Incoming,
        cluster: table.Table,
        rows: interface.Rows,
        change: overlay.Overlay | None,
    ) -> interface.Answer:
        """Disks first. Where PreFilter did not run, a node without a clash is an error."""
        if isinstance(state, pods.Incoming):
            state = State(state.shape, frozenset(), cluster)
            return np.where(_clashes(state, cluster, rows, change) > 0, DISK, NO_STATE)
        if not state.disks and not state.used:
            return 0  # skipped: not even nominated pods count
        used: int | np.ndarray = state.used
        if change is not None:
            used = used + change.sum(_per_pod("claims", state.mentions, cluster, change))
        if not state.disks and isinstance(used, int):
            return CLAIM if used > 0 else 0
        return np.where(_clashes(state, cluster, rows, change) > 0, DISK, np.where(used > 0, CLAIM, 0))

    def explain(self, state: State | pods.Incoming, cluster: table.Table, code: int) -> status.Status:
        """One reason a code."""
        if code == NO_STATE:
            return status.error('cannot read "PreFilterVolumeRestrictions" from cycleState')
        return status.unschedulable(REASON_DISK if code == DISK else REASON_CLAIM)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """A disk or claim given up, any new node, a claim made."""
        kinds = events.Resource
        return (
            events.on(kinds.POD, events.Action.DELETE, after_pod_deleted),
            events.on(kinds.NODE, events.Action.ADD),
            events.on(kinds.PERSISTENT_VOLUME_CLAIM, events.Action.ADD, after_claim_added),
        )


def after_pod_deleted(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """It had a disk that the pod cannot share, or one of its claims."""
    gone: pods.Incoming = change.old
    if gone.namespace != pod.namespace:
        return False
    if clash(tuple(volume for volume in pod.shape.volumes if is_disk(volume)), gone.shape.volumes):
        return True
    return not set(claims.named(pod.shape)).isdisjoint(claims.named(gone.shape))


def after_claim_added(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """It is one that the pod names."""
    meta = change.new.metadata
    return meta.namespace == pod.namespace and meta.name in claims.named(pod.shape)


def _clashes(
    state: State, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
) -> np.ndarray:
    """int64[rows]: pods with a disk that the pod cannot share."""
    clashes: np.ndarray = state.clashes[rows]
    if change is None:
        return clashes
    total: np.ndarray = clashes + change.sum(_per_pod("disks", state.held, cluster, change))
    return total


def _per_pod(what: str, memo: intern.Memo, cluster: table.Table, change: overlay.Overlay) -> np.ndarray:
    """int64[m]: a function of the shape, for every pod of a change."""
    key = (VolumeRestrictions.name, what, id(memo))
    return change.derived(key, lambda: memo.values(len(cluster.shapes))[change.shapes])


def in_use(namespace: str, names: frozenset[str], cluster: table.Table) -> set[str]:
    """Which of these claims a pod uses on a node that exists."""
    used: set[str] = set()
    at, ids = cluster.pods.rows[: cluster.pods.size], cluster.pods.shapes[: cluster.pods.size]
    for index in cluster.pods.shape_counts:
        shape = cluster.shapes[index]
        if not shape.volumes or shape.namespace != namespace:
            continue
        mentioned = names.intersection(claims.named(shape)) - used
        if mentioned and cluster.live[at[(ids == index) & (at >= 0)]].any():
            used |= mentioned
    return used


def is_disk(volume: objects.Volume) -> bool:
    """Whether it is one of the in-tree disks that restrict sharing."""
    return (
        volume.gce_persistent_disk is not None
        or volume.aws_elastic_block_store is not None
        or volume.rbd is not None
        or volume.iscsi is not None
    )


def clash(disks: tuple[objects.Volume, ...], held: tuple[objects.Volume, ...]) -> bool:
    """Whether a pod with volumes ``held`` keeps one with ``disks`` off its node."""
    return any(excludes(mine, theirs) for mine in disks for theirs in held)


def excludes(mine: objects.Volume, theirs: objects.Volume) -> bool:
    """Whether two volumes are one disk that cannot be mounted twice (all but EBS can, read-only)."""
    if (gce := mine.gce_persistent_disk) and (other_gce := theirs.gce_persistent_disk):
        same = gce.pd_name == other_gce.pd_name
        if same and not (gce.read_only and other_gce.read_only):
            return True
    ebs, other_ebs = mine.aws_elastic_block_store, theirs.aws_elastic_block_store
    if ebs and other_ebs and ebs.volume_id == other_ebs.volume_id:
        return True
    if (iscsi := mine.iscsi) and (other_iscsi := theirs.iscsi):
        same = iscsi.iqn == other_iscsi.iqn
        if same and not (iscsi.read_only and other_iscsi.read_only):
            return True
    if (rbd := mine.rbd) and (other_rbd := theirs.rbd):
        same = (rbd.pool or "rbd", rbd.image) == (other_rbd.pool or "rbd", other_rbd.image)
        shared = not set(rbd.monitors).isdisjoint(other_rbd.monitors)
        return same and shared and not (rbd.read_only and other_rbd.read_only)
    return False
