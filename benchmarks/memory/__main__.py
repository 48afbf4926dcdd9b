"""`python -m benchmarks.memory`: the scheduler's peak memory, from /proc, on clusters of two sizes."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated, TextIO

import typer
import uvloop
from rich import progress, table

from benchmarks.drain import load, subject
from benchmarks.drain import run as drains
from benchmarks.memory import run
from stowage.cli import terminal
from stowage.simulate import output as reports
from tests import reference_bin

PROGRAM = 110.0
"""MiB of a ceiling that are the program's, on a cluster of any size."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A cluster, and the MiB that are to suffice."""

    nodes: int
    pods: int
    low_memory: bool
    ceiling: float

    def smaller(self, share: int) -> Case:
        """The same so many times smaller, and as much less memory for it."""
        ceiling = PROGRAM + (self.ceiling - PROGRAM) / share
        return Case(self.nodes // share, self.pods // share, self.low_memory, ceiling)


CASES = (Case(5000, 50_000, False, 500), Case(1000, 10_000, True, 200))


def main(
    share: Annotated[int, typer.Option(min=1, help="Measure clusters so many times smaller.")] = 1,
    output: Annotated[
        terminal.Output, typer.Option("--output", "-o", help="The form of the report.")
    ] = terminal.Output.TABLE,
) -> None:
    """Measure peak memory beside a real API server; exit code 1 where a ceiling is passed."""
    with terminal.reported():
        if reference_bin.find("kube-apiserver") is None:
            terminal.fail(reference_bin.MISSING)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                found = runner.run(_measured(share))
        except (drains.DrainError, load.LoadError, subject.Ended) as error:
            terminal.fail(str(error))
        if output is terminal.Output.JSON:
            plain = {"clusters": [_plain(*each) for each in found]}
            reports.write(None, lambda file: reports.to_json(plain, file))
        else:
            reports.write(None, lambda file: _print(found, file))
        if any(measured.peak_rss_mib > case.ceiling for case, measured in found):
            raise typer.Exit(1)


async def _measured(share: int) -> list[tuple[Case, run.Measured]]:
    found = []
    with terminal.bar() as bar:
        for case in (each.smaller(share) for each in CASES):
            task = bar.add_task("control plane", total=None)

            def report(what: str, done: int, total: int, task: progress.TaskID = task) -> None:
                bar.update(task, description=what, completed=done, total=total)

            found.append((case, await run.measure(case.nodes, case.pods, case.low_memory, report)))
            bar.remove_task(task)
    return found


def _plain(case: Case, measured: run.Measured) -> dict[str, object]:
    return {
        "nodes": measured.nodes,
        "pods": measured.pods,
        "lowMemory": measured.low_memory,
        "peakRssMiB": round(measured.peak_rss_mib, 1),
        "rssMiB": round(measured.rss_mib, 1),
        "ceilingMiB": round(case.ceiling, 1),
        "seconds": round(measured.seconds, 1),
    }


def _print(found: list[tuple[Case, run.Measured]], file: TextIO) -> None:
    shown = table.Table("nodes", title="Memory of the scheduler", title_justify="left")
    for heading in ("pods", "low memory", "peak MiB", "MiB", "ceiling", "seconds"):
        shown.add_column(heading, justify="right")
    for case, measured in found:
        cells = _plain(case, measured)
        names = ("nodes", "pods", "lowMemory", "peakRssMiB", "rssMiB", "ceilingMiB", "seconds")
        shown.add_row(*(str(cells[name]) for name in names))
    terminal.console_on(file).print(shown)


if __name__ == "__main__":
    typer.run(main)
