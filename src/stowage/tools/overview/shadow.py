"""Judges the decisions of a cluster's own scheduler: what would ours have been, at the state just before?

The engine sits on informers and follows what is bound; it writes nothing. The other scheduler decides a
moment before its binding is seen, and in a burst on pods it has only assumed to be placed, so now and then
the two look at different states. Where it looks at a sample of the nodes (`percentageOfNodesToScore`, by
default beyond 100 nodes) it may miss the best one, and that shows too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.engine import cycle, entries, explain, measures
from stowage.framework import config, profile
from stowage.kube import client as clients
from stowage.kube import clock as clocks
from stowage.kube import informer
from stowage.scheduler import cache as caches
from stowage.scheduler import decisions
from stowage.scheduler.queueing import queue
from stowage.tools.overview import picture as pictures

logger = logging.getLogger(__name__)

SLICE: Final = 0.02
"""Seconds of news applied until others have a turn."""

Told = dict[str, Any]
"""A decision as docs/decisions.md writes it, of the other scheduler's choice; beside, `agrees` and `ours`:
`node` (one of our best; empty where none fits), `ties`, `score`, and why theirs is not among them:
`refused`, the reason of a filter, or `behind`, by how much its score is less."""


class Shadow:
    """Judges as `apply` takes in the news. ``judged`` and ``agreed`` count."""

    def __init__(self, written: config.Configuration, clock: clocks.Clock = clocks.SYSTEM) -> None:
        cluster = table.Table()
        profiles = [profile.Profile(each) for each in written.profiles]
        self._clock = clock
        self._engine = cycle.Engine(cluster, profiles)
        self._cache = caches.Cache(
            cluster, queue.Queue(cluster, profiles, clock.monotonic), self._engine.profiles
        )
        self.judged = self.agreed = 0

    def apply(self, news: informer.News) -> Told | None:
        """Takes in one piece of news; the judgement of the decision that it shows, if it shows one."""
        told = None
        if news.what is informer.What.CHANGED and news.kind.answer is objects.Pod and self._cache.synced:
            try:
                told = self._judged(news.object)
            except Exception:  # one pod that we cannot judge is no reason to stop
                logger.exception("Decision not judged", extra={"pod": str(news.head)})
        self._cache.apply(news)
        if told is not None:
            self.judged += 1
            self.agreed += told["agrees"]
        return told

    def _judged(self, now: objects.Pod) -> Told | None:
        pod = self._cache.pending.get(now.metadata.uid)
        if pod is None:
            return None
        try:
            if now.spec.node_name:
                return self._placed(pod, now.spec.node_name)
            if _hindered(now) and not _hindered(pod.pod):
                return self._hindered(pod)
        except entries.CycleError:
            pass  # a volume that is missing, say: we would not have answered, so there is nothing to compare
        return None

    def _told(self, pod: pods.Incoming, result: str, agrees: bool, ours: Told) -> Told:
        return {
            "time": clocks.micro_time(self._clock.now()),
            "pod": {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
            "profile": pod.spec.scheduler_name,
            "result": result,
            "evaluated": self._engine.cluster.node_count,
            "agrees": agrees,
            "ours": ours,
        }

    def _placed(self, pod: pods.Incoming, node: str) -> Told:
        """A pod was bound to a node."""
        plan = self._engine.plan(pod)
        account = explain.explain(self._engine.attempt(plan, pod), measures.Timer())
        best, row = account.best, self._engine.cluster.row_of.get(node, -1)
        if not best:
            failure = self._engine.decide(pod).failure
            ours: Told = {"node": "", "message": failure.sentence if failure is not None else ""}
            return self._told(pod, decisions.SCHEDULED, False, ours) | {"node": node, "feasible": 0}
        ours = {"node": best[0], "ties": len(best), "score": int(account.totals.max())}
        # A pod goes where room was made for it, if it fits there, whatever the scores.
        agrees = node in best
        told: Told = {"node": node, "feasible": len(account.feasible)}
        at = account.feasible.tolist().index(row) if row in account.feasible else -1
        if at >= 0:
            agrees = agrees or node == pod.nominated
            told["score"] = int(account.totals[at])
            points = {each.plugin: int(each.weighted[at]) for each in account.scores}
            told["why"] = {plugin: value for plugin, value in points.items() if value}
            ours["behind"] = ours["score"] - told["score"]
        else:
            refused = account.first_failure(row) if row >= 0 else None
            ours["refused"] = refused.message if refused is not None else "the node is not known"
        return self._told(pod, decisions.SCHEDULED, agrees, ours) | told

    def _hindered(self, pod: pods.Incoming) -> Told:
        """A pod was said to fit nowhere."""
        outcome = self._engine.decide(pod)
        message = outcome.failure.sentence if outcome.failure is not None else ""
        ours: Told = {"node": outcome.node, "message": message}
        told = self._told(pod, decisions.UNSCHEDULABLE, not outcome.node, ours)
        return told | {"message": message}


def _hindered(pod: objects.Pod) -> bool:
    """Whether its scheduler has said that it fits nowhere."""
    conditions = pod.status.conditions
    return any(each.type == "PodScheduled" and each.reason == "Unschedulable" for each in conditions)


async def follow(
    client: clients.Client,
    written: config.Configuration,
    picture: pictures.Picture,
    wake: Callable[[], None],
) -> None:
    """Judges what happens on a cluster until cancelled, and tells the picture."""
    shadow = Shadow(written, client.clock)
    following = informer.Informer(client, caches.sources())
    async with asyncio.TaskGroup() as group:
        group.create_task(following.run(), name="shadow: informers")
        while True:
            news = await following.news.get()
            until = time.monotonic() + SLICE
            while True:
                told = shadow.apply(news)
                if told is not None:
                    picture.decided(told)
                    picture.agreement(shadow.judged, shadow.agreed)
                    wake()
                if following.news.empty() or time.monotonic() >= until:
                    break
                news = following.news.get_nowait()
            await asyncio.sleep(0)
