"""The live scheduler at work: what the watches tell goes in, and cycles go on while pods are ready.

Everything runs in one event loop. A scheduling cycle is plain synchronous code, so that the state it
sees stands still; cycles run in slices of `SLICE`, between which news are applied. Each binding cycle is a
task of its own. Rules: kube-scheduler's schedule_one.go.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import random
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from stowage.cluster import pods, table
from stowage.engine import cycle
from stowage.framework import config, profile, status
from stowage.kube import client as clients
from stowage.kube import events as recorders
from stowage.kube import informer, series
from stowage.scheduler import binding, conditions, entry, preemption
from stowage.scheduler import cache as caches
from stowage.scheduler import queue as queues

logger = logging.getLogger(__name__)

SLICE = 0.005
"""Seconds that cycles, or news, take at a time before others have a turn."""

GRACE = 10.0
"""Seconds for which bindings under way are awaited at the end."""

NOTE_LIMIT = 1024
"""Characters of an Event's note."""

CLAIMS = "resource claims are not supported yet"
GROUP = "scheduling groups are not supported yet"


@dataclasses.dataclass(frozen=True)
class Failed:
    """How an attempt failed. ``node``: the nomination from now on; empty: none; None: as it is."""

    message: str
    reason: str = conditions.SCHEDULER_ERROR
    plugins: Sequence[str] = ()
    pending: Sequence[str] = ()
    node: str | None = ""


class Driver:
    """Schedules the pods of the configuration's profiles while `run` runs; made anew for each time that
    it leads. ``leads``: asked before each act that only a leader may do."""

    def __init__(
        self,
        client: clients.Client,
        written: config.Configuration,
        leads: Callable[[], bool],
        seed: int | None = None,
    ) -> None:
        self._client = client
        self._leads = leads
        profiles = [profile.Profile(each) for each in written.profiles]
        self._timeouts = {each.scheduler_name: _bind_timeout(each) for each in written.profiles}
        cluster = table.Table()
        gate = preemption.Gate()
        times = queues.Settings(
            float(written.pod_initial_backoff_seconds), float(written.pod_max_backoff_seconds)
        )
        self.queue = queues.Queue(cluster, profiles, client.clock.monotonic, times, [gate])
        self._notes = binding.Notes()
        self.engine = cycle.Engine(
            cluster,
            profiles,
            seed=random.randrange(1 << 32) if seed is None else seed,
            percentage=written.percentage_of_nodes_to_score or None,
            binder=self._notes,
        )
        self.cache = caches.Cache(cluster, self.queue, self.engine.profiles)
        self.writer = binding.Writer(client, self.cache, leads)
        self.statuses = conditions.Statuses(client)
        self._preemption = preemption.Preemption(client, self.cache, self.statuses, gate, self._preempted)
        host = socket.gethostname()
        self._recorders = {
            name: recorders.Recorder(client, name, f"{name}-{host}") for name in self.engine.profiles
        }
        self._informer = informer.Informer(client, caches.sources())
        self._awake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False

    # -------------------------------------------------------------------- run

    async def run(self) -> None:
        """Schedules until cancelled; then no cycle begins, and bindings under way are awaited."""
        senders = [asyncio.create_task(each.run()) for each in self._recorders.values()]
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
            done, _ = await asyncio.wait(working + senders, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            self._ending = True
            await _cancelled(working[2:])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await self._finished()
            await _cancelled([*working[:2], *self._tasks, *senders])

    async def _finished(self) -> None:
        while self._tasks:
            await asyncio.wait(list(self._tasks))
        await self.statuses.flush()
        for each in self._recorders.values():
            await each.flush()

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._awake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("Task failed", extra={"task": task.get_name()}, exc_info=error)

    async def _follow(self) -> None:
        clock, news = self._client.clock, self._informer.news
        while True:
            item = await news.get()
            until = clock.monotonic() + SLICE
            self._applied(item)
            while not news.empty() and clock.monotonic() < until:
                self._applied(news.get_nowait())
            self._awake.set()
            await asyncio.sleep(0)

    def _applied(self, news: informer.News) -> None:
        before = self.cache.synced
        self.cache.apply(news)
        if self.cache.synced and not before:
            fields = {"nodes": self.engine.cluster.node_count, "pods": len(self.engine.cluster.pods)}
            logger.info("Cluster known; scheduling", extra=fields)
        if news.what is informer.What.REMOVED:
            self.statuses.forget(news.head.uid)

    async def _cycles(self) -> None:
        clock = self._client.clock
        while True:
            await self._awake.wait()
            self._awake.clear()
            while self._ready():
                until = clock.monotonic() + SLICE
                while self.queue.ready and clock.monotonic() < until:
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

    # ----------------------------------------------------------------- cycles

    def attempt(self) -> None:
        """One scheduling cycle, for the next pod that is ready."""
        item = self.queue.pop()
        if item is None:
            return
        pod = item.pod
        if self._skipped(pod):
            self.queue.done(pod.uid)
            return
        lacking = _unsupported(pod)
        if lacking:
            plugin, reason = lacking
            sentence = f"0/{self.engine.cluster.node_count} nodes are available: {reason}."
            self._fail(item, Failed(sentence, conditions.UNSCHEDULABLE, [plugin]))
            return
        try:
            outcome = self.engine.decide(pod)
            if outcome.row < 0:
                self._undecided(item, outcome)
            else:
                self._place(item, outcome)
        except Exception as error:
            logger.exception("Scheduling cycle failed", extra={"pod": pod.key})
            if pod.uid in self.engine.cluster.pods.by_uid:
                self.engine.cluster.remove_pod(pod.uid)
            self._fail(item, Failed(str(error) or type(error).__name__))

    def _skipped(self, pod: pods.Incoming) -> bool:
        """Whether the pod needs no attempt: it has gone or is going, or has a node."""
        if pod.pod.metadata.deletion_timestamp is not None:
            note = f"skip schedule deleting pod: {pod.key}"
            self._record(pod, "Warning", "FailedScheduling", "Scheduling", note)
            return True
        return pod.uid not in self.cache.pending or pod.uid in self.cache.assumed

    def _undecided(self, item: entry.Entry, outcome: cycle.Outcome) -> None:
        failure = outcome.failure
        if failure is None:
            message = outcome.rejected.message if outcome.rejected is not None else ""
            self._fail(item, Failed(message))
            return
        post = failure.post
        node: str | None = ""
        if post is not None:
            node = post.node or ("" if post.clears else None)
        failed = Failed(failure.sentence, conditions.UNSCHEDULABLE, failure.plugins, failure.pending, node)
        pod = item.pod
        victims: list[pods.Incoming] = []
        if post is not None and post.node and post.victims is not None:
            victims = self._preemption.begin(pod, post.victims)
        self._fail(item, failed)
        if victims and post is not None:
            self._start(self._preemption.evict(pod, post.node, victims), f"preemption for {pod.key}")

    def _place(self, item: entry.Entry, outcome: cycle.Outcome) -> None:
        refused, delay = self.engine.assume(outcome)
        if refused is not None:
            chain = self.engine.profiles[item.pod.spec.scheduler_name]
            reserved = any(plugin.name == refused.plugin for plugin in chain.reserve)
            self._fail(item, _rejection(refused, "Reserve" if reserved else "Permit"))
            return
        self.cache.assume(item.pod, outcome.node)
        self._start(self._bind(item, outcome, delay), f"binding of {item.pod.key}")

    # ---------------------------------------------------------------- binding

    async def _bind(self, item: entry.Entry, outcome: cycle.Outcome, delay: float) -> None:
        pod, node = outcome.pod, outcome.node
        failed: Failed | None = Failed("the binding was given up")
        try:
            if delay:
                await self._client.clock.sleep(delay)
            self.queue.done(pod.uid)  # from here on, nothing that happens can make it schedulable
            failed = await self._bound(outcome)
        except Exception as error:
            logger.exception("Binding cycle failed", extra={"pod": pod.key, "node": node})
            failed = Failed(str(error) or type(error).__name__)
        finally:
            if failed is not None:
                self._unbound(item, outcome, failed)
        if failed is None:
            self.statuses.forget(pod.uid)
            logger.info("Pod bound", extra={"pod": pod.key, "node": node, "attempts": item.attempts})
            self._record(pod, "Normal", "Scheduled", "Binding", f"Successfully assigned {pod.key} to {node}")

    async def _bound(self, outcome: cycle.Outcome) -> Failed | None:
        """PreBind, Bind and PostBind: what plugins ask to be written is written after each."""
        pod = outcome.pod
        refused = self.engine.prepare(outcome)
        items = self._notes.items()
        if refused is not None:
            return _rejection(refused, "PreBind")
        failure = await self.writer.prepare(items, self._timeouts[pod.spec.scheduler_name])
        if failure:
            return Failed(f'running PreBind plugin "VolumeBinding": {failure}')
        await self.statuses.settled(pod.uid)
        refused = self.engine.bind(outcome)
        bindings = self._notes.bindings()
        if refused is not None:
            return _rejection(refused, "Bind")
        for bound, node in bindings:
            failure = await self.writer.bind(bound, node)
            if failure:
                return Failed(f'running Bind plugin "DefaultBinder": {failure}')
        self.engine.bound(outcome)
        return None

    def _unbound(self, item: entry.Entry, outcome: cycle.Outcome, failed: Failed) -> None:
        self.engine.unreserve(outcome)
        self.cache.forget(outcome.pod, itself=failed.reason != conditions.UNSCHEDULABLE)
        self._fail(item, failed)

    # ---------------------------------------------------------------- failure

    def _fail(self, item: entry.Entry, failed: Failed) -> None:
        """The pod goes back to the queue, and says why; one that has gone, or has a node, does not."""
        pod = self.cache.pending.get(item.pod.uid)
        if pod is None or self._ending:
            self.queue.done(item.pod.uid)
            return
        self.queue.put_back(item, pod, failed.plugins, failed.pending)
        self.queue.nominate(pod, failed.node)
        rejected = failed.reason == conditions.UNSCHEDULABLE
        fields = {"pod": pod.key, "reason": failed.message}
        logger.log(logging.INFO if rejected else logging.ERROR, "Pod not scheduled", extra=fields)
        self._record(pod, "Warning", "FailedScheduling", "Scheduling", _note(failed.message))
        self.statuses.say(pod, conditions.Saying(failed.reason, failed.message, failed.node))

    # ----------------------------------------------------------------- Events

    def _preempted(self, victim: pods.Incoming, pod: pods.Incoming, node: str) -> None:
        self._recorders[pod.spec.scheduler_name].record(
            self._reference(victim),
            "Normal",
            "Preempted",
            "Preempting",
            f"Preempted by pod {pod.uid} on node {node}",
            self._reference(pod),
        )

    def _record(self, pod: pods.Incoming, kind: str, reason: str, action: str, note: str) -> None:
        recorder = self._recorders[pod.spec.scheduler_name]
        recorder.record(self._reference(pod), kind, reason, action, note)

    def _reference(self, pod: pods.Incoming) -> series.Reference:
        version = self.cache.versions.get(pod.uid, "")
        return series.Reference("v1", "Pod", pod.namespace, pod.name, pod.uid, version)


def _rejection(refused: status.Status, point: str) -> Failed:
    """A refusal after a node was chosen: as if it had been the only node (FitError), or an error."""
    if not refused.rejected:
        return Failed(f'running {point} plugin "{refused.plugin}": {refused.message}')
    message = status.unavailable(1, {refused.message: 1})
    pending = [refused.plugin] if refused.code is status.Code.PENDING else []
    return Failed(message, conditions.UNSCHEDULABLE, [refused.plugin], pending)


def _unsupported(pod: pods.Incoming) -> tuple[str, str] | None:
    """What the pod needs that is not here: kube-scheduler's plugin for it, and the reason told."""
    if pod.spec.resource_claims:
        return "DynamicResources", CLAIMS
    if pod.spec.scheduling_group is not None:
        return "GangScheduling", GROUP
    return None


def _note(message: str) -> str:
    encoded = message.encode()
    if len(encoded) <= NOTE_LIMIT:
        return message
    return encoded[: NOTE_LIMIT - 4].decode(errors="ignore") + " ..."


def _bind_timeout(written: config.Profile) -> float:
    """Seconds for which PreBind waits for volumes."""
    return float(getattr(written.plugin_config.get("VolumeBinding"), "bind_timeout_seconds", 600))


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
