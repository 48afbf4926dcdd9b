"""A cluster that its pods fill, schedulers as processes of their own, and the evidence in the end."""

import asyncio
import contextlib
import dataclasses
import datetime
import json
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import yaml

from stowage.kube import client as clients
from stowage.kube import connection, resources
from tests import control_plane
from tests.integration.faults import checks, proxy

ROOT = Path(__file__).parents[3]

PODS = resources.PODS.plain()
NODES = resources.NODES.plain()
EVENTS = resources.EVENTS.plain()
NAMESPACES = resources.Resource("", "v1", "Namespace", "namespaces", False, dict[str, Any])

GIB = 1 << 30
NODE = {"cpu": 4000, "memory": 8 * GIB, "pods": 110}
POD = {"cpu": 500, "memory": GIB, "pods": 1}
FIT = 8
"""Such pods fill such a node, in CPU and in memory."""

POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
  - {level: Request, verbs: [create], resources: [{group: "", resources: [pods/binding]}]}
  - {level: Metadata, verbs: [delete, deletecollection], resources: [{group: "", resources: [pods]}]}
  - {level: None}
omitStages: [RequestReceived]
"""


def flags(folder: Path) -> str:
    """kube-apiserver's, for an audit log in the control plane's folder."""
    (folder / "audit.yaml").write_text(POLICY)
    return f"--audit-log-path={folder}/audit.jsonl --audit-policy-file={folder}/audit.yaml"


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


# ---------------------------------------------------------------------------------------- audit log


class Audit:
    """The part of an audit log that is about one namespace."""

    def __init__(self, path: Path, namespace: str) -> None:
        self._path = path
        self._namespace = namespace
        self._start = path.stat().st_size if path.exists() else 0

    def requests(self) -> list[checks.Request]:
        """Bindings and deletions, in the order in which they were answered."""
        with self._path.open("rb") as file:
            file.seek(self._start)
            lines = [line for line in file if line.endswith(b"\n")]  # the last may be half written
        entries = (json.loads(line) for line in lines)
        return [_request(entry) for entry in entries if entry["objectRef"]["namespace"] == self._namespace]

    def bound(self) -> int:
        """How many pods were bound."""
        return sum(each.verb == "bind" and each.code == 201 for each in self.requests())


def _request(entry: dict[str, Any]) -> checks.Request:
    about, body, user = entry["objectRef"], entry.get("requestObject") or {}, entry["user"]
    within = user.get("extra", {}).get("authentication.kubernetes.io/pod-name", [""])[0]
    return checks.Request(
        verb="bind" if about.get("subresource") == "binding" else "delete",
        pod=about.get("name", ""),
        uid=body.get("metadata", {}).get("uid", ""),
        node=body.get("target", {}).get("name", ""),
        code=entry.get("responseStatus", {}).get("code", 0),
        at=datetime.datetime.fromisoformat(entry["stageTimestamp"]),
        by=f"{user['username']} {within} {entry.get('userAgent', '')}",
    )


# ------------------------------------------------------------------------------------------ cluster


class Cluster:
    """Nodes and pods of one test, with a label of their own."""

    def __init__(self, client: clients.Client, plane: control_plane.ControlPlane) -> None:
        self.client = client
        self.name = f"t{uuid.uuid4().hex[:6]}"
        self.audit = Audit(plane.folder / "audit.jsonl", self.name)
        self.sizes: dict[str, dict[str, int]] = {}

    async def node(self, name: str) -> str:
        """Its full name."""
        full = f"{self.name}-{name}"
        amounts = {"cpu": f"{NODE['cpu']}m", "memory": str(NODE["memory"]), "pods": str(NODE["pods"])}
        labels = {"test": self.name, "kubernetes.io/hostname": full}
        status = {"allocatable": amounts, "capacity": amounts}
        await self.client.create(NODES, {"metadata": {"name": full, "labels": labels}, "status": status})
        return full

    async def pod(self, name: str, **spec: Any) -> None:
        requests = {"cpu": f"{POD['cpu']}m", "memory": str(POD["memory"])}
        body = {
            "metadata": {"name": name},
            "spec": {
                "containers": [{"name": "c", "image": "i", "resources": {"requests": requests}}],
                "nodeSelector": {"test": self.name},
                "terminationGracePeriodSeconds": 0,
                **spec,
            },
        }
        self.sizes[name] = POD
        await self.client.create(PODS, body, self.name)

    async def fill(self, pods: int) -> None:
        await asyncio.gather(*(self.pod(f"p{i:03}") for i in range(pods)))

    async def bound(self, count: int) -> None:
        """Returns once so many pods have been bound."""
        async with asyncio.timeout(60):
            while self.audit.bound() < count:
                await asyncio.sleep(0.02)

    async def pods(self) -> list[dict[str, Any]]:
        return await self.client.list_all(PODS, self.name)

    async def all_bound(self, deadline: datetime.datetime) -> bool:
        """Whether by then every live pod has a node."""
        while True:
            live = [pod for pod in await self.pods() if "deletionTimestamp" not in pod["metadata"]]
            if all(checks.node_of(pod) for pod in live):
                return True
            if now() > deadline:
                return False
            await asyncio.sleep(0.2)

    async def clear(self) -> None:
        body = b'{"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}'
        nodes = {"labelSelector": f"test={self.name}"}
        for path, params in ((PODS.path(self.name), {}), (NODES.path(), nodes)):
            await self.client.request(clients.Call("DELETE", path, params, body=body))


# ---------------------------------------------------------------------------------------- scheduler


class Replica:
    """A scheduler process, started anew when it ends, as a kubelet would; its log is JSON lines."""

    def __init__(self, log: Path, arguments: list[str], altered: str) -> None:
        self.log = log
        self.kept = True
        """whether it is started anew"""
        self.starts = 0
        self._command = ["-m", "stowage", *arguments]
        if altered:
            self._command = ["-m", "tests.integration.faults.altered", altered, *arguments]
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Keeps it running until cancelled, and then ends it the gentle way."""
        with self.log.open("ab") as log:
            try:
                while self.kept or not self.starts:
                    self._process = await asyncio.create_subprocess_exec(
                        sys.executable,
                        *self._command,
                        cwd=ROOT,
                        stderr=log,
                        stdout=log,
                        preexec_fn=_deaf,
                    )
                    self.starts += 1
                    await self._process.wait()
            finally:
                await self._end()

    async def _end(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(20):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def lines(self, message: str, start: int = 0) -> list[dict[str, Any]]:
        """What it logged with this message, from a place in its log on."""
        with self.log.open("rb") as file:
            file.seek(start)
            lines = [line for line in file if line.startswith(b"{") and line.endswith(b"}\n")]
        return [said for said in map(json.loads, lines) if said["msg"] == message]

    async def until(self, message: str, start: int = 0, within: float = 60.0) -> dict[str, Any]:
        """The last line with this message, once there is one."""
        async with asyncio.timeout(within):
            while not (said := self.lines(message, start)):
                await asyncio.sleep(0.05)
        return said[-1]

    async def known(self, patience: float = 20.0) -> dict[str, Any]:
        """What it says it knows; what is on its way to it may take some seconds of patience."""
        await self.until("Cluster known; scheduling")
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        while True:
            start = self.log.stat().st_size
            self.signal(signal.SIGUSR2)
            try:
                said = await self.until("Cache compared", start, 5)
            except TimeoutError:
                continue  # it was not leading at that moment
            right = not (said["differences"] or said["assumed"] or said["lost"])
            if right or clock() > deadline:
                return said
            await asyncio.sleep(0.3)


def _deaf() -> None:
    """A question that comes before the scheduler listens is not to end it."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def configuration(
    elect: bool = True,
    times: tuple[str, str, str] = ("6s", "4s", "500ms"),
    lease: tuple[str, str] = ("kube-system", "kube-scheduler"),
) -> str:
    """A configuration that packs nodes full, one after another, and takes some seconds to do it."""
    durations = dict(zip(("leaseDuration", "renewDeadline", "retryPeriod"), times, strict=True))
    strategy = {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 1}]}
    return yaml.safe_dump(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {
                "leaderElect": elect,
                "resourceNamespace": lease[0],
                "resourceName": lease[1],
                **durations,
            },
            "clientConnection": {"qps": 80, "burst": 20},
            "profiles": [
                {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": strategy}}]}
            ],
        }
    )


# -------------------------------------------------------------------------------------------- scene


@dataclasses.dataclass
class Scene:
    """A cluster, schedulers, and perhaps a proxy between; `ended` is when the fault did."""

    plane: control_plane.ControlPlane
    folder: Path
    cluster: Cluster
    proxy: proxy.Proxy
    proxied: str
    group: asyncio.TaskGroup
    replicas: list[Replica] = dataclasses.field(default_factory=list)
    running: list[asyncio.Task[None]] = dataclasses.field(default_factory=list)
    ended: datetime.datetime | None = None

    def scheduler(
        self,
        written: str = "",
        altered: str = "",
        *,
        direct: bool = False,
        kubeconfig: str = "",
        port: int = 0,
    ) -> Replica:
        """Starts one, through the proxy unless `direct`; `altered`: see there; `port`: 0 serves nobody."""
        number = len(self.replicas)
        path = self.folder / f"scheduler-{number}.yaml"
        path.write_text(written or configuration())
        reached = kubeconfig or (self.plane.kubeconfig if direct else self.proxied)
        serving = f"--secure-port={port}"
        arguments = ["scheduler", "--kubeconfig", reached, "--config", str(path), serving, "--v=3"]
        log = self.folder / f"scheduler-{number}.log"
        log.touch()
        replica = Replica(log, arguments, altered)
        self.replicas.append(replica)
        self.running.append(self.group.create_task(replica.run()))
        return replica

    async def replicas_of(self, written: str = "", altered: str = "") -> tuple[Replica, Replica]:
        """A leader, and a second one that waits; the first goes through the proxy."""
        leader = self.scheduler(written, altered)
        await leader.until("Cluster known; scheduling")
        second = self.scheduler(written, altered, direct=True)
        await second.until("Waiting for the Lease")
        return leader, second

    def over(self) -> None:
        """The fault ends here."""
        self.ended = now()

    async def evidence(
        self, replica: Replica | None = None, within: float = 30.0, patience: float = 20.0
    ) -> checks.Evidence:
        """Everything, once all pods are bound or should be; asks the first scheduler what it knows."""
        ended = self.ended or now()
        await self.cluster.all_bound(ended + datetime.timedelta(seconds=within))
        known = await (replica or self.replicas[0]).known(patience)
        events = await self._events(self.proxy.lost, patience)
        there = await self.cluster.client.list_all(
            NODES, params={"labelSelector": f"test={self.cluster.name}"}
        )
        return checks.Evidence(
            nodes={node["metadata"]["name"]: NODE for node in there},
            sizes=self.cluster.sizes,
            pods=tuple(await self.cluster.pods()),
            events=tuple(events),
            requests=tuple(self.cluster.audit.requests()),
            known=known,
            ended=ended,
            within=within,
            lost=frozenset(self.proxy.lost),
            late=frozenset(self.proxy.late),
        )

    async def _events(self, of: set[str], patience: float) -> list[dict[str, Any]]:
        """All Events, once there is one of each of these pods, or should be: they leave after the rest."""
        deadline = now() + datetime.timedelta(seconds=patience)
        while True:
            events = await self.cluster.client.list_all(EVENTS, self.cluster.name)
            if now() > deadline or of <= {event["regarding"]["name"] for event in events}:
                return events
            await asyncio.sleep(0.3)

    async def holds(self, replica: Replica | None = None) -> None:
        """Fails where one of the checks does."""
        found = problems(await self.evidence(replica))
        assert not found, "\n".join(found[:20])


def problems(evidence: checks.Evidence, among: Iterable[checks.Check] = checks.ALL) -> list[str]:
    return [f"{check.__name__}: {said}" for check in among for said in check(evidence)]


@contextlib.asynccontextmanager
async def scene(
    plane: control_plane.ControlPlane, folder: Path, nodes: int = 30, pods: int | None = None
) -> AsyncIterator[Scene]:
    """So many nodes, and pods that wait, by default as many as fill them. In the end schedulers are ended,
    and what was made is deleted."""
    between = proxy.Proxy(plane)
    settings = clients.Settings(qps=None)
    async with (
        asyncio.timeout(150),
        clients.Client(connection.from_kubeconfig(plane.kubeconfig), settings) as client,
        between.serving(folder) as proxied,
    ):
        cluster = Cluster(client, plane)
        await client.create(NAMESPACES, {"metadata": {"name": cluster.name}})
        await asyncio.gather(*(cluster.node(f"n{i:02}") for i in range(nodes)))
        if pods is None:
            pods = nodes * FIT
        await cluster.fill(pods)
        try:
            async with asyncio.TaskGroup() as group:
                made = Scene(plane, folder, cluster, between, proxied, group)
                try:
                    yield made
                finally:
                    for task in made.running:
                        task.cancel()
        finally:
            await cluster.clear()
