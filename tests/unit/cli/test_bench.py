"""`stowage bench`: reports and exit codes; what it measures is tested with simulate."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stowage.cli import main
from stowage.simulate.bench import reference


def invoke(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main.app, ["bench", *words])
    return result.exit_code, result.stdout, result.stderr


def test_json_is_one_object_a_name_and_node_count() -> None:
    code, out, _ = invoke("basic", "--nodes", "20", "--nodes", "30", "--pods", "10", "-o", "json")
    assert code == 0
    rows = json.loads(out)["workloads"]
    assert [(row["name"], row["nodes"], row["pods"], row["placed"]) for row in rows] == [
        ("basic", 20, 10, 10),
        ("basic", 30, 10, 10),
    ]
    assert all(row["enginePodsPerSecond"] > row["podsPerSecond"] > 0 for row in rows)
    assert "ratio" not in rows[0]


def test_the_tables_say_speed_points_and_work() -> None:
    code, out, _ = invoke("spread", "--nodes", "20", "--pods", "10")
    assert code == 0
    for heading in ("pods/s", "peak MiB", "Choose", "plans built", "rows updated a pod"):
        assert heading in out


def test_beside_the_real_one_stands_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "find", lambda: Path("bench"))
    monkeypatch.setattr(reference, "pods_per_second", lambda program, subject: 100.0)
    code, out, _ = invoke("basic", "--nodes", "20", "--pods", "10", "--reference", "-o", "json")
    assert code == 0
    (row,) = json.loads(out)["workloads"]
    assert row["referencePodsPerSecond"] == 100
    assert row["ratio"] == pytest.approx(row["podsPerSecond"] / 100, abs=0.01)


def test_a_reference_that_is_not_built_ends_with_2_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFERENCE_BIN", str(tmp_path))
    code, out, err = invoke("basic", "--reference")
    assert code == 2
    assert out == ""
    assert "the real kube-scheduler is not built" in err
    assert "make reference" in err


def test_a_reference_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bench"
    program.write_text("#!/bin/sh\necho no such thing >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("REFERENCE_BIN", str(tmp_path))
    code, _, err = invoke("basic", "--nodes", "5", "--pods", "5", "--reference")
    assert code == 2
    assert f"{program} failed on basic: no such thing" in " ".join(err.split())


def test_a_workload_that_is_not_there_ends_with_2() -> None:
    code, out, err = invoke("nothing")
    assert code == 2
    assert out == ""
    assert "no workload nothing: there are" in err
