"""Which plugins run where, in which order, with which weight.

First the profile's sets are merged with the defaults (kube-scheduler's `mergePlugins`), then what
`multiPoint` enables is spread over the extension points it implements (`expandMultiPointPlugins`).
Order at a point: plugins named there that multiPoint enables too, then the rest of multiPoint,
then the others named there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stowage.framework.config import intree, legacy, report, types

Catalog = Mapping[str, frozenset[str]]
"""Plugin name to the extension points it implements."""

_ATTRIBUTES: Final = {
    point: "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in point)
    for point in (*types.EXTENSION_POINTS, "multiPoint")
}
_SCORING: Final = frozenset({"score", "placementScore"})


@dataclass(frozen=True)
class Entry:
    """An enabled plugin; `path` is where the configuration names it, empty for a default."""

    name: str
    weight: int
    path: str = ""


@dataclass(frozen=True)
class Set:
    """One extension point after merging with the defaults."""

    enabled: tuple[Entry, ...]
    disabled: frozenset[str]

    def plain(self) -> types.PluginSet:
        """Without where each is named."""
        plugins = (types.Plugin(entry.name, entry.weight) for entry in self.enabled)
        return types.PluginSet(tuple(plugins), tuple(sorted(self.disabled)))


def merged(
    written: types.WrittenPlugins, path: str, catalog: Catalog, faults: report.Report
) -> dict[str, Set]:
    """The sets of a profile over the defaults, by extension point and `multiPoint`."""
    defaults = tuple(Entry(name, weight) for name, weight in intree.DEFAULTS)
    return {
        point: _merge(
            defaults if point == "multiPoint" else (),
            _existing(getattr(written, attribute), f"{path}.{point}", catalog, faults),
            frozenset(plugin.name for plugin in getattr(written, attribute).disabled),
        )
        for point, attribute in _ATTRIBUTES.items()
    }


def _existing(
    written: types.WrittenPluginSet, path: str, catalog: Catalog, faults: report.Report
) -> tuple[Entry, ...]:
    """What a set enables, without what no longer exists."""
    entries = []
    for index, plugin in enumerate(written.enabled):
        where = f"{path}.enabled[{index}]"
        gone = legacy.PLUGINS.get(plugin.name)
        if gone is not None and plugin.name not in catalog:
            faults.fault(f"{where}.name", report.not_found(plugin.name, gone), "left out")
            continue
        if plugin.weight is not None and plugin.weight < 0:
            faults.error(f"{where}.weight", report.invalid(plugin.weight, "must not be negative"))
        entries.append(Entry(plugin.name, plugin.weight or 0, where))
    return tuple(entries)


def _merge(defaults: tuple[Entry, ...], custom: tuple[Entry, ...], disabled: frozenset[str]) -> Set:
    enabled: list[Entry] = []
    replaced: set[str] = set()
    last = {entry.name: entry for entry in custom}  # of two of one name the last takes a default's place
    if "*" not in disabled:
        for default in defaults:
            if default.name not in disabled:
                enabled.append(last.get(default.name, default))
                if default.name in last:
                    replaced.add(last[default.name].path)
    enabled.extend(entry for entry in custom if entry.path not in replaced)
    return Set(tuple(enabled), disabled)


def needed(sets: Mapping[str, Set]) -> frozenset[str]:
    """The names of all plugins that a profile makes use of."""
    return frozenset(entry.name for each in sets.values() for entry in each.enabled)


def expand(
    sets: Mapping[str, Set], catalog: Catalog, path: str, faults: report.Report
) -> dict[str, tuple[types.Plugin, ...]]:
    """The plugins of every extension point, in order, from a profile's merged sets at `path`."""
    spread = _known(sets["multiPoint"].enabled, catalog, f"{path}.plugins.multiPoint.enabled", faults)
    plugins: dict[str, tuple[types.Plugin, ...]] = {}
    for point in types.EXTENSION_POINTS:
        named = _named(sets[point].enabled, point, catalog, f"{path}.plugins.{point}.enabled", faults)
        entries = (
            named if "*" in sets[point].disabled else _spread(named, spread, sets[point], point, catalog)
        )
        if point in _SCORING:
            plugins[point] = tuple(types.Plugin(entry.name, entry.weight or 1) for entry in entries)
        else:
            plugins[point] = tuple(types.Plugin(entry.name) for entry in entries)
    _check_counts(plugins, path, faults)
    return plugins


def _spread(
    named: tuple[Entry, ...], spread: tuple[Entry, ...], own: Set, point: str, catalog: Catalog
) -> tuple[Entry, ...]:
    here = [entry for entry in spread if point in catalog[entry.name] and entry.name not in own.disabled]
    twice = {entry.name for entry in here} & {entry.name for entry in named}
    return (
        *(entry for entry in named if entry.name in twice),
        *(entry for entry in here if entry.name not in twice),
        *(entry for entry in named if entry.name not in twice),
    )


def _known(
    entries: tuple[Entry, ...], catalog: Catalog, path: str, faults: report.Report
) -> tuple[Entry, ...]:
    """Those that exist, each once; the others are errors."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        where = f"{entry.path or path}.name"
        if entry.name not in catalog:
            detail = "no plugin of this name is registered" if entry.name else "a plugin needs a name"
            faults.error(where, report.not_found(entry.name, detail))
        elif entry.name in kept:
            faults.error(where, report.duplicate(entry.name))
        else:
            kept[entry.name] = entry
    return tuple(kept.values())


def _named(
    entries: tuple[Entry, ...], point: str, catalog: Catalog, path: str, faults: report.Report
) -> tuple[Entry, ...]:
    fitting = []
    for entry in _known(entries, catalog, path, faults):
        if point in catalog[entry.name]:
            fitting.append(entry)
        else:
            where = (
                ", ".join(each for each in types.EXTENSION_POINTS if each in catalog[entry.name]) or "none"
            )
            faults.error(
                f"{entry.path}.name",
                report.invalid(entry.name, f"the plugin has no {point}; it has: {where}"),
            )
    return tuple(fitting)


def _check_counts(plugins: Mapping[str, tuple[types.Plugin, ...]], path: str, faults: report.Report) -> None:
    sorts = [plugin.name for plugin in plugins["queueSort"]]
    if len(sorts) != 1:
        faults.error(
            f"{path}.plugins.queueSort",
            report.invalid(sorts, f"exactly one queueSort plugin is needed, but {len(sorts)} are enabled"),
        )
    if not plugins["bind"]:
        faults.error(f"{path}.plugins.bind", report.required("at least one bind plugin is needed"))
    generators = [plugin.name for plugin in plugins["placementGenerate"]]
    if len(generators) > 1:
        faults.error(
            f"{path}.plugins.placementGenerate",
            report.invalid(generators, "at most one placementGenerate plugin is allowed"),
        )
