"""`stowage bench`: pods per second of the engine, beside the real kube-scheduler's where asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich import progress, table

from stowage.cli import terminal
from stowage.simulate import output as reports
from stowage.simulate.bench import measure, reference, run, workload


@dataclasses.dataclass(frozen=True)
class Row:
    """A result, the speed of the real one if it was asked, and the floor if one applies."""

    result: measure.Result
    reference: float | None
    floor: float | None

    @property
    def speed(self) -> float:
        """Pods per second, with queue, projection and record."""
        return self.result.pods / self.result.total

    @property
    def ratio(self) -> float | None:
        """To the real one."""
        return self.speed / self.reference if self.reference else None


def bench(
    workloads: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORKLOAD",
            help=f"Names of files in benchmarks/, or paths. Default: {', '.join(workload.DEFAULT)}.",
            show_default=False,
        ),
    ] = None,
    nodes: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help="Nodes instead of the workload's own; may be given again.", show_default=False
        ),
    ] = None,
    pods: Annotated[
        int | None, typer.Option(min=1, help="Pods instead of the workload's own.", show_default=False)
    ] = None,
    compared: Annotated[
        bool,
        typer.Option(
            "--reference", help="Run the real kube-scheduler's algorithm, default sampling, as well."
        ),
    ] = False,
    output: Annotated[
        terminal.Output, typer.Option("--output", "-o", help="The form of the report.")
    ] = terminal.Output.TABLE,
) -> None:
    """Measure the engine: one pod after another, every node evaluated, every decision recorded.

    No API server takes part. A pod's time includes its way through the queue, its projection, its
    cycle and the record of it; decoding is not included. Exit code 2: a workload is not there, or
    the real kube-scheduler is not built.

    Examples:
    - `stowage bench basic spread --nodes 500 --pods 200`
    - `stowage bench --reference -o json`
    """
    with terminal.reported():
        try:
            program = reference.find() if compared else None
            subjects = [
                found.scaled(count, pods)
                for found in map(workload.find, workloads or workload.DEFAULT)
                for count in nodes or (None,)
            ]
            rows = _run(subjects, program)
        except (workload.WorkloadError, run.BenchError, reference.ReferenceError) as error:
            terminal.fail(str(error))
        if output is terminal.Output.JSON:
            reports.write(None, lambda file: reports.to_json({"workloads": list(map(_plain, rows))}, file))
        else:
            reports.write(None, lambda file: _print(rows, compared, file))


def _run(subjects: list[workload.Workload], program: Path | None) -> list[Row]:
    rows = []
    with terminal.bar() as bar:
        whole = bar.add_task("workloads", total=len(subjects))
        for subject in subjects:
            task = bar.add_task(f"{subject.name}, {subject.nodes.count:,} nodes", total=None)
            result = run.run(subject, _reporter(bar, task, subject))
            speed = None
            if program and subject.reference:
                bar.update(task, description=f"{subject.name}: the real kube-scheduler", total=None)
                speed = reference.pods_per_second(program, subject)
            bar.remove_task(task)
            bar.advance(whole)
            rows.append(Row(result, speed, subject.floor))
    return rows


def _reporter(bar: progress.Progress, task: progress.TaskID, subject: workload.Workload) -> measure.Report:
    def report(what: str, done: int, total: int) -> None:
        title = f"{subject.name}, {subject.nodes.count:,} nodes: {what}"
        bar.update(task, description=title, completed=done, total=total)

    return report


def _plain(row: Row) -> dict[str, Any]:
    result = row.result
    plain: dict[str, Any] = {
        "name": result.name,
        "nodes": result.nodes,
        "pods": result.pods,
        "placed": result.placed,
        "podsPerSecond": round(row.speed, 1),
        "enginePodsPerSecond": round(result.pods / result.engine, 1),
        "seconds": round(result.total, 6),
        "setupSeconds": round(result.setup, 3),
        "microsecondsPerCycle": {point: round(value, 2) for point, value in result.points.items()},
        "work": {"builds": result.builds, "rows": result.rows, "passes": result.passes},
        "peakMemoryMiB": round(result.peak_mib, 1),
    }
    if row.reference is not None and row.ratio is not None:
        plain |= {"referencePodsPerSecond": row.reference, "ratio": round(row.ratio, 2)}
        if row.floor is not None:
            plain["floor"] = row.floor
    return plain


def _print(rows: list[Row], compared: bool, file: TextIO) -> None:
    out = terminal.console_on(file)
    speeds = table.Table("workload", title="Pods per second", title_justify="left")
    headings = ["nodes", "pods", "placed", "pods/s", "engine alone", "µs/pod", "peak MiB"]
    for heading in headings + (["kube-scheduler", "ratio", "floor"] if compared else []):
        speeds.add_column(heading, justify="right")
    for row in rows:
        speeds.add_row(*_speeds(row), *(_beside(row) if compared else ()))
    out.print(speeds)
    out.print(_points(rows))
    out.print(_work(rows))


def _speeds(row: Row) -> tuple[str, ...]:
    result = row.result
    counts = (f"{count:,}" for count in (result.nodes, result.pods, result.placed))
    engine = result.pods / result.engine
    per_pod = result.total / result.pods * 1e6
    return (
        result.name,
        *counts,
        f"{row.speed:,.0f}",
        f"{engine:,.0f}",
        f"{per_pod:.1f}",
        f"{result.peak_mib:,.0f}",
    )


def _beside(row: Row) -> tuple[str, str, str]:
    if row.reference is None or row.ratio is None:
        return "", "", ""
    floor = "" if row.floor is None else f"≥ {row.floor:g}"
    color = "red" if row.floor is not None and row.ratio < row.floor else "green"
    return f"{row.reference:,.0f}", f"[{color}]{row.ratio:.1f}[/{color}]", floor


def _points(rows: list[Row]) -> table.Table:
    """By extension point, in the order in which they are reached."""
    names = list(dict.fromkeys(name for row in rows for name in row.result.points))
    points = table.Table("workload", title="Microseconds a cycle (one in ten is timed)", title_justify="left")
    for name in names:
        points.add_column(name, justify="right")
    for row in rows:
        found = row.result.points
        points.add_row(row.result.name, *(f"{found[name]:.1f}" if name in found else "" for name in names))
    return points


def _work(rows: list[Row]) -> table.Table:
    work = table.Table("workload", title="Work", title_justify="left")
    for heading in ("plans built", "rows updated a pod", "passes over all rows a pod"):
        work.add_column(heading, justify="right")
    for row in rows:
        result = row.result
        each = (f"{count / result.pods:.2f}" for count in (result.rows, result.passes))
        work.add_row(result.name, f"{result.builds:,}", *each)
    return work
