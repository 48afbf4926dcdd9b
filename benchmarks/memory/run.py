"""One scheduler on one cluster: its peak memory once it knows all and has bound a pod."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import tempfile
import time
from pathlib import Path

from benchmarks.drain import load, run, subject
from benchmarks.memory import cluster
from tests import control_plane

WITHIN = 120.0
"""Seconds within which the scheduler has to have bound the pods that come once it knows the cluster."""

PENDING = 100
"""Pods to be bound."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a scheduler held, in MiB, and how long it took to know the cluster, in seconds."""

    nodes: int
    pods: int
    low_memory: bool
    peak_rss_mib: float
    rss_mib: float
    seconds: float


async def measure(nodes: int, pods: int, low_memory: bool, report: run.Report) -> Measured:
    """Fills a control plane, starts the scheduler, and reads its memory when it has bound `PENDING` pods."""
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        plane = control_plane.ControlPlane(Path(folder))
        try:
            await asyncio.to_thread(plane.start)
            await _filled(plane, nodes, pods, report)
            return await _measured(plane, nodes, pods, low_memory, report)
        finally:
            await asyncio.to_thread(plane.stop)


async def _filled(plane: control_plane.ControlPlane, nodes: int, pods: int, report: run.Report) -> None:
    written = 0

    def done(count: int) -> None:
        nonlocal written
        written += count
        report("objects", written, nodes + pods)

    etcd = f"http://127.0.0.1:{plane.port + 1}"
    await asyncio.to_thread(cluster.fill, etcd, nodes, pods, done)


async def _measured(
    plane: control_plane.ControlPlane, nodes: int, pods: int, low_memory: bool, report: run.Report
) -> Measured:
    bound = 0

    def heard(line: bytes) -> None:
        nonlocal bound
        bound += line.startswith(b'{"type":"ADDED"')

    flags = ("--low-memory",) if low_memory else ()
    watch = f"{run.PODS}?watch=1&labelSelector=pending&fieldSelector={run.BOUND}"
    async with (
        load.watching(plane.port, watch, heard),
        subject.running(subject.Subject.OURS, plane, flags) as process,
    ):
        began = time.monotonic()
        report("scheduler", 0, PENDING)
        await load.send(plane.port, (_pending(number) for number in range(PENDING)))
        while bound < PENDING:
            report("scheduler", bound, PENDING)
            if time.monotonic() - began > WITHIN:
                raise run.DrainError(f"{bound} of {PENDING} pods were bound within {WITHIN:.0f} s")
            await asyncio.sleep(0.1)
        seconds = time.monotonic() - began
        peak, now = subject.peak_rss_mib(process), subject.rss_mib(process)
    return Measured(nodes, pods, low_memory, peak, now, seconds)


def _pending(number: int) -> bytes:
    body = {
        "metadata": {"name": f"pending-{number}", "labels": {"pending": "yes"}},
        "spec": {"containers": [{"name": "c", "image": "registry.k8s.io/pause:3.10"}]},
    }
    return load.request("POST", run.PODS, json.dumps(body).encode())
