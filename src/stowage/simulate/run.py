"""The simulated queue: who is tried when, and what becomes of each pod.

As kube-scheduler with time standing still between attempts: pods go in the order of the queue-sort
plugin; those that fit nowhere are tried again after every round that placed one. A pod that makes
room by preemption is nominated, and its victims stay, terminating, because nothing ends them here.
"""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from stowage.api import objects, times
from stowage.cluster import pods
from stowage.engine import cycle, explain
from stowage.framework import interface

CLAIMS: Final = "spec.resourceClaims needs the plugin DynamicResources, which Stowage does not have yet"
GROUP: Final = "spec.schedulingGroup needs the plugin GangScheduling, which Stowage does not have yet"
DELETED: Final = "the pod is being deleted"
_EVERY: Final = 64
"""Attempts between two reports of progress."""


class State(enum.StrEnum):
    """What became of a pod that was pending."""

    PLACED = "placed"
    NOMINATED = "nominated"
    UNSCHEDULABLE = "unschedulable"
    GATED = "gated"
    UNSUPPORTED = "unsupported"
    DELETED = "deleted"
    OTHER_SCHEDULER = "otherScheduler"


@dataclass(slots=True)
class Entry:
    """A pod that was pending, and what became of it."""

    pod: objects.Pod
    incoming: pods.Incoming
    state: State = State.UNSCHEDULABLE
    node: str = ""
    nominated: str = ""
    victims: list[str] = field(default_factory=list)
    """`namespace/name` of the pods evicted for it"""
    reason: str = ""
    evicted_by: str = ""
    """The pod for which this one, placed before, has to go again."""


@dataclass(slots=True)
class Result:
    """All pods that were pending, in input order."""

    entries: list[Entry]
    tried: int = 0
    """pods that entered the queue"""
    passes: int = 0
    attempts: int = 0
    seconds: float = 0.0
    """spent on the attempts"""
    explanation: explain.Explanation | None = None
    explained: Entry | None = None

    def count(self, state: State) -> int:
        """How many pods ended so."""
        return sum(entry.state is state for entry in self.entries)


Progress = Callable[[int, int], None]
"""Called with how many pods are done, of how many."""


class Simulation:
    """Places pending pods with an engine, in its table."""

    def __init__(self, engine: cycle.Engine, progress: Progress | None = None, explained: str = "") -> None:
        self.engine = engine
        self.cluster = engine.cluster
        self.explained = explained
        """`namespace/name` of the pod to explain, or empty"""
        self._progress = progress
        self._by_uid: dict[str, Entry] = {}

    def run(self, pending: Iterable[objects.Pod]) -> Result:
        """Tries every pod until a round places none."""
        entries = [Entry(pod, self.cluster.project(pod)) for pod in pending]
        self._by_uid = {entry.incoming.uid: entry for entry in entries}
        result = Result(entries)
        result.explained = next((each for each in entries if each.incoming.key == self.explained), None)
        queue = self._queue(entries)
        result.tried = len(queue)
        started = time.perf_counter()
        while queue:
            result.passes += 1
            left = self._round(queue, result)
            if len(left) == len(queue):
                break
            queue = left
        result.seconds = time.perf_counter() - started
        return result

    # ------------------------------------------------------------------ queue

    def _queue(self, entries: list[Entry]) -> list[Entry]:
        """Those that are to be tried, first come first."""
        sort = next(iter(self.engine.profiles.values())).queue_sort[0]
        admitted = [entry for entry in entries if self._enters(entry)]
        return sorted(admitted, key=lambda entry: sort.sort_key(entry.incoming, _created(entry.pod)))

    def _enters(self, entry: Entry) -> bool:
        """Whether a pod is tried at all; the entry says why where it is not."""
        spec = entry.pod.spec
        gate = None
        if spec.scheduler_name not in self.engine.profiles:
            entry.state = State.OTHER_SCHEDULER
            entry.reason = f"no profile has the scheduler name {spec.scheduler_name}"
        elif entry.pod.metadata.deletion_timestamp is not None:
            entry.state, entry.reason = State.DELETED, DELETED
        elif spec.resource_claims or spec.scheduling_group is not None:
            entry.state, entry.reason = State.UNSUPPORTED, CLAIMS if spec.resource_claims else GROUP
        elif (gate := self.engine.pre_enqueue(entry.incoming)) is not None:
            entry.state, entry.reason = State.GATED, gate.message
        else:
            return True
        self.cluster.nominations.pop(entry.incoming.uid, None)
        return False

    # ------------------------------------------------------------------ rounds

    def _round(self, queue: list[Entry], result: Result) -> list[Entry]:
        """One attempt each; the entries that are still without a node, in order."""
        left = []
        placed = len(result.entries) - len(queue)
        for number, entry in enumerate(queue):
            if self._progress is not None and number % _EVERY == 0:
                self._progress(placed, len(result.entries))
            if not self._attempt(entry, result):
                left.append(entry)
            else:
                placed += 1
        if self._progress is not None:
            self._progress(placed, len(result.entries))
        return left

    def _attempt(self, entry: Entry, result: Result) -> bool:
        asked = bool(self.explained) and entry.incoming.key == self.explained
        result.attempts += 1
        outcome = self.engine.schedule(entry.incoming, explained=asked)
        was = entry.state
        if outcome.node:
            self._placed(entry, outcome)
        else:
            self._failed(entry, outcome)
        # A nomination is explained by the attempt that brought it, not by those that wait for it.
        if asked and not (was is State.NOMINATED and entry.state is State.NOMINATED):
            result.explanation, result.explained = outcome.explanation, entry
        return bool(outcome.node)

    def _placed(self, entry: Entry, outcome: cycle.Outcome) -> None:
        self.cluster.nominations.pop(entry.incoming.uid, None)
        entry.state, entry.node, entry.nominated, entry.reason = State.PLACED, outcome.node, "", ""

    def _failed(self, entry: Entry, outcome: cycle.Outcome) -> None:
        if outcome.rejected is not None:
            entry.reason = outcome.rejected.message
            self._nominate(entry, "")
            return
        failure = outcome.failure
        post = failure.post if failure is not None else None
        if post is not None and post.node:
            self._preempt(entry, post)
        elif post is not None and post.clears:
            self._nominate(entry, "")
        if failure is not None and (not entry.nominated or (post is not None and post.node)):
            entry.reason = failure.sentence
        entry.state = State.NOMINATED if entry.incoming.nominated else State.UNSCHEDULABLE
        entry.nominated = entry.incoming.nominated

    def _preempt(self, entry: Entry, post: interface.PostFiltered) -> None:
        """Evicts the victims and keeps their node for the pod (preemption.go, prepareCandidate)."""
        victims = post.victims.pods if post.victims is not None else ()
        for victim in victims:
            if victim.key not in entry.victims:
                entry.victims.append(victim.key)
            if not victim.group.terminating:
                self.cluster.terminate(victim.uid)
            placed = self._by_uid.get(victim.uid)
            if placed is not None:
                placed.evicted_by = entry.incoming.key
        lower = [
            uid
            for uid, (other, node) in self.cluster.nominations.items()
            if node == post.node and other.priority < entry.incoming.priority
        ]
        for uid in lower:
            self._unseat(uid)
        self._nominate(entry, post.node)

    def _unseat(self, uid: str) -> None:
        """Takes the nomination from a pod of lower priority, which may not fit any more."""
        other, _ = self.cluster.nominations.pop(uid)
        other.nominated = ""
        entry = self._by_uid.get(uid)
        if entry is not None:
            entry.incoming.nominated = ""
            entry.nominated, entry.state = "", State.UNSCHEDULABLE

    def _nominate(self, entry: Entry, node: str) -> None:
        incoming = entry.incoming
        incoming.nominated = node
        if node:
            self.cluster.nominations[incoming.uid] = (incoming, node)
        else:
            self.cluster.nominations.pop(incoming.uid, None)


def _created(pod: objects.Pod) -> float:
    """Seconds since 1970; a pod without a time is only now being created."""
    written = pod.metadata.creation_timestamp
    return math.inf if written is None else times.micros(written) / 1e6
