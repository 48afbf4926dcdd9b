"""The `stowage` command: one Typer application, a module a command."""

from __future__ import annotations

from typing import Annotated

import typer

from stowage.cli import bench, capacity, cluster, conformance, run, scheduler, simulate, terminal

app = typer.Typer(
    name="stowage",
    help="Kubernetes scheduling: simulate, explain, forecast, with kube-scheduler 1.36's own answers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=terminal.version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options before the command."""


app.command("bench")(bench.bench)
app.command("capacity")(capacity.capacity)
app.command("cluster")(cluster.cluster)
app.command("conformance")(conformance.conformance)
app.command("run")(run.run)
app.command("scheduler", cls=scheduler.Command, epilog=scheduler.EPILOG)(scheduler.scheduler)
app.command("simulate")(simulate.simulate)
