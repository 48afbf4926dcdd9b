"""What `python -m benchmarks.drain` says and returns where a target is missed, on made measurements."""

import json
from typing import Any

import pytest
import typer
from typer import testing

from benchmarks.drain import __main__ as drain
from benchmarks.drain import run
from stowage.simulate.bench import workload
from tests import reference_bin


def drained(rate: float, missing: int = 0, lag: float | None = 0.5) -> run.Drained:
    return run.Drained(rate, lag, missing, [0.01, 0.02], 150.0)


def row(
    *ours: run.Drained,
    theirs: float | None = 1000 / 3,
    ceiling: float | None = 1000 / 0.75,
    size: tuple[int, int] = (5000, 5000),
    name: str = "basic",
) -> drain.Row:
    """By default, what the others do leaves a rate of 1,000 just enough."""
    ceilings = [run.Ceilings(ceiling, ceiling / 2) for _ in ours] if ceiling else []
    work = workload.find(name).scaled(*size)
    return drain.Row(work, ceilings, list(ours), [drained(theirs)] if theirs else [])


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (row(drained(1001, 50)), []),
        (
            row(drained(990)),
            [
                "basic: 2.97 times as fast as kube-scheduler, the target is 3",
                "basic: 74.2% of what the server can bind, the target is 75%",
            ],
        ),
        (row(drained(900), ceiling=None), ["basic: 2.70 times as fast as kube-scheduler, the target is 3"]),
        (row(drained(900), theirs=None), ["basic: 67.5% of what the server can bind, the target is 75%"]),
        (
            row(drained(1001, 51), name="spread"),
            ["spread: 51 Events were missing 10 s after the last binding, the target is at most 50"],
        ),
        (row(), []),
        (row(drained(1), drained(1001), drained(1002)), []),
        (
            row(drained(1001), drained(1001, 60), drained(1001)),
            ["basic: 60 Events were missing 10 s after the last binding, the target is at most 50"],
        ),
        (row(drained(1, 5000), size=(5000, 4999)), []),
        (row(drained(1, 500), size=(500, 500)), []),
        (row(drained(1, 5000), name="owned"), []),
    ],
    ids=[
        "all reached",
        "two missed",
        "ratio",
        "share",
        "events",
        "not ours",
        "the median counts",
        "the worst round's Events count",
        "fewer pods",
        "small",
        "another workload",
    ],
)
def test_each_target_that_is_missed_is_a_sentence(measured: drain.Row, said: list[str]) -> None:
    assert measured.shortfalls() == said


def test_each_round_is_held_against_its_own_ceiling() -> None:
    measured = row(drained(800), drained(1600), drained(1500), theirs=None)
    measured.ceilings = [run.Ceilings(each, 500) for each in (1000, 2000, 3000)]
    assert measured.plain()["share"] == 0.8
    assert measured.shortfalls() == []


@pytest.mark.parametrize(
    ("lags", "told"),
    [([0.0], 0.0), ([0.5, 2.0, 1.0], 2.0), ([0.5, None, 1.0], None), ([], None)],
    ids=["none at all", "the worst", "not in time", "not ours"],
)
def test_the_lag_of_events_is_that_of_the_worst_round(lags: list[float | None], told: float | None) -> None:
    measured = row(*(drained(1000, lag=lag) for lag in lags))
    assert measured.plain()["eventLagSeconds"] == told


@pytest.mark.parametrize(("rate", "code"), [(1001, 0), (900, 1)], ids=["reached", "missed"])
def test_the_exit_code_says_so_after_the_report(
    rate: float, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measured(*_: Any) -> list[drain.Row]:
        return [row(drained(rate))]

    monkeypatch.setattr(drain, "_measured", measured)
    monkeypatch.setattr(reference_bin, "find", lambda _: "here")
    app = typer.Typer()
    app.command()(drain.main)
    result = testing.CliRunner().invoke(app, ["-o", "json"])
    assert result.exit_code == code
    [told] = json.loads(result.stdout)["workloads"]
    assert told["ours"] == rate
    assert len(result.stderr.splitlines()) == 2 * code
