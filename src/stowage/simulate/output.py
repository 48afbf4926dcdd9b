"""Reports to standard output or to a file; a file is whole or untouched."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from typing import Any, TextIO

import yaml

from stowage.simulate import problems

_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]
    def ignore_aliases(self, data: object) -> bool:
        """What appears twice is written twice."""
        return True


def to_json(value: Any, out: TextIO) -> None:
    """Writes JSON, indented."""
    json.dump(value, out, indent=2, ensure_ascii=False)
    out.write("\n")


def to_yaml(value: Any, out: TextIO) -> None:
    """Writes YAML, keys in their order."""
    yaml.dump(value, out, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20)


def check(path: str) -> None:
    """BadInput where a file of that name could not be written; to be asked before the work is done."""
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        reason = "is a directory"
    elif not os.path.isdir(folder):
        reason = f"there is no directory {folder}"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        reason = "may not be written"
    else:
        return
    raise problems.BadInput([f"--out {path}: {reason}"])


def write(path: str | None, produce: Callable[[TextIO], None]) -> None:
    """Lets ``produce`` write to a file, or to standard output where ``path`` is None.

    The file appears, or changes, only when all of it is there. BadInput where it cannot be written.
    """
    if path is None:
        _to_stdout(produce)
        return
    try:
        if _is_special(path):
            with open(path, "w", encoding="utf-8") as file:
                produce(file)
        else:
            _replace(os.path.realpath(path), produce)
    except OSError as error:
        raise problems.BadInput([f"--out {path}: cannot be written: {error.strerror or error}"]) from None


def _to_stdout(produce: Callable[[TextIO], None]) -> None:
    try:
        produce(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is left in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise problems.BadInput([f"standard output: cannot be written: {error.strerror}"]) from None


def _is_special(path: str) -> bool:
    """Whether it is a pipe or a device, which nothing can take the place of."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _replace(path: str, produce: Callable[[TextIO], None]) -> None:
    handle, draft = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=os.path.dirname(path))
    try:
        with open(handle, "w", encoding="utf-8") as file:
            produce(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, _mode(path))
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        raise


def _mode(path: str) -> int:
    """The permissions of the file as it is, or those that a new one gets."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
