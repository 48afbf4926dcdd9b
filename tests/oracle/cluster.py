"""The cluster as kube-scheduler's snapshot shows it: nodes with their pods, and what else plugins list."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.oracle import objects, resources
from tests.oracle.objects import HostPort, Node, Object, Pod

VERSIONS = {
    "CSIDriver": "storage.k8s.io/v1",
    "CSINode": "storage.k8s.io/v1",
    "CSIStorageCapacity": "storage.k8s.io/v1",
    "Namespace": "v1",
    "Node": "v1",
    "PersistentVolume": "v1",
    "PersistentVolumeClaim": "v1",
    "Pod": "v1",
    "PodDisruptionBudget": "policy/v1",
    "ReplicaSet": "apps/v1",
    "ReplicationController": "v1",
    "Service": "v1",
    "StatefulSet": "apps/v1",
    "StorageClass": "storage.k8s.io/v1",
    "VolumeAttachment": "storage.k8s.io/v1",
}


@dataclass
class NodeInfo:
    """A node and what the pods on it use.

    Used ports are a set: the first of two sharers to leave frees the port.
    """

    node: Node
    pods: list[Pod] = field(default_factory=list)
    requested: resources.Vector = field(default_factory=resources.Vector)
    scored_cpu: int = 0
    scored_memory: int = 0
    used_ports: set[HostPort] = field(default_factory=set)
    claims: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        return self.node.name

    def copy(self) -> "NodeInfo":
        return NodeInfo(
            self.node,
            list(self.pods),
            self.requested.copy(),
            self.scored_cpu,
            self.scored_memory,
            set(self.used_ports),
            Counter(self.claims),
        )

    def add(self, pod: Pod) -> None:
        self.pods.append(pod)
        self._count(pod, 1)
        self.used_ports.update(pod.host_ports)

    def remove(self, pod: Pod) -> None:
        self.pods = [each for each in self.pods if each.uid != pod.uid]
        self._count(pod, -1)
        self.used_ports.difference_update(pod.host_ports)

    def _count(self, pod: Pod, sign: int) -> None:
        vector, cpu, memory = pod.on_node
        self.requested.add(vector, sign)
        self.scored_cpu += sign * cpu
        self.scored_memory += sign * memory
        for claim in pod.claim_names:
            self.claims[f"{pod.namespace}/{claim}"] += sign


class Cluster:
    """Kubernetes objects by kind and name, and the nodes with their pods.

    Objects are plain decoded JSON. Bound pods without a UID, or with that of another, are dropped as by
    kube-scheduler's cache; pods of a node that does not exist count nowhere until it does.
    """

    def __init__(self, raw_objects: Iterable[Object] = ()) -> None:
        self._objects: dict[str, dict[tuple[str, str], Object]] = {kind: {} for kind in VERSIONS}
        self._bound: dict[tuple[str, str], Pod] = {}
        self._uids: set[str] = set()
        self._waiting: dict[tuple[str, str], Pod] = {}
        self._infos: dict[str, NodeInfo] = {}
        listed = sorted(raw_objects, key=lambda raw: (objects.namespace_of(raw), objects.name_of(raw)))
        for raw in listed:
            if raw.get("kind") != "Pod":
                self.put(raw)
        for raw in listed:
            if raw.get("kind") == "Pod":
                self.put(raw)

    @property
    def nodes(self) -> Sequence[NodeInfo]:
        return list(self._infos.values())

    @property
    def waiting(self) -> Sequence[Pod]:
        """Pods without a node."""
        return list(self._waiting.values())

    def put(self, raw: Object) -> None:
        """Adds an object, or replaces the one of its kind, namespace and name."""
        kind = str(raw.get("kind"))
        if VERSIONS.get(kind) != raw.get("apiVersion"):
            return
        if kind == "Pod":
            self.add_pod(Pod(raw))
            return
        self._objects[kind][objects.namespace_of(raw), objects.name_of(raw)] = raw
        if kind == "Node":
            self._set_node(Node(raw))

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        if kind == "Pod":
            self.remove_pod(namespace, name)
        self._objects[kind].pop((namespace, name), None)
        if kind == "Node":
            self._infos.pop(name, None)

    def add_pod(self, pod: Pod) -> None:
        """A bound pod joins its node; any other waits."""
        self.remove_pod(pod.namespace, pod.name)
        if not pod.node_name:
            self._waiting[pod.namespace, pod.name] = pod
        elif pod.uid and not self.has_uid(pod.uid):
            self._uids.add(pod.uid)
            self._bound[pod.namespace, pod.name] = pod
            if pod.node_name in self._infos:
                self._infos[pod.node_name].add(pod)

    def assume(self, pod: Pod) -> None:
        """The pod joins its node; one that waits under its name does so still, as the recorder leaves it."""
        key = pod.namespace, pod.name
        waits = self._waiting.get(key)
        self.add_pod(pod)
        if waits is not None:
            self._waiting[key] = waits

    def remove_pod(self, namespace: str, name: str) -> None:
        """Its node is counted anew, so that what others share with it stays used."""
        self._waiting.pop((namespace, name), None)
        gone = self._bound.pop((namespace, name), None)
        if gone is not None:
            self._uids.discard(gone.uid)
        if gone is not None and gone.node_name in self._infos:
            self._set_node(self._infos[gone.node_name].node)

    def has_uid(self, uid: str) -> bool:
        """Whether a bound pod has it."""
        return uid in self._uids

    def _set_node(self, node: Node) -> None:
        info = NodeInfo(node)
        for pod in self._bound.values():
            if pod.node_name == node.name:
                info.add(pod)
        self._infos[node.name] = info

    def node(self, name: str) -> NodeInfo | None:
        return self._infos.get(name)

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        return self._objects[kind].get((namespace, name))

    def all(self, kind: str, namespace: str | None = None) -> Sequence[Object]:
        found = self._objects[kind].items()
        return [raw for (where, _), raw in found if namespace is None or where == namespace]

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        """None where the Namespace does not exist."""
        found = self.get("Namespace", name)
        return objects.labels_of(found) if found is not None else {}

    def images(self) -> dict[str, tuple[int, int]]:
        """Image name: size in bytes as the first node by name reports it, and how many nodes hold it."""
        sizes: dict[str, int] = {}
        holders: dict[str, set[str]] = {}
        for name in sorted(self._infos):
            info = self._infos[name]
            for image, size in info.node.images:
                sizes.setdefault(image, size)
                holders.setdefault(image, set()).add(name)
        return {image: (size, len(holders[image])) for image, size in sizes.items()}

    def is_claim_used(self, namespace: str, claim: str) -> bool:
        key = f"{namespace}/{claim}"
        return any(info.claims[key] > 0 for info in self._infos.values())


def path(raw: Object | None, *keys: str) -> Any:
    """What lies under these keys; None as soon as one is absent."""
    value: Any = raw
    for key in keys:
        if value is None:
            return None
        value = value.get(key)
    return value
