"""One workload through the engine: what is timed, and what is not.

Timed: each pod's projection, its way into and out of a heap in the profile's QueueSort order, and
its cycle with the decision's record and a binding that is written down. Not timed: making and
decoding objects, and filling the table with what is there before. Every pod is an object of its
own, decoded from text of its own. Pods are decoded in chunks, so that a million of them never are in
memory at once.

The garbage collector stays on; what was made before the timed part is frozen (`gc.freeze`), as it is
no garbage.
"""

from __future__ import annotations

import gc
import heapq
import itertools
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.engine import cycle
from stowage.framework import config, profile
from stowage.simulate.bench import workload

CHUNK = 20_000
"""Pods decoded at once: some 40 MB."""
REPEATS = 3
SHORT = 2.0
"""Seconds of a timed part below which it is repeated, on a new table; the run in the middle counts."""

Report = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


@dataclass(slots=True)
class Result:
    """What one run of a workload cost. Seconds, unless a name says otherwise."""

    name: str
    nodes: int
    pods: int
    placed: int
    setup: float
    """making the table; not part of ``total``"""
    total: float
    engine: float
    """of ``total``, inside the engine's `schedule`"""
    points: dict[str, float]
    """extension point -> microseconds a cycle, over the timed cycles"""
    builds: int
    rows: int
    passes: int
    peak_mib: float


def measure(subject: workload.Workload, report: Report) -> Result:
    """Runs a workload; a short one `REPEATS` times."""
    runs = [_Run(subject, report)]
    while runs[0].total < SHORT and len(runs) < REPEATS:
        runs.append(_Run(subject, report))
    middle = statistics.median_low(run.total for run in runs)
    run = next(each for each in runs if each.total == middle)
    work = run.engine.work
    timed = max(run.engine.timed, 1)
    return Result(
        subject.name,
        subject.nodes.count,
        subject.pods.count,
        run.placed,
        run.setup,
        run.total,
        run.inside,
        {point: seconds / timed * 1e6 for point, seconds in run.engine.seconds.items()},
        work.builds,
        work.rows,
        work.passes,
        peak_mib(),
    )


class _Run:
    """One run on a table of its own."""

    def __init__(self, subject: workload.Workload, report: Report) -> None:
        started = time.perf_counter()
        profiles = [profile.Profile(each) for each in config.default().profiles]
        self.engine = cycle.Engine(_filled(subject, report), profiles)
        self.setup = time.perf_counter() - started
        self.total = self.inside = 0.0
        self.placed = done = 0
        texts = subject.pod_texts()
        while chunk := [workload.decoded(text) for text in itertools.islice(texts, CHUNK)]:
            gc.collect()
            gc.freeze()
            self._schedule([pod for pod in chunk if isinstance(pod, objects.Pod)])
            done += len(chunk)
            report("pods", done, subject.pods.count)
        gc.unfreeze()

    def _schedule(self, pending: list[objects.Pod]) -> None:
        """The timed part."""
        engine, cluster = self.engine, self.engine.cluster
        clock = time.perf_counter
        heap: list[tuple[Any, int, pods.Incoming]] = []
        inside = 0.0
        placed = 0
        (sort,) = engine.profiles["default-scheduler"].queue_sort
        started = clock()
        for number, pod in enumerate(pending):
            incoming = cluster.project(pod)
            if engine.pre_enqueue(incoming) is None:
                heapq.heappush(heap, (sort.sort_key(incoming, clock()), number, incoming))
        while heap:
            _, _, incoming = heapq.heappop(heap)
            before = clock()
            outcome = engine.schedule(incoming)
            inside += clock() - before
            placed += outcome.row >= 0
        self.total += clock() - started
        self.inside += inside
        self.placed += placed


def _filled(subject: workload.Workload, report: Report) -> table.Table:
    cluster = table.Table()
    for item in subject.objects:
        cluster.set(workload.decoded(json.dumps(item).encode()))
    _fill(cluster, subject.node_texts(), lambda done: report("nodes", done, subject.nodes.count))
    _fill(cluster, subject.bound_texts(), lambda done: None)
    return cluster


def _fill(cluster: table.Table, texts: Iterable[bytes], report: Callable[[int], None]) -> None:
    for done, text in enumerate(texts, 1):
        cluster.set(workload.decoded(text))
        if done % CHUNK == 0:
            report(done)


def peak_mib() -> float:
    """The most memory this process ever had, MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 / (1024 if sys.platform == "darwin" else 1)
