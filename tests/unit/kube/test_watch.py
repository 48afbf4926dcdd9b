"""List and watch, against a server of scripted answers."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from stowage.api import objects
from stowage.kube import client as clients
from stowage.kube import errors, resources, watch
from tests.unit.kube import fakes

SOURCE = watch.Source(resources.PODS, fields="status.phase!=Succeeded", page=2, stall=0.2)
LIST = "list"
HOLD = "hold"
BREAK = "break"


def pod(name: str, version: int, **fields: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": meta, **fields}


def event(kind: str, item: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def bookmark(version: int) -> bytes:
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


def listed(*items: dict[str, Any], version: int, more: str = "") -> web.Response:
    return web.json_response(
        {"metadata": {"resourceVersion": str(version), "continue": more}, "items": items}
    )


class Server:
    """Answers lists and watches from two scripts; a list of chunks is a watch, HOLD at its end keeps it
    open, BREAK cuts it off. The script's last answer is given for ever."""

    def __init__(self, lists: list[web.Response], watches: list[web.Response | list[bytes | str]]) -> None:
        self.lists = lists
        self.watches = watches
        self.asked: list[dict[str, str]] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        self.asked.append(query)
        watching = "watch" in query
        script: list[Any] = self.watches if watching else self.lists
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, web.Response):
            return web.Response(body=answer.body, status=answer.status, content_type="application/json")
        return await self._stream(request, answer)

    async def _stream(self, request: web.Request, chunks: list[bytes | str]) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            if isinstance(chunk, bytes):
                await response.write(chunk)
            elif chunk == HOLD:
                await asyncio.get_running_loop().create_future()
            else:
                assert request.transport is not None
                request.transport.abort()
        return response

    def watched_from(self) -> list[str]:
        return [query["resourceVersion"] for query in self.asked if "watch" in query]

    def count(self, what: str) -> int:
        return sum(("watch" in query) is (what != LIST) for query in self.asked)


@contextlib.asynccontextmanager
async def following(
    server: Server, counts: watch.Counts | None = None, clock: fakes.Clock | None = None
) -> AsyncIterator[AsyncIterator[watch.Change[objects.Pod]]]:
    async with (
        fakes.client_of(server, clock=clock, tries=1) as client,
        contextlib.aclosing(watch.follow(client, SOURCE, counts)) as changes,
        asyncio.timeout(10),
    ):
        yield changes


async def take(changes: AsyncIterator[watch.Change[objects.Pod]], count: int) -> list[str]:
    """The next changes, each as its mark and the object's name."""
    found = []
    for _ in range(count):
        change = await anext(changes)
        found.append(f"{change.mark.name} {change.head.name}".strip())
    return found


async def test_a_list_comes_in_pages_and_then_its_changes() -> None:
    server = Server(
        [listed(pod("a", 1), pod("b", 2), version=9, more="next"), listed(pod("c", 3), version=9)],
        [
            [
                event("ADDED", pod("d", 10)),
                event("MODIFIED", pod("a", 11)),
                event("DELETED", pod("b", 12)),
                HOLD,
            ]
        ],
    )
    async with following(server) as changes:
        assert await take(changes, 8) == [
            *("LISTING", "FOUND a", "FOUND b", "FOUND c", "LISTED"),
            *("ADDED d", "MODIFIED a", "DELETED b"),
        ]
    first, second, watching = server.asked
    assert first == {"fieldSelector": "status.phase!=Succeeded", "limit": "2"}
    assert second == {**first, "continue": "next"}
    assert watching["resourceVersion"] == "9"
    assert watching["allowWatchBookmarks"] == "true"
    assert watching["fieldSelector"] == "status.phase!=Succeeded"
    assert 300 <= int(watching["timeoutSeconds"]) <= 600


async def test_a_cached_list_is_one_piece() -> None:
    server = Server([listed(version=9)], [[HOLD]])
    async with fakes.client_of(server) as client:
        source = watch.Source(resources.PODS, consistent=False, labels="a=b")
        async with contextlib.aclosing(watch.follow(client, source)) as changes:
            await take(changes, 2)
    assert server.asked[0] == {"labelSelector": "a=b", "resourceVersion": "0"}


async def test_the_next_watch_goes_on_where_the_last_one_was() -> None:
    server = Server(
        [listed(version=9)],
        [
            [event("ADDED", pod("a", 10))],  # ends as the server ends it
            [bookmark(20), BREAK],
            [event("ADDED", pod("b", 21)), event("MODIFIED", pod("b", 22))[:-5], BREAK],
            [event("MODIFIED", pod("b", 22)), HOLD],
        ],
    )
    async with following(server) as changes:
        assert await take(changes, 5) == ["LISTING", "LISTED", "ADDED a", "ADDED b", "MODIFIED b"]
    assert server.watched_from() == ["9", "10", "20", "21"]
    assert server.count(LIST) == 1


GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}


@pytest.mark.parametrize(
    "answer",
    [fakes.status(410), [event("ERROR", GONE)], [event("ERROR", {**GONE, "code": 500})], fakes.status(400)],
    ids=["410", "410 in the watch", "500 in the watch", "400"],
)
async def test_a_watch_that_cannot_go_on_makes_a_relist(answer: Any) -> None:
    clock = fakes.Clock()
    server = Server([listed(pod("a", 1), version=9), listed(pod("b", 2), version=30)], [answer, [HOLD]])
    async with following(server, clock=clock) as changes:
        assert await take(changes, 6) == ["LISTING", "FOUND a", "LISTED", "LISTING", "FOUND b", "LISTED"]
        waiting = asyncio.ensure_future(anext(changes))
        while server.count("watch") < 2:
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert server.watched_from() == ["9", "30"]
    assert len(clock.slept) == 1, "a relist waits, so that a flood of 410 is none of lists"


async def test_delays_between_relists_grow_to_five_seconds() -> None:
    clock = fakes.Clock()
    server = Server([listed(version=9)], [fakes.status(410)])
    async with following(server, clock=clock) as changes:
        await take(changes, 20)
    assert clock.slept[0] <= 0.25
    assert 2.5 <= clock.slept[-1] <= 5


@pytest.mark.parametrize("answer", [fakes.status(429), fakes.hang_up], ids=["429", "hung up"])
async def test_a_watch_that_does_not_open_is_tried_again_without_a_list(answer: Any) -> None:
    troubles = [answer, answer]

    async def handle(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query and troubles:
            trouble = troubles.pop()
            server.asked.append(dict(request.query))
            return trouble(request) if callable(trouble) else fakes.status(429)
        return await server(request)

    server = Server([listed(version=9)], [[event("ADDED", pod("a", 10)), HOLD]])
    async with (
        fakes.client_of(handle, tries=1) as client,
        contextlib.aclosing(watch.follow(client, SOURCE)) as changes,
    ):
        assert await take(changes, 3) == ["LISTING", "LISTED", "ADDED a"]
    assert server.watched_from() == ["9", "9", "9"]


async def test_a_stalled_watch_is_opened_again() -> None:
    counts = watch.Counts()
    server = Server(
        [listed(version=9)], [[event("ADDED", pod("a", 10)), HOLD], [event("ADDED", pod("b", 11)), HOLD]]
    )
    async with following(server, counts) as changes:
        assert await take(changes, 4) == ["LISTING", "LISTED", "ADDED a", "ADDED b"]
    assert server.watched_from() == ["9", "10"]
    assert counts == watch.Counts(lists=1, watches=2, broken=1)


async def test_what_does_not_decode_is_counted_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    counts = watch.Counts()
    server = Server(
        [listed(pod("a", 1, spec={"priority": "high"}), {"metadata": 5}, version=9)],
        [
            [
                event("MODIFIED", pod("a", 10, spec=[])),
                b"not json\n",
                event("SURPRISE", pod("a", 11)),
                event("ADDED", pod("b", 12)),
                HOLD,
            ]
        ],
    )
    async with following(server, counts) as changes:
        await anext(changes)
        broken = await anext(changes)
        assert (broken.mark, broken.head.name, broken.object) == (watch.Mark.FOUND, "a", None)
        assert await take(changes, 3) == ["LISTED", "MODIFIED a", "ADDED b"]
    assert counts.undecodable == 5
    assert (
        "pods: passed over: ns/a: Pod ns/a: spec.priority: should be a whole number, is text" in caplog.text
    )


@pytest.mark.parametrize("code", [403, 404], ids=str)
async def test_a_kind_that_is_refused_is_said_once_and_tried_until_it_works(code: int) -> None:
    clock = fakes.Clock()
    server = Server([fakes.status(code)] * 12 + [listed(pod("a", 1), version=9)], [[HOLD]])
    async with following(server, clock=clock) as changes:
        assert (await anext(changes)).mark is watch.Mark.LISTING
        refused = await anext(changes)
        assert refused.mark is watch.Mark.REFUSED
        assert isinstance(refused.error, errors.APIError)
        assert refused.error.status == code
        marks: list[str] = []
        while not marks or marks[-1] != "LISTED":
            marks += await take(changes, 1)
    assert marks == ["LISTING"] * 12 + ["FOUND a", "LISTED"]
    assert 15 <= clock.slept[-1] <= 30


async def test_lines_may_be_long_and_come_in_any_pieces() -> None:
    big = event("ADDED", pod("a", 10, spec={"nodeName": "x" * 3_000_000}))
    small = event("ADDED", pod("b", 11))
    server = Server([listed(version=9)], [[big[:1000], big[1000:] + small[:7], small[7:] + b"\n\n", HOLD]])
    async with following(server) as changes:
        assert await take(changes, 4) == ["LISTING", "LISTED", "ADDED a", "ADDED b"]


async def test_a_line_without_end_makes_a_relist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "LONGEST", 10_000)
    server = Server([listed(version=1), listed(pod("a", 2), version=2)], [[b"x" * 6_000, b"x" * 6_000, HOLD]])
    async with following(server) as changes:
        assert await take(changes, 5) == ["LISTING", "LISTED", "LISTING", "FOUND a", "LISTED"]


async def test_leaving_closes_the_watch() -> None:
    ended = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await server(request)
        finally:
            if "watch" in request.query:
                ended.set()

    server = Server([listed(version=9)], [[event("ADDED", pod("a", 10)), HOLD]])
    async with fakes.client_of(handle) as client, asyncio.timeout(10):
        async with contextlib.aclosing(watch.follow(client, SOURCE)) as changes:
            await take(changes, 3)
        await ended.wait()
