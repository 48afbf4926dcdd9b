"""The table depends on the objects alone: not on their order, nor on how often they are told."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stowage.api import objects
from stowage.cluster import table
from stowage.engine import measures
from stowage.engine import plan as plans
from tests.property import model, strategies

PROFILE = model.default_profile()


@st.composite
def clusters(draw: st.DrawFn) -> list[objects.Object]:
    """Distinct objects: nodes, pods bound (some to no node) and nominated, and what is around them."""
    found = [*strategies.usual_outside(), *draw(st.lists(strategies.outside, max_size=4))]
    unique = {(type(item), item.metadata.namespace, item.metadata.name): item for item in found}
    bound = [
        draw(strategies.pods(f"bound-{i}")).on(draw(strategies.names)) for i in range(draw(st.integers(0, 6)))
    ]
    waiting = [
        draw(strategies.pods(f"waits-{i}")).nominated(draw(strategies.names))
        for i in range(draw(st.integers(0, 2)))
    ]
    nodes = [draw(strategies.nodes(name)).done() for name in strategies.NODES[: draw(st.integers(0, 4))]]
    return [*unique.values(), *nodes, *map(strategies.done, (*bound, *waiting))]


def table_of(items: list[objects.Object]) -> table.Table:
    cluster = table.Table()
    for item in items:
        cluster.set(item)
    return cluster


@settings(max_examples=40)
@given(items=clusters(), data=st.data())
def test_the_order_of_the_objects_does_not_matter(items: list[objects.Object], data: st.DataObject) -> None:
    one, other = table_of(items), table_of(data.draw(st.permutations(items)))
    model.consistent(one)
    assert model.described(one) == model.described(other)
    for template in data.draw(st.lists(strategies.templates, min_size=3, max_size=3)):
        pod = strategies.done(strategies.pending(template))
        answers = [
            model.answers(plans.Plan(PROFILE, each.project(pod), each, measures.Work()))
            for each in (one, other)
        ]
        assert answers[0] == answers[1]


@settings(max_examples=40)
@given(items=clusters())
def test_a_node_or_pod_told_again_leaves_no_trace(items: list[objects.Object]) -> None:
    cluster = table_of(items)
    sequence, epochs = cluster.log.sequence, dict(cluster.outside.epochs)
    before = model.columns(cluster)
    for item in items:
        if isinstance(item, objects.Node | objects.Pod):
            cluster.set(item)
    assert (cluster.log.sequence, cluster.outside.epochs) == (sequence, epochs)
    assert model.columns(cluster) == before


@settings(max_examples=40)
@given(items=clusters(), data=st.data())
def test_what_is_removed_is_as_if_it_had_never_been(items: list[objects.Object], data: st.DataObject) -> None:
    cluster = table_of(items)
    gone = data.draw(st.lists(st.sampled_from(items), unique_by=id))
    for item in gone:
        cluster.remove(item)
        cluster.remove(item)  # a second time is no error
    model.consistent(cluster)
    left = table_of([item for item in items if item not in gone])
    assert model.described(cluster) == model.described(left)
