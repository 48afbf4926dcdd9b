"""The pods that hold a place in the table, as columns; a pod's index in them is its slot."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

import numpy as np

from stowage.api import objects, selectors
from stowage.cluster import intern, shapes, terms
from stowage.cluster.nodes import grown

FREE = -1
"""The row of a slot that holds no pod."""


class Incoming:
    """A pod as the engine sees it: what it asks for, what selectors see of it, and its identity."""

    __slots__ = ("group", "name", "nominated", "pod", "priority", "shape", "start", "uid")

    def __init__(self, pod: objects.Pod, shape: shapes.Shape, group: shapes.Group, start: int) -> None:
        self.pod = pod
        self.shape = shape
        self.group = group
        self.name = pod.metadata.name
        self.uid = identity(pod)
        self.priority = pod.spec.priority or 0
        self.start = start
        """When it started, whole seconds since 1970; `NOT_STARTED` where it has not."""
        self.nominated = pod.status.nominated_node_name

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return self.group.namespace

    @property
    def labels(self) -> dict[str, str]:
        """The pod's labels."""
        return self.group.labels

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.group.namespace}/{self.name}"

    @property
    def spec(self) -> objects.PodSpec:
        """The pod's spec, as its shape keeps it (without a node)."""
        return self.shape.spec


def identity(pod: objects.Pod) -> str:
    """The pod's uid; its namespace and name where it has none."""
    return pod.metadata.uid or f"{pod.metadata.namespace}/{pod.metadata.name}"


NOT_STARTED = 1 << 62
"""A start later than any: kube-scheduler takes `now` for a pod without `startTime`."""


class Pods:
    """Columns by slot: row, shape, group, priority, start; names and the way from a uid to its slot."""

    __slots__ = (
        "_free",
        "by_uid",
        "generations",
        "groups",
        "names",
        "priorities",
        "rows",
        "shape_counts",
        "shapes",
        "size",
        "starts",
        "terms",
        "uids",
    )

    def __init__(self) -> None:
        self.size = 0
        """Slots ever used; columns are valid up to it."""
        self.rows = np.full(64, FREE, np.int32)
        self.shapes = np.zeros(64, np.int32)
        self.groups = np.zeros(64, np.int32)
        self.priorities = np.zeros(64, np.int32)
        self.starts = np.zeros(64, np.int64)
        self.generations = np.zeros(64, np.int32)
        """metadata.generation, which a condition that is written names"""
        self.names: list[str] = []
        self.uids: list[str] = []
        self.by_uid: dict[str, int] = {}
        self.shape_counts: dict[int, int] = {}
        """shape id -> live pods of it, shapes without any left out"""
        self.terms = terms.Index()
        """Every shape that has inter-pod terms, live or not."""
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self.by_uid)

    def add(self, pod: Incoming, row: int) -> int:
        """Stores a pod on ``row`` and returns its slot."""
        if self._free:
            slot = self._free.pop()
            self.names[slot] = pod.name
            self.uids[slot] = pod.uid
        else:
            slot = self.size
            if slot == len(self.rows):
                self._grow()
            self.size += 1
            self.names.append(pod.name)
            self.uids.append(pod.uid)
        shape = pod.shape.id
        self.rows[slot] = row
        self.shapes[slot] = shape
        self.groups[slot] = pod.group.id
        self.priorities[slot] = pod.priority
        self.starts[slot] = pod.start
        self.generations[slot] = pod.pod.metadata.generation
        self.by_uid[pod.uid] = slot
        self.shape_counts[shape] = self.shape_counts.get(shape, 0) + 1
        return slot

    def remove(self, slot: int) -> None:
        """Frees a slot."""
        self.rows[slot] = FREE
        del self.by_uid[self.uids[slot]]
        shape = self.shapes.item(slot)
        left = self.shape_counts[shape] - 1
        if left:
            self.shape_counts[shape] = left
        else:
            del self.shape_counts[shape]
        self._free.append(slot)

    def _grow(self) -> None:
        capacity = 2 * len(self.rows)
        self.rows = grown(self.rows, capacity, FREE)
        for name in ("shapes", "groups", "priorities", "starts", "generations"):
            setattr(self, name, grown(getattr(self, name), capacity))

    def on(self, rows: np.ndarray) -> np.ndarray:
        """int[n], the slots of the pods on any of ``rows``, in slot order."""
        wanted = np.zeros(int(max(rows.max(initial=0), self.rows[: self.size].max(initial=0))) + 2, bool)
        wanted[rows] = True
        return np.flatnonzero(wanted[self.rows[: self.size]])  # FREE reads the last cell, always False


class Groups:
    """Pod groups by id, and which of them selectors select."""

    __slots__ = ("_by_label", "_ids", "_loose", "_memos", "values")

    MEMOS = 256
    """Memos kept for the next plan that asks for one; a plan holds its own as long as it lives."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, frozenset[tuple[str, str]], bool, bool], shapes.Group] = {}
        self._loose: dict[tuple[str, tuple[tuple[str, str], ...], bool, bool], shapes.Group] = {}
        self.values: list[shapes.Group] = []
        self._memos: dict[Hashable, intern.Memo] = {}
        self._by_label: dict[str, tuple[int, dict[str, list[int]]]] = {}

    def __len__(self) -> int:
        return len(self.values)

    def get(
        self, namespace: str, labels: dict[str, str], terminating: bool, preempted: bool = False
    ) -> shapes.Group:
        """The group of these, a new one where it was not seen before."""
        loose = (namespace, tuple(labels.items()), terminating, preempted)
        found = self._loose.get(loose)
        if found is None:
            key = (namespace, frozenset(labels.items()), terminating, preempted)
            found = self._ids.get(key)
            if found is None:
                found = shapes.Group(len(self.values), namespace, labels, terminating, preempted)
                self._ids[key] = found
                self.values.append(found)
            self._loose[loose] = found
        return found

    def memo(
        self, key: Hashable, function: Callable[[shapes.Group], int], narrow: Iterable[selectors.Selector]
    ) -> intern.Memo:
        """``function`` of each group, one memo a ``key``.

        It is 0 for every group that none of the selectors ``narrow`` selects.
        """
        found = self._memos.get(key)
        if found is None:
            found = memo_by_group(self, function)
            candidates = self._candidates(narrow)
            if candidates is not None:
                found.seed(len(self.values), candidates)
            if len(self._memos) >= self.MEMOS:
                del self._memos[next(iter(self._memos))]
            self._memos[key] = found
        return found

    def _candidates(self, narrow: Iterable[selectors.Selector]) -> set[int] | None:
        """Ids among which are all groups that a selector selects, or None where that may be any."""
        out: set[int] = set()
        for selector in narrow:
            if selector.nothing:
                continue
            pair = next((r for r in selector.requirements if r.operator == selectors.IN), None)
            if pair is None:
                return None
            index = self._index(pair.key)
            for value in pair.values:
                out.update(index.get(value, ()))
        return out

    def _index(self, key: str) -> dict[str, list[int]]:
        """Value of a label -> ids of the groups that have it, brought up to date."""
        known, index = self._by_label.get(key, (0, {}))
        if known < len(self.values):
            for group in self.values[known:]:
                value = group.labels.get(key)
                if value is not None:
                    index.setdefault(value, []).append(group.id)
            self._by_label[key] = (len(self.values), index)
        return index


def memo_by_group(groups: Groups, function: Callable[[shapes.Group], int]) -> intern.Memo:
    """``function`` of each group as a growing array."""
    return intern.Memo(lambda index: function(groups.values[index]))
