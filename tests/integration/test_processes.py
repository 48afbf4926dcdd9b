"""The command as a process among others: Ctrl-C at any moment, a disk that is full, a pipe that is closed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "stowage"]
BENCH = ["bench", "basic", "--nodes", "10", "--pods", "10"]
CONFORMANCE = ["conformance", "tests/data/conformance/gates.jsonl.gz"]
SIMULATE = ["simulate", "examples/cluster.yaml"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", [BENCH, CONFORMANCE, SIMULATE], ids=lambda words: words[0])
def test_a_full_disk_is_told_in_a_sentence(words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False
        )
    assert done.returncode == 2
    assert "standard output: cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [["bench", "million"], ["conformance", "tests/data/conformance", "--jobs", "2"]],
    ids=lambda words: words[0],
)
def test_an_interrupt_from_the_terminal_ends_all_its_processes_without_a_traceback(words: list[str]) -> None:
    ours, theirs = os.openpty()  # on a terminal the bar is drawn from the start
    process = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT, start_new_session=True
    )
    os.close(theirs)
    told = b""
    while len(told) < 1500:  # the bar was drawn some times: the other processes are on their way
        told += os.read(ours, 4096)
    os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(OSError):  # Linux ends it so when nobody has the other end open any more
        while chunk := os.read(ours, 4096):
            told += chunk
    os.close(ours)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == b""
    assert b"interrupted" in told
    assert b"Traceback" not in told
