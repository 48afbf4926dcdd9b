"""NodeResourcesFit: what is left on a node, and the three ways to score it."""

from typing import Any

import numpy as np
import pytest

from stowage.cluster import table
from stowage.framework import interface
from stowage.framework.config import args
from stowage.plugins import node_resources_fit
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.unit.plugins import asking

GPU = "example.com/gpu"
FPGA = "other.com/fpga"
CPU_SHORT = "Unschedulable: Insufficient cpu"


def plugin(**fields: Any) -> node_resources_fit.NodeResourcesFit:
    return node_resources_fit.NodeResourcesFit(args.NodeResourcesFitArgs(**fields))


def verdict(cluster: table.Table, pod: PodBuilder, **fields: Any) -> str:
    (found,) = asking.verdicts(plugin(**fields), cluster, pod).values()
    return found


def scores(cluster: table.Table, pod: PodBuilder, **fields: Any) -> dict[str, int]:
    found = asking.raw_scores(plugin(**fields), cluster, pod)
    assert found is not None
    return found


def score(cluster: table.Table, pod: PodBuilder, **fields: Any) -> int:
    (found,) = scores(cluster, pod, **fields).values()
    return found


# ------------------------------------------------------------------------------------------- the filter


def test_a_pod_fits_where_exactly_enough_is_left() -> None:
    cluster = make_table(make_node("n"), make_pod("a").cpu("1").on("n"))
    assert verdict(cluster, make_pod("p").cpu("3")) == ""
    assert verdict(cluster, make_pod("p").cpu("3001m")) == CPU_SHORT


def test_too_many_pods_can_be_resolved_even_where_no_pod_ever_fits() -> None:
    cluster = make_table(make_node("n").allocatable(pods="0"))
    assert verdict(cluster, make_pod("p")) == "Unschedulable: Too many pods"


def test_the_last_place_for_a_pod_can_be_taken() -> None:
    cluster = make_table(make_node("n").allocatable(pods="2"), make_pod("a").on("n"))
    assert verdict(cluster, make_pod("p")) == ""
    cluster.set(make_pod("b").on("n").done())
    assert verdict(cluster, make_pod("p")) == "Unschedulable: Too many pods"


def test_more_than_the_node_could_ever_give_is_unresolvable() -> None:
    assert verdict(make_table(make_node("n")), make_pod("p").cpu("5")) == (
        "UnschedulableAndUnresolvable: Insufficient cpu"
    )


def test_one_unresolvable_shortage_makes_the_whole_status_so() -> None:
    cluster = make_table(make_node("n").allocatable(pods="1"), make_pod("a").memory("7Gi").on("n"))
    assert verdict(cluster, make_pod("p").cpu("5").memory("2Gi")) == (
        "UnschedulableAndUnresolvable: Too many pods, Insufficient cpu, Insufficient memory"
    )
    assert verdict(cluster, make_pod("p").cpu("1").memory("2Gi")) == (
        "Unschedulable: Too many pods, Insufficient memory"
    )


def test_a_pod_that_asks_for_nothing_passes_an_overcommitted_node() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="1"), make_pod("a").cpu("3").on("n"))
    assert verdict(cluster, make_pod("p")) == ""
    assert verdict(cluster, make_pod("p").cpu("0")) == ""
    assert verdict(cluster, make_pod("p").cpu("1m")) == CPU_SHORT


def test_the_filter_takes_no_defaults_for_containers_that_ask_for_nothing() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="150m", memory="250Mi"), make_pod("a").on("n"))
    assert verdict(cluster, make_pod("p").cpu("150m").memory("250Mi")) == ""


def test_a_resource_the_node_does_not_have_is_unresolvable() -> None:
    pod = make_pod("p").request(**{GPU: "1"})
    assert verdict(make_table(make_node("n")), pod) == f"UnschedulableAndUnresolvable: Insufficient {GPU}"


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        pytest.param({}, f"Insufficient {GPU}, Insufficient {FPGA}", id="none"),
        pytest.param({"ignored_resources": (GPU,)}, f"Insufficient {FPGA}", id="by-name"),
        pytest.param({"ignored_resource_groups": ("other.com",)}, f"Insufficient {GPU}", id="by-group"),
    ],
)
def test_extended_resources_can_be_ignored(fields: dict[str, Any], reasons: str) -> None:
    pod = make_pod("p").request(**{GPU: "1", FPGA: "1"})
    assert verdict(make_table(make_node("n")), pod, **fields).endswith(f": {reasons}")


def test_no_other_resource_can_be_ignored() -> None:
    ignored = ("cpu", "hugepages-2Mi", "kubernetes.io/batch")
    cluster = make_table(make_node("n"))
    assert verdict(cluster, make_pod("p").cpu("5"), ignored_resources=ignored) == (
        "UnschedulableAndUnresolvable: Insufficient cpu"
    )
    pod = make_pod("p").request(**{"hugepages-2Mi": "2Mi"})
    assert verdict(cluster, pod, ignored_resources=ignored).endswith("Insufficient hugepages-2Mi")


def test_one_row_and_all_rows_have_the_same_answers() -> None:
    cluster = make_table(make_node("a").allocatable(cpu="1"), make_node("b"), make_pod("x").cpu("2").on("b"))
    fit = plugin()
    pod = cluster.project(make_pod("p").cpu("3").memory("1Gi").done())
    prepared = fit.pre_filter(pod, cluster)
    assert isinstance(prepared, interface.PreFiltered)
    state = prepared.state
    scored = fit.pre_score(pod, cluster)
    for row in range(cluster.size):
        codes = fit.filter(state, cluster, slice(0, 2), None)
        points = fit.score(scored, cluster, slice(0, 2))
        assert isinstance(codes, np.ndarray)
        assert isinstance(points, np.ndarray)
        assert fit.filter(state, cluster, row, None) == codes[row]
        assert fit.score(scored, cluster, row) == points[row]


# ----------------------------------------------------------------------------------------- the strategies


def test_the_least_allocated_node_scores_highest() -> None:
    cluster = make_table(make_node("n"), make_node("m"), make_pod("a").cpu("2").memory("2Gi").on("m"))
    # n: (75 + 75) / 2; m: (25 + 50) / 2 = 37.5, truncated.
    assert scores(cluster, make_pod("p").cpu("1").memory("2Gi")) == {"n": 75, "m": 37}


def test_a_container_that_asks_for_nothing_scores_as_if_it_asked_for_100m_and_200mi() -> None:
    # cpu 3900/4000 = 97.5, memory 7992/8192 = 97.6, each truncated.
    assert score(make_table(make_node("n")), make_pod("p")) == 97
    # A container that asks for 0 asks for 0.
    assert score(make_table(make_node("n")), make_pod("p").cpu("0").memory("0")) == 100


def test_more_than_the_node_has_scores_0_for_that_resource() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="1"), make_pod("a").cpu("3").on("n"))
    # cpu 0; memory (8192 - 200 - 200)/8192 = 95; the mean is 47.5.
    assert score(cluster, make_pod("p")) == 47


def test_a_resource_that_the_node_lacks_leaves_the_mean() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="0"))
    assert score(cluster, make_pod("p").memory("4Gi")) == 50


def pod_level(name: str, **amounts: str) -> PodBuilder:
    return make_pod(name).spec(resources={"requests": amounts})


def test_the_score_does_not_see_pod_level_requests_of_the_incoming_pod() -> None:
    pod = pod_level("p", cpu="3")
    assert score(make_table(make_node("n")), pod) == 97
    # The filter does.
    assert verdict(make_table(make_node("n").allocatable(cpu="2")), pod).endswith("Insufficient cpu")


def test_the_score_sees_pod_level_requests_of_placed_pods() -> None:
    cluster = make_table(make_node("n"), pod_level("a", cpu="2").on("n"))
    # cpu (4000 - 2000 - 100)/4000 = 47.5; memory (8192 - 400)/8192 = 95.1; the mean is 71.
    assert score(cluster, make_pod("p")) == 71


def strategy(kind: str, *resources: tuple[str, int], shape: tuple[tuple[int, int], ...] = ()) -> Any:
    ratio = args.RequestedToCapacityRatio(tuple(args.UtilizationShapePoint(*point) for point in shape))
    specs = tuple(args.ResourceSpec(*each) for each in resources or (("cpu", 1), ("memory", 1)))
    return args.ScoringStrategy(kind, specs, ratio if shape else None)


def test_the_most_allocated_node_scores_highest_and_at_most_100() -> None:
    most = strategy("MostAllocated", ("cpu", 1))
    cluster = make_table(
        make_node("n"), make_node("full").allocatable(cpu="2"), make_pod("a").cpu("2").on("full")
    )
    assert scores(cluster, make_pod("p").cpu("1"), scoring_strategy=most) == {"n": 25, "full": 100}


def test_weights_weigh() -> None:
    weighted = strategy("LeastAllocated", ("cpu", 3), ("memory", 1))
    # (3 x 50 + 1 x 75) / 4 = 56.25
    cluster = make_table(make_node("n"))
    assert score(cluster, make_pod("p").cpu("2").memory("2Gi"), scoring_strategy=weighted) == 56


def test_an_extended_resource_scores_only_for_pods_that_ask_for_it() -> None:
    least = strategy("LeastAllocated", ("cpu", 1), (GPU, 1))
    cluster = make_table(make_node("n").allocatable(**{GPU: "4"}))
    assert score(cluster, make_pod("p").cpu("2"), scoring_strategy=least) == 50
    asking_for_it = make_pod("p").cpu("2").request(**{GPU: "3"})
    assert score(cluster, asking_for_it, scoring_strategy=least) == 37  # (50 + 25) / 2


LINE = ((0, 0), (100, 10))


def test_a_shape_is_interpolated_and_truncated_towards_zero() -> None:
    falling = strategy("RequestedToCapacityRatio", ("cpu", 1), shape=((0, 10), (30, 0)))
    # At 10 %: 100 + (0 - 100) x 10 / 30, where -33.3 becomes -33.
    cluster = make_table(make_node("n").allocatable(cpu="10"))
    assert score(cluster, make_pod("p").cpu("1"), scoring_strategy=falling) == 67


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        pytest.param("1", 20, id="before-the-first-point"),  # 10 %
        pytest.param("3", 35, id="between"),  # 20 + 30 x (30 - 20) / 20
        pytest.param("9", 50, id="behind-the-last-point"),
        pytest.param("20", 50, id="more-than-there-is"),
    ],
)
def test_a_shape_is_flat_outside_its_points(cpu: str, expected: int) -> None:
    shaped = strategy("RequestedToCapacityRatio", ("cpu", 1), shape=((20, 2), (40, 5)))
    cluster = make_table(make_node("n").allocatable(cpu="10"))
    assert score(cluster, make_pod("p").cpu(cpu), scoring_strategy=shaped) == expected


def test_the_mean_of_ratios_is_rounded_half_up() -> None:
    ratio = strategy("RequestedToCapacityRatio", shape=LINE)
    cluster = make_table(make_node("n").allocatable(memory="100Mi"))
    # (50 + 51) / 2 = 50.5
    assert score(cluster, make_pod("p").cpu("2").memory("51Mi"), scoring_strategy=ratio) == 51


def test_a_ratio_that_scores_0_leaves_the_mean() -> None:
    ratio = strategy("RequestedToCapacityRatio", shape=LINE)
    cluster = make_table(make_node("n").allocatable(cpu="100", memory="100Mi"))
    assert score(cluster, make_pod("p").cpu("500m").memory("40Mi"), scoring_strategy=ratio) == 40
