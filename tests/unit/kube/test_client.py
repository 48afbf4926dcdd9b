"""Requests, and which of them are repeated when."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import test_utils, web

from stowage.api import objects
from stowage.kube import client as clients
from stowage.kube import connection, errors, resources
from stowage.serving import certificates, server
from tests.unit.kube import fakes

POD = b'{"metadata": {"name": "a", "namespace": "ns", "uid": "u"}, "spec": {"nodeName": "n"}}'
OK = web.Response(body=POD)

Act = Callable[[clients.Client], Awaitable[Any]]


async def get(client: clients.Client) -> Any:
    return await client.get(resources.PODS, "a", "ns")


async def create(client: clients.Client) -> Any:
    return await client.create(resources.PODS, {"kind": "Pod"}, "ns")


async def bind(client: clients.Client) -> Any:
    return await client.create(resources.BINDINGS, b"{}", "ns", "a")


async def update(client: clients.Client) -> Any:
    return await client.update(resources.PODS, {"kind": "Pod"}, "a", "ns")


async def merge(client: clients.Client) -> Any:
    return await client.patch(resources.POD_STATUS, {"status": {}}, "a", "ns", how=clients.Patch.MERGE)


async def json_patch(client: clients.Client) -> Any:
    return await client.patch(resources.PODS, [{"op": "remove"}], "a", "ns", how=clients.Patch.JSON)


async def delete(client: clients.Client) -> Any:
    return await client.delete(resources.PODS, "a", "ns")


async def delete_by_uid(client: clients.Client) -> Any:
    return await client.delete(resources.PODS, "a", "ns", uid="u", grace_period=0)


REPEATABLE = [get, update, merge, delete_by_uid]
ONCE = [create, bind, json_patch, delete]
EVERY = REPEATABLE + ONCE


def name(act: Act) -> str:
    return getattr(act, "__name__", "")


@pytest.mark.parametrize(
    ("act", "method", "path", "content_type", "body"),
    [
        (get, "GET", "/api/v1/namespaces/ns/pods/a", "application/octet-stream", None),
        (create, "POST", "/api/v1/namespaces/ns/pods", "application/json", {"kind": "Pod"}),
        (bind, "POST", "/api/v1/namespaces/ns/pods/a/binding", "application/json", {}),
        (update, "PUT", "/api/v1/namespaces/ns/pods/a", "application/json", {"kind": "Pod"}),
        (merge, "PATCH", "/api/v1/namespaces/ns/pods/a/status", clients.Patch.MERGE, {"status": {}}),
        (json_patch, "PATCH", "/api/v1/namespaces/ns/pods/a", clients.Patch.JSON, [{"op": "remove"}]),
        (
            delete_by_uid,
            "DELETE",
            "/api/v1/namespaces/ns/pods/a",
            "application/json",
            {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "preconditions": {"uid": "u"},
                "gracePeriodSeconds": 0,
            },
        ),
    ],
    ids=["get", "create", "bind", "update", "merge", "json patch", "delete"],
)
async def test_what_is_sent(act: Act, method: str, path: str, content_type: str, body: object) -> None:
    sent: list[object] = []

    async def handle(request: web.Request) -> web.Response:
        text = await request.text()
        sent.append([request.method, request.path, request.content_type, json.loads(text) if text else None])
        return web.Response(body=POD)

    async with fakes.client_of(handle) as client:
        await act(client)
    assert sent == [[method, path, content_type, body]]


async def test_answers_are_typed() -> None:
    handle, _ = fakes.answers(OK)
    async with fakes.client_of(handle) as client:
        pod = await client.get(resources.PODS, "a", "ns")
        plain = await client.get(resources.PODS.plain(), "a", "ns")
    assert isinstance(pod, objects.Pod)
    assert pod.spec.node_name == "n"
    assert plain["metadata"]["uid"] == "u"


async def test_parameters_are_escaped() -> None:
    handle, requests = fakes.answers(
        web.Response(body=b'{"metadata": {"resourceVersion": "5"}, "items": null}')
    )
    async with fakes.client_of(handle) as client:
        page = await client.list_page(resources.PODS, params={"labelSelector": "a=b,c in (d&e, f)"})
    assert requests[0].query == {"labelSelector": "a=b,c in (d&e, f)"}
    assert page == clients.Page("5", "", ())


async def test_a_whole_list_is_read_page_by_page() -> None:
    first = b'{"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]}'
    last = b'{"metadata": {}, "items": [{"metadata": {"name": "b"}}]}'
    handle, requests = fakes.answers(web.Response(body=first), web.Response(body=last))
    async with fakes.client_of(handle) as client:
        pods = await client.list_all(resources.PODS, params={"labelSelector": "a"})
    assert [pod.metadata.name for pod in pods] == ["a", "b"]
    assert [dict(request.query) for request in requests] == [
        {"limit": "500", "labelSelector": "a"},
        {"limit": "500", "labelSelector": "a", "continue": "next"},
    ]


async def test_a_list_that_is_none_is_an_error_of_the_server() -> None:
    handle, _ = fakes.answers(web.Response(body=b"<html>"))
    async with fakes.client_of(handle) as client:
        with pytest.raises(errors.ServerError, match="a list of pods"):
            await client.list_page(resources.PODS)


# -------------------------------------------------------------------------- when to try again
@pytest.mark.parametrize("act", EVERY, ids=name)
async def test_after_429_any_request_is_repeated_when_the_server_says(act: Act) -> None:
    clock = fakes.Clock()
    handle, requests = fakes.answers(fakes.status(429, headers={"Retry-After": "7"}), OK)
    async with fakes.client_of(handle, clock=clock) as client:
        await act(client)
    assert len(requests) == 2
    assert clock.slept == [7]


async def test_after_429_without_a_time_delays_grow() -> None:
    clock = fakes.Clock()
    handle, requests = fakes.answers(fakes.status(429))
    async with fakes.client_of(handle, clock=clock) as client:
        with pytest.raises(errors.TooManyRequests):
            await create(client)
    assert len(requests) == 6
    for slept, whole in zip(clock.slept, (0.25, 0.5, 1, 2, 4), strict=True):
        assert whole / 2 <= slept <= whole


@pytest.mark.parametrize(
    "answer",
    [
        fakes.status(429, details={"causes": [{"reason": "DisruptionBudget"}], "retryAfterSeconds": 10}),
        fakes.status(429, headers={"Retry-After": "3600"}),
        fakes.status(403),
        fakes.status(409),
        fakes.status(422),
    ],
    ids=["budget", "an hour", "403", "409", "422"],
)
async def test_an_answer_that_waiting_does_not_change_is_raised(answer: web.Response) -> None:
    handle, requests = fakes.answers(answer)
    async with fakes.client_of(handle) as client:
        with pytest.raises(errors.APIError):
            await create(client)
    assert len(requests) == 1


@pytest.mark.parametrize("act", REPEATABLE, ids=name)
@pytest.mark.parametrize(
    "trouble",
    [fakes.status(500), fakes.status(504, headers={"Retry-After": "1"}), fakes.hang_up],
    ids=["500", "504", "hung up"],
)
async def test_what_may_take_effect_twice_is_repeated(act: Act, trouble: Any) -> None:
    handle, requests = fakes.answers(trouble, trouble, OK)
    async with fakes.client_of(handle) as client:
        await act(client)
    assert len(requests) >= 3


@pytest.mark.parametrize("act", ONCE, ids=name)
async def test_what_may_not_is_told_that_its_answer_was_lost(act: Act) -> None:
    handle, requests = fakes.answers(fakes.hang_up, OK)
    async with fakes.client_of(handle) as client:
        with pytest.raises(errors.AnswerLost):
            await act(client)
    assert len(requests) == 1


@pytest.mark.parametrize("act", ONCE, ids=name)
@pytest.mark.parametrize(
    "trouble",
    [fakes.status(500), fakes.status(500, headers={"Retry-After": "2"}), fakes.status(503)],
    ids=str,
)
async def test_what_may_not_is_not_repeated_after_a_failure(act: Act, trouble: web.Response) -> None:
    handle, requests = fakes.answers(trouble, OK)
    async with fakes.client_of(handle) as client:
        with pytest.raises(errors.ServerError):
            await act(client)
    assert len(requests) == 1


@pytest.mark.parametrize("act", EVERY, ids=name)
async def test_a_server_that_begins_or_ends_is_asked_again(act: Act) -> None:
    handle, requests = fakes.answers(fakes.status(503, headers={"Retry-After": "1"}), OK)
    async with fakes.client_of(handle) as client:
        await act(client)
    assert len(requests) == 2


@pytest.mark.parametrize("act", EVERY, ids=name)
async def test_a_server_that_is_not_there_is_tried_until_the_tries_are_used_up(act: Act) -> None:
    clock = fakes.Clock()
    nowhere = connection.fixed(connection.Access(f"http://127.0.0.1:{test_utils.unused_port()}"))
    async with fakes.make_client(nowhere, clock, tries=3) as client:
        with pytest.raises(errors.ConnectionLost, match="no connection") as caught:
            await act(client)
    assert not isinstance(caught.value, errors.AnswerLost)
    assert len(clock.slept) == 2


async def test_no_answer_in_time_is_a_lost_one() -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.get_running_loop().create_future()  # cancelled when the client hangs up
        return response

    async with fakes.client_of(half, timeout=0.1) as client:
        with pytest.raises(errors.AnswerLost):
            await create(client)


async def test_one_try_is_one_try() -> None:
    handle, requests = fakes.answers(fakes.status(500))
    async with fakes.client_of(handle) as client:
        with pytest.raises(errors.ServerError):
            await client.get(resources.PODS, "a", tries=1)
    assert len(requests) == 1


# -------------------------------------------------------------------------- credentials
class Rotating:
    """Reads another token each time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.count = 0

    async def __call__(self) -> connection.Access:
        self.count += 1
        return connection.Access(self.url, authorization=f"Bearer token-{self.count}")


@pytest.mark.parametrize("act", EVERY, ids=name)
async def test_refused_credentials_are_read_again_once(act: Act) -> None:
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.Response(body=POD) if seen[-1] == "Bearer token-2" else fakes.status(401)

    async with fakes.server_of(handle) as url:
        clock = fakes.Clock()
        server = connection.Connection(Rotating(url), clock)
        async with fakes.make_client(server, clock) as client:
            await act(client)
    assert seen == ["Bearer token-1", "Bearer token-2"]


async def test_credentials_that_stay_refused_are_an_error() -> None:
    handle, requests = fakes.answers(fakes.status(401))
    async with fakes.server_of(handle) as url:
        reads = Rotating(url)
        async with fakes.make_client(connection.Connection(reads, fakes.Clock())) as client:
            for _ in range(3):
                with pytest.raises(errors.Unauthorized):
                    await get(client)
    assert reads.count <= 2, "a plugin is not run for each refused request"
    assert len(requests) <= 4


async def test_no_token_is_shown_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(request: web.Request) -> web.Response:
        return web.Response(status=500, text=f"you sent {request.headers['Authorization']}")

    handle, _ = fakes.answers(echo, echo, fakes.hang_up)
    access = connection.Access("http://x", authorization="Bearer s3cret")
    async with fakes.client_of(handle, authorization="Bearer s3cret", tries=3) as client:
        with pytest.raises(errors.KubeError) as caught:
            await get(client)
        shown = f"{client!r} {vars(client)!r} {access!r} {connection.fixed(access)!r} {caught.value!r}"
    assert "s3cret" not in shown
    assert "s3cret" not in caplog.text


async def test_redirects_are_not_followed() -> None:
    handle, requests = fakes.answers(web.Response(status=307, headers={"Location": "http://elsewhere/"}))
    async with fakes.client_of(handle, authorization="Bearer s3cret") as client:
        with pytest.raises(errors.APIError):
            await get(client)
    assert len(requests) == 1


async def test_who_counts_is_told_of_every_try() -> None:
    answers = iter([fakes.status(429), web.Response(body=POD)])
    heard: list[tuple[str, str, bool]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        return next(answers)

    async with fakes.client_of(handle) as client:
        client.told = lambda code, method, host, seconds: heard.append(
            (code, method, host.startswith("127.0.0.1:") and seconds > 0)
        )
        await get(client)
    assert heard == [("429", "GET", True), ("200", "GET", True)]


async def test_who_counts_is_told_of_a_request_without_an_answer() -> None:
    heard: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        return fakes.hang_up(request)

    async with fakes.client_of(handle) as client:
        client.told = lambda code, method, host, seconds: heard.append(code)
        with pytest.raises(errors.AnswerLost):
            await bind(client)
    assert heard == ["<error>"]


async def test_who_counts_is_told_how_long_a_request_waited_for_its_turn() -> None:
    heard: list[tuple[str, bool]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(body=POD)

    async with fakes.client_of(handle) as client:
        client.waited = lambda method, host, seconds: heard.append((method, host.startswith("127.0.0.1:")))
        await get(client)
    assert heard == [("GET", True)]


async def test_through_a_proxy_requests_are_the_same() -> None:
    handle, requests = fakes.answers(fakes.status(429, headers={"Retry-After": "1"}), web.Response(body=POD))
    async with fakes.server_of(handle) as proxy:
        access = connection.Access("http://api.invalid:6443", proxy=proxy, authorization="Bearer t")
        async with fakes.make_client(connection.fixed(access)) as client:
            assert (await get(client)).metadata.name == "a"
    assert [str(request.url) for request in requests] == [
        "http://api.invalid:6443/api/v1/namespaces/ns/pods/a"
    ] * 2
    assert requests[0].headers["Authorization"] == "Bearer t"


@contextlib.asynccontextmanager
async def tunnel(opening: Callable[[], None]) -> AsyncIterator[str]:
    """The URL of a proxy that tells before it opens a tunnel."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        verb, place, *_ = head.decode().split()
        assert verb == "CONNECT"
        opening()
        theirs = await asyncio.open_connection(*place.split(":"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        tunnels.append(asyncio.gather(carry(reader, theirs[1]), carry(theirs[0], writer)))

    tunnels: list[Awaitable[Any]] = []
    proxy = await asyncio.start_server(connect, "127.0.0.1")
    async with proxy:
        yield f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    await asyncio.gather(*tunnels)


async def test_who_leads_no_more_when_the_way_through_a_proxy_is_open_sends_nothing() -> None:
    asked: list[str] = []
    leading = [True]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["method"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": POD})

    key, certificate = certificates.self_signed("127.0.0.1")
    listening = server.listen("127.0.0.1", 0)
    async with (
        asyncio.timeout(20),
        server.serving(application, listening, certificates.context(key, certificate)),
        tunnel(leading.clear) as proxy,
    ):
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        access = connection.Access(url, certificates.trusting(certificate), proxy=proxy)
        async with fakes.make_client(connection.fixed(access)) as client:
            with pytest.raises(errors.Withheld):
                await client.create(resources.BINDINGS, b"{}", "ns", "a", may=lambda: bool(leading))
            assert not asked
            await bind(client)
    assert asked == ["POST"]


@pytest.mark.parametrize("proxied", [False, True], ids=["straight", "through a proxy"])
async def test_an_answer_that_is_too_long_is_none(proxied: bool) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=b" " * 10_000 + POD)

    async with fakes.server_of(handle) as url:
        access = connection.Access(url, proxy=url if proxied else None)
        async with fakes.make_client(connection.fixed(access)) as client:
            await client.get(resources.PODS, "a", longest=11_000)
            with pytest.raises(errors.ConnectionLost, match="the answer is too long"):
                await client.get(resources.PODS, "a", longest=10_000)


async def test_who_may_not_send_any_more_sends_nothing() -> None:
    handle, requests = fakes.answers(web.Response(body=POD))
    async with fakes.client_of(handle) as client:
        with pytest.raises(errors.Withheld):
            await client.get(resources.PODS, "a", may=lambda: False)
    assert not requests
