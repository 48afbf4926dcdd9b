"""`stowage simulate` and `stowage capacity` as processes: output, exit codes, interruption, memory."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer import testing

from stowage.cli import main
from tests.unit.simulate import kube

NODE = kube.node("one", cpu="4")
POD = kube.pod("p")
CONFIG = """
apiVersion: kubescheduler.config.k8s.io/v1beta3
kind: KubeSchedulerConfiguration
"""


@dataclass
class Done:
    """What a run left behind."""

    returncode: int
    stdout: str
    stderr: str


def stowage(*args: object, stdin: str = "") -> Done:
    """Runs the command in this process."""
    done = testing.CliRunner().invoke(main.app, [str(arg) for arg in args], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def bounded(limit: int, *args: object) -> subprocess.CompletedProcess[str]:
    """Runs the command as a process that may have ``limit`` bytes of address space."""
    return subprocess.run(
        [sys.executable, "-m", "stowage", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


def simulate(*args: object, stdin: str = "") -> dict[str, Any]:
    done = stowage("simulate", *args, "-o", "json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.json"
    path.write_text(kube.a_list(NODE, POD, kube.pod("big", "9")))
    return path


def test_standard_input_is_an_input() -> None:
    found = simulate("-", stdin=kube.a_list(NODE, POD))
    assert [each["node"] for each in found["placements"]] == ["one"]


def test_several_inputs_and_more_pods_go_together(tmp_path: Path, cluster: Path) -> None:
    (tmp_path / "pods.yaml").write_text(
        yaml.safe_dump_all(
            [kube.workload("Deployment", "web", replicas=2), POD | {"metadata": {"name": "q"}}]
        )
    )
    found = simulate(cluster, "-", "--pods", tmp_path / "pods.yaml", stdin=kube.a_list(kube.node("m")))
    assert found["summary"]["nodes"] == 2
    assert [each["name"][:3] for each in found["placements"]] == ["p", "big", "web", "web", "q"]
    assert found["summary"]["placed"] == 4


def test_the_table_is_the_default_and_warnings_go_to_standard_error(cluster: Path) -> None:
    done = stowage("simulate", cluster, "--explain", "default/p")
    assert done.returncode == 0
    assert "1 node, 0 pods on them; 2 pending" in done.stdout
    assert "Why default/p?" in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_yaml_and_json_say_the_same(cluster: Path) -> None:
    done = stowage("simulate", cluster, "-o", "yaml")
    assert yaml.safe_load(done.stdout)["placements"] == simulate(cluster)["placements"]


def test_the_report_goes_to_a_file_whole(tmp_path: Path, cluster: Path) -> None:
    done = stowage("simulate", cluster, "-o", "json", "--out", tmp_path / "report.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert len(json.loads((tmp_path / "report.json").read_text())["placements"]) == 2


def test_a_configuration_is_read_and_its_warnings_are_told(tmp_path: Path, cluster: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = stowage(
        "simulate", cluster, "--config", tmp_path / "config.yaml", "--percentage", "50", "--seed", "7"
    )
    assert done.returncode == 0
    assert "config.yaml: apiVersion: " in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: Pod", "kind: "),
        ("", "is empty"),
        (f"{CONFIG}percentageOfNodesToScore: 500\n", "percentageOfNodesToScore: "),
    ],
    ids=["another kind", "empty", "a wrong value"],
)
def test_a_configuration_that_cannot_be_used_is_told(
    tmp_path: Path, cluster: Path, text: str, told: str
) -> None:
    (tmp_path / "config.yaml").write_text(text)
    done = stowage("simulate", cluster, "--config", tmp_path / "config.yaml")
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


BAD: dict[str, tuple[list[object], str]] = {
    "no input": ([], "nothing to simulate"),
    "a missing file": (["missing.json"], "missing.json: cannot be read: No such file or directory"),
    "a bound pod without its node": (
        ["-"],
        "standard input: Pod default/q: spec.nodeName: there is no Node gone",
    ),
    "an unknown pod to explain": (
        ["cluster", "--explain", "x"],
        "--explain: no pending pod is called default/x",
    ),
    "no size": (["cluster", "--max-input", "big"], "--max-input: 'big' is not a size"),
    "a small limit": (["cluster", "--max-input", "10"], "is larger than --max-input allows (10 bytes)"),
    "an output that cannot be": (["cluster", "--out", "no/where"], "--out no/where: there is no directory"),
}


@pytest.mark.parametrize(("args", "told"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_sentence_and_exit_code_2(cluster: Path, args: list[object], told: str) -> None:
    named = [cluster if arg == "cluster" else arg for arg in args]
    done = stowage("simulate", *named, stdin=kube.a_list(kube.pod("q", nodeName="gone")))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("stowage: ")
    assert told in line
    assert done.stdout == ""


def test_bad_objects_are_skipped_and_counted_on_request(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(kube.a_list(NODE, POD, kube.pod("bad", "-1"), 7))
    assert stowage("simulate", path).returncode == 2
    done = stowage("simulate", path, "--keep-going", "-o", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["summary"]["skippedObjects"] == 2
    assert done.stderr.count("skipped: ") == 2


def test_hostile_text_ends_quickly_in_little_memory(tmp_path: Path) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    # Broken at its end only; decoded it would take some 1.5 GB.
    cut = '{"kind": "List", "items": [' + '{"a":{}},' * 8_000_000
    for number, text in enumerate((bomb, "[" * 100_000, "{" + '"a":{' * 100_000, cut)):
        path = tmp_path / f"{number}"
        path.write_text(text)
        done = bounded(1 << 30, "simulate", path)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def test_an_interrupt_ends_it_without_a_traceback_or_half_a_file(tmp_path: Path) -> None:
    items = [*(kube.node(f"n{i}") for i in range(300)), *(kube.pod(f"p{i}", f"{i}m") for i in range(3000))]
    (tmp_path / "many.json").write_text(kube.a_list(*items))
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "stowage", "simulate", "-", "--out", str(tmp_path / "report")],
        stdin=reader,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(reader)
    try:
        # More than a pipe holds: once it is written, the command is reading, and it waits for more.
        os.write(writer, b" " * (1 << 20))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        os.close(writer)
    assert process.returncode == 130
    assert err == "stowage: interrupted\n"
    assert os.listdir(tmp_path) == ["many.json"]


def test_capacity_counts_what_fits_and_says_what_stops_it(tmp_path: Path, cluster: Path) -> None:
    (tmp_path / "probe.yaml").write_text(
        yaml.safe_dump_all([kube.pod("probe", "1500m"), kube.workload("Job", "j")])
    )
    done = stowage("capacity", cluster, "--pod", tmp_path / "probe.yaml", "-o", "json")
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)["capacity"]
    assert (first["template"], first["count"], first["nodes"]) == ("Pod default/probe", 2, {"one": 2})
    assert first["stoppedBy"].startswith("0/1 nodes are available: 1 Insufficient cpu.")
    assert (second["template"], second["count"]) == ("Job default/j", 4)
    table = stowage("capacity", cluster, "--pod", tmp_path / "probe.yaml", "--limit", "1").stdout
    assert "--limit 1 was reached" in table


def test_capacity_tells_bad_templates(tmp_path: Path, cluster: Path) -> None:
    (tmp_path / "probe.yaml").write_text("kind: Pod\napiVersion: v1\n")
    done = stowage("capacity", cluster, "--pod", tmp_path / "probe.yaml")
    assert done.returncode == 2
    assert "probe.yaml: Pod without a name: metadata.name: is missing" in done.stderr


PEAK = """
import resource, sys
from stowage.cli import main
try:
    main.app(["simulate", sys.argv[1], "-o", "json", "--out", "/dev/null"])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=sys.stderr)
"""


def peak(path: Path) -> int:
    """Bytes that a simulation of this input has in memory at most."""
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    return int(done.stderr.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_memory_is_within_a_few_times_the_input(tmp_path: Path, form: str) -> None:
    def written(name: str, pods: int) -> Path:
        note = {"annotations": {"note": "x" * 1000}}
        items = [NODE, *(kube.pod(f"p{i}", "0", meta=note, nodeName="one") for i in range(pods))]
        path = tmp_path / name
        path.write_text(kube.a_list(*items) if form == "json" else yaml.safe_dump_all(items))
        return path

    small, large = written("small", 1), written("large", 6000)
    size = large.stat().st_size
    assert size > 6_000_000
    assert peak(large) - peak(small) < 5 * size
