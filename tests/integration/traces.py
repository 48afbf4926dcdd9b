"""Where the openb trace lies: it is not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def openb(name: str) -> str:
    """The path of one of its files; skips where it is not there."""
    base = Path(os.environ.get("STOWAGE_TRACES") or ROOT.parent / "shared" / "traces")
    path = base / "openb" / name
    if not path.exists():
        pytest.skip(
            f"{path} is missing: the openb trace lies beside the project, or where STOWAGE_TRACES says"
        )
    return str(path)
