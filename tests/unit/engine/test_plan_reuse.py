"""When two pods may share a plan, and that a plan that was used before answers as a new one would."""

import numpy as np
import pytest

from stowage.api import defaults, objects
from stowage.cluster import pods, table
from stowage.engine import cycle, entries, pages
from stowage.framework import config, interface, nodewise, profile, status
from tests import builders


def engine_with(*plugins: interface.Plugin) -> cycle.Engine:
    made = profile.Profile(config.default().profiles[0])
    made.filter += tuple(p for p in plugins if isinstance(p, interface.FilterPlugin))
    made.pre_filter += tuple(p for p in plugins if isinstance(p, interface.PreFilterPlugin))
    made.score += tuple(p for p in plugins if isinstance(p, interface.ScorePlugin))
    made.weights = {**made.weights, **{plugin.name: 100 for plugin in plugins}}
    made.cyclic = any(plugin.kind is interface.Kind.CYCLE for plugin in plugins)
    engine = cycle.Engine(table.Table(), [made])
    for name in ("a", "b"):
        node = builders.make_node(name).label("kubernetes.io/hostname", name)
        engine.cluster.set(node.allocatable(cpu="8", memory="32Gi", pods="20").done())
    return engine


def pending(engine: cycle.Engine, pod: builders.PodBuilder) -> pods.Incoming:
    return engine.cluster.project(defaults.default_pod(pod.done()))


def feasible(engine: cycle.Engine, pod: pods.Incoming) -> list[str]:
    rows = np.flatnonzero(engine.attempt(engine.plan(pod), pod).statuses() == entries.OK)
    return sorted(engine.cluster.names[row] for row in rows.tolist())


ANTI = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"tier": "db"}}, "topologyKey": "kubernetes.io/hostname"}
        ]
    }
}


def test_a_plan_made_before_a_selector_is_not_shared_by_pods_that_the_selector_tells_apart() -> None:
    engine = engine_with()
    db = pending(engine, builders.make_pod("db").label(app="x", tier="db"))
    assert feasible(engine, db) == ["a", "b"]
    hermit = builders.make_pod("hermit").on("a").label(app="y").spec(affinity=ANTI)
    engine.cluster.set(defaults.default_pod(hermit.done()))
    assert feasible(engine, pending(engine, builders.make_pod("db-2").label(app="x", tier="db"))) == ["b"]
    assert feasible(engine, pending(engine, builders.make_pod("web").label(app="x"))) == ["a", "b"]


def test_rows_that_anti_affinity_bars_stay_out_of_the_pages_as_pods_come_and_go() -> None:
    engine = engine_with()
    cluster = engine.cluster
    for i in range(6):
        node = builders.make_node(f"n{i}").label("zone", "xyz"[i // 2]).allocatable(cpu="64", pods="99")
        cluster.set(node.done())
    term = {"labelSelector": {"matchLabels": {"tier": "db"}}, "topologyKey": "zone"}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    asked = pending(engine, builders.make_pod("asked").cpu("1").label(tier="db").spec(affinity=apart))
    others = [builders.make_pod(f"db-{i}").cpu("1").label(tier="db") for i in range(3)]
    others += [builders.make_pod(f"web-{i}").cpu("1") for i in range(3)]
    placed = [pending(engine, each) for each in others]

    def held() -> list[str]:
        plan = engine.plan(asked)
        assert plan.pages is not None
        rows = np.flatnonzero(plan.feasible()).tolist()
        totals = plan.totals_of(np.array(rows))
        assert [plan.pages.get(row) for row in rows] == totals.tolist()
        barred = set(range(cluster.size)) - set(rows)
        assert {plan.pages.get(row) for row in barred} <= {pages.INFEASIBLE}
        return sorted(cluster.names[row] for row in rows)

    assert len(held()) == 8
    for steps, left in (
        ([(0, "n0"), (3, "n1")], ["a", "b", "n2", "n3", "n4", "n5"]),
        ([(1, "n1"), (4, "n0")], ["a", "b", "n2", "n3", "n4", "n5"]),
        ([(2, "n2"), (5, "n3")], ["a", "b", "n4", "n5"]),
    ):
        for index, name in steps:
            cluster.add_pod(placed[index], cluster.row_of[name])
            held()  # one change at a time
        assert held() == left
    passes = engine.work.passes
    engine.plan(asked)
    for index in (0, 1, 2):
        cluster.remove_pod(placed[index].uid)
        engine.plan(asked)
    assert engine.work.passes == passes
    assert len(held()) == 8


class FreeMemory(interface.ScorePlugin):
    """Relative to the feasible nodes, and read from what pods change."""

    name = "FreeMemory"
    reads = frozenset({"allocatable", "requested"})

    def score(self, state: object, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        memory = cluster.resources.index["memory"]
        return np.asarray((cluster.allocatable[memory, rows] - cluster.requested[memory, rows]) >> 20)

    def normalize(self, state: object, raw: np.ndarray) -> np.ndarray:
        return np.asarray(raw * 100 // max(int(raw.max()), 1))


def test_a_normalised_score_of_what_pods_use_follows_the_pods() -> None:
    engine = engine_with(FreeMemory())
    first = engine.schedule(pending(engine, builders.make_pod("1").memory("8Gi")))
    second = engine.schedule(pending(engine, builders.make_pod("2").memory("8Gi")))
    assert {first.node, second.node} == {"a", "b"}


class Odd(nodewise.NodeScore):
    """Scores by the pod's own name."""

    name = "Odd"

    def score_node(self, pod: pods.Incoming, node: nodewise.Node) -> int:
        return 100 if pod.name == node.name else 0


def test_a_pod_refused_before_the_filters_does_not_break_a_plugin_asked_about_every_pod() -> None:
    engine = engine_with(Odd())
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "missing"}}
    for name in ("1", "2"):
        pod = objects.Pod(
            metadata=builders.make_pod(name).done().metadata,
            spec=builders.make_pod(name).spec(volumes=[claim]).done().spec,
        )
        outcome = engine.schedule(engine.cluster.project(defaults.default_pod(pod)))
        assert outcome.failure is not None
        assert "missing" in outcome.failure.sentence


class Fickle(interface.PreFilterPlugin, interface.FilterPlugin):
    """Refuses a pod by its name, or narrows it to one node."""

    name = "Fickle"
    kind = interface.Kind.CYCLE

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        if pod.name == "refused":
            return status.unresolvable("by name")
        return interface.PreFiltered(nodes=frozenset({"a"}) if pod.name == "narrowed" else None)

    def filter(self, state: object, cluster: table.Table, rows: interface.Rows, change: object) -> int:
        return 0


@pytest.mark.parametrize("first", ["refused", "narrowed"])
def test_what_was_said_of_one_pod_does_not_stick_to_the_next(first: str) -> None:
    engine = engine_with(Fickle())
    engine.plan(pending(engine, builders.make_pod(first)))
    assert feasible(engine, pending(engine, builders.make_pod("free"))) == ["a", "b"]


class Grumpy(interface.ScorePlugin):
    """Out of range where a node says so."""

    name = "Grumpy"
    reads = frozenset({"labels"})

    def score(self, state: object, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        codes = cluster.codes("grumpy")
        bad = codes.truth("grumpy", lambda value: value is not None)
        return np.asarray(np.where(bad[codes.column[: cluster.size]][rows], 500, 1))


def test_a_plan_that_failed_half_way_is_not_used_again() -> None:
    engine = engine_with(Grumpy())
    assert engine.schedule(pending(engine, builders.make_pod("1"))).node
    bad = builders.make_node("a").label("kubernetes.io/hostname", "a").label("grumpy", "yes")
    engine.cluster.set(bad.allocatable(cpu="8", memory="32Gi", pods="20").done())
    for name in ("2", "3"):
        outcome = engine.schedule(pending(engine, builders.make_pod(name)))
        assert outcome.rejected is not None
        assert "invalid score 500" in outcome.rejected.message


def test_a_score_out_of_range_on_a_node_that_cannot_take_the_pod_does_no_harm() -> None:
    engine = engine_with(Grumpy())
    bad = builders.make_node("a").label("grumpy", "yes").taint("x", "NoSchedule")
    engine.cluster.set(bad.allocatable(cpu="8", memory="32Gi", pods="20").done())
    assert engine.schedule(pending(engine, builders.make_pod("1"))).node == "b"


@pytest.mark.parametrize("plugin", ["NodeResourcesFit", "NodePorts", "PodTopologySpread", "InterPodAffinity"])
def test_a_filter_without_its_prefilter_fails_the_attempt(plugin: str) -> None:
    text = f"""
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- plugins: {{preFilter: {{disabled: [{{name: {plugin}}}]}}}}
"""
    engine = cycle.Engine(table.Table(), [profile.Profile(p) for p in config.load(text).config.profiles])
    engine.cluster.set(builders.make_node("a").done())
    outcome = engine.schedule(pending(engine, builders.make_pod("1")))
    assert outcome.rejected is not None
    assert f'reading "PreFilter{plugin}" from cycleState: not found' in outcome.rejected.message


def test_a_pod_that_has_a_place_is_not_given_another() -> None:
    engine = engine_with()
    pod = pending(engine, builders.make_pod("1"))
    engine.cluster.add_pod(pod, 0)
    with pytest.raises(ValueError, match="has a place already"):
        engine.cluster.add_pod(pod, 1)


def test_removing_placed_pods_leaves_no_shapes_behind() -> None:
    engine = engine_with()
    for i in range(3):
        placed = defaults.default_pod(builders.make_pod(f"p{i}").on("a" if i % 2 else "b").done())
        engine.cluster.set(placed)
        engine.cluster.remove(placed)
    assert len(engine.cluster.shapes) == 1
