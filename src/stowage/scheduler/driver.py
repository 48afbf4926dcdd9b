"""The live scheduler at work: what the watches tell goes in, and cycles go on while pods are ready.

Everything runs in one event loop. A scheduling cycle is plain synchronous code, so that the state it
sees stands still; cycles run in slices of `SLICE`, between which news are applied. Each binding cycle is a
task of its own. Rules: kube-scheduler's schedule_one.go.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from stowage.cluster import pods, table
from stowage.engine import consult, cycle, measures
from stowage.framework import config, profile
from stowage.kube import client as clients
from stowage.kube import informer
from stowage.scheduler import bounds, decisions, logs
from stowage.scheduler import cache as caches
from stowage.scheduler.actuation import announce, binding, commit, conditions, failures, preemption, waiting
from stowage.scheduler.extension import extenders
from stowage.scheduler.metering import metrics
from stowage.scheduler.queueing import entry
from stowage.scheduler.queueing import queue as queues

logger = logging.getLogger(__name__)

SLICE = 0.01
"""Seconds that cycles, or news, take at a time before others have a turn. Shorter slices cost more turns of
the loop, longer ones leave the server without requests meanwhile."""

GRACE = 10.0
"""Seconds for which bindings under way are awaited at the end."""


class Overgrown(Exception):
    """More is remembered that no pod needs any more than may be: another driver is to go on."""


class Driver:
    """Schedules the pods of the configuration's profiles while `run` runs; made anew for each time that
    it leads. ``leads``: asked before each act that only a leader may do."""

    def __init__(
        self,
        client: clients.Client,
        written: config.Configuration,
        leads: Callable[[], bool],
        seed: int | None = None,
        told: decisions.Decisions | None = None,
        counted: metrics.Metrics | None = None,
        kept: bounds.Bounds = bounds.USUAL,
        max_wait: float = queues.MAX_WAIT,
    ) -> None:
        self.metrics = counted or metrics.Metrics(client.clock)
        self._client = client
        self._leads = leads
        self._told = told or decisions.Decisions(client.clock)
        self._told.queue = self._counts
        profiles = [profile.Profile(each) for each in written.profiles]
        cluster = table.Table()
        gate = preemption.Gate()
        times = queues.Settings(
            float(written.pod_initial_backoff_seconds), float(written.pod_max_backoff_seconds), max_wait
        )
        rejecters = [extenders.Rejecter()] if written.extenders else []
        self.queue = queues.Queue(cluster, profiles, client.clock.monotonic, times, [gate], rejecters)
        notes = binding.Notes()
        self.engine = cycle.Engine(
            cluster,
            profiles,
            seed=random.randrange(1 << 32) if seed is None else seed,
            percentage=written.percentage_of_nodes_to_score or None,
            binder=notes,
            plan_bytes=kept.plan_bytes,
            kept=kept.records,
        )
        self.waiting = self.engine.points.context.waiting = waiting.Waiting(client.clock)
        self._still = asyncio.Lock()
        """Held while the table is changed from outside a cycle, and by a cycle that waits for extenders."""
        self.cache = caches.Cache(
            cluster,
            self.queue,
            self.engine.profiles,
            victims_whole=extenders.whole_victims(written.extenders),
        )
        sources = caches.sources(extenders.whole_kinds(written.extenders), kept.page)
        self._informer = informer.Informer(client, sources, kept.news)
        self._awake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False
        self._unused = kept.unused
        self._carry_out(written, notes, gate, kept)
        self.metrics.source = self

    def _carry_out(
        self,
        written: config.Configuration,
        notes: binding.Notes,
        gate: preemption.Gate,
        kept: bounds.Bounds,
    ) -> None:
        """Makes those who ask and write what follows from a decision."""
        client, leads = self._client, self._leads
        self._extenders = extenders.Extenders(written.extenders, self.cache)
        self.writer = binding.Writer(client, self.cache, leads, self._still)
        self.statuses = conditions.Statuses(client, leads)
        self._commit = commit.Commit(
            self.engine,
            notes,
            self.writer,
            self.statuses,
            self._extenders,
            self.waiting,
            {each.scheduler_name: _bind_timeout(each) for each in written.profiles},
            leads,
            self._still,
            self.metrics,
        )
        self.announcer = announce.Announcer(client, self.cache, self.engine.profiles, kept)
        self._preemption = preemption.Preemption(
            client,
            self.cache,
            self.statuses,
            gate,
            leads,
            self._commit.give_way,
            self.announcer.preempted,
            self.metrics,
        )

    # -------------------------------------------------------------------- run

    async def run(self) -> None:
        """Schedules until cancelled; then no cycle begins, and bindings under way are awaited.

        `Overgrown` likewise, where more is remembered than may be."""
        sender = asyncio.create_task(self.announcer.run(), name="events")
        working = [
            asyncio.create_task(each, name=name)
            for name, each in (
                ("informers", self._informer.run()),
                ("news", self._follow()),
                ("cycles", self._cycles()),
                ("backoff", self._flush_backoff()),
                ("pool", self._flush_pool()),
            )
        ]
        try:
            done, _ = await asyncio.wait([*working, sender], return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            self._ending = True
            await _cancelled(working[2:])
            self.waiting.end()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await self._finished()
            await _cancelled([*working[:2], *self._tasks, sender])
            await self.statuses.close()
            await self._extenders.close()

    async def _finished(self) -> None:
        while self._tasks:
            await asyncio.wait(list(self._tasks))
        await self.statuses.flush()
        await self.announcer.flush()

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("Task failed", extra={"task": task.get_name()}, exc_info=error)

    async def _follow(self) -> None:
        clock, news = self._client.clock, self._informer.news
        while True:
            item = await news.get()
            async with self._still:
                until = clock.monotonic() + SLICE
                self._applied(item)
                while not news.empty() and clock.monotonic() < until:
                    self._applied(news.get_nowait())
            self._wake()
            if not news.empty():
                await asyncio.sleep(0)

    def _wake(self) -> None:
        """Has cycles go on, where a pod is ready: most of what happens while pods are bound makes none so."""
        if self.queue.ready:
            self._awake.set()

    def _applied(self, news: informer.News) -> None:
        before = self.cache.synced
        self.cache.apply(news)
        if self.cache.synced and not before:
            fields = {"nodes": self.engine.cluster.node_count, "pods": len(self.engine.cluster.pods)}
            logger.info("Cluster known; scheduling", extra=fields)
        if news.what is informer.What.REMOVED:
            self.statuses.forget(news.head.uid)
        else:
            self.statuses.heard(news.head.uid)
        if news.head.uid in self.waiting and news.head.uid not in self.cache.assumed:
            self.waiting.reject(news.head.uid, "", "removed")

    async def _cycles(self) -> None:
        clock = self._client.clock
        while True:
            await self._awake.wait()
            self._awake.clear()
            while self._ready():
                until = clock.monotonic() + SLICE
                while self.queue.ready and clock.monotonic() < until:
                    if self._extenders:
                        await self.consult()
                    else:
                        self.attempt()
                await asyncio.sleep(0)

    def _ready(self) -> bool:
        return self.cache.synced and self.queue.ready and self._leads()

    async def _flush_backoff(self) -> None:
        while True:
            await self._client.clock.sleep(1.0 - self._client.clock.monotonic() % 1.0)
            self.queue.flush_backoff()
            self._awake.set()

    async def _flush_pool(self) -> None:
        while True:
            await self._client.clock.sleep(queues.FLUSH_POOL)
            self.queue.flush_pool()
            self._awake.set()
            unused = self.engine.cluster.unused(self.cache.pending.values())
            if unused > self._unused and not any(self.waiting):
                raise Overgrown

    # ----------------------------------------------------------------- cycles

    def attempt(self) -> None:
        """One scheduling cycle, for the next pod that is ready."""
        item = self._next()
        if item is not None:
            self._decide(item)

    def _next(self) -> entry.Entry | None:
        """The next pod to be decided on; None where the next one is not to be, or there is none."""
        item = self.queue.pop()
        if item is None:
            return None
        if self._skipped(item.pod):
            self.queue.done(item.pod.uid)
            return None
        logger.log(logs.V3, "Attempting to schedule pod", extra={"pod": item.pod.key})
        lacking = failures.unsupported(item.pod, self.engine.cluster.node_count)
        if lacking is None:
            return item
        self._fail(item, lacking)
        return None

    def _decide(self, item: entry.Entry) -> None:
        """A cycle that asks nobody outside."""
        timer = self.metrics.timer()
        try:
            self._conclude(item, self.engine.decide(item.pod, timer), timer)
        except Exception as error:
            self._broke(item, error)

    async def consult(self) -> None:
        """As `attempt`, where extenders may have a say; what happens while they are asked waits."""
        item = self._next()
        if item is None:
            return
        if not self._extenders.interested(item.pod):
            self._decide(item)
            return
        async with self._still:
            timer = self.metrics.timer()
            try:
                self._conclude(item, await self._consulted(item.pod, timer), timer)
            except Exception as error:
                self._broke(item, error)

    async def _consulted(self, pod: pods.Incoming, timer: measures.Timer) -> cycle.Outcome:
        steps, answer = consult.decide(self.engine, pod, timer), None
        while True:
            try:
                question = steps.send(answer)
            except StopIteration as end:
                outcome: cycle.Outcome = end.value
                return outcome
            answer = await self._extenders.answer(question)

    def _conclude(self, item: entry.Entry, outcome: cycle.Outcome, timer: measures.Timer) -> None:
        self.metrics.decided(outcome, timer, self._since(item.popped))
        item.seen = self._told.seen(self.engine, outcome)
        if logger.isEnabledFor(logs.V4):
            fields = {"pod": item.pod.key, "node": outcome.node, "score": outcome.total, "ties": outcome.ties}
            logger.log(logs.V4, "Scheduling cycle done", extra=fields)
        if outcome.row < 0:
            self._undecided(item, outcome)
        else:
            self._place(item, outcome, timer)

    def _since(self, time: float) -> float:
        return self._client.clock.monotonic() - time

    def _broke(self, item: entry.Entry, error: Exception) -> None:
        """A cycle failed where none may: the pod is tried again."""
        logger.exception("Scheduling cycle failed", extra={"pod": item.pod.key}, exc_info=error)
        self._fail(item, failures.of_error(error))

    def _skipped(self, pod: pods.Incoming) -> bool:
        """Whether the pod needs no attempt: it has gone or is going, or has a node."""
        if pod.pod.metadata.deletion_timestamp is not None:
            self.announcer.failed(pod, f"skip schedule deleting pod: {pod.key}")
            return True
        return pod.uid not in self.cache.pending or pod.uid in self.cache.assumed

    def _undecided(self, item: entry.Entry, outcome: cycle.Outcome) -> None:
        failure = outcome.failure
        if failure is None:
            message = outcome.rejected.message if outcome.rejected is not None else ""
            self._fail(item, failures.Failed(message))
            return
        post = failure.post
        node: str | None = ""
        if post is not None:
            node = post.node or ("" if post.clears else None)
        pod = item.pod
        victims: list[pods.Incoming] = []
        if post is not None and post.node and post.victims is not None:
            victims = self._preemption.begin(pod, post.victims)
        failed = failures.Failed(
            failure.sentence,
            conditions.UNSCHEDULABLE,
            failure.plugins,
            failure.pending,
            node,
            [victim.key for victim in victims],
        )
        self._fail(item, failed)
        if victims and post is not None:
            evicting = self._preemption.evict(pod, post.node, victims, post.status.plugin)
            self._start(evicting, f"preemption for {pod.key}")

    def _place(self, item: entry.Entry, outcome: cycle.Outcome, timer: measures.Timer) -> None:
        refused, waits = self.engine.assume(outcome, timer)
        if refused is None:  # before all that may fail: a place nobody binds to would be lost
            self.cache.assume(item.pod, outcome.node)
            if waits:
                self.waiting.add(item.pod, waits)
            self._start(self._bind(item, outcome), f"binding of {item.pod.key}")
        point = self.metrics.placed(outcome, timer, refused, bool(waits))
        if refused is not None:
            self._fail(item, failures.refused(refused, point))

    # ---------------------------------------------------------------- binding

    async def _bind(self, item: entry.Entry, outcome: cycle.Outcome) -> None:
        pod, node = outcome.pod, outcome.node
        failed: failures.Failed | None = failures.GIVEN_UP
        try:
            preparers = self._commit.preparers(outcome)
            failed = await self._commit.permitted(outcome, preparers)
            if failed is None:
                self.queue.done(pod.uid)  # from here on, nothing that happens can make it schedulable
                failed = await self._commit.bound(outcome, preparers)
        except Exception as error:
            logger.exception("Binding cycle failed", extra={"pod": pod.key, "node": node})
            failed = failures.of_error(error)
        finally:
            if failed is not None:
                async with self._still:
                    self._unbound(item, outcome, failed)
        if failed is None:
            self.statuses.forget(pod.uid)
            fields = {"pod": pod.key, "node": node, "attempts": item.attempts}
            logger.log(logs.V2, "Pod bound", extra=fields)
            first = item.popped if item.first is None else item.first
            self.metrics.bound(item, self._since(item.popped), self._since(first))
            self._tell(item, pod, decisions.SCHEDULED, node)
            self.announcer.bound(pod, node)

    def _unbound(self, item: entry.Entry, outcome: cycle.Outcome, failed: failures.Failed) -> None:
        with self.metrics.timed("Unreserve", outcome):
            self.waiting.forget(outcome.pod.uid)
        self.engine.points.unreserve(outcome.pod, outcome.node)
        placed = self.cache.forget(outcome.pod)
        if failed.rejected:  # its own leaving is no reason to try it again
            self._fail(item, failed)
            self.cache.freed(placed, itself=False)
        else:
            self.cache.freed(placed)
            self._fail(item, failed)

    # ---------------------------------------------------------------- failure

    def _fail(self, item: entry.Entry, failed: failures.Failed) -> None:
        """The pod goes back to the queue, and says why. Of one that has gone an Event alone is left; one
        that has a node, or was created anew under its name, is left alone."""
        self.metrics.failed(item, failed, self._since(item.popped))
        pod = self.cache.pending.get(item.pod.uid)
        if pod is None or self._ending:
            self.queue.done(item.pod.uid)
            if not self._ending and not self.cache.exists(item.pod):
                self.announcer.failed(item.pod, failed.message)
            return
        if self.queue.get(pod.key) is None:
            self.queue.put_back(item, pod, failed.plugins, failed.pending)
        else:  # it was to be deleted, gave its place up, and has changed since
            self.queue.done(pod.uid)
        self.queue.nominate(pod, failed.node)
        if not self._leads():
            return  # another one may have bound it: nothing is to be said against that
        rejected = failed.rejected
        fields = {"pod": pod.key, "reason": failed.message}
        logger.log(logs.V2 if rejected else logging.ERROR, "Pod not scheduled", extra=fields)
        self._tell(item, pod, decisions.UNSCHEDULABLE if rejected else decisions.ERROR, failed=failed)
        self.announcer.failed(pod, failed.message)
        self.statuses.say(pod, conditions.Saying(failed.reason, failed.message, failed.node))

    # ---------------------------------------------------------------- telling

    def _tell(
        self,
        item: entry.Entry,
        pod: pods.Incoming,
        result: str,
        node: str = "",
        failed: failures.Failed = failures.NONE,
    ) -> None:
        self._told.tell(
            pod,
            result,
            item.seen,
            attempts=item.attempts,
            seconds=self._since(item.popped),
            node=node,
            nominated=failed.node or "",
            message=failed.message,
            preempted=failed.preempted,
        )

    def tasks(self) -> dict[str, int]:
        """How many tasks bind, and how many make room (scheduler_goroutines)."""
        words = Counter(task.get_name().partition(" ")[0] for task in self._tasks)
        return {"binding": words["binding"], metrics.PREEMPTION: words["preemption"]}

    def _counts(self) -> decisions.Queue:
        return decisions.Queue(
            leading=self._leads(),
            **self.queue.counts,
            bindings=self.tasks()["binding"],
            waiting=sum(1 for _ in self.waiting),
            nodes=self.engine.cluster.node_count,
        )


def _bind_timeout(written: config.Profile) -> float:
    """Seconds for which PreBind waits for volumes."""
    return float(getattr(written.plugin_config.get("VolumeBinding"), "bind_timeout_seconds", 600))


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
