"""NodePorts: which ports conflict, and the set of used ports through a dry run."""

import numpy as np
import pytest

from stowage.cluster import table
from stowage.framework import interface, overlay, status
from stowage.plugins import node_ports
from tests.builders import PodBuilder, make_node, make_pod, make_table

PLUGIN = node_ports.NodePorts()


def state_of(cluster: table.Table, pod: PodBuilder) -> node_ports.State:
    answer = PLUGIN.pre_filter(cluster.project(pod.done()), cluster)
    assert isinstance(answer, interface.PreFiltered)
    assert isinstance(answer.state, node_ports.State)
    return answer.state


def verdicts(cluster: table.Table, pod: PodBuilder) -> list[int]:
    answer = PLUGIN.filter(state_of(cluster, pod), cluster, slice(0, cluster.size), None)
    return [int(code) for code in np.asarray(answer)]


@pytest.mark.parametrize(
    ("held", "wanted", "taken"),
    [
        pytest.param((80, "TCP", "10.0.0.1"), (80, "TCP", "10.0.0.1"), True, id="the same"),
        pytest.param((80, "TCP", "10.0.0.1"), (80, "TCP", "10.0.0.2"), False, id="another address"),
        pytest.param((80, "TCP", "10.0.0.1"), (80, "TCP", "0.0.0.0"), True, id="all addresses are wanted"),
        pytest.param((80, "TCP", "0.0.0.0"), (80, "TCP", "10.0.0.1"), True, id="all addresses are held"),
        pytest.param((80, "TCP", ""), (80, "TCP", "10.0.0.1"), True, id="no address is all addresses"),
        pytest.param((80, "TCP", "::"), (80, "TCP", "10.0.0.1"), False, id=":: is an address like any other"),
        pytest.param((80, "TCP", "::"), (80, "TCP", ""), True, id=":: is one of all addresses"),
        pytest.param((80, "TCP", ""), (80, "UDP", ""), False, id="another protocol"),
        pytest.param((80, "SCTP", ""), (80, "SCTP", ""), True, id="SCTP"),
        pytest.param((80, "", ""), (80, "TCP", ""), True, id="no protocol is TCP"),
        pytest.param((80, "TCP", ""), (81, "TCP", ""), False, id="another port"),
    ],
)
def test_a_port_conflicts(held: tuple[int, str, str], wanted: tuple[int, str, str], taken: bool) -> None:
    cluster = make_table(make_node("n"), make_pod("old").host_port(*held).on("n"))
    assert verdicts(cluster, make_pod("new").host_port(*wanted)) == [taken]


def test_a_pod_without_host_ports_is_skipped() -> None:
    cluster = make_table(make_node("n"))
    pod = make_pod("new").spec(containers=[{"name": "c", "ports": [{"containerPort": 80}]}])
    assert PLUGIN.pre_filter(cluster.project(pod.done()), cluster) is status.SKIP


@pytest.mark.parametrize(
    ("policy", "taken"),
    [pytest.param("Always", True, id="sidecar"), pytest.param(None, False, id="plain")],
)
def test_only_a_restartable_init_container_holds_its_ports(policy: str | None, taken: bool) -> None:
    init = {"name": "init", "ports": [{"containerPort": 80, "hostPort": 80}]}
    if policy:
        init["restartPolicy"] = policy
    cluster = make_table(make_node("n"), make_pod("old").spec(initContainers=[init]).on("n"))
    assert verdicts(cluster, make_pod("new").host_port(80)) == [taken]
    incoming = cluster.project(make_pod("other").spec(initContainers=[init]).done())
    assert (PLUGIN.pre_filter(incoming, cluster) is status.SKIP) is not taken


def test_the_refusal_can_be_helped_by_evicting() -> None:
    cluster = make_table(make_node("n"))
    state = state_of(cluster, make_pod("new").host_port(80))
    assert PLUGIN.explain(state, cluster, node_ports.TAKEN) == status.unschedulable(
        "node(s) didn't have free ports for the requested pod ports"
    )


def test_a_state_that_advanced_is_as_a_new_one() -> None:
    cluster = make_table(make_node("a"), make_node("b"), make_pod("p0").host_port(80).on("a"))
    wanted = make_pod("new").host_port(80)
    state = state_of(cluster, wanted)

    cursor = cluster.log.sequence

    def advance(cursor: int) -> int:
        tail = cluster.log.since(cursor)
        assert tail is not None
        assert state.advance(cluster, tail)
        assert state.counts.tolist() == state_of(cluster, wanted).counts.tolist()
        return cluster.log.sequence

    cluster.set(make_pod("p1").host_port(80, ip="10.0.0.1").on("b").done())
    cursor = advance(cursor)
    cluster.remove_pod("uid-default-p0")
    cursor = advance(cursor)
    for i in range(20):  # more rows than the state knew
        cluster.set(make_node(f"n{i}").done())
        cluster.set(make_pod(f"q{i}").host_port(80 + i % 2).on(f"n{i}").done())
    advance(cursor)
    assert state.counts.sum() == 11


def dry_run(cluster: table.Table, *victims: str) -> overlay.Overlay:
    """All victims of row 0 gone, in the order in which they come back."""
    slots = [cluster.pods.by_uid[f"uid-default-{name}"] for name in victims]
    return overlay.Overlay(
        np.array([0]),
        np.zeros(len(slots), np.intp),
        cluster.pods.shapes[slots].astype(np.int64),
        cluster.pods.groups[slots].astype(np.int64),
        np.full(len(slots), -1, np.int64),
    )


def sharers() -> table.Table:
    return make_table(
        make_node("n"),
        *(make_pod(name).host_port(80).on("n") for name in ("high", "a", "b")),
        make_pod("other").host_port(443).on("n"),
    )


def test_removing_one_of_two_sharers_frees_the_port() -> None:
    cluster = sharers()
    change = dry_run(cluster, "a")
    state = state_of(cluster, make_pod("new").host_port(80))
    assert node_ports.taken_with(state, cluster, change).tolist() == [False]


def test_a_sharer_that_comes_back_takes_the_port_and_frees_it_when_it_goes_again() -> None:
    cluster = sharers()
    change = dry_run(cluster, "a", "b")
    state = state_of(cluster, make_pod("new").host_port(80))
    assert node_ports.taken_with(state, cluster, change).tolist() == [False]
    change.sign[0], change.turn[0] = 0, 1
    assert node_ports.taken_with(state, cluster, change).tolist() == [True]
    change.sign[1], change.turn[1] = 0, 2
    assert node_ports.taken_with(state, cluster, change).tolist() == [True]
    change.sign[1] = -1  # "a" is back and "high" was never gone: still free
    assert node_ports.taken_with(state, cluster, change).tolist() == [False]


def test_a_port_that_no_victim_holds_stays_taken() -> None:
    cluster = sharers()
    change = dry_run(cluster, "other")
    state = state_of(cluster, make_pod("new").host_port(80))
    assert node_ports.taken_with(state, cluster, change).tolist() == [True]
    both = state_of(cluster, make_pod("new2").host_port(80).host_port(443))
    assert node_ports.taken_with(both, cluster, change).tolist() == [True]


def test_a_nominated_pod_takes_its_port_after_all_victims_went() -> None:
    cluster = sharers()
    nominated = cluster.project(make_pod("nominated").host_port(80, ip="10.0.0.1").done())
    change = dry_run(cluster, "high", "a", "b").plus(overlay.of_pods([(nominated, 0)], 1))
    wanting = [make_pod("x").host_port(80), make_pod("y").host_port(80, ip="10.0.0.2")]
    taken = [node_ports.taken_with(state_of(cluster, pod), cluster, change).tolist() for pod in wanting]
    assert taken == [[True], [False]]
