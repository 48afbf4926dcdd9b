"""NodeVolumeLimits: how many volumes of a CSI driver a node takes.

Rules: framework/plugins/nodevolumelimits/csi.go. Volumes count once a node, by driver and handle,
whether pods use them or only a VolumeAttachment says that they are there. A node without CSINode
has no limits; a limit of 0 is one.

A volume is an interned number; that a volume is on a row is one int64, ``row << 32 | volume``.
What a bound pod brings that cannot be read is a volume too, of no driver: it makes the node an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import numpy as np

from stowage.api import csi_migration, objects, volumes
from stowage.cluster import claims, intern, log, outside, pods, shapes, table
from stowage.framework import interface, overlay, status

REASON = "node(s) exceed max volume count"

EXCEEDED, REFUSED_BARE, REFUSED, BROKEN = 1, 2, 3, 4
"""Too many; the pod refused on nodes without and with a CSINode; from here on, `BROKEN` + volume."""

SHIFT = 32
VOLUME = (1 << SHIFT) - 1
NO_DRIVER = 0

Handle = tuple[str, str]
"""(unique name of a volume, its driver)"""


class Refusal(Exception):
    """A volume that cannot be counted."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.status = status.unresolvable(message) if missing else status.error(message)


class Index:
    """What the storage objects say, for all pods: limits and attachments by row, volumes by shape.

    Good until a storage object or the set of nodes changes.
    """

    def __init__(self, cluster: table.Table) -> None:
        storage, known = cluster.storage, cluster.shapes
        self.handles: intern.Interner[str] = intern.Interner()
        self.drivers: intern.Interner[str] = intern.Interner()
        self.drivers.id("")
        self._drivers: list[int] = []
        self.driver_of = intern.Memo(self._drivers.__getitem__)
        """volume -> driver"""
        self._brought = Ragged(lambda shape: self.number(held(known[shape], storage)))
        size = self.size = cluster.size
        self.has_csi_node = np.zeros(size, bool)
        self.limited = np.zeros(size, bool)
        self.limits: dict[int, np.ndarray] = {}
        """driver -> int64[size]: the most volumes of it, -1 without limit"""
        for name, csi_node in storage.csi_nodes.items():
            row = cluster.row_of.get(name)
            if row is not None:
                self._limit(row, csi_node)
        self.attached = np.unique(np.array(list(self._attachments(cluster)), np.int64))
        """int64[k]: what VolumeAttachments say is where"""

    def _limit(self, row: int, csi_node: objects.CSINode) -> None:
        self.has_csi_node[row] = True
        for driver in csi_node.spec.drivers:
            if driver.allocatable is not None and driver.allocatable.count is not None:
                number = self.drivers.id(driver.name)
                if number not in self.limits:
                    self.limits[number] = np.full(self.size, -1, np.int64)
                self.limits[number][row] = driver.allocatable.count
                self.limited[row] = True

    def _attachments(self, cluster: table.Table) -> Iterable[int]:
        for attachment in cluster.storage.attachments.values():
            spec = attachment.spec
            row = cluster.row_of.get(spec.node_name)
            volume = cluster.storage.volumes.get(spec.source.persistent_volume_name or "")
            if row is not None and spec.attacher and volume is not None and volume.spec.csi is not None:
                name = f"{spec.attacher}/{volume.spec.csi.volume_handle}"
                yield row << SHIFT | self.number([(name, spec.attacher)])[0]

    def number(self, handles: Iterable[Handle]) -> list[int]:
        """The numbers of volumes; new ones for new volumes."""
        numbers = []
        for name, driver in handles:
            number = self.handles.id(name)
            if number == len(self._drivers):
                self._drivers.append(self.drivers.id(driver))
            numbers.append(number)
        return numbers

    def of_driver(self, keys: np.ndarray, driver: int) -> np.ndarray:
        """bool[k]: which keys are of a driver's volumes."""
        mask: np.ndarray = self.driver_of.values(len(self.handles))[keys & VOLUME] == driver
        return mask

    def brought(self, shape_ids: np.ndarray, cluster: table.Table) -> tuple[np.ndarray, np.ndarray]:
        """(index into ``shape_ids``, volume): what pods of these shapes bring, one entry a volume."""
        return self._brought.gather(shape_ids, len(cluster.shapes))

    def brings(self, shape: int) -> np.ndarray:
        """int64[k]: the volumes that a pod of one shape brings."""
        return self._brought[shape]


class Ragged:
    """Lists of ints by id, each made once, as arrays that grow."""

    def __init__(self, make: Callable[[int], list[int]]) -> None:
        self._make = make
        self._flat = np.zeros(16, np.int64)
        self._used = 0
        self._ends = intern.Memo(self._append)

    def _append(self, index: int) -> int:
        made = self._make(index)
        while self._used + len(made) > len(self._flat):
            self._flat = np.concatenate([self._flat, np.zeros_like(self._flat)])
        self._flat[self._used : self._used + len(made)] = made
        self._used += len(made)
        return self._used

    def __getitem__(self, index: int) -> np.ndarray:
        end = self._ends[index]
        return self._flat[self._ends[index - 1] if index else 0 : end]

    def gather(self, ids: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """(position in ``ids``, value), in order; ``size`` is above every id."""
        ends = self._ends.values(size)
        starts = np.concatenate([[0], ends[:-1]])
        return spread(starts[ids], ends[ids], self._flat)


def spread(starts: np.ndarray, ends: np.ndarray, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(i, value) for every value of ``flat[starts[i]:ends[i]]``."""
    counts = ends - starts
    positions = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    at = np.arange(len(positions)) - first[positions] + starts[positions]
    return positions, flat[at]


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
        "relevant",
        "uses",
        "wanted",
    )

    def __init__(self, shape: shapes.Shape, cluster: table.Table, index: Index) -> None:
        self.index = index
        self.bare = _attempt(shape, cluster.storage, on_csi_node=False)
        """The pod's volumes on nodes without a CSINode, or why it is refused there."""
        self.full = _attempt(shape, cluster.storage, on_csi_node=True)
        handles = [] if isinstance(self.full, status.Status) else self.full
        self.wanted = np.array(index.number(handles), np.int64)
        self.drivers = sorted({index.driver_of[volume] for volume in self.wanted.tolist()})
        relevant = {NO_DRIVER, *self.drivers} if self.wanted.size else set()
        self.relevant = intern.Memo(lambda volume: index.driver_of[volume] in relevant)
        """volume -> 1 where it can bear on the answer"""
        self.bears = intern.Memo(lambda shape: any(self.relevant[v] for v in index.brings(shape).tolist()))
        """shape id -> 1 where its pods have such a volume"""
        self.keys, self.uses = self._held(cluster)
        """What the pods of each row hold of these drivers, ascending; and how many hold it."""
        self.answers = self.answer(cluster.size, np.arange(cluster.size), self.keys, index.attached)

    def _held(self, cluster: table.Table) -> tuple[np.ndarray, np.ndarray]:
        held = cluster.pods
        if not self.wanted.size or not self.index.limits:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        slots = np.flatnonzero(held.rows[: held.size] >= 0)
        at, volume = self.index.brought(held.shapes[slots], cluster)
        keep = np.flatnonzero(self.relevant.values(len(self.index.handles))[volume])
        rows = held.rows[slots[at[keep]]].astype(np.int64)
        return np.unique(rows << SHIFT | volume[keep], return_counts=True)

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
        index = self.index
        exceeded = np.zeros(size, bool)
        mine = np.isin(held & VOLUME, self.wanted)
        loose = attached[~np.isin(attached, held)]
        for driver in self.drivers:
            limit = index.limits.get(driver)
            if limit is None:
                continue
            theirs = index.of_driver(held, driver)
            in_use = np.bincount(held[theirs] >> SHIFT, minlength=size)
            in_use += np.bincount(loose[index.of_driver(loose, driver)] >> SHIFT, minlength=size)
            wanted = np.count_nonzero([index.driver_of[v] == driver for v in self.wanted.tolist()])
            new = wanted - np.bincount(held[theirs & mine] >> SHIFT, minlength=size)
            exceeded |= (limit[rows] >= 0) & (new > 0) & (in_use + new > limit[rows])
        codes = np.where(exceeded, EXCEEDED, 0)
        broken = held[index.of_driver(held, NO_DRIVER)][::-1]  # the lowest volume of a row last
        codes[broken >> SHIFT] = BROKEN + (broken & VOLUME)
        codes[~index.limited[rows]] = 0
        if isinstance(self.full, status.Status):
            codes[:] = REFUSED
        bare = REFUSED_BARE if isinstance(self.bare, status.Status) else 0
        return np.where(index.has_csi_node[rows], codes, bare)

    def changed(self, cluster: table.Table, change: overlay.Overlay) -> np.ndarray:
        """int64[k]: the answers for the rows of ``change``."""
        rows = change.rows
        held, uses = local(self.keys, self.uses, rows)
        who, volume = self.index.brought(change.shapes, cluster)
        keep = np.flatnonzero(self.relevant.values(len(self.index.handles))[volume])
        who = who[keep]
        moved = change.at[who].astype(np.int64) << SHIFT | volume[keep]
        keys, inverse = np.unique(np.concatenate([held, moved]), return_inverse=True)
        amounts = np.zeros(len(keys), np.int64)
        np.add.at(amounts, inverse.reshape(-1), np.concatenate([uses, change.sign[who]]))
        attached, _ = local(self.index.attached, self.index.attached, rows)
        return self.answer(len(rows), rows, keys[amounts > 0], attached)


def local(keys: np.ndarray, values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(key, value) of the entries of ``rows``; in the keys, a row is its position in ``rows``."""
    rows = rows.astype(np.int64)
    starts, ends = np.searchsorted(keys, rows << SHIFT), np.searchsorted(keys, (rows + 1) << SHIFT)
    at, found = spread(starts, ends, keys)
    return at << SHIFT | (found & VOLUME), spread(starts, ends, values)[1]


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
        return interface.PreFiltered(_state(shape, cluster))

    def filter(
        self,
        state: State | pods.Incoming,
        cluster: table.Table,
        rows: interface.Rows,
        change: overlay.Overlay | None,
    ) -> interface.Answer:
        """Each row's code."""
        if isinstance(state, pods.Incoming):
            state = _state(state.shape, cluster)
        if change is not None:
            return state.changed(cluster, change)
        answer: np.ndarray = state.answers[rows]
        return answer

    def explain(self, state: State | pods.Incoming, cluster: table.Table, code: int) -> status.Status:
        """Too many volumes, or one that cannot be counted."""
        if isinstance(state, pods.Incoming):
            state = _state(state.shape, cluster)
        if code == EXCEEDED:
            return status.unschedulable(REASON)
        if code >= BROKEN:
            return status.error(state.index.handles[code - BROKEN])
        refusal = state.bare if code == REFUSED_BARE else state.full
        return refusal if isinstance(refusal, status.Status) else status.SUCCESS


def _state(shape: shapes.Shape, cluster: table.Table) -> State:
    derived = cluster.storage.derived
    index = derived.get(NodeVolumeLimits.name)
    if index is None or index.size != cluster.size:
        index = derived[NodeVolumeLimits.name] = Index(cluster)
    return State(shape, cluster, index)


def held(shape: shapes.Shape, storage: outside.Storage) -> list[Handle]:
    """What a bound pod brings to its node's CSI drivers; a volume of no driver where it is an error."""
    if not shape.volumes:
        return []
    try:
        return list(_handles(shape, storage, on_csi_node=True, pending=False).items())
    except Refusal as refusal:
        return [(str(refusal), "")]


def _attempt(
    shape: shapes.Shape, storage: outside.Storage, *, on_csi_node: bool
) -> list[Handle] | status.Status:
    """The volumes of the pod to place, or why it is refused."""
    try:
        return list(_handles(shape, storage, on_csi_node=on_csi_node, pending=True).items())
    except Refusal as refusal:
        return refusal.status


def _handles(
    shape: shapes.Shape, storage: outside.Storage, *, on_csi_node: bool, pending: bool
) -> dict[str, str]:
    """Unique name of a volume -> its driver."""
    found: dict[str, str] = {}
    for volume in shape.volumes:
        used = claims.use(shape, volume)
        if used is None:
            found |= _inline(volume) if on_csi_node else {}
            continue
        if used.name == "":
            raise Refusal("PersistentVolumeClaim had no name")
        claim = storage.claims.get((shape.namespace, used.name))
        if claim is None:
            if pending:
                missing = f'persistentvolumeclaim "{used.name}" not found'
                raise Refusal(f"looking up PVC {shape.namespace}/{used.name}: {missing}", missing=True)
            continue
        if used.ephemeral and (trouble := claims.not_owned(shape, claim)):
            raise Refusal(trouble)
        driver, handle = _of_claim(claim, storage, on_csi_node=on_csi_node)
        if driver and handle:
            found[f"{driver}/{handle}"] = driver
    return found


def _inline(volume: objects.Volume) -> dict[str, str]:
    if csi_migration.plugin_of_volume(volume) not in csi_migration.MIGRATED:
        return {}
    try:
        source = csi_migration.inline_source(volume)
    except csi_migration.MigrationError as error:
        raise Refusal(f"converting volume({volume.name}) from inline to csi: {error}") from error
    return {f"{source.driver}/{source.volume_handle}": source.driver}


def _of_claim(
    claim: objects.PersistentVolumeClaim, storage: outside.Storage, *, on_csi_node: bool
) -> tuple[str, str]:
    """Driver and handle of a claim's volume, empty where it does not count."""
    volume = storage.volumes.get(claim.spec.volume_name)
    if volume is None:
        return _of_class(claim, storage, on_csi_node=on_csi_node)
    source = volume.spec.csi
    if source is None:
        if not on_csi_node or csi_migration.plugin_of_pv(volume) not in csi_migration.MIGRATED:
            return "", ""
        try:
            source = csi_migration.pv_source(volume)
        except csi_migration.MigrationError:
            return "", ""
    return source.driver, source.volume_handle


def _of_class(
    claim: objects.PersistentVolumeClaim, storage: outside.Storage, *, on_csi_node: bool
) -> tuple[str, str]:
    """Driver and a handle of the claim's own, for a volume that is yet to be made."""
    found = storage.classes.get(volumes.class_name(claim))
    if found is None:
        return "", ""
    driver = found.provisioner
    if driver in csi_migration.DRIVERS:
        if not on_csi_node or driver not in csi_migration.MIGRATED:
            return "", ""
        driver = csi_migration.DRIVERS[driver]
    return driver, f"\0{claim.metadata.namespace}/{claim.metadata.name}"
