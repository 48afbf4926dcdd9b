"""What is wrong with a configuration: every fault with its field path, errors and warnings apart."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple


class FieldError(NamedTuple):
    """`path` is the field as Kubernetes writes it (`profiles[0].schedulerName`); empty: the whole text."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(ValueError):
    """A configuration that cannot be used; `errors` has all of its faults."""

    def __init__(self, errors: Iterable[FieldError], source: str = "") -> None:
        self.errors = tuple(errors)
        self.source = source
        name = source or "scheduler configuration"
        if len(self.errors) == 1:
            super().__init__(f"{name}: {self.errors[0]}")
        else:
            lines = "".join(f"\n  {error}" for error in self.errors)
            super().__init__(f"{name}: {len(self.errors)} errors{lines}")


class Report:
    """Collects while a configuration is read. A fault is an error if strict, a warning if not."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.errors: list[FieldError] = []
        self.warnings: list[str] = []

    def error(self, path: str, message: str) -> None:
        self.errors.append(FieldError(path, message))

    def warning(self, path: str, message: str) -> None:
        self.warnings.append(str(FieldError(path, message)))

    def fault(self, path: str, message: str, reading: str) -> None:
        """What Kubernetes refuses and we can read all the same; `reading` says how."""
        if self.strict:
            self.error(path, message)
        else:
            self.warning(path, f"{message}; {reading}")

    def blames(self, path: str) -> bool:
        """Whether an error names exactly this field."""
        return any(error.path == path for error in self.errors)


# The texts of Kubernetes' field errors (apimachinery, util/validation/field).


def invalid(value: object, detail: str) -> str:
    return f"Invalid value: {show(value)}: {detail}"


def unsupported(value: object, supported: Iterable[str]) -> str:
    return f"Unsupported value: {show(value)}: supported values: {', '.join(map(show, supported))}"


def duplicate(value: object) -> str:
    return f"Duplicate value: {show(value)}"


def required(detail: str = "") -> str:
    return f"Required value: {detail}" if detail else "Required value"


def forbidden(detail: str) -> str:
    return f"Forbidden: {detail}"


def not_found(value: object, detail: str) -> str:
    return f"Not found: {show(value)}: {detail}"


def show(value: object) -> str:
    """The value as JSON, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
