"""Why a pod fits nowhere, in kube-scheduler's words."""

import copy
from collections import Counter

import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.engine import cycle, failure
from stowage.framework import interface, overlay, status
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


# ---------------------------------------------------------------------------------- who rejected it

NAMED = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]},
            ]
        }
    }
}


def test_the_plugins_that_rejected_some_node_are_named() -> None:
    nodes = (make_node("a").allocatable(cpu="1"), make_node("b").taint("x", "NoSchedule"))
    found = failed(make_pod("p").cpu("2"), *nodes)
    assert set(found.plugins) == {"NodeResourcesFit", "TaintToleration"}
    assert found.pending == ()


def test_a_plugin_that_left_nodes_out_is_named_beside_those_that_rejected_the_rest() -> None:
    found = failed(make_pod("p").cpu("64").spec(affinity=NAMED), make_node("a"), make_node("b"))
    assert found.plugins == ("NodeAffinity", "NodeResourcesFit")


def test_a_plugin_that_refused_the_pod_is_named_alone() -> None:
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "missing"}}
    found = failed(make_pod("p").spec(volumes=[claim], affinity=NAMED), make_node("a"))
    assert found.plugins == ("VolumeRestrictions",)


def test_without_nodes_nobody_rejected_the_pod() -> None:
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "missing"}}
    found = failed(make_pod("p").spec(volumes=[claim]))
    assert found.plugins == ()
    assert found.sentence == failure.NO_NODES


class Waits(interface.FilterPlugin):
    name = "Waits"

    def filter(
        self, state: object, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        return 1

    def explain(self, state: object, cluster: table.Table, code: int) -> status.Status:
        return status.Status(status.Code.PENDING, ("wait",))


def test_a_plugin_that_asks_to_wait_is_named_as_pending_too() -> None:
    chain = copy.copy(PROFILE)
    chain.filter = (*PROFILE.filter, Waits())
    cluster = make_table(make_node("a"), make_node("b").taint("x", "NoSchedule"))
    found = cycle.Engine(cluster, [chain]).schedule(cluster.project(strategies.done(make_pod("p")))).failure
    assert found is not None
    assert set(found.plugins) == {"TaintToleration", "Waits"}
    assert found.pending == ("Waits",)
