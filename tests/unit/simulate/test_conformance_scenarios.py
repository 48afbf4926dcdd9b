"""Reading scenario files, and what is asked before what is decoded."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from stowage.engine import conformance as engine
from stowage.simulate.conformance import compare, run, scenarios, totals

Json = dict[str, Any]


def scenario(**fields: Any) -> Json:
    return {"id": "s", "family": "f", "objects": [], "pending": [], "steps": [], **fields}


def write(path: Path, *items: Json) -> Path:
    text = "".join(json.dumps(item) + "\n" for item in items).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def line(item: Json) -> scenarios.Line:
    return scenarios.Line("f.jsonl", 1, json.dumps(item).encode())


def test_of_a_folder_the_scenario_files_below_it_are_read(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", scenario())
    second = write(tmp_path / "deep" / "b.jsonl.gz", scenario(), scenario())
    (tmp_path / "README.md").write_text("no scenario")
    files = scenarios.find([tmp_path, first])
    assert files == [first, second]
    assert scenarios.check(files) == 3


def test_a_json_file_is_one_scenario_and_blank_lines_are_none(tmp_path: Path) -> None:
    whole = tmp_path / "case.json"
    whole.write_text(json.dumps(scenario(), indent=1))
    spaced = tmp_path / "spaced.jsonl"
    spaced.write_text(f"\n{json.dumps(scenario())}\n\n")
    assert scenarios.check(scenarios.find([whole, spaced])) == 2


def test_family_and_id_come_from_the_file_where_they_are_not_written() -> None:
    bare = {key: value for key, value in scenario().items() if key not in ("id", "family")}
    found = scenarios.Scenario(scenarios.Line("x/taints.jsonl.gz", 7, json.dumps(bare).encode()))
    assert (found.family, found.id) == ("taints", "taints.jsonl.gz:7")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "line 1: not a scenario"),
        (b"[]", "Expected `object`"),
        (b'{"objects": [], "pending": []}', "required field `steps`"),
        (b'{"objects": {}, "pending": [], "steps": []}', "Expected `array`"),
        (b"\xff\xfe", "line 1: not a scenario"),
        (b"[" * 100_000, "line 1: not a scenario"),
    ],
    ids=["broken", "list", "no steps", "objects no list", "not UTF-8", "nested deep"],
)
def test_a_line_that_is_no_scenario_is_told_with_its_place(tmp_path: Path, text: bytes, told: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(text)
    with pytest.raises(scenarios.ScenarioError, match=r"x\.jsonl") as caught:
        scenarios.check([path])
    assert told in str(caught.value)


def test_a_truncated_archive_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl.gz", scenario(id="s" * 1000))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(scenarios.ScenarioError, match="cannot be read"):
        scenarios.check([path])


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(scenarios.ScenarioError, match="no such file or folder"):
        scenarios.find([tmp_path / "nowhere"])


def test_the_engine_is_asked_before_the_answers_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Json] = []

    def answer(question: Json) -> list[Json]:
        asked.append(question)
        return []

    monkeypatch.setattr(engine, "answer", answer)
    with pytest.raises(scenarios.ScenarioError, match="steps"):
        run.judge(line(scenario(steps=[17], assume=True, config="c")))
    assert asked == [{"id": "s", "family": "f", "objects": [], "pending": [], "assume": True, "config": "c"}]


def test_a_crash_is_one_difference_and_no_answer_is_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(question: Json) -> list[Json]:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(engine, "answer", crash)
    step = {"pod": "ns/p", "rejected": {"n": {"code": "Error", "plugin": "P", "reasons": ["r"]}}}
    tally = run.judge(line(scenario(steps=[step, step]))).tally
    assert [(each.field, each.step) for each in tally.differences] == [("crash", -1)]
    assert tally.differences[0].got.startswith("ZeroDivisionError in test_conformance_scenarios.py:")
    assert tally.answers == {"P": [0, 2]}
    assert (tally.steps, tally.equal_steps) == (2, 0)


def test_results_come_in_order_from_one_process_and_from_two(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", *(scenario(id=str(i)) for i in range(30)))
    alone = [result.id for result in run.results([path], 30, 1)]
    together = [result.id for result in run.results([path], 30, 2)]
    assert alone == together == [str(i) for i in range(30)]


def test_totals_keep_the_first_differences_and_count_all() -> None:
    found = totals.Totals(1)
    different = compare.Difference("s", 0, "ns/p", "pod", "", "a", "b")
    found.add(run.Result("s", "f", compare.Tally({"P": [1, 2]}, [different, different], 2, 1)))
    found.add(run.Result("t", "f", compare.Tally({"P": [3, 3]}, [], 1, 1)))
    assert found.first == [different]
    assert found.sentence == ("1 of 2 scenarios, 2 of 3 pods and 4 of 5 answers are equal: 2 differences.")
    assert found.plain()["families"]["f"]["plugins"] == {"P": {"equal": 4, "all": 5}}
