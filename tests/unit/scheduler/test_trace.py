"""Which cycles are told as slow, and with which steps."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from stowage.scheduler import logs
from stowage.scheduler.metering import trace
from tests.unit.scheduler.worlds import World


def told(caplog: pytest.LogCaptureFixture, verbosity: int, **spent: float) -> list[dict[str, Any]]:
    pod, level = World().pod("p"), logging.INFO - verbosity
    with caplog.at_level(level, logger=trace.logger.name):
        trace.log(pod, spent)
    return [{**record.__dict__, "message": record.getMessage()} for record in caplog.records]


def test_a_slow_cycle_is_told_with_the_steps_that_took_their_share(caplog: pytest.LogCaptureFixture) -> None:
    # A third of the threshold is 33 ms: of the two steps the first has it.
    [line] = told(caplog, 2, PreFilter=0.05, Filter=0.04, PreScore=0.01, Score=0.02)
    assert (line["message"], line["levelno"]) == ("Slow scheduling cycle", logs.V2)
    assert (line["pod"], line["seconds"]) == ("default/p", 0.12)
    assert line["steps"] == [{"step": "Computing predicates done", "seconds": 0.09}]


def test_at_verbosity_4_all_steps_are_told(caplog: pytest.LogCaptureFixture) -> None:
    [line] = told(caplog, 4, Filter=0.1, Score=0.001)
    assert [each["step"] for each in line["steps"]] == ["Computing predicates done", "Prioritizing done"]


def test_without_scoring_there_is_one_step(caplog: pytest.LogCaptureFixture) -> None:
    [line] = told(caplog, 4, Filter=0.2)
    assert line["steps"] == [{"step": "Computing predicates done", "seconds": 0.2}]


@pytest.mark.parametrize(
    "spent", [{"Filter": 0.099}, {"Filter": 0.05, "PostFilter": 3.0}], ids=["short", "preemption aside"]
)
def test_a_cycle_below_the_threshold_is_not_told(
    spent: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    assert told(caplog, 2, **spent) == []


def test_below_verbosity_2_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert told(caplog, 0, Filter=1.0) == []
