"""What a node and a pod of the benchmarks leave in memory, as allocated bytes after a collection."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.simulate.bench import workload

COUNT = 100_000


def kept(fill: Callable[[], None]) -> float:
    """Bytes that ``fill`` leaves, for each of COUNT."""
    gc.collect()
    tracemalloc.start()
    try:
        fill()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / COUNT
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_a_node_and_a_pod_leave_three_hundred_bytes_each() -> None:
    basic = workload.find("basic").scaled(COUNT, COUNT)
    cluster = table.Table()

    def add_nodes() -> None:
        for text in basic.node_texts():
            cluster.set(workload.decoded(text))

    def add_pods() -> None:
        for row, text in enumerate(basic.pod_texts()):
            pod = workload.decoded(text)
            assert isinstance(pod, objects.Pod)
            cluster.add_pod(cluster.project(pod), row)

    assert kept(add_nodes) <= 300
    assert kept(add_pods) <= 300
