"""The benchmarks of the live scheduler, small: that they run and say what they are to say. No clock is
judged, but that of the Events; memory is."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import reference_bin

pytestmark = [pytest.mark.reference, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _built() -> None:
    reference_bin.require("kube-apiserver")


def run(*arguments: str) -> Any:
    """A benchmark's JSON."""
    command = [sys.executable, "-m", *arguments, "-o", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_backlog_is_drained_by_both_schedulers_and_all_is_told_of_it() -> None:
    found = run("benchmarks.drain", "--nodes", "500", "--pods", "500")["workloads"]
    assert [each["name"] for each in found] == ["basic", "spread", "anti-affinity"]
    for each in found:
        assert each["nodes"] == each["pods"] == 500
        for name in ("theirs", "ours", "ratio", "bindCeiling", "share", "bindEventCeiling", "peakRssMiB"):
            assert each[name] > 0, name
        assert each["eventLagSeconds"] > 0
        assert each["eventsMissing"] <= 0.01 * each["pods"], "99 % are there 10 s after the last binding"
        for subject in ("ours", "theirs"):
            latencies = each["latencySeconds"][subject]
            assert 0 < latencies["p50"] <= latencies["p90"] <= latencies["p99"]


def test_memory_stays_under_its_ceilings_at_a_tenth_of_their_sizes() -> None:
    usual, low = run("benchmarks.memory", "--share", "10")["clusters"]
    assert (usual["nodes"], usual["pods"], usual["lowMemory"]) == (500, 5000, False)
    assert (low["nodes"], low["pods"], low["lowMemory"]) == (100, 1000, True)
    for each in (usual, low):
        assert 0 < each["peakRssMiB"] <= each["ceilingMiB"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["benchmarks.drain", "nothing"], "stowage: no workload nothing: there are "),
        (["benchmarks.drain", "--pods", "1"], "than or equal to 2"),
    ],
    ids=["workload", "pods"],
)
def test_what_cannot_be_measured_is_one_sentence(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
