"""Node selector requirements as masks: what `selectors.holds` says of each node's labels."""

import pytest

from stowage.api import selectors
from stowage.cluster import match
from tests.builders import make_node, make_table


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(selectors.Requirement("size", selectors.IN, ("1", "9")), id="In"),
        pytest.param(selectors.Requirement("size", selectors.IN, ("unseen",)), id="In, no such value"),
        pytest.param(selectors.Requirement("size", selectors.NOT_IN, ("1",)), id="NotIn"),
        pytest.param(selectors.Requirement("size", selectors.NOT_IN, ("unseen",)), id="NotIn, no such value"),
        pytest.param(selectors.Requirement("size", selectors.EXISTS, ()), id="Exists"),
        pytest.param(selectors.Requirement("size", selectors.DOES_NOT_EXIST, ()), id="DoesNotExist"),
        pytest.param(selectors.Requirement("size", selectors.GT, ("1",), 1), id="Gt"),
        pytest.param(selectors.Requirement("size", selectors.LT, ("2",), 2), id="Lt"),
        pytest.param(selectors.Requirement("nobody", selectors.NOT_IN, ("1",)), id="a key that no node has"),
    ],
)
def test_a_requirement_holds_for_a_row_as_for_its_labels(part: selectors.Requirement) -> None:
    values = ("1", "2", "", "big", None)
    nodes = [make_node(f"n{i}") for i in range(len(values))]
    for node, value in zip(nodes, values, strict=True):
        if value is not None:
            node.label("size", value)
    cluster = make_table(*nodes)
    expected = [selectors.holds(part, cluster.labels.get(row)) for row in range(cluster.size)]
    assert match.requirement(cluster, part).tolist() == expected
