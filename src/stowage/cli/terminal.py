"""What the commands share: sentences and exit codes, a progress bar on standard error, tables."""

from __future__ import annotations

import contextlib
import enum
import importlib.metadata
from collections.abc import Iterator
from typing import NoReturn, TextIO

import typer
from rich import console, progress

from stowage.simulate import problems

WIDTH = 160
"""Columns of a table in a file or a pipe."""


class Output(enum.StrEnum):
    """Forms of a report that is a table or JSON."""

    TABLE = "table"
    JSON = "json"


def version(asked: bool) -> None:
    """Prints which version this is and ends, where that is asked."""
    if asked:
        typer.echo(f"stowage {importlib.metadata.version('stowage-scheduler')}")
        raise typer.Exit


def fail(sentence: str) -> NoReturn:
    """Says why on standard error and ends with exit code 2."""
    typer.echo(f"stowage: {sentence}", err=True)
    raise typer.Exit(2)


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Ends with sentences and exit code 2 on bad input, with 130 where the user interrupts."""
    try:
        yield
    except problems.BadInput as error:
        for sentence in error.sentences:
            typer.echo(f"stowage: {sentence}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("stowage: interrupted", err=True)
        raise typer.Exit(130) from None


def console_on(file: TextIO) -> console.Console:
    """Where tables are printed: as wide as the terminal, or as `WIDTH` where there is none."""
    return console.Console(file=file, highlight=False, width=None if file.isatty() else WIDTH)


def bar() -> progress.Progress:
    """A progress bar on standard error, so that standard output is the report alone."""
    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        console=console.Console(stderr=True),
    )
