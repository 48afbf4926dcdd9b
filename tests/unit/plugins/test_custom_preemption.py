"""CustomPreemption: whom it evicts, which node it prefers, and what it says where it cannot."""

from typing import Any

import msgspec
import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.engine import cycle
from stowage.framework import config, interface, profile, registry, status
from stowage.framework.config import intree
from stowage.plugins import custom_preemption
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod, make_table
from tests.stub_attempt import StubAttempt

PLUGIN = custom_preemption.CustomPreemption()
CONFIG = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
  plugins:
    postFilter:
      disabled: [{name: DefaultPreemption}]
      enabled: [{name: CustomPreemption}]
"""


def node(name: str = "n", cpu: str = "4", memory: str = "4Gi") -> NodeBuilder:
    return make_node(name).allocatable(cpu=cpu, memory=memory)


def old(
    name: str, cpu: str = "1", priority: int = 0, on: str = "n", namespace: str = "default"
) -> PodBuilder:
    return make_pod(name, namespace).cpu(cpu).priority(priority).on(on)


def new(cpu: str = "4", priority: int = 100) -> PodBuilder:
    return make_pod("new").cpu(cpu).priority(priority)


def budget(allowed: int, **labels: str) -> objects.PodDisruptionBudget:
    raw = {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": allowed},
    }
    return msgspec.convert(raw, objects.PodDisruptionBudget)


def post_filter(cluster: table.Table, pod: PodBuilder, **overrides: status.Code) -> interface.PostFiltered:
    incoming = cluster.project(pod.done())
    attempt = StubAttempt(cluster, incoming)
    attempt.overrides = overrides
    return PLUGIN.post_filter(incoming, attempt)


def victims(cluster: table.Table, pod: PodBuilder) -> dict[str, tuple[list[str], int]]:
    return {
        name: ([each.name for each in found.pods], found.violations)
        for name, found in post_filter(cluster, pod).candidates.items()
    }


# ------------------------------------------------------------------ the victims


def test_pods_leave_ascending_by_priority_until_the_pod_fits() -> None:
    # DefaultPreemption would evict "a" alone.
    cluster = make_table(
        node(cpu="7"), old("a", "4", 30), old("b", "1", 20), old("c", "1", 10), old("d", priority=40)
    )
    assert victims(cluster, new("3")) == {"n": (["a", "b", "c"], 0)}
    assert victims(cluster, new("2")) == {"n": (["b", "c"], 0)}


def test_of_equal_priority_the_youngest_leaves_first() -> None:
    cluster = make_table(
        node(cpu="2"),
        old("young").start("2026-01-02T00:00:00Z"),
        old("grown").start("2026-01-01T00:00:00Z"),
    )
    assert victims(cluster, new("1")) == {"n": (["young"], 0)}


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(old("p", namespace="kube-system"), id="kube-system"),
        pytest.param(old("p").label(tier="control-plane"), id="tier"),
        *(
            pytest.param(old("p").label(component=name), id=name)
            for name in ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
        ),
        pytest.param(old("p", priority=100), id="not of lower priority"),
    ],
)
def test_a_protected_pod_stays(pod: PodBuilder) -> None:
    beside = make_table(node(cpu="2"), pod, old("low", priority=50))
    assert victims(beside, new("1")) == {"n": (["low"], 0)}
    answer = post_filter(beside, new("2"))
    assert answer == interface.PostFiltered(
        status.unschedulable("no preemption candidates found"), clears=True
    )


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(old("p").label(tier="web"), id="tier"),
        pytest.param(old("p").label(component="api"), id="component"),
        pytest.param(old("p", namespace="kube-public"), id="namespace"),
    ],
)
def test_other_pods_are_not_protected(pod: PodBuilder) -> None:
    assert victims(make_table(node(cpu="1"), pod), new("1")) == {"n": (["p"], 0)}


def test_pods_whose_eviction_breaks_a_budget_leave_last() -> None:
    cluster = make_table(
        node(cpu="2"), old("kept", priority=1).label(app="x"), old("p", priority=9), budget(0, app="x")
    )
    assert victims(cluster, new("1")) == {"n": (["p"], 0)}
    assert victims(cluster, new("2")) == {"n": (["p", "kept"], 1)}


def test_who_breaks_a_budget_stays_where_it_fits_without() -> None:
    # "small" and "large" leave in this order; without "large" the pod fits.
    cluster = make_table(
        node(cpu="5"),
        old("small", "1", 1).label(app="x"),
        old("large", "4", 2).label(app="x"),
        budget(0, app="x"),
    )
    assert victims(cluster, new("4")) == {"n": (["large"], 1)}


def test_nodes_are_tried_apart() -> None:
    cluster = make_table(
        node("few", "1"),
        node("many", "6"),
        node("none", "1"),
        node("small", "1"),
        old("f", on="few"),
        *(old(f"m{i}", priority=i, on="many") for i in range(6)),
        old("s", "500m", on="small"),
        old("ghost", on="gone"),
    )
    one = {"few": (["f"], 0), "many": (["m0"], 0), "small": (["s"], 0)}
    assert victims(cluster, new("1")) == one
    assert victims(cluster, new("4")) == {"many": (["m3", "m2", "m1", "m0"], 0)}


def test_more_than_room_can_be_in_the_way() -> None:
    cluster = make_table(node(), old("a", priority=1), old("b", priority=5).host_port(80))
    assert victims(cluster, new("1").host_port(80)) == {"n": (["b", "a"], 0)}


# ------------------------------------------------------------------ the choice


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        pytest.param([old("w", "4", 9)], [old("b", "4", 8)], id="larger difference"),
        pytest.param([old("w", "4", 5)], [old(f"b{i}", "2", 5) for i in range(2)], id="more of them"),
        pytest.param(
            [old(f"w{i}", "2", 95) for i in range(2)], [old("b", "4", 95)], id="each victim costs more than 5"
        ),
        pytest.param([old("w", "4", 5).memory("1Gi")], [old("b", "4", 5)], id="less in use"),
        pytest.param(
            [old("w", "4", -9).label(app="x")], [old("b", "4", 99)], id="fewest violations before all else"
        ),
    ],
)
@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")], ids=["worse-first", "better-first"])
def test_the_better_node_is_nominated(
    worse: list[PodBuilder], better: list[PodBuilder], names: tuple[str, str]
) -> None:
    placed = []
    for pods, name in zip((worse, better), names, strict=True):
        for each in pods:
            pod = each.done()
            placed.append(
                msgspec.structs.replace(pod, spec=msgspec.structs.replace(pod.spec, node_name=name))
            )
    cluster = make_table(node("a"), node("b"), *placed, budget(0, app="x"))
    answer = post_filter(cluster, new("4"))
    assert answer.node == names[1]
    assert answer.victims is not None
    assert {each.name for each in answer.victims.pods} == {each.raw["metadata"]["name"] for each in better}
    assert answer.amended is not None
    assert answer.amended(dict(reversed(list(answer.candidates.items())))).node == names[1]
    assert answer.amended({names[0]: answer.candidates[names[0]]}).node == names[0]


def test_of_equal_nodes_the_first_is_nominated() -> None:
    cluster = make_table(node("b"), node("a"), old("x", "4", on="a"), old("y", "4", on="b"))
    answer = post_filter(cluster, new("4"))
    assert list(answer.candidates) == ["b", "a"]
    assert answer.node == "b"


@pytest.mark.parametrize(
    ("requests", "allocatable", "percent"),
    [
        pytest.param(("1", "1Gi"), ("4", "4Gi"), 75, id="equal"),
        pytest.param(("1", "3Gi"), ("4", "4Gi"), 50, id="their mean"),
        pytest.param(("1", "0"), ("3", "1Gi"), 83, id="cut off"),
        pytest.param(("201m", "1Gi"), ("100m", "1Gi"), -50, id="too much: towards zero"),
        pytest.param(("0", "0"), ("4", "0"), 50, id="none there is all in use"),
    ],
)
def test_how_much_of_a_node_is_unused(
    requests: tuple[str, str], allocatable: tuple[str, str], percent: int
) -> None:
    cluster = make_table(node("n", *allocatable), old("p", requests[0]).memory(requests[1]))
    [found] = custom_preemption.unused(cluster, cluster.rows(["n"]))
    assert found == percent


def test_the_score_is_that_of_the_formula() -> None:
    assert custom_preemption.score(1000, [100, 0], 40) == -20 + 900 + 1000 + 40


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        pytest.param({}, status.unschedulable("no preemption candidates found"), id="none left"),
        pytest.param("out of order", status.error("preemption: out of order"), id="an error"),
    ],
)
def test_extenders_may_leave_nothing(left: Any, expected: status.Status) -> None:
    answer = post_filter(make_table(node(), old("p", "4")), new())
    assert answer.amended is not None
    assert answer.amended(left) == interface.PostFiltered(expected)


# ------------------------------------------------------------------ the refusals


def test_a_pod_that_never_preempts_is_not_eligible() -> None:
    answer = post_filter(make_table(node(), old("p", "4")), new().spec(preemptionPolicy="Never"))
    assert answer.status == status.unschedulable("preemption: not eligible due to preemptionPolicy=Never.")


@pytest.mark.parametrize(
    ("cluster", "codes"),
    [
        pytest.param(make_table(), {}, id="no nodes"),
        pytest.param(make_table(node(cpu="1")), {}, id="no pods"),
        pytest.param(
            make_table(node(), old("p", "4")),
            {"n": status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE},
            id="hopeless",
        ),
        pytest.param(
            make_table(node(cpu="8"), old("p", "4")),
            {"n": status.Code.UNSCHEDULABLE},
            id="an extender refused it",
        ),
    ],
)
def test_where_evicting_cannot_help_there_are_no_candidates(
    cluster: table.Table, codes: dict[str, status.Code]
) -> None:
    answer = post_filter(cluster, new(), **codes)
    assert answer == interface.PostFiltered(
        status.unschedulable("no preemption candidates found"), clears=True
    )


class Failing(StubAttempt):
    def verdicts(self, change: Any) -> dict[status.Status, int]:
        return {status.error("cannot tell"): 1}


def test_a_filter_that_fails_is_told() -> None:
    cluster = make_table(node(cpu="1"), old("p"))
    incoming = cluster.project(new("2").done())
    answer = PLUGIN.post_filter(incoming, Failing(cluster, incoming))
    assert answer.status == status.error("preemption: cannot tell")


# --------------------------------------------------------- a profile, and the engine


def loaded(text: str) -> config.Configuration:
    """A configuration that may name the plugin; it has no faults and no warnings."""
    known = {name: registry.points(registry.find(name)) for name in registry.names() - intree.POINTS.keys()}
    made = config.load(text, known=known, strict=True)
    assert made.warnings == ()
    return made.config


def engine() -> cycle.Engine:
    return cycle.Engine(table.Table(), [profile.Profile(each) for each in loaded(CONFIG).profiles])


def test_a_profile_has_it_in_the_place_of_the_default() -> None:
    [only] = engine().profiles.values()
    assert [plugin.name for plugin in only.post_filter] == ["DynamicResources", "CustomPreemption"]


def test_all_filters_of_the_profile_count() -> None:
    # On "near" room is not all: the pod keeps away from "rival", which has the higher priority of two.
    scheduler = engine()
    away = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"app": "rival"}}, "topologyKey": "kubernetes.io/hostname"}
            ]
        }
    }
    for each in (
        node("near").label("kubernetes.io/hostname", "near"),
        old("low", "4", 1, "near"),
        old("rival", "0", 5, "near").label(app="rival"),
        node("tainted").taint("t", "NoSchedule"),
        old("other", "4", 1, "tainted"),
    ):
        scheduler.cluster.set(each.done())
    pod = new("4").spec(affinity=away, schedulerName="default-scheduler")
    failure = scheduler.schedule(scheduler.cluster.project(pod.done())).failure
    assert failure is not None
    assert failure.post is not None
    assert failure.post.node == "near"
    assert [each.name for each in failure.post.candidates["near"].pods] == ["rival", "low"]
    assert failure.post.candidates.keys() == {"near"}
