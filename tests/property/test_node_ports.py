"""Host ports of all nodes at once against a plain look at each node's, and a state kept true."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stowage.cluster import shapes
from stowage.framework import interface
from stowage.plugins import node_ports
from tests.builders import PodBuilder, make_node, make_pod, make_table

PLUGIN = node_ports.NodePorts()
ANY = "0.0.0.0"
PORT = st.builds(
    shapes.Port,
    protocol=st.sampled_from(["TCP", "UDP"]),
    ip=st.sampled_from([ANY, "10.0.0.1", "10.0.0.2", "::"]),
    port=st.sampled_from([80, 81]),
)
PORTS = st.lists(PORT, max_size=2)
NODES = 3
HELD = st.lists(st.tuples(st.integers(0, NODES - 1), PORTS), max_size=8)


def plainly_taken(wanted: list[shapes.Port], held: list[shapes.Port]) -> bool:
    for own in wanted:
        for other in held:
            if (own.protocol, own.port) != (other.protocol, other.port):
                continue
            if own.ip == other.ip or ANY in (own.ip, other.ip):
                return True
    return False


def built(name: str, ports: list[shapes.Port]) -> PodBuilder:
    pod = make_pod(name)
    for each in ports:
        pod.host_port(each.port, each.protocol, each.ip)
    return pod


@given(
    wanted=st.lists(PORT, min_size=1, max_size=2), before=HELD, after=HELD, leaving=st.sets(st.integers(0, 7))
)
def test_ports_are_taken_where_some_pod_holds_one(
    wanted: list[shapes.Port],
    before: list[tuple[int, list[shapes.Port]]],
    after: list[tuple[int, list[shapes.Port]]],
    leaving: set[int],
) -> None:
    pods = [built(f"p{i}", ports).on(f"n{node}") for i, (node, ports) in enumerate(before)]
    cluster = make_table(*(make_node(f"n{i}") for i in range(NODES)), *pods)
    incoming = cluster.project(built("new", wanted).done())
    answer = PLUGIN.pre_filter(incoming, cluster)
    assert isinstance(answer, interface.PreFiltered)
    state = answer.state
    every = slice(0, cluster.size)

    def expected(held: list[tuple[int, list[shapes.Port]]]) -> list[bool]:
        return [
            plainly_taken(wanted, [port for node, ports in held if node == row for port in ports])
            for row in range(NODES)
        ]

    assert np.asarray(PLUGIN.filter(state, cluster, every, None)).astype(bool).tolist() == expected(before)

    cursor = cluster.log.sequence
    gone = [i for i in range(len(before)) if i in leaving]
    for i in gone:
        cluster.remove_pod(f"uid-default-p{i}")
    for i, (node, ports) in enumerate(after):
        cluster.set(built(f"q{i}", ports).on(f"n{node}").done())
    tail = cluster.log.since(cursor)
    assert tail is not None
    assert state.advance(cluster, tail)
    left = [pod for i, pod in enumerate(before) if i not in leaving] + after
    assert np.asarray(PLUGIN.filter(state, cluster, every, None)).astype(bool).tolist() == expected(left)
