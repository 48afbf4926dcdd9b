"""The engine gives kube-scheduler's recorded answers: all of them."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import pytest

from stowage.simulate.conformance import compare, run, scenarios

RECORDED = sorted((Path(__file__).parents[1] / "data" / "conformance").glob("*.jsonl.gz"))
SAMPLE = 12  # scenarios a family


def _family(path: Path) -> str:
    return path.name.partition(".")[0]


def _differences(lines: Iterable[scenarios.Line]) -> list[compare.Difference]:
    return [each for line in lines for each in run.judge(line).tally.differences]


def test_there_is_something_to_compare_with() -> None:
    assert len(RECORDED) == 16
    assert scenarios.check(RECORDED) > 2000


@pytest.mark.parametrize("path", RECORDED, ids=_family)
def test_a_sample_of_recorded_answers_is_given(path: Path) -> None:
    assert _differences(itertools.islice(scenarios.lines(path), SAMPLE)) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", RECORDED, ids=_family)
def test_every_recorded_answer_is_given(path: Path) -> None:
    assert _differences(scenarios.lines(path)) == []
