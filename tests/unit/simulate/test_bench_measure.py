"""What the workloads cost, in work and not in seconds: a regression shows here before a clock does."""

from dataclasses import dataclass

import pytest

from stowage.simulate.bench import measure, reference, run, workload
from tests import reference_bin

NODES, PODS = 300, 100


def silent(what: str, done: int, total: int) -> None:
    pass


def measured(name: str) -> measure.Result:
    return measure.measure(workload.find(name).scaled(NODES, PODS), silent)


@dataclass(frozen=True)
class Budget:
    """The most work: plans built, rows brought up to date and O(N) passes a pod beside the builds'."""

    builds: int
    rows: float
    passes: float


BUDGETS = {
    "basic": Budget(1, 1, 0),
    "node-affinity": Budget(1, 1, 0),
    "unschedulable": Budget(1, 0, 0.05),
    "affinity": Budget(2, 1, 1),
    "preferred-affinity": Budget(1, 1, 1),
    "preferred-anti-affinity": Budget(1, 1, 1),
    "spread": Budget(1, 1, 1),
    "preferred-spread": Budget(1, 1, 1),
    "anti-affinity": Budget(1, 1, 1),
    "mixed": Budget(1, 1, 1),
    "statefulset": Budget(1, 1, 1),
    # A plan that was last used ten pods ago has ten rows to look at again.
    "rotation-10": Budget(10, 10, 0),
    "owned": Budget(20, 20, 1),
    "distinct": Budget(PODS, 0, 1),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_workload_costs_no_more_work_than_this(name: str) -> None:
    budget = BUDGETS[name]
    found = measured(name)
    assert found.placed == (0 if name == "unschedulable" else PODS)
    assert found.builds <= budget.builds
    assert found.rows <= budget.rows * PODS
    assert found.passes - found.builds <= budget.passes * PODS


def test_the_work_a_pod_does_not_depend_on_the_number_of_nodes() -> None:
    basic = workload.find("basic")
    small, large = (measure.measure(basic.scaled(nodes, PODS), silent) for nodes in (100, 2000))
    assert (small.builds, small.rows, small.passes) == (large.builds, large.rows, large.passes)


def test_the_engine_is_a_part_of_the_whole_and_points_are_timed() -> None:
    found = measured("basic")
    assert 0 < found.engine < found.total
    assert {"Choose", "Assume", "Bind"} <= set(found.points)
    assert found.peak_mib > 1


def test_progress_tells_nodes_and_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "CHUNK", 40)
    monkeypatch.setattr(measure, "REPEATS", 1)
    told: list[tuple[str, int, int]] = []
    measure.measure(workload.find("basic").scaled(90, 100), lambda *progress: told.append(progress))
    assert told == [
        ("nodes", 40, 90),
        ("nodes", 80, 90),
        ("pods", 40, 100),
        ("pods", 80, 100),
        ("pods", 100, 100),
    ]


def test_a_process_of_its_own_gives_the_same_counts() -> None:
    here, there = measured("spread"), run.run(workload.find("spread").scaled(NODES, PODS), silent)
    assert (here.placed, here.builds, here.rows, here.passes) == (
        there.placed,
        there.builds,
        there.rows,
        there.passes,
    )


@pytest.mark.reference
@pytest.mark.slow
@pytest.mark.parametrize("name", ["basic", "distinct", "owned"])
def test_the_real_kube_scheduler_takes_the_same_workload(name: str) -> None:
    program = reference_bin.require("bench")
    assert reference.pods_per_second(program, workload.find(name).scaled(50, 20)) > 0
