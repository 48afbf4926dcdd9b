"""Programs that know nothing of Stowage against the embedded API server: kube-scheduler, Prometheus."""

import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stowage.embedded.http import proto
from tests import reference_bin
from tests.integration import embedded_client
from tests.integration.embedded_client import Client

pytestmark = pytest.mark.slow

PODS = "/api/v1/namespaces/default/pods"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler"
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
WATCHED = (
    "csidrivers csinodes csistoragecapacities deviceclasses namespaces nodes persistentvolumeclaims"
    " persistentvolumes poddisruptionbudgets pods replicasets replicationcontrollers resourceclaims"
    " resourceslices services statefulsets storageclasses volumeattachments"
)
"""What kube-scheduler 1.36 watches with its default configuration."""
PROMETHEUS = Path(os.environ.get("PROMETHEUS_DIR") or Path.home() / ".cache/stowage/prometheus")


@contextlib.contextmanager
def program(command: list[str], log: Path) -> Iterator[None]:
    """A process for the length of a block; what it wrote is shown where the block fails."""
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        yield
    except BaseException:
        print(log.read_text())
        raise
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until(ask: Any, seconds: float = 30) -> Any:
    """The first answer of `ask` that says something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            found = ask()
            if found:
                return found
        time.sleep(0.1)
    raise AssertionError(f"nothing within {seconds} s")


def pod(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "a", "image": "b", "resources": {"requests": {"cpu": "1"}}}
    return {"metadata": {"name": name}, "spec": {"containers": [container]} | spec}


def claim(name: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name}, "spec": spec}


def await_pod(client: Client, name: str, test: Any) -> dict[str, Any]:
    selector = f"fieldSelector=metadata.name%3D{name}"
    with client.lines(f"{PODS}?watch=1&{selector}&timeoutSeconds=30") as lines:
        for each in lines:
            if test(each["object"]):
                found: dict[str, Any] = each["object"]
                return found
    raise AssertionError(f"{name} did not come so far")


@pytest.mark.reference
def test_the_real_scheduler_works_here_with_its_default_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler, port = reference_bin.require("kube-scheduler"), free_port()
    decode, kinds = proto.decode, set()

    def decoded(body: bytes) -> dict[str, Any]:
        made = decode(body)
        kinds.add(made["kind"])
        return made

    monkeypatch.setattr(proto, "decode", decoded)
    with embedded_client.embedded(nodes=3, controllers=True) as running:
        kubeconfig, client = str(running.kubeconfig), embedded_client.client(running)
        flags = [f"--{part}kubeconfig={kubeconfig}" for part in ("", "authentication-", "authorization-")]
        command = [str(scheduler), *flags, f"--secure-port={port}", "--bind-address=127.0.0.1"]
        with program(command, tmp_path / "log"):
            client("POST", PODS, pod("p"))
            bound = await_pod(client, "p", lambda each: each["status"]["phase"] == "Running")
            assert bound["spec"]["nodeName"] in {"node-0", "node-1", "node-2"}
            client("POST", CLAIMS, claim("c"))
            volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
            client("POST", PODS, pod("stores", volumes=volumes))
            await_pod(client, "stores", lambda each: each["status"]["phase"] == "Running")
            client("POST", PODS, pod("q", nodeSelector={"no": "node"}))
            refused = await_pod(client, "q", lambda each: each["status"].get("conditions"))
            assert refused["status"]["conditions"][0]["reason"] == "Unschedulable"
            with client.lines(f"{EVENTS}?watch=1&timeoutSeconds=30") as lines:
                events = [each["object"] for each in itertools.islice(lines, 3)]
            found = {(each["reason"], each["regarding"]["name"]) for each in events}
            assert found == {("Scheduled", "p"), ("Scheduled", "stores"), ("FailedScheduling", "q")}
            lease = client("GET", LEASE)[1]["spec"]
            assert (lease["leaseDurationSeconds"], bool(lease["holderIdentity"])) == (15, True)
            assert until(lambda: client("GET", LEASE)[1]["spec"]["renewTime"] > lease["renewTime"])
            # Its own metrics, behind delegated authentication and authorisation.
            asking = Client("127.0.0.1", port, client.token)
            assert asking("GET", "/metrics")[0] == 200
            assert Client("127.0.0.1", port, "")("GET", "/metrics")[0] == 403
            watched = watches(client("GET", "/metrics")[1])
            assert watched >= set(WATCHED.split())
        assert kinds >= {"Binding", "Event", "Lease"}
        assert problems(tmp_path / "log") == []


def watches(text: str) -> set[str]:
    """The resources that somebody watches now."""
    open_watches = re.findall(r'apiserver_longrunning_requests{.*resource="(\w+)".*} [1-9]', text)
    return set(open_watches)


def problems(log: Path) -> list[str]:
    """What a scheduler calls an error, but for an empty manifest and what it stops in the middle of."""
    known = ("manifest file is empty", "broadcaster already stopped")
    errors = [line for line in log.read_text().splitlines() if line.startswith("E")]
    return [line for line in errors if not any(each in line for each in known)]


def test_prometheus_scrapes_the_server_and_our_scheduler(tmp_path: Path) -> None:
    binary, port, ours = PROMETHEUS / "usr/bin/prometheus", free_port(), free_port()
    if not os.access(binary, os.X_OK):
        pytest.skip("Debian's prometheus is not unpacked: run `make prometheus`")
    with embedded_client.embedded(nodes=2, controllers=True) as running, contextlib.ExitStack() as stack:
        client = embedded_client.client(running)
        (tmp_path / "ca.pem").write_bytes(running.certificate)
        token = token_of_a_monitor(client)
        jobs = [
            scraped("apiserver", f"{client.host}:{client.port}", token, ca_file=str(tmp_path / "ca.pem")),
            scraped("scheduler", f"127.0.0.1:{ours}", token, insecure_skip_verify=True),
        ]
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": jobs}))
        scheduler = [sys.executable, "-m", "stowage", "scheduler", "--kubeconfig", str(running.kubeconfig)]
        stack.enter_context(program([*scheduler, f"--secure-port={ours}"], tmp_path / "scheduler.log"))
        command = [str(binary), f"--config.file={tmp_path}/prometheus.yml", "--log.level=warn"]
        command += [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={tmp_path}/data"]
        stack.enter_context(program(command, tmp_path / "log"))
        client("POST", PODS, pod("p"))
        await_pod(client, "p", lambda each: each["status"]["phase"] == "Running")
        (found,) = until(
            lambda: prometheus(port, 'apiserver_resource_objects{resource="nodes",group=""} == 2')
        )
        assert found["metric"]["job"] == "apiserver"
        # Its own scrapes are counted, from the second on.
        assert until(lambda: prometheus(port, 'apiserver_request_total{verb="GET",resource=""} > 1'))
        attempts = 'scheduler_schedule_attempts_total{result="scheduled",profile="default-scheduler"}'
        assert until(lambda: prometheus(port, f"{attempts} == 1"))
        assert len(until(lambda: prometheus(port, "up == 1"))) == 2


def scraped(name: str, target: str, token: str, **tls: Any) -> dict[str, Any]:
    """A job of Prometheus's configuration."""
    return {
        "job_name": name,
        "scheme": "https",
        "scrape_interval": "1s",
        "authorization": {"credentials": token},
        "tls_config": tls,
        "static_configs": [{"targets": [target]}],
    }


def token_of_a_monitor(client: Client) -> str:
    """A token with which metrics may be read, and nothing else."""
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    client("POST", accounts, {"metadata": {"name": "prometheus"}})
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:monitoring"}
    subject = {"kind": "ServiceAccount", "name": "prometheus", "namespace": "default"}
    binding = {"metadata": {"name": "prometheus"}, "roleRef": ref, "subjects": [subject]}
    client("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    return str(client("POST", f"{accounts}/prometheus/token", {})[1]["status"]["token"])


def prometheus(port: int, query: str) -> list[dict[str, Any]]:
    """What Prometheus answers to an instant query."""
    asked = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{asked}", timeout=5) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found
