"""What is wrong with the input: one sentence a problem, with the file, the object and the field.

Nothing here decides whether a problem ends the run: `Faults` collects, and its owner asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SHOWN = 50
"""Sentences told before the rest is only counted."""


class BadInput(Exception):
    """Input that cannot be used; ``sentences`` has what to say, one a line."""

    def __init__(self, sentences: list[str]) -> None:
        self.sentences = sentences
        super().__init__("\n".join(sentences))


@dataclass(slots=True)
class Faults:
    """Problems and warnings, in the order they were found."""

    keep_going: bool = False
    fatal: bool = False
    """A whole file cannot be read, which nothing can pass over."""
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _subjects: set[tuple[str, str]] = field(default_factory=set)

    def problem(self, source: str, subject: str, path: str, message: str) -> None:
        """Notes one: ``source`` is a file, ``subject`` the object, ``path`` its field; all may be empty."""
        self._subjects.add((source, subject))
        told = " ".join(part for part in (f"{path}:" if path else "", message) if part)
        self.problems.append(": ".join(part for part in (source, subject, told) if part))

    @property
    def bad_objects(self) -> int:
        """How many objects have a problem, or several."""
        return len(self._subjects)

    def unreadable(self, source: str, subject: str, message: str) -> None:
        """Notes that a file cannot be read; ``subject`` is a place in it, or empty."""
        self.problem(source, subject, "", message)
        self.fatal = True

    def warn(self, sentence: str) -> None:
        """Notes something that does not stop anything, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def check(self) -> None:
        """BadInput where there is a problem that is not to be skipped."""
        if self.fatal or (self.problems and not self.keep_going):
            raise BadInput(self.told())

    def told(self) -> list[str]:
        """The problems as lines to print, the many ones cut short."""
        lines = self.problems[:SHOWN]
        rest = len(self.problems) - len(lines)
        return [*lines, f"and {rest} more problems"] if rest else lines
