"""`python -m benchmarks.drain`: how fast a backlog is bound, ours and the real kube-scheduler in turn.

Each measurement has a control plane of its own: the real etcd and API server of `make reference`, on this
machine. The backlog is created while no scheduler runs; measured is from its first binding to its last.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import statistics
from collections.abc import Iterable
from typing import Annotated, Any, TextIO

import typer
import uvloop
from rich import progress, table

from benchmarks.drain import load, run, subject
from stowage.cli import terminal
from stowage.simulate import output as reports
from stowage.simulate.bench import workload
from tests import reference_bin

WORKLOADS = ("basic", "spread", "anti-affinity")

SIZE = 5000
"""Nodes, and pods, for which there are targets, of these workloads."""
RATIO = 3.0
"""Times as fast as the real kube-scheduler."""
SHARE = 0.75
"""Of the bindings that the server does alone."""
MISSING = 0.01
"""Of the Events, so many at most not there in time."""


class Part(enum.StrEnum):
    """What a workload is measured with."""

    CEILING = "ceiling"
    OURS = "ours"
    THEIRS = "theirs"


@dataclasses.dataclass
class Row:
    """A workload's measurements, those that were asked for."""

    work: workload.Workload
    ceilings: list[run.Ceilings] = dataclasses.field(default_factory=list)
    ours: list[run.Drained] = dataclasses.field(default_factory=list)
    theirs: list[run.Drained] = dataclasses.field(default_factory=list)

    @property
    def rate(self) -> float | None:
        """Pods a second, ours; of several rounds the median, as of other rates."""
        return _median(each.rate for each in self.ours)

    @property
    def their_rate(self) -> float | None:
        """Pods a second, the real kube-scheduler's."""
        return _median(each.rate for each in self.theirs)

    @property
    def ceiling(self) -> float | None:
        """Bindings a second that the server does alone."""
        return _median(each.bind for each in self.ceilings)

    @property
    def share(self) -> float | None:
        """How much of what the server does alone: the median over rounds, each against its own ceiling, for a
        machine's pace changes from minute to minute."""
        pairs = zip(self.ours, self.ceilings, strict=False)
        return _median(ours.rate / ceiling.bind for ours, ceiling in pairs)

    @property
    def lag(self) -> float | None:
        """Seconds from the last binding to 99 % of the Events, in the worst round; None: not in time."""
        lags = [each.event_lag for each in self.ours if each.event_lag is not None]
        return max(lags) if lags and len(lags) == len(self.ours) else None

    @property
    def missing(self) -> int | None:
        """Events that were not there in time, in the worst round."""
        return max((each.events_missing for each in self.ours), default=None)

    def plain(self) -> dict[str, Any]:
        """As JSON. Rates in pods a second; what was not measured is null."""
        rate, theirs = self.rate, self.their_rate
        return {
            "name": self.work.name,
            "nodes": self.work.nodes.count,
            "pods": self.work.pods.count,
            "theirs": _rounded(theirs, 1),
            "ours": _rounded(rate, 1),
            "ratio": _rounded(rate / theirs if rate and theirs else None, 2),
            "bindCeiling": _rounded(self.ceiling, 1),
            "share": _rounded(self.share, 3),
            "bindEventCeiling": _rounded(_median(each.bind_event for each in self.ceilings), 1),
            "eventLagSeconds": _rounded(self.lag, 2),
            "eventsMissing": self.missing,
            "peakRssMiB": _rounded(max((each.peak_rss_mib for each in self.ours), default=None), 1),
            "latencySeconds": {"ours": _percentiles(self.ours), "theirs": _percentiles(self.theirs)},
        }

    def shortfalls(self) -> list[str]:
        """Which targets it misses, a sentence each; other workloads and sizes have none."""
        name, nodes, pods = self.work.name, self.work.nodes.count, self.work.pods.count
        rate, theirs, share = self.rate, self.their_rate, self.share
        found: list[str] = []
        if rate is None or name not in WORKLOADS or (nodes, pods) != (SIZE, SIZE):
            return found
        if theirs and rate < RATIO * theirs:
            found.append(
                f"{name}: {rate / theirs:.2f} times as fast as kube-scheduler, the target is {RATIO:g}"
            )
        if share is not None and share < SHARE:
            found.append(f"{name}: {share:.1%} of what the server can bind, the target is {SHARE:.0%}")
        if self.missing and self.missing > MISSING * pods:
            late = f"{self.missing} Events were missing {run.EVENTS_WITHIN:.0f} s after the last binding"
            found.append(f"{name}: {late}, the target is at most {MISSING * pods:.0f}")
        return found


def main(
    workloads: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORKLOAD",
            help=f"Names of files in benchmarks/, or paths. Default: {', '.join(WORKLOADS)}.",
            show_default=False,
        ),
    ] = None,
    nodes: Annotated[int, typer.Option(min=1, help="Nodes.")] = SIZE,
    pods: Annotated[int, typer.Option(min=2, help="Pods in the backlog.")] = SIZE,
    only: Annotated[
        list[Part] | None,
        typer.Option(help="Measure this alone; may be given again.", show_default="all three"),
    ] = None,
    rounds: Annotated[
        int,
        typer.Option(
            min=1, help="Measure all so often, in turn, and report medians: a server's pace varies."
        ),
    ] = 1,
    output: Annotated[
        terminal.Output, typer.Option("--output", "-o", help="The form of the report.")
    ] = terminal.Output.TABLE,
) -> None:
    """Drain a backlog through a real API server; exit code 2 where that cannot be measured.

    Of the default workloads at 5,000 nodes and 5,000 pods, exit code 1 where a target is missed: at least
    three times as fast as kube-scheduler, at least 75 % of what the server can bind alone, at most 1 % of
    the Events missing 10 s after the last binding. Other sizes are reported only, and what was not measured
    is not judged.
    """
    with terminal.reported():
        if reference_bin.find("kube-apiserver") is None:
            terminal.fail(reference_bin.MISSING)
        try:
            subjects = [workload.find(name).scaled(nodes, pods) for name in workloads or WORKLOADS]
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                rows = runner.run(_measured(subjects, only or list(Part), rounds))
        except (workload.WorkloadError, run.DrainError, load.LoadError, subject.Ended) as error:
            terminal.fail(str(error))
        if output is terminal.Output.JSON:
            found = {"workloads": [row.plain() for row in rows]}
            reports.write(None, lambda file: reports.to_json(found, file))
        else:
            reports.write(None, lambda file: _print(rows, file))
        short = [sentence for row in rows for sentence in row.shortfalls()]
        for sentence in short:
            typer.echo(f"stowage: {sentence}", err=True)
        if short:
            raise typer.Exit(1)


async def _measured(subjects: list[workload.Workload], parts: list[Part], rounds: int) -> list[Row]:
    rows = [Row(work) for work in subjects]
    with terminal.bar() as bar:
        whole = bar.add_task("measurements", total=len(rows) * len(parts) * rounds)
        for row in rows:
            for part in parts * rounds:
                task = bar.add_task(row.work.name, total=None)
                report = _reporter(bar, task, f"{row.work.name}, {part}")
                if part is Part.CEILING:
                    row.ceilings.append(await run.ceilings(row.work, report))
                elif part is Part.OURS:
                    row.ours.append(await run.drain(subject.Subject.OURS, row.work, report))
                else:
                    row.theirs.append(await run.drain(subject.Subject.THEIRS, row.work, report))
                bar.remove_task(task)
                bar.advance(whole)
    return rows


def _reporter(bar: progress.Progress, task: progress.TaskID, title: str) -> run.Report:
    def report(what: str, done: int, total: int) -> None:
        bar.update(task, description=f"{title}: {what}", completed=done, total=total or None)

    return report


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return statistics.median(found) if found else None


def _percentiles(drained: list[run.Drained]) -> dict[str, float] | None:
    if not drained:
        return None
    cuts = statistics.quantiles([latency for each in drained for latency in each.latencies], n=100)
    return {f"p{share}": round(cuts[share - 1], 4) for share in (50, 90, 99)}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _print(rows: list[Row], file: TextIO) -> None:
    shown = table.Table("workload", title="Pods bound a second", title_justify="left")
    headings = ["nodes", "pods", "theirs", "ours", "ratio", "bind ceiling", "of it", "bind + Event ceiling"]
    headings += ["Events late", "missing", "peak MiB", "p50 ms", "p99 ms"]
    for heading in headings:
        shown.add_column(heading, justify="right")
    for row in rows:
        plain = row.plain()
        latency = plain["latencySeconds"]["ours"] or {}
        cells = [plain[name] for name in ("nodes", "pods", "theirs", "ours", "ratio", "bindCeiling")]
        cells += [row.share and f"{row.share:.0%}", plain["bindEventCeiling"]]
        cells += [plain[name] for name in ("eventLagSeconds", "eventsMissing", "peakRssMiB")]
        cells += [latency and round(latency[name] * 1000, 1) for name in ("p50", "p99")]
        shown.add_row(row.work.name, *("" if cell is None or cell == {} else str(cell) for cell in cells))
    terminal.console_on(file).print(shown)


if __name__ == "__main__":
    typer.run(main)
