"""`stowage simulate`: the pending pods of a dump, placed."""

from __future__ import annotations

from typing import Annotated, TextIO

import typer

from stowage.cli import common, terminal
from stowage.simulate import output, problems, report, session, tables


def simulate(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT", help="What kubectl get … -o json (or yaml) wrote; - is stdin."),
    ] = None,
    pods: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="More pods and workloads, to be placed.")
    ] = None,
    config: common.Config = None,
    seed: common.Seed = 0,
    percentage: common.Percentage = None,
    form: common.Form = common.Output.TABLE,
    explain: Annotated[
        str, typer.Option(metavar="NS/POD", help="Explain the decision about one pod.", show_default=False)
    ] = "",
    out: common.Out = None,
    keep_going: common.KeepGoing = False,
    max_input: common.MaxInput = common.DEFAULT_MAX_INPUT,
    nodes_csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="A node list of the openb trace.")
    ] = None,
    pods_csv: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A pod list of the openb trace, all pending."),
    ] = None,
) -> None:
    """Place the pending pods of a cluster dump, and say where they go and why not.

    Workloads in the input (Deployment, ReplicaSet, StatefulSet, DaemonSet, Job) become the pods they
    lack. Nothing is changed anywhere. Exit code 0 however many pods fit; 2: bad input.

    Examples:
    - `kubectl get nodes,pods -A -o json | stowage simulate - --pods new.yaml`
    - `stowage simulate cluster.json --config scheduler.yaml --explain shop/web-0`
    - `stowage simulate --nodes-csv nodes.csv --pods-csv pods.csv -o json --out report.json`
    """
    with terminal.reported():
        if not inputs and nodes_csv is None and pods_csv is None:
            raise problems.BadInput(["nothing to simulate: name an INPUT, or --nodes-csv and --pods-csv"])
        if out is not None:
            output.check(out)
        options = session.Options(
            sources=inputs or [],
            pods=pods or [],
            nodes_csv=nodes_csv,
            pods_csv=pods_csv,
            config=config,
            seed=seed,
            percentage=percentage,
            explain=explain,
            keep_going=keep_going,
            max_input=common.size(max_input),
        )
        with common.progress() as tell:
            found = session.simulate(options, tell)
        common.tell(found.loaded.faults)
        output.write(out, lambda file: _print(found, form, file))


def _print(found: session.Report, form: common.Output, file: TextIO) -> None:
    if form is common.Output.TABLE:
        tables.show(found, terminal.console_on(file))
    else:
        common.print_plain(report.plain(found), form, file)
