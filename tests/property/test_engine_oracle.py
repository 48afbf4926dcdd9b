"""The engine gives the slow oracle's answers, on the fuzzer's clusters and on ones that shrink well."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stowage.engine import conformance
from tests import oracle
from tests.builders import NodeBuilder, PodBuilder
from tests.fuzz import compare, scenarios
from tests.property import strategies

Json = dict[str, Any]
SEED = 20_260_131


def difference(scenario: Json) -> compare.Difference | None:
    return compare.first(scenario, oracle.answer(scenario), conformance.answer(scenario))


@pytest.mark.parametrize("family", scenarios.ALL)
def test_the_engine_answers_as_the_oracle(family: str) -> None:
    for scenario in scenarios.stream(SEED, 4, [family]):
        assert (scenario["id"], difference(scenario)) == (scenario["id"], None)


@pytest.mark.slow
@pytest.mark.parametrize("family", scenarios.ALL)
def test_the_engine_answers_as_the_oracle_on_many(family: str) -> None:
    for scenario in scenarios.stream(SEED + 1, 150, [family]):
        assert (scenario["id"], difference(scenario)) == (scenario["id"], None)


def of_kind(kind: str, part: PodBuilder | NodeBuilder) -> Json:
    return {"apiVersion": "v1", "kind": kind, **part.raw}


@st.composite
def small_scenarios(draw: st.DrawFn) -> Json:
    """A few nodes and pods of `strategies`, with nothing to say of volumes."""
    nodes = [draw(strategies.nodes(name)) for name in strategies.NODES[: draw(st.integers(1, 4))]]
    bound = [
        draw(pods_without_claims(f"bound-{i}")).on(draw(strategies.names))
        for i in range(draw(st.integers(0, 6)))
    ]
    waiting = [
        draw(pods_without_claims(f"waits-{i}")).nominated(draw(strategies.names))
        for i in range(draw(st.integers(0, 1)))
    ]
    teams = st.sampled_from(({}, {"team": "a"}, {"team": "b"}))
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": draw(teams)}}
        for name in strategies.NAMESPACES
    ]
    pending = [draw(pods_without_claims(f"new-{i}")) for i in range(draw(st.integers(1, 4)))]
    return {
        "id": "drawn",
        "assume": draw(st.booleans()),
        "objects": [
            *spaces,
            *(of_kind("Node", node) for node in nodes),
            *(of_kind("Pod", pod) for pod in (*bound, *waiting)),
        ],
        "pending": [of_kind("Pod", pod) for pod in pending],
    }


def pods_without_claims(name: str) -> st.SearchStrategy[PodBuilder]:
    return strategies.pods(name).filter(lambda pod: "volumes" not in pod.raw["spec"])


@settings(max_examples=80)
@given(scenario=small_scenarios())
def test_the_engine_answers_as_the_oracle_on_drawn_clusters(scenario: Json) -> None:
    assert difference(scenario) is None


@pytest.mark.slow
@settings(max_examples=2000)
@given(scenario=small_scenarios())
def test_the_engine_answers_as_the_oracle_on_many_drawn_clusters(scenario: Json) -> None:
    assert difference(scenario) is None
