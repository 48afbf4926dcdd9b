"""Scenario files: JSON lines, gzipped or not. Recorded answers stay undecoded until they are asked for."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

SUFFIXES = (".jsonl", ".jsonl.gz")
GZIP = b"\x1f\x8b"


class ScenarioError(Exception):
    """A path without scenarios or a file that cannot be read; the message is a sentence with its place."""


class Line(NamedTuple):
    """One scenario as it stands in its file; ``number`` counts from 1."""

    path: str
    number: int
    text: bytes


class _Written(msgspec.Struct):
    """The parts of a scenario; `steps` is not looked into."""

    objects: list[msgspec.Raw]
    pending: list[msgspec.Raw]
    steps: msgspec.Raw
    id: str = ""
    family: str = ""


class Scenario:
    """A scenario whose question and recorded answers are decoded apart."""

    __slots__ = ("_text", "_written", "family", "id")

    def __init__(self, line: Line) -> None:
        """Raises ScenarioError where the line is no scenario."""
        try:
            self._written = _written.decode(line.text)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise ScenarioError(f"{line.path}, line {line.number}: not a scenario: {error}") from None
        self._text = line.text
        self.id = self._written.id or f"{Path(line.path).name}:{line.number}"
        self.family = self._written.family or Path(line.path).name.partition(".")[0]

    def question(self) -> dict[str, Any]:
        """Everything but the answers: `steps` is cut from the text before it is decoded."""
        parts: dict[str, msgspec.Raw] = _parts.decode(self._text)
        return {key: msgspec.json.decode(raw) for key, raw in parts.items() if key != "steps"}

    def answers(self) -> list[dict[str, Any]]:
        """The recorded steps. ScenarioError where they are no list of objects."""
        try:
            steps: list[dict[str, Any]] | None = _steps.decode(self._written.steps)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ScenarioError(f"scenario {self.id}: steps: {error}") from None
        return steps or []


_written = msgspec.json.Decoder(_Written)
_parts = msgspec.json.Decoder(dict[str, msgspec.Raw])
_steps = msgspec.json.Decoder(list[dict[str, Any]] | None)


def find(paths: Iterable[Path]) -> list[Path]:
    """The files meant: files as they are, of folders all below with a scenario file's name, sorted."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if p.name.endswith(SUFFIXES) and p.is_file())
            found.update(dict.fromkeys(below))
        elif path.exists():
            found[path] = None
        else:
            raise ScenarioError(f"{path}: there is no such file or folder")
    return list(found)


def lines(path: Path) -> Iterator[Line]:
    """The scenarios of a file, one a line; a `.json` file is one scenario over many lines."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == GZIP
        with gzip.open(path) if zipped else path.open("rb") as file:
            if path.suffix == ".json":
                yield Line(str(path), 1, file.read())
                return
            for number, text in enumerate(file, 1):
                if text.strip():
                    yield Line(str(path), number, text)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ScenarioError(f"{path}: cannot be read: {reason}") from None


def check(paths: Iterable[Path]) -> int:
    """How many scenarios the files hold. ScenarioError for the first line that is none."""
    count = 0
    for path in paths:
        for line in lines(path):
            Scenario(line)
            count += 1
    return count
