"""NodeVolumeLimits: how many volumes of a CSI driver a node takes.

Rules: framework/plugins/nodevolumelimits/csi.go. Volumes count once a node, by driver and handle,
whether pods use them or only a VolumeAttachment says that they are there. A node without CSINode
has no limits; a limit of 0 is one. What a bound pod brings that cannot be read is a volume too, of
no driver: it makes the node an error.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.api import csi_migration
from stowage.cluster import claims, intern, log, pods, shapes, table
from stowage.framework import events, interface, overlay, status
from stowage.plugins.node_volume_limits import handles, hints, index
from stowage.plugins.node_volume_limits.index import NO_DRIVER, SHIFT, VOLUME

REASON = "node(s) exceed max volume count"

EXCEEDED, REFUSED_BARE, REFUSED, BROKEN = 1, 2, 3, 4
"""Too many; the pod refused on nodes without and with a CSINode; from here on, `BROKEN` + volume."""


class State:
    """The pod's volumes, and every row's answer."""

    __slots__ = (
        "answers",
        "bare",
        "bears",
        "drivers",
        "full",
        "index",
        "keys",
        "limits",
        "uses",
        "wanted",
    )

    def __init__(self, shape: shapes.Shape, cluster: table.Table) -> None:
        self.index = index.index_of(cluster)
        self.limits = index.limits_of(cluster)
        self.bare = handles.attempt(shape, cluster.storage, on_csi_node=False)
        """The pod's volumes on nodes without a CSINode, or why it is refused there."""
        self.full = handles.attempt(shape, cluster.storage, on_csi_node=True)
        pairs = [] if isinstance(self.full, status.Status) else self.full
        self.wanted = np.array(self.index.number(pairs), np.int64)
        self.drivers = sorted({self.index.driver_of[volume] for volume in self.wanted.tolist()})
        self.bears = intern.Memo(lambda shape: int(self.relevant(self.index.brings(shape)).any()))
        """shape id -> 1 where its pods have a volume that can bear on the answer"""
        self.keys, self.uses = self._held(cluster)
        """What the pods of each row hold of these drivers, ascending; and how many hold it."""
        self.answers = self.answer(cluster.size, np.arange(cluster.size), self.keys, self.index.attached)

    def _held(self, cluster: table.Table) -> tuple[np.ndarray, np.ndarray]:
        held = cluster.pods
        if not self.wanted.size or not self.limits.by_driver:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        slots = np.flatnonzero(held.rows[: held.size] >= 0)
        at, volume = self.index.brought(held.shapes[slots], cluster)
        keep = np.flatnonzero(self.relevant(volume))
        rows = held.rows[slots[at[keep]]].astype(np.int64)
        return np.unique(rows << SHIFT | volume[keep], return_counts=True)

    def relevant(self, volume: np.ndarray) -> np.ndarray:
        """bool[k]: which volumes are of the pod's drivers, or an error."""
        drivers = self.index.driver_of.values(len(self.index.handles))[volume]
        mask: np.ndarray = drivers == NO_DRIVER
        for driver in self.drivers:
            mask |= drivers == driver
        return mask

    def advance(self, cluster: table.Table, tail: log.Tail) -> bool:
        """False where a pod with volumes of these drivers came or went."""
        if cluster.size != len(self.answers):
            return False
        if not self.wanted.size:
            return True
        if len(tail) == 1:
            return not (tail.deltas.item(0) and self.bears[tail.shapes.item(0)])
        moving = tail.shapes[np.flatnonzero(tail.deltas)]
        return not self.bears.values(len(cluster.shapes))[moving].any()

    def answer(self, size: int, rows: np.ndarray, held: np.ndarray, attached: np.ndarray) -> np.ndarray:
        """int64[size]: the code of each of ``rows``; keys count ``rows`` from 0."""
        known, limits = self.index, self.limits
        exceeded = np.zeros(size, bool)
        mine = np.isin(held & VOLUME, self.wanted)
        loose = attached[~np.isin(attached, held)]
        for driver in self.drivers:
            limit = limits.by_driver.get(known.drivers[driver])
            if limit is None:
                continue
            theirs = known.of_driver(held, driver)
            in_use = np.bincount(held[theirs] >> SHIFT, minlength=size)
            in_use += np.bincount(loose[known.of_driver(loose, driver)] >> SHIFT, minlength=size)
            wanted = np.count_nonzero([known.driver_of[v] == driver for v in self.wanted.tolist()])
            new = wanted - np.bincount(held[theirs & mine] >> SHIFT, minlength=size)
            exceeded |= (limit[rows] >= 0) & (new > 0) & (in_use + new > limit[rows])
        codes = np.where(exceeded, EXCEEDED, 0)
        broken = held[known.of_driver(held, NO_DRIVER)][::-1]  # the lowest volume of a row last
        codes[broken >> SHIFT] = BROKEN + (broken & VOLUME)
        codes[~limits.limited[rows]] = 0
        if isinstance(self.full, status.Status):
            codes[:] = REFUSED
        bare = REFUSED_BARE if isinstance(self.bare, status.Status) else 0
        return np.where(limits.has_csi_node[rows], codes, bare)

    def changed(self, cluster: table.Table, change: overlay.Overlay) -> np.ndarray:
        """int64[k]: the answers for the rows of ``change``."""
        rows = change.rows
        held, uses = index.local(self.keys, self.uses, rows)
        who, volume = self.index.brought(change.shapes, cluster)
        keep = np.flatnonzero(self.relevant(volume))
        who = who[keep]
        moved = change.at[who].astype(np.int64) << SHIFT | volume[keep]
        keys, inverse = np.unique(np.concatenate([held, moved]), return_inverse=True)
        amounts = np.zeros(len(keys), np.int64)
        np.add.at(amounts, inverse.reshape(-1), np.concatenate([uses, change.sign[who]]))
        attached, _ = index.local(self.index.attached, self.index.attached, rows)
        return self.answer(len(rows), rows, keys[amounts > 0], attached)


class NodeVolumeLimits(interface.PreFilterPlugin, interface.FilterPlugin):
    """See the module."""

    name: ClassVar[str] = "NodeVolumeLimits"
    fallible: ClassVar[bool] = True
    kind: ClassVar[interface.Kind] = interface.Kind.DOMAIN
    reads: ClassVar[frozenset[str]] = frozenset({"pods", "shapes", "storage", "row_of", "nodes"})

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """SKIP for a pod without claims and without disks that have become CSI volumes."""
        shape = pod.shape
        if not any(
            claims.use(shape, volume) is not None or csi_migration.plugin_of_volume(volume) is not None
            for volume in shape.volumes
        ):
            return status.SKIP
        return interface.PreFiltered(State(shape, cluster))

    def filter(
        self,
        state: State | pods.Incoming,
        cluster: table.Table,
        rows: interface.Rows,
        change: overlay.Overlay | None,
    ) -> interface.Answer:
        """Each row's code."""
        if isinstance(state, pods.Incoming):
            state = State(state.shape, cluster)
        if change is not None:
            return state.changed(cluster, change)
        answer: np.ndarray = state.answers[rows]
        return answer

    def explain(self, state: State | pods.Incoming, cluster: table.Table, code: int) -> status.Status:
        """Too many volumes, or one that cannot be counted."""
        if isinstance(state, pods.Incoming):
            state = State(state.shape, cluster)
        if code == EXCEEDED:
            return status.unschedulable(REASON)
        if code >= BROKEN:
            return status.error(state.index.handles[code - BROKEN])
        refusal = state.bare if code == REFUSED_BARE else state.full
        return refusal if isinstance(refusal, status.Status) else status.SUCCESS

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """Volumes that leave, limits that rise, and claims that were missing."""
        kinds, actions = events.Resource, events.Action
        return (
            events.on(kinds.CSI_NODE, actions.ADD),
            events.on(kinds.CSI_NODE, actions.UPDATE, hints.after_csi_node),
            events.on(kinds.POD, actions.DELETE, hints.after_pod_deleted),
            events.on(kinds.PERSISTENT_VOLUME_CLAIM, actions.ADD, hints.after_claim_added),
            events.on(kinds.VOLUME_ATTACHMENT, actions.DELETE, hints.after_attachment_deleted),
        )
