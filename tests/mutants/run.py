"""Does the suite notice? A copy of the package with one error in it, and the tests that have to fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.mutants import Mutant

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "stowage"
SECONDS = 300
"""A mutant whose tests run longer hangs, which is noticed too."""


class StaleError(Exception):
    """The text that a mutant replaces is not in its file, or there more than once."""


def mutated(mutant: Mutant, source: Path = SOURCE) -> str:
    """The file's text with the error in it. StaleError where the code has moved on."""
    text = (source / mutant.file).read_text()
    for old, new in mutant.edits:
        count = text.count(old)
        if count != 1:
            raise StaleError(f"{mutant.name}: {mutant.file} has {old!r} {count} times")
        text = text.replace(old, new)
    return text


@contextmanager
def planted(mutant: Mutant, folder: Path) -> Iterator[None]:
    """Within, the package in ``folder`` has the error."""
    target = folder / "stowage" / mutant.file
    original = target.read_text()
    target.write_text(mutated(mutant, folder / "stowage"))
    try:
        yield
    finally:
        target.write_text(original)


def copied(folder: Path) -> Path:
    """A copy of the package to plant errors in."""
    shutil.copytree(SOURCE, folder / "stowage", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def noticed(mutant: Mutant, folder: Path) -> str | None:
    """The first test that fails with the error; None where none does."""
    with planted(mutant, folder):
        for tests in mutant.tests:
            found = failing(tests, folder)
            if found is not None:
                return found
    return None


def failing(tests: str, folder: Path) -> str | None:
    """The first of these tests that fails on the package in ``folder``, or what else went wrong."""
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS": "unshrunk",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", tests]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{tests} runs for more than {SECONDS} s"
    if done.returncode == 0:
        return None
    told = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    if done.returncode != 1 and not told:
        raise RuntimeError(f"pytest {tests} did not run: {done.stdout}{done.stderr}")
    return told[0].split(" - ")[0] if told else tests
