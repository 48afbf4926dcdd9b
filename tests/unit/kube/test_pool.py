"""Short requests over connections that are kept."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from stowage.kube import connection, pool
from tests.unit.kube import fakes

Said = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def pool_of(handler: fakes.Handler) -> AsyncIterator[tuple[pool.Pool, connection.Access]]:
    async with fakes.server_of(handler) as url, opened() as made:
        yield made, connection.Access(url, authorization="Bearer t")


@contextlib.asynccontextmanager
async def raw(said: Said) -> AsyncIterator[tuple[pool.Pool, connection.Access]]:
    """A pool, and a server that says what it likes on each connection."""
    server = await asyncio.start_server(said, "127.0.0.1")
    async with server, opened() as made:
        port = server.sockets[0].getsockname()[1]
        yield made, connection.Access(f"http://127.0.0.1:{port}")


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[pool.Pool]:
    made = pool.Pool("tests")
    try:
        async with asyncio.timeout(20):
            yield made
    finally:
        await made.close()


async def ask(
    made: pool.Pool, access: connection.Access, target: str = "/", timeout: float = 5.0
) -> pool.Answer:
    return await made.ask(
        access, "POST", target, {"Accept": "application/json"}, b"{}", timeout, 200_000, lambda: None
    )


def transports(requests: list[web.Request]) -> int:
    """How many connections requests came on."""
    return len({id(request.transport) for request in requests})


async def test_a_request_has_its_head_and_its_body() -> None:
    seen: list[tuple[web.Request, bytes]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request, await request.read()))
        return web.Response(status=201, text="done", headers={"Retry-After": "7"})

    async with pool_of(handle) as (made, access):
        answer = await ask(made, access, "/a%20b?c=d")
    assert answer == pool.Answer(201, "7", b"done")
    (request, body), *more = seen
    assert not more
    assert (request.method, request.raw_path, body) == ("POST", "/a%20b?c=d", b"{}")
    assert request.headers["Authorization"] == "Bearer t"
    assert request.headers["User-Agent"] == "tests"


async def test_one_connection_serves_one_request_after_another() -> None:
    requests: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        requests.append(request)
        return web.Response(text="x" * 100_000)

    async with pool_of(handle) as (made, access):
        for _ in range(3):
            assert len((await ask(made, access)).body) == 100_000
        assert transports(requests) == 1


async def test_each_request_that_finds_no_connection_idle_opens_one_and_it_is_kept() -> None:
    requests: list[web.Request] = []
    go = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        requests.append(request)
        await go.wait()
        return web.Response()

    async with pool_of(handle) as (made, access):
        asked = [asyncio.create_task(ask(made, access)) for _ in range(5)]
        while len(requests) < 5:
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*asked)
        await asyncio.gather(*(ask(made, access) for _ in range(5)))
        assert len(requests) == 10
        assert transports(requests) == 5


async def test_a_connection_on_which_nobody_waits_for_an_answer_any_more_is_closed() -> None:
    requests: list[web.Request] = []
    never = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        requests.append(request)
        if len(requests) == 1:
            await never.wait()
        return web.Response(text=str(len(requests)))

    async with pool_of(handle) as (made, access):
        first = asyncio.create_task(ask(made, access))
        while not requests:
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await ask(made, access)).body == b"2"
        assert transports(requests) == 2


async def test_no_answer_in_time_is_an_error_and_not_the_next_requests_answer() -> None:
    asked = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.get_running_loop().create_future()
        return web.Response(text="second")

    async with pool_of(handle) as (made, access):
        with pytest.raises(TimeoutError, match=r"none in 0\.05 s"):
            await ask(made, access, timeout=0.05)
        assert (await ask(made, access)).body == b"second"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", "hung up"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "hung up"),
        (b"what?\r\n", "no HTTP"),
    ],
    ids=["nothing", "half", "something else"],
)
async def test_what_is_no_answer_is_an_error(said: bytes, error: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(said)
        writer.close()

    async with raw(answer) as (made, access):
        with pytest.raises(OSError, match=error) as caught:
            await ask(made, access)
    assert not isinstance(caught.value, pool.NotConnected)


async def test_a_server_that_closes_after_its_answer_is_believed() -> None:
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"{}")
        # In pieces, after a provisional answer, chunked.
        for piece in (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2", b"00 OK\r\nConnection: close\r\n"):
            writer.write(piece)
            await writer.drain()
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        writer.close()

    async with raw(answer) as (made, access):
        for _ in range(2):
            assert await ask(made, access) == pool.Answer(200, None, b"abc")
    assert connections == 2


async def test_without_a_server_there_is_no_connection() -> None:
    async with opened() as made:
        with pytest.raises(pool.NotConnected):
            await ask(made, connection.Access("http://127.0.0.1:1"))


async def test_a_server_without_tls_is_no_server_with_it() -> None:
    async with fakes.server_of(fakes.answers(web.Response())[0]) as url, opened() as made:
        access = connection.Access(url.replace("http:", "https:"), tls=ssl.create_default_context())
        with pytest.raises(pool.NotConnected):
            await ask(made, access)


async def test_other_credentials_are_used_from_then_on_and_another_server_gets_connections_of_its_own() -> (
    None
):
    seen: list[tuple[str, web.Request]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.headers["Authorization"], request))
        return web.Response()

    async with fakes.server_of(handle) as one, fakes.server_of(handle) as other, opened() as made:
        for server, token in ((one, "a"), (one, "b"), (other, "b")):
            await ask(made, connection.Access(server, authorization=token))
        assert [token for token, _ in seen] == ["a", "b", "b"]
        assert transports([request for _, request in seen[:2]]) == 1
        assert transports([request for _, request in seen]) == 2


async def test_a_connection_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.0)
    requests: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        requests.append(request)
        return web.Response()

    async with pool_of(handle) as (made, access):
        await ask(made, access)
        await ask(made, access)
        assert transports(requests) == 2


async def test_who_may_not_send_any_more_sends_nothing_and_leaves_the_connection() -> None:
    requests: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        requests.append(request)
        return web.Response()

    def refuse() -> None:
        raise PermissionError

    async with pool_of(handle) as (made, access):
        await ask(made, access)
        with pytest.raises(PermissionError):
            await made.ask(access, "POST", "/", {}, b"", 5.0, 1000, refuse)
        await ask(made, access)
        assert len(requests) == 2
        assert transports(requests) == 1


@pytest.mark.parametrize(
    "begun", [b"content-length: 1000000\r\n\r\n", b"x: "], ids=["a body", "a header without end"]
)
async def test_an_answer_that_is_too_long_is_none(begun: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\n" + begun + b"x" * 250_000)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.transport.abort()
        hung_up.set()

    hung_up = asyncio.Event()
    async with raw(say) as (made, access):
        with pytest.raises(ConnectionError, match="too long"):
            await ask(made, access)
        await hung_up.wait()


async def test_a_header_has_one_line() -> None:
    async with opened() as made:
        with pytest.raises(ValueError, match="line break"):
            await made.ask(
                connection.Access("http://x"), "GET", "/", {"A": "b\r\nC: d"}, None, 1.0, 1000, lambda: None
            )


async def test_requests_under_way_fail_when_it_is_closed() -> None:
    asked = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        asked.set()
        await asyncio.get_running_loop().create_future()
        return web.Response()

    async with pool_of(handle) as (made, access):
        under_way = asyncio.create_task(ask(made, access))
        await asked.wait()
        await made.close()
        with pytest.raises(ConnectionError):
            await under_way
