"""Pod status as the scheduler writes it: the PodScheduled condition and the nominated node.

One writer a pod, and the latest wins: what a pod's status should say is noted, and written when what
was noted before has been. Rules: kube-scheduler's handleSchedulingFailure and updatePod.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from typing import Any

from stowage.cluster import pods
from stowage.kube import client as clients
from stowage.kube import errors, resources

logger = logging.getLogger(__name__)

UNSCHEDULABLE, SCHEDULER_ERROR = "Unschedulable", "SchedulerError"
"""Reasons of a PodScheduled condition that is False; SchedulingGated is the API server's to write."""


@dataclasses.dataclass(frozen=True)
class Saying:
    """What a pod's status should say. ``reason`` empty: nothing of the condition; ``node`` None: nothing
    of the nomination."""

    reason: str = ""
    message: str = ""
    node: str | None = None


class Statuses:
    """Writes pod statuses in the background. ``leads``: asked before each is sent."""

    def __init__(self, client: clients.Client, leads: Callable[[], bool]) -> None:
        self._client = client
        self._leads = leads
        self._wanted: dict[str, tuple[pods.Incoming, Saying]] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}
        self._said: dict[str, tuple[str, str]] = {}
        """uid -> reason and message of the condition written last, while nothing has been heard of the pod"""
        self._nominated: dict[str, str] = {}
        """uid -> the nomination written last"""
        self._forgotten: set[str] = set()
        """uids of those forgotten while something was written of them"""

    def say(self, pod: pods.Incoming, saying: Saying) -> None:
        """Has the status say so; what it says already is not written."""
        known = self._wanted.get(pod.uid)
        if known is not None:
            saying = _joined(known[1], saying)
        self._wanted[pod.uid] = (pod, saying)
        if pod.uid not in self._writing:
            task = asyncio.create_task(self._write(pod.uid), name=f"status of {pod.key}")
            self._writing[pod.uid] = task

    def heard(self, uid: str) -> None:
        """News of the pod have come; what its status says stands there from now on, whoever wrote it."""
        self._said.pop(uid, None)

    def forget(self, uid: str) -> None:
        """The pod needs no condition any more."""
        self._said.pop(uid, None)
        self._nominated.pop(uid, None)
        if uid in self._writing:
            self._forgotten.add(uid)

    async def settled(self, uid: str) -> None:
        """Returns when nothing of this pod is being written: a late condition would deny its binding."""
        task = self._writing.get(uid)
        if task is not None:
            await asyncio.wait((task,))

    async def flush(self) -> None:
        """Returns when everything has been written."""
        while self._writing:
            await asyncio.wait(list(self._writing.values()))

    async def close(self) -> None:
        """Gives up what has not been written."""
        for task in (writing := list(self._writing.values())):
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)

    async def _write(self, uid: str) -> None:
        try:
            while (wanted := self._wanted.pop(uid, None)) is not None:
                await self._written(*wanted)
        finally:
            del self._writing[uid]
            if uid in self._forgotten:
                self._forgotten.remove(uid)
                self.forget(uid)

    async def _written(self, pod: pods.Incoming, saying: Saying) -> None:
        body: dict[str, Any] = {}
        said = (saying.reason, saying.message)
        if saying.reason and (self._said.get(pod.uid) or _told(pod)) != said:
            body["conditions"] = [self._condition(pod, saying)]
        known = {pod.nominated, self._nominated.get(pod.uid, pod.nominated)}  # news of ours may be late
        if saying.node is not None and known != {saying.node}:
            body["nominatedNodeName"] = saying.node or None
        if not body:
            return
        patch = {"metadata": {"uid": pod.uid}, "status": body}
        how = clients.Patch.STRATEGIC
        try:
            await self._client.patch(
                resources.POD_STATUS, patch, pod.name, pod.namespace, how=how, may=self._leads
            )
        except (errors.NotFound, errors.Conflict):
            logger.debug("Pod gone before its status was written", extra={"pod": pod.key})
        except errors.KubeError as error:
            fields = {"pod": pod.key, "error": str(error)}
            logger.warning("Pod status not written", extra=fields)
        else:
            if saying.reason:
                self._said[pod.uid] = said
            if saying.node is not None:
                self._nominated[pod.uid] = saying.node

    def _condition(self, pod: pods.Incoming, saying: Saying) -> dict[str, Any]:
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": saying.reason,
            "message": saying.message,
        }
        if pod.uid not in self._said and _told(pod) is None:
            condition["lastTransitionTime"] = self._client.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return observed(condition, pod)


def _told(pod: pods.Incoming) -> tuple[str, str] | None:
    """Reason and message of the condition that the pod is not scheduled, as its watch saw it last."""
    found = (each for each in pod.pod.status.conditions if each.type == "PodScheduled")
    return next(((each.reason, each.message) for each in found if each.status == "False"), None)


def observed(condition: dict[str, Any], pod: pods.Incoming) -> dict[str, Any]:
    """The condition, with the generation of the pod that it is about (servers since 1.33 count it)."""
    generation = pod.pod.metadata.generation
    return {**condition, "observedGeneration": generation} if generation else condition


def _joined(before: Saying, after: Saying) -> Saying:
    """Both, the later one where they say of the same thing."""
    latest = after if after.reason else before
    return Saying(latest.reason, latest.message, before.node if after.node is None else after.node)
