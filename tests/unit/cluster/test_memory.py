"""What a node and a pod cost in the table.

Stated how: all objects that are reachable from the table, each once, by `sys.getsizeof`, NumPy arrays by
their buffers, room for growth included; less what an empty table costs and less the log, which is bounded
(16 MiB) and not kept for anybody. Everything comes decoded from JSON, as it does from an API server.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from stowage.api import objects
from stowage.cluster import table

COUNT = 100_000
MOST = 300
NODE = msgspec.json.Decoder(objects.Node)
POD = msgspec.json.Decoder(objects.Pod)


def held(cluster: table.Table) -> int:
    """Bytes."""
    seen: set[int] = {id(cluster.log)}
    total = 0
    stack: list[Any] = [cluster]
    while stack:
        each = stack.pop()
        if id(each) in seen or isinstance(each, type):
            continue
        seen.add(id(each))
        if isinstance(each, np.ndarray):
            if each.base is not None:
                stack.append(each.base)
            else:
                total += each.nbytes
            continue
        total += sys.getsizeof(each)
        stack.extend(parts(each))
    return total


def parts(each: Any) -> Iterator[Any]:
    if isinstance(each, dict):
        yield from each
        yield from each.values()
    elif isinstance(each, list | tuple | set | frozenset):
        yield from each
    elif not isinstance(each, str | bytes | int | float) and not callable(each):
        yield from getattr(each, "__dict__", {}).values()
        for kind in type(each).__mro__:
            for slot in getattr(kind, "__slots__", ()):
                if hasattr(each, slot):
                    yield getattr(each, slot)
        for field in getattr(each, "__struct_fields__", ()):
            yield getattr(each, field)


def node(i: int) -> objects.Node:
    """Ten labels, of which the hostname alone is its own."""
    labels = {f"feature.example.com/f{k}": "true" for k in range(8)}
    labels |= {"kubernetes.io/hostname": f"node-{i:06}", "topology.kubernetes.io/zone": f"zone-{i % 3}"}
    return NODE.decode(
        json.dumps(
            {
                "metadata": {"name": f"node-{i:06}", "labels": labels},
                "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"}},
            }
        )
    )


def pod(i: int) -> objects.Pod:
    """One of 100 Deployments; the name and the UID are its own."""
    app = i % 100
    return POD.decode(
        json.dumps(
            {
                "metadata": {
                    "name": f"app-{app}-6bdf8d9d4-{i:05}",
                    "namespace": f"ns-{app % 20}",
                    "uid": f"{i:08x}-1111-2222-3333-{i:012x}",
                    "labels": {"app": f"app-{app}", "pod-template-hash": f"{app:010}"},
                },
                "spec": {
                    "nodeName": f"node-{i % 1000:06}",
                    "containers": [{"name": "c", "resources": {"requests": {"cpu": f"{100 + app}m"}}}],
                },
                "status": {"startTime": "2026-01-01T00:00:00Z"},
            }
        )
    )


@pytest.mark.slow
def test_a_node_costs_less_than_300_bytes() -> None:
    cluster = table.Table()
    empty = held(cluster)
    for i in range(COUNT):
        cluster.set(node(i))
    assert (held(cluster) - empty) / COUNT < MOST


@pytest.mark.slow
def test_a_pod_costs_less_than_300_bytes() -> None:
    cluster = table.Table()
    for i in range(1000):
        cluster.set(node(i))
    before = held(cluster)
    for i in range(COUNT):
        cluster.set(pod(i))
    assert (held(cluster) - before) / COUNT < MOST


def test_pods_of_one_template_add_no_shape_and_no_group() -> None:
    cluster = table.Table()
    for i in range(500):
        cluster.set(pod(i))
    assert (len(cluster.shapes), len(cluster.groups)) == (100, 100)
