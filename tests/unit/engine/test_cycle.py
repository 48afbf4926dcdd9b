"""The cycle: what is chosen, what is tried where, and the extension points around a binding."""

from typing import Any, ClassVar

import numpy as np
import pytest

from stowage.cluster import pods, table
from stowage.engine import cycle
from stowage.framework import interface, overlay, status
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.property import model, strategies


def incoming(cluster: table.Table, pod: PodBuilder) -> pods.Incoming:
    return cluster.project(strategies.done(pod))


def engine_on(cluster: table.Table, **more: Any) -> cycle.Engine:
    return cycle.Engine(cluster, [model.default_profile()], **more)


def place(engine: cycle.Engine, pod: PodBuilder) -> cycle.Outcome:
    return engine.schedule(incoming(engine.cluster, pod))


# ----------------------------------------------------------------------------------------- choosing


def test_the_node_with_the_highest_total_is_taken() -> None:
    cluster = make_table(make_node("full"), make_node("empty"), make_pod("a").cpu("3").on("full"))
    assert place(engine_on(cluster), make_pod("p").cpu("500m")).node == "empty"


def test_each_pod_sees_the_one_before() -> None:
    cluster = make_table(make_node("a"), make_node("b"))
    engine = engine_on(cluster)
    nodes = {place(engine, make_pod(f"p{i}").cpu("1")).node for i in range(2)}
    assert nodes == {"a", "b"}


def test_a_choice_of_one_needs_no_draw() -> None:
    engine = engine_on(make_table(make_node("only"), make_node("full").allocatable(pods="0")))
    before = engine.rng.getstate()
    outcome = place(engine, make_pod("p"))
    assert (outcome.node, outcome.ties) == ("only", 1)
    assert engine.rng.getstate() == before


def test_the_decision_is_recorded() -> None:
    cluster = make_table(make_node("n"))
    engine = engine_on(cluster)
    placed = place(engine, make_pod("p"))
    place(engine, make_pod("q").cpu("64"))
    first, second = engine.records
    assert (first.pod, first.row, first.incarnation) == ("default/p", 0, 1)
    assert (first.total, first.ties) == (placed.total, 1)
    assert (second.pod, second.row) == ("default/q", -1)
    assert second.sequence == first.sequence + 1


def test_bindings_go_to_the_binder() -> None:
    recorder = cycle.Recorder()
    place(engine_on(make_table(make_node("n")), binder=recorder), make_pod("p"))
    assert recorder.bindings == [("default/p", "n")]


# --------------------------------------------------------------------------------------- sampling


@pytest.mark.parametrize(
    ("percentage", "nodes", "wanted"),
    [
        pytest.param(50, 99, 99, id="small-clusters-whole"),
        pytest.param(10, 500, 100, id="never-fewer-than-100"),
        pytest.param(40, 1000, 400, id="the-percentage"),
        pytest.param(0, 1000, 420, id="adaptive"),  # 50 - 1000/125 = 42 %
        pytest.param(0, 6000, 300, id="adaptive-at-least-5"),  # 50 - 48 = 2, so 5 %
        pytest.param(100, 5000, 5000, id="all"),
    ],
)
def test_how_many_feasible_nodes_end_the_search(percentage: int, nodes: int, wanted: int) -> None:
    assert cycle.wanted_nodes(percentage, nodes) == wanted


def test_a_sampled_search_goes_on_where_the_last_one_ended() -> None:
    cluster = make_table(*(make_node(f"n{i:03}") for i in range(250)))
    engine = engine_on(cluster, percentage=40)
    rows = [place(engine, make_pod(f"p{i}").cpu("1")).row for i in range(3)]
    assert 0 <= rows[0] < 100 <= rows[1] < 200
    assert rows[2] >= 200 or rows[2] < 50
    assert all(record.feasible == 100 for record in engine.records)


def test_rows_without_a_node_are_no_part_of_a_sample() -> None:
    cluster = make_table(*(make_node(f"n{i:03}") for i in range(120)))
    for i in range(10):
        cluster.remove_node(f"n{i:03}")
    engine = engine_on(cluster, percentage=1)
    assert 10 <= place(engine, make_pod("p")).row < 110


# --------------------------------------------------------------------------------------- nominated


def nominated(name: str, node: str) -> PodBuilder:
    return make_pod(name).nominated(node).spec(schedulerName="default-scheduler")


def test_a_pod_is_placed_where_it_is_nominated_though_another_node_is_better() -> None:
    cluster = make_table(make_node("full"), make_node("empty"), make_pod("a").cpu("3").on("full"))
    assert place(engine_on(cluster), nominated("p", "full").cpu("500m")).node == "full"


def test_a_nomination_that_does_not_fit_is_passed_over() -> None:
    cluster = make_table(make_node("small").allocatable(cpu="1"), make_node("large"))
    assert place(engine_on(cluster), nominated("p", "small").cpu("2")).node == "large"


def test_a_nomination_to_a_node_that_is_gone_is_passed_over() -> None:
    cluster = make_table(make_node("n"), make_node("gone"))
    cluster.remove_node("gone")
    assert place(engine_on(cluster), nominated("p", "gone")).node == "n"


def test_room_is_kept_for_nominated_pods_of_the_same_or_a_higher_priority() -> None:
    cluster = make_table(make_node("n"), nominated("waits", "n").cpu("3").priority(5))
    engine = engine_on(cluster)
    assert place(engine, make_pod("p").cpu("2").priority(5)).node == ""
    assert place(engine, make_pod("q").cpu("2").priority(6)).node == "n"


def test_a_nominated_pod_keeps_no_room_from_itself() -> None:
    pod = nominated("waits", "n").cpu("3")
    assert place(engine_on(make_table(make_node("n"), pod)), pod).node == "n"


def test_a_pod_that_needs_a_nominated_neighbour_is_refused_as_it_may_never_come() -> None:
    # With the neighbour it would fit, without it it does not: both are asked.
    cluster = make_table(
        make_node("n").zone("za"), nominated("waits", "n").label(app="db").priority(9), make_node("m")
    )
    outcome = place(engine_on(cluster), strategies.TEMPLATES["near"](make_pod("p")))
    assert outcome.failure is not None
    assert outcome.failure.reasons == {"node(s) didn't match pod affinity rules": 2}


def test_a_nominated_pods_anti_affinity_counts_only_where_something_else_woke_the_plugin() -> None:
    # kube-scheduler's PreFilter of InterPodAffinity skips here, so nobody adds the nominated pod to it.
    apart = strategies.required("podAntiAffinity", strategies.term(strategies.HOSTNAME, strategies.app("x")))
    cluster = make_table(make_node("n"), nominated("waits", "n").spec(affinity=apart).priority(9))
    assert place(engine_on(cluster), make_pod("p").label(app="x")).node == "n"
    awake = make_table(
        make_node("n"),
        make_node("m").label("rack", "r"),
        nominated("waits", "n").spec(affinity=apart).priority(9),
        make_pod("placed").spec(affinity=apart).on("m"),
    )
    outcome = place(engine_on(awake), make_pod("p").label(app="x"))
    assert outcome.failure is not None
    assert outcome.failure.reasons == {"node(s) didn't satisfy existing pods anti-affinity rules": 2}


# ------------------------------------------------------------------------------------------- plans


def test_pods_that_ask_for_the_same_share_a_plan() -> None:
    cluster = make_table(make_node("n"))
    engine = engine_on(cluster)
    for i in range(5):
        place(engine, make_pod(f"p{i}").label(index=str(i)))
    assert engine.work.builds == 1


def test_a_selector_on_a_label_splits_the_plan() -> None:
    cluster = make_table(make_node("n"))
    engine = engine_on(cluster)
    place(engine, make_pod("p0").label(index="0"))
    cluster.project(strategies.done(make_pod("s").spec(topologySpreadConstraints=[by_index()])))
    assert engine.plan(incoming(cluster, make_pod("a").label(index="0"))) is not engine.plan(
        incoming(cluster, make_pod("b").label(index="1"))
    )


def by_index() -> dict[str, Any]:
    return strategies.spread(strategies.ZONE, True, {"matchLabels": {"index": "0"}})


def test_plans_not_used_for_longest_are_dropped_when_they_hold_too_much() -> None:
    cluster = make_table(make_node("n"))
    engine = engine_on(cluster)
    plan = engine.plan(incoming(cluster, make_pod("p").cpu("1")))
    engine.plan_bytes = 3 * plan.nbytes + plan.nbytes // 2
    for cpu in ("2", "3"):
        engine.plan(incoming(cluster, make_pod("p").cpu(cpu)))
    assert engine.plan(incoming(cluster, make_pod("p").cpu("1"))) is plan  # the freshest now
    for cpu in ("4", "5"):
        engine.plan(incoming(cluster, make_pod("p").cpu(cpu)))
    assert engine.work.builds == 5
    assert engine.plan(incoming(cluster, make_pod("p").cpu("1"))) is plan
    engine.plan(incoming(cluster, make_pod("p").cpu("2")))
    assert engine.work.builds == 6


def test_one_plan_is_kept_however_large_it_is() -> None:
    engine = engine_on(make_table(make_node("n")))
    engine.plan_bytes = 1
    for i in range(4):
        place(engine, make_pod(f"p{i}"))
    assert engine.work.builds == 1


def test_a_failure_that_nothing_can_have_changed_is_kept() -> None:
    engine = engine_on(make_table(make_node("n")))
    first = place(engine, make_pod("p").cpu("9")).failure
    assert place(engine, make_pod("q").cpu("9")).failure is first
    place(engine, make_pod("small"))
    assert place(engine, make_pod("r").cpu("9")).failure is not first


def test_one_cycle_in_ten_is_timed() -> None:
    engine = engine_on(make_table(make_node("n").allocatable(pods="1000")))
    for i in range(25):
        place(engine, make_pod(f"p{i}"))
    assert engine.timed == 3
    assert {"Choose", "Assume", "Bind"} <= engine.seconds.keys()


# ----------------------------------------------------------------------------------------- binding

calls: list[str] = []


class Witness(
    interface.ReservePlugin,
    interface.PermitPlugin,
    interface.PreBindPlugin,
    interface.BindPlugin,
    interface.PostBindPlugin,
):
    """Notes what it is called for, and refuses one of the points."""

    name: ClassVar[str] = "Witness"

    def __init__(self, own: str, refuses: str = "", code: status.Code = status.Code.UNSCHEDULABLE) -> None:
        self.own = own
        self.refuses = refuses
        self.code = code

    def _called(self, point: str) -> status.Status | None:
        calls.append(f"{point} {self.own}")
        return status.Status(self.code, ("no",)) if point == self.refuses else None

    def reserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        return self._called("reserve")

    def unreserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
        self._called("unreserve")

    def permit(
        self, pod: pods.Incoming, node: str, context: interface.BindContext
    ) -> tuple[status.Status | None, float]:
        return self._called("permit"), 0.0

    def pre_bind(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        return self._called("pre_bind")

    def bind(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        return self._called("bind")

    def post_bind(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
        self._called("post_bind")


def bind_with(*witnesses: Witness) -> tuple[cycle.Outcome, table.Table]:
    calls.clear()
    cluster = make_table(make_node("n"))
    chain = model.default_profile()
    chain.reserve = chain.permit = chain.pre_bind = chain.bind = chain.post_bind = witnesses
    engine = cycle.Engine(cluster, [chain])
    return place(engine, make_pod("p").cpu("1")), cluster


def test_the_points_of_a_binding_come_in_order() -> None:
    outcome, _ = bind_with(Witness("a"), Witness("b"))
    assert outcome.node == "n"
    assert calls == [
        *("reserve a", "reserve b", "permit a", "permit b", "pre_bind a", "pre_bind b"),
        *("bind a", "post_bind a", "post_bind b"),
    ]


@pytest.mark.parametrize("point", ["reserve", "permit", "pre_bind", "bind"])
def test_a_refusal_gives_back_what_was_reserved_in_reverse_order(point: str) -> None:
    outcome, cluster = bind_with(Witness("a", refuses=point), Witness("b"))
    assert outcome.node == ""
    assert outcome.rejected == status.Status(status.Code.UNSCHEDULABLE, ("no",), "Witness")
    assert calls[-2:] == ["unreserve b", "unreserve a"]
    assert "post_bind a" not in calls
    assert len(cluster.pods) == 0
    assert not cluster.requested.any()


def test_a_binder_that_skips_leaves_it_to_the_next() -> None:
    outcome, _ = bind_with(Witness("a", refuses="bind", code=status.Code.SKIP), Witness("b"))
    assert outcome.node == "n"
    assert [call for call in calls if call.startswith("bind")] == ["bind a", "bind b"]


def test_a_pod_that_waits_at_permit_is_bound() -> None:
    outcome, _ = bind_with(Witness("a", refuses="permit", code=status.Code.WAIT))
    assert outcome.node == "n"
    assert "bind a" in calls


# ------------------------------------------------------------------------------------ cycle plugins


def names_of(cluster: table.Table, rows: interface.Rows) -> list[str]:
    return [cluster.names[row] for row in np.arange(cluster.size)[rows].tolist()]


class Fickle(interface.PreFilterPlugin, interface.FilterPlugin, interface.ScorePlugin):
    """Answers what the test tells it to, for this cycle alone."""

    name: ClassVar[str] = "Fickle"
    kind: ClassVar[interface.Kind] = interface.Kind.CYCLE

    def __init__(self) -> None:
        self.allowed = {"a", "b"}
        self.best = "a"
        self.points = 100
        self.asked: list[str] = []

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        self.asked.append(pod.name)
        return interface.PreFiltered((pod.name, frozenset(self.allowed)))

    def filter(
        self, state: Any, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        return np.array([name not in state[1] for name in names_of(cluster, rows)], np.int64)

    def explain(self, state: Any, cluster: table.Table, code: int) -> status.Status:
        return status.unschedulable(f"not for {state[0]}")

    def score(self, state: Any, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        points = [self.points * (name == self.best) for name in names_of(cluster, rows)]
        return np.array(points, np.int64)


@pytest.fixture
def fickle() -> tuple[Fickle, cycle.Engine]:
    cluster = make_table(make_node("a"), make_node("b"))
    chain = model.default_profile()
    plugin = Fickle()
    chain.pre_filter = (*chain.pre_filter, plugin)
    chain.filter = (*chain.filter, plugin)
    chain.score = (*chain.score, plugin)
    chain.weights = {**chain.weights, "Fickle": 50}
    chain.cyclic = True
    return plugin, cycle.Engine(cluster, [chain])


def test_a_cycle_plugin_is_asked_for_every_pod(fickle: tuple[Fickle, cycle.Engine]) -> None:
    plugin, engine = fickle
    assert place(engine, make_pod("p")).node == "a"
    plugin.best = "b"
    assert place(engine, make_pod("q")).node == "b"
    plugin.allowed = {"a"}
    assert place(engine, make_pod("r")).node == "a"
    assert plugin.asked == ["p", "q", "r"]


def test_a_cycle_plugin_is_asked_anew_for_a_pod_that_is_tried_again(
    fickle: tuple[Fickle, cycle.Engine],
) -> None:
    plugin, engine = fickle
    plugin.allowed = set()
    pod = incoming(engine.cluster, make_pod("p"))
    outcome = engine.schedule(pod)
    assert outcome.failure is not None
    assert outcome.failure.reasons == {"not for p": 2}
    plugin.allowed = {"b"}
    assert engine.schedule(pod).node == "b"


def test_a_score_out_of_range_is_an_error(fickle: tuple[Fickle, cycle.Engine]) -> None:
    plugin, engine = fickle
    plugin.points = 101
    outcome = place(engine, make_pod("p"))
    assert outcome.rejected is not None
    assert outcome.rejected.code is status.Code.ERROR
    assert "invalid score 101" in outcome.rejected.message
    assert len(engine.cluster.pods) == 0


def test_one_feasible_node_is_not_scored(fickle: tuple[Fickle, cycle.Engine]) -> None:
    plugin, engine = fickle
    plugin.allowed = {"a"}
    plugin.points = 101
    assert place(engine, make_pod("p")).node == "a"
