"""Writes cluster.yaml beside this file: a cluster of 300 nodes in the midst of its day.

Run it again after a change; the same code writes the same bytes. Object by line, so that a difference
can be read: `python examples/generate.py`.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
GIB = 1024 * 1024 * 1024
SEED = 20261122
NODE_SHARE = 0.85
"""How full apps may make a node's CPU and memory before the next node is looked at."""


@dataclass(frozen=True)
class Pool:
    """Nodes of one kind."""

    name: str
    count: int
    instance: str
    cpu: int
    memory: int
    """GiB"""
    gpus: int = 0
    gpu: str = ""
    taints: tuple[tuple[str, str, str], ...] = ()
    capacity: str = "on-demand"


GPU_TAINT = ("nvidia.com/gpu", "present", "NoSchedule")
POOLS = (
    Pool(
        "control",
        3,
        "m6i.xlarge",
        4,
        16,
        taints=(("node-role.kubernetes.io/control-plane", "", "NoSchedule"),),
    ),
    Pool("general", 150, "m6i.2xlarge", 8, 32),
    Pool("compute", 48, "c6i.4xlarge", 16, 32),
    Pool("memory", 30, "r6i.4xlarge", 16, 128),
    Pool("spot", 36, "m6i.2xlarge", 8, 32, taints=(("spot", "true", "NoSchedule"),), capacity="spot"),
    Pool("payments", 9, "m6i.2xlarge", 8, 32, taints=(("dedicated", "payments", "NoSchedule"),)),
    Pool("a100", 12, "p4d.24xlarge", 96, 1152, 8, "NVIDIA-A100-SXM4-40GB", (GPU_TAINT,)),
    Pool("t4", 12, "g4dn.4xlarge", 16, 64, 1, "Tesla-T4", (GPU_TAINT,)),
)


@dataclass(frozen=True)
class App:
    """A ReplicaSet whose pods run already."""

    namespace: str
    name: str
    replicas: int
    cpu: int
    """millicores"""
    memory: int
    """MiB"""
    pools: tuple[str, ...]
    gpus: int = 0
    priority: str = "standard"
    image: str = "registry.example.com/app:1"
    service: bool = True


APPS = (
    App(
        "shop",
        "storefront",
        90,
        2500,
        6144,
        ("general", "compute"),
        image="registry.example.com/storefront:7.2",
    ),
    App("shop", "search", 48, 4000, 7168, ("compute", "general")),
    App("shop", "cart", 60, 2000, 6144, ("general",)),
    App("shop", "recommendations", 36, 2500, 9216, ("general", "memory")),
    App("shop", "sessions", 24, 1500, 24576, ("memory",), priority="business-critical"),
    App("payments", "gateway", 18, 2000, 6144, ("payments",), priority="business-critical"),
    App("platform", "ingress", 30, 1500, 2048, ("general",), priority="business-critical"),
    App("platform", "metrics", 18, 2500, 16384, ("memory", "general")),
    App("platform", "build-runners", 60, 2500, 8192, ("spot",), priority="batch", service=False),
    App("data", "stream-workers", 120, 3500, 7168, ("general", "compute")),
    App("data", "warehouse", 18, 4000, 40960, ("memory",)),
    App("ml", "feature-store", 24, 2500, 9216, ("general", "memory")),
    App("ml", "fine-tuning", 2, 40000, 262144, ("a100",), 8, service=False),
    App("ml", "embedding-batch", 20, 30000, 196608, ("a100",), 4, "batch", service=False),
    App("ml", "ranker", 7, 8000, 32768, ("t4",), 1),
)
NAMESPACES = {"kube-system": "platform", "shop": "shop", "payments": "payments", "platform": "platform",
              "data": "data", "ml": "ml"}  # fmt: skip
PRIORITIES = {"standard": 0, "business-critical": 1_000_000, "batch": -100}


def meta(name: str, namespace: str = "", **fields: Any) -> Json:
    made = {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}"}
    return {key: value for key, value in {**made, **fields}.items() if value}


def made(kind: str, metadata: Json, api: str = "v1", **fields: Any) -> Json:
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


class Cluster:
    """Everything that is written, and how much of each node is taken."""

    def __init__(self) -> None:
        self.random = random.Random(SEED)
        self.items: list[Json] = []
        self.nodes: list[Json] = []
        self.pool_of: dict[str, Pool] = {}
        self.taken: dict[str, list[int]] = {}

    def add_nodes(self) -> None:
        for pool in POOLS:
            for index in range(pool.count):
                self._add_node(pool, index)
        for name in ("general-017", "general-084"):
            self._cordon(next(node for node in self.nodes if node["metadata"]["name"] == name))

    def _add_node(self, pool: Pool, index: int) -> None:
        name = f"{pool.name}-{index:03}"
        zone = ZONES[index % 3]
        labels = {
            "kubernetes.io/hostname": name,
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/os": "linux",
            "topology.kubernetes.io/region": zone[:-1],
            "topology.kubernetes.io/zone": zone,
            "node.kubernetes.io/instance-type": pool.instance,
            "example.com/pool": pool.name,
            "example.com/capacity": pool.capacity,
        }
        reserved = 100 + 20 * pool.cpu  # millicores the kubelet keeps
        allocatable = {
            "cpu": f"{1000 * pool.cpu - reserved}m",
            "memory": f"{1024 * pool.memory - 900 - 16 * pool.cpu}Mi",
            "ephemeral-storage": f"{90 * GIB}",
            "pods": "58" if pool.cpu <= 8 else "110",
        }
        if pool.gpus:
            labels["nvidia.com/gpu.product"] = pool.gpu
            allocatable["nvidia.com/gpu"] = str(pool.gpus)
        taints = [{"key": k, "value": v, "effect": e} for k, v, e in pool.taints]
        node = made("Node", meta(name, labels=labels), spec={"taints": taints} if taints else {})
        node["status"] = {"allocatable": allocatable, "capacity": {**allocatable, "cpu": str(pool.cpu)}}
        if pool.name in ("general", "compute") and self.random.random() < 0.5:
            names = ["registry.example.com/storefront:7.3", "registry.example.com/storefront@sha256:7f3c"]
            node["status"]["images"] = [{"names": names, "sizeBytes": 640_000_000}]
        self.items.append(node)
        self.nodes.append(node)
        self.pool_of[name] = pool
        self.taken[name] = [0, 0, 0]
        driver = {"name": "ebs.csi.example.com", "nodeID": name, "allocatable": {"count": 24}}
        driver["topologyKeys"] = ["topology.kubernetes.io/zone"]
        self.items.append(made("CSINode", meta(name), "storage.k8s.io/v1", spec={"drivers": [driver]}))

    def _cordon(self, node: Json) -> None:
        taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        node["spec"] = {"unschedulable": True, "taints": [taint]}

    def add_policies(self) -> None:
        for name, team in NAMESPACES.items():
            self.items.append(made("Namespace", meta(name, labels={"team": team})))
        for name, value in PRIORITIES.items():
            policy: Json = {"preemptionPolicy": "Never"} if name == "batch" else {}
            chosen = {"globalDefault": True} if name == "standard" else {}
            api = "scheduling.k8s.io/v1"
            self.items.append(made("PriorityClass", meta(name), api, value=value, **chosen, **policy))
        self.items.append(
            made(
                "StorageClass",
                meta("ssd"),
                "storage.k8s.io/v1",
                provisioner="ebs.csi.example.com",
                volumeBindingMode="WaitForFirstConsumer",
            )
        )
        self.items.append(
            made("CSIDriver", meta("ebs.csi.example.com"), "storage.k8s.io/v1", spec={"attachRequired": True})
        )
        for namespace, name, allowed in (
            ("shop", "sessions", 2),
            ("ml", "ranker", 1),
            ("ml", "fine-tuning", 0),
        ):
            spec = {"selector": {"matchLabels": {"app": name}}}
            budget = made("PodDisruptionBudget", meta(name, namespace), "policy/v1", spec=spec)
            self.items.append(budget | {"status": {"disruptionsAllowed": allowed}})

    def add_volume(self) -> None:
        """The volume of a database's first replica, from before it was scaled down; still attached."""
        claim, size = "data-orders-db-0", {"storage": "200Gi"}
        access = {"accessModes": ["ReadWriteOnce"], "storageClassName": "ssd"}
        in_zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [ZONES[1]]}
        volume = {
            **access,
            "capacity": size,
            "claimRef": {"namespace": "shop", "name": claim, "uid": f"uid-shop-{claim}"},
            "csi": {"driver": "ebs.csi.example.com", "volumeHandle": "vol-0001"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [in_zone]}]}},
        }
        self.items.append(made("PersistentVolume", meta("pv-0001"), spec=volume, status={"phase": "Bound"}))
        attached = {
            "attacher": "ebs.csi.example.com",
            "nodeName": "memory-001",
            "source": {"persistentVolumeName": "pv-0001"},
        }
        api = "storage.k8s.io/v1"
        self.items.append(made("VolumeAttachment", meta("csi-0001"), api, spec=attached))
        spec = {**access, "resources": {"requests": size}, "volumeName": "pv-0001"}
        bound = {"pv.kubernetes.io/bind-completed": "yes"}
        metadata = meta(claim, "shop", annotations=bound)
        status = {"phase": "Bound"}
        self.items.append(made("PersistentVolumeClaim", metadata, spec=spec, status=status))

    def add_agents(self) -> None:
        """A DaemonSet whose pods are everywhere."""
        labels = {"app": "node-agent"}
        spec = {
            "priorityClassName": "system-node-critical",
            "priority": 2000001000,
            "tolerations": [{"operator": "Exists"}],
            "containers": [container("registry.example.com/agent:3", 100, 200)],
        }
        template = {"metadata": {"labels": labels}, "spec": spec}
        whole = {"selector": {"matchLabels": labels}, "template": template}
        agent = made("DaemonSet", meta("node-agent", "kube-system"), "apps/v1", spec=whole)
        self.items.append(agent)
        for node in self.nodes:
            name = node["metadata"]["name"]
            self._bind(f"node-agent-{name}", agent, labels, spec, name)
            self._take(name, 100, 200, 0)

    def add_app(self, app: App) -> None:
        labels = {"app": app.name, "pod-template-hash": f"{abs(hash_of(app.name)):x}"[:9]}
        spec: Json = {
            "priorityClassName": app.priority,
            "priority": PRIORITIES[app.priority],
            "tolerations": tolerations(app),
            "containers": [container(app.image, app.cpu, app.memory, app.gpus)],
        }
        template = {"metadata": {"labels": labels}, "spec": spec}
        whole = {"replicas": app.replicas, "selector": {"matchLabels": labels}, "template": template}
        owner = made("ReplicaSet", meta(app.name, app.namespace), "apps/v1", spec=whole)
        self.items.append(owner)
        if app.service:
            selector = {"selector": {"app": app.name}}
            self.items.append(made("Service", meta(app.name, app.namespace), spec=selector))
        for index in range(app.replicas):
            node = self._node_for(app, index)
            self._bind(f"{app.name}-{labels['pod-template-hash']}-{index:03}", owner, labels, spec, node)

    def _node_for(self, app: App, index: int) -> str:
        """The emptiest of a few nodes drawn in the zone whose turn it is."""
        zone = ZONES[index % 3]
        fitting = [node for node in self.nodes if self._fits(app, node)]
        here = [node for node in fitting if node["metadata"]["labels"]["topology.kubernetes.io/zone"] == zone]
        drawn = self.random.sample(here or fitting, min(4, len(here or fitting)))
        name: str = min(drawn, key=self._fullness)["metadata"]["name"]
        self._take(name, app.cpu, app.memory, app.gpus)
        return name

    def _fits(self, app: App, node: Json) -> bool:
        name = node["metadata"]["name"]
        pool = self.pool_of[name]
        cpu, memory, gpus = self.taken[name]
        return (
            pool.name in app.pools
            and not node["spec"].get("unschedulable")
            and cpu + app.cpu <= NODE_SHARE * 1000 * pool.cpu
            and memory + app.memory <= NODE_SHARE * 1024 * pool.memory
            and gpus + app.gpus <= pool.gpus
        )

    def _fullness(self, node: Json) -> float:
        name = node["metadata"]["name"]
        return self.taken[name][0] / self.pool_of[name].cpu

    def _take(self, node: str, cpu: int, memory: int, gpus: int) -> None:
        self.taken[node] = [a + b for a, b in zip(self.taken[node], (cpu, memory, gpus), strict=True)]

    def _bind(self, name: str, owner: Json, labels: Json, spec: Json, node: str) -> None:
        reference = {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "controller": True,
        }
        metadata = meta(name, owner["metadata"]["namespace"], labels=labels, ownerReferences=[reference])
        hours = self.random.randrange(1, 22)
        started = f"2026-11-{self.random.randrange(1, 22):02}T{hours:02}:00:00Z"
        status = {"phase": "Running", "startTime": started}
        self.items.append(made("Pod", metadata, spec={"nodeName": node, **spec}, status=status))


def container(image: str, cpu: int, memory: int, gpus: int = 0) -> Json:
    requests: Json = {"cpu": f"{cpu}m", "memory": f"{memory}Mi"}
    resources = {"requests": requests}
    if gpus:
        requests["nvidia.com/gpu"] = str(gpus)
        resources["limits"] = {"nvidia.com/gpu": str(gpus)}
    return {"name": "main", "image": image, "resources": resources}


def tolerations(app: App) -> list[Json]:
    found = {taint for pool in POOLS if pool.name in app.pools for taint in pool.taints}
    return [{"key": key, "operator": "Exists", "effect": effect} for key, _, effect in sorted(found)]


def hash_of(text: str) -> int:
    """Python's own differs from run to run."""
    return int.from_bytes(text.encode(), "big") * 2654435761 % (1 << 40)


def text() -> str:
    """The whole file."""
    cluster = Cluster()
    cluster.add_nodes()
    cluster.add_policies()
    cluster.add_volume()
    cluster.add_agents()
    for app in APPS:
        cluster.add_app(app)
    lines = [f"- {json.dumps(item)}\n" for item in cluster.items]
    return "# Written by generate.py; change it there.\napiVersion: v1\nkind: List\nitems:\n" + "".join(lines)


if __name__ == "__main__":
    Path(__file__).with_name("cluster.yaml").write_text(text())
