"""Use, fragmentation, busiest and emptiest nodes."""

from __future__ import annotations

import pytest

from stowage.simulate import measure
from tests.unit.simulate import kube


def measured(*items: kube.Json) -> measure.Measured:
    found = kube.built(*items)
    for pod in found.pending:
        found.cluster.project(pod)
    return measure.measure(found.cluster, {})


def use(found: measure.Measured, resource: str) -> measure.Use:
    return next(each for each in found.uses if each.resource == resource)


def test_nothing_is_fragmented_where_there_is_no_shape() -> None:
    assert use(measured(kube.node("a")), "cpu").fragmentation == 0


def test_what_is_free_where_no_shape_fits_is_fragmented() -> None:
    found = measured(
        kube.node("a", cpu="4"),
        kube.node("b", cpu="4"),
        kube.pod("x", "3", nodeName="a"),
        kube.pod("y", "2"),
    )
    cpu = use(found, "cpu")
    assert found.shapes == 2
    # 1 core is left on a, where neither 3 nor 2 cores fit, and 4 on b.
    assert (cpu.allocatable, cpu.requested, cpu.free, cpu.stranded) == (8000, 3000, 5000, 1000)
    assert cpu.fragmentation == pytest.approx(0.2)
    assert cpu.percent == pytest.approx(37.5)
    memory = use(found, "memory")
    assert memory.fragmentation == pytest.approx(0.5)


def test_a_node_without_room_for_a_pod_fits_no_shape() -> None:
    full = kube.node("a", cpu="4")
    full["status"]["allocatable"]["pods"] = "1"
    found = measured(full, kube.pod("x", "1", nodeName="a"))
    assert use(found, "cpu").fragmentation == 1


def test_a_node_with_more_requested_than_it_has_counts_as_full() -> None:
    found = measured(kube.node("a", cpu="1"), kube.node("b", cpu="2"), kube.pod("x", "3", nodeName="a"))
    assert use(found, "cpu").free == 2000


def test_nothing_free_is_not_fragmented() -> None:
    found = measured(kube.node("a", cpu="1"), kube.pod("x", "1", nodeName="a"))
    assert use(found, "cpu").fragmentation == 0


def test_the_ends_are_named_by_dominant_share_and_do_not_overlap() -> None:
    items = [kube.node(f"n{i:02}", cpu="20") for i in range(12)]
    items += [kube.pod(f"p{i}", f"{i + 1}", nodeName=f"n{i:02}") for i in range(12)]
    found = measured(*items)
    assert [each.name for each in found.busiest] == ["n11", "n10", "n09", "n08", "n07"]
    assert [each.name for each in found.emptiest] == ["n00", "n01", "n02", "n03", "n04"]
    assert (found.busiest[0].dominant, found.busiest[0].shares["cpu"]) == ("cpu", 60.0)


def test_an_empty_cluster_has_no_use() -> None:
    found = measured()
    assert (found.nodes, found.uses, found.busiest, found.emptiest) == (0, [], [], [])
