"""The fuzzer's own comparer and shrinker, on answers that are wrong on purpose."""

import json
from typing import Any

import pytest

from tests.fuzz import compare, families, shrink
from tests.fuzz.world import Json

STEP: Json = {
    "pod": "default/a",
    "rejected": {"n1": {"code": "Unschedulable", "plugin": "NodePorts", "reasons": ["x", "y"]}},
    "scores": {"n2": {"TaintToleration": 300, "ImageLocality": 0}, "n3": {"TaintToleration": 300}},
    "totals": {"n2": 300, "n3": 300},
    "best": ["n2", "n3"],
    "chosen": "n2",
}
EMPTY: Json = {"objects": [], "pending": []}


def difference(change: Json, *, scenario: Json = EMPTY, step: Json = STEP) -> str | None:
    found = compare.first(scenario, [step], [{**step, **change}])
    return found.signature if found else None


@pytest.mark.parametrize(
    ("change", "signature"),
    [
        pytest.param({"best": ["n3", "n2"]}, None, id="order of best"),
        pytest.param({"preemption": {}, "message": ""}, None, id="empty fields"),
        pytest.param({"chosen": "n3"}, "chosen: value", id="chosen"),
        pytest.param({"verdict": 1}, "verdict: not expected", id="unknown field"),
        pytest.param({"totals": {"n2": 300, "n3": 299}}, "totals: value", id="a total"),
        pytest.param({"best": ["n2"]}, "best: value", id="best"),
        pytest.param({"preFilterNodes": ["n1"]}, "preFilterNodes: not expected", id="a field too much"),
        pytest.param(
            {"rejected": {"n1": {"code": "Unschedulable", "plugin": "NodePorts", "reasons": ["y", "x"]}}},
            None,
            id="order of reasons",
        ),
        pytest.param(
            {"rejected": {}},
            "rejected: NodePorts Unschedulable x, y / none",
            id="a node too few",
        ),
        pytest.param(
            {"scores": {"n2": {"TaintToleration": 300}, "n3": {"TaintToleration": 300, "NodePorts": 1}}},
            "scores: NodePorts",
            id="a score too much, and a 0 left out",
        ),
    ],
)
def test_every_field_of_a_step_is_compared(change: Json, signature: str | None) -> None:
    assert difference(change) == signature


def test_a_step_too_few_and_a_crash_are_differences() -> None:
    few = compare.first(EMPTY, [STEP, STEP], [STEP])
    crash = compare.first(EMPTY, [STEP], [{"crash": "KeyError in a.py:f", "detail": "'b'"}])
    assert few is not None
    assert few.signature == "steps: count"
    assert crash is not None
    assert crash.signature == "crash: KeyError in a.py:f"


def victim(name: str, **fields: Any) -> Json:
    status = {"startTime": fields.pop("start", "2026-01-01T00:00:00Z")}
    return {"kind": "Pod", "metadata": {"namespace": "d", "name": name}, "spec": fields, "status": status}


@pytest.mark.parametrize(
    ("other", "signature"),
    [
        pytest.param(victim("b"), None, id="equal in everything"),
        pytest.param(victim("b", priority=1), "nominated: value", id="higher priority"),
        pytest.param(victim("b", start="2026-01-02T00:00:00Z"), "nominated: value", id="started later"),
    ],
)
def test_another_node_may_be_nominated_only_where_it_is_as_good(other: Json, signature: str | None) -> None:
    victims = {n: {"pods": [f"d/{p}"], "pdbViolations": 0} for n, p in (("n1", "a"), ("n2", "b"))}
    step = {"pod": "d/p", "preemption": victims, "nominated": "n1"}
    scenario = {"objects": [victim("a"), other], "pending": []}
    assert difference({"nominated": "n2"}, scenario=scenario, step=step) == signature


def test_shrinking_keeps_what_makes_the_difference_and_little_else() -> None:
    scenario = families.scenario("wild-taints", 4, 4)
    needed = scenario["objects"][5]["metadata"]["name"]

    def check(variants: list[Json]) -> list[bool]:
        return [any(o["metadata"]["name"] == needed for o in v["objects"]) for v in variants]

    small = shrink.shrink(scenario, check)
    assert [o["metadata"]["name"] for o in small["objects"]] == [needed]
    assert small["pending"] == []
    assert len(json.dumps(small)) < 600


@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_seed_makes_the_same_scenario_each_time(family: str) -> None:
    assert families.scenario(family, 2, 3) == families.scenario(family, 2, 3)
