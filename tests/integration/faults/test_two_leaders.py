"""Two replicas that both believe they lead, and the policy that lets only one of them bind."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from stowage.kube import client as clients
from stowage.kube import connection, errors, resources
from tests import control_plane
from tests.integration.faults import checks, harness, proxy, replicas

pytestmark = [pytest.mark.reference, pytest.mark.slow]

FULL = 30 * harness.FIT
"""Pods that fill a scene's nodes."""

WRITTEN = harness.configuration(lease=(replicas.NAMESPACE, replicas.LEASE))


@contextlib.asynccontextmanager
async def unbound(plane: control_plane.ControlPlane, folder: Path) -> AsyncIterator[tuple[Any, Any]]:
    """The administrator's client, and one of the ServiceAccount with a token of no pod."""
    async with clients.Client(connection.from_kubeconfig(plane.kubeconfig)) as admin:
        await replicas.prepare(admin)
        token = await replicas.token(admin)
        async with replicas.client_as(folder / "unbound", plane.kubeconfig, token) as client:
            yield admin, client


async def pair(
    scene: harness.Scene,
    names: tuple[str, str],
    account: str = replicas.ACCOUNT,
    ports: tuple[int, int] = (0, 0),
) -> tuple[harness.Replica, harness.Replica]:
    """The first holds the Lease, and the second leads all the same."""
    made = []
    for name, more, port in zip(names, ("", ",ignores_the_lease"), ports, strict=True):
        token = await replicas.token(scene.cluster.client, name, account)
        path = replicas.kubeconfig(scene.folder / name, scene.proxied, token)
        made.append(scene.scheduler(WRITTEN, f"hostname={name}{more}", kubeconfig=path, port=port))
    for each in made:
        await each.until("Cluster known; scheduling")
    return made[0], made[1]


class Split:
    """Lets each of two replicas win the bindings of half of the pods, after both have made their choice."""

    CHOSEN = 60
    """Bindings on the way from either: by then all pods of the first list have a place."""

    def __init__(self) -> None:
        self._sent: dict[str, int] = {}
        self._chosen = asyncio.Event()
        self._bound: dict[str, asyncio.Event] = collections.defaultdict(asyncio.Event)

    async def __call__(self, exchange: proxy.Exchange) -> web.StreamResponse | None:
        if not exchange.pod:
            return None
        who = exchange.request.headers["Authorization"]
        self._sent[who] = self._sent.get(who, 0) + 1
        if len(self._sent) == 2 and min(self._sent.values()) >= self.CHOSEN:
            self._chosen.set()
        await self._chosen.wait()
        first = who == next(iter(self._sent))
        if first != (exchange.pod < f"p{FULL // 2:03}"):
            await self._bound[exchange.pod].wait()
            return None
        answer = await exchange.forward()
        self._bound[exchange.pod].set()
        return answer


async def test_with_the_policy_only_the_holder_of_the_lease_binds(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    names = ("stowage-0", "stowage-1")
    async with (
        unbound(plane, tmp_path) as (admin, client),
        harness.scene(plane, tmp_path, nodes=10, pods=0) as scene,
    ):
        await replicas.policy(admin, client)
        holder, other = await pair(scene, names)
        await scene.cluster.fill(10 * harness.FIT)
        scene.over()
        evidence = await scene.evidence(holder)
        assert harness.problems(evidence) == []
        done = {each.by.split()[1] for each in evidence.requests if each.code == 201}
        refused = {each.by.split()[1] for each in evidence.requests if each.code == 403}
        assert (done, refused) == ({names[0]}, {names[1]})
        assert not (await other.known())["assumed"]


async def test_without_it_no_pod_is_bound_twice_and_overcommit_is_detected_logged_and_counted(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    names, ports = ("unfenced-0", "unfenced-1"), (replicas.free_port(), replicas.free_port())
    async with unbound(plane, tmp_path) as (admin, _), harness.scene(plane, tmp_path) as scene:
        with scene.proxy.fault(Split()):
            both = await pair(scene, names, replicas.OTHER, ports)
            await scene.cluster.bound(FULL)
        scene.over()
        evidence = await scene.evidence(both[0])
        done = {each.by.split()[1] for each in evidence.requests if each.code == 201}
        assert done == set(names)
        assert harness.problems(evidence, set(checks.ALL) - {checks.room}) == []
        used = [checks.node_of(pod) for pod in evidence.pods]
        over = {node for node in evidence.nodes if used.count(node) > harness.FIT}
        assert over
        assert {said.split()[0] for said in checks.room(evidence)} == over
        token = await replicas.token(admin)
        for each, port in zip(both, ports, strict=True):
            assert not (await each.known())["assumed"]
            said = each.lines("Node has more pods bound than it has room for")
            assert {line["node"] for line in said} == over
            assert [line["total"] for line in said] == list(range(1, len(over) + 1))
            told = await replicas.scraped(port, token)
            assert told["scheduler_overcommits_total"] == len(over)
            assert told["scheduler_overcommitted_nodes"] == len(over)


async def test_the_policy_asks_for_the_token_of_the_pod_that_holds_the_lease(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with unbound(plane, tmp_path) as (admin, nobody):
        namespace = "policy"
        with contextlib.suppress(errors.Conflict):
            await admin.create(harness.NAMESPACES, {"metadata": {"name": namespace}})
        await asyncio.gather(*(pending(admin, f"p{i}", namespace) for i in range(4)))
        names = ("stowage-0", "stowage-1")
        tokens = [await replicas.token(admin, name) for name in names]
        await replicas.policy(admin, nobody)
        async with (
            replicas.client_as(tmp_path / "zero", plane.kubeconfig, tokens[0]) as zero,
            replicas.client_as(tmp_path / "one", plane.kubeconfig, tokens[1]) as one,
        ):
            await hold(admin, "stowage-0_2c0b")
            await until_bound(zero, namespace, "p0")
            for client in (one, nobody):
                said = await replicas.bind(client, namespace, "p1")
                assert said.startswith("403 ")
                assert "only the replica that holds the Lease may bind pods" in said
            # Others than this ServiceAccount are not looked at.
            assert await replicas.bind(admin, namespace, "p1") == ""
            # The older way in.
            with pytest.raises(errors.Forbidden):
                await one.create(OLD_BINDINGS, binding("p2", namespace), namespace)
            await hold(admin, "stowage-1_9f11")
            await until_bound(one, namespace, "p2")
            # The beginning of a name is no name, and nobody holds what is given up.
            for holder in ("stowage-01_77aa", "stowage-0", ""):
                await hold(admin, holder)
                await refused(one, namespace)
                assert (await replicas.bind(zero, namespace, "p3")).startswith("403 ")
            # Where there is no Lease nobody is stopped: that would be everybody, whatever their name.
            await admin.delete(resources.LEASES, replicas.LEASE, replicas.NAMESPACE)
            await until_bound(one, namespace, "p3")
        await admin.request(
            clients.Call("DELETE", harness.PODS.path(namespace), body=b'{"gracePeriodSeconds": 0}')
        )


OLD_BINDINGS = resources.Resource("", "v1", "Binding", "bindings", True, bytes)


def binding(pod: str, namespace: str) -> dict[str, Any]:
    return {"metadata": {"name": pod, "namespace": namespace}, "target": {"kind": "Node", "name": "n"}}


async def pending(client: clients.Client, name: str, namespace: str) -> None:
    spec = {"schedulerName": "nobody", "containers": [{"name": "c", "image": "i"}]}
    await client.create(harness.PODS, {"metadata": {"name": name}, "spec": spec}, namespace)


async def hold(client: clients.Client, holder: str) -> None:
    """Has the Lease say so."""
    where = (replicas.LEASE, replicas.NAMESPACE)
    spec = {"spec": {"holderIdentity": holder}}
    try:
        await client.patch(resources.LEASES, spec, *where, how=clients.Patch.MERGE)
    except errors.NotFound:
        body = {"metadata": {"name": replicas.LEASE}, **spec}
        await client.create(resources.LEASES, body, replicas.NAMESPACE)


async def until_bound(client: clients.Client, namespace: str, pod: str) -> None:
    """The server's admission learns of a Lease by a watch: for a moment it may know the one before."""
    async with asyncio.timeout(10):
        while said := await replicas.bind(client, namespace, pod):
            assert said.startswith("403 ")
            await asyncio.sleep(0.02)


async def refused(client: clients.Client, namespace: str) -> None:
    """Returns once the client may not bind a pod, which is not there."""
    async with asyncio.timeout(10):
        while not (await replicas.bind(client, namespace, "nobody")).startswith("403 "):
            await asyncio.sleep(0.02)
