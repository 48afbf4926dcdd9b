"""Judging one step: what may differ, and that everything else is a difference."""

import copy
from typing import Any

import pytest

from stowage.simulate.conformance import compare, nomination

Json = dict[str, Any]


def pod(name: str, node: str = "", priority: int = 0, start: str | None = "2026-01-01T00:00:00Z") -> Json:
    made: Json = {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"priority": priority},
    }
    if node:
        made["spec"]["nodeName"] = node
    if start:
        made["status"] = {"startTime": start}
    return made


def question(*pods: Json) -> Json:
    return {"objects": list(pods), "pending": [pod("p")]}


def victims(*names: str, violations: int = 0) -> Json:
    return {"pods": [f"ns/{name}" for name in names], "pdbViolations": violations}


STEP: Json = {
    "pod": "ns/p",
    "preFilterNodes": ["a", "b"],
    "rejected": {"a": {"code": "Unschedulable", "plugin": "P", "reasons": ["one", "two"]}},
    "scores": {"b": {"S": 7, "T": 0}},
    "totals": {"b": 7},
    "best": ["b", "c"],
    "chosen": "b",
    "preemption": {"a": {"pods": ["ns/x", "ns/y"], "pdbViolations": 0}},
    "nominated": "a",
    "message": "0/2 nodes are available.",
}


def differences(wanted: Json, got: Json) -> list[str]:
    found = compare.compare("id", lambda: question(pod("x", "a"), pod("y", "a")), [wanted], [got])
    return [each.field for each in found.differences]


def changed(**fields: Any) -> Json:
    return copy.deepcopy(STEP) | fields


def test_the_same_step_is_equal() -> None:
    assert differences(STEP, copy.deepcopy(STEP)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"rejected": {"a": {"code": "Unschedulable", "plugin": "P", "reasons": ["two", "one"]}}},
        {"best": ["c", "b"]},
        {"preemption": {"a": {"pods": ["ns/y", "ns/x"], "pdbViolations": 0}}},
        {"scores": {"b": {"S": 7}}},
        {"scores": {"b": {"S": 7, "T": 0, "U": 0}}},
        {"preEnqueue": None, "preFilter": None, "error": ""},
    ],
    ids=["reasons", "best", "victims", "no score for 0", "0 for no score", "empty for absent"],
)
def test_order_and_zeros_are_no_difference(fields: Json) -> None:
    assert differences(STEP, changed(**fields)) == []
    assert differences(changed(**fields), STEP) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pod", "ns/q"),
        ("preEnqueue", {"code": "Error", "reasons": []}),
        ("preFilter", {"code": "Error", "reasons": []}),
        ("preFilterNodes", ["a"]),
        ("preFilterNodes", ["b", "a"]),
        ("rejected", {}),
        ("rejected", {"a": {"code": "Error", "plugin": "P", "reasons": ["one", "two"]}}),
        ("rejected", {"a": {"code": "Unschedulable", "plugin": "Q", "reasons": ["one", "two"]}}),
        ("rejected", {"a": {"code": "Unschedulable", "plugin": "P", "reasons": ["one"]}}),
        ("rejected", {"a": {"code": "Unschedulable", "plugin": "P", "reasons": ["one", "two"], "more": 1}}),
        ("scores", {"b": {"S": 8, "T": 0}}),
        ("totals", {"b": 8}),
        ("totals", {"b": 7, "c": 7}),
        ("best", ["b"]),
        ("chosen", "c"),
        ("preemption", {"a": {"pods": ["ns/x"], "pdbViolations": 0}}),
        ("preemption", {"a": {"pods": ["ns/x", "ns/y"], "pdbViolations": 1}}),
        ("nominated", "b"),
        ("nominated", ""),
        ("message", ""),
        ("error", "something"),
        ("unheardOf", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_everything_else_is_a_difference_in_both_directions(field: str, value: Any) -> None:
    assert differences(STEP, changed(**{field: value})) == [field]
    assert differences(changed(**{field: value}), STEP) == [field]


def test_a_node_that_was_not_scored_is_a_difference() -> None:
    more = changed(scores={"b": {"S": 7, "T": 0}, "c": {}})
    assert differences(STEP, more) == ["scores"]


def test_a_step_too_few_and_one_too_many_are_differences() -> None:
    asked = question
    few = compare.compare("id", asked, [STEP, STEP], [STEP])
    many = compare.compare("id", asked, [STEP], [STEP, STEP])
    assert few.equal_steps == many.equal_steps == 1
    assert few.steps == many.steps == 2
    assert few.differences
    assert many.differences


def test_rejections_and_scores_are_counted_by_plugin() -> None:
    other = changed(
        scores={"b": {"S": 8, "T": 0}},
        rejected={**STEP["rejected"], "c": {"code": "Unschedulable", "plugin": "Q", "reasons": ["x"]}},
    )
    tally = compare.compare("id", question, [STEP], [other])
    assert tally.answers == {"P": [1, 1], "Q": [0, 1], "S": [0, 1], "T": [1, 1], "DefaultPreemption": [2, 2]}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ([pod("x", "a")], [pod("y", "b")], True),
        ([pod("x", "a", 5)], [pod("y", "b", 4)], False),
        # 1 + 2 and 2 + 1, the highest is 2 on both
        ([pod("x", "a", 1), pod("v", "a", 2)], [pod("y", "b", 2), pod("w", "b", 1)], True),
        ([pod("x", "a", 1), pod("v", "a", 2)], [pod("y", "b", 2), pod("w", "b", 0)], False),
        # as little priority in sum, but two pods
        ([pod("x", "a", 0)], [pod("y", "b", 0), pod("w", "b", 0)], False),
        ([pod("x", "a", -1)], [pod("y", "b", -1), pod("w", "b", -(2**31))], False),
        ([pod("x", "a", start="2026-01-01T00:00:01Z")], [pod("y", "b")], False),
        ([pod("x", "a", start=None)], [pod("y", "b")], False),
        ([pod("x", "a", start=None)], [pod("y", "b", start=None)], True),
        # the start of a less important victim does not count
        (
            [pod("x", "a", 1), pod("v", "a", 0, "2020-01-01T00:00:00Z")],
            [pod("y", "b", 1), pod("w", "b", 0)],
            True,
        ),
    ],
    ids=[
        "alike",
        "highest priority",
        "same sum",
        "other sum",
        "more pods",
        "negative sum and count",
        "later start",
        "not started",
        "none started",
        "start of the others",
    ],
)
def test_a_nominated_node_is_as_good_by_kube_schedulers_criteria(
    one: list[Json], other: list[Json], equal: bool
) -> None:
    recorded = {
        "a": victims(*(each["metadata"]["name"] for each in one)),
        "b": victims(*(each["metadata"]["name"] for each in other)),
    }
    assert nomination.as_good(question(*one, *other), recorded, "a", "b") is equal


def test_a_nominated_node_that_breaks_more_budgets_is_worse() -> None:
    recorded = {"a": victims("x"), "b": victims("y", violations=1)}
    assert not nomination.as_good(question(pod("x", "a"), pod("y", "b")), recorded, "a", "b")


def test_a_node_without_victims_is_never_as_good() -> None:
    assert not nomination.as_good(question(pod("x", "a")), {"a": victims("x")}, "a", "b")


def test_a_victim_may_have_been_placed_on_the_way() -> None:
    recorded = {"a": victims("x"), "b": victims("p")}
    assert not nomination.as_good(question(pod("x", "a", 3)), recorded, "a", "b")
    assert nomination.as_good(question(pod("x", "a")), recorded, "a", "b")
