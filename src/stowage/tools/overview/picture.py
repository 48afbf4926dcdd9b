"""What the page shows, kept up to date by the news of nodes and pods and by decisions.

Plain synchronous code. Every change gets a number; `changes` says what differs since one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from stowage.api import objects
from stowage.kube import informer
from stowage.tools.overview import views
from stowage.web import live

DECISIONS: Final = 200
"""Decisions kept for the list; of each pod the last one is kept beside, for as long as it lives."""

SHOWN: Final = 200
"""Pending pods told to the page; of the rest only the number."""

SECONDS: Final = 120
"""Length of the pace that the page draws."""

GONE: Final = 1000
"""Ends of nodes that are remembered: a reader that missed more gets everything anew."""


class Link(msgspec.Struct, frozen=True):
    """How it stands with something that is read; `note` says why it is not `up`."""

    up: bool = False
    note: str = ""


class Picture:
    """See the module. ``title`` says what cluster this is; ``mode`` whether we schedule or shadow."""

    def __init__(self, title: str, mode: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.version = 1
        self.links: dict[str, Link] = {"api": Link(False, "not reached yet")}
        self._told: dict[str, Any] = {"title": title, "mode": mode}
        self._clock = clock
        self._nodes: dict[str, views.Node] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._changed: dict[str, int] = {}
        """node -> version of its last change"""
        self._gone: deque[tuple[int, str]] = deque(maxlen=GONE)
        self._pods: dict[str, views.Pod] = {}
        self._on: dict[str, set[str]] = {}
        self._pending: dict[str, views.Pod] = {}
        self._pending_at = self._figures_at = 1
        self._decisions: deque[tuple[int, Any]] = deque(maxlen=DECISIONS)
        self._latest: dict[str, Any] = {}
        self._queue: dict[str, Any] = {}
        self._pace: deque[int] = deque(maxlen=SECONDS)
        self._second = int(clock())
        self._bound = 0
        self._listed: set[str] = set()

    @property
    def known(self) -> bool:
        """Whether all nodes and pods have come once."""
        return {"nodes", "pods"} <= self._listed

    # ------------------------------------------------------------------- news

    def apply(self, news: informer.News) -> None:
        """Takes in one piece of news of nodes or pods; of other kinds nothing."""
        if news.what is informer.What.LISTED:
            self._listed.add(news.kind.plural)
        elif news.what is informer.What.REFUSED:
            self.link("api", Link(False, f"{news.kind}: {news.error}"))
        elif news.kind.answer is objects.Node:
            self._node(news)
        elif news.kind.answer is objects.Pod:
            self._pod(news)

    def _next(self) -> int:
        self.version += 1
        return self.version

    def _node(self, news: informer.News) -> None:
        name = news.head.name
        if news.what is informer.What.REMOVED:
            if self._nodes.pop(name, None) is not None:
                del self._changed[name], self._facts[name]
                self._gone.append((self._next(), name))
            return
        fresh = views.node(news.object)
        old = self._nodes.get(name)
        self._nodes[name] = fresh
        self._facts[name] = views.facts(news.object)
        self._sum(name)
        if old != self._nodes[name]:
            self._changed[name] = self._next()

    def _sum(self, name: str) -> None:
        """Adds up the pods of a node; a node has a hundred of them at most, and sums cannot drift so."""
        node = self._nodes.get(name)
        if node is None:
            return
        held = [self._pods[uid] for uid in self._on.get(name, ())]
        node.cpu = (sum(each.cpu for each in held), node.cpu[1])
        node.memory = (sum(each.memory for each in held), node.memory[1])
        node.pods = (len(held), node.pods[1])

    def _pod(self, news: informer.News) -> None:
        uid = news.head.uid
        old = self._pods.get(uid)
        fresh = None if news.what is informer.What.REMOVED else views.pod(news.object)
        if fresh is None:
            self._pods.pop(uid, None)
            self._latest.pop(uid, None)
        else:
            self._pods[uid] = fresh
        if old is not None and fresh is not None and fresh.node and not old.node:
            self._tick()
            self._bound += 1
        self._place(uid, old, fresh)
        was, now = self._pending.get(uid), None if fresh is None or fresh.node else fresh
        if was != now:
            self._pending.pop(uid, None)
            if now is not None:
                self._pending[uid] = now
            self._pending_at = self._next()

    def _place(self, uid: str, old: views.Pod | None, fresh: views.Pod | None) -> None:
        before, after = old.node if old else "", fresh.node if fresh else ""
        if before == after and old and fresh and (old.cpu, old.memory) == (fresh.cpu, fresh.memory):
            return
        if before:
            self._on[before].discard(uid)
            if not self._on[before]:
                del self._on[before]
        if after:
            self._on.setdefault(after, set()).add(uid)
        for name in {before, after} - {""}:
            self._sum(name)
            if name in self._nodes:
                self._changed[name] = self._next()

    # ------------------------------------------------------------ what is told

    def link(self, name: str, state: Link) -> None:
        """How it stands with the API server (`api`) or the scheduler (`scheduler`)."""
        if self.links.get(name) != state:
            self.links[name] = state
            self._figures_at = self._next()

    def queue(self, state: dict[str, Any]) -> None:
        """The scheduler's own numbers of its queues."""
        if self._queue != state:
            self._queue = state
            self._figures_at = self._next()

    def agreement(self, judged: int, agreed: int) -> None:
        """How many decisions of another scheduler were judged, and how many of them are ours too."""
        self._told |= {"judged": judged, "agreed": agreed}
        self._figures_at = self._next()

    def decided(self, decision: dict[str, Any]) -> None:
        """One decision, as docs/decisions.md writes it."""
        version = self._next()
        self._decisions.append((version, decision | {"number": version}))
        uid = decision["pod"]["uid"]
        if uid in self._pods:
            self._latest[uid] = decision

    def tick(self) -> None:
        """Once a second: the pace goes on."""
        self._tick()
        self._figures_at = self._next()

    def _tick(self) -> None:
        second = int(self._clock())
        for _ in range(min(second - self._second, SECONDS)):
            self._pace.append(self._bound)
            self._bound = 0
        self._second = second

    # ---------------------------------------------------------------- reading

    def changes(self, since: int) -> live.Step:
        """What differs from ``since``: events `figures`, `nodes`, `pending` and `decisions`.

        From 0, or from before the oldest end of a node that is remembered, the nodes come whole.
        """
        events: list[tuple[str, Any]] = []
        forgotten = len(self._gone) == GONE and self._gone[0][0] > since
        whole = since == 0 or forgotten
        nodes = [each for name, each in self._nodes.items() if whole or self._changed[name] > since]
        gone = [] if whole else [name for at, name in self._gone if at > since]
        if whole or nodes or gone:
            events.append(("nodes", {"whole": whole, "changed": nodes, "gone": gone}))
        if self._pending_at > since:
            events.append(("pending", {"count": len(self._pending), "pods": self._waiting()}))
        decided = [decision for at, decision in self._decisions if at > since]
        if decided:
            events.append(("decisions", decided))
        if self._figures_at > since:
            events.append(("figures", self._figures()))
        return live.Step(self.version, events)

    def _waiting(self) -> list[views.Pod]:
        """The pending pods to show: those that were tried in vain first, then the oldest."""
        order = views.STATES.index
        found = sorted(self._pending.values(), key=lambda each: (order(each.state), each.since, each.name))
        return found[:SHOWN]

    def _figures(self) -> dict[str, Any]:
        nodes = self._nodes.values()
        states = [each.state for each in self._pending.values()]
        return self._told | {
            "known": self.known,
            "links": self.links,
            "queue": self._queue,
            "states": {
                name: states.count(name) for name in (views.UNSCHEDULABLE, views.WAITING, views.GATED)
            },
            "nodes": len(nodes),
            "ready": sum(each.ready for each in nodes),
            "bound": len(self._pods) - len(self._pending),
            "cpu": _sums(each.cpu for each in nodes),
            "memory": _sums(each.memory for each in nodes),
            "pods": _sums(each.pods for each in nodes),
            "pace": list(self._pace),
        }

    def node(self, name: str) -> dict[str, Any]:
        """Everything about a node. KeyError where there is none of that name."""
        held = sorted((self._pods[uid] for uid in self._on.get(name, ())), key=lambda each: -each.cpu)
        return {"node": self._nodes[name], "pods": held} | self._facts[name]

    def pod(self, namespace: str, name: str) -> dict[str, Any]:
        """Everything about a pod. KeyError where there is none of that name."""
        for uid, each in self._pods.items():
            if (each.namespace, each.name) == (namespace, name):
                return {"pod": each, "decision": self._latest.get(uid)}
        raise KeyError(f"{namespace}/{name}")


def _sums(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    found = list(pairs)
    return sum(used for used, _ in found), sum(free for _, free in found)
