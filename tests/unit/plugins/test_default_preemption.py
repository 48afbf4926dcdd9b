"""DefaultPreemption: whom it evicts, where, and what it says where it cannot."""

from typing import Any

import msgspec
import numpy as np
import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.framework import interface, status
from stowage.framework.config import args as config
from stowage.framework.preemption import unstable
from stowage.plugins import default_preemption
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.stub_attempt import StubAttempt

PLUGIN = default_preemption.DefaultPreemption(config.DefaultPreemptionArgs())
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def make_budget(
    name: str, selector: dict[str, Any] | None, allowed: int = 0, *disrupted: str, namespace: str = "default"
) -> objects.PodDisruptionBudget:
    raw = {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector},
        "status": {"disruptionsAllowed": allowed, "disruptedPods": dict.fromkeys(disrupted, EARLY)},
    }
    return msgspec.convert(raw, objects.PodDisruptionBudget)


def labelled(**labels: str) -> dict[str, Any]:
    return {"matchLabels": labels}


def old(name: str, cpu: str = "1", priority: int = 0, node: str = "n", start: str = EARLY) -> PodBuilder:
    pod = make_pod(name).cpu(cpu).priority(priority).on(node)
    return pod.start(start) if start else pod


def new(cpu: str = "4", priority: int = 100) -> PodBuilder:
    return make_pod("new").cpu(cpu).priority(priority)


def post_filter(cluster: table.Table, pod: PodBuilder, **overrides: status.Code) -> interface.PostFiltered:
    incoming = cluster.project(pod.done())
    attempt = StubAttempt(cluster, incoming)
    attempt.overrides = overrides
    return PLUGIN.post_filter(incoming, attempt)


def victims(cluster: table.Table, pod: PodBuilder) -> dict[str, tuple[list[str], int]]:
    answer = post_filter(cluster, pod)
    return {
        node: ([pod.name for pod in found.pods], found.violations)
        for node, found in answer.candidates.items()
    }


# ------------------------------------------------------------------ the victims


def test_the_reprieve_is_greedy_and_not_a_prefix() -> None:
    # 3 of 6 cpus are wanted: "a" (4) cannot stay, then "b" (1) and "c" (1) can.
    cluster = make_table(
        make_node("n").allocatable(cpu="6"), old("a", "4", 30), old("b", "1", 20), old("c", "1", 10)
    )
    assert victims(cluster, new("3")) == {"n": (["a"], 0)}


@pytest.mark.parametrize(
    ("one", "two", "victim"),
    [
        pytest.param(old("one", priority=1), old("two", priority=2), "one", id="priority"),
        pytest.param(old("one", start=EARLY), old("two", start=LATE), "two", id="the older one stays"),
        pytest.param(
            old("one", start=""), old("two", start=LATE), "one", id="not started is younger than any"
        ),
        pytest.param(old("one"), old("two"), "two", id="equal: the first stays"),
        pytest.param(old("one", start=""), old("two", start=""), "one", id="neither started: the last stays"),
        pytest.param(old("one", priority=-5), old("two", priority=-4), "one", id="negative priorities"),
    ],
)
def test_the_more_important_pod_stays(one: PodBuilder, two: PodBuilder, victim: str) -> None:
    cluster = make_table(make_node("n").allocatable(cpu="2"), one, two)
    assert victims(cluster, new("1")) == {"n": ([victim], 0)}


def test_only_pods_of_lower_priority_are_evicted() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="2"), old("same", priority=100), old("low"))
    assert victims(cluster, new("1")) == {"n": (["low"], 0)}
    assert victims(cluster, new("2")) == {}


def test_a_pod_that_is_terminating_already_is_a_victim_like_others() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="1"), old("going").terminating())
    assert victims(cluster, new("1")) == {"n": (["going"], 0)}


def test_victims_are_told_in_order_of_importance_whatever_order_they_were_tried_in() -> None:
    cluster = make_table(
        make_node("n").allocatable(cpu="3"),
        old("low", priority=1).label(app="kept"),
        old("mid", priority=2),
        old("high", priority=3).label(app="kept"),
        make_budget("b", labelled(app="kept")),
    )
    assert victims(cluster, new("3")) == {"n": (["high", "mid", "low"], 2)}


def test_rows_are_dry_run_apart_and_dead_ones_not_at_all() -> None:
    cluster = make_table(
        make_node("a").allocatable(cpu="2"),
        make_node("b").allocatable(cpu="2"),
        make_node("small").allocatable(cpu="1"),
        *(old(f"a{i}", "500m", i, "a") for i in range(4)),
        old("b0", "2", 5, "b"),
        old("s0", "1", 0, "small"),
        old("ghost", "1", 0, "gone"),
    )
    assert victims(cluster, new("1")) == {"a": (["a1", "a0"], 0), "b": (["b0"], 0), "small": (["s0"], 0)}
    assert set(victims(cluster, new("2"))) == {"a", "b"}


def test_nodes_with_few_pods_leave_the_dry_run_before_those_with_many() -> None:
    cluster = make_table(
        *(make_node(f"n{i}").allocatable(cpu="1") for i in range(8)),
        *(old(f"p{i}", "1", 0, f"n{i}") for i in range(7)),
        *(old(f"q{i}", "100m", i, "n7") for i in range(10)),
    )
    incoming = cluster.project(new("1").done())
    attempt = StubAttempt(cluster, incoming)
    found = PLUGIN.post_filter(incoming, attempt).candidates
    assert [len(each.pods) for each in found.values()] == [1] * 7 + [10]
    assert attempt.looks == 8 + 8 + 9  # all gone, the first back, and nine more on one node


def test_a_victim_that_shares_its_port_frees_it() -> None:
    cluster = make_table(
        make_node("n"),
        old("high", priority=1000).host_port(80),
        old("b", priority=2).host_port(80),
        old("a", priority=1).host_port(80),
    )
    # Both gone: free, though "high" is there; each takes it when it comes back.
    assert victims(cluster, new("1").host_port(80)) == {"n": (["b", "a"], 0)}


# ------------------------------------------------------------------ the budgets


def crowd(*parts: objects.Object) -> table.Table:
    """Four pods of one cpu and equal importance, in order, the last two labelled."""
    pods = [old("p0"), old("p1").label(app="x"), old("p2").label(app="x"), old("p3").label(app="x", tier="y")]
    return make_table(make_node("n").allocatable(cpu="4"), *pods, *parts)


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        pytest.param(make_budget("b", labelled(app="x")), (["p0", "p3"], 1), id="none allowed"),
        pytest.param(make_budget("b", labelled(app="x"), 1), (["p0", "p1"], 0), id="the first is allowed"),
        pytest.param(make_budget("b", labelled(app="x"), 2), (["p1", "p2"], 0), id="two are allowed"),
        pytest.param(make_budget("b", {}), (["p2", "p3"], 0), id="an empty selector matches nothing"),
        pytest.param(make_budget("b", None), (["p2", "p3"], 0), id="no selector matches nothing"),
        pytest.param(make_budget("b", labelled(app="x "), 0), (["p2", "p3"], 0), id="an invalid selector"),
        pytest.param(
            make_budget("b", labelled(app="x"), namespace="other"), (["p2", "p3"], 0), id="other namespace"
        ),
        pytest.param(
            make_budget("b", labelled(app="x"), 0, "p3", "p2"),
            (["p2", "p3"], 0),
            id="disrupted pods are not counted",
        ),
        pytest.param(
            make_budget("b", labelled(app="x"), 1, "p1"), (["p1", "p2"], 0), id="nor use the budget up"
        ),
        pytest.param(
            make_budget("b", {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["z"]}]}),
            (["p0", "p3"], 1),
            id="a pod without labels matches nothing",
        ),
    ],
)
def test_pods_whose_eviction_breaks_a_budget_come_back_first(
    budget: objects.PodDisruptionBudget, expected: tuple[list[str], int]
) -> None:
    # Half of the node is wanted: two of the four stay, violating ones first, then in their order.
    assert victims(crowd(budget), new("2")) == {"n": expected}


def test_a_pod_counts_against_every_budget_that_matches_it() -> None:
    cluster = crowd(make_budget("b1", labelled(app="x"), 2), make_budget("b2", labelled(tier="y"), 0))
    # p3 breaks b2 and has used up b1 for nobody: p3 first, then p0.
    assert victims(cluster, new("2")) == {"n": (["p1", "p2"], 0)}
    cluster = crowd(make_budget("b1", labelled(app="x"), 0), make_budget("b2", labelled(app="x"), 3))
    assert victims(cluster, new("2")) == {"n": (["p0", "p3"], 1)}


def test_a_budget_starts_anew_on_every_node() -> None:
    cluster = make_table(
        *(make_node(name).allocatable(cpu="1") for name in "ab"),
        *(old(f"p{name}", "1", 0, name).label(app="x") for name in "ab"),
        make_budget("b", labelled(app="x"), 1),
    )
    assert victims(cluster, new("1")) == {"a": (["pa"], 0), "b": (["pb"], 0)}


def test_a_budget_is_used_up_by_pods_that_stay_in_the_end() -> None:
    # p0 takes the one disruption, so p1 violates, comes back first, and p0 goes without violating.
    cluster = make_table(
        make_node("n").allocatable(cpu="2"),
        old("p0", priority=2).label(app="x"),
        old("p1", priority=1).label(app="x"),
        make_budget("b", labelled(app="x"), 1),
    )
    assert victims(cluster, new("1")) == {"n": (["p0"], 0)}


# ------------------------------------------------------------------ the choice


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        pytest.param(
            [old("w", "2", 0).label(app="x")], [old("b", "2", 9)], id="fewest violations before all else"
        ),
        pytest.param(
            [old("w", "2", 9)], [old(f"b{i}", "1", 8) for i in range(2)], id="lowest highest priority"
        ),
        pytest.param(
            [old("w0", "1", 9), old("w1", "1", 8)], [old("b0", "1", 9), old("b1", "1", 7)], id="lowest sum"
        ),
        pytest.param(
            [old(f"w{i}", "1", -9) for i in range(2)],
            [old("b", "2", -9)],
            id="more negative ones sum to more",
        ),
        pytest.param([old("w", "2", 9, start=EARLY)], [old("b", "2", 9, start=LATE)], id="latest start"),
        pytest.param(
            [old("w", "2", 9, start=LATE)], [old("b", "2", 9, start="")], id="not started is latest"
        ),
        pytest.param(
            [old("w0", "1", 9, start=EARLY), old("w1", "1", 8, start=LATE)],
            [old("b0", "1", 9, start=LATE), old("b1", "1", 8, start=EARLY)],
            id="only starts of the highest priority",
        ),
        pytest.param(
            [old("w0", "1", 9, start=LATE), old("w1", "1", 9, start=EARLY)],
            [old("b0", "1", 9, start=LATE), old("b1", "1", 9, start=LATE)],
            id="the earliest of a node",
        ),
    ],
)
@pytest.mark.parametrize(
    "names", [pytest.param(("a", "b"), id="worse-first"), pytest.param(("b", "a"), id="better-first")]
)
def test_the_better_node_is_nominated(
    worse: list[PodBuilder], better: list[PodBuilder], names: tuple[str, str]
) -> None:
    nodes = [make_node(name).allocatable(cpu="2") for name in "ab"]
    bad, good = names
    pods = [msgspec.convert(pod.raw, objects.Pod) for pod in (*worse, *better)]
    spots = [bad] * len(worse) + [good] * len(better)
    placed = [
        msgspec.structs.replace(pod, spec=msgspec.structs.replace(pod.spec, node_name=spot))
        for pod, spot in zip(pods, spots, strict=True)
    ]
    cluster = make_table(*nodes, *placed, make_budget("b", labelled(app="x")))
    answer = post_filter(cluster, new("2"))
    assert answer.status == status.SUCCESS
    assert answer.node == good
    assert answer.victims is not None
    assert {pod.name for pod in answer.victims.pods} == {pod.raw["metadata"]["name"] for pod in better}


def test_fewer_victims_are_better_where_their_sum_is_equal() -> None:
    # 2 x (-2^31 + 2^31) + (p + 2^31) == (p + 2^31): the third criterion cannot tell them apart.
    lowest = -(2**31)
    cluster = make_table(
        *(make_node(name).allocatable(cpu="3") for name in "ab"),
        old("a0", "1", 9, "a"),
        *(old(f"a{i}", "1", lowest, "a") for i in (1, 2)),
        old("b0", "3", 9, "b"),
    )
    assert post_filter(cluster, new("3")).node == "b"


def test_equal_nodes_are_all_candidates_and_the_first_is_nominated() -> None:
    cluster = make_table(
        *(make_node(name).allocatable(cpu="1") for name in "ab"), old("x", node="a"), old("y", node="b")
    )
    answer = post_filter(cluster, new("1"))
    assert list(answer.candidates) == ["a", "b"]
    assert answer.node == "a"


# ------------------------------------------------------------------ the refusals


def refusal(answer: interface.PostFiltered) -> str:
    assert answer.status.code == status.Code.UNSCHEDULABLE
    assert answer.node == ""
    assert not answer.candidates
    return answer.status.message


def test_a_pod_that_never_preempts_is_not_eligible() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="1"), old("p"))
    answer = post_filter(cluster, new("1").spec(preemptionPolicy="Never"))
    assert refusal(answer) == "preemption: not eligible due to preemptionPolicy=Never."
    assert not answer.clears


def preempted(pod: PodBuilder, reason: str = "PreemptionByScheduler", value: str = "True") -> PodBuilder:
    condition = {"type": "DisruptionTarget", "status": value, "reason": reason}
    return pod.terminating().status(conditions=[condition])


def test_a_nominated_pod_waits_for_its_victims() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="1"), make_node("m").allocatable(cpu="1"))
    cluster.set(preempted(old("going")).done())
    cluster.set(old("other", node="m").done())
    answer = post_filter(cluster, new("1").nominated("n"))
    assert refusal(answer) == "preemption: not eligible due to a terminating pod on the nominated node."
    assert not answer.clears
    assert post_filter(cluster, new("1")).candidates.keys() == {"n", "m"}


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(old("p").terminating(), id="terminating for another reason"),
        pytest.param(preempted(old("p"), "EvictionByEvictionAPI"), id="evicted by another"),
        pytest.param(preempted(old("p"), value="False"), id="condition false"),
        pytest.param(preempted(old("p", priority=100)), id="not of lower priority"),
        pytest.param(preempted(old("p", node="m")), id="on another node"),
    ],
)
def test_a_nominated_pod_waits_for_nobody_else(pod: PodBuilder) -> None:
    cluster = make_table(
        make_node("n").allocatable(cpu="1"), make_node("m").allocatable(cpu="1"), old("q", "0"), pod
    )
    answer = post_filter(cluster, new("1").nominated("n"))
    assert "not eligible" not in answer.status.message


def test_a_nominated_pod_whose_node_cannot_be_helped_looks_elsewhere() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="1"), make_node("m").allocatable(cpu="1"))
    cluster.set(preempted(old("going")).done())
    cluster.set(old("other", node="m").done())
    unresolvable = status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE
    answer = post_filter(cluster, new("1").nominated("n"), n=unresolvable)
    assert answer.candidates.keys() == {"m"}
    assert post_filter(cluster, new("1").nominated("unknown")).node


def test_a_victim_that_the_table_terminates_is_waited_for() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="1"), old("going"))
    cluster.terminate("uid-default-going")
    answer = post_filter(cluster, new("1").nominated("n"))
    assert refusal(answer) == "preemption: not eligible due to a terminating pod on the nominated node."


def test_the_sentence_counts_nodes_by_what_preemption_met_there() -> None:
    cluster = make_table(
        *(make_node(name).allocatable(cpu="1") for name in ("empty", "high", "small1", "small2", "off")),
        old("h", node="high", priority=100),
        old("s1", "500m", node="small1"),
        old("s2", "500m", node="small2"),
        old("o", node="off"),
    )
    answer = post_filter(cluster, new("2"), off=status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE)
    assert refusal(answer) == (
        "preemption: 0/5 nodes are available: 1 Preemption is not helpful for scheduling, "
        "2 Insufficient cpu, 2 No preemption victims found for incoming pod."
    )
    assert answer.clears


def test_where_no_node_can_be_helped_all_say_so() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="1"), old("p"))
    answer = post_filter(cluster, new("1"), n=status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE)
    assert refusal(answer) == (
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )


def test_a_filter_that_refuses_only_what_nobody_causes_is_an_error() -> None:
    # The pod fits, yet the cycle said it did not: everyone comes back and there is no victim.
    cluster = make_table(make_node("n").allocatable(cpu="2"), old("p"))
    answer = post_filter(cluster, new("1"), n=status.Code.UNSCHEDULABLE)
    assert answer.status == status.error('preemption: expected at least one victim pod on node "n"')


def test_the_arguments_have_no_effect() -> None:
    cluster = make_table(
        *(make_node(f"n{i}").allocatable(cpu="1") for i in range(3)),
        *(old(f"p{i}", node=f"n{i}") for i in range(3)),
    )
    incoming = cluster.project(new("1").done())
    few = config.DefaultPreemptionArgs(min_candidate_nodes_percentage=0, min_candidate_nodes_absolute=1)
    answer = default_preemption.DefaultPreemption(few).post_filter(incoming, StubAttempt(cluster, incoming))
    assert len(answer.candidates) == 3


def test_the_order_of_importance_of_many_pods_is_that_of_their_priorities_and_starts() -> None:
    rng = np.random.default_rng(7)
    priorities, days = rng.integers(-3, 3, 40), rng.permutation(28)[:10]
    cluster = make_table(
        make_node("n").allocatable(cpu="40"),
        *(
            old(f"p{i}", "1", int(priorities[i]), start=f"2026-01-{days[i % 10] + 1:02}T00:00:{i:02}Z")
            for i in range(40)
        ),
    )
    found = post_filter(cluster, new("40")).victims
    assert found is not None
    keys = [(-pod.priority, pod.start) for pod in found.pods]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param([0] * 15, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14", id="all equal"),
        pytest.param([1] * 15, "11 10 9 8 7 13 5 4 3 2 1 12 14 0 6", id="none started"),
        pytest.param([0, 2] * 10, "10 18 2 16 4 0 6 14 8 12 5 11 9 13 7 15 3 17 1 19", id="two kinds"),
        pytest.param(
            [3, 1] * 10, "11 7 13 15 17 3 19 1 9 5 2 18 4 16 0 14 6 12 8 10", id="two kinds, none started"
        ),
        pytest.param([1] * 12, "11 10 9 8 7 6 5 4 3 2 1 0", id="a dozen by insertion"),
    ],
)
def test_pods_that_are_equal_are_tried_in_the_order_of_gos_sort(keys: list[int], expected: str) -> None:
    # What sort.Slice of Go 1.26 made of them, with less(a, b) = a < b or (a == b and a is odd).
    order = unstable.order(np.array(keys, np.int32).tobytes())
    assert order.tolist() == [int(i) for i in expected.split()]


def test_the_ties_of_a_crowded_node_are_broken_as_gos_sort_breaks_them() -> None:
    cluster = make_table(
        *(make_node(name).allocatable(cpu="15") for name in "ab"),
        *(old(f"a{i}", node="a", start="") for i in range(15)),
        *(old(f"b{i}", node="b") for i in range(15)),
    )
    found = victims(cluster, new("3"))
    assert found["a"][0] == ["a14", "a0", "a6"]  # the last three of "none started" above
    assert found["b"][0] == ["b12", "b13", "b14"]
