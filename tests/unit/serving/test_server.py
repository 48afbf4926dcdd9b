"""The server: it answers on a socket of its own, and hangs up on who asks without end."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import uvloop

from stowage.serving import certificates, server


async def application(scope: Any, receive: Any, send: Any) -> None:
    body = scope["path"].encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port."""
    listening = server.listen("127.0.0.1", 0)
    async with asyncio.timeout(20), server.serving(application, listening, tls):
        yield listening.getsockname()[1]


async def test_it_answers_with_tls_on_the_socket_it_is_given() -> None:
    key, certificate = certificates.self_signed("127.0.0.1")
    listening = server.listen("127.0.0.1", 0)
    url = f"https://127.0.0.1:{listening.getsockname()[1]}/path"
    tls = certificates.context(key, certificate)
    async with (
        asyncio.timeout(20),
        server.serving(application, listening, tls),
        aiohttp.ClientSession() as session,
        session.get(url, ssl=certificates.trusting(certificate)) as answer,
    ):
        assert await answer.text() == "/path"


async def test_a_port_that_is_taken_is_an_oserror() -> None:
    async with serving() as port:
        with pytest.raises(OSError, match="in use"):
            server.listen("127.0.0.1", port)


async def test_a_head_without_end_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LONGEST_HEAD", 10_000)
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            writer.write(b"GET / HTTP/1.1\r\nx: ")
            while True:
                writer.write(b"x" * 1000)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nx: "], ids=["nothing", "half"])
async def test_who_does_not_ask_in_time_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.05)
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


async def test_one_connection_takes_many_requests() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path in (b"/a", b"/b"):
            writer.write(b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % path)
            assert (await reader.readuntil(path)).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_who_does_not_agree_on_tls_in_time_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.05)
    async with serving(certificates.context(*certificates.self_signed("127.0.0.1"))) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("greeted", [False, True], ids=["before TLS", "after TLS"])
def test_a_probe_is_answered_among_any_number_of_idle_connections(
    monkeypatch: pytest.MonkeyPatch, loop: Callable[[], asyncio.AbstractEventLoop], greeted: bool
) -> None:
    monkeypatch.setattr(server, "MOST", 20)
    key, certificate = certificates.self_signed("127.0.0.1")
    trusting = certificates.trusting(certificate)

    async def probed() -> None:
        async with (
            serving(certificates.context(key, certificate)) as port,
            aiohttp.ClientSession() as session,
        ):
            connected = [
                await asyncio.open_connection("127.0.0.1", port, ssl=trusting if greeted else None)
                for _ in range(50)
            ]
            for _ in range(2):
                async with session.get(f"https://127.0.0.1:{port}/probe", ssl=trusting) as answer:
                    assert await answer.text() == "/probe"
            for reader, _ in connected[:30]:
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
            for _, writer in connected:
                writer.transport.abort()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(probed())


async def test_a_connection_that_cannot_be_taken_in_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_PAUSE", 0.0)
    loop, failures = asyncio.get_running_loop(), [OSError("too many open files")] * 3
    accept = loop.sock_accept

    async def failing(listening: socket.socket) -> Any:
        if failures:
            raise failures.pop()
        return await accept(listening)

    monkeypatch.setattr(loop, "sock_accept", failing)
    async with (
        serving() as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/path") as answer,
    ):
        assert await answer.text() == "/path"
    assert not failures


async def test_where_all_are_busy_one_more_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST", 2)
    let, asked = asyncio.Event(), asyncio.Semaphore(0)

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        asked.release()
        await let.wait()
        await application(scope, receive, send)

    listening = server.listen("127.0.0.1", 0)
    async with asyncio.timeout(20), server.serving(slow, listening, None), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/path"
        answers = [asyncio.create_task(session.get(url)) for _ in range(2)]
        for _ in answers:
            await asked.acquire()
        with pytest.raises(aiohttp.ClientError):
            await session.get(url)
        let.set()
        for each in answers:
            assert await (await each).text() == "/path"
