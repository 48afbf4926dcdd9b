"""What the driver writes and when: conditions, who is named for an error, what a leader may still send."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from stowage.cluster import pods
from stowage.framework import config, interface, status
from stowage.kube import informer
from stowage.scheduler import bounds, live
from stowage.scheduler.queueing import queue as queues
from tests.builders import PodBuilder, make_node, make_pod
from tests.unit.kube import fakes
from tests.unit.scheduler.test_driver import SCHEDULER, HoldingServer, Scheduler, Server, world


def condition(server: Server, name: str = "p") -> dict[str, Any]:
    found: dict[str, Any] = server.sent("PATCH", f"/{name}/status")[-1]["status"]["conditions"][0]
    return found


async def notes(scheduler: Scheduler, server: Server) -> list[str]:
    """The notes of all Events, sent now."""
    told = scheduler.driver.announcer
    sending = asyncio.create_task(told.run())
    await told.flush()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    return [body["note"] for body in server.sent("POST", "/events")]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (
            {"resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]},
            "resource claims are not supported yet",
        ),
        ({"schedulingGroup": {"podGroupName": "g"}}, "scheduling groups are not supported yet"),
    ],
    ids=["resourceClaims", "schedulingGroup"],
)
async def test_a_pod_that_needs_what_is_not_here_is_never_bound(spec: dict[str, Any], reason: str) -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p").spec(**spec))
        await scheduler.attempt()
        sentence = f"0/1 nodes are available: {reason}."
        assert (condition(server)["reason"], condition(server)["message"]) == ("Unschedulable", sentence)
        assert await notes(scheduler, server) == [sentence]
        assert scheduler.place("p") == "unschedulable"
        scheduler.tell(make_node("m"))
        assert scheduler.place("p") == "unschedulable"
    assert not server.sent("POST", "/binding")


def of_generation(pod: PodBuilder, generation: int) -> PodBuilder:
    pod.raw["metadata"]["generation"] = generation
    return pod


async def test_conditions_name_the_generation_that_they_are_about() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), of_generation(make_pod("low").cpu("4").on("n"), 1))
        scheduler.tell(of_generation(make_pod("low").cpu("4").on("n"), 3), what=informer.What.CHANGED)
        scheduler.tell(of_generation(make_pod("p").cpu("4").priority(9), 2))
        await scheduler.attempt()
    assert condition(server)["observedGeneration"] == 2
    mark = condition(server, "low")
    assert (mark["type"], mark["observedGeneration"]) == ("DisruptionTarget", 3)
    assert mark["message"] == "default-scheduler: preempting to accommodate a higher priority pod"


class Point(interface.ReservePlugin, interface.PreBindPlugin, interface.BindPlugin):
    """Says the same at every point, or raises; by default it has nothing against anything."""

    name = "Point"

    def __init__(self, answer: status.Status | None = None, error: Exception | None = None) -> None:
        self.answer = answer
        self.error = error
        self.unreserved: list[str] = []

    def _say(self) -> status.Status | None:
        if self.error is not None:
            raise self.error
        return self.answer

    def reserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        return self._say()

    def unreserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
        self.unreserved.append(node)

    def pre_bind(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        return self._say()

    def bind(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        return self._say()


POINTS = {"reserve": "Reserve", "pre_bind": "PreBind", "bind": "Bind"}


@pytest.mark.parametrize("point", POINTS)
async def test_an_error_names_the_plugin_and_its_point(point: str) -> None:
    server, plugin = Server(), Point(status.error("out of order"))
    async with world(server) as scheduler:
        setattr(scheduler.driver.engine.profiles[SCHEDULER], point, (plugin,))
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
        assert (scheduler.place("p"), scheduler.used("n")) == ("backoff", 0)
    found = condition(server)
    assert found["reason"] == "SchedulerError"
    assert found["message"] == f'running {POINTS[point]} plugin "Point": out of order'


@pytest.mark.parametrize("point", ["pre_bind", "bind"])
async def test_a_refusal_after_permit_is_tried_again_whatever_happens(point: str) -> None:
    server = Server()
    async with world(server) as scheduler:
        setattr(
            scheduler.driver.engine.profiles[SCHEDULER], point, (Point(status.unschedulable("not here")),)
        )
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
        assert (scheduler.place("p"), scheduler.used("n")) == ("backoff", 0)
    assert (condition(server)["reason"], condition(server)["message"]) == ("Unschedulable", "not here")


@pytest.mark.parametrize("point", POINTS)
async def test_a_plugin_that_raises_leaves_nothing_behind(point: str) -> None:
    server, plugin = Server(), Point(error=RuntimeError("a bug"))
    async with world(server) as scheduler:
        chain = scheduler.driver.engine.profiles[SCHEDULER]
        chain.reserve = (Point(),)
        setattr(chain, point, (plugin,))
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
        assert (scheduler.place("p"), scheduler.used("n")) == ("backoff", 0)
        assert scheduler.driver.cache.assumed == {}
        [reserver] = chain.reserve
        assert isinstance(reserver, Point)
        assert reserver.unreserved == ["n"]
    assert condition(server)["message"] == "a bug"


async def test_what_is_written_of_a_pod_that_has_gone_is_not_remembered() -> None:
    asked, let = asyncio.Event(), asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        asked.set()
        await let.wait()
        return web.json_response({})

    async with fakes.client_of(handle) as made:
        scheduler = Scheduler(made)
        scheduler.tell(make_pod("p"))
        scheduler.driver.attempt()
        await asked.wait()
        scheduler.tell(make_pod("p"), what=informer.What.REMOVED)
        let.set()
        await scheduler.settle()
        statuses = scheduler.driver.statuses
    assert (statuses._said, statuses._nominated, statuses._forgotten) == ({}, {}, set())


async def test_at_the_end_no_status_is_being_written() -> None:
    asked = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with fakes.client_of(handle) as made:
        scheduler = Scheduler(made)
        scheduler.tell(make_pod("p"))
        scheduler.driver.attempt()
        await asked.wait()
        await scheduler.driver.statuses.close()
        assert not scheduler.driver.statuses._writing


class Clumsy(interface.ReservePlugin, interface.BindPlugin, interface.PostBindPlugin):
    """Raises where it has nothing to say any more, and after it has asked for a binding."""

    name = "Clumsy"

    def reserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        return None

    def unreserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
        raise RuntimeError("a bug")

    def bind(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        context.binder.bind(pod, node)
        raise RuntimeError("a bug")

    def post_bind(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
        raise RuntimeError("a bug")


async def test_a_plugin_that_raises_after_the_binding_undoes_nothing() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.driver.engine.profiles[SCHEDULER].post_bind = (Clumsy(),)
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
    assert (scheduler.place("p"), scheduler.used("n")) == ("", 1)
    assert not server.sent("PATCH", "/p/status")


async def test_where_giving_back_fails_the_pod_is_tried_again_all_the_same() -> None:
    async with world(Server(bind=lambda _: fakes.status(403, "Forbidden"))) as scheduler:
        chain, other = scheduler.driver.engine.profiles[SCHEDULER], Point()
        chain.reserve = (other, Clumsy())
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
    assert (scheduler.place("p"), scheduler.used("n")) == ("backoff", 0)
    assert other.unreserved == ["n"]


async def test_what_a_plugin_asked_for_before_it_raised_is_not_done_with_the_next_pod() -> None:
    server = Server()
    async with world(server) as scheduler:
        chain = scheduler.driver.engine.profiles[SCHEDULER]
        binders, chain.bind = chain.bind, (Clumsy(),)
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
        chain.bind = binders
        scheduler.tell(make_pod("q"))
        await scheduler.attempt()
    assert [path for _, path, _ in server.asked if path.endswith("/binding")] == [
        "/api/v1/namespaces/default/pods/q/binding"
    ]


async def test_a_pod_that_is_deleted_and_changed_while_it_is_being_bound_is_once_in_the_queue() -> None:
    def bind(_: web.Request) -> web.Response:
        for label in ("deleted", "changed"):
            changed = make_pod("p").terminating().label(since=label)
            scheduler.tell(changed, what=informer.What.CHANGED)
        return fakes.status(403, "Forbidden", message="it is being deleted")

    server = Server(bind=bind)
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
        assert (scheduler.place("p"), scheduler.used("n")) == ("active", 0)
        assert condition(server)["message"].endswith(": it is being deleted")
        await scheduler.attempt()
    assert (scheduler.place("p"), scheduler.driver.queue.in_flight) == ("", (0, 0))


async def test_a_binding_that_waits_its_turn_is_not_sent_by_who_leads_no_more() -> None:
    server, clock, leading = Server(), fakes.Clock(hurry=False), [True]
    async with fakes.client_of(server.handle, clock=clock, qps=1.0, burst=1) as made:
        scheduler = Scheduler(made)
        scheduler.driver.writer._leads = lambda: leading[0]
        scheduler.tell(make_node("n"), make_pod("p"), make_pod("q"))
        scheduler.driver.attempt()
        scheduler.driver.attempt()
        async with asyncio.timeout(5):
            while not server.sent("POST", "/binding"):
                await asyncio.sleep(0)
        leading[0] = False
        ending = asyncio.create_task(scheduler.settle())
        async with asyncio.timeout(5):
            while not ending.done():
                await clock.advance(1.0)
        await ending
    assert len(server.sent("POST", "/binding")) == 1
    assert scheduler.used("n") == 1


async def test_who_leads_no_more_evicts_nobody() -> None:
    server = Server()
    async with world(server, leads=False) as scheduler:
        scheduler.tell(make_node("n"), make_pod("low").cpu("4").on("n"), make_pod("p").cpu("4").priority(9))
        await scheduler.attempt()
    assert not server.sent("DELETE", "/low")
    assert not server.sent("PATCH", "/low/status")


def refuse(name: str) -> Callable[[web.Request], web.Response]:
    return lambda request: fakes.status(403, "Forbidden") if request.path.endswith(name) else web.Response()


async def test_where_one_victim_cannot_be_evicted_the_last_one_is_spared() -> None:
    server = Server(delete=refuse("/low-1"))
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"))
        scheduler.tell(*(make_pod(f"low-{i}").cpu("2").priority(2 - i).on("n") for i in range(1, 3)))
        scheduler.tell(make_pod("p").cpu("4").priority(9))
        await scheduler.attempt()
        assert scheduler.place("p") == "active"
    assert not server.sent("DELETE", "/low-2")  # the least important one comes last


async def kept_out(scheduler: Scheduler, server: HoldingServer) -> None:
    """A pod takes a victim's place: it is gated until the victim is gone, whatever happens meanwhile."""
    scheduler.tell(make_node("n"), make_pod("low").cpu("4").on("n"), make_pod("p").cpu("4").priority(9))
    scheduler.driver.attempt()
    async with asyncio.timeout(5):
        while not server.sent("PATCH", "/low/status"):
            await asyncio.sleep(0)
    scheduler.tell(make_node("big").allocatable(cpu="8"))
    assert scheduler.place("p") == "gated"
    server.may.set()
    await scheduler.settle()
    scheduler.tell(make_pod("low").on("n"), what=informer.What.REMOVED)
    assert scheduler.place("p") in ("active", "backoff")


async def test_while_its_victims_are_being_evicted_a_pod_is_kept_out() -> None:
    server = HoldingServer()
    async with world(server) as scheduler:
        await kept_out(scheduler, server)


class ListingServer:
    """A node, a pod and ``others`` to be listed, nothing to be watched, and no Lease. ``refused``: answers of
    kinds."""

    def __init__(self, *others: Any, **refused: int) -> None:
        self.asked: list[tuple[str, str]] = []
        self.bound = asyncio.Event()
        self._refused = refused
        self._items: dict[str, list[Any]] = {
            "nodes": [make_node("n").raw],
            "pods": [make_pod("p").spec(schedulerName=SCHEDULER).raw, *others],
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        last = request.path.rpartition("/")[2]
        self.asked.append((request.method, last if request.method != "GET" else str(request.rel_url)))
        if last == "binding":
            self.bound.set()
        if last in self._refused:
            return fakes.status(self._refused[last])
        if "watch" in request.query:
            answer = web.StreamResponse()
            await answer.prepare(request)
            await asyncio.Event().wait()
        if request.method != "GET":
            stored = await request.json()
            return web.json_response({**stored, "metadata": {**stored["metadata"], "resourceVersion": "1"}})
        if "limit" not in request.query:
            return fakes.status(404, "NotFound")
        return web.json_response({"metadata": {"resourceVersion": "7"}, "items": self._items.get(last, [])})

    async def scheduled(self) -> None:
        """Returns when a scheduler process has bound the pod."""
        async with fakes.client_of(self.handle, clock=fakes.Clock(hurry=False)) as made:
            run = asyncio.create_task(live.Process(made, config.default()).run())
            async with asyncio.timeout(10):
                await self.bound.wait()
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


async def test_a_new_leader_lists_what_is_so_now_before_it_binds() -> None:
    server = ListingServer()
    await server.scheduled()
    verbs = [what for _, what in server.asked]
    leases = server.asked.index(("POST", "leases"))
    lists = [i for i, what in enumerate(verbs) if "limit=" in what]
    assert leases < min(lists)
    assert max(lists) < verbs.index("binding")
    assert not any("resourceVersion" in verbs[i] for i in lists)


async def test_kinds_that_are_lacking_or_forbidden_are_done_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await ListingServer(csistoragecapacities=404, poddisruptionbudgets=403).scheduled()
    warned = [each for each in caplog.records if "going on without it" in each.getMessage()]
    assert sorted(getattr(each, "kind", "") for each in warned) == [
        "csistoragecapacities.storage.k8s.io",
        "poddisruptionbudgets.policy",
    ]


WITHOUT_LEASE = config.load(
    "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
    "leaderElection: {leaderElect: false}\n"
).config


async def test_a_driver_that_remembers_too_many_pods_of_the_past_makes_place_for_another() -> None:
    server, clock = ListingServer(), fakes.Clock(hurry=False)
    kept = dataclasses.replace(bounds.USUAL, unused=-1)
    async with fakes.client_of(server.handle, clock=clock) as made:
        process = live.Process(made, WITHOUT_LEASE, kept)
        run = asyncio.create_task(process.run())
        async with asyncio.timeout(10):
            await server.bound.wait()
            first = process.driver
            while server.asked.count(("POST", "binding")) < 2:  # the next one schedules what is pending still
                await clock.advance(queues.FLUSH_POOL)
        assert process.driver is not first
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def test_pods_that_wait_are_not_of_the_past() -> None:
    waits = make_pod("q").label(job="1").cpu("9000").spec(schedulerName=SCHEDULER).raw
    server, clock = ListingServer(waits), fakes.Clock(hurry=False)
    kept = dataclasses.replace(bounds.USUAL, unused=0)
    async with fakes.client_of(server.handle, clock=clock) as made:
        process = live.Process(made, WITHOUT_LEASE, kept)
        run = asyncio.create_task(process.run())
        async with asyncio.timeout(10):
            await server.bound.wait()
            first = process.driver
            assert first is not None
            while not first.queue.counts[queues.POOL]:
                await clock.advance(1)
            await clock.advance(2 * queues.FLUSH_POOL)
        assert process.driver is first
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
