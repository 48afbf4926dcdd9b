"""What `stowage scheduler` answers over HTTPS, who may ask, and how it ends: beside the real API server and
the real kube-scheduler."""

import asyncio
import contextlib
import json
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import parser

from stowage.kube import resources
from stowage.serving import certificates
from tests import control_plane, kube_scheduler
from tests.integration import test_scheduler_reference as reference
from tests.integration.faults import proxy
from tests.unit.scheduler import test_decisions

pytestmark = [pytest.mark.reference, pytest.mark.slow]

ADMIN = "admin-token"
ACCOUNTS: resources.Resource[dict[str, Any]] = resources.Resource(
    "", "v1", "ServiceAccount", "serviceaccounts", True, dict[str, Any]
)
RBAC = ("rbac.authorization.k8s.io", "v1")
ROLES: resources.Resource[dict[str, Any]] = resources.Resource(
    *RBAC, "ClusterRole", "clusterroles", False, dict[str, Any]
)
ROLE_BINDINGS: resources.Resource[dict[str, Any]] = resources.Resource(
    *RBAC, "ClusterRoleBinding", "clusterrolebindings", False, dict[str, Any]
)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control_plane.ControlPlane]:
    with control_plane.running(tmp_path_factory.mktemp("controlplane")) as started:
        yield started


class Answer(NamedTuple):
    """What of an answer is kube-scheduler's: not its date, and not how a Status is indented."""

    status: int
    kind: str
    cache: str
    sniff: str
    body: Any


async def asked(url: str, path: str, token: str = "", method: str = "GET", body: str = "") -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
        session.request(method, url + path, headers=headers, data=body or None) as got,
    ):
        text = await got.text()
        kind = got.headers.get("Content-Type", "")
        return Answer(
            got.status,
            kind,
            got.headers.get("Cache-Control", ""),
            got.headers.get("X-Content-Type-Options", ""),
            json.loads(text) if kind == "application/json" else text,
        )


class Program:
    """`stowage scheduler`, as a process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log = log

    async def ask(self, path: str, token: str = ADMIN, **more: str) -> Answer:
        return await asked(self.url, path, token, **more)

    async def until(self, path: str, status: int) -> Answer:
        """The answer, once it has a status."""
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                answer = await self.ask(path, "")
                if answer.status == status:
                    return answer
            assert self.process.returncode is None, self.log.read_text()
            await asyncio.sleep(0.05)

    async def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


@contextlib.asynccontextmanager
async def program(kubeconfig: str, folder: Path, *flags: str) -> AsyncIterator[Program]:
    """Ready, and ended with the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / f"{port}.log"
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "stowage", "scheduler", "--kubeconfig", kubeconfig, f"--secure-port={port}", *flags),
            stderr=written,
        )
    try:
        started = Program(process, f"https://127.0.0.1:{port}", log)
        await started.until("/readyz", 200)
        yield started
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def account(cluster: reference.Cluster, *paths: str) -> str:
    """A token of a ServiceAccount that may get these paths."""
    name = cluster.name
    await cluster.client.create(ACCOUNTS, {"metadata": {"name": name}}, name)
    rules = [{"nonResourceURLs": paths, "verbs": ["get"]}]
    await cluster.client.create(ROLES, {"metadata": {"name": name}, "rules": rules})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC[0], "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "namespace": name, "name": name}],
    }
    await cluster.client.create(ROLE_BINDINGS, binding)
    request: dict[str, Any] = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = await cluster.client.create(ACCOUNTS.sub("token", dict[str, Any]), request, name, name)
    return str(answer["status"]["token"])


# ----------------------------------------------------------------------- access


async def test_tokens_may_what_the_clusters_rules_say_and_no_log_has_them(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with (
        reference.cluster_of(plane) as cluster,
        program(plane.kubeconfig, tmp_path, "--leader-elect=false", "-v=10") as started,
    ):
        token = await account(cluster, "/metrics", "/livez/ping")
        user = f"system:serviceaccount:{cluster.name}:{cluster.name}"
        metrics = await started.ask("/metrics", token)
        assert (metrics.status, "scheduler_pending_pods" in metrics.body) == (200, True)
        assert (await started.ask("/livez/ping", token)).body == "ok"
        forbidden = await started.ask("/configz", token)
        assert forbidden.status == 403
        assert forbidden.body["message"] == f'forbidden: User "{user}" cannot get path "/configz"'
        assert (await started.ask("/decisions", token)).status == 403
        assert (await started.ask("/debug/flags/v", token, method="PUT", body="0")).status == 403
        assert (await started.ask("/metrics", "")).status == 403
        assert (await started.ask("/metrics", "nobodys-token")).status == 401
        assert (await started.ask("/readyz", "nobodys-token")).status == 401
        assert (await started.ask("/debug/flags/v", method="PUT", body="3")).status == 200
        await cluster.node("n")
        await cluster.pod("p")
        await cluster.node_of("p")
        assert await started.end() == 0
        log = started.log.read_text()
    assert "Attempting to schedule pod" in log  # it was put to 3 after all had been logged
    for secret in (token, token.rpartition(".")[2], "nobodys-token", ADMIN):
        assert secret not in log
    for line in log.splitlines():
        json.loads(line)


async def test_without_reviews_only_health_is_answered(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    """Whose own rights do not let it review anything."""
    async with reference.cluster_of(plane) as cluster:
        token = await account(cluster, "/metrics")
        weak = tmp_path / "weak"
        weak.write_text(Path(plane.kubeconfig).read_text().replace(ADMIN, token))
        flags = (f"--authentication-kubeconfig={weak}", f"--authorization-kubeconfig={weak}")
        async with program(plane.kubeconfig, tmp_path, "--leader-elect=false", *flags) as started:
            assert (await started.ask("/livez", "")).body == "ok"
            assert (await started.ask("/metrics", "")).status == 403
            assert (await started.ask("/metrics", token)).status == 401


# -------------------------------------------------------- beside kube-scheduler

SETTINGS: dict[str, Any] = {
    "leaderElection": {"leaderElect": True, "resourceName": "", "leaseDuration": "90s"},
    "extenders": [
        {
            "urlPrefix": "http://127.0.0.1:1",
            "filterVerb": "filter",
            "httpTimeout": "1500ms",
            "ignorable": True,
            "managedResources": [{"name": "example.com/x", "ignoredByScheduler": True}],
        }
    ],
    "profiles": [
        {
            "schedulerName": "default-scheduler",
            "percentageOfNodesToScore": 50,
            "plugins": {
                "multiPoint": {
                    "enabled": [{"name": "NodeAffinity", "weight": 7}],
                    "disabled": [{"name": "ImageLocality"}],
                },
                "score": {
                    "enabled": [{"name": "NodeResourcesFit", "weight": 5}],
                    "disabled": [{"name": "TaintToleration"}],
                },
            },
            "pluginConfig": [
                {
                    "name": "PodTopologySpread",
                    "args": {
                        "defaultingType": "List",
                        "defaultConstraints": [
                            {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway"}
                        ],
                    },
                },
                {
                    "name": "NodeResourcesFit",
                    "args": {
                        "scoringStrategy": {
                            "type": "RequestedToCapacityRatio",
                            "resources": [{"name": "cpu", "weight": 3}],
                            "requestedToCapacityRatio": {
                                "shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]
                            },
                        }
                    },
                },
            ],
        },
        {"schedulerName": "other"},
    ],
}

QUESTIONS = [
    ("GET", "/livez", ""),
    ("GET", "/livez?verbose", ""),
    ("POST", "/livez", ""),
    ("GET", "/healthz?verbose", ""),
    ("GET", "/readyz?verbose", ""),
    ("GET", "/readyz?verbose&exclude=shutdown&exclude=b&exclude=a", ""),
    ("GET", "/readyz", "nobodys"),
    ("GET", "/livez/ping", ""),
    ("GET", "/livez/ping", ADMIN),
    ("GET", "/healthz/leaderElection", ADMIN),
    ("GET", "/readyz/sched-handler-sync", ADMIN),
    ("GET", "/readyz/ping", ADMIN),
    ("GET", "/livez/", ADMIN),
    ("GET", "/metrics/slis", ""),
    ("GET", "/configz", ""),
    ("GET", "/configz?a=b", "nobodys"),
    ("GET", "/configz", ADMIN),
    ("POST", "/configz", ADMIN),
    ("GET", "/nowhere", ""),
    ("GET", "/nowhere", ADMIN),
    ("GET", "/<i>&", ""),
    ("GET", "/debug/flags/v", ADMIN),
    ("PUT", "/debug/flags/v", ""),
    ("PUT", "/debug/flags/v", ADMIN),
]

Labels = tuple[Any, ...]
NOT_SYNCED: Labels = (
    "kubernetes_healthchecks",
    "counter",
    "kubernetes_healthchecks_total",
    ("name", "sched-handler-sync"),
    ("status", "error"),
    ("type", "readyz"),
)
"""Counted where a probe came before a scheduler was ready; no other check fails."""


async def test_answers_are_those_of_kube_scheduler(plane: control_plane.ControlPlane, tmp_path: Path) -> None:
    flags = [
        f"--authentication-kubeconfig={plane.kubeconfig}",
        f"--authorization-kubeconfig={plane.kubeconfig}",
    ]
    allowed = "--authorization-always-allow-paths=/healthz,/livez,/readyz"
    with kube_scheduler.running(plane, SETTINGS, tmp_path, *flags, allowed) as theirs:
        config = ("--config", str(tmp_path / "kube-scheduler.yaml"), "--leader-elect-resource-name=ours")
        async with program(plane.kubeconfig, tmp_path, *config) as ours:
            before = [await results(url) for url in (theirs, ours.url)]
            for method, path, token in QUESTIONS:
                body = "3" if method == "PUT" else ""
                expected = await asked(theirs, path, token, method, body)
                found = await ours.ask(path, token, method=method, body=body)
                if isinstance(found.body, dict) and "componentconfig" in found.body:
                    found.body["componentconfig"]["leaderElection"]["resourceName"] = "kube-scheduler"
                assert found == expected, (method, path, token)
            after = [await results(url) for url in (theirs, ours.url)]
    for told in before:  # probes may have come before a scheduler was ready
        assert {labels for labels in told if ("status", "error") in labels} <= {NOT_SYNCED}
    wanted, said = (
        {labels: value - (old.get(labels, 0) if "counter" in labels else 0) for labels, value in new.items()}
        for old, new in zip(before, after, strict=True)
    )
    assert wanted.pop(NOT_SYNCED, 0) == said.pop(NOT_SYNCED, 0) == 0
    assert said == wanted
    assert sum(wanted.values()) > len(wanted)


async def results(url: str) -> dict[Labels, float]:
    """What health checks said: samples by family, type, name and labels."""
    answer = await asked(url, "/metrics/slis", ADMIN)
    return {
        (family.name, family.type, sample.name, *sorted(sample.labels.items())): sample.value
        for family in parser.text_string_to_metric_families(answer.body)
        for sample in family.samples
        if family.name.startswith("kubernetes_")
    }


# -------------------------------------------------------------------- decisions


async def test_decisions_are_told_as_they_are_made(plane: control_plane.ControlPlane, tmp_path: Path) -> None:
    async with (
        reference.cluster_of(plane) as cluster,
        program(plane.kubeconfig, tmp_path, "--leader-elect=false") as started,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
        session.get(f"{started.url}/decisions", headers={"Authorization": f"Bearer {ADMIN}"}) as stream,
    ):
        text = await stream.content.readany()
        node = await cluster.node("n", "4")
        await cluster.node("small", "2")
        await cluster.pod("fits", "1")
        await cluster.pod("big", "99")
        told: dict[str, Any] = {}
        while told.keys() < {"fits", "big"}:
            text += await stream.content.readany()
            whole = text[: text.rfind(b"\n\n") + 2]
            for event in test_decisions.events(whole):
                if event["event"] == "decision" and event["data"]["pod"]["namespace"] == cluster.name:
                    told[event["data"]["pod"]["name"]] = event["data"]
    fits, big = told["fits"], told["big"]
    assert (fits["result"], fits["node"], fits["evaluated"]) == ("scheduled", node, 2)
    assert sum(fits["why"].values()) == fits["score"]
    assert fits["margin"] == fits["score"] - fits["runnerUp"]["score"]
    assert (big["result"], "node" in big) == ("unschedulable", False)
    assert "Insufficient cpu" in big["message"]


# ------------------------------------------------------------------------ ending


async def test_at_sigterm_it_is_unready_at_once_and_ends_what_it_began(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    before = proxy.Proxy(plane)
    lease = "--leader-elect-resource-name=ending"
    began, released = asyncio.Event(), []

    async def slow(exchange: proxy.Exchange) -> web.StreamResponse | None:
        """Bindings take two seconds; notes when the Lease is given up."""
        if exchange.pod:
            began.set()
            await asyncio.sleep(2)
        if exchange.request.method == "PUT" and b'"holderIdentity":""' in exchange.body:
            released.append(time.monotonic())
        return None

    async with (
        reference.cluster_of(plane) as cluster,
        before.serving(tmp_path) as kubeconfig,
        program(kubeconfig, tmp_path, lease) as leader,
        program(kubeconfig, tmp_path, lease) as standby,
    ):
        await cluster.node("n")
        assert (await standby.ask("/metrics/resources")).body == ""
        with before.fault(slow):
            await cluster.pod("under-way")
            await began.wait()
            leader.process.send_signal(signal.SIGTERM)
            unready = await leader.until("/readyz", 500)
            assert "[-]shutdown failed: reason withheld\n" in unready.body
            assert (await leader.ask("/livez", "")).status == 200
            await cluster.pod("too-late")
            assert await leader.process.wait() == 0
            assert len(released) == 1
            assert "nodeName" in (await cluster.get("under-way"))["spec"]
        await cluster.node_of("too-late")  # by the other one, which need not wait for the Lease to expire
        assert "too-late" not in leader.log.read_text()


async def test_the_certificate_given_is_the_one_shown(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    key, certificate = certificates.self_signed("127.0.0.1")
    files = tmp_path / "tls.crt", tmp_path / "tls.key"
    files[0].write_bytes(certificate)
    files[1].write_bytes(key)
    flags = (f"--tls-cert-file={files[0]}", f"--tls-private-key-file={files[1]}", "--leader-elect=false")
    async with program(plane.kubeconfig, tmp_path, *flags) as started:
        trusting = ssl.create_default_context(cadata=certificate.decode())
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{started.url}/livez", ssl=trusting) as got,
        ):
            assert got.status == 200
