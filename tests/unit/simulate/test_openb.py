"""The openb trace's CSV."""

from __future__ import annotations

from pathlib import Path

import pytest

from stowage.api import objects
from stowage.simulate import inputs, openb, problems

NODES = "sn,cpu_milli,memory_mib,gpu,model\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time\n"


def nodes(path: Path, rows: str) -> tuple[list[objects.Object], list[str]]:
    (path / "nodes.csv").write_text(rows)
    faults = problems.Faults()
    found = list(openb.nodes(str(path / "nodes.csv"), inputs.MAX_INPUT, faults))
    return [item for _, item in found], [each.removeprefix(f"{path}/") for each in faults.problems]


def pods(path: Path, rows: str) -> tuple[list[objects.Pod], list[str]]:
    (path / "pods.csv").write_text(rows)
    faults = problems.Faults()
    found = list(openb.pods(str(path / "pods.csv"), inputs.MAX_INPUT, faults))
    told = [each.removeprefix(f"{path}/") for each in faults.problems]
    return [item for _, item in found if isinstance(item, objects.Pod)], told


def test_a_node_has_its_gpus_in_thousandths_and_its_model_as_a_label(tmp_path: Path) -> None:
    (node, plain), _ = nodes(tmp_path, f"{NODES}n0,64000,262144,2,P100\nn1,32000,1024,0,\n")
    assert isinstance(node, objects.Node)
    assert node.metadata.labels == {openb.HOSTNAME: "n0", openb.MODEL: "P100"}
    assert node.status.allocatable == {
        "cpu": "64000m",
        "memory": "262144Mi",
        "pods": "110",
        openb.GPU: "2000",
    }
    assert plain.metadata.labels == {openb.HOSTNAME: "n1"}


def test_every_row_is_a_pending_pod_with_its_creation_time(tmp_path: Path) -> None:
    rows = "p0,12000,16384,8,1000,,LS,Succeeded,86400\np1,6000,12288,1,460,V100M16|V100M32,LS,Running,0\n"
    (whole, shared), _ = pods(tmp_path, PODS + rows)
    assert whole.metadata.namespace == "default"
    assert whole.metadata.creation_timestamp == "1970-01-02T00:00:00Z"
    assert whole.status.phase == ""
    (container,) = whole.spec.containers
    assert container.resources.requests == {"cpu": "12000m", "memory": "16384Mi", openb.GPU: "8000"}
    assert shared.spec.containers[0].resources.requests[openb.GPU] == "460"
    assert shared.spec.affinity is not None
    assert shared.spec.affinity.node_affinity is not None
    required = shared.spec.affinity.node_affinity.required_during_scheduling_ignored_during_execution
    assert required is not None
    (term,) = required.node_selector_terms
    (expression,) = term.match_expressions
    assert (expression.key, expression.operator) == (openb.MODEL, "In")
    assert expression.values == ("V100M16", "V100M32")


def test_a_list_may_lack_the_columns_that_only_some_have(tmp_path: Path) -> None:
    (pod,), _ = pods(tmp_path, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np0,1,2,0,0\n")
    assert pod.metadata.creation_timestamp is None
    assert pod.spec.affinity is None


BAD = {
    "no such column": ("a,b\n1,2\n", "pods.csv: line 1: has no column name, cpu_milli"),
    "a negative amount": (
        f"{PODS}p0,-1,2,0,0,,,,\n",
        "pods.csv: line 2 (p0): cpu_milli: '-1' is not a whole",
    ),
    "no number": (f"{PODS}p0,1,x,0,0,,,,\n", "pods.csv: line 2 (p0): memory_mib: 'x' is not a whole number"),
    "infinite": (f"{PODS}p0,inf,2,0,0,,,,\n", "cpu_milli: 'inf' is not a whole number"),
    "too few values": (f"{PODS}p0,1,2\n", "pods.csv: line 2: should have 9 values"),
    "too many values": (f"{PODS}p0,1,2,0,0,,,,,9\n", "pods.csv: line 2: should have 9 values"),
    "no name": (f"{PODS},1,2,0,0,,,,\n", "pods.csv: line 2: name: is missing"),
    "a bad name": (f"{PODS}P_0,1,2,0,0,,,,\n", "pods.csv: line 2 (P_0): metadata.name: 'P_0' is not a name"),
    "beyond any calendar": (f"{PODS}p0,1,2,0,0,,,,999999999999\n", "creation_time: 999999999999 seconds"),
    "an open quote": (f'{PODS}"p0,1,2,0,0,,,,\n', "is not CSV"),
    "empty": ("", "pods.csv: is empty"),
}


@pytest.mark.parametrize(("rows", "told"), BAD.values(), ids=BAD.keys())
def test_bad_rows_are_told_with_their_line_and_column(tmp_path: Path, rows: str, told: str) -> None:
    found, problems_told = pods(tmp_path, rows)
    (problem,) = problems_told
    assert told in problem
    assert not found


def test_text_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "pods.csv").write_bytes(PODS.encode() + b"\xff")
    faults = problems.Faults()
    assert not list(openb.pods(str(tmp_path / "pods.csv"), inputs.MAX_INPUT, faults))
    assert faults.problems[0].endswith("is not UTF-8 text")
