"""Scenarios through the engine, one after another or over several processes, in the order of their files."""

from __future__ import annotations

import collections
import itertools
import multiprocessing
import os
import traceback
from collections.abc import Iterator, Sequence
from concurrent import futures
from concurrent.futures import process
from dataclasses import dataclass
from pathlib import Path

from stowage.engine import conformance
from stowage.simulate import processes
from stowage.simulate.conformance import compare, scenarios

WORTH_A_POOL = 200
"""Scenarios from which on starting processes (about half a second) pays."""
CHUNK = 4
"""Scenarios a process is handed at once."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one scenario."""

    id: str
    family: str
    tally: compare.Tally


def judge(line: scenarios.Line) -> Result:
    """Answers one scenario, then decodes the recorded answers and compares."""
    scenario = scenarios.Scenario(line)
    crash = ""
    try:
        got = conformance.answer(scenario.question())
    except Exception as error:  # whatever it is, it is a wrong answer, and the rest is to be judged
        frame = traceback.extract_tb(error.__traceback__)[-1]
        crash = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}: {error}"
        got = []
    tally = compare.compare(scenario.id, scenario.question, scenario.answers(), got)
    if crash:
        tally.differences = [compare.Difference(scenario.id, -1, "", "crash", "", "an answer", crash)]
    return Result(scenario.id, scenario.family, tally)


def _judge_all(lines: Sequence[scenarios.Line]) -> list[Result]:
    return [judge(line) for line in lines]


def results(paths: Sequence[Path], count: int, jobs: int | None = None) -> Iterator[Result]:
    """The results of all scenarios, in order. ``count``: how many there are; ``jobs``: processes."""
    lines = itertools.chain.from_iterable(map(scenarios.lines, paths))
    workers = jobs or (os.cpu_count() or 1 if count >= WORTH_A_POOL else 1)
    if workers == 1:
        yield from map(judge, lines)
        return
    try:
        yield from _pooled(lines, workers)
    except process.BrokenProcessPool:
        raise scenarios.ScenarioError("a process died while it answered; --jobs 1 shows where") from None


def _pooled(lines: Iterator[scenarios.Line], workers: int) -> Iterator[Result]:
    # Processes are spawned: a fork would copy the threads of whoever shows the progress.
    context = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(workers, context) as pool:
        waiting: collections.deque[futures.Future[list[Result]]] = collections.deque()
        while chunk := list(itertools.islice(lines, CHUNK)):
            with processes.uninterrupted():  # it is here that the pool starts its processes
                waiting.append(pool.submit(_judge_all, chunk))
            if len(waiting) > 4 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
