"""Each workload in a process of its own: its peak of memory is its own, and nothing is warm from another."""

from __future__ import annotations

import multiprocessing
from multiprocessing import connection

from stowage.simulate import processes
from stowage.simulate.bench import measure, workload


class BenchError(Exception):
    """A run that did not end well; the message is a sentence."""


def run(subject: workload.Workload, report: measure.Report) -> measure.Result:
    """Measures a workload elsewhere. BenchError where that process died."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_measure, args=(subject, there), daemon=True)
    with processes.uninterrupted():
        process.start()
    there.close()
    try:
        while True:
            told = here.recv()
            if isinstance(told, measure.Result):
                return told
            report(*told)
    except EOFError:
        raise BenchError(f"{subject.name}: the process that ran it ended without a result") from None
    finally:
        here.close()
        process.terminate()  # whatever it has to tell is told, or nobody listens any more
        process.join()


def _measure(subject: workload.Workload, told: connection.Connection) -> None:
    told.send(measure.measure(subject, lambda *progress: told.send(progress)))
    told.close()
