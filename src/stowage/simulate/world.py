"""The objects of an input put together: the table of what is placed, and the pods that wait.

Decides what of the input counts: ended pods do not, workloads become the pods they lack, whatever an
API server would write into a new object is written. What contradicts itself is noted in the faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

import msgspec

from stowage.api import objects, validate
from stowage.cluster import table
from stowage.simulate import admission, owners, problems, volumes, workloads

_NAME_LABEL: Final = "kubernetes.io/metadata.name"
Sourced = tuple[str, objects.Object]
_K = TypeVar("_K", bound=objects.Object)
_replace = msgspec.structs.replace


@dataclass(slots=True)
class World:
    """A cluster, and the pods that wait for a place in it."""

    cluster: table.Table
    pending: list[objects.Pod] = field(default_factory=list)
    """Admitted, in input order; what a workload lacks stands in its place."""
    ended: int = 0
    """Pods that have run to their end and were left out."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How many objects of each kind the input has."""
    admission: admission.Admission = field(default_factory=lambda: admission.Admission({}))
    defaults: volumes.Defaults = field(default_factory=lambda: volumes.Defaults(()))
    placed: int = 0
    """Pods that were on a node to begin with."""


def build(items: Iterable[Sourced], faults: problems.Faults, *, expand: bool = True) -> World:
    """The world of these objects. With ``expand``, workloads become the pods they lack."""
    return _Builder(faults).build(items, expand)


class _Given(NamedTuple):
    """A pod with its place in the input; one that is created has the place of its workload."""

    place: int
    source: str
    pod: objects.Pod
    created: bool = False


class _Builder:
    def __init__(self, faults: problems.Faults) -> None:
        self.faults = faults
        self.pods: list[_Given] = []
        self.others: list[Sourced] = []
        self.workloads: list[tuple[int, str, workloads.Workload]] = []
        self.nodes: dict[str, objects.Node] = {}
        self.world = World(table.Table())

    def build(self, items: Iterable[Sourced], expand: bool) -> World:
        world = self.world
        self._sort(items)
        classes = {each.metadata.name: each for each in self._of(objects.PriorityClass)}
        world.admission = admission.Admission(classes)
        world.defaults = volumes.Defaults(self._of(objects.StorageClass))
        created = self._expanded() if expand else []
        cluster = world.cluster
        for node in self.nodes.values():
            cluster.set_node(node)
        for _, item in self.others:
            cluster.set(_completed(item, world.defaults))
        for each in sorted([*self.pods, *created], key=lambda each: each.place):
            if each.created:
                self._admit(each.source, each.pod)
            else:
                self._add(each.source, each.pod)
        self._ephemeral()
        return world

    def _of(self, kind: type[_K]) -> list[_K]:
        return [item for _, item in self.others if isinstance(item, kind)]

    # ------------------------------------------------------------------- sort

    def _sort(self, items: Iterable[Sourced]) -> None:
        seen: set[validate.Identity] = set()
        uids: dict[str, validate.Identity] = {}
        for place, (source, item) in enumerate(items):
            key = validate.identity(item)
            if key in seen:
                self.faults.problem(source, str(key), "metadata.name", "is given twice")
                continue
            seen.add(key)
            self.world.kinds[key.kind] += 1
            if isinstance(item, objects.Pod):
                uid = item.metadata.uid
                if uid and uids.setdefault(uid, key) != key:
                    self.faults.problem(source, str(key), "metadata.uid", f"is that of {uids[uid]} too")
                    continue
                self.pods.append(_Given(place, source, item))
            elif isinstance(item, objects.Node):
                self.nodes[item.metadata.name] = _with_allocatable(item)
            else:
                self.others.append((source, item))
                if isinstance(item, workloads.KINDS):
                    self.workloads.append((place, source, item))

    # ---------------------------------------------------------------- expand

    def _expanded(self) -> list[_Given]:
        """The pods that workloads lack, each in the place of its workload."""
        expander = workloads.Expander(
            [item for _, item in self.others], [each.pod for each in self.pods], self.nodes.values()
        )
        created: list[_Given] = []
        for place, source, item in self.workloads:
            subject = str(validate.identity(item))
            try:
                more = expander.expand(item)
            except workloads.TooManyError as error:
                self.faults.problem(source, subject, error.field, str(error))
                continue
            created.extend(_Given(place, f"{source}: {subject}", pod, True) for pod in more.pods)
            self.others.extend((source, other) for other in more.others)
        return created

    # ------------------------------------------------------------------ pods

    def _add(self, source: str, pod: objects.Pod) -> None:
        """A pod of the input: one with a uid was admitted when it was created."""
        if pod.status.phase in owners.ENDED:
            self.world.ended += 1
        elif pod.metadata.uid:
            self._place(source, self.world.admission.complete(pod))
        else:
            self._admit(source, pod)

    def _admit(self, source: str, pod: objects.Pod) -> None:
        try:
            self._place(source, self.world.admission.admit(pod))
        except admission.UnknownClassError as error:
            message = f"there is no PriorityClass {error} in the input"
            self.faults.problem(source, str(validate.identity(pod)), "spec.priorityClassName", message)

    def _place(self, source: str, pod: objects.Pod) -> None:
        node = pod.spec.node_name
        if not node:
            self.world.pending.append(pod)
            if pod.status.nominated_node_name:
                self.world.cluster.set_pod(pod)
        elif node in self.nodes:
            self.world.cluster.set_pod(pod)
            self.world.placed += 1
        else:
            message = f"there is no Node {node} in the input"
            self.faults.problem(source, str(validate.identity(pod)), "spec.nodeName", message)

    def _ephemeral(self) -> None:
        """The claims of generic ephemeral volumes, which a controller makes for every pod."""
        world = self.world
        for pod in world.pending:
            for claim in volumes.ephemeral_claims(pod):
                key = (claim.metadata.namespace, claim.metadata.name)
                if key not in world.cluster.storage.claims:
                    world.cluster.set(world.defaults.claim(claim))


def _with_allocatable(node: objects.Node) -> objects.Node:
    """A node that says only how much it has offers all of it (core/v1 defaults.go)."""
    status = node.status
    if status.allocatable or not status.capacity:
        return node
    return _replace(node, status=_replace(status, allocatable=status.capacity))


def _completed(item: objects.Object, defaults: volumes.Defaults) -> objects.Object:
    """An object with what an API server would have written into it."""
    match item:
        case objects.PersistentVolumeClaim() if not item.metadata.uid:
            return defaults.claim(item)
        case objects.StorageClass() if not item.volume_binding_mode:
            return _replace(item, volume_binding_mode="Immediate")
        case objects.Namespace() if _NAME_LABEL not in item.metadata.labels:
            labels = item.metadata.labels | {_NAME_LABEL: item.metadata.name}
            return _replace(item, metadata=_replace(item.metadata, labels=labels))
    return item
