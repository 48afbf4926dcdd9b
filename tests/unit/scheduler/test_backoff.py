"""How long a pod pauses: doubling, the cap, errors apart from rejections, whole seconds."""

import pytest

from stowage.cluster import table
from stowage.scheduler.queueing import backoff, entry
from tests.builders import make_pod
from tests.unit.scheduler.worlds import Clock


def make(initial: float = 1.0, longest: float = 10.0, aligned: bool = False) -> backoff.Backoff:
    return backoff.Backoff(Clock(), initial, longest, lambda item: item.queued, aligned)


def failed(name: str = "a", *, rejections: int = 0, errors: int = 0, queued: float = 1000.0) -> entry.Entry:
    pod = table.Table().project(make_pod(name).done())
    plugins = frozenset() if errors else frozenset({"NodeName"})
    return entry.Entry(pod, queued, rejections=rejections, errors=errors, rejecting=plugins)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [pytest.param(n, s, id=f"{n} failures") for n, s in enumerate([1, 2, 4, 8, 10, 10], 1)]
    + [pytest.param(5000, 10, id="5000 failures")],
)
def test_the_pause_doubles_up_to_ten_seconds(failures: int, seconds: int) -> None:
    assert make().ends(failed(rejections=failures)) == 1000 + seconds


def test_the_first_pause_and_the_longest_are_configurable() -> None:
    paused = make(initial=3.0, longest=5.0)
    assert [paused.seconds(count) for count in (1, 2, 3)] == [3, 5, 5]


def test_errors_decide_where_there_are_any() -> None:
    assert make().ends(failed(rejections=4, errors=1)) == 1001


@pytest.mark.parametrize(
    ("longest", "rejections"), [pytest.param(10, 0, id="not failed yet"), pytest.param(0, 3, id="turned off")]
)
def test_nobody_pauses(longest: float, rejections: int) -> None:
    paused = make(longest=longest)
    assert not paused.holds(failed(rejections=rejections))


def test_ends_are_aligned_to_whole_seconds_where_asked() -> None:
    item = failed(rejections=1, queued=1000.9)
    assert make(aligned=True).ends(item) == 1001.0
    item.expires = None
    assert make().ends(item) == 1001.9


def test_those_whose_pause_is_over_come_out_errors_too() -> None:
    paused = make()
    paused.put(failed("early", rejections=1, queued=990))
    paused.put(failed("late", rejections=1, queued=999.5))
    paused.put(failed("error", errors=1, queued=990))
    assert [item.pod.name for item in paused.completed()] == ["early", "error"]
    assert [item.pod.name for item in paused] == ["late"]
