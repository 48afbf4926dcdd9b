"""The scheduling queue: which pending pod is tried next, and when one that failed is tried again.

A pending pod is in one of these: *active* (to be tried, in the order of the QueueSort plugin),
*backoff* (to be tried when its pause is over, or when nothing is active), the *pool* (waiting for
something to happen, or kept out by a PreEnqueue plugin), or in flight, from `pop` until `put_back`
or `done`. Rules: kube-scheduler's backend/queue/scheduling_queue.go, hints on, as 1.36 locks them.

Plain synchronous code: who drives it calls `flush_backoff` every `backoff.WINDOW` seconds, at whole
ones, and `flush_pool` every `FLUSH_POOL`. Not thread-safe.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stowage.cluster import pods, table
from stowage.framework import events, interface, profile, status
from stowage.scheduler.metering import meters
from stowage.scheduler.queueing import backoff, entry, flight, heap, hints, nominator, pool

FLUSH_POOL = 30.0
"""Seconds between two looks for pods that have waited too long."""

MAX_WAIT = 300.0
"""Seconds that a pod waits for an event before it is tried anyway, by default."""

ACTIVE, BACKOFF, POOL, GATED = "active", "backoff", "unschedulable", "gated"
FAILURE, COMPLETE, POPPED = "ScheduleAttemptFailure", "BackoffComplete", "PopFromBackoffQ"


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds.

    `initial_backoff` 1 and `max_backoff` 10: the pause after the first failure and the longest, which
    0 turns off (podInitialBackoffSeconds, podMaxBackoffSeconds). `max_wait` 300: how long a pod waits
    for an event before it is tried anyway (--pod-max-in-unschedulable-pods-duration).
    `pop_from_backoff` True: rather than do nothing, try a pod whose pause is not over
    (SchedulerPopFromBackoffQ).
    """

    initial_backoff: float = 1.0
    max_backoff: float = 10.0
    max_wait: float = MAX_WAIT
    pop_from_backoff: bool = True


class Queue:
    """See the module. ``gates`` are PreEnqueue plugins of every profile beside its own; ``rejecters``
    whatever else may be named as rejecting a pod."""

    def __init__(
        self,
        cluster: table.Table,
        profiles: Sequence[profile.Profile],
        clock: Callable[[], float],
        settings: Settings | None = None,
        gates: Sequence[interface.PreEnqueuePlugin] = (),
        rejecters: Sequence[interface.Plugin] = (),
    ) -> None:
        self._clock = clock
        self.settings = settings or Settings()
        sort = profiles[0].queue_sort[0]
        self._gates = {
            each.name: {plugin.name: plugin for plugin in (*each.pre_enqueue, *gates)} for each in profiles
        }
        self._hints = hints.Hints(profiles, cluster, (*gates, *rejecters))

        def order(item: entry.Entry) -> Any:
            try:
                return False, sort.sort_key(item.pod, item.queued)
            except Exception as error:
                item.failed(sort.name, "sort_key", error)
                return True, item.queued  # behind all others

        self._active = heap.Heap(order)
        self._backoff = backoff.Backoff(
            clock,
            self.settings.initial_backoff,
            self.settings.max_backoff,
            order,
            self.settings.pop_from_backoff,
        )
        self._pool = pool.Pool(cluster, self._hints.kin_of)
        self._flight = flight.Flight()
        self._nominator = nominator.Nominator(cluster)
        self.incoming: Counter[tuple[str, str]] = Counter()
        """(queue, label of the event) -> pods that came so (scheduler_queue_incoming_pods_total)"""
        self.gating = meters.Histograms(meters.SHORT_TIMES)
        """("PreEnqueue", label of the status, profile) -> seconds that the gates took"""
        self.waits = meters.Histograms(meters.exponential(0.1, 2, 12))
        """priority class -> seconds from when a pod was last queued until it was taken"""

    # ------------------------------------------------------------------ reads

    def __len__(self) -> int:
        """The pods in all queues; those in flight are in none."""
        return len(self._active) + len(self._backoff) + len(self._pool)

    def __iter__(self) -> Iterator[entry.Entry]:
        return itertools.chain(self._active, self._backoff, self._pool)

    def get(self, key: str) -> entry.Entry | None:
        """The entry of a pod by `namespace/name`, in whichever queue."""
        return self._active.get(key) or self._backoff.get(key) or self._pool.get(key)

    def place(self, key: str) -> str:
        """Which queue a pod is in, as `counts` names them; empty where it is in none."""
        item = self._pool.get(key)
        if item is not None:
            return GATED if item.gate else POOL
        return ACTIVE if key in self._active else BACKOFF if key in self._backoff else ""

    @property
    def ready(self) -> bool:
        """Whether `pop` has a pod to give."""
        return bool(self._active) or (self.settings.pop_from_backoff and bool(self._backoff.rejected))

    @property
    def counts(self) -> dict[str, int]:
        """Pods by queue, as scheduler_pending_pods names them."""
        gated = self._pool.gated
        waiting = len(self._pool) - gated
        return {ACTIVE: len(self._active), BACKOFF: len(self._backoff), POOL: waiting, GATED: gated}

    @property
    def in_flight(self) -> tuple[int, int]:
        """(pods under way, changes kept for them)."""
        return len(self._flight), self._flight.changes

    @property
    def hint_seconds(self) -> meters.Histograms:
        """(plugin, label of the event, what the hint said) -> seconds that it took."""
        return self._hints.seconds

    @property
    def changes(self) -> Counter[str]:
        """Labels of the changes kept for the pods under way."""
        return self._flight.labels

    # ------------------------------------------------------------- its pods

    def add(self, pod: pods.Incoming) -> None:
        """A pod that is new. KeyError where no profile has its scheduler name."""
        self._to_active(entry.Entry(pod, self._clock()), events.UNSCHEDULED_POD_ADD.label)

    def update(self, old: pods.Incoming, new: pods.Incoming) -> None:
        """A pending pod changed. Where it waits, it moves if the change helps it; unknown, it is added."""
        changes = [events.Change(event, old, new) for event in events.pod_changes(old, new)]
        if new.uid in self._flight:
            for change in changes:
                self._flight.note(hints.Seen(change))
            return
        for queue in (self._active, self._backoff):
            item = queue.discard(old.key)
            if item is not None:
                item.pod = new
                queue.put(item)
                self._nominator.update(old, new)
                return
        item = self._pool.discard(new.key)
        if item is None:
            self._to_active(entry.Entry(new, self._clock()), events.UNSCHEDULED_POD_UPDATE.label)
            return
        item.pod = new
        self._nominator.update(old, new)
        self._pool.put(item)
        for change in changes:
            strategy = self._hints.strategy(item, hints.Seen(change))
            if strategy is not hints.Strategy.STAY and self._requeue(item, strategy, change.event.label):
                return

    def delete(self, pod: pods.Incoming) -> None:
        """A pending pod is gone, or bound by another; in flight, it is up to who popped it."""
        self._nominator.discard(pod)
        self._discard(pod.key)

    def nominate(self, pod: pods.Incoming, node: str | None = None) -> None:
        """Keeps room for a pod of the queue: on ``node`` (empty: nowhere), or where its status says."""
        if pod.uid in self._flight or self.get(pod.key) is not None:
            self._nominator.add(pod, node)

    # --------------------------------------------------------------- attempts

    def pop(self) -> entry.Entry | None:
        """The pod to be tried next, in flight from now on; None where there is none."""
        while True:
            item = self._active.pop()
            if item is None and self.settings.pop_from_backoff:
                item = self._backoff.rejected.pop()
                if item is not None:
                    self.incoming[ACTIVE, POPPED] += 1
            if item is None:
                return None
            if item.pod.uid not in self._flight:  # else somebody has it already
                item.attempts += 1
                item.popped = self._clock()
                self.waits[(item.pod.spec.priority_class_name,)].observe(item.popped - item.queued)
                self._flight.start(item.pod.uid)
                return item

    def put_back(
        self,
        item: entry.Entry,
        pod: pods.Incoming,
        rejecting: Iterable[str] = (),
        pending: Iterable[str] = (),
    ) -> None:
        """An attempt failed: plugins rejected the pod, or, without any, there was an error.

        ``pod`` is its newest version. What happened since the attempt began counts. ValueError where
        the pod is in the queue already.
        """
        try:
            if self.get(pod.key) is not None:
                raise ValueError(f"pod {pod.key} is in the queue already")
            item.pod = pod
            item.pending = frozenset(pending)
            item.rejecting = frozenset(rejecting) | item.pending
            if item.rejecting:
                item.rejections += 1
                item.errors = 0
            else:
                item.errors += 1
            item.queued = self._clock()
            item.expires = None
            item.flushed = False
            self._requeue(item, self._meanwhile(item), FAILURE)
        finally:
            self._flight.done(pod.uid)

    def done(self, uid: str) -> None:
        """An attempt ended, and not in `put_back`: nothing that happens matters to it any more."""
        self._flight.done(uid)

    def _meanwhile(self, item: entry.Entry) -> hints.Strategy:
        """What all that happened during an attempt amounts to."""
        if not item.rejecting or item.pod.uid not in self._flight:
            return hints.Strategy.AFTER_BACKOFF
        best = hints.Strategy.STAY
        for seen in self._flight.seen_by(item.pod.uid):
            strategy = self._hints.strategy(item, seen)
            if strategy is hints.Strategy.AT_ONCE:
                return strategy
            if strategy is hints.Strategy.AFTER_BACKOFF:
                best = strategy
                if not item.pending:
                    break
        return best

    # ----------------------------------------------------------------- events

    def move(
        self,
        event: events.Event,
        old: Any = None,
        new: Any = None,
        among: Callable[[pods.Incoming], bool] | None = None,
    ) -> None:
        """Something happened in the cluster: pods that it can help leave the pool.

        Objects are as in `events.Change`. ``among``: only these pods, of those that wait now. A
        pending pod's own update is not for here but for `update`.
        """
        plugins = self._hints.plugins(event)
        if not plugins:
            return
        seen = hints.Seen(events.Change(event, old, new))
        moving: list[tuple[entry.Entry, hints.Strategy]] = []
        for kin, members in self._pool.rejected_by(plugins):
            if kin.gate and kin.gate not in plugins:
                continue
            strategy = self._hints.strategy(next(iter(members.values())), seen)
            if strategy is not hints.Strategy.STAY:
                moving += [(item, strategy) for item in members.values() if among is None or among(item.pod)]
        for item, strategy in moving:
            self._pool.discard(item.pod.key)
            self._requeue(item, strategy, event.label)
        self._flight.note(seen)

    def activate(self, waiting: Iterable[pods.Incoming]) -> None:
        """Tries these pods at once, whatever they wait for; one in flight is tried again after it."""
        for pod in waiting:
            item = self._pool.get(pod.key)
            if item is not None:
                self._to_active(item, events.FORCE_ACTIVATE.label)
            elif (item := self._backoff.discard(pod.key)) is not None:
                self._to_active(item, events.FORCE_ACTIVATE.label, paused=True)
            elif pod.uid in self._flight:
                self._flight.note(hints.Seen(events.Change(events.FORCE_ACTIVATE, None, pod)))

    def flush_backoff(self) -> None:
        """Makes those active whose pause is over."""
        for item in self._backoff.completed():
            self._to_active(item, COMPLETE, paused=True)

    def flush_pool(self) -> None:
        """Gives those another try that have waited too long; what a gate keeps out stays."""
        latest = self._clock() - self.settings.max_wait
        late = [item for item in self._pool if item.queued < latest]
        if not late:
            return
        seen = hints.Seen(events.Change(events.TIMEOUT))
        for item in late:
            item.flushed = True
            if not item.gate:
                self._pool.discard(item.pod.key)
                self._requeue(item, self._hints.strategy(item, seen), events.TIMEOUT.label)
        self._flight.note(seen)

    # ---------------------------------------------------------------- between

    def _requeue(self, item: entry.Entry, strategy: hints.Strategy, label: str) -> bool:
        """Whether it can be popped now."""
        if strategy is hints.Strategy.STAY:
            self._park(item, label)
            return False
        if strategy is hints.Strategy.AFTER_BACKOFF and self._backoff.holds(item):
            return self._to_backoff(item, label)
        return self._to_active(item, label)

    def _to_active(self, item: entry.Entry, label: str, paused: bool = False) -> bool:
        """False where a gate keeps it out; ``paused``: it comes from backoff, its gates asked before."""
        if not (paused and self.settings.pop_from_backoff) and self._gated(item):
            self._park(item, label)
            return False
        if item.first is None:
            item.first = self._clock()
        self._discard(item.pod.key)
        self._active.put(item)
        self.incoming[ACTIVE, label] += 1
        if label in (events.UNSCHEDULED_POD_ADD.label, events.UNSCHEDULED_POD_UPDATE.label):
            self._nominator.add(item.pod)
        return True

    def _to_backoff(self, item: entry.Entry, label: str) -> bool:
        if self.settings.pop_from_backoff and self._gated(item):
            self._park(item, label)
            return False
        self._pool.discard(item.pod.key)
        self._backoff.put(item)
        self.incoming[BACKOFF, label] += 1
        return True

    def _park(self, item: entry.Entry, label: str) -> None:
        if item.pod.key not in self._pool:
            self.incoming[POOL, label] += 1
        self._pool.put(item)

    def _gated(self, item: entry.Entry) -> bool:
        """Asks the PreEnqueue plugins, first the one that kept it out last."""
        profile = item.pod.spec.scheduler_name
        began = time.perf_counter()
        plugins = list(self._gates[profile].values())
        if item.gate:
            plugins.sort(key=lambda each: each.name != item.gate)
        label = "Success"
        for plugin in plugins:
            try:
                refused = plugin.pre_enqueue(item.pod)
            except Exception as error:
                item.failed(plugin.name, "pre_enqueue", error)
                refused = status.error(str(error))
            if refused is not None:
                item.rejecting |= {plugin.name}
                item.gate = plugin.name
                label = refused.code.label
                break
        else:
            item.gate = ""
        self.gating["PreEnqueue", label, profile].observe(time.perf_counter() - began)
        return bool(item.gate)

    def _discard(self, key: str) -> None:
        for queue in (self._active, self._backoff, self._pool):
            if queue.discard(key) is not None:
                return
