"""A profile at work: one instance a plugin, listed by extension point in the order they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from stowage.framework import interface, registry
from stowage.framework.config import types

P = TypeVar("P", bound=interface.Plugin)

UNSUPPORTED = frozenset({"GangScheduling", "PodGroupPodsCount", "TopologyPlacementGenerator"})
"""In-tree plugins of kube-scheduler that are not here yet; a profile that lists one runs without it."""


class Profile:
    """The plugins of one scheduler name."""

    def __init__(self, written: types.Profile) -> None:
        self.name = written.scheduler_name
        self.percentage = written.percentage_of_nodes_to_score
        self._instances: dict[str, interface.Plugin] = {}
        self._written = written
        self.pre_enqueue = self._list("preEnqueue", interface.PreEnqueuePlugin)
        self.queue_sort = self._list("queueSort", interface.QueueSortPlugin)
        self.pre_filter = self._list("preFilter", interface.PreFilterPlugin)
        self.filter = self._list("filter", interface.FilterPlugin)
        self.post_filter = self._list("postFilter", interface.PostFilterPlugin)
        self.score = self._list("score", interface.ScorePlugin)
        self.pre_score = frozenset(plugin.name for plugin in written.plugins["preScore"])
        """Names alone: the plugins themselves are those of ``score``."""
        self.reserve = self._list("reserve", interface.ReservePlugin)
        self.permit = self._list("permit", interface.PermitPlugin)
        self.pre_bind = self._list("preBind", interface.PreBindPlugin)
        self.bind = self._list("bind", interface.BindPlugin)
        self.post_bind = self._list("postBind", interface.PostBindPlugin)
        self.weights: Mapping[str, int] = {
            plugin.name: plugin.weight or 1 for plugin in written.plugins["score"]
        }
        self.cyclic = any(
            plugin.kind is interface.Kind.CYCLE for plugin in (*self.pre_filter, *self.filter, *self.score)
        )
        """Whether some plugin is to be asked anew for every pod."""

    def _list(self, point: str, base: type[P]) -> tuple[P, ...]:
        """The plugins of a point; one that is here in part only (DynamicResources) may lack it."""
        listed = (
            self._instance(plugin.name)
            for plugin in self._written.plugins[point]
            if plugin.name not in UNSUPPORTED
        )
        return tuple(plugin for plugin in listed if isinstance(plugin, base))

    def _instance(self, name: str) -> interface.Plugin:
        if name not in self._instances:
            self._instances[name] = registry.make(name, self._written.plugin_config.get(name))
        return self._instances[name]
