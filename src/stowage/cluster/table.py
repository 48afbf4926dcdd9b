"""The table: one writer, one row a node, and a log of what changed.

A node keeps its row while it lives. Pods of a node that is not known (yet, or any more) hold a
row too, whose ``live`` is False: they count nowhere, and the row is not reused before they are
gone. Columns are views of ``size`` rows; write to none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
import numpy as np

from stowage.api import objects, resources, times
from stowage.cluster import log, nodes, outside, pods, shapes
from stowage.cluster.nodes import grown

ALLOCATABLE, LABELS, TAINTS, UNSCHEDULABLE, IMAGES, NAME, FEATURES = 1, 2, 4, 8, 16, 32, 64
"""What of a node changed: bits of the mask in a log entry."""

COPIED = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
"""Labels that the API server copies from its node to a pod that is bound (its plugin PodTopologyLabels): each
pod that was assumed changes in them."""

COLUMN_BITS = {
    "allocatable": ALLOCATABLE,
    "labels": LABELS,
    "taints": TAINTS,
    "unschedulable": UNSCHEDULABLE,
    "images": IMAGES,
    "features": FEATURES,
    "names": NAME,
    "live": NAME,
}
"""Attribute of the table -> the bit that says it changed on a row."""

USAGE = frozenset({"requested", "nonzero", "pods"})
"""Attributes of the table that change where pods come and go."""

Move = tuple[bool, pods.Incoming, int, tuple[pods.Incoming, str] | None]
"""What a trial notes of a pod: whether it was added, which, its row, and the nomination that ended so."""

_encode = msgspec.msgpack.Encoder().encode


class Table:
    """The cluster. Reads are attributes, named in a plugin's ``reads``; writes are the methods."""

    def __init__(self) -> None:
        self.log = log.Log()
        self.resources = shapes.Resources()
        self.size = 0
        """Rows ever used."""
        self._capacity = 16
        self._live = np.zeros(16, bool)
        self._unschedulable = np.zeros(16, bool)
        self._allocatable = np.zeros((4, 16), np.int64)
        self._requested = np.zeros((4, 16), np.int64)
        self._nonzero = np.zeros((2, 16), np.int64)
        self.incarnations = np.zeros(16, np.int32)
        self.names: list[str] = []
        """Node name by row."""
        self.row_of: dict[str, int] = {}
        self.labels = nodes.Labels()
        self.taints: nodes.Sets[objects.Taint] = nodes.Sets()
        self.features: nodes.Sets[str] = nodes.Sets()
        """status.declaredFeatures."""
        self.images = nodes.Images()
        self.pods = pods.Pods()
        self.groups = pods.Groups()
        self.shapes: list[shapes.Shape] = []
        self._shape_ids: dict[bytes, shapes.Shape] = {}
        self.outside = outside.Outside()
        self.nominations: dict[str, tuple[pods.Incoming, str]] = {}
        """uid -> (pending pod, name of the node it is nominated to)"""
        self.node_count = 0
        self.selector_keys: set[str] = set()
        """Label keys of pods that some selector reads; only these tell two pods of one shape apart."""
        self._views: dict[int, tuple[int, tuple[tuple[str, str | None], ...]]] = {}
        self._free_rows: list[int] = []
        self._journal: list[Move] | None = None
        self._view()

    # ------------------------------------------------------------------ reads

    def _view(self) -> None:
        """Points the columns at the rows in use; called when rows or resources were added."""
        size = self.size
        self.live = self._live[:size]
        """bool[size]: a Node object exists."""
        self.unschedulable = self._unschedulable[:size]
        """bool[size]: spec.unschedulable."""
        self.allocatable = self._allocatable[:, :size]
        """int64[resources, size]; `resources.index` names the first axis."""
        self.requested = self._requested[:, :size]
        """int64[resources, size]: the sum over the pods of a row; of ``pods``, their number."""
        self.nonzero = self._nonzero[:, :size]
        """int64[2, size]: cpu and memory requested, with defaults for containers that request none."""

    @property
    def namespaces(self) -> dict[str, dict[str, str]]:
        """Namespace name -> labels."""
        return self.outside.namespaces

    @property
    def owners(self) -> outside.Owners:
        """Services and controllers."""
        return self.outside.owners

    @property
    def storage(self) -> outside.Storage:
        """Claims, volumes, classes and CSI objects."""
        return self.outside.storage

    def codes(self, key: str) -> nodes.Codes:
        """The values of a node label by row; part of ``labels``."""
        return self.labels.codes(key)

    def sum_by_shape(self, values: np.ndarray) -> np.ndarray:
        """int64[size]: per row, the sum of ``values[shape]`` over its pods; part of ``pods``."""
        return self._sum(values[self.pods.shapes[: self.pods.size]])

    def sum_by_group(self, values: np.ndarray) -> np.ndarray:
        """int64[size]: per row, the sum of ``values[group]`` over its pods; part of ``pods``."""
        return self._sum(values[self.pods.groups[: self.pods.size]])

    def _sum(self, weights: np.ndarray) -> np.ndarray:
        rows = self.pods.rows[: self.pods.size]
        counted = np.flatnonzero(weights)
        counted = counted[rows[counted] >= 0]
        out = np.zeros(self.size, np.int64)
        np.add.at(out, rows[counted], weights[counted])
        return out

    # ---------------------------------------------------------------- objects

    def set(self, item: objects.Object) -> None:
        """Adds or replaces any object."""
        if isinstance(item, objects.Node):
            self.set_node(item)
        elif isinstance(item, objects.Pod):
            self.set_pod(item)
        else:
            brought = self.outside.set(item)
            if isinstance(brought, dict):
                self.selector_keys.update(brought)
            elif brought is not None:
                self.selector_keys.update(shapes.selector_keys(brought))

    def remove(self, item: objects.Object) -> None:
        """Removes any object; one that is not there is no error."""
        if isinstance(item, objects.Node):
            self.remove_node(item.metadata.name)
        elif isinstance(item, objects.Pod):
            uid = pods.identity(item)
            self.nominations.pop(uid, None)
            if uid in self.pods.by_uid:
                self.remove_pod(uid)
        else:
            self.outside.remove(item)

    # ------------------------------------------------------------------ nodes

    def _row(self, name: str) -> int:
        row = self.row_of.get(name)
        if row is not None:
            return row
        if self._free_rows:
            row = self._free_rows.pop()
            self.names[row] = name
        else:
            row = self.size
            if row == self._capacity:
                self._grow()
            self.size += 1
            self.names.append(name)
            self._view()
        self.row_of[name] = row
        return row

    def _grow(self) -> None:
        capacity = self._capacity = 2 * self._capacity
        for name in ("_live", "_unschedulable", "_allocatable", "_requested", "_nonzero", "incarnations"):
            setattr(self, name, grown(getattr(self, name), capacity))
        self.labels.resize(capacity)
        self.taints.resize(capacity)
        self.features.resize(capacity)

    def _widen(self) -> None:
        missing = len(self.resources.names) - len(self._allocatable)
        if missing > 0:
            more = np.zeros((missing, self._capacity), np.int64)
            self._allocatable = np.concatenate([self._allocatable, more])
            self._requested = np.concatenate([self._requested, more])
            self._view()

    def resource(self, name: str) -> int:
        """The index of a resource; one that nothing named yet gets columns of zeros."""
        index = self.resources.id(name)
        self._widen()
        return index

    def set_node(self, node: objects.Node) -> None:
        """Adds a node or applies its changes; what changes nothing that is read leaves no trace."""
        name = node.metadata.name
        row = self._row(name)
        changed = 0
        if not self._live.item(row):
            self._live[row] = True
            self.node_count += 1
            self.incarnations[row] += 1
            self.outside.bump("nodes")
            changed = NAME
        amounts = resources.allocatable(node.status.allocatable)
        ids = {self.resources.id(key): amount for key, amount in amounts.items()}
        self._widen()
        column = np.zeros(len(self._allocatable), np.int64)
        for index, amount in ids.items():
            column[index] = amount
        if (self._allocatable[:, row] != column).any():
            self._allocatable[:, row] = column
            changed |= ALLOCATABLE
        if self.labels.set(row, node.metadata.labels, name):
            changed |= LABELS
        if self.taints.set(row, node.spec.taints):
            changed |= TAINTS
        if self.features.set(row, node.status.declared_features):
            changed |= FEATURES
        if self._unschedulable.item(row) != node.spec.unschedulable:
            self._unschedulable[row] = node.spec.unschedulable
            changed |= UNSCHEDULABLE
        images = tuple((each, image.size_bytes) for image in node.status.images for each in image.names)
        if self.images.set(row, images):
            self.outside.bump("images")
            changed |= IMAGES
        if changed:
            self.log.append(row, changed, 0, 0)

    def remove_node(self, name: str) -> None:
        """Removes a node; its pods stay, counted nowhere. A node that is not there is no error."""
        row = self.row_of.get(name)
        if row is None or not self._live.item(row):
            return
        self._live[row] = False
        self.node_count -= 1
        self._allocatable[:, row] = 0
        self._unschedulable[row] = False
        self.labels.clear(row)
        self.taints.set(row, ())
        self.features.set(row, ())
        if self.images.set(row, ()):
            self.outside.bump("images")
        self.outside.bump("nodes")
        self.log.append(row, NAME, 0, 0)
        self._release(row)

    def _release(self, row: int) -> None:
        """Frees the row of a node that is gone and has no pods left."""
        if not self._live.item(row) and not self._requested.item(shapes.PODS, row):
            del self.row_of[self.names[row]]
            self._free_rows.append(row)

    # ------------------------------------------------------------------- pods

    def project(self, pod: objects.Pod, *, placed: bool = False) -> pods.Incoming:
        """The pod as the engine sees it. Equal asks give one shape, equal labels one group.

        ``placed``: the node it names is where it is, not what it asks for.
        """
        meta = pod.metadata
        spec = pod.spec
        if placed and spec.node_name:
            spec = msgspec.structs.replace(spec, node_name="")
        key = _encode((meta.namespace, spec))
        owner = ""
        if meta.owner_references:
            owner = shapes.spreading_owner(pod)
            key += owner.encode()
        status = pod.status
        if status.container_statuses or status.init_container_statuses or status.resources:
            key += _encode(
                (
                    status.container_statuses,
                    status.init_container_statuses,
                    status.resources,
                    status.allocated_resources,
                    [
                        (c.type, c.status, c.reason)
                        for c in status.conditions
                        if c.type.startswith("PodResize")
                    ],
                )
            )
        if spec.volumes and any(volume.ephemeral for volume in spec.volumes):
            key += f"\0{meta.name}\0{meta.uid}".encode()
        shape = self._shape_ids.get(key)
        if shape is None:
            shape = self._new_shape(key, pod, spec, owner)
        leaving = meta.deletion_timestamp is not None
        group = self.groups.get(meta.namespace, meta.labels, leaving, leaving and shapes.preempted(status))
        start = pods.NOT_STARTED if status.start_time is None else times.seconds(status.start_time)
        return pods.Incoming(pod, shape, group, start)

    def _new_shape(self, key: bytes, pod: objects.Pod, spec: objects.PodSpec, owner: str) -> shapes.Shape:
        shape = shapes.Shape(len(self.shapes), pod, spec, owner, self.resources)
        self._widen()
        self.shapes.append(shape)
        self._shape_ids[key] = shape
        for selector, extra in shapes.spec_selectors(spec):
            self.selector_keys.update(shapes.selector_keys(selector), extra)
        for term in shape.terms:
            self.selector_keys.update(term.keys)
        self.pods.terms.add(shape.id, shape.terms)
        return shape

    def unused(self, pending: Collection[pods.Incoming] = ()) -> int:
        """How many shapes and groups are remembered that no pod on a node has, and none of ``pending``."""
        taken = self.pods.rows[: self.pods.size] >= 0
        specs = set(self.pods.shapes[: self.pods.size][taken].tolist())
        labels = set(self.pods.groups[: self.pods.size][taken].tolist())
        specs.update(pod.shape.id for pod in pending)
        labels.update(pod.group.id for pod in pending)
        return len(self.shapes) + len(self.groups) - len(specs) - len(labels)

    def label_view(self, group: shapes.Group) -> tuple[int, tuple[tuple[str, str | None], ...]]:
        """The group's labels as far as any selector reads them, and how many keys those read.

        Views of different numbers of keys say nothing of one another.
        """
        epoch = len(self.selector_keys)  # keys are only ever added
        known = self._views.get(group.id)
        if known is None or known[0] != epoch:
            labels = group.labels
            view = tuple((key, labels[key]) for key in sorted(self.selector_keys) if key in labels)
            known = self._views[group.id] = (epoch, view)
        return known

    def set_pod(self, pod: objects.Pod) -> pods.Incoming:
        """Adds a pod or applies its changes: bound ones take their place, nominated ones are noted."""
        incoming = self.project(pod, placed=True)
        if not pod.spec.node_name:
            if incoming.nominated:
                self.nominations[incoming.uid] = (incoming, incoming.nominated)
            else:
                self.nominations.pop(incoming.uid, None)
            return incoming
        self.nominations.pop(incoming.uid, None)
        row = self._row(pod.spec.node_name)
        slot = self.pods.by_uid.get(incoming.uid)
        if slot is not None:
            if self._same(slot, incoming, row):
                self.pods.starts[slot] = incoming.start  # no plan reads it
                self.pods.generations[slot] = pod.metadata.generation
                self.pods.groups[slot] = incoming.group.id
                return incoming
            self.remove_pod(incoming.uid)
            row = self._row(pod.spec.node_name)  # the removal may have freed it
        self.add_pod(incoming, row)
        return incoming

    def _same(self, slot: int, incoming: pods.Incoming, row: int) -> bool:
        held = self.pods
        return (
            held.rows.item(slot) == row
            and held.shapes.item(slot) == incoming.shape.id
            and held.priorities.item(slot) == incoming.priority
            and self._alike(self.groups.values[held.groups.item(slot)], incoming.group)
        )

    def _alike(self, one: shapes.Group, other: shapes.Group) -> bool:
        """Whether two groups differ at most in `COPIED` labels that no selector reads."""
        if one is other:
            return True
        unread = [key for key in COPIED if key not in self.selector_keys]
        return (one.namespace, one.terminating, one.preempted) == (
            other.namespace,
            other.terminating,
            other.preempted,
        ) and _without(one.labels, unread) == _without(other.labels, unread)

    def add_pod(self, pod: pods.Incoming, row: int) -> None:
        """Places a pod on a row, as a binding or an assumption does; it is nominated no more.

        ValueError where it has a place already.
        """
        if pod.uid in self.pods.by_uid:
            raise ValueError(f"pod {pod.key} has a place already")
        nomination = self.nominations.pop(pod.uid, None) if self.nominations else None
        self.pods.add(pod, row)
        self._count(pod.shape, row, 1)
        self.log.append(row, pod.shape.id, pod.group.id, 1)
        if self._journal is not None:
            self._journal.append((True, pod, row, nomination))

    def remove_pod(self, uid: str) -> None:
        """Takes a pod off its row. KeyError where it has none."""
        slot = self.pods.by_uid[uid]
        row = self.pods.rows.item(slot)
        shape = self.shapes[self.pods.shapes.item(slot)]
        group = self.pods.groups.item(slot)
        if self._journal is not None:
            self._journal.append((False, self.held(slot), row, None))
        self.pods.remove(slot)
        self._count(shape, row, -1)
        self.log.append(row, shape.id, group, -1)
        if self._journal is None:
            self._release(row)

    def _count(self, shape: shapes.Shape, row: int, sign: int) -> None:
        requested = self._requested
        for index, amount in shape.requested:
            requested[index, row] += sign * amount
        cpu, memory = shape.nonzero
        self._nonzero[0, row] += sign * cpu
        self._nonzero[1, row] += sign * memory

    def held(self, slot: int) -> pods.Incoming:
        """The pod of a slot, as far as the table keeps it: identity, shape, group, priority, start."""
        shape = self.shapes[self.pods.shapes.item(slot)]
        group = self.groups.values[self.pods.groups.item(slot)]
        meta = objects.ObjectMeta(
            name=self.pods.names[slot],
            namespace=group.namespace,
            uid=self.pods.uids[slot],
            labels=group.labels,
            generation=self.pods.generations.item(slot),
        )
        pod = pods.Incoming(
            objects.Pod(metadata=meta, spec=shape.spec), shape, group, self.pods.starts.item(slot)
        )
        pod.priority = self.pods.priorities.item(slot)
        return pod

    def terminate(self, uid: str) -> None:
        """Marks a placed pod as preempted, and so terminating: it keeps its place until it is removed."""
        slot = self.pods.by_uid[uid]
        pod = self.held(slot)
        row = self.pods.rows.item(slot)
        pod.group = self.groups.get(pod.namespace, pod.labels, True, True)
        self.remove_pod(uid)
        self.add_pod(pod, self._row(self.names[row]))

    # ------------------------------------------------------------------ trials

    def begin_trial(self) -> None:
        """From here on, what pods do can be taken back. Trials do not nest."""
        if self._journal is not None:
            raise RuntimeError("a trial is open already")
        self._journal = []

    def undo_trial(self) -> None:
        """Takes back every pod added or removed since `begin_trial`, latest first."""
        journal = self._journal or []
        self._journal = []  # of the undoing itself: as long as there is one, no row is freed
        for added, pod, row, nomination in reversed(journal):
            if added:
                self.remove_pod(pod.uid)
                if nomination is not None:
                    self.nominations[pod.uid] = nomination
            else:
                self.add_pod(pod, row)
        self.keep_trial()

    def keep_trial(self) -> None:
        """Ends the trial and keeps what was done."""
        journal, self._journal = self._journal, None
        for row in {row for _, _, row, _ in journal or ()}:
            if self.names[row] in self.row_of:
                self._release(row)

    def rows(self, names: Iterable[str]) -> np.ndarray:
        """int[n]: the rows of those names whose node exists, ascending."""
        found = {self.row_of.get(name, -1) for name in names}
        return np.array(sorted(r for r in found if r >= 0 and self._live.item(r)), np.intp)


def _without(labels: dict[str, str], keys: list[str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key not in keys}
