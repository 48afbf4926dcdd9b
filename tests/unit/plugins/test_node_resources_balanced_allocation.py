"""NodeResourcesBalancedAllocation: how much more evenly used a node is with the pod than without."""

from typing import Any

import pytest

from stowage.cluster import table
from stowage.framework.config import args
from stowage.plugins import node_resources_balanced_allocation as balanced
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.unit.plugins import asking

GPU = "example.com/gpu"
WITH_GPU = (args.ResourceSpec("cpu"), args.ResourceSpec("memory"), args.ResourceSpec(GPU))


def scores(cluster: table.Table, pod: PodBuilder, **fields: Any) -> dict[str, int] | None:
    plugin = balanced.NodeResourcesBalancedAllocation(args.NodeResourcesBalancedAllocationArgs(**fields))
    found = asking.raw_scores(plugin, cluster, pod)
    assert found == by_one_row(plugin, cluster, pod)
    return found


def by_one_row(plugin: Any, cluster: table.Table, pod: PodBuilder) -> dict[str, int] | None:
    state = plugin.pre_score(cluster.project(pod.done()), cluster)
    if not isinstance(state, tuple):
        return None
    return {name: plugin.score(state, cluster, row) for name, row in cluster.row_of.items()}


def score(cluster: table.Table, pod: PodBuilder, **fields: Any) -> int:
    found = scores(cluster, pod, **fields)
    assert found is not None
    (only,) = found.values()
    return only


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        pytest.param("2", "4Gi", 75, id="as-even-as-before"),
        # 0.5 and 0: deviation 0.25, so 75 against 100 without: 50 + (50 - 25) // 2
        pytest.param("2", "0", 62, id="less-even"),
        pytest.param("4", "0", 50, id="the-worst"),  # 50 against 100: 50 + 0 // 2
    ],
)
def test_an_empty_node_is_even_without_the_pod(cpu: str, memory: str, expected: int) -> None:
    assert score(make_table(make_node("n")), make_pod("p").cpu(cpu).memory(memory)) == expected


def test_a_pod_that_evens_out_scores_more_than_75() -> None:
    cluster = make_table(make_node("n"), make_pod("a").cpu("4").on("n"))
    # Without: 1 and 0, so 50; with: 1 and 1, so 100; 50 + (50 + 50) // 2
    assert score(cluster, make_pod("p").memory("8Gi")) == 100


def test_what_is_used_is_what_was_asked_for_without_defaults() -> None:
    idle = [make_pod(f"idle-{i}").on("n") for i in range(5)]
    assert score(make_table(make_node("n"), *idle), make_pod("p").cpu("2").memory("4Gi")) == 75
    assert score(make_table(make_node("n"), *idle), make_pod("p").cpu("2")) == 62


def test_pod_level_requests_count() -> None:
    pod = make_pod("p").spec(resources={"requests": {"cpu": "2"}})
    assert score(make_table(make_node("n")), pod) == 62


def test_fractions_end_at_1() -> None:
    cluster = make_table(make_node("n"), make_pod("a").cpu("8").on("n"))
    # CPU is 1 with and without.
    assert score(cluster, make_pod("p").cpu("2")) == 75


def test_a_resource_that_the_node_lacks_leaves_the_comparison() -> None:
    cluster = make_table(make_node("n").allocatable(memory="0"), make_node("m"))
    assert scores(cluster, make_pod("p").cpu("2")) == {"n": 75, "m": 62}


def test_a_pod_that_asks_for_none_of_the_resources_is_skipped() -> None:
    cluster = make_table(make_node("n").allocatable(**{GPU: "1"}))
    assert scores(cluster, make_pod("p")) is None
    assert scores(cluster, make_pod("p").cpu("0").request(**{GPU: "1"})) is None
    only_memory = (args.ResourceSpec("memory"),)
    assert scores(cluster, make_pod("p").cpu("1"), resources=only_memory) is None


def test_an_extended_resource_takes_part_only_where_the_pod_asks_for_it() -> None:
    cluster = make_table(
        make_node("n").allocatable(**{GPU: "4"}), make_pod("a").request(**{GPU: "4"}).on("n")
    )
    assert score(cluster, make_pod("p").cpu("2").memory("4Gi"), resources=WITH_GPU) == 75
    # Without: 0, 0, 1: deviation sqrt(2)/3 = 0.471, so 52. With: 0.5, 0.5, 1: 0.2357, so 76.
    pod = make_pod("p").cpu("2").memory("4Gi").request(**{GPU: "1"})
    assert score(cluster, pod, resources=WITH_GPU) == 50 + (50 + 76 - 52) // 2
