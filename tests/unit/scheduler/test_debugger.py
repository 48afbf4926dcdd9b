"""What the scheduler knows beside what the server says; and nodes that have more than they can hold."""

import asyncio
import logging
import os
import signal
from typing import Any

import pytest
from aiohttp import web

from stowage.cluster import table
from stowage.kube import informer, resources, watch
from stowage.scheduler import cache as caches
from stowage.scheduler import debugger
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod
from tests.unit.kube import fakes
from tests.unit.scheduler import worlds


class Cluster:
    """A cache, told by the test; and a server that has what the test says."""

    def __init__(self) -> None:
        world = worlds.World()
        self.cache = caches.Cache(world.cluster, world.queue, [worlds.PROFILE.name])
        self.there: dict[str, list[dict[str, Any]]] = {}

    def tell(self, *built: NodeBuilder | PodBuilder, gone: bool = False) -> None:
        what = informer.What.REMOVED if gone else informer.What.ADDED
        for each in built:
            if isinstance(each, PodBuilder):
                each.spec(schedulerName=worlds.PROFILE.name)
            item = each.done()
            meta = item.metadata
            head = watch.Head(meta.namespace, meta.name, meta.uid, "1")
            self.cache.apply(informer.News(what, resources.of(type(item)), head, item))

    def has(self, *built: NodeBuilder | PodBuilder) -> None:
        for each in built:
            if isinstance(each, PodBuilder):
                each.spec(schedulerName=worlds.PROFILE.name)
            plural = "nodes" if isinstance(each, NodeBuilder) else "pods"
            self.there.setdefault(plural, []).append(each.raw)

    async def handle(self, request: web.Request) -> web.Response:
        items = self.there.get(request.path.rpartition("/")[2], [])
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})

    async def compared(self) -> None:
        async with fakes.client_of(self.handle) as client:
            await debugger.compare(client, self.cache, [worlds.PROFILE.name])


def said(caplog: pytest.LogCaptureFixture, message: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.message == message]


def test_two_tables_of_one_cluster_differ_in_nothing_however_they_came_about() -> None:
    one, two = table.Table(), table.Table()
    for item in (make_node("gone"), make_node("a"), make_node("b"), make_pod("p").cpu("1").on("b")):
        one.set(item.done())
    one.remove(make_node("gone").done())
    for item in (make_pod("p").cpu("1").on("b"), make_node("b"), make_node("a")):
        two.set(item.done())
    assert debugger.differences(one, two) == []


def test_what_differs_is_said() -> None:
    one, two = table.Table(), table.Table()
    for item in (make_node("a"), make_node("b"), make_pod("p").cpu("1").on("a")):
        one.set(item.done())
    for item in (make_node("a"), make_node("c"), make_pod("p").cpu("2").on("a")):
        two.set(item.done())
    node, *others, pod = debugger.differences(one, two)
    assert node.startswith("node a: known as ")
    assert others == ["node b: known, not there", "node c: there, not known"]
    assert pod.startswith("pod uid-default-p: known as ")
    assert "'cpu': 1000" in pod.partition(", there as ")[0]
    assert "'cpu': 2000" in pod.partition(", there as ")[2]


async def test_a_cache_that_is_right_is_compared_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    cluster = Cluster()
    built = (make_node("n"), make_pod("placed").on("n"), make_pod("waiting"))
    cluster.tell(*built)
    cluster.has(*built)
    await cluster.compared()
    [record] = said(caplog, "Cache compared")
    assert (record.levelno, record.__dict__["differences"], record.__dict__["lost"]) == (logging.INFO, [], [])
    assert (record.__dict__["nodes"], record.__dict__["pods"]) == (1, 1)


async def test_pods_that_nobody_waits_for_and_pods_in_no_queue_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = Cluster()
    cluster.tell(make_pod("gone"), make_pod("lost"))
    cluster.has(make_pod("lost"), make_pod("new"))
    cluster.cache.queue.delete(cluster.cache.pending["uid-default-lost"])
    await cluster.compared()
    [record] = said(caplog, "Cache compared")
    assert record.levelno == logging.WARNING
    assert record.__dict__["lost"] == ["default/lost"]
    assert record.__dict__["differences"] == [
        "pending pod default/gone: known, not there",
        "pending pod default/new: there, not known",
    ]


async def test_a_signal_asks_for_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    cluster = Cluster()
    async with fakes.client_of(cluster.handle) as client, asyncio.timeout(10):
        known: list[debugger.Known] = []
        with debugger.listening(client, lambda: known[-1] if known else None):
            os.kill(os.getpid(), signal.SIGUSR2)
            while not said(caplog, "Cache not compared"):
                await asyncio.sleep(0)
            known.append((cluster.cache, [worlds.PROFILE.name]))
            os.kill(os.getpid(), signal.SIGUSR2)
            while not said(caplog, "Cache compared"):
                await asyncio.sleep(0)


def test_a_node_with_more_bound_pods_than_it_holds_is_logged_and_counted_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = Cluster()
    cluster.tell(make_node("n").allocatable(cpu="2"), make_pod("a").cpu("2").on("n"))
    assert (cluster.cache.overcommits, cluster.cache.overcommitted) == (0, set())
    cluster.tell(make_pod("b").cpu("500m").on("n"), make_pod("c").on("n"))
    assert (cluster.cache.overcommits, cluster.cache.overcommitted) == (1, {"n"})
    [record] = said(caplog, "Node has more pods bound than it has room for")
    assert (record.__dict__["node"], record.__dict__["over"]) == ("n", {"cpu": 500})
    cluster.tell(make_pod("b").cpu("500m").on("n"), gone=True)
    assert (cluster.cache.overcommits, cluster.cache.overcommitted) == (1, set())
    cluster.tell(make_pod("d").cpu("1").on("n"))
    assert cluster.cache.overcommits == 2
    cluster.tell(make_node("n"), gone=True)
    assert cluster.cache.overcommitted == set()


def test_what_is_only_assumed_does_not_count_until_it_is_bound() -> None:
    cluster = Cluster()
    cluster.tell(make_node("n").allocatable(cpu="2"), make_pod("ours").cpu("2"))
    pod = cluster.cache.pending["uid-default-ours"]
    cluster.cache.cluster.add_pod(pod, cluster.cache.cluster.row_of["n"])
    cluster.cache.assume(pod, "n")
    cluster.tell(make_pod("theirs").cpu("1").on("n"))
    assert cluster.cache.overcommits == 0
    cluster.tell(make_pod("ours").cpu("2").on("n"))
    assert cluster.cache.overcommitted == {"n"}
