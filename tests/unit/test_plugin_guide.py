"""The plugins of docs/plugins.md: complete, short, and at work beside the in-tree ones."""

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stowage.api import defaults
from stowage.cluster import pods, table
from stowage.engine import cycle
from stowage.framework import config, profile, registry
from tests import builders

DOCS = Path(__file__).parents[2] / "docs"
CONFIG = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
  plugins: {multiPoint: {enabled: [{name: %s, weight: 50}]}}
  pluginConfig: [{name: %s, args: %s}]
"""


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both example plugins, as if their packages were installed."""
    ours = importlib.metadata.entry_points(group=registry.GROUP)
    more = [
        importlib.metadata.EntryPoint("RackSpread", "rack_spread:RackSpread", registry.GROUP),
        importlib.metadata.EntryPoint("QuietHours", "quiet_hours:QuietHours", registry.GROUP),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [*ours, *more])
    monkeypatch.setattr(sys, "path", [*sys.path, str(DOCS / "examples")])
    registry._entries.cache_clear()
    registry.find.cache_clear()
    yield
    registry._entries.cache_clear()
    registry.find.cache_clear()


def engine(name: str, args: str = "{}") -> cycle.Engine:
    known = {name: registry.points(registry.find(name))}
    loaded = config.load(CONFIG % (name, name, args), known=known)
    return cycle.Engine(table.Table(), [profile.Profile(each) for each in loaded.config.profiles])


def pending(scheduler: cycle.Engine, pod: builders.PodBuilder) -> pods.Incoming:
    return scheduler.cluster.project(defaults.default_pod(pod.done()))


@pytest.mark.parametrize("name", ["rack_spread", "quiet_hours"])
def test_an_example_is_under_forty_lines(name: str) -> None:
    assert len((DOCS / "examples" / f"{name}.py").read_text().splitlines()) < 40


def test_the_guide_shows_the_short_example_as_it_is() -> None:
    code = (DOCS / "examples" / "quiet_hours.py").read_text().split('"""\n\n', 1)[1]
    assert code in (DOCS / "plugins.md").read_text()


@pytest.mark.usefixtures("installed")
def test_a_plugin_for_all_nodes_filters_by_its_arguments_and_scores() -> None:
    scheduler = engine("RackSpread", "{maintenance: [r1]}")
    for name, rack, memory in (("a", "r1", "64Gi"), ("b", "r2", "8Gi"), ("c", "r2", "32Gi")):
        node = (
            builders.make_node(name)
            .label("example.com/rack", rack)
            .allocatable(cpu="4", memory=memory, pods="9")
        )
        scheduler.cluster.set(node.done())
    outcome = scheduler.schedule(pending(scheduler, builders.make_pod("p")), explained=True)
    assert outcome.node == "c"
    assert outcome.explanation is not None
    refused = outcome.explanation.first_failure(scheduler.cluster.row_of["a"])
    assert refused is not None
    assert refused.reasons == ("node(s) were in a rack under maintenance",)


@pytest.mark.usefixtures("installed")
def test_a_plugin_for_one_node_is_asked_anew_about_every_pod() -> None:
    scheduler = engine("QuietHours")
    scheduler.cluster.set(builders.make_node("day").label("example.com/daytime", "true").done())
    batch = builders.make_pod("b").label(tier="batch")
    web = builders.make_pod("w").label(tier="web")
    refused = scheduler.schedule(pending(scheduler, batch))
    assert refused.failure is not None
    assert "1 node(s) were reserved for daytime work" in refused.failure.sentence
    assert scheduler.schedule(pending(scheduler, web)).node == "day"
