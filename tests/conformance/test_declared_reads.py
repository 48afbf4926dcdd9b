"""What plugins say of themselves holds while they answer recorded scenarios: their reads and their kind."""

import functools
import gzip
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stowage.cluster import table
from stowage.engine import conformance
from stowage.framework import interface, overlay, registry

RECORDED = sorted((Path(__file__).parents[1] / "data" / "conformance").glob("*.jsonl.gz"))
SAMPLE = 8  # scenarios a family

ALWAYS = frozenset({"size", "log", "resource", "resources"})
"""What every plugin may look at: how much there is, not what it is."""

PARTS = {
    "codes": {"labels"},
    "sum_by_shape": {"pods"},
    "sum_by_group": {"pods"},
    "held": {"pods"},
    "names": {"names"},
    "row_of": {"names", "row_of"},
    "rows": {"names", "row_of"},
    "node_count": {"nodes"},
}
"""Attribute -> the names in ``reads`` of which one declares it, where that is not its own."""

METHODS = ("pre_filter", "filter", "explain", "pre_score", "score", "normalize")


class UndeclaredError(AssertionError):
    pass


class View:
    """A table that shows a plugin what it declared and refuses everything else."""

    def __init__(self, cluster: table.Table, plugin: interface.Plugin) -> None:
        self._cluster = cluster
        self._plugin = plugin

    def __getattr__(self, name: str) -> Any:
        if name not in ALWAYS and not PARTS.get(name, {name}) & self._plugin.reads:
            raise UndeclaredError(f"{self._plugin.name} reads {name} and does not say so")
        return getattr(self._cluster, name)


Wrapper = Callable[[interface.Plugin, str, Callable[..., Any]], Callable[..., Any]]


def wrapped(monkeypatch: pytest.MonkeyPatch, wrapper: Wrapper) -> None:
    """Every plugin made from here on has its methods wrapped, and so has every state's `advance`."""
    make = registry.make
    advancing: set[type] = set()

    def advance_too(plugin: interface.Plugin, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any) -> Any:
            found = method(*args)
            state = found.state if isinstance(found, interface.PreFiltered) else found
            kind = type(state)
            if isinstance(state, interface.Advancing) and kind not in advancing:
                advancing.add(kind)
                monkeypatch.setattr(kind, "advance", wrapper(plugin, "advance", kind.advance))
            return found

        return call

    def made(name: str, args: object) -> interface.Plugin:
        plugin = make(name, args)
        for method in METHODS:
            if hasattr(plugin, method):
                inner = wrapper(plugin, method, getattr(plugin, method))
                setattr(plugin, method, advance_too(plugin, inner) if method.startswith("pre_") else inner)
        return plugin

    monkeypatch.setattr(registry, "make", made)


def through_views(plugin: interface.Plugin, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*args: Any) -> Any:
        return method(*(View(each, plugin) if isinstance(each, table.Table) else each for each in args))

    return call


def scenarios(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        yield from islice(map(json.loads, lines), SAMPLE)


def family(path: Path) -> str:
    return path.name.partition(".")[0]


@pytest.mark.parametrize("path", RECORDED, ids=family)
def test_plugins_read_what_they_declare(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for scenario in scenarios(path):
        expected = conformance.answer(scenario)
        with monkeypatch.context() as patch:
            wrapped(patch, through_views)
            assert conformance.answer(scenario) == expected


def test_a_plugin_that_reads_something_else_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    made = registry.find("NodePorts")
    monkeypatch.setattr(made, "reads", frozenset({"shapes"}))
    wrapped(monkeypatch, through_views)
    path = next(each for each in RECORDED if family(each) == "ports")
    scenario = next(scenarios(path))
    with pytest.raises(UndeclaredError, match="NodePorts reads pods and does not say so"):
        conformance.answer(scenario)


# ---------------------------------------------------------------------------------------------- kinds


def some_rows(size: int) -> np.ndarray:
    """Every third row and the last."""
    return np.unique([*range(0, size, 3), size - 1])


def same(whole: interface.Answer, part: interface.Answer, rows: np.ndarray, size: int) -> None:
    expected = np.broadcast_to(np.asarray(whole), (size,))[rows]
    assert np.broadcast_to(np.asarray(part), (len(rows),)).tolist() == expected.tolist()


def by_rows(plugin: interface.Plugin, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Asks a filter or score again for some rows, for one row, and with pods imagined that count 0 times."""

    @functools.wraps(method)
    def call(*args: Any) -> Any:
        answer = method(*args)
        if name == "filter":
            state, cluster, rows, change = args
            ask: Callable[[Any], Any] = lambda rows: method(state, cluster, rows, None)  # noqa: E731
            if change is None:
                whole = answer if isinstance(rows, slice) else ask(slice(0, cluster.size))
                unchanged(whole, cluster, lambda change: method(state, cluster, change.rows, change))
            else:
                return answer
        elif name == "score" and plugin.kind is interface.Kind.ROW:
            state, cluster, rows = args
            ask = lambda rows: method(state, cluster, rows)  # noqa: E731
            whole = ask(slice(0, cluster.size))
        else:
            return answer
        subset = some_rows(cluster.size)
        same(whole, ask(subset), subset, cluster.size)
        if plugin.scalar:
            for row in subset.tolist():
                one = ask(row)
                assert isinstance(one, int | np.integer)
                same(whole, int(one), np.array([row]), cluster.size)
        return answer

    return call


def unchanged(
    whole: interface.Answer, cluster: table.Table, ask: Callable[[overlay.Overlay], interface.Answer]
) -> None:
    """A filter says the same of rows whose pods are imagined to have neither come nor gone."""
    rows = some_rows(cluster.size)
    rows = rows[cluster.live[rows]]
    slots = cluster.pods.on(rows)
    order = np.argsort(cluster.pods.rows[slots], kind="stable")
    slots = slots[order]
    at = np.searchsorted(rows, cluster.pods.rows[slots])
    shapes, groups = (column[slots].astype(np.int64) for column in (cluster.pods.shapes, cluster.pods.groups))
    none = np.zeros(len(slots), np.int64)
    same(whole, ask(overlay.Overlay(rows, at, shapes, groups, none)), rows, cluster.size)


@pytest.mark.parametrize("path", RECORDED, ids=family)
def test_answers_for_some_rows_are_those_for_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for scenario in scenarios(path):
        expected = conformance.answer(scenario)
        with monkeypatch.context() as patch:
            wrapped(patch, by_rows)
            assert conformance.answer(scenario) == expected
