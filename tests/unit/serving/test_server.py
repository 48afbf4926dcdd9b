"""The server: it answers on a socket of its own, and hangs up on who asks without end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from stowage.serving import certificates, server


async def application(scope: Any, receive: Any, send: Any) -> None:
    body = scope["path"].encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """Without TLS; the port."""
    listening = server.listen("127.0.0.1", 0)
    async with asyncio.timeout(20), server.serving(application, listening, None):
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
