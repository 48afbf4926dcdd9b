"""The pods that a Permit plugin makes wait, until every such plugin allows them or one rejects them.

Rules: kube-scheduler's framework/runtime/waiting_pods_map.go. What is said first counts. Used in the event
loop's thread only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from stowage.cluster import pods
from stowage.framework import status
from stowage.kube import clock as clocks


class _Waiting:
    """One pod; ``ends``: by plugin, when it has waited for long enough."""

    def __init__(self, pod: pods.Incoming, ends: dict[str, float], waits: Mapping[str, float]) -> None:
        self.pod = pod
        self.ends = ends
        self.waits = waits
        self.verdict: asyncio.Future[status.Status] = asyncio.get_running_loop().create_future()

    def say(self, verdict: status.Status) -> bool:
        """False where something was said before."""
        if self.verdict.done():
            return False
        self.verdict.set_result(verdict)
        return True


class Waiting:
    """See the module; times are ``clock``'s, monotonic."""

    def __init__(self, clock: clocks.Clock) -> None:
        self._clock = clock
        self._pods: dict[str, _Waiting] = {}

    def __contains__(self, uid: str) -> bool:
        return uid in self._pods

    def __iter__(self) -> Iterator[pods.Incoming]:
        """All that wait."""
        return iter([each.pod for each in self._pods.values()])

    def add(self, pod: pods.Incoming, waits: Mapping[str, float]) -> None:
        """A pod is to wait from now on; ``waits``: for which plugins, and how many seconds at most."""
        now = self._clock.monotonic()
        self._pods[pod.uid] = _Waiting(pod, {plugin: now + left for plugin, left in waits.items()}, waits)

    def allow(self, uid: str, plugin: str) -> None:
        """As `interface.Waiting.allow`."""
        item = self._pods.get(uid)
        if item is not None:
            item.ends.pop(plugin, None)
            if not item.ends:
                item.say(status.SUCCESS)

    def reject(self, uid: str, plugin: str, message: str) -> bool:
        """As `interface.Waiting.reject`."""
        item = self._pods.get(uid)
        return item is not None and item.say(status.Status(status.Code.UNSCHEDULABLE, (message,), plugin))

    def preempt(self, uid: str, plugin: str) -> bool:
        """The pod gives way to another, and is tried again; False where it does not wait any more."""
        item = self._pods.get(uid)
        return item is not None and item.say(status.Status(status.Code.ERROR, ("preempted",), plugin))

    def end(self) -> None:
        """Nobody is to wait any longer: the scheduler ends."""
        for item in self._pods.values():
            item.say(status.error("the scheduler ends"))

    async def verdict(self, uid: str) -> status.Status:
        """What is said of a pod, once it is; from then on it waits no more."""
        item = self._pods[uid]
        try:
            while not item.verdict.done():
                plugin, ends = min(item.ends.items(), key=lambda each: each[1])
                left = ends - self._clock.monotonic()
                if left > 0:
                    await self._either(item.verdict, left)
                    continue
                waited = duration(item.waits[plugin])
                self.reject(uid, plugin, f"rejected due to timeout after waiting {waited} at plugin {plugin}")
            return item.verdict.result()
        finally:
            self.forget(uid)

    def forget(self, uid: str) -> None:
        """A pod waits no more, whatever becomes of it."""
        self._pods.pop(uid, None)

    async def _either(self, verdict: asyncio.Future[status.Status], seconds: float) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((timer, verdict), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)


def duration(seconds: float) -> str:
    """As Go writes a duration: `1m30s`, `500ms`, `0s`."""
    nanos = round(seconds * 1e9)
    for unit, size in (("ns", 1), ("µs", 1000), ("ms", 1_000_000)):
        if 0 < nanos < 1000 * size:
            return f"{_plain(nanos, size)}{unit}"
    minutes, rest = divmod(nanos, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h" if hours else ""
    return text + (f"{minutes}m" if hours or minutes else "") + f"{_plain(rest, 10**9)}s"


def _plain(amount: int, size: int) -> str:
    whole, rest = divmod(amount, size)
    fraction = str(rest).zfill(len(str(size)) - 1).rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)
