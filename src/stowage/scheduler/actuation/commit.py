"""The binding cycle of a pod, from when its place was assumed: Permit's wait, PreBind, Bind, PostBind.

What plugins ask to be written is written after each of them. Until it is done with PreBind the pod can
still be made to give way. Rules: kube-scheduler's bindingCycle (schedule_one.go).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stowage.engine import cycle
from stowage.framework import interface, status
from stowage.scheduler.actuation import binding, conditions, failures, waiting
from stowage.scheduler.extension import extender, extenders
from stowage.scheduler.metering import metrics


class Commit:
    """``timeouts``: seconds for which PreBind waits for volumes, by profile. ``leads``: asked before each
    binding. ``still``: the lock under which the table is changed."""

    def __init__(
        self,
        engine: cycle.Engine,
        notes: binding.Notes,
        writer: binding.Writer,
        statuses: conditions.Statuses,
        asked: extenders.Extenders,
        waits: waiting.Waiting,
        timeouts: Mapping[str, float],
        leads: Callable[[], bool],
        still: asyncio.Lock,
        counted: metrics.Metrics,
    ) -> None:
        self._engine = engine
        self._notes = notes
        self._writer = writer
        self._statuses = statuses
        self._extenders = asked
        self._waiting = waits
        self._timeouts = timeouts
        self._leads = leads
        self._still = still
        self._metrics = counted
        self._preparing: dict[str, asyncio.Task[failures.Failed | None]] = {}
        self._preempting: dict[str, str] = {}
        """uid of a pod that is to give way in PreBind -> the plugin that wants it"""

    def give_way(self, uid: str, plugin: str) -> bool:
        """Has a pod that is waiting, or in PreBind, tried again, so that ``plugin`` has its place for
        another; False where it is too late, or was never so."""
        if uid in self._waiting:
            return self._waiting.preempt(uid, plugin)
        task = self._preparing.get(uid)
        if task is None or not task.cancel():
            return False
        self._preempting[uid] = plugin
        return True

    def preparers(self, outcome: cycle.Outcome) -> list[interface.PreBindPlugin]:
        """The PreBind plugins that have something to do."""
        with self._metrics.timed("PreBindPreFlight", outcome) as told:
            found = self._engine.points.preparers(outcome.pod, outcome.node)
            if not found:
                told.label = "Skip"
        return found

    async def permitted(
        self, outcome: cycle.Outcome, preparers: Sequence[interface.PreBindPlugin]
    ) -> failures.Failed | None:
        """Waits, where the pod is to. Where that or PreBind will take time, others hear of the node."""
        pod = outcome.pod
        waits = pod.uid in self._waiting
        if preparers or waits:
            self._statuses.say(pod, conditions.Saying(node=outcome.node))
            await self._statuses.settled(pod.uid)
        if not waits:
            return None
        began = time.perf_counter()
        verdict = await self._waiting.verdict(pod.uid)
        self._metrics.permit_wait[(verdict.code.label,)].observe(time.perf_counter() - began)
        return None if verdict.code is status.Code.SUCCESS else failures.refused_waiting(verdict)

    async def bound(
        self, outcome: cycle.Outcome, preparers: Sequence[interface.PreBindPlugin]
    ) -> failures.Failed | None:
        """PreBind, Bind and PostBind."""
        with self._metrics.timed("PreBind", outcome) as told:
            for preparer in preparers:
                with self._metrics.timed_plugin(preparer.name, "PreBind") as ran:
                    failed = told.ended(ran.ended(await self._prepared(outcome, preparer)))
                if failed is not None:
                    return failed
        await self._statuses.settled(outcome.pod.uid)
        with self._metrics.timed("Bind", outcome) as told:
            failed = told.ended(await self._bound(outcome))
        if failed is None:
            with self._metrics.timed("PostBind", outcome):
                self._engine.points.bound(outcome.pod, outcome.node)
        return failed

    # ---------------------------------------------------------------- PreBind

    async def _prepared(
        self, outcome: cycle.Outcome, preparer: interface.PreBindPlugin
    ) -> failures.Failed | None:
        uid = outcome.pod.uid
        items: list[Any] = []
        task = self._preparing[uid] = asyncio.ensure_future(self._prepare(outcome, preparer, items))
        try:
            await asyncio.wait((task,))
        finally:
            del self._preparing[uid]
            if not task.done():  # the scheduler ends, and needs nothing settled
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            preempting = self._preempting.pop(uid, "")
        failed: failures.Failed | None = failures.NONE
        try:
            if task.cancelled():
                said = f'running PreBind plugin "{preparer.name}": preempted by {preempting}'
                failed = failures.Failed(said)
            else:
                failed = task.result()
        finally:  # here, where nobody is made to give way any more
            await self._writer.settle(items, failed is not None)
        return failed

    async def _prepare(
        self, outcome: cycle.Outcome, preparer: interface.PreBindPlugin, items: list[Any]
    ) -> failures.Failed | None:
        """``items``: takes the claims and volumes that were to be written."""
        async with self._still:
            try:
                refused = self._engine.points.prepare(outcome.pod, outcome.node, preparer)
            finally:  # what a plugin left that failed is not for the next one's pod
                items += self._notes.items()
                self._writer.hold(items)
        if refused is not None:
            self._metrics.plugin_failed(refused, "PreBind")
            return failures.refused_late(refused, "PreBind")
        timeout = self._timeouts[outcome.pod.spec.scheduler_name]
        failure = await self._writer.prepare(outcome.pod, outcome.node, items, timeout)
        if failure:
            self._metrics.plugin_errors[preparer.name, "PreBind", "write"] += 1
        return failures.Failed(f'running PreBind plugin "{preparer.name}": {failure}') if failure else None

    # ------------------------------------------------------------------- Bind

    async def _bound(self, outcome: cycle.Outcome) -> failures.Failed | None:
        pod = outcome.pod
        try:
            if self._extenders.binds(pod) and self._leads() and await self._extenders.bind(pod, outcome.node):
                return None
        except extender.Failed as error:
            if error.lost and await self._writer.is_bound(pod, outcome.node):
                return None
            return failures.Failed(str(error))
        try:
            answer = self._engine.points.bind(pod, outcome.node)
        finally:  # what a plugin left that failed is not for the next one's pod
            bindings = self._notes.bindings()
        if answer.code is not status.Code.SUCCESS:
            self._metrics.plugin_failed(answer, "Bind")
            return failures.refused_late(answer, "Bind")
        with self._metrics.timed_plugin(answer.plugin, "Bind") as ran:
            for bound, node in bindings:
                failure = await self._writer.bind(bound, node)
                if failure:
                    self._metrics.plugin_errors[answer.plugin, "Bind", "write"] += 1
                    return ran.ended(failures.Failed(f'running Bind plugin "{answer.plugin}": {failure}'))
        return None
