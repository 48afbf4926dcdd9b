"""Extenders under the real kube-scheduler and under ours: same placements, conditions, Events, victims.

Two control planes, one scheduler each, and one server that is the extenders of both.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import test_utils, web

from stowage.kube import client as clients
from stowage.kube import resources
from tests import control_plane, kube_scheduler
from tests.integration.behaviours import test_behaviours as behaviours
from tests.integration.behaviours.world import World

pytestmark = [pytest.mark.reference, pytest.mark.slow]

Json = dict[str, Any]

DONGLE = "example.com/dongle"
"""A resource that the second extender manages: it knows the nodes that have one, and binds."""


class Server:
    """Two extenders for each of two schedulers. The first does as a pod's labels say, and is told names; the
    second wants nodes annotated as open, and is told whole nodes."""

    def __init__(self, **planes: clients.Client) -> None:
        self.planes = planes

    async def handle(self, request: web.Request) -> web.Response:
        question = await request.json()
        verb = request.match_info["verb"]
        if verb == "bind":
            return await self._bind(self.planes[request.match_info["plane"]], question)
        labels = question["Pod"]["metadata"].get("labels", {})
        answer = getattr(self, f"_{verb}")(labels, question)
        return web.json_response(answer)

    def _filter(self, labels: Json, question: Json) -> Json:
        if "broken" in labels:
            return {"error": "out of order"}
        names = question["NodeNames"]
        refused = {name: "no room in the rack" for name in names if name in labels.get("shun", "").split("_")}
        hopeless = {name: "no such rack" for name in names if name in labels.get("never", "").split("_")}
        kept = [name for name in names if name not in refused | hopeless]
        return {"nodenames": kept, "failedNodes": refused, "failedAndUnresolvableNodes": hopeless}

    def _prioritize(self, labels: Json, question: Json) -> list[Json]:
        return [
            {"host": name, "score": 10 if name == labels.get("prefer") else 0}
            for name in question["NodeNames"]
        ]

    def _preempt(self, labels: Json, question: Json) -> Json:
        candidates = question["NodeNameToMetaVictims"]
        left = {name: each for name, each in candidates.items() if name != labels.get("spare")}
        return {"nodeNameToMetaVictims": left}

    def _open(self, labels: Json, question: Json) -> Json:
        items = question["Nodes"]["items"]
        kept = [node for node in items if "example.com/open" in node["metadata"].get("annotations", {})]
        refused = {node["metadata"]["name"]: "not open" for node in items if node not in kept}
        return {"nodes": {"items": kept}, "failedNodes": refused}

    async def _bind(self, client: clients.Client, question: Json) -> web.Response:
        meta = {"name": question["PodName"], "uid": question["PodUID"]}
        binding = {"metadata": meta, "target": {"kind": "Node", "name": question["Node"]}}
        await client.create(resources.BINDINGS, binding, question["PodNamespace"], question["PodName"])
        return web.json_response({})


def settings(url: str) -> Json:
    """The configuration of one scheduler."""
    managed = [{"name": DONGLE, "ignoredByScheduler": True}]
    first = {
        "urlPrefix": url,
        "nodeCacheCapable": True,
        "filterVerb": "filter",
        "prioritizeVerb": "prioritize",
        "preemptVerb": "preempt",
        "weight": 5,
    }
    second = {"urlPrefix": url, "managedResources": managed, "filterVerb": "open", "bindVerb": "bind"}
    return {"percentageOfNodesToScore": 100, "extenders": [first, second]}


# --------------------------------------------------------------------------------- scripts


async def a_preferred_node(w: World) -> None:
    for name in "abc":
        await w.node(name)
    await w.pod("p", labels={"prefer": "b"})
    await w.bound("p")
    await w.told("p", "Scheduled")


async def shunned_nodes(w: World) -> None:
    for name in "abc":
        await w.node(name)
    await w.pod("p", labels={"shun": "a_b"})
    await w.bound("p")
    await w.told("p", "Scheduled")


async def nowhere_but_for_a_reason(w: World) -> None:
    for name in "abc":
        await w.node(name)
    await w.node("small", "500m")
    await w.pod("p", labels={"shun": "a_b", "never": "c"})
    await w.rejected("p", "no such rack")
    await w.told("p", "FailedScheduling")


async def a_node_that_opens(w: World) -> None:
    await w.node("n")
    resources = {"requests": {DONGLE: "1"}, "limits": {DONGLE: "1"}}
    await w.pod("p", containers=[{"name": "c", "image": "i", "resources": resources}])
    await w.rejected("p", "not open")
    await w.patch("Node", "n", metadata={"annotations": {"example.com/open": ""}})
    await w.bound("p")
    await w.told("p", "Scheduled")


async def victims_that_are_left(w: World) -> None:
    for name in "ab":
        await w.node(name)
    await w.running("cheap", "a", "4", priority=1)
    await w.running("dear", "b", "4", priority=5)
    await w.pod("p", "4", labels={"spare": "a"}, priority=10)
    await w.nominated("p", "b")
    await w.going("dear")
    await w.ended("dear")
    await w.bound("p")
    await w.told("p", "Scheduled")


async def no_victims_are_left(w: World) -> None:
    await w.node("a")
    await w.running("low", "a", "4", priority=1)
    await w.pod("p", "4", labels={"spare": "a"}, priority=10)
    await w.rejected("p", "no candidate node for preemption")
    await w.told("p", "FailedScheduling")


async def an_error(w: World) -> None:
    await w.node("n")
    await w.pod("p", labels={"broken": ""})
    await w.rejected("p", "out of order")
    await w.delete("Pod", "p", 0)


SCRIPTS: tuple[Callable[[World], Awaitable[None]], ...] = (
    a_preferred_node,
    shunned_nodes,
    nowhere_but_for_a_reason,
    a_node_that_opens,
    victims_that_are_left,
    no_victims_are_left,
    an_error,
)


# ----------------------------------------------------------------------------------- the test


@pytest.fixture(scope="module")
def planes(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[control_plane.ControlPlane, control_plane.ControlPlane]]:
    with (
        control_plane.running(tmp_path_factory.mktemp("theirs"), flags=behaviours.UNCHECKED) as theirs,
        control_plane.running(tmp_path_factory.mktemp("ours"), flags=behaviours.UNCHECKED) as ours,
    ):
        yield theirs, ours


async def test_with_extenders_users_see_the_same(
    planes: tuple[control_plane.ControlPlane, control_plane.ControlPlane], tmp_path: Path
) -> None:
    theirs, ours = planes
    async with contextlib.AsyncExitStack() as stack:
        clients_ = [
            await stack.enter_async_context(behaviours.client_of(plane.kubeconfig)) for plane in planes
        ]
        app = web.Application()
        app.router.add_post("/{plane}/{verb}", Server(theirs=clients_[0], ours=clients_[1]).handle)
        server = await stack.enter_async_context(test_utils.TestServer(app))
        address = stack.enter_context(
            kube_scheduler.running(theirs, settings(str(server.make_url("/theirs"))), tmp_path)
        )
        process = await stack.enter_async_context(
            behaviours.scheduling(ours.kubeconfig, settings(str(server.make_url("/ours"))))
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        handled = behaviours.handlers(session, address, process)
        for script in SCRIPTS:
            name = script.__name__.replace("_", "-")
            told = await behaviours.played(script, (theirs.kubeconfig, ours.kubeconfig), handled, name)
            assert not told, "\n".join([name, *told])
