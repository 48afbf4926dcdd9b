"""What the watches tell, applied: to the table, and to the queue as events that may help somebody.

Plain synchronous code; applied between cycles, so that a cycle sees one state. Rules: kube-scheduler's
eventhandlers.go and backend/cache. What changes nothing that scheduling reads moves nobody.

A pod is *assumed* from when a node was chosen until its watch says that it is bound there; what its
watch says of it meanwhile is only remembered.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.framework import events
from stowage.kube import errors, informer, resources, watch
from stowage.scheduler.extension import whole
from stowage.scheduler.metering import meters
from stowage.scheduler.queueing import queue as queues

logger = logging.getLogger(__name__)

REQUIRED = (objects.Node, objects.Pod)
"""Kinds without which nothing can be scheduled."""

OPTIONAL = (
    objects.Namespace,
    objects.Service,
    objects.ReplicationController,
    objects.ReplicaSet,
    objects.StatefulSet,
    objects.PodDisruptionBudget,
    objects.PersistentVolumeClaim,
    objects.PersistentVolume,
    objects.StorageClass,
    objects.CSINode,
    objects.CSIDriver,
    objects.CSIStorageCapacity,
    objects.VolumeAttachment,
    objects.DeviceClass,
)
"""Kinds that a server may lack, or forbid: what needs them then finds none of them."""

UNENDED = "status.phase!=Succeeded,status.phase!=Failed"
"""Pods that have ended hold nothing, and are not asked for."""

RESOURCES: dict[type, tuple[events.Resource, str]] = {
    objects.PersistentVolumeClaim: (events.Resource.PERSISTENT_VOLUME_CLAIM, "claims"),
    objects.PersistentVolume: (events.Resource.PERSISTENT_VOLUME, "volumes"),
    objects.StorageClass: (events.Resource.STORAGE_CLASS, "classes"),
    objects.CSINode: (events.Resource.CSI_NODE, "csi_nodes"),
    objects.CSIDriver: (events.Resource.CSI_DRIVER, "csi_drivers"),
    objects.CSIStorageCapacity: (events.Resource.CSI_STORAGE_CAPACITY, "capacities"),
    objects.VolumeAttachment: (events.Resource.VOLUME_ATTACHMENT, "attachments"),
    objects.DeviceClass: (events.Resource.DEVICE_CLASS, "device_classes"),
}
"""Kind of `Storage` -> what plugins register for, and where the table keeps it."""

POD_CAME = events.UNSCHEDULED_POD_ADD.label
POD_CHANGED = events.UNSCHEDULED_POD_UPDATE.label
POD_LEFT = events.Event(events.Resource.UNSCHEDULED_POD, events.Action.DELETE).label
PLACED_POD_CAME = events.ASSIGNED_POD_ADD.label
PLACED_POD_CHANGED = events.Event(events.Resource.ASSIGNED_POD, events.Action.UPDATE).label
PLACED_POD_LEFT = events.ASSIGNED_POD_DELETE.label
"""What news of pods are in scheduler_event_handling_duration_seconds."""

Key = tuple[type, str, str]
"""Kind, namespace and name of an object."""


def sources(kept_whole: Collection[type] = (), page: int = 500) -> list[watch.Source[Any]]:
    """What to follow, listed in pages of so many; of the kinds in ``kept_whole`` (nodes, pods) the JSON is
    kept."""
    return [
        watch.Source(
            whole.of(kind) if kind in kept_whole else resources.of(kind),
            fields=UNENDED if kind is objects.Pod else "",
            page=page,
        )
        for kind in (*REQUIRED, *OPTIONAL)
    ]


def key_of(item: Any) -> Key:
    """Where an object lives."""
    return type(item), item.metadata.namespace, item.metadata.name


class Cache:
    """The table's and the queue's only writer beside the cycles. ``names``: our scheduler names."""

    def __init__(
        self, cluster: table.Table, queue: queues.Queue, names: Iterable[str], *, victims_whole: bool = False
    ) -> None:
        self.cluster = cluster
        self.queue = queue
        self.pending: dict[str, pods.Incoming] = {}
        """uid -> our pods without a node, as their watch saw them last"""
        self.versions: dict[str, str] = {}
        """uid -> resource version of such a pod"""
        self.assumed: dict[str, str] = {}
        """uid -> the node that a pod is assumed to be on"""
        self.overcommitted: set[str] = set()
        """nodes whose bound pods ask for more than they have"""
        self.overcommits = 0
        """how often a node was found to be so"""
        self.unready: set[str] = set()
        """nodes that do not say that they are ready"""
        self.handling = meters.Histograms(meters.SHORT_TIMES)
        """label of an event -> seconds that taking it in took"""
        self._labels: set[str] = set()
        self._names = frozenset(names)
        self._nodes: dict[str, objects.Node] = {}
        self._awaited = {str(source.kind) for source in sources()}
        self._held: dict[Key, informer.News | None] = {}
        self._holders: Counter[Key] = Counter()
        self._whole: dict[str, bytes] | None = {} if victims_whole else None
        """uid -> the JSON of a pod with a node; None: it is not kept"""

    @property
    def synced(self) -> bool:
        """Whether all kinds have come once, those aside that the server does not offer."""
        return not self._awaited

    def apply(self, news: informer.News) -> None:
        """Takes in one piece of news."""
        began = time.perf_counter()
        self._labels.clear()
        self._apply(news)
        for label in self._labels:
            self.handling[(label,)].observe(time.perf_counter() - began)

    def _apply(self, news: informer.News) -> None:
        kind: type = news.kind.answer
        if news.what is informer.What.LISTED:
            self._awaited.discard(str(news.kind))
        elif news.what is informer.What.REFUSED:
            self._refused(news)
        elif kind is objects.Pod:
            self._pod(news)
        elif kind is objects.Node:
            self._node(news)
        elif (key := (kind, news.head.namespace, news.head.name)) in self._held:
            self._held[key] = news
        else:
            self._other(kind, news)

    def _move(self, event: events.Event, old: Any, new: Any) -> None:
        self._labels.add(event.label)
        self.queue.move(event, old, new)

    def _refused(self, news: informer.News) -> None:
        fields = {"kind": str(news.kind), "error": str(news.error)}
        what = "The server does not offer a kind"
        if isinstance(news.error, errors.Forbidden):
            what = "The right to a kind is missing"
            fields["missing"] = f"list and watch {news.kind}"
        if news.kind.answer in OPTIONAL:
            self._awaited.discard(str(news.kind))
            logger.warning("%s; going on without it", what, extra=fields)
        else:
            logger.error("%s that scheduling needs; asking again until it is there", what, extra=fields)

    # ------------------------------------------------------------------ nodes

    def _node(self, news: informer.News) -> None:
        name = news.head.name
        old = self._nodes.get(name)
        if news.what is informer.What.REMOVED:
            if old is not None:
                self._move(events.Event(events.Resource.NODE, events.Action.DELETE), old, None)
                del self._nodes[name]
            self.cluster.remove_node(name)
            self.overcommitted.discard(name)
            self.unready.discard(name)
            return
        node = self._nodes[name] = news.object
        (self.unready.discard if _ready(node) else self.unready.add)(name)
        self.cluster.set_node(node)
        self._weigh(name)
        if old is None:
            self._move(events.Event(events.Resource.NODE, events.Action.ADD), None, node)
            return
        for event in events.node_changes(old, node):
            self._move(event, old, node)

    def _weigh_with(self, pod: pods.Incoming, name: str) -> None:
        """As `_weigh`, for a node of which only what this pod asks for may have become more."""
        cluster, row = self.cluster, self.cluster.row_of.get(name, -1)
        if name not in self.overcommitted and row >= 0:
            requested, allocatable = cluster.requested, cluster.allocatable
            if all(requested.item(i, row) <= allocatable.item(i, row) for i, _ in pod.shape.requested):
                return
        self._weigh(name)

    def _weigh(self, name: str) -> None:
        """Notes whether a node has too many bound pods: with a scheduler besides, or as it shrank."""
        cluster, row = self.cluster, self.cluster.row_of.get(name, -1)
        before = name in self.overcommitted
        self.overcommitted.discard(name)
        if row < 0 or not cluster.live.item(row):
            return
        over = cluster.requested[:, row] - cluster.allocatable[:, row]
        if (over <= 0).all():
            return
        for uid, node in self.assumed.items():
            slot = cluster.pods.by_uid.get(uid)
            if node == name and slot is not None:
                for index, amount in cluster.held(slot).shape.requested:
                    over[index] -= amount
        if (over <= 0).all():
            return
        self.overcommitted.add(name)
        if not before:
            self.overcommits += 1
            names = cluster.resources.names
            amounts = {names[index]: int(over[index]) for index in (over > 0).nonzero()[0]}
            fields = {"node": name, "over": amounts, "total": self.overcommits}
            logger.error("Node has more pods bound than it has room for", extra=fields)

    # ------------------------------------------------------------------- pods

    def _pod(self, news: informer.News) -> None:
        if news.what is informer.What.REMOVED:
            self._pod_gone(news.head.uid)
            return
        pod: objects.Pod = news.object
        if pod.spec.node_name:
            self._assigned(pod)
        elif pod.spec.scheduler_name in self._names:
            self._unassigned(self.cluster.project(pod, placed=True), news.head.resource_version)

    def _assigned(self, pod: objects.Pod) -> None:
        cluster, uid = self.cluster, pod.metadata.uid
        waiting = self.pending.pop(uid, None)
        self.versions.pop(uid, None)
        self.assumed.pop(uid, None)
        old = None
        if waiting is None:
            old = self._held_pod(uid)
        else:
            self._labels.add(POD_LEFT)
            self.queue.delete(waiting)
        new = cluster.set_pod(pod)
        if self._whole is not None and isinstance(pod, whole.Pod):
            self._whole[uid] = pod.whole
        self._weigh_with(new, pod.spec.node_name)
        if old is None:
            self._labels.add(PLACED_POD_CAME)
            self.queue.move(events.ASSIGNED_POD_ADD, None, new)
            return
        self._labels.add(PLACED_POD_CHANGED)
        if old.shape is not new.shape or old.group is not new.group:
            for event in _changes(old, new):
                self._move(event, old, new)

    def _unassigned(self, pod: pods.Incoming, version: str) -> None:
        uid = pod.uid
        old, before = self.pending.get(uid), self.versions.get(uid)
        self.pending[uid], self.versions[uid] = pod, version
        if uid in self.assumed:
            if pod.pod.metadata.deletion_timestamp is not None:
                self.freed(self.forget(pod))
        elif old is None:
            self._labels.add(POD_CAME)
            self.queue.add(pod)
        elif before != version:
            self._labels.update([POD_CHANGED], (each.label for each in events.pod_changes(old, pod)))
            self.queue.update(old, pod)
            if old.nominated and old.nominated != pod.nominated:
                self._room(old)

    def _pod_gone(self, uid: str) -> None:
        if self._whole is not None:
            self._whole.pop(uid, None)
        waiting = self.pending.pop(uid, None)
        self.versions.pop(uid, None)
        if waiting is not None:
            self._labels.add(POD_LEFT)
            self.queue.delete(waiting)
        placed = self._held_pod(uid)
        if placed is not None:
            self._labels.add(PLACED_POD_LEFT)
            self.assumed.pop(uid, None)
            self.cluster.remove_pod(uid)
            if self.overcommitted:
                self._weigh(placed.pod.spec.node_name)
            self.queue.move(events.ASSIGNED_POD_DELETE, placed, None)
        elif waiting is not None and waiting.nominated:
            self._room(waiting)

    def _room(self, pod: pods.Incoming) -> None:
        """A nomination ended: those that had to respect it may profit."""
        self.queue.move(events.ASSIGNED_POD_DELETE, pod, None, lambda other: other.priority <= pod.priority)

    def _held_pod(self, uid: str) -> pods.Incoming | None:
        """A placed pod as the table knows it, and on its node, which hints look at."""
        slot = self.cluster.pods.by_uid.get(uid)
        if slot is None:
            return None
        held = self.cluster.held(slot)
        node = self.cluster.names[self.cluster.pods.rows.item(slot)]
        spec = msgspec.structs.replace(held.pod.spec, node_name=node)
        held.pod = msgspec.structs.replace(held.pod, spec=spec)
        return held

    # -------------------------------------------------------------- whole JSON

    def whole_pod(self, uid: str) -> msgspec.Raw:
        """The JSON of a pending pod, and where victims are to be had whole of any, likewise."""
        pending = self.pending.get(uid)
        if pending is None:
            return msgspec.Raw((self._whole or {})[uid])
        assert isinstance(pending.pod, whole.Pod)
        return msgspec.Raw(pending.pod.whole)

    # ---------------------------------------------------------------- assumed

    def assume(self, pod: pods.Incoming, node: str) -> None:
        """Notes that a pod which holds its place in the table is not known to be bound there yet."""
        self.assumed[pod.uid] = node

    def forget(self, pod: pods.Incoming) -> pods.Incoming | None:
        """Takes an assumed pod off its node, if it still is that: it as it was there, for `freed`."""
        if self.assumed.pop(pod.uid, None) is None:
            return None
        placed = self._held_pod(pod.uid)
        self.cluster.remove_pod(pod.uid)
        return placed

    def freed(self, placed: pods.Incoming | None, *, itself: bool = True) -> None:
        """An assumed pod has left its node, if there was one: others may profit, and ``itself``."""
        if placed is not None:
            among = None if itself else (lambda other: other.uid != placed.uid)
            self.queue.move(events.ASSIGNED_POD_DELETE, placed, None, among)

    def node(self, name: str) -> objects.Node | None:
        """A node, as its watch saw it last."""
        return self._nodes.get(name)

    def exists(self, pod: pods.Incoming) -> bool:
        """Whether a pod, or another of its name that is ours, waits or has a node."""
        return pod.uid in self.cluster.pods.by_uid or self.queue.get(pod.key) is not None

    def node_of(self, uid: str) -> str:
        """The node on which its watch has seen a pod; empty where there is none."""
        slot = self.cluster.pods.by_uid.get(uid)
        if slot is None or uid in self.assumed:
            return ""
        return self.cluster.names[self.cluster.pods.rows.item(slot)]

    # ----------------------------------------------------------------- others

    def _other(self, kind: type, news: informer.News) -> None:
        removed = news.what is informer.What.REMOVED
        head = news.head
        item = news.object
        if item is None:
            item = kind(metadata=objects.ObjectMeta(name=head.name, namespace=head.namespace))
        if not removed and self._selects_as_before(item):
            return
        resource, held = RESOURCES.get(kind, (None, ""))
        if resource is None:
            (self.cluster.remove if removed else self.cluster.set)(item)
            return
        known = getattr(self.cluster.storage, held)
        name = head.name if kind in objects.CLUSTER_SCOPED else (head.namespace, head.name)
        old = known.get(name)
        if removed:
            self.cluster.remove(item)
            self._move(events.Event(resource, events.Action.DELETE), old or item, None)
        elif old is None:
            self.cluster.set(item)
            self._move(events.Event(resource, events.Action.ADD), None, item)
        elif old != item:
            self.cluster.set(item)
            self._move(events.Event(resource, events.Action.UPDATE), old, item)

    def _selects_as_before(self, item: Any) -> bool:
        """Of services and controllers only selectors are read, and every change costs all plans."""
        owners, name = self.cluster.owners, (item.metadata.namespace, item.metadata.name)
        match item:
            case objects.Service():
                known = owners.services.get(name)
                return known is not None and known.spec.selector == item.spec.selector
            case objects.ReplicationController():
                selector: objects.LabelSelector | None = objects.LabelSelector(
                    match_labels=item.spec.selector
                )
            case objects.ReplicaSet() | objects.StatefulSet():
                selector = item.spec.selector
            case _:
                return False
        place = (type(item).__name__, *name)
        return place in owners.controllers and owners.controllers[place] == selector

    def hold(self, items: Iterable[Any]) -> None:
        """Keeps news of these objects back, which are being written: they may be older than the writing.
        Several may write the same one: pods that share a claim."""
        for item in items:
            self._holders[key_of(item)] += 1
            self._held.setdefault(key_of(item))

    def release(self, items: Iterable[Any]) -> None:
        """Applies the latest news of them, where nobody else holds them back."""
        for item in items:
            key = key_of(item)
            self._holders[key] -= 1
            if self._holders[key]:
                continue
            del self._holders[key]
            news = self._held.pop(key)
            if news is not None:
                self.apply(news)


def _ready(node: objects.Node) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in node.status.conditions)


def _changes(old: pods.Incoming, new: pods.Incoming) -> Iterable[events.Event]:
    """What an update of an assigned pod amounts to. Of the old one the table knows its accounts, which
    include what its node granted; smaller ones are a scale-down."""
    found = {event.action: event for event in events.pod_changes(old, new)}
    left = dict(new.shape.requested)
    if any(left.get(index, 0) < amount for index, amount in old.shape.requested):
        action = events.Action.UPDATE_POD_SCALE_DOWN
        found[action] = events.Event(events.Resource.ASSIGNED_POD, action)
        found.pop(events.Action.UPDATE, None)
    return found.values()
