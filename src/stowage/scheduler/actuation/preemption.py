"""Preemption carried out: nominations of lower priority end, and the victims are evicted.

Rules: kube-scheduler's framework/preemption/executor.go, asynchronous. While victims are being evicted
the pod they make room for is kept out of the queue, until the last one's deletion is sent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar

from stowage.cluster import pods, table
from stowage.framework import events, interface, status
from stowage.kube import client as clients
from stowage.kube import errors, resources
from stowage.scheduler import cache as caches
from stowage.scheduler import logs
from stowage.scheduler.actuation import conditions
from stowage.scheduler.metering import metrics

logger = logging.getLogger(__name__)

GATED = "waiting for the preemption for this pod to be finished"
PREEMPTED = "PreemptionByScheduler"


class Gate(interface.PreEnqueuePlugin):
    """Keeps a pod out while its victims are being evicted; bears the name of the plugin that chooses them
    by default, whose registrations are for both."""

    name: ClassVar[str] = "DefaultPreemption"

    def __init__(self) -> None:
        self.evicting: set[str] = set()
        """uids of the pods that victims make room for"""

    def pre_enqueue(self, pod: pods.Incoming) -> status.Status | None:
        """None where no eviction is under way."""
        return status.unresolvable(GATED) if pod.uid in self.evicting else None

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """As the plugin's, which may be disabled where another one chooses victims."""
        return (events.on(events.Resource.POD, events.Action.DELETE, _never),)


def _never(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """The gate is asked again, and what else comes of it is left to other plugins."""
    return False


class Preemption:
    """Evicts. ``leads``: asked before each act. ``give_way``: has a pod that is not bound yet give its place
    up, if it still can; such a one is tried again and not deleted. ``tell``: told of each victim, the pod
    it makes room for, the node, and whether it was deleted."""

    def __init__(
        self,
        client: clients.Client,
        cache: caches.Cache,
        statuses: conditions.Statuses,
        gate: Gate,
        leads: Callable[[], bool],
        give_way: Callable[[str, str], bool],
        tell: Callable[[pods.Incoming, pods.Incoming, str, bool], None],
        counted: metrics.Metrics,
    ) -> None:
        self._client = client
        self._cache = cache
        self._statuses = statuses
        self._gate = gate
        self._leads = leads
        self._give_way = give_way
        self._tell = tell
        self._metrics = counted

    def begin(self, pod: pods.Incoming, victims: interface.Victims) -> list[pods.Incoming]:
        """Keeps the pod out from now on; the victims that are to be evicted, often none."""
        chosen = [victim for victim in victims.pods if not victim.group.terminating]
        if chosen:
            self._metrics.victims.observe(len(victims.pods))
            self._gate.evicting.add(pod.uid)
        return chosen

    async def evict(self, pod: pods.Incoming, node: str, victims: list[pods.Incoming], plugin: str) -> None:
        """Evicts those that a plugin chose, the last one after all others. The end of the last one has the
        pod tried again; where that has come already, or never will, it is tried at once."""
        failed = unheard = True
        began = time.perf_counter()
        try:
            self._clear_nominations(pod, node)
            *others, last = victims
            async with asyncio.TaskGroup() as group:
                for victim in others:
                    group.create_task(self._evict(victim, pod, node, plugin))
            unheard = not await self._evict(last, pod, node, plugin, self._last_sent)
            failed = False
        except* errors.KubeError as failures:
            fields = {"pod": pod.key, "node": node, "error": str(failures.exceptions[0])}
            logger.error("Preemption failed", extra=fields)
        finally:
            self._gate.evicting.discard(pod.uid)
            result = metrics.FAILURE if failed else metrics.SUCCESS
            self._metrics.evictions[(result,)].observe(time.perf_counter() - began)
            if unheard:
                self._cache.queue.activate([pod])

    def _last_sent(self, pod: pods.Incoming) -> None:
        self._gate.evicting.discard(pod.uid)

    def _clear_nominations(self, pod: pods.Incoming, node: str) -> None:
        """Those of lower priority may no longer fit there, and find another place the sooner."""
        for other, nominated in list(self._cache.cluster.nominations.values()):
            if nominated == node and other.priority < pod.priority:
                self._statuses.say(other, conditions.Saying(node=""))

    async def _evict(
        self,
        victim: pods.Incoming,
        pod: pods.Incoming,
        node: str,
        plugin: str,
        before: Callable[[pods.Incoming], None] | None = None,
    ) -> bool:
        """False where it has gone by itself: who was kept out then may have missed that."""
        if self._give_way(victim.uid, plugin):
            self._tell(victim, pod, node, False)
            return True
        patch = {"metadata": {"uid": victim.uid}, "status": {"conditions": [self._condition(victim, pod)]}}
        how = clients.Patch.STRATEGIC
        try:
            await self._client.patch(
                resources.POD_STATUS, patch, victim.name, victim.namespace, how=how, may=self._leads
            )
            if before is not None:
                before(pod)
            await self._client.delete(
                resources.PODS, victim.name, victim.namespace, uid=victim.uid, may=self._leads
            )
        except (errors.NotFound, errors.Conflict):
            return False
        fields = {"pod": pod.key, "victim": victim.key, "node": node}
        logger.log(logs.V2, "Pod preempted", extra=fields)
        self._tell(victim, pod, node, True)
        return True

    def _condition(self, victim: pods.Incoming, pod: pods.Incoming) -> dict[str, Any]:
        condition: dict[str, Any] = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": PREEMPTED,
            "message": f"{pod.spec.scheduler_name}: preempting to accommodate a higher priority pod",
            "lastTransitionTime": self._client.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return conditions.observed(condition, victim)
