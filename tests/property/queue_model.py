"""The scheduling queue as plainly as it can be written: one list of pods, one of what happened.

Every question is answered by going through everything, and every hint is asked of every pod.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from stowage.cluster import pods, table
from stowage.framework import events, interface, profile


@dataclass(eq=False)
class Waiting:
    pod: pods.Incoming
    queued: float
    place: str = ""
    rejections: int = 0
    errors: int = 0
    rejecting: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    gate: str = ""
    after_error: bool = False


class Model:
    def __init__(
        self,
        cluster: table.Table,
        chain: profile.Profile,
        clock: Callable[[], float],
        gates: Iterable[interface.PreEnqueuePlugin],
        early: bool,
    ) -> None:
        self.cluster = cluster
        self.clock = clock
        self.early = early
        self.gates = (*chain.pre_enqueue, *gates)
        asked = (*self.gates, *chain.pre_filter, *chain.filter, *chain.reserve, *chain.permit)
        self.plugins = {plugin.name: plugin for plugin in asked}
        self.known: list[Waiting] = []
        self.story: list[str | events.Change] = []
        """Uids of pods in flight, and changes, in the order in which they set out and happened."""
        self.nominated: dict[str, str] = {}

    # ------------------------------------------------------------------ small things

    def find(self, key: str) -> Waiting | None:
        return next((each for each in self.known if each.pod.key == key), None)

    def at(self, place: str) -> list[Waiting]:
        return [each for each in self.known if each.place == place]

    def flying(self, uid: str) -> bool:
        return uid in self.story

    def window(self, time: float) -> float:
        return float(math.floor(time)) if self.early else time

    def ends(self, each: Waiting) -> float:
        count = each.errors if each.errors > 0 else each.rejections
        if count == 0:
            return -math.inf
        seconds = 1.0
        for _ in range(count - 1):
            seconds = min(2 * seconds, 10.0)
        return self.window(each.queued + seconds)

    def pausing(self, each: Waiting) -> bool:
        return not self.ends(each) < self.window(self.clock())

    def shut(self, each: Waiting) -> bool:
        for plugin in [p for p in self.gates if p.name == each.gate] + list(self.gates):
            if plugin.pre_enqueue(each.pod) is not None:
                each.rejecting.add(plugin.name)
                each.gate = plugin.name
                return True
        each.gate = ""
        return False

    # ------------------------------------------------------------------ hints

    def matching(self, name: str, event: events.Event) -> Iterator[events.Registration]:
        for registration in self.plugins[name].events_to_register():
            if registration.event.covers(event):
                yield registration

    def cares(self, event: events.Event) -> bool:
        return event.wild or any(list(self.matching(name, event)) for name in self.plugins)

    def worth(self, each: Waiting, change: events.Change) -> int:
        """0 stay, 1 after the pause, 2 at once."""
        rejecters = each.rejecting | each.pending
        if not rejecters:
            return 1
        if change.event.wild:
            return 1 if change.new is None or change.new.uid == each.pod.uid else 0
        best = 0
        for name in rejecters & self.plugins.keys():
            for registration in self.matching(name, change.event):
                hint = registration.hint
                if hint is None or hint(each.pod, change, self.cluster):
                    best = max(best, 2 if name in each.pending else 1)
        return best

    def requeue(self, each: Waiting, worth: int) -> None:
        if worth == 0:
            each.place = "pool"
        elif worth == 1 and self.pausing(each):
            if self.early and self.shut(each):
                each.place = "pool"
            else:
                each.place = "backoff"
                each.after_error = not (each.rejecting | each.pending)
        else:
            self.make_active(each)

    def make_active(self, each: Waiting, checked: bool = False, new: bool = False) -> None:
        if not checked and self.shut(each):
            each.place = "pool"
            return
        each.place = "active"
        if new:
            self.nominate(each.pod, None)

    # ------------------------------------------------------------------ the queue

    def add(self, pod: pods.Incoming) -> None:
        each = Waiting(pod, self.clock())
        self.known.append(each)
        self.make_active(each, new=True)

    def update(self, old: pods.Incoming, new: pods.Incoming) -> None:
        changes = [events.Change(event, old, new) for event in events.pod_changes(old, new)]
        if self.flying(new.uid):
            self.story.extend(changes)
            return
        each = self.find(old.key)
        if each is None:
            self.add(new)
            return
        each.pod = new
        kept = self.nominated.get(old.uid)
        self.nominate(new, kept if kept and not old.nominated and not new.nominated else None)
        if each.place != "pool":
            return
        for change in changes:
            self.requeue(each, self.worth(each, change))
            if each.place != "pool":
                return

    def nominate(self, pod: pods.Incoming, node: str | None) -> None:
        self.nominated.pop(pod.uid, None)
        name = pod.nominated if node is None else node
        if name:
            self.nominated[pod.uid] = name

    def delete(self, pod: pods.Incoming) -> None:
        self.nominated.pop(pod.uid, None)
        self.known = [each for each in self.known if each.pod.key != pod.key]

    def pop(self) -> Waiting | None:
        def order(each: Waiting) -> Any:
            return (-each.pod.priority, each.queued)

        found = min(self.at("active"), key=order, default=None)
        if found is None and self.early:
            pausing = [each for each in self.at("backoff") if not each.after_error]
            found = min(pausing, key=lambda each: (self.ends(each), order(each)), default=None)
        if found is not None:
            self.known.remove(found)
            self.story.append(found.pod.uid)
        return found

    def put_back(self, each: Waiting, pod: pods.Incoming, rejecting: set[str], pending: set[str]) -> None:
        each.pod, each.rejecting, each.pending = pod, rejecting | pending, set(pending)
        each.queued = self.clock()
        if each.rejecting:
            each.rejections += 1
            each.errors = 0
        else:
            each.errors += 1
        since = self.story[self.story.index(pod.uid) + 1 :]
        changes = [happened for happened in since if isinstance(happened, events.Change)]
        worth = max((self.worth(each, change) for change in changes), default=0) if each.rejecting else 1
        self.known.append(each)
        self.requeue(each, worth)
        self.done(pod.uid)

    def done(self, uid: str) -> None:
        self.story.remove(uid)
        while self.story and isinstance(self.story[0], events.Change):
            del self.story[0]

    def note(self, change: events.Change) -> None:
        if self.story:
            self.story.append(change)

    def move(self, change: events.Change, among: Callable[[pods.Incoming], bool]) -> None:
        if not self.cares(change.event):
            return
        for each in self.at("pool"):
            lifts = not each.gate or list(self.matching(each.gate, change.event))
            if lifts and among(each.pod) and (worth := self.worth(each, change)):
                self.requeue(each, worth)
        self.note(change)

    def activate(self, pod: pods.Incoming) -> None:
        each = self.find(pod.key)
        if each is None:
            if self.flying(pod.uid):
                self.note(events.Change(events.FORCE_ACTIVATE, None, pod))
        elif each.place == "backoff":
            self.make_active(each, checked=self.early)
        elif each.place == "pool":
            self.make_active(each)

    def flush_backoff(self) -> None:
        for each in self.at("backoff"):
            if not self.pausing(each):
                self.make_active(each, checked=self.early)

    def flush_pool(self) -> None:
        late = [each for each in self.at("pool") if self.clock() - each.queued > 300]
        for each in late:
            if not each.gate:
                self.requeue(each, 1)
        if late:
            self.note(events.Change(events.TIMEOUT))
