"""The driver with an API server that is one function: what it asks for, and what it makes of answers."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from stowage.api import objects
from stowage.cluster import pods
from stowage.framework import config, interface, status
from stowage.kube import errors, informer, resources, watch
from stowage.scheduler import cache as caches
from stowage.scheduler import driver
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod
from tests.unit.kube import fakes

SCHEDULER = "default-scheduler"
Answer = Callable[[web.Request], web.Response]


class Server:
    """Answers by method and last part of the path; notes what it was asked."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        last = request.path.rpartition("/")[2]
        self.asked.append((request.method, request.path, json.loads(body) if body else None))
        kind = "bind" if last == "binding" else "event" if last == "events" else request.method.lower()
        answer = self.answers.get(kind)
        return answer(request) if answer is not None else web.json_response({})

    def sent(self, method: str, end: str) -> list[Any]:
        """The bodies of such requests."""
        return [body for verb, path, body in self.asked if verb == method and path.endswith(end)]


class HoldingServer(Server):
    """Does not answer that the victim is marked until it may."""

    def __init__(self, **answers: Answer) -> None:
        super().__init__(**answers)
        self.may = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        answer = await super().handle(request)
        if request.method == "PATCH" and request.path.endswith("low/status"):
            await self.may.wait()
        return answer


class Scheduler:
    """A driver without watches: news are told by the test, cycles run when it says."""

    def __init__(self, made: Any, leads: bool = True) -> None:
        self.driver = driver.Driver(made, config.default(), lambda: leads, seed=1)
        self._versions = 0

    def tell(self, *built: PodBuilder | NodeBuilder, what: informer.What = informer.What.ADDED) -> None:
        for each in built:
            if isinstance(each, PodBuilder):
                each.spec(schedulerName=SCHEDULER)
            item = each.done()
            self._versions += 1
            meta = item.metadata
            head = watch.Head(meta.namespace, meta.name, meta.uid, str(self._versions))
            self.driver._applied(informer.News(what, resources.of(type(item)), head, item))

    async def settle(self) -> None:
        """Lets bindings, evictions and statuses end."""
        while self.driver._tasks:
            await asyncio.gather(*self.driver._tasks)
            await asyncio.sleep(0)  # for what is to be done when one ends
        await self.driver.statuses.flush()

    async def attempt(self) -> None:
        self.driver.attempt()
        await self.settle()

    def used(self, node: str) -> int:
        """Pods that count on a node."""
        cluster = self.driver.engine.cluster
        return int(cluster.requested[cluster.resource("pods"), cluster.row_of[node]])

    def place(self, name: str) -> str:
        return self.driver.queue.place(f"default/{name}")


@contextlib.asynccontextmanager
async def world(server: Server, leads: bool = True) -> AsyncIterator[Scheduler]:
    async with fakes.client_of(server.handle) as made:
        yield Scheduler(made, leads)


def pod_on(node: str) -> Answer:
    return lambda _: web.json_response(make_pod("p").on(node).raw)


def conflict(_: web.Request) -> web.Response:
    return fakes.status(409, "Conflict")


async def test_how_long_a_pod_waits_for_an_event_may_be_said() -> None:
    async with fakes.client_of(Server().handle) as made:
        waits = driver.Driver(made, config.default(), lambda: True, max_wait=60.0)
        assert (
            waits.queue.settings.max_wait,
            driver.Driver(made, config.default(), lambda: True).queue.settings.max_wait,
        ) == (60.0, 300.0)


async def test_a_pod_is_bound_and_holds_its_place() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
        assert server.sent("POST", "/p/binding") == [
            {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": "p", "namespace": "default", "uid": "uid-default-p"},
                "target": {"kind": "Node", "name": "n"},
            }
        ]
        assert scheduler.driver.cache.assumed == {"uid-default-p": "n"}
        scheduler.tell(make_pod("p").on("n"), what=informer.What.CHANGED)
    assert (scheduler.used("n"), scheduler.driver.cache.assumed) == (1, {})


@pytest.mark.parametrize(
    "answer",
    [fakes.hang_up, conflict, lambda _: fakes.status(500)],
    ids=["lost", "409", "500"],
)
async def test_a_binding_whose_answer_is_no_answer_is_looked_up(answer: Answer) -> None:
    server = Server(bind=answer, get=pod_on("n"))
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
    assert scheduler.driver.cache.assumed == {"uid-default-p": "n"}
    assert not server.sent("PATCH", "/status")
    assert len(server.sent("POST", "/p/binding")) == 1


async def test_a_binding_that_was_lost_is_tried_again_later() -> None:
    server = Server(bind=fakes.hang_up, get=lambda _: web.json_response(make_pod("p").raw))
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
        [patch] = server.sent("PATCH", "/p/status")
        said = patch["status"]["conditions"][0]
        assert said["reason"] == "SchedulerError"
        assert said["message"].startswith('running Bind plugin "DefaultBinder": ')
        assert patch["metadata"]["uid"] == "uid-default-p"
    assert (scheduler.used("n"), scheduler.place("p")) == (0, "backoff")


async def test_a_binding_of_which_nothing_is_known_is_sent_again_to_the_same_node() -> None:
    answers: list[Answer] = [lambda _: web.json_response({}), lambda _: fakes.status(500), fakes.hang_up]

    def bind(request: web.Request) -> web.Response:
        return answers.pop()(request)

    server = Server(bind=bind, get=lambda _: web.json_response(make_pod("p").raw))
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_node("m"), make_pod("p"))
        await scheduler.attempt()
        targets = {body["target"]["name"] for body in server.sent("POST", "/p/binding")}
        assert targets == {scheduler.driver.cache.assumed["uid-default-p"]}
    assert len(server.sent("POST", "/p/binding")) == 3
    assert not server.sent("PATCH", "/status")


async def test_until_it_is_known_what_became_of_a_binding_the_pod_keeps_its_place() -> None:
    tries = iter([fakes.status(403, "Forbidden"), fakes.status(403, "Forbidden")])
    server = Server(bind=fakes.hang_up, get=lambda request: next(tries, None) or pod_on("n")(request))
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
    assert len(server.sent("GET", "/p")) == 3
    assert scheduler.used("n") == 1


@pytest.mark.parametrize("gone", [False, True], ids=["bound", "gone"])
async def test_who_may_not_ask_what_became_of_a_binding_asks_ever_less_until_a_watch_tells(
    gone: bool,
) -> None:
    asked: list[float] = []

    def refuse(_: web.Request) -> web.Response:
        asked.append(clock.time)
        if len(asked) == 10:
            built = make_pod("p") if gone else make_pod("p").on("n")
            scheduler.tell(built, what=informer.What.REMOVED if gone else informer.What.CHANGED)
        return fakes.status(403, "Forbidden")

    server, clock = Server(bind=fakes.hang_up, get=refuse), fakes.Clock()
    async with fakes.client_of(server.handle, clock=clock) as made:
        scheduler = Scheduler(made)
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
    between = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert len(asked) == 10
    assert between[0] <= 1
    assert all(30 <= each <= 60 for each in between[6:])  # 1, 2, 4 … 64 is too long; the upper half of 60
    assert (scheduler.used("n"), scheduler.place("p")) == (int(not gone), "")
    assert scheduler.driver.cache.assumed == {}


async def test_a_place_is_not_lost_where_counting_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    async with world(server) as scheduler:
        monkeypatch.setattr(scheduler.driver.metrics, "placed", lambda *_: 1 / 0)
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
        assert scheduler.driver.cache.assumed == {"uid-default-p": "n"}
        scheduler.tell(make_pod("p").on("n"), what=informer.What.CHANGED)
    assert len(server.sent("POST", "/p/binding")) == 1
    assert (scheduler.place("p"), scheduler.used("n"), scheduler.driver.cache.assumed) == ("", 1, {})


async def test_a_pod_that_was_bound_elsewhere_is_not_tried_again() -> None:
    server = Server(bind=conflict, get=pod_on("other"))
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_node("other"), make_pod("p"))
        scheduler.driver.attempt()
        scheduler.tell(make_pod("p").on("other"), what=informer.What.CHANGED)
        await scheduler.settle()
    assert (scheduler.place("p"), scheduler.used("other"), scheduler.used("n")) == ("", 1, 0)
    assert not server.sent("PATCH", "/status")


async def test_a_pod_deleted_while_it_is_being_bound_leaves_nothing() -> None:
    server = Server(bind=lambda _: fakes.status(404, "NotFound"))
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        scheduler.driver.attempt()
        scheduler.tell(make_pod("p"), what=informer.What.REMOVED)
        await scheduler.settle()
    assert (scheduler.place("p"), scheduler.used("n"), scheduler.driver.cache.assumed) == ("", 0, {})
    assert scheduler.driver.queue.in_flight == (0, 0)


async def test_a_pod_whose_node_goes_while_it_is_being_bound_counts_nowhere() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        scheduler.driver.attempt()
        scheduler.tell(make_node("n"), what=informer.What.REMOVED)
        await scheduler.settle()
        scheduler.tell(make_pod("p").on("n"), what=informer.What.CHANGED)
        scheduler.tell(make_pod("p").on("n"), what=informer.What.REMOVED)
    assert scheduler.driver.engine.cluster.node_count == 0
    assert not scheduler.driver.engine.cluster.row_of


async def test_who_does_not_lead_binds_nothing() -> None:
    server = Server()
    async with world(server, leads=False) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p"))
        await scheduler.attempt()
    assert not server.sent("POST", "/binding")
    assert not server.sent("PATCH", "/status")
    assert not server.sent("POST", "/events")
    assert (scheduler.used("n"), scheduler.place("p")) == (0, "backoff")


async def test_the_same_failure_is_written_once() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.tell(make_node("n"), make_pod("p").cpu("8"))
        await scheduler.attempt()
        scheduler.driver.queue.activate([scheduler.driver.cache.pending["uid-default-p"]])
        await scheduler.attempt()
    [patch] = server.sent("PATCH", "/p/status")
    assert patch["status"]["conditions"][0]["reason"] == "Unschedulable"


async def test_a_failure_is_written_again_where_somebody_wrote_something_else() -> None:
    server = Server()

    def told(**condition: str) -> PodBuilder:
        found = [{"type": "PodScheduled", "status": "False", **condition}] if condition else []
        return make_pod("p").cpu("8").status(conditions=found)

    async with world(server) as scheduler:

        async def attempted() -> int:
            scheduler.driver.queue.activate([scheduler.driver.cache.pending["uid-default-p"]])
            await scheduler.attempt()
            return len(server.sent("PATCH", "/p/status"))

        scheduler.tell(make_node("n"), told())
        assert await attempted() == 1
        ours = server.sent("PATCH", "/p/status")[0]["status"]["conditions"][0]
        others = {"reason": "Unschedulable", "message": "somebody else says so"}
        heard = [({"reason": ours["reason"], "message": ours["message"]}, 1), (others, 2), ({}, 3)]
        for condition, written in heard:
            scheduler.tell(told(**condition), what=informer.What.CHANGED)
            assert await attempted() == written
            assert await attempted() == written  # nothing has been heard since


async def test_what_another_scheduler_said_already_is_not_written() -> None:
    server = Server()
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    condition["message"] = "no nodes available to schedule pods"
    async with world(server) as scheduler:
        scheduler.tell(make_pod("p").status(conditions=[condition]))
        await scheduler.attempt()
    assert not server.sent("PATCH", "/p/status")


async def test_victims_are_marked_and_evicted_the_pod_waiting_meanwhile() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.tell(
            make_node("n"), make_pod("low").cpu("4").on("n"), make_pod("high").cpu("4").priority(9)
        )
        await scheduler.attempt()
        mark, nominate = server.sent("PATCH", "/low/status") + server.sent("PATCH", "/high/status")
        assert mark["status"]["conditions"][0]["type"] == "DisruptionTarget"
        assert nominate["status"]["nominatedNodeName"] == "n"
        [options] = server.sent("DELETE", "/low")
        assert options["preconditions"] == {"uid": "uid-default-low"}
        assert scheduler.place("high") == "unschedulable"
        scheduler.tell(make_pod("low").on("n"), what=informer.What.REMOVED)
        assert scheduler.place("high") == "backoff"
        await scheduler.attempt()
    assert len(server.sent("POST", "/high/binding")) == 1


async def test_an_eviction_that_fails_lets_the_pod_try_again() -> None:
    server = Server(delete=lambda _: fakes.status(403, "Forbidden"))
    async with world(server) as scheduler:
        scheduler.tell(
            make_node("n"), make_pod("low").cpu("4").on("n"), make_pod("high").cpu("4").priority(9)
        )
        await scheduler.attempt()
    assert scheduler.place("high") == "active"


async def test_a_victim_that_went_by_itself_while_the_pod_was_kept_out_keeps_it_out_no_longer() -> None:
    def gone(request: web.Request) -> web.Response:
        low = request.path.endswith("low/status")
        return fakes.status(404, "NotFound") if low else web.json_response({})

    server = HoldingServer(patch=gone)
    async with world(server) as scheduler:
        scheduler.tell(
            make_node("n"), make_pod("low").cpu("4").on("n"), make_pod("high").cpu("4").priority(9)
        )
        scheduler.driver.attempt()
        scheduler.tell(make_pod("low").on("n"), what=informer.What.REMOVED)
        assert scheduler.place("high") == "gated"
        server.may.set()
        await scheduler.settle()
        assert scheduler.place("high") == "active"


async def test_a_lower_nomination_on_the_node_is_cleared() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.tell(
            make_node("n"),
            make_pod("victim").cpu("4").on("n"),
            make_pod("middle").cpu("4").priority(5).nominated("n"),
            make_pod("high").cpu("4").priority(9),
        )
        await scheduler.attempt()
    assert server.sent("PATCH", "/middle/status") == [
        {"metadata": {"uid": "uid-default-middle"}, "status": {"nominatedNodeName": None}}
    ]


async def test_a_heartbeat_moves_nobody() -> None:
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n"), make_pod("running").on("n"), make_pod("p").cpu("8"))
        await scheduler.attempt()
        before = scheduler.driver.engine.cluster.log.sequence
        scheduler.tell(make_node("n"), make_pod("running").on("n"), what=informer.What.CHANGED)
        assert scheduler.place("p") == "unschedulable"
    assert scheduler.driver.engine.cluster.log.sequence == before


async def test_a_kind_that_the_server_lacks_is_done_without(caplog: pytest.LogCaptureFixture) -> None:
    async with world(Server()) as scheduler:
        cache = scheduler.driver.cache
        for source in caches.sources():
            optional = source.kind.answer in caches.OPTIONAL
            what = informer.What.REFUSED if optional else informer.What.LISTED
            assert not cache.synced
            cache.apply(informer.News(what, source.kind))
        assert cache.synced
    assert caplog.text.count("going on without it") == len(caches.OPTIONAL)


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        (objects.Pod, errors.Forbidden(403, "no"), "The right to a kind is missing that scheduling needs; "),
        (objects.Pod, errors.NotFound(404, "no"), "The server does not offer a kind that scheduling needs; "),
        (objects.Service, errors.Forbidden(403, "no"), "The right to a kind is missing; going on without it"),
    ],
    ids=["forbidden", "lacking", "forbidden and optional"],
)
async def test_a_kind_that_is_refused_is_told_with_the_right_that_is_missing(
    caplog: pytest.LogCaptureFixture, kind: type, error: errors.APIError, said: str
) -> None:
    async with world(Server()) as scheduler:
        of: resources.Resource[Any] = resources.of(kind)
        scheduler.driver.cache.apply(informer.News(informer.What.REFUSED, of, error=error))
    (record,) = caplog.records
    assert record.getMessage().startswith(said)
    forbidden = f"list and watch {of}" if isinstance(error, errors.Forbidden) else None
    assert record.__dict__.get("missing") == forbidden


async def test_at_the_end_bindings_under_way_are_awaited_and_no_cycle_begins() -> None:
    sent, let = asyncio.Event(), asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        if request.path.endswith("/binding"):
            sent.set()
            await let.wait()
        return fakes.status(403, "Forbidden") if request.method == "GET" else web.json_response({})

    async with fakes.client_of(handle, clock=fakes.Clock(hurry=False)) as made:
        scheduler = Scheduler(made)
        run = asyncio.create_task(scheduler.driver.run())
        scheduler.tell(make_node("n"), make_pod("p"))
        scheduler.driver.attempt()
        await sent.wait()
        run.cancel()
        await fakes.settled()
        scheduler.tell(make_pod("late"))
        await fakes.settled()
        assert not run.done()
        let.set()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert scheduler.driver.cache.assumed == {"uid-default-p": "n"}
    assert scheduler.place("late") == "active"


class Stubborn(interface.ReservePlugin):
    """Refuses every pod once a node was chosen."""

    name = "Stubborn"

    def reserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        return status.unschedulable("not today")

    def unreserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
        pass


async def test_a_refusal_after_the_choice_is_told_as_if_there_were_one_node() -> None:
    server = Server()
    async with world(server) as scheduler:
        scheduler.driver.engine.profiles[SCHEDULER].reserve = (Stubborn(),)
        scheduler.tell(make_node("n"), make_node("m"), make_pod("p"))
        await scheduler.attempt()
        [patch] = server.sent("PATCH", "/p/status")
    assert patch["status"]["conditions"][0]["message"] == "0/1 nodes are available: 1 not today."
    assert scheduler.used("n") + scheduler.used("m") == 0
    assert scheduler.place("p") == "unschedulable"
