"""Where the programs of tests/reference are, once `make reference` has built them."""

import os
from pathlib import Path

import pytest

MISSING = "the real kube-scheduler is not built: run `make reference`"


def folder() -> Path:
    """The folder `make reference` builds into: $REFERENCE_BIN, or its default."""
    return Path(os.environ.get("REFERENCE_BIN") or Path.home() / ".cache/stowage/reference/v1.36.2")


def find(name: str) -> Path | None:
    """The program `name` (`answer`, `bench`, `kube-scheduler`, …), or None where it is not built."""
    program = folder() / name
    return program if os.access(program, os.X_OK) else None


def require(name: str) -> Path:
    """The program `name`; skips the test that asks where it is not built."""
    program = find(name)
    if program is None:
        pytest.skip(MISSING)
    return program
