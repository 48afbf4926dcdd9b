"""The checks on evidence made by hand: what no altered scheduler brings about."""

import datetime

import pytest

from tests.integration.faults import checks, harness

ENDED = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)


def bound_after(seconds: float, code: int = 201) -> checks.Evidence:
    """A pod whose binding was answered so many seconds after the fault."""
    at = ENDED + datetime.timedelta(seconds=seconds)
    return checks.Evidence(
        nodes={"n": harness.NODE},
        sizes={"p": harness.POD},
        pods=({"metadata": {"name": "p"}, "spec": {"nodeName": "n"}},),
        events=(),
        requests=(checks.Request("bind", "p", "uid", "n", code, at, "scheduler"),),
        known={"differences": [], "lost": [], "assumed": {}},
        ended=ENDED,
    )


@pytest.mark.parametrize("code", [201, 504, 0], ids=["bound", "failed", "unanswered"])
def test_a_pod_that_was_bound_too_late_is_found_out(code: int) -> None:
    evidence = bound_after(31, code)
    assert harness.problems(evidence) == ["bound_once: p was bound 31 s after the fault"]


@pytest.mark.parametrize("seconds", [-5, 0, 30], ids=["before", "at once", "just in time"])
def test_a_pod_that_was_bound_in_time_is_not(seconds: float) -> None:
    assert harness.problems(bound_after(seconds)) == []
