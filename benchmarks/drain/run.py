"""The measurements of a workload, each on a control plane of its own, so that none finds another's traces."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import json
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.drain import load, subject
from stowage.simulate.bench import workload
from tests import control_plane

STALLED = 60.0
"""Seconds without a binding after which a drain is given up."""

EVENTS_WITHIN = 10.0
"""Seconds after the last binding within which Events should be on the server."""

EVENTS_AT_MOST = 40.0
"""Seconds after the last binding for which Events are waited for."""

ARRIVALS, EVERY = 100, 0.02
"""Pods that come one by one once the backlog is gone, and the seconds between them: for latencies."""

PODS = "/api/v1/namespaces/default/pods"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
BOUND = "spec.nodeName!="
UNENDED = "status.phase!=Succeeded,status.phase!=Failed"

Report = Callable[[str, int, int], None]
"""What is being done, how much of it is done, of how much."""

_NAME = re.compile(rb'"name":"([^"]+)"')


class DrainError(Exception):
    """A measurement that came to nothing; the message is a sentence."""


@dataclasses.dataclass
class Drained:
    """What came of one scheduler. Rates in pods a second; times in seconds."""

    rate: float
    event_lag: float | None
    """From the last binding until 99 % of the Events were on the server; None: not in `EVENTS_AT_MOST`."""
    events_missing: int
    """`EVENTS_WITHIN` after the last binding."""
    latencies: list[float]
    """From asking for a pod's creation to its binding, of the `ARRIVALS`."""
    peak_rss_mib: float


@dataclasses.dataclass
class Ceilings:
    """What the server alone does with two pod watches open, in pods a second."""

    bind: float
    bind_event: float


class _Bindings:
    """When which pod was seen bound, by a watch."""

    def __init__(self) -> None:
        self.times: dict[str, float] = {}
        self.seen = asyncio.Event()

    def heard(self, line: bytes) -> None:
        """A line of the watch of bound pods: the first name in it is the pod's."""
        found = _NAME.search(line)
        if found is not None and line.startswith(b'{"type":"ADDED"'):
            self.times[found[1].decode()] = time.monotonic()
            self.seen.set()

    async def until(self, count: int, report: Report, what: str) -> None:
        """Returns when so many pods are bound. DrainError where nothing comes any more."""
        while len(self.times) < count:
            self.seen.clear()
            report(what, len(self.times), count)
            try:
                async with asyncio.timeout(STALLED):
                    await self.seen.wait()
            except TimeoutError:
                sentence = f"{len(self.times)} of {count} pods were bound, then none for {STALLED:.0f} s"
                raise DrainError(sentence) from None
            await asyncio.sleep(0.05)  # the bar need not hear of every one


@contextlib.asynccontextmanager
async def cluster(work: workload.Workload, report: Report) -> AsyncIterator[control_plane.ControlPlane]:
    """A control plane with the workload's nodes."""
    with tempfile.TemporaryDirectory(prefix="drain-") as folder:
        plane = control_plane.ControlPlane(Path(folder))
        try:
            report("control plane", 0, 0)
            await asyncio.to_thread(plane.start)
            await create(plane.port, "/api/v1/nodes", work.node_texts(), work.nodes.count, report, "nodes")
            yield plane
        finally:
            await asyncio.to_thread(plane.stop)


async def create(port: int, path: str, texts: Iterator[bytes], count: int, report: Report, what: str) -> None:
    """Creates objects from their JSON."""
    done = 0

    def answered() -> None:
        nonlocal done
        done += 1
        if not done % 100:
            report(what, done, count)

    await load.send(port, (load.request("POST", path, text) for text in texts), answered)


async def drain(
    which: subject.Subject, work: workload.Workload, report: Report, flags: tuple[str, ...] = ()
) -> Drained:
    """Creates the backlog, starts a scheduler and measures it. DrainError where it does not get on."""
    count = work.pods.count
    async with cluster(work, report) as plane:
        await create(plane.port, PODS, work.pod_texts(), count, report, "pods")
        bindings = _Bindings()
        watch = f"{PODS}?watch=1&fieldSelector={BOUND}"
        async with (
            load.watching(plane.port, watch, bindings.heard),
            subject.running(which, plane, flags) as process,
        ):
            await bindings.until(count, report, f"{which}: bindings")
            first, last = min(bindings.times.values()), max(bindings.times.values())
            lag, missing = await _events(plane.port, count, last, report)
            latencies = await _arrivals(plane.port, work, bindings, report)
            peak = subject.peak_rss_mib(process)
    return Drained((count - 1) / (last - first), lag, missing, latencies, peak)


async def _events(port: int, count: int, last: float, report: Report) -> tuple[float | None, int]:
    """How long after the last binding 99 % of the Events were there, and how many were not in time."""
    lag, missing, there = None, count, 0
    while there < count and (late := time.monotonic() - last) < EVENTS_AT_MOST:
        report("events", there, count)
        page = await load.get(port, f"{EVENTS}?limit=1")
        there = len(page["items"]) + page["metadata"].get("remainingItemCount", 0)
        if lag is None and there >= 0.99 * count:
            lag = time.monotonic() - last
        if late <= EVENTS_WITHIN:
            missing = max(count - there, 0)
        await asyncio.sleep(0.1)
    return lag, missing


async def _arrivals(port: int, work: workload.Workload, bindings: _Bindings, report: Report) -> list[float]:
    """Seconds from creation to binding of pods that ask for little and come one by one."""
    created: dict[str, float] = {}
    before = len(bindings.times)
    plain = {"containers": [{"name": "c", "image": "registry.k8s.io/pause:3.10"}]}

    def requests(name: str) -> Iterator[bytes]:
        body = {"metadata": {"name": name}, "spec": plain}
        created[name] = time.monotonic()  # asked for its first when the connection is there
        yield load.request("POST", PODS, json.dumps(body).encode())

    for number in range(ARRIVALS):
        await load.send(port, requests(f"arrival-{number}"), connections=1)
        await asyncio.sleep(EVERY)
    await bindings.until(before + ARRIVALS, report, "arrivals")
    return [bindings.times[name] - created[name] for name in created]


async def ceilings(work: workload.Workload, report: Report) -> Ceilings:
    """What the server binds with no scheduler there, and what it binds and records."""
    count, rates = work.pods.count, []
    async with (
        cluster(work, report) as plane,
        load.watching(plane.port, f"{PODS}?watch=1&fieldSelector={BOUND}"),
        load.watching(plane.port, f"{PODS}?watch=1&fieldSelector={UNENDED}"),
    ):
        for what in ("bind", "bind-event"):
            texts = map(_Renamed(what), work.pod_texts())
            await create(plane.port, PODS, texts, count, report, "pods")
            requests = list(_writes(what, work))
            report(f"ceiling: {what}", 0, 0)
            seconds = await _timed(plane.port, requests)
            rates.append((count - 1) / seconds)
    return Ceilings(*rates)


async def _timed(port: int, requests: list[bytes]) -> float:
    """Seconds from the first answer to the last."""
    times: list[float] = []
    await load.send(port, requests, lambda: times.append(time.monotonic()))
    return times[-1] - times[0]


class _Renamed:
    """Gives pods other names, so that two sets of them are there."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __call__(self, text: bytes) -> bytes:
        pod: dict[str, Any] = msgspec.json.decode(text)
        pod["metadata"]["name"] = f"{self._prefix}-{pod['metadata']['name']}"
        return msgspec.json.encode(pod)


def _writes(what: str, work: workload.Workload) -> Iterator[bytes]:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for number in range(work.pods.count):
        pod, node = f"{what}-pod-{number}", f"node-{number % work.nodes.count}"
        yield load.binding("default", pod, node)
        if what == "bind-event":
            yield load.event("default", pod, node, now)
