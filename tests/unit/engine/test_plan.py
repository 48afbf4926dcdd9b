"""A plan: which plugins run for it, and by which way it is brought up to date."""

from typing import Any, ClassVar

import numpy as np
import pytest

from stowage.cluster import log, pods, table
from stowage.engine import cycle, explain, measures
from stowage.engine import plan as plans
from stowage.framework import interface, overlay, profile, status
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.property import model, strategies


class Sleepy(interface.PreFilterPlugin, interface.FilterPlugin, interface.ScorePlugin):
    """Skips its filter, or its score, or neither; refuses and praises node `a`."""

    name: ClassVar[str] = "Sleepy"
    reads: ClassVar[frozenset[str]] = frozenset({"names"})

    def __init__(self, skips: str) -> None:
        self.skips = skips

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        return status.SKIP if self.skips == "filter" else interface.PreFiltered()

    def filter(
        self, state: Any, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        return np.array([name == "a" for name in cluster.names], np.int64)[rows]

    def explain(self, state: Any, cluster: table.Table, code: int) -> status.Status:
        return status.unschedulable("it is a")

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> Any:
        return status.SKIP if self.skips == "score" else pod

    def score(self, state: Any, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        return 100 * np.array([name == "a" for name in cluster.names], np.int64)[rows]


def chain_with(plugin: Any, weight: int = 50) -> profile.Profile:
    chain = model.default_profile()
    if isinstance(plugin, interface.PreFilterPlugin):
        chain.pre_filter = (*chain.pre_filter, plugin)
    if isinstance(plugin, interface.FilterPlugin):
        chain.filter = (*chain.filter, plugin)
    if isinstance(plugin, interface.ScorePlugin):
        chain.score = (*chain.score, plugin)
        chain.weights = {**chain.weights, plugin.name: weight}
    return chain


def incoming(cluster: table.Table, pod: PodBuilder) -> pods.Incoming:
    return cluster.project(strategies.done(pod))


@pytest.mark.parametrize(
    ("skips", "feasible", "best"),
    [
        pytest.param("filter", ["a", "b", "c"], ["a"], id="filter-only"),
        pytest.param("score", ["b", "c"], ["b", "c"], id="score-only"),
        pytest.param("", ["b", "c"], ["b", "c"], id="neither"),
    ],
)
def test_filter_and_score_are_skipped_each_by_itself(
    skips: str, feasible: list[str], best: list[str]
) -> None:
    cluster = make_table(make_node("a"), make_node("b"), make_node("c"))
    engine = cycle.Engine(cluster, [chain_with(Sleepy(skips))])
    pod = incoming(cluster, make_pod("p"))
    account = explain.explain(engine.attempt(engine.plan(pod), pod), measures.Timer())
    assert [cluster.names[row] for row in account.feasible.tolist()] == feasible
    assert account.best == best
    assert ("Sleepy" in [each.plugin for each in account.verdicts]) == (skips != "filter")
    assert ("Sleepy" in [each.plugin for each in account.scores]) == (skips != "score")


class Only(interface.PreFilterPlugin):
    """Leaves some nodes to look at."""

    name: ClassVar[str] = "Only"

    def __init__(self, *nodes: str, name: str = "Only") -> None:
        self.nodes = frozenset(nodes)
        self.name = name  # type: ignore[misc]

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered:
        return interface.PreFiltered(None, self.nodes)


@pytest.mark.parametrize(
    ("restricting", "message"),
    [
        pytest.param([Only()], "node(s) didn't satisfy plugin Only", id="one"),
        pytest.param(
            [Only("a", name="Two"), Only("b", name="One")],
            "node(s) didn't satisfy plugin(s) [One Two] simultaneously",
            id="several",
        ),
    ],
)
def test_nothing_left_by_prefilter_refuses_the_pod(restricting: list[Only], message: str) -> None:
    cluster = make_table(make_node("a"), make_node("b"))
    chain = model.default_profile()
    chain.pre_filter = (*chain.pre_filter, *restricting)
    plan = plans_of(cluster, chain, make_pod("p"))
    assert plan.refusal is not None
    assert plan.refusal.reasons == (message,)
    assert plan.refusal.code is status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE


def plans_of(cluster: table.Table, chain: profile.Profile, pod: PodBuilder) -> plans.Plan:
    return cycle.Engine(cluster, [chain]).plan(incoming(cluster, pod))


def test_nodes_left_by_all_prefilters_are_the_only_ones_feasible() -> None:
    cluster = make_table(*(make_node(name) for name in "abc"))
    chain = model.default_profile()
    chain.pre_filter = (*chain.pre_filter, Only("a", "b"), Only("b", "c", "unknown"))
    plan = plans_of(cluster, chain, make_pod("p"))
    assert plan.feasible().tolist() == [False, True, False]


class Refusing(interface.PreFilterPlugin):
    name: ClassVar[str] = "Refusing"

    def __init__(self, own: str, code: status.Code) -> None:
        self.name = own  # type: ignore[misc]
        self.verdict = status.Status(code, (f"{own} says no",))

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> status.Status:
        return self.verdict


SOFT, FINAL = status.Code.UNSCHEDULABLE, status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE


@pytest.mark.parametrize(
    ("codes", "by"),
    [
        pytest.param([SOFT, SOFT], "P1", id="the-last-unschedulable-wins"),
        pytest.param([FINAL, SOFT], "P0", id="unresolvable-ends-it"),
        pytest.param([SOFT, FINAL, SOFT], "P1", id="unresolvable-after-another"),
    ],
)
def test_which_refusal_of_prefilter_counts(codes: list[status.Code], by: str) -> None:
    chain = model.default_profile()
    refusing = (Refusing(f"P{i}", code) for i, code in enumerate(codes))
    chain.pre_filter = (*chain.pre_filter, *refusing)
    plan = plans_of(make_table(make_node("a")), chain, make_pod("p"))
    assert plan.refusal is not None
    assert plan.refusal.plugin == by


# -------------------------------------------------------------------------------------- up to date

PLAIN, SPREADING = make_pod("p").cpu("100m"), strategies.pending("spread")


def watched(pod: PodBuilder, nodes: int = 200) -> tuple[cycle.Engine, pods.Incoming]:
    """An engine with a plan for the pod, on nodes of two zones."""
    cluster = make_table(*(make_node(f"n{i}").zone(("za", "zb")[i % 2]) for i in range(nodes)))
    engine = cycle.Engine(cluster, [model.default_profile()])
    asked = incoming(cluster, pod)
    engine.plan(asked)
    return engine, asked


def work(engine: cycle.Engine, asked: pods.Incoming) -> tuple[int, int]:
    """(builds, rows brought up to date) that it takes to bring the plan up to date, which is checked."""
    before = engine.work.builds, engine.work.rows
    plan = engine.plan(asked)
    done = engine.work.builds - before[0], engine.work.rows - before[1]
    cold = plans.Plan(engine.profiles["default-scheduler"], asked, engine.cluster, measures.Work())
    assert model.answers(plan) == model.answers(cold)
    return done


def add(engine: cycle.Engine, count: int, start: int = 0) -> None:
    for i in range(start, start + count):
        pod = make_pod(f"old-{i}").cpu("1").label(app="web")
        engine.cluster.add_pod(incoming(engine.cluster, pod), i)


@pytest.mark.parametrize("pod", [PLAIN, SPREADING], ids=["plain", "spreading"])
def test_a_plan_that_is_up_to_date_costs_nothing(pod: PodBuilder) -> None:
    engine, asked = watched(pod)
    assert work(engine, asked) == (0, 0)


@pytest.mark.parametrize("pod", [PLAIN, SPREADING], ids=["plain", "spreading"])
def test_one_pod_costs_one_row(pod: PodBuilder) -> None:
    engine, asked = watched(pod)
    add(engine, 1)
    assert work(engine, asked) == (0, 1)


@pytest.mark.parametrize("pod", [PLAIN, SPREADING], ids=["plain", "spreading"])
def test_some_pods_cost_their_rows(pod: PodBuilder) -> None:
    engine, asked = watched(pod)
    add(engine, 40)
    assert work(engine, asked) == (0, 40)


def test_pods_on_one_row_cost_one_row() -> None:
    engine, asked = watched(PLAIN)
    for i in range(20):
        pod = incoming(engine.cluster, make_pod(f"old-{i}"))
        engine.cluster.add_pod(pod, 3)
    assert work(engine, asked) == (0, 1)


def test_more_than_a_share_of_the_rows_is_built_anew() -> None:
    engine, asked = watched(PLAIN)
    add(engine, 100)
    assert work(engine, asked) == (1, 0)


def test_a_changed_node_costs_its_row() -> None:
    engine, asked = watched(PLAIN)
    engine.cluster.set(make_node("n3").zone("zb").taint("k", "NoSchedule").done())
    assert work(engine, asked) == (0, 1)


def test_a_relabelled_node_builds_what_counts_domains_anew() -> None:
    engine, asked = watched(SPREADING)
    engine.cluster.set(make_node("n3").zone("elsewhere").done())
    assert work(engine, asked) == (1, 0)


def test_a_resized_node_costs_a_row_even_there() -> None:
    engine, asked = watched(SPREADING)
    labels = engine.cluster.labels.get(3)
    node = make_node("n3").allocatable(cpu="64")
    node.raw["metadata"]["labels"] = labels
    engine.cluster.set(node.done())
    assert work(engine, asked) == (0, 1)


@pytest.mark.parametrize("change", ["node", "namespace", "storage"])
def test_what_changes_around_builds_anew(change: str) -> None:
    engine, asked = watched(PLAIN)
    items = {
        "node": make_node("new").done(),
        "namespace": strategies.namespace("new", {}),
        "storage": strategies.storage_class(),
    }
    engine.cluster.set(items[change])
    assert work(engine, asked)[0] == 1


def test_a_plan_older_than_the_log_is_built_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log.Log, "LIMIT", 1024)
    engine, asked = watched(PLAIN)
    for i in range(1100):
        pod = incoming(engine.cluster, make_pod(f"old-{i}"))
        engine.cluster.add_pod(pod, 3)
    assert engine.cluster.log.base > 0
    assert work(engine, asked) == (1, 0)


def test_choosing_from_pages_passes_over_no_row() -> None:
    engine, _ = watched(PLAIN)
    passes = engine.work.passes
    for i in range(10):
        engine.schedule(incoming(engine.cluster, make_pod(f"p{i}").cpu("100m")))
    assert engine.work.passes == passes
