"""A clock that a test moves, and an API server that is one function."""

import asyncio
import contextlib
import dataclasses
import datetime
import heapq
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import test_utils, web

from stowage.kube import client, connection

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WALL = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)


class Clock:
    """Stands still until `advance`; or, with `hurry`, jumps over every sleep at once."""

    def __init__(self, hurry: bool = True) -> None:
        self.time = 1000.0
        self.slept: list[float] = []
        self._hurry = hurry
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime.datetime:
        return WALL + datetime.timedelta(seconds=self.time - 1000.0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self._hurry:
            self.time += seconds
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Move on, waking sleepers in order, each with the time at which it meant to wake."""
        end = self.time + seconds
        await settled()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.time, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await settled()
        self.time = end


async def settled() -> None:
    """Let tasks that wait for nothing outside run until they wait for something."""
    for _ in range(20):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def client_of(
    handler: Handler,
    *,
    clock: Clock | None = None,
    authorization: str | None = None,
    **settings: Any,
) -> AsyncIterator[client.Client]:
    """A client of an API server that answers as `handler` does."""
    async with server_of(handler) as url:
        access = connection.fixed(connection.Access(url, authorization=authorization))
        async with make_client(access, clock, **settings) as made:
            yield made


@contextlib.asynccontextmanager
async def server_of(handler: Handler) -> AsyncIterator[str]:
    """The URL of an API server that answers as `handler` does."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with test_utils.TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def make_client(server: connection.Connection, clock: Clock | None = None, **settings: Any) -> client.Client:
    """A client without limits, whose clock does not make anybody wait."""
    chosen = dataclasses.replace(client.Settings(qps=None, timeout=5.0), **settings)
    return client.Client(server, chosen, clock or Clock(), random.Random(7))


def status(code: int, reason: str = "", headers: dict[str, str] | None = None, **fields: Any) -> web.Response:
    """An answer that is a Status."""
    body = {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": "no", **fields}
    return web.json_response(body, status=code, headers=headers)


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def answers(
    *given: web.Response | Callable[[web.Request], web.Response],
) -> tuple[Handler, list[web.Request]]:
    """A handler that gives these answers in turn, the last one for ever, and the requests it has had."""
    requests: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        requests.append(request)
        await request.read()
        answer = given[min(len(requests), len(given)) - 1]
        if isinstance(answer, web.Response):
            headers = {key: value for key, value in answer.headers.items() if key == "Retry-After"}
            return web.Response(
                body=answer.body, status=answer.status, headers=headers, content_type="application/json"
            )
        return answer(request)

    return handle, requests
