"""Nodes that an extender sends back whole, changed or not, as the real kube-scheduler scores them.

Pods are given to it one at a time, on a cluster that they fill; each of its choices is among the best of ours
on what the cluster was before.
"""

import contextlib
import json
import random
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import test_utils, web

from stowage.api import objects
from stowage.cluster import table
from stowage.engine import attempt as attempts
from stowage.engine import cycle, returned
from stowage.framework import config, profile
from stowage.kube import client as clients
from stowage.kube import connection, resources
from stowage.scheduler.extension import whole
from tests import control_plane, kube_scheduler
from tests.integration.behaviours import test_behaviours as behaviours

pytestmark = [pytest.mark.reference, pytest.mark.slow]

Json = dict[str, Any]

COUNT = 60
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
PODS = resources.PODS.plain()
KINDS = (objects.Node, objects.Service, objects.Pod)


def answered(pod: Json, nodes: list[Json]) -> list[Json]:
    """What the extender leaves of the nodes; what it does to them depends on the names alone."""
    kept = []
    for node in nodes:
        chance = random.Random(zlib.crc32(f"{pod['metadata']['name']} {node['metadata']['name']}".encode()))
        if chance.random() < 0.1:
            continue
        if chance.random() < 0.2:
            taint = {"key": "told", "value": "so", "effect": "PreferNoSchedule"}
            node = {**node, "spec": {**node["spec"], "taints": [taint]}}
        if chance.random() < 0.2:
            labels = {**node["metadata"]["labels"], ZONE: chance.choice("abz")}
            node = {**node, "metadata": {**node["metadata"], "labels": labels}}
        if chance.random() < 0.2:
            amounts = {**node["status"]["allocatable"], "cpu": chance.choice(("5", "30"))}
            node = {**node, "status": {**node["status"], "allocatable": amounts}}
        kept.append(node)
    return kept


async def handle(request: web.Request) -> web.Response:
    question = await request.json()
    return web.json_response({"nodes": {"items": answered(question["Pod"], question["Nodes"]["items"])}})


def node(name: str, chance: random.Random) -> Json:
    amounts = {"cpu": str(chance.randint(8, 24)), "memory": f"{chance.randint(16, 64)}Gi", "pods": "110"}
    images = [{"names": ["i:1"], "sizeBytes": 500 << 20}] if chance.random() < 0.5 else []
    return {
        "metadata": {"name": name, "labels": {HOST: name, ZONE: chance.choice("abc")}},
        "status": {"allocatable": amounts, "capacity": amounts, "images": images},
    }


def pod(name: str, chance: random.Random) -> Json:
    app = {"app": chance.choice("xyz")}
    selector = {"labelSelector": {"matchLabels": {"app": chance.choice("xyz")}}}
    requests = {"cpu": f"{chance.randint(1, 15)}00m", "memory": f"{chance.randint(1, 31)}00Mi"}
    container = {"name": "c", "image": "i:1", "resources": {"requests": requests}}
    spec: Json = {
        "containers": [container],
        "affinity": {},
        "schedulingGates": [{"name": "example.com/asking"}],
    }
    if chance.random() < 0.4:
        wanted = [{"key": ZONE, "operator": "In", "values": [chance.choice("abz")]}]
        term = {"weight": chance.randint(1, 100), "preference": {"matchExpressions": wanted}}
        spec["affinity"]["nodeAffinity"] = {"preferredDuringSchedulingIgnoredDuringExecution": [term]}
    for kind in ("podAffinity", "podAntiAffinity"):
        if chance.random() < 0.3:
            near = {**selector, "topologyKey": chance.choice((ZONE, HOST))}
            soft = {"weight": chance.randint(1, 100), "podAffinityTerm": near}
            spec["affinity"][kind] = {"preferredDuringSchedulingIgnoredDuringExecution": [soft]}
    if chance.random() < 0.4:
        spec["topologySpreadConstraints"] = [
            {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", **selector}
            for key in chance.sample((ZONE, HOST), chance.randint(1, 2))
        ]
    return {"metadata": {"name": name, "labels": app}, "spec": spec}


class Ours:
    """The engine on the cluster as it is now, and a pod of it that waits."""

    def __init__(self, found: list[Any], waiting: Json) -> None:
        profiles = [profile.Profile(each) for each in config.default().profiles]
        self.engine = cycle.Engine(table.Table(), profiles)
        cluster = self.engine.cluster
        for item in found:
            match item:
                case objects.Node():
                    cluster.set_node(item)
                case objects.Pod() if item.spec.node_name:
                    cluster.set_pod(item)
                case objects.Pod():
                    pass
                case _:
                    cluster.set(item)
        incoming = cluster.project(resources.PODS.decode(json.dumps(waiting).encode()))
        self.attempt = attempts.Attempt(self.engine.plan(incoming), incoming, ())
        rows = self.engine.passing(self.attempt)
        nodes = {item.metadata.name: json.loads(item.whole) for item in found if isinstance(item, whole.Node)}
        kept = answered(waiting, [nodes[cluster.names[row]] for row in rows.tolist()])
        decoder = whole.of(objects.Node)
        self.attempt.returned = {
            each["metadata"]["name"]: decoder.decode(json.dumps(each).encode()) for each in kept
        }
        self.rows = np.array([cluster.row_of[name] for name in self.attempt.returned], np.intp)

    def best(self) -> set[str]:
        """The nodes that it may choose."""
        return self._highest(returned.totals(self.attempt, self.rows))

    def otherwise(self) -> set[str]:
        """Those that it might choose if the extender had told names."""
        return self._highest(self.attempt.plan.totals_of(self.rows))

    def _highest(self, totals: np.ndarray) -> set[str]:
        best = self.rows[totals == totals.max()].tolist()
        return {self.engine.cluster.names[row] for row in best}


@contextlib.asynccontextmanager
async def scheduling(folder: Path) -> AsyncIterator[clients.Client]:
    """A control plane with the real scheduler, which asks the extender about every pod."""
    app = web.Application()
    app.router.add_post("/filter", handle)
    async with test_utils.TestServer(app) as server:
        extender = {"urlPrefix": str(server.make_url("/")), "filterVerb": "filter"}
        settings = {"percentageOfNodesToScore": 100, "extenders": [extender]}
        gate = "--feature-gates=OpportunisticBatching=false"
        with (
            control_plane.running(folder, flags=behaviours.UNCHECKED) as plane,
            kube_scheduler.running(plane, settings, folder, gate),
        ):
            found = connection.from_kubeconfig(plane.kubeconfig)
            async with clients.Client(found, clients.Settings(qps=None)) as client:
                yield client


async def test_nodes_that_come_back_are_scored_as_they_came_and_without_their_pods(tmp_path: Path) -> None:
    chance = random.Random(7)
    differing = 0
    async with scheduling(tmp_path) as client:
        service = {"metadata": {"name": "x"}, "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}}
        await client.create(resources.of(objects.Service).plain(), service, "default")
        for name in "lmnopq":
            await client.create(resources.NODES.plain(), node(f"node-{name}", chance))
        for number in range(COUNT):
            waiting = await client.create(PODS, pod(f"p-{number}", chance), "default")
            found = [item for kind in KINDS for item in await client.list_all(_kept(kind))]
            ours = Ours(found, waiting)
            best = ours.best()
            assert await _chosen(client, waiting["metadata"]["name"]) in best, waiting
            differing += best.isdisjoint(ours.otherwise())
    assert differing > COUNT // 10


def _kept(kind: type) -> resources.Resource[Any]:
    return whole.of(kind) if kind is objects.Node else resources.of(kind)


async def _chosen(client: clients.Client, name: str) -> str:
    """The node that the real scheduler binds a pod to, once it may."""
    await client.patch(PODS, {"spec": {"schedulingGates": None}}, name, "default", how=clients.Patch.MERGE)
    for _ in range(1000):
        made = await client.get(resources.PODS, name, "default")
        if made.spec.node_name:
            return made.spec.node_name
        await client.clock.sleep(0.02)
    raise TimeoutError(f"{name} was not bound")
