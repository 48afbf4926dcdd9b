"""One simulation from files to figures: what `stowage simulate` does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from stowage.api import objects
from stowage.engine import cycle
from stowage.simulate import (
    inputs,
    measure,
    missing,
    openb,
    problems,
    run,
    scheduler,
    workloads,
    world,
)

Sourced = world.Sourced
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much (0: not known)."""


@dataclass(slots=True)
class Options:
    """What was asked for; paths as given, `-` for standard input."""

    sources: list[str] = field(default_factory=list)
    pods: list[str] = field(default_factory=list)
    """more inputs, read after the others"""
    nodes_csv: str | None = None
    pods_csv: str | None = None
    config: str | None = None
    seed: int = 0
    percentage: int | None = None
    explain: str = ""
    keep_going: bool = False
    max_input: int = inputs.MAX_INPUT
    """bytes, for each input"""


@dataclass(slots=True)
class Loaded:
    """What the files came to, ready to be scheduled."""

    world: world.World
    engine: cycle.Engine
    faults: problems.Faults
    templates: list[Sourced] = field(default_factory=list)
    """pods and workloads that are to be asked about"""


@dataclass(slots=True)
class Report:
    """What came of it."""

    options: Options
    loaded: Loaded
    result: run.Result
    measured: measure.Measured
    load_seconds: float
    """reading the input and building the table"""
    total_seconds: float


def load(options: Options, progress: Progress, templates: Sequence[str] | None = None) -> Loaded:
    """Reads everything. BadInput where something is wrong and bad objects are not to be skipped.

    With files of ``templates``, the pods and workloads there are kept apart, and workloads of the
    input do not become pods.
    """
    faults = problems.Faults(options.keep_going)
    written = scheduler.configuration(options.config, faults)
    progress("reading", 0, 0)
    items: list[world.Sourced] = []
    if options.nodes_csv is not None:
        items.extend(openb.nodes(options.nodes_csv, options.max_input, faults))
    items.extend(inputs.load(options.sources, options.max_input, faults).items)
    if options.pods_csv is not None:
        items.extend(openb.pods(options.pods_csv, options.max_input, faults))
    items.extend(inputs.load(options.pods, options.max_input, faults).items)
    asked: list[world.Sourced] = []
    for source, item in inputs.load(templates or (), options.max_input, faults).items:
        apart = isinstance(item, (objects.Pod, *workloads.KINDS))
        (asked if apart else items).append((source, item))
    progress("building", 0, 0)
    found = world.build(items, faults, expand=templates is None)
    faults.check()
    for warning in missing.warnings(found, written):
        faults.warn(warning)
    engine = scheduler.engine(found.cluster, written, seed=options.seed, percentage=options.percentage)
    return Loaded(found, engine, faults, asked)


def simulate(options: Options, progress: Progress) -> Report:
    """Loads, schedules, measures. BadInput as `load`, and where the pod to explain is not pending."""
    with np.errstate(over="ignore"):  # amounts near 2**63 wrap around, as in Go
        return _simulate(options, progress)


def _simulate(options: Options, progress: Progress) -> Report:
    started = time.perf_counter()
    loaded = load(options, progress)
    found = loaded.world
    explained = _explained(options.explain, found)
    before = measure.requested(found.cluster)
    ready = time.perf_counter()
    simulation = run.Simulation(loaded.engine, lambda done, of: progress("scheduling", done, of), explained)
    result = simulation.run(found.pending)
    for warning in missing.afterwards(found, result):
        loaded.faults.warn(warning)
    measured = measure.measure(found.cluster, before)
    total = time.perf_counter() - started
    return Report(options, loaded, result, measured, ready - started, total)


def _explained(asked: str, found: world.World) -> str:
    """`namespace/name` of the pod to explain, which must be pending."""
    if not asked:
        return ""
    key = asked if "/" in asked else f"default/{asked}"
    keys = [f"{pod.metadata.namespace}/{pod.metadata.name}" for pod in found.pending]
    if key in keys:
        return key
    alike = next((f"; there is {each}" for each in keys if each.startswith(f"{key}-")), "")
    raise problems.BadInput([f"--explain: no pending pod is called {key}{_whereabouts(key, found) or alike}"])


def _whereabouts(key: str, found: world.World) -> str:
    """Where a pod that is not pending runs; empty where there is none of that name."""
    cluster = found.cluster
    for slot in cluster.pods.by_uid.values():
        if cluster.held(slot).key == key:
            return f"; it is on the node {cluster.names[cluster.pods.rows[slot]]} already"
    return ""
