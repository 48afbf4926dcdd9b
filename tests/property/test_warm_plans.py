"""Each kind of pod has a plan that is kept while pods of each kind come, terminate and go, one and many."""

import pytest

from stowage.api import objects
from stowage.engine import cycle, measures
from stowage.engine import plan as plans
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.property import model, strategies

PROFILE = model.default_profile()
TEMPLATES = sorted(strategies.TEMPLATES)


def cluster() -> cycle.Engine:
    """Four nodes in two zones, one of them tainted and one of them bare, with two pods of each app."""
    nodes = [
        make_node("n0").zone("za").label("disk", "ssd").allocatable(cpu="64", memory="64Gi"),
        make_node("n1").zone("za").label("disk", "hdd").taint("k", "PreferNoSchedule"),
        make_node("n2").zone("zb").label("disk", "ssd").taint("k", "NoSchedule"),
        make_node("n3"),
    ]
    for node in nodes:
        node.allocatable(**{strategies.GPU: "8"})
    placed = [
        make_pod(f"{app}-{i}").label(app=app).cpu("100m").on(f"n{i}")
        for i, app in enumerate((*strategies.APPS, *strategies.APPS[:1]))
    ]
    table = make_table(*strategies.usual_outside(), *nodes, *placed, strategies.csi_node("n0", 5))
    table.set(strategies.replica_set("rs", strategies.app("web")))
    return cycle.Engine(table, [PROFILE])


def kinds() -> list[PodBuilder]:
    """A pod of each kind in either namespace."""
    return [
        strategies.pending(template, f"{template}-{namespace}", namespace)
        for template in TEMPLATES
        for namespace in strategies.NAMESPACES
    ]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_plan_follows_every_kind_of_pod(template: str) -> None:
    engine = cluster()
    table = engine.cluster
    asked = strategies.done(strategies.pending(template))
    others = [(table.project(strategies.done(pod)), i % 4) for i, pod in enumerate(kinds())]
    equal(engine, asked)
    builds = engine.work.builds
    for other, at in others:
        row = table.row_of[f"n{at}"]
        table.add_pod(other, row)
        equal(engine, asked)
        if at % 2:
            table.terminate(other.uid)
            equal(engine, asked)
        table.remove_pod(other.uid)
        equal(engine, asked)
    # Claims that come and go may need a plan built anew; everything else is followed.
    assert engine.work.builds - builds <= len(others)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_plan_follows_many_pods_at_once(template: str) -> None:
    engine = cluster()
    table = engine.cluster
    asked = strategies.done(strategies.pending(template))
    equal(engine, asked)
    others = [table.project(strategies.done(pod)) for pod in kinds()]
    for i, other in enumerate(others):
        table.add_pod(other, table.row_of[f"n{i % 4}"])
    equal(engine, asked)
    for other in others[::2]:
        table.remove_pod(other.uid)
    equal(engine, asked)
    for other in others[1::2]:
        table.remove_pod(other.uid)
        table.add_pod(other, table.row_of["n0"])
    equal(engine, asked)


def equal(engine: cycle.Engine, asked: objects.Pod) -> None:
    """The plan kept, and one made afresh."""
    incoming = engine.cluster.project(asked)
    cold = plans.Plan(PROFILE, incoming, engine.cluster, measures.Work())
    assert model.answers(engine.plan(incoming)) == model.answers(cold)
