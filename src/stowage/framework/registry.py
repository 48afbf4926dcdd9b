"""Plugins by name, found through the entry-point group `stowage.plugins`: ours and other people's alike."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
from collections.abc import Mapping

from stowage.framework import interface

GROUP = "stowage.plugins"

POINTS: dict[str, type[interface.Plugin]] = {
    "preEnqueue": interface.PreEnqueuePlugin,
    "queueSort": interface.QueueSortPlugin,
    "preFilter": interface.PreFilterPlugin,
    "filter": interface.FilterPlugin,
    "postFilter": interface.PostFilterPlugin,
    "score": interface.ScorePlugin,
    "reserve": interface.ReservePlugin,
    "permit": interface.PermitPlugin,
    "preBind": interface.PreBindPlugin,
    "bind": interface.BindPlugin,
    "postBind": interface.PostBindPlugin,
}
"""Extension point -> the base class of the plugins that have it."""


class RegistryError(Exception):
    """A plugin that cannot be loaded or made; the message names it and says why."""


@functools.cache
def _entries() -> Mapping[str, importlib.metadata.EntryPoint]:
    found: dict[str, importlib.metadata.EntryPoint] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        if found.setdefault(entry.name, entry).value != entry.value:
            raise RegistryError(
                f"two plugins are called {entry.name}: {entry.value}, {found[entry.name].value}"
            )
    return found


def names() -> frozenset[str]:
    """The names of all installed plugins. RegistryError where two share one."""
    return frozenset(_entries())


@functools.cache
def find(name: str) -> type[interface.Plugin]:
    """The class of a plugin. RegistryError where there is none or it cannot be loaded."""
    entry = _entries().get(name)
    if entry is None:
        raise RegistryError(f"there is no plugin {name}; installed are {', '.join(sorted(_entries()))}")
    try:
        loaded = entry.load()
    except Exception as error:
        raise RegistryError(f"plugin {name} ({entry.value}) cannot be loaded: {error}") from error
    if not (inspect.isclass(loaded) and issubclass(loaded, interface.Plugin)):
        raise RegistryError(f"plugin {name} ({entry.value}) is not a subclass of Plugin")
    return loaded


def points(plugin: type[interface.Plugin]) -> frozenset[str]:
    """The extension points that a plugin class implements, as a configuration names them."""
    implemented = {point for point, base in POINTS.items() if issubclass(plugin, base)}
    if "score" in implemented and plugin.pre_score is not interface.ScorePlugin.pre_score:  # type: ignore[attr-defined]
        implemented.add("preScore")
    return frozenset(implemented)


def make(name: str, args: object) -> interface.Plugin:
    """An instance; ``args`` goes to a class whose constructor takes any."""
    made = find(name)
    try:
        return made(args) if inspect.signature(made).parameters else made()  # type: ignore[call-arg]
    except (TypeError, ValueError) as error:
        raise RegistryError(f"plugin {name} cannot be made: {error}") from error
