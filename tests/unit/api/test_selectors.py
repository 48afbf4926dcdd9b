"""Label and node selectors, term by term."""

from typing import Any

import msgspec
import pytest

from stowage.api import objects, selectors


def labels_selector(**fields: Any) -> selectors.Selector:
    """Compile a LabelSelector given by its JSON fields."""
    return selectors.compile(msgspec.convert(fields, objects.LabelSelector))


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    """One match expression."""
    return {"key": key, "operator": operator, "values": list(values)}


def node_selector(*terms: dict[str, Any]) -> selectors.NodeSelector:
    """Compile a NodeSelector given by its terms' JSON fields."""
    return selectors.compile_node(msgspec.convert({"nodeSelectorTerms": list(terms)}, objects.NodeSelector))


def test_no_selector_selects_nothing_and_an_empty_one_everything() -> None:
    assert not selectors.matches(selectors.compile(None), {"a": "b"})
    assert selectors.matches(labels_selector(), {})


@pytest.mark.parametrize(
    ("operator", "values", "labels", "expected"),
    [
        pytest.param("In", ["x", "y"], {"k": "y"}, True, id="In, one of them"),
        pytest.param("In", ["x"], {}, False, id="In, absent"),
        pytest.param("In", [""], {"k": ""}, True, id="In, empty value"),
        pytest.param("In", [""], {}, False, id="In, empty is not absent"),
        pytest.param("NotIn", ["x"], {"k": "x"}, False, id="NotIn, one of them"),
        pytest.param("NotIn", ["x"], {}, True, id="NotIn, absent"),
        pytest.param("Exists", [], {"k": ""}, True, id="Exists"),
        pytest.param("Exists", [], {}, False, id="Exists, absent"),
        pytest.param("DoesNotExist", [], {}, True, id="DoesNotExist"),
        pytest.param("DoesNotExist", [], {"k": "v"}, False, id="DoesNotExist, present"),
    ],
)
def test_label_operators(operator: str, values: list[str], labels: dict[str, str], expected: bool) -> None:
    selector = labels_selector(matchExpressions=[expression("k", operator, *values)])
    assert selectors.matches(selector, labels) is expected


def test_labels_and_expressions_hold_together() -> None:
    selector = labels_selector(matchLabels={"a": "1"}, matchExpressions=[expression("b", "Exists")])
    assert selectors.matches(selector, {"a": "1", "b": "2"})
    assert not selectors.matches(selector, {"a": "1"})
    assert not selectors.matches(selector, {"b": "2"})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"matchLabels": {"bad key": "x"}}, "is not a label key", id="key"),
        pytest.param({"matchLabels": {"k": "a b"}}, "is not a label value", id="value"),
        pytest.param({"matchExpressions": [expression("k", "In")]}, "at least one value", id="In none"),
        pytest.param({"matchExpressions": [expression("k", "Exists", "x")]}, "takes no values", id="Exists"),
        pytest.param({"matchExpressions": [expression("k", "Gt", "1")]}, "'Gt' is not an operator", id="Gt"),
        pytest.param({"matchExpressions": [expression("k", "Like")]}, "'Like' is not", id="unknown"),
    ],
)
def test_a_selector_the_api_refuses_is_an_error(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(selectors.SelectorError, match=message):
        labels_selector(**fields)


@pytest.mark.parametrize(
    ("operator", "bound", "value", "expected"),
    [
        pytest.param("Gt", "5", "6", True, id="greater"),
        pytest.param("Gt", "5", "5", False, id="not greater than itself"),
        pytest.param("Lt", "5", "-7", True, id="less, negative"),
        pytest.param("Lt", "5", "007", False, id="leading zeros"),
        pytest.param("Gt", "5", "+6", True, id="plus sign"),
        pytest.param("Gt", "5", "6.5", False, id="not an integer"),
        pytest.param("Gt", "5", "", False, id="empty"),
        pytest.param("Gt", "5", "9223372036854775808", False, id="beyond int64"),
    ],
)
def test_gt_and_lt_compare_integers(operator: str, bound: str, value: str, expected: bool) -> None:
    selector = node_selector({"matchExpressions": [expression("k", operator, bound)]})
    assert selectors.matches_node(selector, {"k": value}, "n") is expected
    assert not selectors.matches_node(selector, {}, "n")


def test_terms_are_alternatives_and_an_empty_one_matches_nothing() -> None:
    assert not selectors.matches_node(node_selector(), {}, "n")
    assert not selectors.matches_node(node_selector({}), {}, "n")
    either = node_selector({}, {"matchExpressions": [expression("a", "Exists")]})
    assert selectors.matches_node(either, {"a": ""}, "n")


def test_a_term_may_ask_for_the_name_of_the_node() -> None:
    one = node_selector({"matchFields": [expression("metadata.name", "In", "n1")]})
    other = node_selector({"matchFields": [expression("metadata.name", "NotIn", "n1")]})
    assert [selectors.matches_node(one, {}, name) for name in ("n1", "n2")] == [True, False]
    assert [selectors.matches_node(other, {}, name) for name in ("n1", "n2")] == [False, True]


def test_a_broken_term_matches_nothing_and_the_others_still_do() -> None:
    selector = node_selector(
        {"matchFields": [expression("metadata.name", "In", "a", "b")]},
        {"matchExpressions": [expression("k", "Gt", "many")]},
        {"matchExpressions": [expression("good", "Exists")]},
    )
    assert selectors.matches_node(selector, {"good": ""}, "a")
    assert not selectors.matches_node(selector, {"k": "7"}, "a")
    assert selectors.errors_of(selector) == (
        "nodeSelectorTerms[0].matchFields[0].values: must have one element",
        "nodeSelectorTerms[1].matchExpressions[0].values: 'many' is no integer",
    )


def test_a_pod_demands_its_node_selector_and_its_required_affinity() -> None:
    required = {"nodeSelectorTerms": [{"matchExpressions": [expression("zone", "In", "a")]}]}
    spec = {
        "nodeSelector": {"disk": "ssd"},
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
    }
    demand = selectors.compile_required(msgspec.convert({"spec": spec}, objects.Pod))
    assert selectors.matches_required(demand, {"disk": "ssd", "zone": "a"}, "n")
    assert not selectors.matches_required(demand, {"disk": "ssd"}, "n")
    assert not selectors.matches_required(demand, {"zone": "a"}, "n")
    nothing = selectors.compile_required(objects.Pod())
    assert selectors.matches_required(nothing, {}, "n")


def test_preferences_add_up_and_weightless_or_empty_ones_do_not_count() -> None:
    def term(weight: int, key: str | None) -> objects.PreferredSchedulingTerm:
        preference = {"matchExpressions": [expression(key, "Exists")]} if key else {}
        return msgspec.convert({"weight": weight, "preference": preference}, objects.PreferredSchedulingTerm)

    compiled = selectors.compile_preferred([term(5, "a"), term(7, "b"), term(0, "bad key"), term(9, None)])
    assert selectors.preference(compiled, {"a": "", "b": ""}, "n") == 12
    with pytest.raises(selectors.SelectorError):
        selectors.compile_preferred([term(1, "bad key")])


def test_compiled_selectors_are_keys() -> None:
    one = labels_selector(matchLabels={"a": "1"})
    assert len({one, labels_selector(matchLabels={"a": "1"}), selectors.from_labels({"a": "1"})}) == 1
    assert hash(node_selector({"matchFields": [expression("metadata.name", "In", "n")]}))
