"""Which resources a score looks at, and the columns it gets."""

import numpy as np

from stowage.framework import allocation, scalars
from stowage.framework.config import args
from tests.builders import make_node, make_pod, make_table

GPU = "example.com/gpu"
SPECS = (args.ResourceSpec("cpu", 1), args.ResourceSpec("memory", 2), args.ResourceSpec(GPU, 5))
MI = 1 << 20

CLUSTER = make_table(
    make_node("a").allocatable(**{GPU: "4"}),
    make_node("b"),
    make_pod("idle").on("a"),
    make_pod("big").cpu("2"),
)


def names(asked: dict[str, int]) -> list[str]:
    found = allocation.scored(CLUSTER, SPECS, asked, nonzero=True)
    return [CLUSTER.resources.names[each.index] for each in found]


def test_an_extended_resource_takes_part_only_where_the_pod_asks_for_it() -> None:
    assert names({"cpu": 100}) == ["cpu", "memory"]
    assert names({"cpu": 100, GPU: 1}) == ["cpu", "memory", GPU]
    assert names({GPU: 0}) == ["cpu", "memory"]


def test_a_resource_that_nobody_has_takes_no_part() -> None:
    specs = (args.ResourceSpec("example.com/none", 1),)
    assert allocation.scored(CLUSTER, specs, {"example.com/none": 1}, nonzero=True) == ()


def test_a_weight_of_zero_is_one() -> None:
    (found,) = allocation.scored(CLUSTER, (args.ResourceSpec("cpu", 0),), {}, nonzero=False)
    assert found.weight == 1


def test_columns_and_one_row_are_the_same_numbers() -> None:
    resources = allocation.scored(CLUSTER, SPECS, {"cpu": 100, GPU: 1}, nonzero=True)
    for rows in (slice(0, 2), np.array([1, 0])):
        xp, columns = allocation.columns(CLUSTER, resources, rows)
        assert xp is scalars.COLUMNS
        found = [(have.tolist(), used.tolist()) for have, used, _ in columns]
        for at, row in enumerate(range(2) if isinstance(rows, slice) else rows.tolist()):
            one, scalar = allocation.columns(CLUSTER, resources, row)
            assert one is scalars.SCALARS
            assert [(have, used) for have, used, _ in scalar] == [
                (have[at], used[at]) for have, used in found
            ]


def test_what_is_allocated_counts_defaults_only_where_asked_to() -> None:
    for nonzero, expected in ((True, [100, 200 * MI]), (False, [0, 0])):
        resources = allocation.scored(CLUSTER, SPECS[:2], {}, nonzero=nonzero)
        _, columns = allocation.columns(CLUSTER, resources, 0)
        assert [used for _, used, _ in columns] == expected


def test_counting_rows() -> None:
    assert allocation.count(CLUSTER, slice(0, CLUSTER.size)) == 2
    assert allocation.count(CLUSTER, np.array([1])) == 1
