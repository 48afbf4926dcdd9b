"""Claims and volumes before the binding: written, awaited, and read again where that failed."""

import asyncio
import json
from typing import Any

import msgspec
from aiohttp import web

from stowage.api import objects
from stowage.kube import informer, resources, watch
from tests.builders import make_node, make_pod
from tests.storage_builders import HOST, make_claim, make_class, make_volume, using
from tests.unit.kube import fakes
from tests.unit.scheduler.test_driver import Scheduler, Server, world

VOLUME = make_volume("pv", at={HOST: ["n"]}, meta={"uid": "uid-pv"})
BOUND = make_claim("c", to="pv")
OURS = objects.ObjectReference("PersistentVolumeClaim", "default", "c", "uid-c")
KEPT = msgspec.structs.replace(VOLUME, spec=msgspec.structs.replace(VOLUME.spec, claim_ref=OURS))


def answering(item: Any) -> web.Response:
    return web.json_response(json.loads(msgspec.json.encode(item)))


def tell(scheduler: Scheduler, *items: Any) -> None:
    for item in items:
        meta = item.metadata
        head = watch.Head(meta.namespace, meta.name, meta.uid, "1")
        kind = resources.of(type(item))
        scheduler.driver.cache.apply(informer.News(informer.What.ADDED, kind, head, item))


def waiting(scheduler: Scheduler) -> None:
    """A pod whose claim can only be served by the volume on node n."""
    tell(scheduler, make_class(), make_claim("c"), VOLUME)
    scheduler.tell(make_node("n"), make_node("m"), using(make_pod("p"), "c"))


async def test_a_volume_is_bound_to_the_claim_before_the_pod_is_to_the_node() -> None:
    claims = iter([make_claim("c"), make_claim("c")])
    server = Server(
        get=lambda request: answering(KEPT if request.path.endswith("/pv") else next(claims, BOUND))
    )
    async with world(server) as scheduler:
        waiting(scheduler)
        await scheduler.attempt()
        [patch] = server.sent("PATCH", "/persistentvolumes/pv")
    assert patch["spec"]["claimRef"]["name"] == "c"
    assert patch["metadata"]["uid"] == "uid-pv"
    order = [path.rpartition("/")[2] for _, path, _ in server.asked if not path.endswith("events")]
    assert order == ["status", "pv", *["pv", "c"] * 3, "binding"]
    assert server.sent("PATCH", "/p/status") == [
        {"metadata": {"uid": "uid-default-p"}, "status": {"nominatedNodeName": "n"}}
    ]


async def test_a_volume_that_cannot_be_written_is_read_again_and_the_pod_tried_again() -> None:
    theirs = objects.ObjectReference("PersistentVolumeClaim", "default", "another", "uid-another")
    spec = msgspec.structs.replace(VOLUME.spec, claim_ref=theirs)
    taken = msgspec.structs.replace(VOLUME, spec=spec)

    def conflict(request: web.Request) -> web.Response:
        volume = request.path.endswith("/pv")
        return fakes.status(409, "Conflict") if volume else web.json_response({})

    server = Server(
        patch=conflict,
        get=lambda request: answering(taken if request.path.endswith("/pv") else make_claim("c")),
    )
    async with world(server) as scheduler:
        waiting(scheduler)
        await scheduler.attempt()
        _, patch = server.sent("PATCH", "/p/status")
        said = patch["status"]["conditions"][0]
    assert patch["status"]["nominatedNodeName"] is None
    assert said["message"].startswith('running PreBind plugin "VolumeBinding": ')
    storage = scheduler.driver.engine.cluster.storage
    assert storage.volumes["pv"].spec.claim_ref == theirs
    assert storage.claims["default", "c"] == make_claim("c")
    assert (scheduler.place("p"), scheduler.used("n")) == ("backoff", 0)
    assert not server.sent("POST", "/binding")


async def test_a_claim_that_is_never_bound_is_given_up_in_time() -> None:
    server = Server(get=lambda request: answering(KEPT if request.path.endswith("/pv") else make_claim("c")))
    async with world(server) as scheduler:
        waiting(scheduler)
        await scheduler.attempt()
        _, patch = server.sent("PATCH", "/p/status")
    assert "binding volumes: context deadline exceeded" in patch["status"]["conditions"][0]["message"]
    assert scheduler.driver.engine.cluster.storage.volumes["pv"].spec.claim_ref == OURS


async def test_news_of_what_is_being_written_wait() -> None:
    async with world(Server()) as scheduler:
        waiting(scheduler)
        cache = scheduler.driver.cache
        cache.hold([VOLUME])
        newer = make_volume("pv", size="2Gi", meta={"uid": "uid-pv"})
        tell(scheduler, newer)
        assert cache.cluster.storage.volumes["pv"] == VOLUME
        cache.release([VOLUME])
    assert cache.cluster.storage.volumes["pv"] == newer


async def test_news_wait_for_all_who_write_the_same_claim() -> None:
    async with world(Server()) as scheduler:
        waiting(scheduler)
        cache = scheduler.driver.cache
        cache.hold([make_claim("c")])
        tell(scheduler, BOUND)
        cache.hold([make_claim("c")])
        cache.release([make_claim("c")])
        assert cache.cluster.storage.claims["default", "c"] == make_claim("c")
        cache.release([make_claim("c")])
    assert cache.cluster.storage.claims["default", "c"] == BOUND


async def test_a_pod_that_is_made_to_give_way_twice_leaves_its_claims_as_they_are() -> None:
    server = Server(
        get=lambda request: answering(VOLUME if request.path.endswith("/pv") else make_claim("c"))
    )
    async with fakes.client_of(server.handle, clock=fakes.Clock(hurry=False)) as made:
        scheduler = Scheduler(made)
        waiting(scheduler)
        scheduler.driver.attempt()
        commit, cache = scheduler.driver._commit, scheduler.driver.cache
        async with asyncio.timeout(5):
            while not server.sent("PATCH", "/persistentvolumes/pv"):
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert commit.give_way("uid-default-p", "DefaultPreemption")
            while commit._preparing:
                commit.give_way("uid-default-p", "DefaultPreemption")
                await asyncio.sleep(0)
            await scheduler.settle()
    assert (cache._held, cache.assumed, scheduler.used("n")) == ({}, {}, 0)
    assert cache.cluster.storage.volumes["pv"] == VOLUME
    assert cache.cluster.storage.claims["default", "c"] == make_claim("c")
    assert scheduler.place("p") == "backoff"
