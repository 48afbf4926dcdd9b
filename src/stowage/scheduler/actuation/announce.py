"""Events about pods, each from the recorder of its profile; texts are kube-scheduler's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

from stowage.cluster import pods
from stowage.kube import client as clients
from stowage.kube import events, series
from stowage.scheduler import bounds
from stowage.scheduler import cache as caches
from stowage.scheduler.actuation import failures


class Announcer:
    """Sends in the background while `run` runs, as many as ``kept`` has room for."""

    def __init__(
        self, client: clients.Client, cache: caches.Cache, profiles: Iterable[str], kept: bounds.Bounds
    ) -> None:
        self._cache = cache
        host = socket.gethostname()
        self._recorders = {
            name: events.Recorder(client, name, f"{name}-{host}", kept.events, kept.series)
            for name in profiles
        }

    async def run(self) -> None:
        """Sends until cancelled."""
        async with asyncio.TaskGroup() as group:
            for each in self._recorders.values():
                group.create_task(each.run())

    async def flush(self) -> None:
        """Returns when all has been sent."""
        for each in self._recorders.values():
            await each.flush()

    def bound(self, pod: pods.Incoming, node: str) -> None:
        """The pod is on a node."""
        self._record(pod, "Normal", "Scheduled", "Binding", f"Successfully assigned {pod.key} to {node}")

    def failed(self, pod: pods.Incoming, message: str) -> None:
        """The pod is not, and why."""
        self._record(pod, "Warning", "FailedScheduling", "Scheduling", failures.note(message))

    def preempted(self, victim: pods.Incoming, pod: pods.Incoming, node: str, deleted: bool) -> None:
        """A pod gave its place on a node to another; ``deleted``: it was bound there, and has to end."""
        told = f"Preempted by pod {pod.uid} on node {node}"
        self._recorders[pod.spec.scheduler_name].record(
            self._reference(victim),
            "Normal",
            "Preempted",
            "Preempting",
            told if deleted else f"{told} (in kube-scheduler memory).",
            self._reference(pod),
        )

    def _record(self, pod: pods.Incoming, kind: str, reason: str, action: str, note: str) -> None:
        recorder = self._recorders[pod.spec.scheduler_name]
        recorder.record(self._reference(pod), kind, reason, action, note)

    def _reference(self, pod: pods.Incoming) -> series.Reference:
        version = self._cache.versions.get(pod.uid, "")
        return series.Reference("v1", "Pod", pod.namespace, pod.name, pod.uid, version)
