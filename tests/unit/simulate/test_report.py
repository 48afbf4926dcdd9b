"""The report in its machine forms and for people."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich import console

from stowage.simulate import explained, problems, report, session, tables
from tests.unit.simulate import kube

ITEMS = [
    kube.node("a", cpu="4", memory="3Gi"),
    kube.node("b", cpu="2", memory="2Gi"),
    kube.node("c", taints=[{"key": "k", "effect": "NoSchedule"}]),
    kube.pod("low", "3", nodeName="a", priority=-1),
    kube.pod("small"),
    kube.pod("high", "3", priority=10),
    kube.pod("big", "9"),
    kube.pod("bigger", "9"),
    kube.pod("gated", schedulingGates=[{"name": "x"}]),
]


def made(path: Path, *items: kube.Json, explain: str = "", keep_going: bool = False) -> session.Report:
    (path / "input").write_text(kube.a_list(*(items or ITEMS)))
    options = session.Options(sources=[str(path / "input")], explain=explain, keep_going=keep_going)
    return session.simulate(options, lambda *_: None)


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in found["placements"]}


def test_placements_has_one_object_a_pod_that_was_pending(tmp_path: Path) -> None:
    found = report.plain(made(tmp_path))
    placements = by_name(found)
    assert list(placements) == ["small", "high", "big", "bigger", "gated"]
    assert placements["small"] == {
        "namespace": "default",
        "name": "small",
        "node": "b",
        "nominated": None,
        "victims": [],
        "reason": None,
        "state": "placed",
    }
    assert placements["high"]["node"] is None
    assert placements["high"]["nominated"] == "a"
    assert placements["high"]["victims"] == ["default/low"]
    assert placements["big"]["reason"].startswith("0/3 nodes are available: ")


def test_the_summary_counts_by_state_and_reasons_are_grouped(tmp_path: Path) -> None:
    found = report.plain(made(tmp_path))
    summary = found["summary"]
    states = ("placed", "nominated", "unschedulable", "gated")
    assert [summary[state] for state in states] == [1, 1, 2, 1]
    assert (summary["nodes"], summary["boundPods"], summary["pendingPods"], summary["evicted"]) == (
        3,
        1,
        5,
        1,
    )
    (group,) = found["unschedulable"]
    assert (group["count"], group["pods"]) == (2, ["default/big", "default/bigger"])


def test_utilisation_is_told_before_and_after(tmp_path: Path) -> None:
    found = report.plain(made(tmp_path))
    cpu = found["utilisation"][0]
    assert cpu == {
        "resource": "cpu",
        "unit": "millicores",
        "allocatable": 10000,
        "requestedBefore": 3000,
        "requested": 4000,
        "left": 6000,
        "requestedPercent": 40.0,
        "fragmentation": 0.0,
    }
    assert found["fragmentation"]["cpu"] == 0.0


def test_the_decision_about_one_pod_is_told_in_full(tmp_path: Path) -> None:
    found = report.plain(made(tmp_path, explain="default/small"))["explanation"]
    assert (found["pod"], found["node"], found["best"]) == ("default/small", "b", ["b"])
    (full, tainted) = found["verdicts"]
    assert (full["plugin"], full["nodes"]) == ("NodeResourcesFit", ["a"])
    assert (tainted["plugin"], tainted["nodes"]) == ("TaintToleration", ["c"])
    (scored,) = found["scores"]
    assert scored["total"] == sum(each["weighted"] for each in scored["plugins"].values())
    assert found["why"] == "b is the only node that takes the pod."


@pytest.mark.parametrize(
    ("items", "why"),
    [
        (
            [kube.node("a"), kube.node("b"), kube.pod("p")],
            "2 nodes share the highest total, 500; {} was drawn among them.",
        ),
        (
            [kube.node("a", cpu="8"), kube.node("b"), kube.pod("p")],
            "a has the highest total,",
        ),
        ([kube.node("a"), kube.pod("p", "9")], "No node takes the pod."),
        (
            [kube.node("a", cpu="8"), kube.node("b"), kube.pod("p", status={"nominatedNodeName": "b"})],
            "b was kept for the pod, which was nominated to it; no other node was looked at.",
        ),
        (
            [kube.node("a"), kube.pod("low", "4", nodeName="a"), kube.pod("p", "1", priority=1)],
            "No node takes the pod as it is; a will, once 1 pod of lower priority is gone.",
        ),
    ],
    ids=["a tie", "a winner", "nowhere", "nominated before", "after preemption"],
)
def test_the_choice_is_told_in_a_sentence(tmp_path: Path, items: list[kube.Json], why: str) -> None:
    result = made(tmp_path, *items, explain="p").result
    assert result.explained is not None
    assert result.explanation is not None
    told = explained.why(result.explained, result.explanation)
    start, _, end = why.partition("{}")
    head = start.rsplit(", 500", 1)[0]
    assert told.startswith(head)
    assert told.endswith(end)


def test_a_pod_that_is_not_pending_cannot_be_explained(tmp_path: Path) -> None:
    with pytest.raises(problems.BadInput, match="no pending pod is called default/low; it is on the node a"):
        made(tmp_path, explain="low")


def test_skipped_objects_are_counted_and_named(tmp_path: Path) -> None:
    found = report.plain(made(tmp_path, *ITEMS, kube.pod("p", nodeName="gone"), keep_going=True))
    assert found["summary"]["skippedObjects"] == 1
    assert found["skipped"][0].endswith("spec.nodeName: there is no Node gone in the input")


def shown(found: session.Report, width: int = 160) -> str:
    out = io.StringIO()
    tables.show(found, console.Console(file=out, width=width))
    return out.getvalue()


def test_the_table_has_counts_reasons_use_and_the_explanation(tmp_path: Path) -> None:
    text = shown(made(tmp_path, explain="default/small"))
    for part in (
        "3 nodes, 1 pod on them; 5 pending",
        "nominated, waiting for their victims to end",
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.",
        "waiting for scheduling gates: [x]",
        "default/low",
        "Why default/small?",
        "b is the only node that takes the pod.",
        "NodeResourcesFit",
    ):
        assert part in text


def test_rare_reasons_of_many_are_only_counted(tmp_path: Path) -> None:
    gates = [kube.pod(f"p{i}", schedulingGates=[{"name": f"x{i}"}]) for i in range(23)]
    text = shown(made(tmp_path, kube.node("a"), *gates))
    assert text.count("waiting for scheduling gates: ") == 20
    assert "3   for 3 other reasons; -o json has every pod's" in text


def test_a_narrow_terminal_loses_no_column(tmp_path: Path) -> None:
    text = shown(made(tmp_path), width=80)
    assert "resource" in text
    assert "memory" in text


@pytest.mark.parametrize(
    ("resource", "value", "told"),
    [
        ("cpu", 1500, "1.5"),
        ("cpu", 4000, "4"),
        ("memory", 0, "0 B"),
        ("memory", 1 << 30, "1 GiB"),
        ("memory", 3 << 29, "1.5 GiB"),
        ("memory", 5 << 50, "5,120 TiB"),
        ("nvidia.com/gpu", 12345, "12,345"),
    ],
    ids=str,
)
def test_amounts_are_told_in_units_that_people_read(resource: str, value: int, told: str) -> None:
    assert tables.amount(resource, value) == told


def test_a_pod_that_was_not_tried_is_explained_by_its_reason(tmp_path: Path) -> None:
    found = made(tmp_path, explain="default/gated")
    assert report.plain(found)["explanation"]["reason"] == "waiting for scheduling gates: [x]"
    _, _, text = shown(found).partition("Why default/gated?")
    assert "waiting for scheduling gates: [x]" in text
