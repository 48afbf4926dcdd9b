"""TaintToleration: what keeps a pod off a node, and what counts against the node."""

from typing import Any

import pytest

from stowage.framework import status
from stowage.plugins import taint_toleration
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod, make_table
from tests.unit.plugins import asking

PLUGIN = taint_toleration.TaintToleration()
REFUSED = "UnschedulableAndUnresolvable: node(s) had untolerated taint(s)"


def tolerating(*tolerations: dict[str, Any]) -> PodBuilder:
    return make_pod("p").spec(tolerations=list(tolerations))


def verdict(node: NodeBuilder, pod: PodBuilder) -> str:
    cluster = make_table(node)
    incoming = cluster.project(pod.done())
    codes = PLUGIN.filter(incoming, cluster, slice(0, 1), None)
    code = int(codes if isinstance(codes, int) else codes[0])
    if not code:
        return ""
    said = PLUGIN.explain(incoming, cluster, code)
    return f"{said.code.label}: {said.message}"


@pytest.mark.parametrize(
    ("effect", "refused"),
    [
        pytest.param("NoSchedule", REFUSED, id="NoSchedule"),
        pytest.param("NoExecute", REFUSED, id="NoExecute"),
        pytest.param("PreferNoSchedule", "", id="PreferNoSchedule"),
    ],
)
def test_which_effects_keep_a_pod_off(effect: str, refused: str) -> None:
    assert verdict(make_node("n").taint("k", effect), make_pod("p")) == refused


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        pytest.param({"key": "k", "operator": "Exists"}, True, id="exists"),
        pytest.param({"operator": "Exists"}, True, id="every-key"),
        pytest.param({"key": "k", "value": "5"}, True, id="equal-by-default"),
        pytest.param({"key": "k", "value": "6"}, False, id="another-value"),
        pytest.param({"key": "l", "operator": "Exists"}, False, id="another-key"),
        pytest.param({"key": "k", "operator": "Exists", "effect": "NoSchedule"}, True, id="same-effect"),
        pytest.param({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False, id="another-effect"),
        pytest.param({"key": "k", "operator": "Gt", "value": "4"}, False, id="Gt-is-off"),
        pytest.param({"key": "k", "operator": "Lt", "value": "6"}, False, id="Lt-is-off"),
    ],
)
def test_what_tolerates(toleration: dict[str, Any], tolerated: bool) -> None:
    node = make_node("n").taint("k", "NoSchedule", "5")
    assert verdict(node, tolerating(toleration)) == ("" if tolerated else REFUSED)


def test_every_taint_has_to_be_tolerated() -> None:
    node = make_node("n").taint("k", "NoSchedule").taint("l", "NoSchedule")
    assert verdict(node, tolerating({"key": "k", "operator": "Exists"})) == REFUSED


def soft_nodes() -> list[NodeBuilder]:
    return [
        make_node("none"),
        make_node("one").taint("k", "PreferNoSchedule"),
        make_node("two").taint("k", "PreferNoSchedule").taint("l", "PreferNoSchedule"),
        make_node("hard").taint("k", "NoSchedule"),
    ]


def scores(pod: PodBuilder, *feasible: str) -> dict[str, int] | None:
    return asking.scores(PLUGIN, make_table(*soft_nodes()), pod, *feasible)


def test_the_fewer_soft_taints_the_better() -> None:
    assert scores(make_pod("p")) == {"none": 100, "one": 50, "two": 0, "hard": 100}


def test_only_feasible_nodes_set_the_most() -> None:
    assert scores(make_pod("p"), "none", "one") == {"none": 100, "one": 0}


def test_without_soft_taints_all_score_100_and_it_is_never_skipped() -> None:
    cluster = make_table(make_node("n"), make_node("m"))
    state: object = PLUGIN.pre_score(cluster.project(make_pod("p").done()), cluster)
    assert state is not status.SKIP
    assert asking.scores(PLUGIN, cluster, make_pod("p")) == {"n": 100, "m": 100}


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        pytest.param("", {"one": 100, "two": 0}, id="any"),
        pytest.param("PreferNoSchedule", {"one": 100, "two": 0}, id="PreferNoSchedule"),
        pytest.param("NoSchedule", {"one": 50, "two": 0}, id="NoSchedule-does-not-count"),
    ],
)
def test_only_tolerations_of_the_effect_count(effect: str, expected: dict[str, int]) -> None:
    toleration = {"key": "k", "operator": "Exists", "effect": effect}
    assert scores(tolerating(toleration), "one", "two") == expected


def test_a_taint_set_that_comes_later_is_counted() -> None:
    cluster = make_table(make_node("n"), make_node("m").taint("k", "PreferNoSchedule"))
    state = PLUGIN.pre_score(cluster.project(make_pod("p").done()), cluster)
    PLUGIN.score(state, cluster, slice(0, 2))
    cluster.set(make_node("n").taint("a", "PreferNoSchedule").taint("b", "PreferNoSchedule").done())
    found = PLUGIN.score(state, cluster, slice(0, 2))
    assert not isinstance(found, int)
    assert found.tolist() == [2, 1]
