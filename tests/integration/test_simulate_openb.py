"""The openb trace end to end, where it lies beside the project."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from stowage.simulate import openb, report, run, session
from tests.integration import traces

NODES = "openb_node_list_all_node.csv"


def simulated(pods: str) -> session.Report:
    options = session.Options(nodes_csv=traces.openb(NODES), pods_csv=traces.openb(pods))
    return session.simulate(options, lambda *_: None)


def rows(name: str) -> dict[str, dict[str, str]]:
    with Path(traces.openb(name)).open(newline="") as file:
        return {row.get("name") or row["sn"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "gpuspec33"])
def test_every_pod_gets_an_answer_and_no_node_more_than_it_holds(name: str) -> None:
    found = simulated(f"openb_pod_list_{name}.csv")
    nodes, pods = rows(NODES), rows(f"openb_pod_list_{name}.csv")
    placements = report.plain(found)["placements"]
    assert [each["name"] for each in placements] == list(pods)
    used: dict[str, Counter[str]] = {}
    for each in placements:
        if each["node"] is None:
            assert each["reason"].startswith(f"0/{len(nodes)} nodes are available: ")
            continue
        pod, node = pods[each["name"]], nodes[each["node"]]
        if pod.get("gpu_spec"):
            assert node["model"] in pod["gpu_spec"].split("|")
        total = used.setdefault(each["node"], Counter())
        total["cpu_milli"] += int(pod["cpu_milli"])
        total["memory_mib"] += int(pod["memory_mib"])
        total["gpu"] += int(pod["num_gpu"]) * int(pod["gpu_milli"])
        total["pods"] += 1
    for name_of_node, total in used.items():
        row = nodes[name_of_node]
        assert total["cpu_milli"] <= int(row["cpu_milli"])
        assert total["memory_mib"] <= int(row["memory_mib"])
        assert total["gpu"] <= 1000 * int(row["gpu"])
        assert total["pods"] <= int(openb.PODS)


@pytest.mark.slow
def test_the_default_list_fits_almost_whole() -> None:
    found = simulated("openb_pod_list_default.csv")
    assert found.measured.nodes == 1523
    assert len(found.result.entries) == 8152
    assert found.result.count(run.State.PLACED) > 8000
    assert not any(entry.victims for entry in found.result.entries)
