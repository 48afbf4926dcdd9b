"""A proxy before the API server that can answer, delay, cut, and lose an answer after the request went on."""

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
from aiohttp import web

from stowage.serving import certificates
from tests import control_plane

HOP = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length", "upgrade"})
"""Headers that are for one connection."""

LATE = 1.5
"""Seconds."""


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A request on its way; `forward` sends it on and returns the answer."""

    request: web.Request
    body: bytes
    forward: Callable[[], Awaitable[web.StreamResponse]]

    @property
    def pod(self) -> str:
        """The pod that is to be bound; empty where the request is no binding."""
        parts = self.request.path.split("/")
        return parts[-2] if self.request.method == "POST" and parts[-1] == "binding" else ""

    @property
    def watch(self) -> bool:
        return "watch" in self.request.query


Act = Callable[[Exchange], Awaitable[web.StreamResponse | None]]
"""Answers a request instead of the server; None: it goes on as if nothing were."""


class Proxy:
    """Between one scheduler and the API server; each fault lasts for the length of a block."""

    def __init__(self, plane: control_plane.ControlPlane) -> None:
        self.lost: set[str] = set()
        """pods of whose binding the answer was lost"""
        self.late: dict[str, asyncio.Task[web.StreamResponse]] = {}
        """pods of which a binding arrives later than its connection breaks"""
        self.waits: list[tuple[str, float]] = []
        """path of each request that came again after a fault had answered it, and the seconds until then"""
        self._answered: dict[tuple[str, str, bytes], float] = {}
        """method, path and body of a request -> when a fault answered it last"""
        self._plane = plane
        self._acts: list[Act] = []
        self._open: list[web.Request] = []
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def serving(self, folder: Path) -> AsyncIterator[str]:
        """Serves within the block; gives the path of a kubeconfig that leads through it."""
        key, certificate = certificates.self_signed("127.0.0.1")
        (folder / "proxy.pem").write_bytes(key + certificate)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "proxy.pem")
        application = web.Application(client_max_size=1 << 24)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        connector = aiohttp.TCPConnector(limit=0, ssl=False)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self._session:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
            await site.start()
            port = runner.addresses[0][1]
            path = folder / "proxied.kubeconfig"
            text = Path(self._plane.kubeconfig).read_text()
            path.write_text(text.replace(f":{self._plane.port}", f":{port}"))
            try:
                yield str(path)
            finally:
                self.cut()
                await asyncio.gather(*self.late.values())
                await runner.cleanup()

    @contextlib.contextmanager
    def fault(self, act: Act) -> Iterator[None]:
        """Has requests that come within the block meet it first."""
        self._acts.append(act)
        try:
            yield
        finally:
            self._acts.remove(act)

    def cut(self) -> None:
        """Breaks every watch that is open."""
        for request in self._open:
            abort(request)

    async def lose(self, exchange: Exchange) -> web.StreamResponse | None:
        """Lets a binding through, and its answer get lost."""
        if not exchange.pod:
            return None
        answer = await exchange.forward()
        if answer.status < 300:
            self.lost.add(exchange.pod)
        abort(exchange.request)
        return answer

    async def delay(self, exchange: Exchange) -> web.StreamResponse | None:
        """Breaks the connection of each pod's first binding, which arrives `LATE` seconds later."""
        if not exchange.pod or exchange.pod in self.late:
            return None

        async def arrive() -> web.StreamResponse:
            await asyncio.sleep(LATE)
            return await exchange.forward()

        self.late[exchange.pod] = asyncio.create_task(arrive())
        abort(exchange.request)
        return web.Response()

    # ---------------------------------------------------------------- requests

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        exchange = Exchange(request, body, lambda: self._forward(request, body))
        key, clock = (request.method, request.path, body), asyncio.get_running_loop().time
        if key in self._answered:
            self.waits.append((request.path, clock() - self._answered.pop(key)))
        for act in self._acts:
            answer = await act(exchange)
            if answer is not None:
                self._answered[key] = clock()
                return answer
        return await exchange.forward()

    async def _forward(self, request: web.Request, body: bytes) -> web.StreamResponse:
        assert self._session is not None
        url = f"https://127.0.0.1:{self._plane.port}{request.raw_path}"
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        try:
            async with self._session.request(request.method, url, data=body, headers=headers) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
                if "watch" not in request.query or answer.status >= 300:
                    return web.Response(body=await answer.read(), status=answer.status, headers=kept)
                return await self._stream(request, answer, kept)
        except (aiohttp.ClientError, OSError):
            abort(request)  # as the server did
            return web.Response(status=502)

    async def _stream(
        self, request: web.Request, answer: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        stream = web.StreamResponse(status=answer.status, headers=headers)
        self._open.append(request)
        try:
            await stream.prepare(request)
            async for chunk in answer.content.iter_any():
                await stream.write(chunk)
        finally:
            self._open.remove(request)
        return stream


def abort(request: web.Request) -> None:
    """Breaks the connection of a request."""
    if request.transport is not None:
        request.transport.abort()


def status(code: int, reason: str, retry_after: int | None = None) -> web.Response:
    """An error as an API server words it."""
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.json_response(
        {**said, "message": f"a fault on purpose: {reason}"}, status=code, headers=headers
    )
