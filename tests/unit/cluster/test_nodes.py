"""Labels, taints and images of nodes as columns."""

from stowage.api import objects
from stowage.cluster import nodes

HOST = nodes.HOSTNAME


def values(labels: nodes.Labels, key: str, size: int) -> list[str | None]:
    codes = labels.codes(key)
    return [codes.values[code] if code >= 0 else None for code in codes.column[:size].tolist()]


def test_codes_count_up_and_absent_is_minus_one() -> None:
    codes = nodes.Codes(4)
    assert [codes.code(value) for value in ("a", "b", None, "a", "")] == [0, 1, -1, 0, 2]
    assert codes.values == ["a", "b", ""]
    assert codes.column.tolist() == [-1] * 4


def test_a_truth_is_asked_once_a_value_and_its_last_cell_is_for_absence() -> None:
    codes = nodes.Codes(2)
    codes.code("a")
    asked: list[str | None] = []

    def is_a(value: str | None) -> bool:
        asked.append(value)
        return value == "a"

    assert codes.truth("is a", is_a).tolist() == [True, False]
    assert codes.truth("is a", is_a).tolist() == [True, False]
    codes.code("b")
    assert codes.truth("is a", is_a).tolist() == [True, False, False]
    assert [value for value in asked if value is not None] == ["a", "b"]


def test_nodes_that_differ_in_hostname_only_share_a_label_set() -> None:
    labels = nodes.Labels()
    labels.set(0, {HOST: "n0", "zone": "a"}, "n0")
    labels.set(1, {"zone": "a", HOST: "n1"}, "n1")
    assert labels.ids[:2].tolist() == [0, 0]
    assert len(labels.sets) == 1
    assert labels.get(1) == {HOST: "n1", "zone": "a"}


def test_a_hostname_need_not_be_the_nodes_name_nor_be_there() -> None:
    labels = nodes.Labels()
    labels.set(0, {HOST: "other"}, "n0")
    labels.set(1, {}, "n1")
    labels.set(2, {HOST: "other"}, "n2")
    assert values(labels, HOST, 3) == ["other", None, "other"]
    assert [labels.get(row) for row in range(3)] == [{HOST: "other"}, {}, {HOST: "other"}]


def test_a_hostname_that_changes_is_a_change() -> None:
    labels = nodes.Labels()
    assert labels.set(0, {HOST: "n0"}, "n0")
    assert not labels.set(0, {HOST: "n0"}, "n0")
    assert labels.set(0, {HOST: "renamed"}, "n0")
    assert labels.set(0, {}, "n0")


def test_a_column_asked_for_early_and_one_asked_for_late_are_the_same() -> None:
    early, late = nodes.Labels(), nodes.Labels()
    for key in ("zone", HOST):
        early.codes(key)
    for labels in (early, late):
        labels.set(0, {"zone": "a", HOST: "n0"}, "n0")
        labels.set(1, {HOST: "n1"}, "n1")
        labels.set(0, {"zone": "b", HOST: "n0"}, "n0")
    for key in ("zone", HOST):
        assert values(early, key, 2) == values(late, key, 2)
    assert values(late, "zone", 2) == ["b", None]


def test_a_cleared_row_has_no_labels_and_sets_them_anew() -> None:
    labels = nodes.Labels()
    labels.codes("zone")
    labels.set(0, {"zone": "a", HOST: "n0"}, "n0")
    labels.clear(0)
    assert labels.get(0) == {}
    assert values(labels, "zone", 1) == [None]
    assert labels.set(0, {"zone": "a", HOST: "n0"}, "n0")
    assert values(labels, "zone", 1) == ["a"]


def test_more_rows_have_no_labels_yet() -> None:
    labels = nodes.Labels()
    labels.codes("zone")
    labels.set(0, {"zone": "a"}, "n0")
    labels.resize(64)
    assert values(labels, "zone", 64) == ["a", *[None] * 63]
    assert labels.get(40) == {}


def test_taint_sets_are_shared_and_keep_their_order() -> None:
    one, two = objects.Taint("a", "", "NoSchedule"), objects.Taint("b", "", "NoExecute")
    taints = nodes.Sets[objects.Taint]()
    assert taints.set(0, (one, two))
    assert taints.set(1, (two, one))
    assert taints.set(2, (one, two))
    assert not taints.set(2, (one, two))
    assert taints.ids[:4].tolist() == [1, 2, 1, 0]


MI = 1 << 20


def test_each_node_reports_its_own_size_of_an_image() -> None:
    images = nodes.Images()
    assert images.set(0, (("a:1", 10 * MI), ("b:1", MI)))
    assert images.set(1, (("a:1", 20 * MI),))
    assert images.rows == {"a:1": {0: 10 * MI, 1: 20 * MI}, "b:1": {0: MI}}


def test_an_image_named_twice_on_one_node_has_the_first_size() -> None:
    images = nodes.Images()
    images.set(0, (("a:1", 1), ("a:1", 2)))
    assert images.rows == {"a:1": {0: 1}}


def test_images_that_a_node_lost_are_forgotten() -> None:
    images = nodes.Images()
    images.set(0, (("a:1", 1), ("b:1", 1)))
    images.set(1, (("a:1", 1),))
    assert images.set(0, ())
    assert images.rows == {"a:1": {1: 1}}
    assert not images.set(0, ())


def test_images_in_another_order_are_no_change() -> None:
    images = nodes.Images()
    images.set(0, (("a:1", 1), ("b:1", 2)))
    assert not images.set(0, (("b:1", 2), ("a:1", 1)))


def test_an_image_that_becomes_larger_is_a_change() -> None:
    images = nodes.Images()
    images.set(0, (("a:1", 1),))
    assert images.set(0, (("a:1", 2),))
    assert images.rows == {"a:1": {0: 2}}
