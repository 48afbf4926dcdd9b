"""The real kube-scheduler's algorithm on the same nodes and pods.

The program is tests/reference/bench, built by `make reference`: SchedulePod and AssumePod, with no API
server, one pod after another, with kube-scheduler's default sampling of nodes.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import msgspec

from stowage.simulate.bench import workload

_RESULT = re.compile(rb"(\d+) of \d+ placed in \S+: ([\d.]+) pods/s")


class ReferenceError(Exception):
    """The real one is not built, or failed; the message is a sentence."""


def find() -> Path:
    """The program. ReferenceError where it is not built."""
    folder = Path(os.environ.get("REFERENCE_BIN") or Path.home() / ".cache/stowage/reference/v1.36.2")
    program = folder / "bench"
    if not os.access(program, os.X_OK):
        raise ReferenceError(
            f"the real kube-scheduler is not built: there is no {program}; run `make reference`"
        )
    return program


def pods_per_second(program: Path, subject: workload.Workload) -> float:
    """How fast it places the workload's pods, the different ones in rotation."""
    with tempfile.TemporaryFile() as scenario:
        for part in _scenario(subject):
            scenario.write(part)
        scenario.seek(0)
        done = subprocess.run(
            [program, str(subject.pods.count)], stdin=scenario, capture_output=True, check=False
        )
    found = _RESULT.search(done.stdout)
    if done.returncode or found is None:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise ReferenceError(f"{program} failed on {subject.name}: {lines[0]}")
    return float(found[2])


def _scenario(subject: workload.Workload) -> Iterator[bytes]:
    """Its input, in pieces."""
    fixed = (msgspec.json.encode(item) for item in subject.objects)
    yield b'{"percent":0,"pending":['
    yield from _separated(subject.variant_texts())
    yield b'],"objects":['
    yield from _separated(chain(fixed, subject.node_texts(), subject.bound_texts()))
    yield b"]}"


def _separated(texts: Iterator[bytes]) -> Iterator[bytes]:
    for number, text in enumerate(texts):
        if number:
            yield b","
        yield text
