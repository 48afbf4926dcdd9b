"""The real kube-scheduler as a process beside a control plane of `tests.control_plane`."""

import contextlib
import json
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import control_plane, reference_bin

API = "kubescheduler.config.k8s.io/v1"
SECONDS = 60
"""Within which it has to be ready."""


@contextlib.contextmanager
def running(
    plane: control_plane.ControlPlane, settings: dict[str, Any], folder: Path, *flags: str
) -> Iterator[str]:
    """A scheduler with fields of a KubeSchedulerConfiguration, without Lease and limits of its client; its
    address. Skips the test where it is not built."""
    program = reference_bin.require("kube-scheduler")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = folder / "kube-scheduler.yaml"
    client = {"kubeconfig": plane.kubeconfig, "qps": 100_000, "burst": 100_000}
    file.write_text(json.dumps(configuration(settings) | {"clientConnection": client}))
    with (folder / "kube-scheduler.log").open("ab") as log:
        process = subprocess.Popen(
            [
                str(program),
                *("--config", str(file), "--bind-address=127.0.0.1", f"--secure-port={port}"),
                *("--authentication-skip-lookup", "--authorization-always-allow-paths=/readyz,/metrics"),
                *flags,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        address = f"https://127.0.0.1:{port}"
        _await(process, f"{address}/readyz", Path(log.name))
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def configuration(settings: dict[str, Any]) -> dict[str, Any]:
    """A whole configuration with these fields, of a scheduler that is alone."""
    head = {"apiVersion": API, "kind": "KubeSchedulerConfiguration"}
    return {**head, "leaderElection": {"leaderElect": False}, **settings}


def _await(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    context = ssl._create_unverified_context()
    deadline = time.monotonic() + SECONDS
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, context=context) as answer:
            if answer.status == 200:
                return
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            raise AssertionError(f"kube-scheduler did not become ready: {log.read_text()[-2000:]}")
        time.sleep(0.1)
