"""DaemonSets: one pod for each node that takes it, bound by the scheduler to that node alone."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from stowage.api import objects, selectors, tolerations
from stowage.embedded import schema
from stowage.embedded.controllers import replicas
from stowage.embedded.controllers import world as worlds
from stowage.embedded.storage import store

Object = dict[str, Any]
SETS: Final = schema.named("apps", "DaemonSet")
HASH: Final = "controller-revision-hash"
_MANAGER: Final = "daemonset-controller"
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_TOLERATED: Final = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


def sync(world: worlds.World, key: store.Key) -> None:
    """Make and delete pods for the nodes there are, replace outdated ones, and write the status."""
    value = world.read(SETS, key)
    if value is None or "deletionTimestamp" in value["metadata"]:
        return
    revision = replicas.template_hash(value["spec"]["template"])
    nodes = [msgspec.json.decode(e.body, type=objects.Node) for e in world.reg.objects.entries("nodes")]
    by_node: dict[str, list[Object]] = {}
    for pod in worlds.active(world.owned(value, "pods")):
        by_node.setdefault(_node_of(pod), []).append(pod)
    for pod in world.owned(value, "pods"):
        # A daemon that has ended is replaced.
        if (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
            worlds.delete_pod(world, pod, _MANAGER)
    wanted = {node.metadata.name for node in nodes if _takes(value["spec"]["template"], node)}
    for name, pods in by_node.items():
        for pod in pods[1 if name in wanted else 0 :]:
            worlds.delete_pod(world, pod, _MANAGER)
    try:
        # The one before is waited for until it is gone.
        for name in sorted(wanted - {_node_of(pod) for pod in world.owned(value, "pods")}):
            worlds.create_pod(world, SETS, value, _pod(value, name, revision), _MANAGER)
        current = {name: pods[0] for name, pods in by_node.items() if name in wanted}
        _replace(world, value, current, len(wanted), revision)
    finally:
        _status(world, value, wanted, revision)


def _node_of(pod: Object) -> str:
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    for term in (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            return str(field["values"][0])
    return ""


def _tolerations(spec: Object) -> list[Object]:
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]
    if spec.get("hostNetwork"):
        key = "node.kubernetes.io/network-unavailable"
        added.append({"key": key, "operator": "Exists", "effect": "NoSchedule"})
    return [*(spec.get("tolerations") or ()), *added]


def _takes(template: Object, node: objects.Node) -> bool:
    """Whether a node takes the daemon: its name, selectors and taints; not what room it has."""
    pod = msgspec.convert({"metadata": {"name": "x"}, "spec": template["spec"]}, objects.Pod)
    if pod.spec.node_name and pod.spec.node_name != node.metadata.name:
        return False
    required = selectors.compile_required(pod)
    if not selectors.matches_required(required, node.metadata.labels, node.metadata.name):
        return False
    tolerated = msgspec.convert(_tolerations(template["spec"]), tuple[objects.Toleration, ...])
    return all(
        tolerations.tolerates_any(tolerated, taint)
        for taint in node.spec.taints
        if taint.effect in {"NoSchedule", "NoExecute"}
    )


def _pod(value: Object, node: str, revision: str) -> Object:
    pod = worlds.make_pod(value["spec"]["template"], SETS, value)
    pod["metadata"]["labels"] = (pod["metadata"].get("labels") or {}) | {HASH: revision}
    spec = pod["spec"]
    spec["tolerations"] = _tolerations(spec)
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    terms = (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or [{}]
    affinity[_REQUIRED] = {"nodeSelectorTerms": [term | {"matchFields": fields} for term in terms]}
    return pod


def _replace(
    world: worlds.World, value: Object, current: dict[str, Object], wanted: int, revision: str
) -> None:
    """Delete outdated pods, as many at once as may be unavailable."""
    strategy = value["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return
    most = max(
        worlds.share((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), wanted, up=True), 1
    )
    spare = most - (wanted - sum(map(worlds.ready, current.values())))
    for name in sorted(current):
        pod = current[name]
        if (pod["metadata"].get("labels") or {}).get(HASH) == revision:
            continue
        if worlds.ready(pod):
            if spare <= 0:
                continue
            spare -= 1
        worlds.delete_pod(world, pod, _MANAGER)


def _status(world: worlds.World, value: Object, wanted: set[str], revision: str) -> None:
    pods = worlds.active(world.owned(value, "pods"))
    right = [pod for pod in pods if _node_of(pod) in wanted]
    count = sum(map(worlds.ready, right))
    updated = sum((pod["metadata"].get("labels") or {}).get(HASH) == revision for pod in right)
    status: Object = {
        "currentNumberScheduled": len(right),
        "desiredNumberScheduled": len(wanted),
        "numberMisscheduled": len(pods) - len(right),
        "numberReady": count,
        "observedGeneration": value["metadata"]["generation"],
    }
    for name, number in (
        ("updatedNumberScheduled", updated),
        ("numberAvailable", count),
        ("numberUnavailable", len(wanted) - count),
    ):
        if number:
            status[name] = number
    worlds.set_status(world, SETS, value, status, _MANAGER)
