"""What a change means for the pods that wait: asks the hints of the plugins that rejected them.

Rules: isPodWorthRequeuing (backend/queue/scheduling_queue.go) and buildQueueingHintMap (scheduler.go).
Left out is one thing there: a registration for taints on behalf of every plugin that waits for new
nodes, which mends a shortcut that is not taken here.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from stowage.cluster import table
from stowage.framework import events, interface, profile
from stowage.scheduler.metering import meters
from stowage.scheduler.queueing import entry, pool


class Strategy(enum.Enum):
    """Where a waiting pod goes."""

    STAY = enum.auto()
    AFTER_BACKOFF = enum.auto()
    AT_ONCE = enum.auto()


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A change, and what it was found to mean for each kin."""

    change: events.Change
    found: dict[pool.Kin, Strategy] = field(default_factory=dict)


Interested = dict[str, list[events.Hint | None]]
"""Plugin -> its hints for an event."""


class Hints:
    """The registrations of all profiles, ``others`` included, which every profile has, unless it has a
    plugin of that name."""

    def __init__(
        self,
        profiles: Iterable[profile.Profile],
        cluster: table.Table,
        others: Iterable[interface.Plugin] = (),
    ) -> None:
        self._cluster = cluster
        plugins = {
            each.name: {plugin.name: plugin for plugin in (*others, *rejecters(each))}.values()
            for each in profiles
        }
        self._registered = {
            name: [
                (plugin.name, registration)
                for plugin in of_profile
                for registration in plugin.events_to_register()
            ]
            for name, of_profile in plugins.items()
        }
        self._personal = frozenset(
            plugin.name
            for of_profile in plugins.values()
            for plugin in of_profile
            if plugin.kind is interface.Kind.CYCLE
        )
        """Those that may look at anything of a pod."""
        self.seconds = meters.Histograms(meters.PLUGIN_TIMES)
        """(plugin, label of the event, what the hint said) -> seconds that it took"""
        self._interested: dict[tuple[str, events.Event], Interested] = {}
        self._plugins: dict[events.Event, frozenset[str]] = {}

    def plugins(self, event: events.Event) -> frozenset[str]:
        """Those of any profile that wait for an event."""
        found = self._plugins.get(event)
        if found is None:
            found = frozenset(
                plugin
                for registered in self._registered.values()
                for plugin, registration in registered
                if registration.event.covers(event)
            )
            self._plugins[event] = found
        return found

    def kin_of(self, item: entry.Entry) -> pool.Kin:
        """The kin of an entry, as selectors are now."""
        pod = item.pod
        uid = "" if self._personal.isdisjoint(item.rejecting) else pod.uid
        labels = self._cluster.label_view(pod.group)
        return pool.Kin(pod.shape.id, labels, item.rejecting, item.pending, item.gate, uid)

    def strategy(self, item: entry.Entry, seen: Seen) -> Strategy:
        """What a change means for an entry, found once for its kin; an update of the pod itself aside."""
        if not item.rejecting:
            return Strategy.AFTER_BACKOFF
        change = seen.change
        own = change.updates(item.pod)
        if change.event.wild:
            return Strategy.AFTER_BACKOFF if own or change.new is None else Strategy.STAY
        if own:
            return self._judge(item, change)
        kin = self.kin_of(item)
        found = seen.found.get(kin)
        if found is None:
            found = seen.found[kin] = self._judge(item, change)
        return found

    def _judge(self, item: entry.Entry, change: events.Change) -> Strategy:
        best = Strategy.STAY
        interested = self._hints(item.pod.spec.scheduler_name, change.event)
        for plugin in item.rejecting & interested.keys():
            if not any(self._helps(plugin, hint, item, change) for hint in interested[plugin]):
                continue
            if plugin in item.pending:
                return Strategy.AT_ONCE
            best = Strategy.AFTER_BACKOFF
        return best

    def _hints(self, name: str, event: events.Event) -> Interested:
        found = self._interested.get((name, event))
        if found is None:
            found = self._interested[name, event] = {}
            for plugin, registration in self._registered[name]:
                if registration.event.covers(event):
                    found.setdefault(plugin, []).append(registration.hint)
        return found

    def _helps(self, plugin: str, hint: events.Hint | None, item: entry.Entry, change: events.Change) -> bool:
        """A hint that fails must not leave the pod behind."""
        if hint is None:
            return True
        label = change.event.label
        began = time.perf_counter()
        try:
            helps = hint(item.pod, change, self._cluster)
            said = "Queue" if helps else "QueueSkip"
        except Exception as error:
            item.failed(plugin, f"hint on {label}", error)
            helps, said = True, "Error"
        self.seconds[plugin, label, said].observe(time.perf_counter() - began)
        return helps


def rejecters(chain: profile.Profile) -> Iterator[interface.Plugin]:
    """The plugins of a profile that may reject a pod, each once."""
    points = (chain.pre_enqueue, chain.pre_filter, chain.filter, chain.reserve, chain.permit)
    plugins = (plugin for point in points for plugin in point)
    yield from {plugin.name: plugin for plugin in plugins}.values()
