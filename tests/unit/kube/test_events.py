"""Events on their way: what is written, tried again, dropped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from stowage.kube import client, events, limits, resources, series
from tests.unit.kube import fakes


class Api:
    """Keeps Events; `trouble` answers first, while it has something to say."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.trouble: list[Callable[[web.Request], web.Response]] = []

    async def __call__(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(request.method)
        if self.trouble:
            return self.trouble.pop(0)(request)
        if request.method == "POST":
            name = body["metadata"]["name"]
            if name in self.events:
                return fakes.status(409, "AlreadyExists")
            self.events[name] = body
            return fakes.status(201)
        name = request.path.rpartition("/")[2]
        if name not in self.events:
            return fakes.status(404)
        self.events[name] |= body
        return web.json_response({})

    def notes(self) -> list[tuple[str, int]]:
        """Each Event's note and count."""
        return [(event["note"], event.get("series", {}).get("count", 1)) for event in self.events.values()]


@contextlib.asynccontextmanager
async def recording(
    api: Api, clock: fakes.Clock | None = None, run: bool = True, **limits_: int
) -> AsyncIterator[events.Recorder]:
    clock = clock or fakes.Clock(hurry=False)
    async with fakes.client_of(api, clock=clock, tries=1) as made:
        recorder = events.Recorder(made, "stowage", "stowage-host", **limits_)
        running = asyncio.create_task(recorder.run()) if run else None
        try:
            async with asyncio.timeout(10):
                yield recorder
        finally:
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


def record(recorder: events.Recorder, name: str, note: str = "") -> None:
    regarding = series.Reference("v1", "Pod", "ns", name)
    recorder.record(regarding, "Warning", "FailedScheduling", "Scheduling", note or name)


async def test_each_event_is_created_once() -> None:
    api = Api()
    async with recording(api) as recorder:
        for number in range(100):
            record(recorder, f"p{number}")
        await recorder.flush()
    assert len(api.events) == recorder.written == 100
    assert recorder.dropped == 0


async def test_more_of_the_same_are_a_series() -> None:
    api, clock = Api(), fakes.Clock(hurry=False)
    async with recording(api, clock) as recorder:
        for _ in range(5):
            record(recorder, "p")
            await recorder.flush()
        assert api.notes() == [("p", 2)], "counted, not written, until the series ends"
        await clock.advance(361)
        await clock.advance(361)
        await recorder.flush()
        assert api.notes() == [("p", 5)]
    assert api.requests == ["POST", "PATCH", "PATCH"]


async def test_a_series_whose_event_has_gone_is_created_anew() -> None:
    api = Api()
    async with recording(api) as recorder:
        record(recorder, "p")
        await recorder.flush()
        api.events.clear()
        record(recorder, "p")
        await recorder.flush()
    assert api.notes() == [("p", 2)]


async def test_a_series_that_began_in_the_queue_is_one_event() -> None:
    api = Api()
    async with recording(api, senders=2) as recorder:
        for _ in range(3):
            record(recorder, "p")
        await recorder.flush()
    assert api.notes() == [("p", 3)]


@pytest.mark.parametrize(
    "trouble",
    [lambda _: fakes.status(500), lambda _: fakes.status(429), fakes.hang_up],
    ids=["500", "429", "hung up"],
)
async def test_what_cannot_be_sent_is_tried_again(trouble: Callable[[web.Request], web.Response]) -> None:
    api, clock = Api(), fakes.Clock(hurry=False)
    api.trouble = [trouble, trouble]
    async with recording(api, clock, senders=1) as recorder:
        record(recorder, "p")
        flushed = asyncio.create_task(recorder.flush())
        while not flushed.done():
            await clock.advance(1)
            await asyncio.sleep(0.001)
    assert len(api.requests) == 3
    assert all(10 <= slept <= 12.5 for slept in clock.slept if slept < 100)
    assert (recorder.written, recorder.dropped) == (1, 0)


async def test_an_answer_that_was_lost_makes_no_second_event() -> None:
    api, clock = Api(), fakes.Clock(hurry=False)

    async def lossy(request: web.Request) -> web.Response:
        answer = await api(request)
        return answer if len(api.requests) > 1 else fakes.hang_up(request)

    async with fakes.client_of(lossy, clock=clock) as made:
        recorder = events.Recorder(made, "stowage", "stowage-host", senders=1)
        running = asyncio.create_task(recorder.run())
        record(recorder, "p")
        while not recorder.written:
            await clock.advance(1)
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert api.notes() == [("p", 1)]
    assert api.requests == ["POST", "POST"]


async def test_what_the_server_refuses_is_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    api = Api()
    api.trouble = [lambda _: fakes.status(422)]
    async with recording(api, senders=1) as recorder:
        record(recorder, "p")
        record(recorder, "q")
        await recorder.flush()
    assert (recorder.written, recorder.dropped) == (1, 1)
    assert "dropped (1 so far): 422" in caplog.text


async def test_a_full_queue_drops_and_counts_and_nobody_waits(caplog: pytest.LogCaptureFixture) -> None:
    async with recording(Api(), run=False, limit=10) as recorder:
        for number in range(25):
            record(recorder, f"p{number}")
    assert recorder.dropped == 15
    # The first and the tenth; the others whisper.
    assert caplog.text.count("the queue is full") == 2


async def test_events_stand_back_for_bindings_until_they_are_overdue() -> None:
    order: list[str] = []
    bound = asyncio.Event()
    clock = fakes.Clock(hurry=False)

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        if request.path.endswith("binding"):
            await bound.wait()
        else:
            order.append((await request.json())["regarding"]["name"])
        return web.json_response({})

    async with fakes.client_of(handle, clock=clock) as made:
        recorder = events.Recorder(made, "stowage", "stowage-host", senders=1)
        binds = [asyncio.create_task(bind(made)) for _ in range(limits.BESIDE)]
        record(recorder, "overdue")
        await clock.advance(limits.PATIENCE + 1)
        running = asyncio.create_task(recorder.run())
        await recorder.flush()
        assert order == ["overdue"]
        record(recorder, "new")
        await fakes.settled()
        assert order == ["overdue"]
        bound.set()
        await asyncio.gather(recorder.flush(), *binds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert order == ["overdue", "new"]


async def test_bindings_go_first() -> None:
    order: list[str] = []
    bound = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        await bound.wait()
        order.append("bind" if request.path.endswith("binding") else "event")
        return web.json_response({})

    async with fakes.client_of(handle, places=1) as made:
        recorder = events.Recorder(made, "stowage", "stowage-host")
        for number in range(20):
            record(recorder, f"p{number}")
        running = asyncio.create_task(recorder.run())
        await fakes.settled()  # one Event is in flight, more wait for its place
        binds = [asyncio.create_task(bind(made)) for _ in range(limits.SHARE - 1)]
        await fakes.settled()
        bound.set()
        await asyncio.gather(recorder.flush(), *binds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert order == ["event", *["bind"] * (limits.SHARE - 1), *["event"] * 19]


async def bind(made: client.Client) -> None:
    await made.create(resources.BINDINGS, b"{}", "ns", "a", priority=limits.Priority.NORMAL)
