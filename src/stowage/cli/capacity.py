"""`stowage capacity`: how many more of a pod fit into a cluster dump."""

from __future__ import annotations

from typing import Annotated, TextIO

import typer

from stowage.cli import common, terminal
from stowage.simulate import capacity as asking
from stowage.simulate import output, session, tables


def capacity(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT", help="What kubectl get … -o json (or yaml) wrote; - is stdin."),
    ],
    pod: Annotated[
        list[str], typer.Option(metavar="FILE", help="Pods and workloads, each asked about by itself.")
    ],
    limit: Annotated[int, typer.Option(min=1, help="Stop counting here.")] = asking.LIMIT,
    config: common.Config = None,
    seed: common.Seed = 0,
    percentage: common.Percentage = None,
    form: common.Form = common.Output.TABLE,
    out: common.Out = None,
    keep_going: common.KeepGoing = False,
    max_input: common.MaxInput = common.DEFAULT_MAX_INPUT,
) -> None:
    """Count how many more of each pod fit into a cluster dump, where, and what stops the next one.

    Exit code 0 whatever the count; 2: bad input.

    Examples:
    - `stowage capacity cluster.json --pod pod.yaml`
    - `stowage capacity cluster.json --pod shapes.yaml --limit 1000 -o json`
    """
    with terminal.reported():
        if out is not None:
            output.check(out)
        options = session.Options(
            sources=inputs,
            config=config,
            seed=seed,
            percentage=percentage,
            keep_going=keep_going,
            max_input=common.size(max_input),
        )
        with common.progress() as tell:
            found = asking.capacity(options, pod, limit, tell)
        common.tell(found.loaded.faults)
        output.write(out, lambda file: _print(found, form, file))


def _print(found: asking.Report, form: common.Output, file: TextIO) -> None:
    if form is common.Output.TABLE:
        tables.show_capacity(found, terminal.console_on(file))
    else:
        common.print_plain(asking.plain(found), form, file)
