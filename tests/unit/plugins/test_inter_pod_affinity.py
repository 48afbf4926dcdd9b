"""InterPodAffinity: whom terms mean, the order of the reasons, and the score's arithmetic."""

from typing import Any

import msgspec
import numpy as np
import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.framework import interface, status
from stowage.framework.config import args as config
from stowage.plugins import inter_pod_affinity
from stowage.plugins.inter_pod_affinity import preferred
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.unit.plugins import asking

PLUGIN = inter_pod_affinity.InterPodAffinity(config.InterPodAffinityArgs())
ZONE = "topology.kubernetes.io/zone"
NEAR = "UnschedulableAndUnresolvable: node(s) didn't match pod affinity rules"
APART = "Unschedulable: node(s) didn't match pod anti-affinity rules"
THEIRS = "Unschedulable: node(s) didn't satisfy existing pods anti-affinity rules"
APP = {"matchLabels": {"app": "a"}}
WEB = {"matchLabels": {"app": "web"}}
ANY: dict[str, Any] = {}


def term(selector: Any = APP, key: str = ZONE, **more: Any) -> dict[str, Any]:
    made = {"topologyKey": key, "labelSelector": selector, **more}
    return {name: value for name, value in made.items() if value is not None}


def required(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}


def wished(*weighted: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    terms = [{"weight": weight, "podAffinityTerm": each} for weight, each in weighted]
    return {"preferredDuringSchedulingIgnoredDuringExecution": terms}


def near(pod: PodBuilder, half: dict[str, Any]) -> PodBuilder:
    return pod.spec(affinity={**pod.raw["spec"].get("affinity", {}), "podAffinity": half})


def apart(pod: PodBuilder, half: dict[str, Any]) -> PodBuilder:
    return pod.spec(affinity={**pod.raw["spec"].get("affinity", {}), "podAntiAffinity": half})


def a_pod(name: str, node: str, namespace: str = "default") -> PodBuilder:
    """A bound pod with `app: a`."""
    return make_pod(name, namespace).label(app="a").on(node)


def web(name: str = "p") -> PodBuilder:
    """The pod to place, with `app: web`."""
    return make_pod(name).label(app="web")


def zoned(*zones: str | None) -> list[Any]:
    """`n0`, `n1`, … in these zones; None has no zone label."""
    made = [make_node(f"n{i}") for i in range(len(zones))]
    return [node.zone(zone) if zone is not None else node for node, zone in zip(made, zones, strict=True)]


def namespace(name: str, **labels: str) -> objects.Namespace:
    return msgspec.convert({"metadata": {"name": name, "labels": labels}}, objects.Namespace)


def verdicts(pod: PodBuilder, *parts: Any) -> list[str]:
    """By node, `n0` first."""
    found = asking.verdicts(PLUGIN, make_table(*parts), pod)
    return [found[name] for name in sorted(found)]


def test_affinity_wants_a_matching_pod_in_the_domain() -> None:
    pod = near(web(), required(term()))
    assert verdicts(pod, *zoned("a", "a", "b"), a_pod("x", "n0")) == ["", "", NEAR]


def test_one_pod_has_to_match_all_affinity_terms() -> None:
    tier = {"matchLabels": {"tier": "t"}}
    pod = near(web(), required(term(), term(tier)))
    both = a_pod("both", "n1").label(tier="t")
    apart_pods = [a_pod("x", "n0"), make_pod("y").label(tier="t").on("n0")]
    assert verdicts(pod, *zoned("a", "b"), *apart_pods, both) == [NEAR, ""]


def test_affinity_terms_hold_each_in_its_own_topology() -> None:
    # zone a has the pod, but on n0; n1 is another host of the zone
    pod = near(web(), required(term(), term(key="kubernetes.io/hostname")))
    assert verdicts(pod, *zoned("a", "a"), a_pod("x", "n0")) == ["", NEAR]


def test_anti_affinity_counts_each_term_by_itself() -> None:
    tier = {"matchLabels": {"tier": "t"}}
    pod = apart(web(), required(term(), term(tier)))
    parts = [*zoned("a", "b", "c"), a_pod("x", "n0"), make_pod("y").label(tier="t").on("n1")]
    assert verdicts(pod, *parts) == [APART, APART, ""]


def test_terminating_pods_count() -> None:
    assert verdicts(apart(web(), required(term())), *zoned("a"), a_pod("x", "n0").terminating()) == [APART]


def test_a_placed_pod_s_anti_affinity_keeps_others_out_of_its_domain() -> None:
    guard = apart(make_pod("g").on("n0"), required(term(WEB)))
    assert verdicts(web(), *zoned("a", "a", "b", None), guard) == [THEIRS, THEIRS, "", ""]
    assert verdicts(make_pod("p").label(app="other"), *zoned("a"), guard) == [""]


def test_reasons_come_in_the_order_affinity_own_anti_affinity_others() -> None:
    guard = apart(a_pod("g", "n0"), required(term(WEB)))
    everything = [*zoned("a", "b"), guard]
    assert verdicts(web(), *everything) == [THEIRS, ""]
    assert verdicts(apart(web(), required(term())), *everything) == [APART, ""]
    nobody = near(apart(web(), required(term())), required(term({"matchLabels": {"app": "nobody"}})))
    assert verdicts(nobody, *everything) == [NEAR, NEAR]


def test_the_first_of_a_kind_may_go_anywhere_that_has_the_keys() -> None:
    assert verdicts(near(web(), required(term(WEB))), *zoned("a", None)) == ["", NEAR]


def test_a_pod_that_does_not_match_its_own_affinity_is_no_first_of_its_kind() -> None:
    assert verdicts(near(web(), required(term())), *zoned("a")) == [NEAR]
    both = near(web(), required(term(WEB), term()))
    assert verdicts(both, *zoned("a")) == [NEAR]


def test_there_is_no_first_of_a_kind_once_any_pair_was_counted_anywhere() -> None:
    other = make_pod("x").label(app="web").on("n1")
    assert verdicts(near(web(), required(term(WEB))), *zoned("a", "b"), other) == [NEAR, ""]


def test_a_matching_pod_where_the_key_is_missing_counts_no_pair() -> None:
    other = make_pod("x").label(app="web").on("n1")
    assert verdicts(near(web(), required(term(WEB))), *zoned("a", None), other) == ["", NEAR]


def test_pods_on_a_node_that_does_not_exist_count_nowhere() -> None:
    found = verdicts(near(web(), required(term(WEB))), *zoned("a"), web("x").on("ghost"))
    assert found[-1] == ""
    assert verdicts(apart(web(), required(term())), *zoned("a"), a_pod("x", "ghost"))[-1] == ""


@pytest.mark.parametrize(
    ("more", "matched"),
    [
        pytest.param({}, {"default"}, id="the pod's own where nothing is written"),
        pytest.param({"namespaces": ["prod"]}, {"prod"}, id="those named"),
        pytest.param({"namespaceSelector": ANY}, {"default", "prod", "unknown"}, id="all, missing ones too"),
        pytest.param({"namespaceSelector": {"matchLabels": {"env": "live"}}}, {"prod"}, id="selected"),
        pytest.param(
            {"namespaces": ["unknown"], "namespaceSelector": {"matchLabels": {"env": "live"}}},
            {"prod", "unknown"},
            id="named and selected",
        ),
        pytest.param(
            {"namespaceSelector": {"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}},
            {"default", "prod", "unknown"},
            id="a selector that no labels satisfy takes in every namespace",
        ),
    ],
)
def test_own_terms_mean_pods_of(more: dict[str, Any], matched: set[str]) -> None:
    places = [namespace("default"), namespace("prod", env="live")]
    pod = apart(web(), required(term(**more)))
    for name in ("default", "prod", "unknown"):
        found = verdicts(pod, *places, *zoned("a"), a_pod("x", "n0", name))
        assert (found == [APART]) == (name in matched), name


@pytest.mark.parametrize(
    ("selector", "matched"),
    [
        pytest.param(ANY, {"default", "prod", "unknown"}, id="all"),
        pytest.param({"matchLabels": {"env": "live"}}, {"prod"}, id="by the labels of its Namespace"),
        pytest.param(
            {"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]},
            {"default", "unknown"},
            id="a missing Namespace has no labels",
        ),
    ],
)
def test_others_terms_mean_the_pod_in(selector: Any, matched: set[str]) -> None:
    places = [namespace("default"), namespace("prod", env="live")]
    guard = apart(make_pod("g", "guards").on("n0"), required(term(WEB, namespaceSelector=selector)))
    for name in ("default", "prod", "unknown"):
        found = verdicts(make_pod("p", name).label(app="web"), *places, *zoned("a"), guard)
        assert (found == [THEIRS]) == (name in matched), name


@pytest.mark.parametrize(
    ("selector", "matched"),
    [pytest.param(None, False, id="nil selects nothing"), pytest.param(ANY, True, id="empty selects all")],
)
def test_the_label_selector(selector: Any, matched: bool) -> None:
    found = verdicts(apart(web(), required(term(selector))), *zoned("a"), a_pod("x", "n0"))
    assert (found == [APART]) == matched


def test_match_label_keys_are_the_api_server_s_business() -> None:
    pod = apart(web().label(version="2"), required(term(matchLabelKeys=["version"])))
    assert verdicts(pod, *zoned("a"), a_pod("x", "n0").label(version="1")) == [APART]


def test_an_invalid_term_refuses_the_pod_everywhere_and_empties_its_list_on_a_placed_pod() -> None:
    bad = {"matchExpressions": [{"key": "app", "operator": "Near"}]}
    pod = apart(web(), required(term(), term(bad)))
    cluster = make_table(*zoned("a"), apart(make_pod("g").on("n0"), required(term(WEB), term(bad))))
    said = PLUGIN.pre_filter(cluster.project(pod.done()), cluster)
    assert isinstance(said, status.Status)
    assert said.code is status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE
    assert said.message.startswith("parsing pod: ")
    assert asking.verdicts(PLUGIN, cluster, web()) == {"n0": ""}


def test_an_imagined_pod_counts_with_its_terms_and_labels_on_its_node_alone() -> None:
    guard = apart(make_pod("g"), required(term(WEB)))
    other = apart(make_pod("h").on("n1"), required(term(WEB)))
    cluster = make_table(*zoned("a", "b", "a"), other)
    assert asking.imagined(PLUGIN, cluster, web(), [(guard, "n0")], 1) == {"n0": THEIRS}
    assert asking.imagined(PLUGIN, cluster, web(), [(other, "n1")], -1) == {"n1": ""}
    wants = near(web(), required(term()))
    assert asking.imagined(PLUGIN, cluster, wants, [(a_pod("x", "n0"), "n0")], 1) == {"n0": ""}


def test_evicting_the_only_match_makes_the_pod_the_first_of_its_kind() -> None:
    other = web("x").on("n0")
    cluster = make_table(*zoned("a", "b"), other)
    pod = near(web(), required(term(WEB)))
    assert asking.imagined(PLUGIN, cluster, pod, [(other, "n0")], -1) == {"n0": ""}


def test_where_nothing_woke_the_filter_imagined_pods_are_not_looked_at() -> None:
    # kube-scheduler does not call AddPod of a plugin whose PreFilter answered Skip
    guard = apart(make_pod("g"), required(term(WEB)))
    assert asking.imagined(PLUGIN, make_table(*zoned("a")), web(), [(guard, "n0")], 1) == {"n0": ""}


def test_a_filter_that_slept_wakes_when_a_pod_with_anti_affinity_comes_and_sleeps_when_it_goes() -> None:
    cluster = make_table(*zoned("a"))
    before = PLUGIN.pre_filter(cluster.project(web().done()), cluster)
    assert isinstance(before, interface.PreFiltered)
    guard = apart(make_pod("g").on("n0"), required(term(WEB)))

    def now(cursor: int) -> list[int]:
        assert before.state.advance(cluster, cluster.log.since(cursor))
        answer = PLUGIN.filter(before.state, cluster, slice(0, cluster.size), None)
        return [int(code) for code in np.broadcast_to(answer, (cluster.size,))]

    start = cluster.log.sequence
    cluster.set(guard.done())
    assert now(start) == [1]
    start = cluster.log.sequence
    cluster.remove(guard.done())
    assert now(start) == [0]
    assert before.state.idle


def raw(pod: PodBuilder, *parts: Any, plugin: Any = PLUGIN) -> list[int] | None:
    found = asking.raw_scores(plugin, make_table(*parts), pod)
    return None if found is None else [found[name] for name in sorted(found)]


def test_preferred_terms_add_and_subtract_their_weights_a_pod() -> None:
    pod = near(web(), wished((5, term()), (7, term(key="kubernetes.io/hostname"))))
    pod = apart(pod, wished((3, term())))
    # zone a: two pods, 2 x (5 - 3); n0 has both: 2 x 7
    assert raw(pod, *zoned("a", "a", "b", None), a_pod("x", "n0"), a_pod("y", "n0")) == [18, 4, 0, 0]


def test_placed_pods_preferences_count_for_the_pods_they_mean() -> None:
    fan = near(make_pod("f").on("n0"), wished((5, term(WEB))))
    foe = apart(make_pod("g").on("n1"), wished((2, term(WEB))))
    assert raw(web(), *zoned("a", "b", "c"), fan, foe) == [5, -2, 0]
    assert raw(make_pod("p"), *zoned("a", "b", "c"), fan, foe) == [0, 0, 0]


@pytest.mark.parametrize(
    ("weight", "score"),
    [
        pytest.param(1, 1, id="the default"),
        pytest.param(40, 40, id="more"),
        pytest.param(0, 0, id="not at all"),
    ],
)
def test_a_placed_pod_s_required_affinity_counts_with_the_hard_weight(weight: int, score: int) -> None:
    plugin = inter_pod_affinity.InterPodAffinity(config.InterPodAffinityArgs(weight))
    fan = near(make_pod("f").on("n0"), required(term(WEB)))
    assert raw(web(), *zoned("a", "b"), fan, plugin=plugin) == [score, 0]


def test_a_placed_pod_s_required_anti_affinity_does_not_score() -> None:
    guard = apart(make_pod("g").on("n0"), required(term(WEB)))
    assert raw(web(), *zoned("a"), guard) == [0]


def test_others_preferences_can_be_ignored_unless_the_pod_has_its_own() -> None:
    plugin = inter_pod_affinity.InterPodAffinity(
        config.InterPodAffinityArgs(ignore_preferred_terms_of_existing_pods=True)
    )
    fan = near(make_pod("f").on("n0"), wished((5, term(WEB))))
    assert raw(web(), *zoned("a"), fan, plugin=plugin) is None
    own = near(web(), wished((1, term())))
    assert raw(own, *zoned("a"), fan, plugin=plugin) == [5]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([0, 0], [0, 0], id="none"),
        pytest.param([7, 7], [0, 0], id="equal"),
        pytest.param([-4, 0, 4], [0, 50, 100], id="from lowest to highest"),
        # 100 * (29 / 100) is 28.999999999999996 in float64
        pytest.param([0, 29, 100], [0, 28, 100], id="in the order of Go's operations"),
    ],
)
@pytest.mark.parametrize("longer", [pytest.param(0, id="by row"), pytest.param(200, id="by table")])
def test_normalised_by_lowest_and_highest_of_the_feasible(
    scores: list[int], expected: list[int], longer: int
) -> None:
    found = preferred.normalized(np.array(scores + [scores[0]] * longer, np.int64)).tolist()
    assert found[: len(scores)] == expected


def test_only_feasible_nodes_set_lowest_and_highest() -> None:
    cluster = make_table(*zoned("a", "b", "c"), *(a_pod(f"x{i}", f"n{i // 2}") for i in range(3)))
    pod = near(web(), wished((1, term())))
    # 2, 1, 0
    assert asking.scores(PLUGIN, cluster, pod) == {"n0": 100, "n1": 50, "n2": 0}
    assert asking.scores(PLUGIN, cluster, pod, "n0", "n1") == {"n0": 100, "n1": 0}


def test_a_key_first_named_by_a_later_pod_is_counted_though_rows_were_added_since() -> None:
    cluster: table.Table = make_table(*zoned("a", "b"))
    own = apart(web(), required(term(key="kubernetes.io/hostname")))
    before = PLUGIN.pre_filter(cluster.project(own.done()), cluster)
    assert isinstance(before, interface.PreFiltered)
    start = cluster.log.sequence
    cluster.set(a_pod("x", "ghost").done())
    cluster.set(apart(make_pod("g").on("n1"), required(term(WEB))).done())
    assert before.state.advance(cluster, cluster.log.since(start))
    answer = PLUGIN.filter(before.state, cluster, slice(0, cluster.size), None)
    assert np.asarray(answer).tolist()[:2] == [0, 1]
