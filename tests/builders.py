"""Builders of objects for tests: `make_pod("a").cpu("100m").done()` instead of nested dicts.

They write Kubernetes JSON into `raw`, so what they lack can be set there; `done()` decodes it.
"""

from typing import Any, Self

import msgspec

from stowage.api import objects
from stowage.cluster import table


class PodBuilder:
    def __init__(self, name: str, namespace: str = "default") -> None:
        self.container: dict[str, Any] = {"name": "c", "image": "i", "ports": []}
        self.raw: dict[str, Any] = {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"uid-{namespace}-{name}",
                "labels": {},
            },
            "spec": {"containers": [self.container]},
            "status": {},
        }

    def spec(self, **fields: Any) -> Self:
        self.raw["spec"].update(fields)
        return self

    def status(self, **fields: Any) -> Self:
        self.raw["status"].update(fields)
        return self

    def on(self, node: str) -> Self:
        return self.spec(nodeName=node)

    def label(self, **labels: str) -> Self:
        self.raw["metadata"]["labels"].update(labels)
        return self

    def request(self, **amounts: str) -> Self:
        requests = self.container.setdefault("resources", {}).setdefault("requests", {})
        requests.update({name.replace("_", "-"): amount for name, amount in amounts.items()})
        return self

    def cpu(self, amount: str) -> Self:
        return self.request(cpu=amount)

    def memory(self, amount: str) -> Self:
        return self.request(memory=amount)

    def priority(self, value: int) -> Self:
        return self.spec(priority=value)

    def start(self, time: str) -> Self:
        return self.status(startTime=time)

    def host_port(self, port: int, protocol: str = "", ip: str = "") -> Self:
        entry = {"containerPort": port, "hostPort": port, "protocol": protocol, "hostIP": ip}
        self.container["ports"].append({key: value for key, value in entry.items() if value})
        return self

    def nominated(self, node: str) -> Self:
        return self.status(nominatedNodeName=node)

    def terminating(self) -> Self:
        self.raw["metadata"]["deletionTimestamp"] = "2026-01-31T00:00:00Z"
        return self

    def done(self) -> objects.Pod:
        return msgspec.convert(self.raw, objects.Pod)


class NodeBuilder:
    def __init__(self, name: str) -> None:
        self.raw: dict[str, Any] = {
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "spec": {},
            "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}},
        }

    def allocatable(self, **amounts: str) -> Self:
        amounts = {name.replace("_", "-"): amount for name, amount in amounts.items()}
        self.raw["status"]["allocatable"].update(amounts)
        return self

    def label(self, key: str, value: str) -> Self:
        self.raw["metadata"]["labels"][key] = value
        return self

    def zone(self, zone: str) -> Self:
        return self.label("topology.kubernetes.io/zone", zone)

    def taint(self, key: str, effect: str, value: str = "") -> Self:
        taints = self.raw["spec"].setdefault("taints", [])
        taints.append({"key": key, "value": value, "effect": effect})
        return self

    def declares(self, *features: str) -> Self:
        self.raw["status"]["declaredFeatures"] = list(features)
        return self

    def done(self) -> objects.Node:
        return msgspec.convert(self.raw, objects.Node)


def make_pod(name: str, namespace: str = "default") -> PodBuilder:
    return PodBuilder(name, namespace)


def make_node(name: str) -> NodeBuilder:
    return NodeBuilder(name)


def make_table(*parts: PodBuilder | NodeBuilder | objects.Object) -> table.Table:
    """The table of these, in their order."""
    cluster = table.Table()
    for part in parts:
        cluster.set(part.done() if isinstance(part, PodBuilder | NodeBuilder) else part)
    return cluster
