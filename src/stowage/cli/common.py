"""What `simulate` and `capacity` share: their options, their progress bar, their forms."""

from __future__ import annotations

import contextlib
import enum
import sys
from collections.abc import Iterator
from typing import Annotated, Any, TextIO

import typer

from stowage.cli import terminal
from stowage.simulate import inputs, output, problems, session

DEFAULT_MAX_INPUT = "2GiB"


class Output(enum.StrEnum):
    """Forms of a report."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


Config = Annotated[
    str | None, typer.Option(metavar="FILE", help="A KubeSchedulerConfiguration.", show_default=False)
]
Seed = Annotated[int, typer.Option(help="Decides between nodes of equal score.")]
Percentage = Annotated[
    int | None,
    typer.Option(
        min=0, max=100, help="percentageOfNodesToScore; 0 is kube-scheduler's own; without it all nodes."
    ),
]
Form = Annotated[Output, typer.Option("--output", "-o", help="The form of the report.")]
Out = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write the report to a file.", show_default=False)
]
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="Skip bad objects, and count them.")]
MaxInput = Annotated[str, typer.Option(metavar="SIZE", help="The most one input may be, such as 500MiB.")]


def size(text: str) -> int:
    """Bytes. BadInput where it is no size."""
    try:
        return inputs.size(text)
    except ValueError as error:
        raise problems.BadInput([f"--max-input: {error}"]) from None


@contextlib.contextmanager
def progress() -> Iterator[session.Progress]:
    """A progress bar on standard error where that is a terminal; nothing elsewhere."""
    bar = terminal.bar()
    bar.disable = not sys.stderr.isatty()
    bar.live.transient = True
    with bar:
        task = bar.add_task("reading", total=None)
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of or None)


def tell(faults: problems.Faults) -> None:
    """Prints warnings, and what was skipped, to standard error."""
    for sentence in faults.told():
        typer.echo(f"skipped: {sentence}", err=True)
    for warning in faults.warnings:
        typer.echo(f"warning: {warning}", err=True)


def print_plain(value: Any, form: Output, file: TextIO) -> None:
    """Writes a report in a machine format."""
    (output.to_json if form is Output.JSON else output.to_yaml)(value, file)
