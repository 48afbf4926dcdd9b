"""What the commands share: a sentence and exit code 2, a progress bar on standard error, JSON."""

from __future__ import annotations

import enum
import json
import sys
from typing import Any, NoReturn

import typer
from rich import console, progress


class Output(enum.StrEnum):
    """Forms of a report that is a table or JSON."""

    TABLE = "table"
    JSON = "json"


def fail(sentence: str) -> NoReturn:
    """Says why on standard error and ends with exit code 2."""
    typer.echo(f"stowage: {sentence}", err=True)
    raise typer.Exit(2)


def report() -> console.Console:
    """Standard output for tables; where it is no terminal, wide enough for them."""
    return console.Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def bar() -> progress.Progress:
    """A progress bar on standard error, so that standard output is the report alone."""
    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        console=console.Console(stderr=True),
    )


def print_json(value: Any) -> None:
    """Writes JSON to standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
