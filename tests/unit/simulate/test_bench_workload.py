"""Workload files: what is in benchmarks/, and how templates become objects."""

import json
from pathlib import Path
from typing import Any

import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.simulate.bench import workload
from tests.reference.bench import workloads as recorded

FILES = sorted((Path(__file__).parents[3] / "benchmarks").glob("*.yaml"))

# The floors of the ratio to the real kube-scheduler, at 5,000 nodes and 2,000 pods.
FLOORS = {
    "basic": 20,
    "node-affinity": 20,
    "affinity": 20,
    "preferred-affinity": 20,
    "preferred-anti-affinity": 20,
    "unschedulable": 20,
    "spread": 10,
    "preferred-spread": 10,
    "anti-affinity": 10,
    "distinct": 3,
}


def test_the_default_set_is_the_ten_with_a_floor() -> None:
    assert tuple(FLOORS) == workload.DEFAULT
    for name, floor in FLOORS.items():
        found = workload.find(name)
        assert (found.name, found.nodes.count, found.pods.count, found.floor) == (name, 5000, 2000, floor)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_a_workload(path: Path) -> None:
    found = workload.load(path).scaled(3, 5)
    cluster = table.Table()
    for text in (*found.node_texts(), *found.bound_texts()):
        cluster.set(workload.decoded(text))
    assert cluster.node_count == cluster.size == 3
    pods = [workload.decoded(text) for text in found.pod_texts()]
    assert len({each.metadata.uid for each in pods}) == 5


def test_the_large_ones_are_the_basic_one_at_another_size() -> None:
    basic, larger, largest = map(workload.find, ("basic", "basic-100k", "million"))
    for each in (larger, largest):
        assert each.name == "basic"
        assert each.nodes.template == basic.nodes.template
        assert each.pods.template == basic.pods.template
    assert (larger.nodes.count, larger.floor) == (100_000, 100)
    assert (largest.nodes.count, largest.pods.count, largest.reference) == (1_000_000, 1_000_000, False)


@pytest.mark.parametrize("name", sorted(recorded.WORKLOADS))
def test_nodes_and_pods_are_those_the_real_one_was_measured_with(name: str) -> None:
    found = workload.find(name)
    node, pod = json.loads(next(found.node_texts())), json.loads(next(found.pod_texts()))
    wanted_node, wanted_pod = recorded.node(0), recorded.pod(name)
    assert pod["spec"] == wanted_pod["spec"]
    assert pod["metadata"]["labels"] == wanted_pod["metadata"]["labels"]
    assert node["status"] == wanted_node["status"]
    assert node["metadata"]["labels"][recorded.ZONE] == wanted_node["metadata"]["labels"][recorded.ZONE]
    assert node["metadata"]["labels"][recorded.HOST] == node["metadata"]["name"]


def shapes(name: str, pods: int) -> int:
    cluster = table.Table()
    for text in workload.find(name).scaled(1, pods).pod_texts():
        pod = workload.decoded(text)
        assert isinstance(pod, objects.Pod)
        cluster.project(pod)
    return len(cluster.shapes)


@pytest.mark.parametrize(
    ("name", "count"),
    [("basic", 1), ("rotation-10", 10), ("rotation-100", 100), ("rotation-1000", 200), ("distinct", 200)],
)
def test_so_many_of_two_hundred_pods_ask_for_different_things(name: str, count: int) -> None:
    assert shapes(name, 200) == count


def test_the_real_one_gets_each_different_pod_once() -> None:
    assert [len(list(workload.find(name).variant_texts())) for name in ("basic", "owned", "distinct")] == [
        1,
        20,
        2000,
    ]


@pytest.mark.parametrize(
    ("expression", "value"),
    [("i", "17"), ("i%5", "2"), ("i/5", "3"), ("i*3+1", "52"), ("i%7*100+200", "500"), ("i/2%3*10", "20")],
)
def test_placeholders_compute_from_left_to_right(expression: str, value: str) -> None:
    template = workload.Template({"spec": {"x": f"<${{{expression}}}>"}}, "pod")
    made = json.loads(template.text(17, 4))
    assert made["spec"]["x"] == f"<{value}>"
    assert made["metadata"]["name"] == "pod-4"


MINIMAL: dict[str, Any] = {
    "description": "d",
    "nodes": {"count": 1, "template": {"apiVersion": "v1", "kind": "Node"}},
    "pods": {"count": 1, "template": {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": []}}},
}
BAD_NODE = {"apiVersion": "v1", "kind": "Node", "status": {"allocatable": {"cpu": "much"}}}
OTHER_POD = {"apiVersion": "v1", "kind": "Pod", "spec": {"schedulerName": "mine", "containers": []}}


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(MINIMAL))
    assert workload.find(str(path)).name == "mine"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pods": {"count": 1}}, "template"),
        ({"more": 1}, "unknown field `more`"),
        ({"nodes": {"count": 0, "template": {}}}, "nodes: 0 is less than 1"),
        ({"nodes": {"count": "many", "template": {}}}, "Expected `int`"),
        ({"pods": {"count": 1, "template": {"kind": "Pod", "x": "${j}"}}}, r"${j}, which cannot be computed"),
        ({"pods": {"count": 1, "template": {"kind": "Pod", "x": "${i%0}"}}}, "cannot be computed"),
        ({"objects": [{"kind": "Sandwich", "apiVersion": "v1"}]}, "Sandwich"),
        ({"nodes": {"count": 1, "template": BAD_NODE}}, "Node node-0: status.allocatable.cpu: 'much' is not"),
        (
            {"nodes": {"count": 1, "template": MINIMAL["pods"]["template"]}},
            "Pod node-0: kind: should be Node",
        ),
        ({"pods": {"count": 1, "template": OTHER_POD}}, "spec.schedulerName: only default-scheduler runs"),
    ],
    ids=[
        "no template",
        "unknown field",
        "no nodes",
        "count of text",
        "placeholder",
        "division by 0",
        "kind",
        "quantity",
        "pod for a node",
        "other scheduler",
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(MINIMAL | changes))
    with pytest.raises(workload.WorkloadError, match=r"mine\.yaml") as caught:
        workload.find(str(path))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"a: [", "mine.yaml"), (b"", "not one document"), (b"a: 1\n---\nb: 2\n", "not one document")],
    ids=["broken", "empty", "two documents"],
)
def test_a_file_that_is_no_document_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(workload.WorkloadError, match=told):
        workload.load(path)


def test_a_name_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(workload.WorkloadError, match=r"no workload nothing: there are affinity, .*spread"):
        workload.find("nothing")


def test_other_counts_have_no_floor() -> None:
    found = workload.find("basic")
    assert found.scaled(None, None).floor == found.scaled(5000, 2000).floor == 20
    assert found.scaled(100_000, None).floor is None
