"""The small random cluster that every wild family starts from, and its dice.

A family (see `families`) works on a `World`: it changes nodes, bound pods and pending pods, adds objects and
configuration. What is odd about a scenario comes from its families; the world itself is plain, so that a
shrunk case keeps little besides the oddity.
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Json = dict[str, Any]
T = TypeVar("T")

# Named as a cloud names them: the translation of in-tree disks reads the region out of the zone.
ZONES = ("eu-west1-a", "eu-west1-b", "us-east1-c")
REGIONS = {zone: zone[:-2] for zone in ZONES}
APPS = ("web", "api", "db")
NAMESPACES: dict[str, dict[str, str]] = {
    "default": {"team": "a"},
    "prod": {"team": "a", "env": "prod"},
    "dev": {"team": "b", "env": "dev"},
}
HOST = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
MI = 1024 * 1024
API = "kubescheduler.config.k8s.io/v1"
# Gangs are not the engine's yet; DynamicResources is there without a claim to answer for.
SCHEDULER = "default-scheduler"


class World:
    """One scenario in the making."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)
        self.ids = 0
        self.namespaces = [ns for ns in NAMESPACES if ns == "default" or self.p(0.9)]
        self.nodes = [self.node(i) for i in range(self.r.randint(3, 7))]
        self.bound: list[Json] = []
        self.nominated: list[Json] = []
        self.objects: list[Json] = []
        self.args: dict[str, Json] = {}
        self.plugins: dict[str, Json] = {}
        self.profiles: list[Json] = []
        self.around: Json = {}  # of the configuration, beside its profiles
        for i in range(self.r.randint(0, 10)):
            self.bind(self.pod(f"old-{i}"))
        self.pending = [self.pod(f"new-{i}") for i in range(self.r.randint(1, 4))]
        self.assume = self.p(0.4)
        if self.assume and self.p(0.5):  # replicas of one pod, each seeing the one before
            self.pending = self.pending[:1]

    # --------------------------------------------------------------------------------------------- dice
    def p(self, probability: float) -> bool:
        return self.r.random() < probability

    def pick(self, options: Sequence[T]) -> T:
        return self.r.choice(options)

    def some(self, options: Sequence[T], low: int = 1, high: int = 2) -> list[T]:
        low = min(low, high)
        return self.r.sample(list(options), min(len(options), self.r.randint(low, high)))

    def uid(self) -> str:
        self.ids += 1
        return f"uid-{self.ids:04d}"

    def node_name(self) -> str:
        """The name of a node, rarely of one that is not there."""
        return "ghost" if self.p(0.05) else str(self.pick(self.nodes)["metadata"]["name"])

    # ------------------------------------------------------------------------------------------ objects
    def add(
        self, api_version: str, kind: str, name: str, namespace: str | None = None, **fields: Any
    ) -> Json:
        """A new object of the cluster; `metadata` in `fields` is merged into its own."""
        meta: Json = {"name": name, "uid": self.uid()}
        if namespace:
            meta["namespace"] = namespace
        meta.update(fields.pop("metadata", {}))
        made = {"apiVersion": api_version, "kind": kind, "metadata": meta, **fields}
        self.objects.append(made)
        return made

    def node(self, i: int) -> Json:
        name = f"n{i}"
        labels = {HOST: name, "disk": self.pick(["ssd", "hdd"])}
        if self.p(0.9):
            zone = self.pick(ZONES)
            labels[ZONE], labels[REGION] = zone, REGIONS[zone]
        allocatable = {
            "cpu": self.pick(["2", "4", "8"]),
            "memory": self.pick(["4Gi", "8Gi"]),
            "pods": self.pick(["6", "110"]),
            "ephemeral-storage": "100Gi",
        }
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "uid": self.uid(), "labels": labels},
            "spec": {},
            "status": {"allocatable": allocatable, "capacity": dict(allocatable)},
        }

    def pod(self, name: str) -> Json:
        labels = {"app": self.pick(APPS), "tier": self.pick(["front", "back"]), "rev": self.pick(["1", "2"])}
        if self.p(0.1):
            labels.pop(self.pick(list(labels)))
        if self.p(0.02):
            labels.clear()
        container: Json = {"name": "c", "image": "app", "resources": {}}
        if self.p(0.7):
            container["resources"] = {
                "requests": {"cpu": self.pick(["100m", "250m", "1"]), "memory": self.pick(["64Mi", "500Mi"])}
            }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": self.pick([*NAMESPACES, "default"])
                if self.p(0.5)
                else self.pick(self.namespaces),
                "uid": self.uid(),
                "labels": labels,
            },
            "spec": {"containers": [container], "schedulerName": SCHEDULER},
            "status": {"phase": "Pending"},
        }

    def bind(self, pod: Json, node: str | None = None) -> Json:
        """Puts `pod` on a node, as a running one."""
        pod["spec"]["nodeName"] = node or self.node_name()
        phase = "Running" if self.p(0.97) else self.pick(["Succeeded", "Failed"])  # these count as well
        pod["status"] = {"phase": phase, "startTime": self.start_time()}
        self.bound.append(pod)
        return pod

    def start_time(self) -> str:
        return f"2026-01-{self.r.randint(1, 28):02d}T{self.r.randint(0, 23):02d}:00:00Z"

    def terminate(self, pod: Json) -> None:
        pod["metadata"]["deletionTimestamp"] = "2026-02-01T00:00:00Z"
        pod["metadata"]["deletionGracePeriodSeconds"] = 30
        pod["metadata"]["finalizers"] = ["example.com/hold"]

    def everyone(self) -> list[Json]:
        return [*self.bound, *self.nominated, *self.pending]

    # ------------------------------------------------------------------------------------------- result
    def config(self) -> Json | None:
        if not (self.args or self.plugins or self.profiles):
            return None
        profile: Json = {"schedulerName": SCHEDULER}
        if self.plugins:
            profile["plugins"] = self.plugins
        if self.args:
            profile["pluginConfig"] = plugin_config(self.args)
        return {
            "apiVersion": API,
            "kind": "KubeSchedulerConfiguration",
            "profiles": [profile, *self.profiles],
        }

    def replicas(self) -> list[Json]:
        """The pending pods; where one alone is assumed, copies of it in a row."""
        if not self.assume or len(self.pending) > 1:
            return self.pending
        made = []
        for i in range(self.r.randint(2, 6)):
            pod: Json = copy(self.pending[0])
            pod["metadata"].update(name=f"replica-{i}", uid=self.uid())
            made.append(pod)
        return made if not claims(self.pending[0]) else self.pending

    def scenario(self, name: str, family: str) -> Json:
        made: Json = {"id": name, "family": family, "extended": True, "assume": self.assume}
        config = self.config()
        if config:
            config.update(self.around)
            made["config"] = json.dumps(config)  # JSON is YAML
        spaces = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns, "labels": NAMESPACES[ns]}}
            for ns in self.namespaces
        ]
        unique = {
            (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o
            for o in [*spaces, *self.nodes, *self.objects, *self.bound, *self.nominated]
        }
        made["objects"] = list(unique.values())
        made["pending"] = self.replicas()
        return made


def plugin_config(args: dict[str, Json]) -> list[Json]:
    return [{"name": n, "args": {"apiVersion": API, "kind": f"{n}Args", **a}} for n, a in args.items()]


def claims(pod: Json) -> bool:
    return any("ephemeral" in v for v in pod["spec"].get("volumes", []))


def copy(value: Any) -> Any:
    """A deep copy of JSON."""
    if isinstance(value, dict):
        return {k: copy(v) for k, v in value.items()}
    return [copy(v) for v in value] if isinstance(value, list) else value


Family = Callable[[World], None]
