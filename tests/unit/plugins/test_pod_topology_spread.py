"""PodTopologySpread: what is counted where, which domains exist, and the score's arithmetic."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.framework import status
from stowage.framework.config import args as config
from stowage.plugins import pod_topology_spread
from stowage.plugins.pod_topology_spread import soft
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod, make_table
from tests.unit.plugins import asking

PLUGIN = pod_topology_spread.PodTopologySpread(config.PodTopologySpreadArgs())
HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
SKEWED = "Unschedulable: node(s) didn't match pod topology spread constraints"
NO_LABEL = (
    "UnschedulableAndUnresolvable: node(s) didn't match pod topology spread constraints "
    "(missing required label)"
)
APP = {"matchLabels": {"app": "a"}}


def constraint(action: str, key: str = ZONE, skew: int = 1, **more: Any) -> dict[str, Any]:
    made = {"topologyKey": key, "maxSkew": skew, "whenUnsatisfiable": action, "labelSelector": APP}
    return {name: value for name, value in {**made, **more}.items() if value is not None}


def hard(key: str = ZONE, skew: int = 1, **more: Any) -> dict[str, Any]:
    return constraint("DoNotSchedule", key, skew, **more)


def soft_one(key: str = ZONE, skew: int = 1, **more: Any) -> dict[str, Any]:
    return constraint("ScheduleAnyway", key, skew, **more)


def spreading(*constraints: dict[str, Any]) -> PodBuilder:
    return make_pod("p").label(app="a").spec(topologySpreadConstraints=list(constraints))


def held(number: int, node: str, namespace: str = "default") -> list[PodBuilder]:
    """Pods with `app: a` on a node."""
    return [make_pod(f"{node}-{i}", namespace).label(app="a").on(node) for i in range(number)]


def zoned(*zones: str | None) -> list[NodeBuilder]:
    """`n0`, `n1`, … in these zones; None has no zone label."""
    made = [make_node(f"n{i}") for i in range(len(zones))]
    return [node.zone(zone) if zone is not None else node for node, zone in zip(made, zones, strict=True)]


def test_a_pod_without_constraints_or_owner_is_skipped() -> None:
    cluster = make_table(*zoned("a"))
    assert asking.scores(PLUGIN, cluster, make_pod("p")) is None
    pod = cluster.project(make_pod("p").done())
    assert PLUGIN.pre_filter(pod, cluster) is status.SKIP


def test_soft_constraints_do_not_filter_and_hard_ones_do_not_score() -> None:
    cluster = make_table(*zoned("a"))
    assert PLUGIN.pre_filter(cluster.project(spreading(soft_one()).done()), cluster) is status.SKIP
    assert asking.scores(PLUGIN, cluster, spreading(hard())) is None


def test_the_skew_is_the_domain_with_the_pod_less_the_lowest_domain() -> None:
    # zone a: 2 pods, b: 1; with the pod 3 - 1 = 2 > 1 and 2 - 1 = 1
    cluster = make_table(*zoned("a", "a", "b"), *held(1, "n0"), *held(1, "n1"), *held(1, "n2"))
    assert asking.verdicts(PLUGIN, cluster, spreading(hard())) == {"n0": SKEWED, "n1": SKEWED, "n2": ""}


def test_a_pod_its_own_selector_does_not_select_adds_nothing() -> None:
    cluster = make_table(*zoned("a", "b"), *held(1, "n0"))
    other = spreading(hard()).label(app="other")
    assert asking.verdicts(PLUGIN, cluster, other) == {"n0": "", "n1": ""}


def test_a_domain_without_pods_exists_through_an_eligible_node() -> None:
    cluster = make_table(*zoned("a", "b"), *held(1, "n0"))
    assert asking.verdicts(PLUGIN, cluster, spreading(hard())) == {"n0": SKEWED, "n1": ""}


def test_a_removed_node_takes_its_domain_along() -> None:
    nodes = zoned("a", "b")
    cluster = make_table(*nodes, *held(1, "n0"))
    cluster.remove(nodes[1].done())
    assert asking.verdicts(PLUGIN, cluster, spreading(hard()))["n0"] == ""


def test_pods_on_a_node_that_does_not_exist_count_nowhere() -> None:
    cluster = make_table(*zoned("a", "b"), *held(3, "ghost"))
    assert asking.verdicts(PLUGIN, cluster, spreading(hard()))["n0"] == ""


def test_the_domain_of_rows_that_are_not_eligible_holds_no_pods_and_is_no_domain() -> None:
    # only n0 (rack r) is eligible: lowest 1; zone b has no count, so 0 + 1 - 1 passes
    nodes = zoned("a", "b")
    cluster = make_table(nodes[0].label("rack", "r"), nodes[1], *held(1, "n0"), *held(5, "n1"))
    pod = spreading(hard()).spec(nodeSelector={"rack": "r"})
    assert asking.verdicts(PLUGIN, cluster, pod) == {"n0": "", "n1": ""}


def test_node_affinity_policy_ignore_counts_nodes_the_pod_cannot_go_to() -> None:
    nodes = zoned("a", "b")
    cluster = make_table(nodes[0].label("rack", "r"), nodes[1], *held(1, "n0"))
    pod = spreading(hard(nodeAffinityPolicy="Ignore")).spec(nodeSelector={"rack": "r"})
    assert asking.verdicts(PLUGIN, cluster, pod) == {"n0": SKEWED, "n1": ""}


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        pytest.param(None, SKEWED, id="ignored by default"),
        pytest.param("Ignore", SKEWED, id="ignored"),
        pytest.param("Honor", "", id="honored"),
    ],
)
def test_node_taints_policy_says_whether_a_tainted_node_makes_a_domain(
    policy: str | None, verdict: str
) -> None:
    nodes = zoned("a", "b")
    cluster = make_table(nodes[0], nodes[1].taint("dirty", "NoSchedule"), *held(1, "n0"))
    found = asking.verdicts(PLUGIN, cluster, spreading(hard(nodeTaintsPolicy=policy)))
    assert found["n0"] == verdict


def test_fewer_domains_than_min_domains_make_the_lowest_zero() -> None:
    cluster = make_table(*zoned("a", "b"), *held(1, "n0"), *held(1, "n1"))
    assert asking.verdicts(PLUGIN, cluster, spreading(hard(minDomains=2)))["n0"] == ""
    assert asking.verdicts(PLUGIN, cluster, spreading(hard(minDomains=3)))["n0"] == SKEWED


def test_a_node_without_one_of_the_keys_counts_for_none() -> None:
    # n1 has no rack: its zone is no domain, its pods do not count
    nodes = zoned("a", "b")
    cluster = make_table(nodes[0].label("rack", "r"), nodes[1], *held(1, "n0"))
    pod = spreading(hard(), hard("rack", 5))
    assert asking.verdicts(PLUGIN, cluster, pod) == {"n0": "", "n1": NO_LABEL}


def test_constraints_are_judged_in_order_so_skew_comes_before_a_later_missing_label() -> None:
    nodes = [*zoned("a", "a", "b")]
    nodes[0].label("rack", "r")
    nodes[2].label("rack", "s")
    cluster = make_table(*nodes, *held(1, "n0"))
    assert asking.verdicts(PLUGIN, cluster, spreading(hard(), hard("rack", 9)))["n1"] == SKEWED
    assert asking.verdicts(PLUGIN, cluster, spreading(hard("rack", 9), hard()))["n1"] == NO_LABEL


def test_terminating_pods_and_pods_of_other_namespaces_do_not_count() -> None:
    cluster = make_table(
        *zoned("a", "b"), make_pod("t").label(app="a").on("n0").terminating(), *held(2, "n0", "prod")
    )
    assert asking.verdicts(PLUGIN, cluster, spreading(hard()))["n0"] == ""


def test_an_empty_selector_counts_no_pod_but_selects_the_pod_itself() -> None:
    cluster = make_table(*zoned("a", "b"), *held(5, "n0"))
    assert asking.verdicts(PLUGIN, cluster, spreading(hard(labelSelector={}))) == {"n0": "", "n1": ""}
    # 0 + 1 - 0 > 0 only because the pod counts itself
    strict = spreading(hard(labelSelector={}, skew=0))
    assert asking.verdicts(PLUGIN, cluster, strict) == {"n0": SKEWED, "n1": SKEWED}


def test_no_selector_selects_nothing() -> None:
    cluster = make_table(*zoned("a", "b"), *held(5, "n0"))
    assert asking.verdicts(PLUGIN, cluster, spreading(hard(labelSelector=None, skew=0)))["n0"] == ""


def test_match_label_keys_narrow_the_selector_to_the_pods_own_values() -> None:
    old = [make_pod(f"o{i}").label(app="a", version="1").on("n0") for i in range(2)]
    cluster = make_table(*zoned("a", "b"), *old)
    keys = ["version", "nobody"]
    assert asking.verdicts(PLUGIN, cluster, spreading(hard(matchLabelKeys=["nobody"])))["n0"] == SKEWED
    new = spreading(hard(matchLabelKeys=keys)).label(version="2")
    assert asking.verdicts(PLUGIN, cluster, new)["n0"] == ""
    same = spreading(hard(matchLabelKeys=keys)).label(version="1")
    assert asking.verdicts(PLUGIN, cluster, same)["n0"] == SKEWED


def test_an_invalid_selector_is_an_error() -> None:
    cluster = make_table(*zoned("a"))
    bad = {"matchExpressions": [{"key": "app", "operator": "Near", "values": []}]}
    said = PLUGIN.pre_filter(cluster.project(spreading(hard(labelSelector=bad)).done()), cluster)
    assert isinstance(said, status.Status)
    assert said.code is status.Code.ERROR


def test_an_imagined_pod_changes_its_own_node_s_verdict_only() -> None:
    cluster = make_table(*zoned("a", "a", "b"))
    found = asking.imagined(PLUGIN, cluster, spreading(hard()), [(held(1, "n0")[0], "n0")], 1)
    assert found == {"n0": SKEWED}
    assert asking.verdicts(PLUGIN, cluster, spreading(hard()))["n1"] == ""


def test_an_imagined_pod_is_not_excused_by_terminating_or_an_empty_selector() -> None:
    pod = make_pod("t").label(app="a").on("n0").terminating()
    cluster = make_table(*zoned("a", "b"), pod)
    # the terminating pod was not counted, yet its removal takes one away: 0 - 1 + 1 - (-1) = 1
    assert asking.imagined(PLUGIN, cluster, spreading(hard(skew=0)), [(pod, "n0")], -1)["n0"] == SKEWED
    empty = spreading(hard(labelSelector={}))
    assert asking.imagined(PLUGIN, cluster, empty, [(pod, "n0")], 1)["n0"] == SKEWED


def test_the_lowest_is_the_changed_domain_or_the_lowest_of_the_others() -> None:
    # a 2, b 1, c 3; b gains two: lowest is then 2 (a), and 3 + 1 - 2 > 1
    cluster = make_table(*zoned("a", "b", "c"), *held(2, "n0"), *held(1, "n1"), *held(3, "n2"))
    more = [(pod, "n1") for pod in held(2, "extra")]
    assert asking.imagined(PLUGIN, cluster, spreading(hard()), more, 1)["n1"] == SKEWED
    assert asking.imagined(PLUGIN, cluster, spreading(hard(skew=2)), more, 1)["n1"] == ""


def test_scores_are_counts_times_the_logarithm_of_the_number_of_domains() -> None:
    # 3 zones: log(5); a 3 pods, b 1, c 0; plus maxSkew - 1 = 1
    cluster = make_table(*zoned("a", "b", "c"), *held(3, "n0"), *held(1, "n1"))
    pod = spreading(soft_one(skew=2))
    expected = {"n0": round(3 * math.log(5) + 1), "n1": round(math.log(5) + 1), "n2": 1}
    assert asking.raw_scores(PLUGIN, cluster, pod) == expected
    # 100 * (most + least - score) // most with 6, 3, 1
    assert asking.scores(PLUGIN, cluster, pod) == {"n0": 100 * 1 // 6, "n1": 100 * 4 // 6, "n2": 100}


def test_only_domains_of_feasible_nodes_make_the_size_while_all_eligible_nodes_are_counted() -> None:
    cluster = make_table(*zoned("a", "a", "b"), *held(2, "n1"))
    # zones of n0 alone: log(3); n1's pods count though n1 is not feasible
    raw = asking.raw_scores(PLUGIN, cluster, spreading(soft_one()), "n0")
    assert raw == {"n0": round(2 * math.log(3))}


def test_over_hostnames_each_node_counts_its_own_pods_whatever_the_policies_say() -> None:
    cluster = make_table(*zoned("a", "a"), *held(2, "n1"))
    pod = spreading(soft_one(HOSTNAME)).spec(nodeSelector={"nobody": "has"})
    # two feasible nodes: log(4)
    assert asking.raw_scores(PLUGIN, cluster, pod) == {"n0": 0, "n1": round(2 * math.log(4))}


def test_nodes_that_share_a_hostname_do_not_share_their_counts() -> None:
    nodes = [node.label(HOSTNAME, "same") for node in zoned("a", "a")]
    cluster = make_table(*nodes, *held(2, "n1"))
    raw = asking.raw_scores(PLUGIN, cluster, spreading(soft_one(HOSTNAME)))
    assert raw == {"n0": 0, "n1": round(2 * math.log(4))}


def test_the_hostname_size_is_the_feasible_nodes_that_have_all_keys() -> None:
    cluster = make_table(*zoned("a", "a", None), *held(5, "n0"))
    raw = asking.raw_scores(PLUGIN, cluster, spreading(soft_one(HOSTNAME), soft_one()))
    # 2 hosts, 1 zone
    assert raw == {"n0": round(5 * math.log(4) + 5 * math.log(3)), "n1": round(5 * math.log(3)), "n2": 0}


def test_nodes_that_lack_a_key_score_0_and_stay_out_of_lowest_and_highest() -> None:
    cluster = make_table(*zoned("a", "b", None), *held(2, "n0"), *held(1, "n1"))
    # 4 domains' logs do not matter: 2 log 4 = 3, log 4 = 1; 100 * (3 + 1 - 3) // 3 and 100
    assert asking.scores(PLUGIN, cluster, spreading(soft_one())) == {"n0": 33, "n1": 100, "n2": 0}


def test_a_highest_score_of_0_makes_all_100_but_nodes_without_the_key() -> None:
    cluster = make_table(*zoned("a", "b", None))
    assert asking.scores(PLUGIN, cluster, spreading(soft_one())) == {"n0": 100, "n1": 100, "n2": 0}


def test_halves_round_up() -> None:
    values = np.array([0.5, 1.5, 2.5, 0.49999999999999994, 2.4999999999999996])
    assert soft._rounded(values).tolist() == [1, 2, 3, 0, 2]


def owned(kind: str = "ReplicaSet", version: str = "apps/v1") -> PodBuilder:
    pod = make_pod("p").label(app="a")
    pod.raw["metadata"]["ownerReferences"] = [
        {"apiVersion": version, "kind": kind, "name": "o", "uid": "o", "controller": True}
    ]
    return pod


def controller(kind: type[Any], selector: Any) -> Any:
    return msgspec.convert(
        {"metadata": {"name": "o", "namespace": "default"}, "spec": {"selector": selector}}, kind
    )


@pytest.mark.parametrize(
    ("pod", "part"),
    [
        pytest.param(owned(), controller(objects.ReplicaSet, APP), id="ReplicaSet"),
        pytest.param(owned("StatefulSet"), controller(objects.StatefulSet, APP), id="StatefulSet"),
        pytest.param(
            owned("ReplicationController", "v1"),
            controller(objects.ReplicationController, {"app": "a"}),
            id="ReplicationController",
        ),
        pytest.param(make_pod("p").label(app="a"), controller(objects.Service, {"app": "a"}), id="Service"),
    ],
)
def test_default_constraints_take_the_selector_of_owner_and_services(pod: PodBuilder, part: Any) -> None:
    cluster = make_table(*zoned("a", "b"), *held(4, "n0"), part)
    raw = asking.raw_scores(PLUGIN, cluster, pod)
    # hostname: 4 log 4 + 2, zone: 4 log 4 + 4
    assert raw == {"n0": round(8 * math.log(4) + 6), "n1": 6}


@pytest.mark.parametrize(
    ("pod", "part"),
    [
        pytest.param(
            owned("Job", "batch/v1"), controller(objects.ReplicaSet, APP), id="another kind of owner"
        ),
        pytest.param(
            owned("ReplicaSet", "apps/v2"), controller(objects.ReplicaSet, APP), id="another version"
        ),
        pytest.param(owned(), controller(objects.ReplicaSet, {}), id="a selector that is empty"),
        pytest.param(make_pod("p"), controller(objects.Service, {"app": "a"}), id="a Service of others"),
        pytest.param(make_pod("p"), controller(objects.Service, {}), id="a Service that selects nothing"),
    ],
)
def test_without_a_selector_default_constraints_are_skipped(pod: PodBuilder, part: Any) -> None:
    assert asking.scores(PLUGIN, make_table(*zoned("a"), part), pod) is None


def test_a_pod_with_constraints_of_its_own_gets_no_defaults() -> None:
    cluster = make_table(*zoned("a"), controller(objects.ReplicaSet, APP))
    pod = owned().spec(topologySpreadConstraints=[hard()])
    assert asking.scores(PLUGIN, cluster, pod) is None


def test_system_defaults_keep_nodes_without_the_key_as_one_domain_in_the_size() -> None:
    nodes = zoned("a", None)
    cluster = make_table(*nodes, *held(4, "n0"), controller(objects.ReplicaSet, APP))
    # zones "a" and "": log(4); n1 has no zone, so only its hostname counts: 0 + 2
    raw = asking.raw_scores(PLUGIN, cluster, owned())
    assert raw == {"n0": round(8 * math.log(4) + 6), "n1": 2}


def test_system_defaults_count_nodes_without_the_key_into_the_empty_value() -> None:
    cluster = make_table(*zoned("", None), *held(3, "n1"), controller(objects.ReplicaSet, APP))
    # one zone "": log(3); n0 is in it and sees n1's pods
    raw = asking.raw_scores(PLUGIN, cluster, owned())
    assert raw == {"n0": round(3 * math.log(3) + 4 + 2), "n1": round(3 * math.log(4) + 2)}


def test_listed_defaults_leave_out_nodes_that_lack_a_key_and_can_filter() -> None:
    written = [hard(labelSelector=None), soft_one(labelSelector=None)]
    listed = msgspec.convert(written, tuple[objects.TopologySpreadConstraint, ...])
    plugin = pod_topology_spread.PodTopologySpread(config.PodTopologySpreadArgs(listed, "List"))
    cluster = make_table(*zoned("a", "b", None), *held(1, "n0"), controller(objects.ReplicaSet, APP))
    assert asking.verdicts(plugin, cluster, owned()) == {"n0": SKEWED, "n1": "", "n2": NO_LABEL}
    assert asking.scores(plugin, cluster, owned()) == {"n0": 0, "n1": 100, "n2": 0}


def test_verdicts_that_did_not_change_are_the_same_array() -> None:
    cluster = make_table(*zoned("a", "b"))
    before = PLUGIN.pre_filter(cluster.project(spreading(hard(skew=9)).done()), cluster)
    assert not isinstance(before, status.Status)
    rows = slice(0, cluster.size)
    first = PLUGIN.filter(before.state, cluster, rows, None)
    _place(cluster, before.state, held(1, "n0")[0])
    assert PLUGIN.filter(before.state, cluster, rows, None) is first


def _place(cluster: table.Table, state: Any, pod: PodBuilder) -> None:
    cursor = cluster.log.sequence
    cluster.set(pod.done())
    assert state.advance(cluster, cluster.log.since(cursor))


def test_scores_that_advanced_equal_fresh_ones_beyond_the_counts_laid_out() -> None:
    cluster = make_table(*zoned("a", "b", "b"), controller(objects.ReplicaSet, APP))
    pod = cluster.project(owned().done())
    state = PLUGIN.pre_score(pod, cluster)
    assert isinstance(state, soft.State)
    rows = cluster.rows(cluster.row_of)
    for each in held(2 * soft.ROOM, "n1"):
        _place(cluster, state, each)
        fresh = PLUGIN.pre_score(pod, cluster)
        assert isinstance(fresh, soft.State)
        assert state.score(rows).tolist() == fresh.score(rows).tolist()
