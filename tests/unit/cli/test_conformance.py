"""`stowage conformance`: reports and exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stowage.cli import main

Json = dict[str, Any]

NODE: Json = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n"},
    "status": {"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "10"}},
}
REJECTED = {"n": {"code": "Unschedulable", "plugin": "NodeResourcesFit", "reasons": ["Insufficient cpu"]}}


def scenario(cpu: str, step: Json) -> Json:
    resources = {"requests": {"cpu": cpu}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]},
    }
    return {
        "id": f"ask-{cpu}",
        "family": "asks",
        "assume": False,
        "objects": [NODE, {**pod, "metadata": {"name": "q", "namespace": "ns"}}],
        "pending": [pod],
        "steps": [step],
    }


def filled(step: Json) -> Json:
    """One node, one core, half of it taken: a pod of 0.8 is refused for now, as it does not fit."""
    made = scenario("800m", step)
    made["objects"][1]["spec"] = {
        "nodeName": "n",
        "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "500m"}}}],
    }
    return made


RIGHT = {"pod": "ns/p", "rejected": REJECTED}


def invoke(*words: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(main.app, ["conformance", *map(str, words)])
    return result.exit_code, result.stdout, result.stderr


def write(folder: Path, *items: Json) -> Path:
    path = folder / "x.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def test_equal_answers_end_with_0_and_a_sentence(tmp_path: Path) -> None:
    code, out, _ = invoke(write(tmp_path, filled(RIGHT)))
    assert code == 0
    last = out.splitlines()[-1]
    assert last == "1 of 1 scenarios, 1 of 1 pods and 1 of 1 answers are equal: 0 differences."
    assert "asks" in out
    assert "NodeResourcesFit" in out


def test_a_difference_ends_with_1_and_is_shown(tmp_path: Path) -> None:
    wrong = {"pod": "ns/p", "rejected": {"n": {**REJECTED["n"], "reasons": ["Too many pods"]}}}
    code, out, _ = invoke(tmp_path, write(tmp_path, filled(RIGHT), filled(wrong)))
    assert code == 1
    assert "ask-800m step 0 ns/p rejected n" in out
    assert "Too many pods" in out
    assert out.splitlines()[-1] == (
        "1 of 2 scenarios, 1 of 2 pods and 1 of 2 answers are equal: 1 difference."
    )


def test_json_has_families_plugins_and_differences(tmp_path: Path) -> None:
    code, out, _ = invoke(write(tmp_path, filled({**RIGHT, "message": "no"}), filled(RIGHT)), "-o", "json")
    assert code == 1
    report = json.loads(out)
    assert report["differences"] == 1
    assert report["families"]["asks"]["scenarios"] == {"equal": 1, "all": 2}
    assert report["plugins"] == {"NodeResourcesFit": {"equal": 2, "all": 2}}
    assert report["firstDifferences"][0] | {"scenario": ""} == {
        "scenario": "",
        "step": 0,
        "pod": "ns/p",
        "field": "message",
        "at": "",
        "expected": "no",
        "got": "nothing",
    }
    assert report["summary"].endswith("1 difference.")


def test_so_many_differences_are_shown_as_asked_for(tmp_path: Path) -> None:
    _, out, _ = invoke(write(tmp_path, *[filled({"pod": "ns/other"})] * 5), "--show", "2", "-o", "json")
    report = json.loads(out)
    assert report["differences"] == 10  # the pod and the node's verdict, five times
    assert len(report["firstDifferences"]) == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no such file or folder"),
        ("", "no scenario found in"),
        ("no json\n", "x.jsonl, line 1: not a scenario"),
        ('{"objects": [], "pending": [], "steps": [1]}\n', "steps"),
    ],
    ids=["missing", "empty", "not JSON", "steps no objects"],
)
def test_what_cannot_be_compared_ends_with_2_and_a_sentence(
    tmp_path: Path, content: str | None, told: str
) -> None:
    path = tmp_path / "x.jsonl"
    if content is not None:
        path.write_text(content)
    code, out, err = invoke(path)
    assert code == 2
    assert out == ""
    assert told in err
    assert "Traceback" not in err


def test_a_folder_without_scenarios_ends_with_2(tmp_path: Path) -> None:
    code, _, err = invoke(tmp_path)
    assert code == 2
    assert f"no scenario found in {tmp_path}" in err
