"""The examples are what their README says they are."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stowage.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
CLUSTER, WORKLOADS, SHAPES = (str(EXAMPLES / f"{name}.yaml") for name in ("cluster", "workloads", "shapes"))


def invoke(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main.app, words)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    code, out, err = invoke("simulate", CLUSTER, "--pods", WORKLOADS, "-o", "json")
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_generator_writes_the_cluster_that_is_here() -> None:
    made = runpy.run_path(str(EXAMPLES / "generate.py"))["text"]()
    assert made == Path(CLUSTER).read_text()


def test_most_pods_are_placed_and_the_others_are_those_that_cannot_be(report: dict[str, Any]) -> None:
    left = sorted(
        each["name"].split("-")[0]
        for each in report["placements"]
        if each["node"] is None and not each["nominated"]
    )
    assert left == ["arm"] * 2 + ["inference"] * 3 + ["migration", "quarterly"]
    assert len(report["placements"]) == 516


def test_the_solver_preempts_two_batch_pods(report: dict[str, Any]) -> None:
    (solver,) = [each for each in report["placements"] if each["nominated"]]
    assert solver["name"].startswith("solver-")
    assert solver["nominated"].startswith("a100-")
    assert len(solver["victims"]) == 2
    assert all("embedding-batch" in str(victim) for victim in solver["victims"])


def test_the_databases_first_replica_stays_in_the_zone_of_its_volume(report: dict[str, Any]) -> None:
    (first,) = [each for each in report["placements"] if each["name"] == "orders-db-0"]
    assert int(first["node"].removeprefix("memory-")) % 3 == 1


def test_a_pod_can_be_explained() -> None:
    code, out, _ = invoke("simulate", CLUSTER, "--pods", WORKLOADS, "--explain", "shop/orders-db-0")
    assert code == 0
    assert "node(s) didn't match PersistentVolume's node affinity" in out


def test_capacity_is_told_of_every_shape() -> None:
    code, out, _ = invoke("capacity", CLUSTER, "--pod", SHAPES)
    assert code == 0
    for name in ("small", "large", "spot-worker"):
        assert name in out
