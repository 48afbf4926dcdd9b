"""Why a pod fits nowhere, in kube-scheduler's words."""

from collections import Counter

import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.engine import cycle, failure
from stowage.framework import interface, status
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod, make_table
from tests.property import model, strategies

PROFILE = model.default_profile()


def failed(pod: PodBuilder, *parts: PodBuilder | NodeBuilder | objects.Object) -> failure.Failure:
    return of_table(pod, make_table(*parts))


def of_table(pod: PodBuilder, cluster: table.Table) -> failure.Failure:
    outcome = cycle.Engine(cluster, [PROFILE]).schedule(cluster.project(strategies.done(pod)))
    assert outcome.node == ""
    assert outcome.failure is not None
    return outcome.failure


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        pytest.param(failure.Failure(0), "no nodes available to schedule pods", id="no-nodes"),
        pytest.param(
            failure.Failure(3, status.unresolvable("pod affinity terms conflict")),
            "0/3 nodes are available: pod affinity terms conflict.",
            id="prefilter",
        ),
        pytest.param(
            failure.Failure(12, reasons=Counter({"Too many pods": 2, "Insufficient cpu": 10})),
            "0/12 nodes are available: 10 Insufficient cpu, 2 Too many pods.",
            id="sorted-as-text",
        ),
        pytest.param(
            failure.Failure(
                2,
                reasons=Counter({"b": 1, "a": 1}),
                post=interface.PostFiltered(status.unschedulable("preemption: no")),
            ),
            "0/2 nodes are available: 1 a, 1 b. preemption: no",
            id="post-filter",
        ),
    ],
)
def test_the_sentence(found: failure.Failure, sentence: str) -> None:
    assert found.sentence == sentence


def test_every_reason_counts_the_nodes_that_gave_it() -> None:
    found = failed(
        make_pod("p").cpu("3").memory("6Gi"),
        make_node("small").allocatable(cpu="1", memory="1Gi"),
        make_node("thin").allocatable(cpu="4", memory="1Gi"),
        make_node("tainted").taint("k", "NoSchedule"),
    )
    assert found.reasons == {
        "Insufficient cpu": 1,
        "Insufficient memory": 2,
        "node(s) had untolerated taint(s)": 1,
    }
    assert found.plugins == ("TaintToleration", "NodeResourcesFit")
    assert found.sentence.startswith(
        "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), "
        "2 Insufficient memory."
    )


def test_the_first_filter_in_order_gives_the_reason() -> None:
    node = make_node("n").taint("k", "NoSchedule").allocatable(cpu="1")
    found = failed(make_pod("p").cpu("3"), node)
    assert found.reasons == {"node(s) had untolerated taint(s)": 1}


def test_nodes_that_prefilter_left_out_are_told_by_the_plugin_that_did() -> None:
    pod = strategies.TEMPLATES["named"](make_pod("p"))
    found = failed(pod, make_node("n0").taint("k", "NoSchedule"), make_node("elsewhere"), make_node("far"))
    assert found.reasons == {
        "node(s) had untolerated taint(s)": 1,
        "node(s) didn't satisfy plugin(s) [NodeAffinity]": 2,
    }


def test_a_gone_node_is_not_counted() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="1"), make_node("m").allocatable(cpu="1"))
    cluster.remove_node("m")
    assert of_table(make_pod("p").cpu("3"), cluster).nodes == 1


def test_without_nodes_there_is_nothing_to_preempt() -> None:
    found = of_table(make_pod("p"), table.Table())
    assert found.sentence == "no nodes available to schedule pods"
    assert found.post is None
