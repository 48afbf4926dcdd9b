"""Nodes and pods as the page shows them: few fields, ready for JSON."""

from typing import Any, Final

import msgspec

from stowage.api import objects, resources

ZONE: Final = "topology.kubernetes.io/zone"
GATED, UNSCHEDULABLE, WAITING = "gated", "unschedulable", "waiting"
"""What the API says of a pod without a node: kept out, tried in vain, or neither yet."""
STATES: Final = (UNSCHEDULABLE, WAITING, GATED)
"""In the order in which they matter to who looks."""


class Pod(msgspec.Struct, rename="camel", gc=False):
    """One pod. `cpu` in millicores and `memory` in bytes: what its node counts."""

    uid: str
    namespace: str
    name: str
    node: str
    cpu: int
    memory: int
    phase: str
    priority: int
    scheduler: str
    since: str
    state: str
    message: str
    nominated: str
    leaving: bool


class Node(msgspec.Struct, rename="camel"):
    """One node, with the sums of its pods. `cpu`, `memory` and `pods`: requested and allocatable."""

    name: str
    zone: str = ""
    ready: bool = False
    cordoned: bool = False
    taints: int = 0
    cpu: tuple[int, int] = (0, 0)
    memory: tuple[int, int] = (0, 0)
    pods: tuple[int, int] = (0, 0)


def pod(item: objects.Pod) -> Pod:
    """A pod's view."""
    asked = resources.node_accounting(item).requests
    head, spec, status = item.metadata, item.spec, item.status
    condition = next((each for each in status.conditions if each.type == "PodScheduled"), None)
    state = message = ""
    if not spec.node_name:
        reason = condition.reason if condition is not None and condition.status == "False" else ""
        gated = bool(spec.scheduling_gates)
        state = GATED if gated else UNSCHEDULABLE if reason else WAITING
        names = ", ".join(gate.name for gate in spec.scheduling_gates)
        told = condition.message if condition is not None else ""
        message = f"kept out by scheduling gates: {names}" if gated else told
    return Pod(
        head.uid,
        head.namespace,
        head.name,
        spec.node_name,
        asked.get(resources.CPU, 0),
        asked.get(resources.MEMORY, 0),
        status.phase,
        spec.priority or 0,
        spec.scheduler_name,
        head.creation_timestamp or "",
        state,
        message,
        status.nominated_node_name,
        head.deletion_timestamp is not None,
    )


def node(item: objects.Node) -> Node:
    """A node's view, without pods."""
    free = resources.allocatable(item.status.allocatable)
    ready = any(each.type == "Ready" and each.status == "True" for each in item.status.conditions)
    return Node(
        item.metadata.name,
        item.metadata.labels.get(ZONE, ""),
        ready,
        item.spec.unschedulable,
        len(item.spec.taints),
        (0, free.get(resources.CPU, 0)),
        (0, free.get(resources.MEMORY, 0)),
        (0, free.get(resources.PODS, 0)),
    )


def facts(item: objects.Node) -> dict[str, Any]:
    """What only a closer look at a node shows."""
    return {
        "labels": item.metadata.labels,
        "taints": [f"{each.key}={each.value}:{each.effect}" for each in item.spec.taints],
        "since": item.metadata.creation_timestamp or "",
        "conditions": [each.type for each in item.status.conditions if each.status == "True"],
    }
