"""What plugins derive from storage objects is kept until one of its kinds changes."""

import pytest

from stowage.api import objects
from tests.builders import make_node, make_table
from tests.storage_builders import make_claim, make_csi_node, make_volume

KEY = ("made", "volumes", "nodes")


@pytest.mark.parametrize(
    ("item", "kept"),
    [
        pytest.param(make_claim("c"), True, id="another kind"),
        pytest.param(make_csi_node("n"), True, id="yet another kind"),
        pytest.param(make_volume("pv"), True, id="an object as it was"),
        pytest.param(make_volume("pv", size="2Gi"), False, id="a change"),
        pytest.param(make_volume("new"), False, id="a new object"),
        pytest.param(make_node("n").done(), True, id="a node as it was"),
        pytest.param(make_node("m").done(), False, id="a new node"),
    ],
)
def test_a_derived_value_is_kept_or_not(item: objects.Object, kept: bool) -> None:
    cluster = make_table(make_node("n"), make_volume("pv"))
    cluster.storage.derived[KEY] = "value"
    cluster.set(item)
    assert (KEY in cluster.storage.derived) is kept


def test_a_removal_is_a_change_where_there_was_something() -> None:
    cluster = make_table(make_volume("pv"))
    cluster.storage.derived[KEY] = "value"
    cluster.remove(make_volume("other"))
    assert KEY in cluster.storage.derived
    cluster.remove(make_volume("pv"))
    assert KEY not in cluster.storage.derived


def test_a_storage_object_as_it_was_moves_no_epoch() -> None:
    cluster = make_table(make_volume("pv"))
    before = dict(cluster.outside.epochs)
    cluster.set(make_volume("pv"))
    assert cluster.outside.epochs == before
