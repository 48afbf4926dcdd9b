"""Pods imagined on rows: sums, parts of an overlay, and one laid over another."""

import numpy as np

from stowage.cluster import shapes, table
from stowage.framework import overlay
from tests.builders import make_node, make_pod, make_table


def made(rows: list[int], at: list[int], sign: list[int], ids: list[int] | None = None) -> overlay.Overlay:
    kinds = np.array(ids if ids is not None else [0] * len(at), np.int64)
    return overlay.Overlay(
        np.array(rows, np.intp), np.array(at, np.intp), kinds, 10 * kinds, np.array(sign, np.int64)
    )


def told(found: overlay.Overlay) -> list[tuple[int, int, int]]:
    """(row, shape, sign) of each pod."""
    return list(zip(found.rows[found.at].tolist(), found.shapes.tolist(), found.sign.tolist(), strict=True))


def test_a_sum_is_by_row_and_by_sign() -> None:
    change = made([4, 7, 9], [0, 0, 2, 2], [1, -1, 1, 1])
    assert change.sum(np.array([5, 3, 2, 4])).tolist() == [2, 0, 6]
    change.sign[:] = 0
    assert change.sum(np.array([5, 3, 2, 4])).tolist() == [0, 0, 0]


def test_what_is_derived_is_derived_once_a_key() -> None:
    change = made([1], [0], [1])
    calls: list[str] = []

    def derive() -> np.ndarray:
        calls.append("derived")
        return np.zeros(1, np.int64)

    assert change.derived("a", derive) is change.derived("a", derive)
    change.derived("b", derive)
    assert len(calls) == 2


def test_a_part_keeps_the_pods_of_its_rows() -> None:
    change = made([4, 7, 9], [0, 1, 1, 2], [1, -1, 1, -1], [0, 1, 2, 3])
    part = change.take(np.array([1, 2]))
    assert part.rows.tolist() == [7, 9]
    assert told(part) == [(7, 1, -1), (7, 2, 1), (9, 3, -1)]
    assert part.groups.tolist() == [10, 20, 30]


def test_pods_laid_over_other_rows_leave_out_those_elsewhere() -> None:
    change = made([4, 7, 9], [0, 1, 2], [1, 1, 1], [0, 1, 2])
    over = change.onto(np.array([9, 2, 4]))
    assert over.rows.tolist() == [9, 2, 4]
    assert sorted(told(over)) == [(4, 0, 1), (9, 2, 1)]
    assert over.at.tolist() == sorted(over.at.tolist())
    assert (over.turn == overlay.LAST).all()
    assert told(change.onto(np.array([11]))) == []


def test_two_overlays_of_the_same_rows_add_up() -> None:
    one = made([4, 7], [0, 1], [-1, -1], [0, 1])
    both = one.plus(made([4, 7], [0, 0], [1, 1], [2, 3]))
    assert sorted(told(both)) == [(4, 0, -1), (4, 2, 1), (4, 3, 1), (7, 1, -1)]
    assert both.at.tolist() == sorted(both.at.tolist())


def placed() -> table.Table:
    return make_table(
        make_node("a"),
        make_node("b"),
        make_pod("one").cpu("1").on("b"),
        make_pod("two").cpu("2").on("a"),
        make_pod("three").on("b"),
    )


def test_the_overlay_of_some_pods_has_each_row_once_and_in_order() -> None:
    cluster = placed()
    pods = [(cluster.held(slot), cluster.pods.rows.item(slot)) for slot in range(3)]
    change = overlay.of_pods(pods, -1)
    assert change.rows.tolist() == [0, 1]
    assert change.at.tolist() == [0, 1, 1]
    assert change.sign.tolist() == [-1, -1, -1]
    # CPU, then the number of pods, that leave each node.
    assert overlay.requests(change, cluster, shapes.CPU).tolist() == [-2000, -1000]
    assert overlay.requests(change, cluster, shapes.PODS).tolist() == [-1, -2]


def test_requests_follow_the_signs_of_the_moment() -> None:
    cluster = placed()
    pods = [(cluster.held(slot), cluster.pods.rows.item(slot)) for slot in range(3)]
    change = overlay.of_pods(pods, -1)
    overlay.requests(change, cluster, shapes.CPU)
    change.sign[:] = 1
    assert overlay.requests(change, cluster, shapes.CPU).tolist() == [2000, 1000]
