"""What counts as a difference between what became of a pod and what somebody says of it."""

from typing import Any

import pytest

from tests.fuzz.world import Json
from tests.integration.side_by_side import judge


def seen(**fields: Any) -> judge.Observed:
    return judge.Observed(
        **{"node": "", "reason": "", "message": "", "nominated": "", "evicted": (), **fields}
    )


VICTIM = {"kind": "Pod", "metadata": {"namespace": "d", "name": "v"}, "spec": {"priority": 1}}
OTHER = {"kind": "Pod", "metadata": {"namespace": "d", "name": "w"}, "spec": {"priority": 2}}
SCENARIO: Json = {"objects": [VICTIM, OTHER], "pending": [{"kind": "Pod", "metadata": {"name": "p"}}]}
BOUND: Json = {"best": ["a", "b"]}
REJECTED: Json = {"message": "no"}
UNBINDABLE = {"reason": "SchedulerError"}
PREBIND = 'running PreBind plugin "VolumeBinding": pv "v" node affinity doesn\'t match node "{}": no'
PREEMPTS: Json = {
    "message": "no",
    "nominated": "a",
    "preemption": {
        "a": {"pods": ["d/v"], "pdbViolations": 0},
        "b": {"pods": ["d/w"], "pdbViolations": 0},
    },
}


@pytest.mark.parametrize(
    ("step", "observed"),
    [
        pytest.param(BOUND, seen(node="b"), id="one of the best"),
        pytest.param(REJECTED, seen(reason="Unschedulable", message="no"), id="the same sentence"),
        pytest.param(PREEMPTS, seen(message="no", nominated="a", evicted=("d/v",)), id="the same victim"),
        pytest.param({"preEnqueue": {}}, seen(), id="gated"),
        pytest.param({}, seen(reason="SchedulerError"), id="an error"),
    ],
)
def test_the_same(step: Json, observed: judge.Observed) -> None:
    assert judge.difference(SCENARIO, step, observed) == ""


@pytest.mark.parametrize(
    ("step", "observed"),
    [
        pytest.param(BOUND, seen(node="c"), id="another node"),
        pytest.param(BOUND, seen(reason="Unschedulable", message="no"), id="rejected"),
        pytest.param(BOUND, seen(), id="nothing happened"),
        pytest.param(BOUND, seen(**UNBINDABLE, message=PREBIND.format("a")), id="one of the best, in vain"),
        pytest.param(REJECTED, seen(node="a"), id="bound"),
        pytest.param(REJECTED, seen(message="yes"), id="another sentence"),
        pytest.param(REJECTED, seen(message="no", nominated="a"), id="nominated for no reason"),
        pytest.param(PREEMPTS, seen(message="no"), id="not nominated"),
        pytest.param(PREEMPTS, seen(message="no", nominated="b", evicted=("d/w",)), id="a worse node"),
        pytest.param(PREEMPTS, seen(message="no", nominated="a"), id="nobody evicted"),
        pytest.param(PREEMPTS, seen(message="no", nominated="a", evicted=("d/v", "d/w")), id="too many"),
        pytest.param({"preEnqueue": {}}, seen(node="a"), id="left its gate"),
        pytest.param({}, seen(reason="Unschedulable", message="no"), id="no error"),
    ],
)
def test_not_the_same(step: Json, observed: judge.Observed) -> None:
    assert judge.difference(SCENARIO, step, observed)


def test_a_choice_that_prebind_fails_is_told_from_another() -> None:
    best = ["a", "b"]
    assert judge.unbindable(seen(**UNBINDABLE, message=PREBIND.format("a")), best)
    assert not judge.unbindable(seen(**UNBINDABLE, message=PREBIND.format("c")), best)
    assert not judge.unbindable(seen(reason="Unschedulable", message=PREBIND.format("a")), best)
