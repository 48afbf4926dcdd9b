"""The slow oracle gives kube-scheduler's recorded answers: all of them, and it is compared strictly."""

import copy
import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import answer, compare

RECORDED = sorted((Path(__file__).parents[1] / "data" / "conformance").glob("*.jsonl.gz"))
SAMPLE = 12  # scenarios a family; the large ones cost some 20 ms each


def _family(path: Path) -> str:
    return path.name.partition(".")[0]


def _scenarios(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        yield from map(json.loads, lines)


def _differences(scenario: dict[str, Any]) -> list[str]:
    recorded = scenario.pop("steps")
    return compare.differences(scenario, recorded, answer(scenario))


def test_there_is_something_to_compare_with() -> None:
    assert len(RECORDED) == 16


@pytest.mark.parametrize("path", RECORDED, ids=_family)
def test_a_sample_of_recorded_answers_is_given(path: Path) -> None:
    assert [line for each in islice(_scenarios(path), SAMPLE) for line in _differences(each)] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", RECORDED, ids=_family)
def test_every_recorded_answer_is_given(path: Path) -> None:
    assert [line for each in _scenarios(path) for line in _differences(each)] == []


def _preempting() -> tuple[dict[str, Any], int]:
    """A recorded scenario and which of its steps preempts."""
    path = next(each for each in RECORDED if _family(each) == "preemption")
    for scenario in _scenarios(path):
        for index, step in enumerate(scenario["steps"]):
            if step.get("nominated"):
                return scenario, index
    raise AssertionError("no preemption recorded")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pod", "elsewhere/other"),
        ("rejected", {}),
        ("preemption", {}),
        ("nominated", "no-such-node"),
        ("nominated", ""),
        ("totals", {"node": 1}),
        ("scores", {"node": {"ImageLocality": 1}}),
        ("best", ["node"]),
        ("chosen", "node"),
        ("preFilter", {"code": "Error", "reasons": []}),
        ("preEnqueue", {"code": "Error", "reasons": []}),
        ("preFilterNodes", ["node"]),
        ("error", "something"),
        ("unheardOf", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_step_with_one_field_changed_is_a_difference(field: str, value: Any) -> None:
    scenario, index = _preempting()
    steps = copy.deepcopy(scenario["steps"])
    steps[index][field] = value
    assert compare.differences(scenario, scenario["steps"], scenario["steps"]) == []
    assert len(compare.differences(scenario, scenario["steps"], steps)) == 1


def test_a_missing_step_is_a_difference() -> None:
    scenario, _ = _preempting()
    assert compare.differences(scenario, scenario["steps"], scenario["steps"][:-1]) != []
