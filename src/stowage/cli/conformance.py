"""`stowage conformance`: recorded answers of the real kube-scheduler against the engine's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich import markup, table

from stowage.cli import terminal
from stowage.simulate import output as reports
from stowage.simulate.conformance import run, scenarios, totals


def conformance(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Scenario files (.jsonl, .jsonl.gz), or folders of them."),
    ],
    output: Annotated[
        terminal.Output, typer.Option("--output", "-o", help="The form of the report.")
    ] = terminal.Output.TABLE,
    show: Annotated[int, typer.Option(min=0, help="Differences to show in full.")] = 10,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; one for a few scenarios, else one a core.", show_default=False),
    ] = None,
) -> None:
    """Compare the engine's answers with recorded ones of the real kube-scheduler.

    Every scenario is a cluster, pods to place in it, and what kube-scheduler said of each node. Exit
    code 1: something differs; 2: there is no scenario, or a file cannot be read.

    Examples:
    - `stowage conformance tests/data/conformance`
    - `stowage conformance spread.jsonl.gz --show 3`
    """
    with terminal.reported():
        try:
            found = _judged(paths, totals.Totals(show), jobs)
        except scenarios.ScenarioError as error:
            terminal.fail(str(error))
        reports.write(None, lambda file: _print(found, output, file))
    if found.differences:
        raise typer.Exit(1)


def _judged(paths: list[Path], found: totals.Totals, jobs: int | None) -> totals.Totals:
    files = scenarios.find(paths)
    count = scenarios.check(files)
    if not count:
        raise scenarios.ScenarioError(f"no scenario found in {', '.join(map(str, paths))}")
    with terminal.bar() as progress:
        task = progress.add_task("scenarios", total=count)
        for result in run.results(files, count, jobs):
            found.add(result)
            progress.advance(task)
    return found


def _print(found: totals.Totals, form: terminal.Output, file: TextIO) -> None:
    if form is terminal.Output.JSON:
        reports.to_json(found.plain(), file)
        return
    out = terminal.console_on(file)
    families = table.Table("family", title="Equal by family", title_justify="left")
    for column in ("scenarios", "pods", "answers"):
        families.add_column(column, justify="right")
    for name, family in sorted(found.families.items()):
        families.add_row(name, *map(_told, (family.scenarios, family.pods, family.answers)))
    plugins = table.Table("plugin", title="Equal by plugin: rejections and scores", title_justify="left")
    plugins.add_column("answers", justify="right")
    for name, count in found.plugins.items():
        plugins.add_row(name, _told(count))
    out.print(families)
    out.print(plugins)
    for each in found.first:
        place = " ".join(
            part for part in (each.scenario, _step(each.step), each.pod, each.field, each.at) if part
        )
        out.print(f"[bold]{markup.escape(place)}[/bold]", soft_wrap=True)
        out.print(f"  expected: {markup.escape(each.expected)}", soft_wrap=True)
        out.print(f"  got:      {markup.escape(each.got)}", soft_wrap=True)
    out.print(found.sentence, soft_wrap=True)


def _step(index: int) -> str:
    return "" if index < 0 else f"step {index}"


def _told(count: totals.Count) -> str:
    color = "green" if count.equal == count.all else "red"
    return f"[{color}]{count.equal:,}[/{color}] of {count.all:,}"
