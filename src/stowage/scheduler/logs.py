"""Log lines as JSON, and how much is logged: klog's verbosity numbers, by module, changed while it runs.

Verbosity N shows what is logged at N and below: 0 what concerns everybody, 2 each pod that is bound or
fits nowhere, 3 each attempt, 4 why nothing is tried, 10 everything.
"""

from __future__ import annotations

import datetime
import fnmatch
import logging
import re
from typing import Any, Final

import msgspec

from stowage.kube import errors

V2, V3, V4 = (logging.INFO - verbosity for verbosity in (2, 3, 4))
"""Levels of the logging module that stand for a verbosity."""

ROOT: Final = "stowage"
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}
_encode = msgspec.json.Encoder(enc_hook=str).encode


class FlagError(ValueError):
    """A verbosity that is none; the text is klog's."""


class Lines(logging.Formatter):
    """One JSON object a line: a fixed message, and what it is about in fields of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """Credentials in what others said are struck out; ours are never logged."""
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        verbosity = logging.INFO - record.levelno
        line: dict[str, Any] = {
            "ts": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": "info" if verbosity > 0 else record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        if verbosity > 0:
            line["v"] = verbosity
        line |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return errors.struck(_encode(line).decode())


def set_up() -> None:
    """Logs to standard error, for the whole process."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def set_verbosity(text: str) -> str:
    """Sets the verbosity of all that no pattern names; returns what /debug/flags/v answers. FlagError."""
    if not re.fullmatch(r"[0-9]+", text):
        raise FlagError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    logging.getLogger(ROOT).setLevel(_level(int(text)))
    return f"successfully set klog.logging.verbosity to {text}"


def set_modules(text: str) -> str:
    """Sets the verbosity of single modules, and of no others any more; what /debug/flags/vmodule answers.

    ``text``: `pattern=N,…`, the pattern for the last part of a module's name (`driver`, `lease*`), or with
    a dot for all of it (`stowage.kube.*`); the first that matches counts. FlagError.
    """
    patterns = []
    for part in filter(None, text.split(",")):
        pattern, _, number = part.strip().partition("=")
        if not pattern or not re.fullmatch(r"[0-9]+", number):
            raise FlagError("syntax error: expect comma-separated list of filename=N")
        patterns.append((pattern, _level(int(number))))
    names = [name for name in logging.root.manager.loggerDict if name.startswith(f"{ROOT}.")]
    for name in names:
        found = (level for pattern, level in patterns if _matches(name, pattern))
        logging.getLogger(name).setLevel(next(found, logging.NOTSET))
    return f"successfully set klog.logging.vmodule to {text}"


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name if "." in pattern else name.rpartition(".")[2], pattern)


def _level(verbosity: int) -> int:
    return max(logging.INFO - verbosity, logging.DEBUG)
