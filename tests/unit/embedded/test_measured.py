from typing import Any

from stowage.api import quantity
from stowage.embedded import schema
from stowage.embedded.http import measured
from stowage.embedded.nodes import usage
from stowage.embedded.storage import store
from tests.unit.embedded.simulated import Cluster, template

NODES, PODS = (schema.named("metrics.k8s.io", kind) for kind in ("NodeMetrics", "PodMetrics"))


def read(cluster: Cluster, resource: schema.Resource, name: str = "") -> list[dict[str, Any]]:
    found: list[store.Entry] = measured.Measured(cluster.reg, usage.Model()).entries(resource, "", name)
    return [each.read() for each in found]


def nanos(used: dict[str, str]) -> int:
    return quantity.nanos(used["cpu"])


def running() -> Cluster:
    cluster = Cluster(nodes=2)
    for name in ("a", "b"):
        cluster.create(
            "", "Pod", name, metadata={"labels": {"app": name}}, spec=template()["template"]["spec"]
        )
    cluster.after(3)
    return cluster


def test_a_node_uses_what_its_pods_use_and_something_of_its_own() -> None:
    cluster = running()
    pods = sum(nanos(each["usage"]) for pod in read(cluster, PODS) for each in pod["containers"])
    first, second = read(cluster, NODES)
    alone = usage.Model().system("node-0", cluster.reg.time() // 15 * 15)
    assert nanos(first["usage"]) == pods + alone.cpu
    assert nanos(second["usage"]) < nanos(first["usage"])


def test_metrics_have_the_labels_of_what_they_are_about() -> None:
    cluster = running()
    (found,) = read(cluster, PODS, "b")
    assert found["metadata"]["labels"] == {"app": "b"}
    assert (found["window"], found["timestamp"]) == ("15s", "2026-01-01T00:00:00Z")


def test_only_running_pods_of_simulated_nodes_are_measured() -> None:
    cluster = running()
    cluster.create("", "Node", "other")
    cluster.create("", "Pod", "c", spec=template()["template"]["spec"] | {"nodeName": "other"})
    cluster.create("", "Pod", "d", spec=template()["template"]["spec"] | {"schedulingGates": [{"name": "g"}]})
    cluster.after(3)
    assert [each["metadata"]["name"] for each in read(cluster, NODES)] == ["node-0", "node-1"]
    assert [each["metadata"]["name"] for each in read(cluster, PODS)] == ["a", "b"]
