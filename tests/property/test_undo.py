"""A trial that is undone leaves the table as it was: every column, every slot, and what plans say."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stowage.cluster import table
from stowage.engine import cycle, measures
from stowage.engine import plan as plans
from tests.builders import make_node, make_pod, make_table
from tests.property import model, strategies

TEMPLATES = ("plain", "spread", "soft", "near", "apart", "would", "port", "claim", "disk", "images")
PROFILE = model.default_profile()


def small_cluster(data: st.DataObject) -> table.Table:
    """Nodes, and pods of which some are bound to a node that does not exist."""
    cluster = table.Table()
    for item in strategies.usual_outside():
        cluster.set(item)
    for name in strategies.NODES[:3]:
        cluster.set(data.draw(strategies.nodes(name)).done())
    for i in range(data.draw(st.integers(0, 6))):
        pod = data.draw(strategies.pods(f"old-{i}")).on(data.draw(strategies.names))
        cluster.set(strategies.done(pod))
    if data.draw(st.booleans()):
        cluster.set(strategies.done(data.draw(strategies.pods("waits")).nominated("n0")))
    return cluster


def adds(cluster: table.Table, data: st.DataObject, name: str) -> None:
    row = data.draw(st.sampled_from(sorted(cluster.row_of.values())))
    cluster.add_pod(cluster.project(strategies.done(data.draw(strategies.pods(name)))), row)


def removes(cluster: table.Table, data: st.DataObject, name: str) -> None:
    if cluster.pods.by_uid:
        cluster.remove_pod(data.draw(st.sampled_from(sorted(cluster.pods.by_uid))))


def terminates(cluster: table.Table, data: st.DataObject, name: str) -> None:
    if cluster.pods.by_uid:
        cluster.terminate(data.draw(st.sampled_from(sorted(cluster.pods.by_uid))))


ACTIONS: tuple[Callable[[table.Table, st.DataObject, str], None], ...] = (adds, removes, terminates)


def equal_plans(engine: cycle.Engine) -> None:
    cluster = engine.cluster
    for template in TEMPLATES:
        incoming = cluster.project(strategies.done(strategies.pending(template)))
        cold = plans.Plan(PROFILE, incoming, cluster, measures.Work())
        assert (template, model.answers(engine.plan(incoming))) == (template, model.answers(cold))


@settings(max_examples=40)
@given(data=st.data())
def test_a_trial_undone_leaves_no_trace(data: st.DataObject) -> None:
    cluster = small_cluster(data)
    engine = cycle.Engine(cluster, [PROFILE])
    equal_plans(engine)
    before = model.columns(cluster)
    cluster.begin_trial()
    for i in range(data.draw(st.integers(1, 8))):
        data.draw(st.sampled_from(ACTIONS))(cluster, data, f"new-{i}")
    equal_plans(engine)
    cluster.undo_trial()
    assert model.columns(cluster) == before
    model.consistent(cluster)
    equal_plans(engine)


def test_the_pod_of_a_missing_node_that_is_terminated_and_restored_keeps_its_row() -> None:
    cluster = make_table(make_pod("a").on("ghost").cpu("1"), make_node("n"))
    before = model.columns(cluster)
    cluster.begin_trial()
    cluster.terminate("uid-default-a")
    cluster.undo_trial()
    assert model.columns(cluster) == before
    cluster.set(make_node("other").done())
    assert cluster.requested[0, cluster.row_of["other"]] == 0


def test_a_kept_trial_frees_the_row_of_a_missing_node() -> None:
    cluster = make_table(make_pod("a").on("ghost"), make_node("n"))
    cluster.begin_trial()
    cluster.remove_pod("uid-default-a")
    assert "ghost" in cluster.row_of
    cluster.keep_trial()
    assert "ghost" not in cluster.row_of
    cluster.set(make_node("other").done())
    assert cluster.size == 2


def test_a_restored_pod_keeps_its_slot_its_priority_and_its_start() -> None:
    pod = make_pod("a").on("n").priority(7).start("2026-01-01T00:00:00Z")
    cluster = make_table(make_node("n"), pod, make_pod("b").on("n"))
    slots = dict(cluster.pods.by_uid)
    cluster.begin_trial()
    cluster.remove_pod("uid-default-b")
    cluster.remove_pod("uid-default-a")
    cluster.undo_trial()
    assert cluster.pods.by_uid == slots
    held = cluster.held(slots["uid-default-a"])
    assert (held.priority, held.start) == (7, 1767225600)


def test_trials_do_not_nest() -> None:
    cluster = make_table(make_node("n"))
    cluster.begin_trial()
    with pytest.raises(RuntimeError, match="a trial is open already"):
        cluster.begin_trial()


def test_a_nomination_given_up_within_a_trial_is_restored() -> None:
    pending = make_pod("a").nominated("n").done()
    cluster = make_table(make_node("n"), pending)
    cluster.begin_trial()
    cluster.add_pod(cluster.project(pending), cluster.row_of["n"])
    assert cluster.nominations == {}
    cluster.undo_trial()
    assert [node for _, node in cluster.nominations.values()] == ["n"]


def test_a_pod_that_is_assumed_is_nominated_no_more() -> None:
    pending = strategies.done(make_pod("a").nominated("n"))
    cluster = make_table(make_node("n"), pending)
    engine = cycle.Engine(cluster, [PROFILE])
    outcome = engine.schedule(cluster.project(pending))
    assert outcome.node == "n"
    assert cluster.nominations == {}
    # Seen again as it is bound, it still is not.
    bound = msgspec.structs.replace(pending, spec=msgspec.structs.replace(pending.spec, node_name="n"))
    cluster.set(bound)
    assert cluster.nominations == {}
