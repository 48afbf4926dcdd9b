"""NodeAffinity: the pod's own terms, the profile's, and the nodes a pod names."""

from typing import Any

import msgspec
import pytest

from stowage.api import objects
from stowage.framework import interface, status
from stowage.framework.config import args
from stowage.plugins import node_affinity
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.unit.plugins import asking

Json = dict[str, Any]
MISMATCH = "UnschedulableAndUnresolvable: node(s) didn't match Pod's node affinity/selector"
ENFORCED = "UnschedulableAndUnresolvable: node(s) didn't match scheduler-enforced node affinity"
CLUSTER = make_table(
    make_node("a").label("disk", "ssd").label("size", "8"),
    make_node("b").label("disk", "hdd").label("size", "x"),
    make_node("c"),
)


def required(*terms: Json) -> Json:
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}


def preferred(*terms: tuple[int, Json]) -> Json:
    listed = [{"weight": weight, "preference": each} for weight, each in terms]
    return {"preferredDuringSchedulingIgnoredDuringExecution": listed}


def label(key: str, operator: str, *values: str) -> Json:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def name(operator: str, *values: str) -> Json:
    return {"matchFields": [{"key": "metadata.name", "operator": operator, "values": list(values)}]}


def affine(affinity: Json) -> PodBuilder:
    return make_pod("p").spec(affinity={"nodeAffinity": affinity})


def plugin(added: Json | None = None) -> node_affinity.NodeAffinity:
    made = None if added is None else msgspec.convert(added, objects.NodeAffinity)
    return node_affinity.NodeAffinity(args.NodeAffinityArgs(made))


def fitting(pod: PodBuilder, added: Json | None = None) -> str:
    """The names of the nodes that fit."""
    found = asking.verdicts(plugin(added), CLUSTER, pod)
    return "".join(node for node, reason in found.items() if not reason)


@pytest.mark.parametrize(
    ("term", "nodes"),
    [
        pytest.param(label("disk", "In", "ssd"), "a", id="In"),
        pytest.param(label("disk", "NotIn", "ssd"), "bc", id="NotIn-absent-too"),
        pytest.param(label("disk", "Exists"), "ab", id="Exists"),
        pytest.param(label("disk", "DoesNotExist"), "c", id="DoesNotExist"),
        pytest.param(label("size", "Gt", "7"), "a", id="Gt-not-where-it-is-no-number"),
        pytest.param(label("size", "Lt", "9"), "a", id="Lt-not-where-it-is-absent"),
        pytest.param({}, "", id="an-empty-term-matches-nothing"),
        pytest.param(name("In", "b"), "b", id="by-name"),
        pytest.param(name("NotIn", "b"), "ac", id="by-name-not"),
        pytest.param({**label("disk", "Exists"), **name("NotIn", "a")}, "b", id="both-parts"),
    ],
)
def test_a_required_term_matches(term: Json, nodes: str) -> None:
    assert fitting(affine(required(term))) == nodes


def test_terms_are_alternatives() -> None:
    assert fitting(affine(required({}, label("disk", "In", "ssd"), name("In", "c")))) == "ac"


def test_node_selector_and_required_affinity_both_have_to_match() -> None:
    pod = affine(required(label("disk", "Exists"))).spec(nodeSelector={"disk": "hdd"})
    assert fitting(pod) == "b"
    assert asking.verdicts(plugin(), CLUSTER, pod)["a"] == MISMATCH


def test_a_node_selector_on_a_key_no_node_has_matches_nothing() -> None:
    assert fitting(make_pod("p").spec(nodeSelector={"absent": ""})) == ""


def nodes(pod: PodBuilder) -> object:
    found = plugin().pre_filter(CLUSTER.project(pod.done()), CLUSTER)
    return found.nodes if isinstance(found, interface.PreFiltered) else found


def test_a_pod_without_terms_is_skipped() -> None:
    assert nodes(make_pod("p")) is status.SKIP
    assert nodes(affine(preferred((1, label("disk", "Exists"))))) is status.SKIP


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        pytest.param([name("In", "a")], {"a"}, id="one"),
        pytest.param([name("In", "a"), name("In", "b")], {"a", "b"}, id="every-term-names-some"),
        pytest.param([name("In", "a"), label("disk", "Exists")], None, id="one-term-names-none"),
        pytest.param([name("NotIn", "a")], None, id="NotIn-names-none"),
        pytest.param([{}, name("In", "a")], None, id="an-empty-term-names-none"),
    ],
)
def test_the_nodes_a_pod_names_are_the_only_ones_looked_at(
    terms: list[Json], expected: set[str] | None
) -> None:
    assert nodes(affine(required(*terms))) == (None if expected is None else frozenset(expected))


def test_names_that_contradict_refuse_the_pod() -> None:
    term = {"matchFields": name("In", "a")["matchFields"] + name("In", "b")["matchFields"]}
    assert nodes(affine(required(term))) == status.unresolvable("pod affinity terms conflict")


def test_a_second_term_saves_a_contradiction_in_the_first() -> None:
    term = {"matchFields": name("In", "a")["matchFields"] + name("In", "b")["matchFields"]}
    assert nodes(affine(required(term, name("In", "c")))) == frozenset("c")


def test_the_profiles_affinity_filters_first_and_says_so() -> None:
    added = required(label("disk", "In", "ssd"))
    found = asking.verdicts(plugin(added), CLUSTER, affine(required(label("no", "DoesNotExist"))))
    assert found == {"a": "", "b": ENFORCED, "c": ENFORCED}
    found = asking.verdicts(plugin(added), CLUSTER, affine(required(label("disk", "In", "hdd"))))
    assert found == {"a": MISMATCH, "b": ENFORCED, "c": ENFORCED}


def test_the_profiles_affinity_filters_pods_without_terms_too() -> None:
    assert fitting(make_pod("p"), required(label("disk", "Exists"))) == "ab"


def test_without_prefilter_the_filter_reads_the_pod() -> None:
    pod = CLUSTER.project(make_pod("p").spec(nodeSelector={"disk": "ssd"}).done())
    codes = plugin().filter(pod, CLUSTER, slice(0, CLUSTER.size), None)
    assert not isinstance(codes, int)
    assert codes.tolist() == [0, node_affinity.MISMATCH, node_affinity.MISMATCH]


def test_weights_of_matching_terms_add_up_and_the_highest_is_100() -> None:
    pod = affine(preferred((3, label("disk", "Exists")), (5, label("disk", "In", "ssd"))))
    assert asking.raw_scores(plugin(), CLUSTER, pod) == {"a": 8, "b": 3, "c": 0}
    assert asking.scores(plugin(), CLUSTER, pod) == {"a": 100, "b": 37, "c": 0}  # 300/8 = 37.5
    assert asking.scores(plugin(), CLUSTER, pod, "b", "c") == {"b": 100, "c": 0}


def test_an_empty_preferred_term_matches_nothing() -> None:
    assert asking.raw_scores(plugin(), CLUSTER, affine(preferred((3, {})))) == {"a": 0, "b": 0, "c": 0}


def test_without_preferred_terms_there_is_no_score() -> None:
    assert asking.scores(plugin(), CLUSTER, affine(required(label("disk", "Exists")))) is None


def test_the_profiles_preferences_score_for_every_pod() -> None:
    added = preferred((4, label("disk", "Exists")))
    assert asking.raw_scores(plugin(added), CLUSTER, make_pod("p")) == {"a": 4, "b": 4, "c": 0}
