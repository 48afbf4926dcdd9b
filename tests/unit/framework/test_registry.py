"""Plugins by name: found through entry points, ours and other people's alike."""

import importlib.metadata
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from stowage.cluster import pods, table
from stowage.engine import cycle
from stowage.framework import config, interface, overlay, profile, registry, status
from tests.builders import make_node, make_pod, make_table
from tests.property import strategies

HERE = "tests.unit.framework.test_registry"


class Picky(interface.FilterPlugin, interface.ScorePlugin):
    """A user's plugin: only nodes whose name ends as its arguments say."""

    name: ClassVar[str] = "Picky"
    reads: ClassVar[frozenset[str]] = frozenset({"names"})

    def __init__(self, args: dict[str, Any]) -> None:
        self.ending = args["ending"]

    def filter(
        self, state: Any, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        return np.array([not name.endswith(self.ending) for name in cluster.names], np.int64)[rows]

    def explain(self, state: Any, cluster: table.Table, code: int) -> status.Status:
        return status.unschedulable(f"node(s) did not end with {self.ending}")

    def score(self, state: Any, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        return 0


class Needy(interface.FilterPlugin):
    name: ClassVar[str] = "Needy"

    def __init__(self, args: Any) -> None:
        raise ValueError("no ending given")


class Prepared(interface.ScorePlugin):
    name: ClassVar[str] = "Prepared"

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> Any:
        return status.SKIP


NOT_A_PLUGIN = 7


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[importlib.metadata.EntryPoint]]:
    """Entry points to add to the installed ones."""
    more: list[importlib.metadata.EntryPoint] = []
    real = importlib.metadata.entry_points
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **select: [*real(**select), *more])
    clear()
    yield more
    clear()


def clear() -> None:
    registry._entries.cache_clear()
    registry.find.cache_clear()


def entry(name: str, target: str) -> importlib.metadata.EntryPoint:
    return importlib.metadata.EntryPoint(name, f"{HERE}:{target}", registry.GROUP)


CONFIGURATION = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- plugins: {multiPoint: {enabled: [{name: Picky, weight: 3}]}}
  pluginConfig: [{name: Picky, args: {ending: "-yes"}}]
"""


def test_a_users_plugin_needs_an_entry_point_and_its_name_in_the_configuration(
    installed: list[importlib.metadata.EntryPoint],
) -> None:
    installed.append(entry("Picky", "Picky"))
    catalog = {name: registry.points(registry.find(name)) for name in ("Picky",)}
    assert catalog == {"Picky": {"filter", "score"}}
    written = config.load(CONFIGURATION, known=catalog).config.profiles[0]
    chain = profile.Profile(written)
    assert chain.filter[-1].name == chain.score[-1].name == "Picky"
    assert id(chain.filter[-1]) == id(chain.score[-1])  # one instance a profile
    assert chain.weights["Picky"] == 3
    cluster = make_table(make_node("a-yes"), make_node("b-no"))
    engine = cycle.Engine(cluster, [chain])
    placed = engine.schedule(cluster.project(strategies.done(make_pod("p"))))
    assert placed.node == "a-yes"
    cluster.remove_node("a-yes")
    refused = engine.schedule(cluster.project(strategies.done(make_pod("q"))))
    assert refused.failure is not None
    assert refused.failure.reasons == {"node(s) did not end with -yes": 1}


def test_an_unknown_plugin_is_told_with_those_there_are(
    installed: list[importlib.metadata.EntryPoint],
) -> None:
    with pytest.raises(registry.RegistryError, match=r"there is no plugin Picky; installed are .*NodeName"):
        registry.find("Picky")


def test_two_plugins_of_one_name_are_an_error(installed: list[importlib.metadata.EntryPoint]) -> None:
    installed.append(entry("NodeName", "Picky"))
    with pytest.raises(registry.RegistryError, match="two plugins are called NodeName"):
        registry.names()


def test_the_same_plugin_installed_twice_is_none(installed: list[importlib.metadata.EntryPoint]) -> None:
    installed += [entry("Picky", "Picky"), entry("Picky", "Picky")]
    assert "Picky" in registry.names()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param("Missing", "plugin P .* cannot be loaded: .*Missing", id="missing"),
        pytest.param("NOT_A_PLUGIN", "plugin P .* is not a subclass of Plugin", id="no-class"),
    ],
)
def test_what_cannot_be_loaded_is_an_error_that_names_it(
    installed: list[importlib.metadata.EntryPoint], target: str, message: str
) -> None:
    installed.append(entry("P", target))
    with pytest.raises(registry.RegistryError, match=message):
        registry.find("P")


def test_arguments_that_a_plugin_refuses_are_an_error(
    installed: list[importlib.metadata.EntryPoint],
) -> None:
    installed.append(entry("Needy", "Needy"))
    with pytest.raises(registry.RegistryError, match="plugin Needy cannot be made: no ending given"):
        registry.make("Needy", {})


def test_a_plugin_with_pre_score_of_its_own_is_one_at_that_point() -> None:
    assert registry.points(Prepared) == {"preScore", "score"}
    assert registry.points(Picky) == {"filter", "score"}


def test_every_installed_plugin_goes_by_its_own_name(
    installed: list[importlib.metadata.EntryPoint],
) -> None:
    assert {name: registry.find(name).name for name in registry.names()} == {
        name: name for name in registry.names()
    }
