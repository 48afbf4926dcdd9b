"""Requests to an API server: typed, limited, and repeated where that is safe.

Every request passes `_answered`, the one place that repeats. What is repeated, with growing delays or
after as long as the server asks:

- 429, whatever the request was: the server did nothing. Not where a disruption budget forbids an
  eviction, which is an answer, nor where the server asks for more than `trouble.LONGEST_WAIT` seconds.
- A connection that was never made: nothing was sent.
- 503 with Retry-After: a server that begins or ends, and did nothing.
- Any other 5xx, and a request that was sent and found no answer, only where it may take effect twice:
  reads, updates, patches other than JSON patches, and deletions of one UID. (An update of which only
  the answer was lost comes back as Conflict.) Anything else, creations and bindings above all, is
  `ServerError` or `AnswerLost`, and the caller finds out. client-go repeats any 5xx with Retry-After,
  also the "timeout, try again in 2 s" that etcd's lost answers become.
- 401, once, after the credentials were read again.

Where the tries are used up, the last error is raised.
"""

import asyncio
import contextlib
import dataclasses
import enum
import functools
import logging
import random
import socket
import time
import urllib.parse
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Self, TypeVar

import aiohttp
import msgspec
import yarl

from stowage.kube import clock as clocks
from stowage.kube import connection, errors, limits, pool, resources, trouble

logger = logging.getLogger(__name__)

T = TypeVar("T")
Body = msgspec.Struct | dict[str, Any] | list[Any] | bytes
"""What is sent: an object, or its JSON. A struct of `stowage.api` names only some fields: create and
apply it, but never update an object with one."""

Told = Callable[[str, str, str, float], None]
"""Takes what became of a request: status or "<error>", method, host and port, seconds."""


LONGEST = 64 << 20
"""Bytes of an answer that is one object; API servers take 3 MiB, and etcd half of that."""

LONGEST_LIST = 4 << 30
"""Bytes of a list or page; in one piece, 150,000 pods of 10 KB are 1.5 GB."""


class Patch(enum.StrEnum):
    """The patch types, as content types."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclasses.dataclass(frozen=True)
class Settings:
    """How requests are limited and repeated.

    `qps` and `burst`: 50 and 100, kube-scheduler's defaults; qps None means unlimited. `places`:
    requests in flight at once, each on a connection of its own. `timeout`: seconds for one try; API
    servers end most requests after 60, and a slow one should still be heard. `tries`: six, with
    delays of a quarter second and up, last some 5 to 10 seconds together.
    """

    qps: float | None = 50.0
    burst: int = 100
    places: int = 100
    timeout: float = 30.0
    tries: int = 6
    user_agent: str = "stowage"


class Call(msgspec.Struct, frozen=True):
    """One request. `repeatable`: that it may take effect twice; `tries`: 1 for never again. `may`: asked
    at each try, last before it is sent; `errors.Withheld` where the answer is no. `longest`: bytes of the
    answer; one that is longer counts as none."""

    method: str
    path: str
    params: Mapping[str, str] = {}
    body: bytes | None = None
    content_type: str = "application/json"
    repeatable: bool = True
    priority: limits.Priority = limits.Priority.NORMAL
    tries: int | None = None
    timeout: float | None = None
    headers: Mapping[str, str] = {}
    may: Callable[[], bool] | None = None
    longest: int = LONGEST

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{urllib.parse.urlencode(self.params)}" if self.params else self.path

    @property
    def place(self) -> str:
        """Method and path, for people."""
        return f"{self.method} {self.path}"

    def check(self) -> None:
        """`errors.Withheld` where it may not be sent any more."""
        if self.may is not None and not self.may():
            raise errors.Withheld(f"{self.place}: not sent: no longer leading")


class Page(msgspec.Struct, frozen=True):
    """A list, or a page of one: items not yet decoded, and the token of the next page or ''."""

    resource_version: str
    next_page: str
    items: tuple[msgspec.Raw, ...]


class _ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    next_page: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMeta = _ListMeta()
    items: tuple[msgspec.Raw, ...] | None = ()


_list = msgspec.json.Decoder(_List)


class Client:
    """Talks to one API server; `async with` it, or `close` it."""

    def __init__(
        self,
        server: connection.Connection,
        settings: Settings = Settings(),
        clock: clocks.Clock = clocks.SYSTEM,
        chance: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.chance = chance or random.Random()
        self.told: Told | None = None
        """Told of each request sent: the status code, or <error>, the method, the host, and the seconds
        until the answer, or as far as its head where it goes on."""
        self.waited: Callable[[str, str, float], None] | None = None
        """Told of each request about to be sent: the method, the host, and the seconds that it waited."""
        self._server = server
        self._limiter = limits.Limiter(settings.qps, settings.burst, settings.places, clock)
        self._pool = pool.Pool(settings.user_agent)
        self._session: aiohttp.ClientSession | None = None
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; requests and watches under way fail."""
        await self._limiter.close()
        await self._pool.close()
        if self._session is not None:
            await self._session.close()
        # What the HTTP library closed before may still wait for the server's part in ending TLS.
        for opened in list(self._sockets):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while any(opened.fileno() >= 0 for opened in self._sockets):
                    await asyncio.sleep(0)

    # ---------------------------------------------------------------- objects
    async def get(self, kind: resources.Resource[T], name: str, namespace: str = "", **call: Any) -> T:
        """Read an object, or with a subresource a part of it. `call`: fields of `Call`, here and below."""
        return kind.decode(await self.request(Call("GET", kind.path(namespace, name), **call)))

    async def list_page(
        self,
        kind: resources.Resource[Any],
        namespace: str = "",
        params: Mapping[str, str] | None = None,
        **call: Any,
    ) -> Page:
        """Read a list or a page of it, as `params` say (limit, continue, resourceVersion, selectors)."""
        body = await self.request(
            Call("GET", kind.path(namespace), params or {}, longest=LONGEST_LIST, **call)
        )
        try:
            found = _list.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise errors.ServerError(500, f"a list of {kind} that is not one: {error}") from None
        return Page(found.metadata.resource_version, found.metadata.next_page, found.items or ())

    async def list_all(
        self, kind: resources.Resource[T], namespace: str = "", params: Mapping[str, str] | None = None
    ) -> list[T]:
        """Read a whole list at once, in pages; for the few. `watch.follow` reads many one by one."""
        found: list[T] = []
        query = {"limit": "500", **(params or {})}
        while True:
            page = await self.list_page(kind, namespace, query)
            found += map(kind.decode, page.items)
            if not page.next_page:
                return found
            query["continue"] = page.next_page

    async def create(
        self,
        kind: resources.Resource[T],
        body: Body,
        namespace: str = "",
        name: str = "",
        params: Mapping[str, str] | None = None,
        **call: Any,
    ) -> T:
        """Create an object, or with the name of one and a subresource (binding, eviction) post to it."""
        request = Call(
            "POST", kind.path(namespace, name), params or {}, _encoded(body), repeatable=False, **call
        )
        return kind.decode(await self.request(request))

    async def update(
        self,
        kind: resources.Resource[T],
        body: dict[str, Any] | bytes,
        name: str,
        namespace: str = "",
        **call: Any,
    ) -> T:
        """Replace an object with `body`; Conflict where its resource version is no longer the latest."""
        request = Call("PUT", kind.path(namespace, name), body=_encoded(body), **call)
        return kind.decode(await self.request(request))

    async def patch(
        self,
        kind: resources.Resource[T],
        body: Body,
        name: str,
        namespace: str = "",
        *,
        how: Patch,
        params: Mapping[str, str] | None = None,
        **call: Any,
    ) -> T:
        """Change an object. Apply wants `fieldManager`, and takes `force`, among the parameters."""
        request = Call(
            "PATCH",
            kind.path(namespace, name),
            params or {},
            _encoded(body),
            content_type=how,
            repeatable=how is not Patch.JSON,
            **call,
        )
        return kind.decode(await self.request(request))

    async def delete(
        self,
        kind: resources.Resource[Any],
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        grace_period: int | None = None,
        **call: Any,
    ) -> None:
        """Delete an object; with a UID that one and no successor of its name (else Conflict). Repeated
        only with a UID; then NotFound may mean that an earlier try, its answer lost, worked."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_period is not None:
            options["gracePeriodSeconds"] = grace_period
        path = kind.path(namespace, name)
        await self.request(Call("DELETE", path, body=_encoded(options), repeatable=bool(uid), **call))

    # --------------------------------------------------------------- requests
    async def request(self, call: Call) -> bytes:
        """Send a request and return the answer's body; errors as the module says."""

        async def once() -> bytes:
            began = time.perf_counter()
            async with self._limiter.place(call.priority):
                access = await self._server.access()
                if self.waited is not None:
                    self.waited(call.method, _host(access.server), time.perf_counter() - began)
                timeout = call.timeout or self.settings.timeout
                if access.proxy is None:
                    return await self._asked(access, call, timeout)
                async with await self._send(access, call, timeout) as answer:
                    return await _body(answer, call.longest)

        return await self._answered(call, once)

    async def _asked(self, access: connection.Access, call: Call, timeout: float) -> bytes:
        headers = {"Accept": "application/json", **call.headers}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        with _Timed(self.told, access, call) as timed:
            answer = await self._pool.ask(
                access, call.method, call.target, headers, call.body, timeout, call.longest, call.check
            )
            timed.status = answer.status
        if answer.status >= 300:
            raise errors.from_answer(answer.status, answer.body, answer.retry_after)
        return answer.body

    @contextlib.asynccontextmanager
    async def stream(self, call: Call, stall: float) -> AsyncIterator[aiohttp.StreamReader]:
        """Open an answer that goes on, such as a watch's; ConnectionLost where it breaks off, or
        brings nothing for `stall` seconds. Only the opening is repeated."""

        async def once() -> aiohttp.ClientResponse:
            await self._limiter.token(call.priority)
            answer = await self._send(await self._server.access(), call, None, stall)
            if answer.status >= 300:
                async with answer:
                    await _body(answer, call.longest)
            return answer

        answer = await self._answered(call, once)
        try:
            yield answer.content
        except trouble.BROKEN as error:
            raise trouble.translated(call.place, error, repeatable=call.repeatable) from error
        finally:
            answer.close()

    async def _answered(self, call: Call, once: Callable[[], Awaitable[T]]) -> T:
        backoff: limits.Backoff | None = None
        left = call.tries or self.settings.tries
        renewed = False
        while True:
            left -= 1
            access = await self._server.access()
            try:
                try:
                    return await once()
                except trouble.BROKEN as error:
                    raise trouble.translated(call.place, error, repeatable=call.repeatable) from error
            except errors.Unauthorized:
                if renewed or not await self._server.renew(access):
                    raise
                renewed = True
                left += 1
            except (errors.TooManyRequests, errors.ServerError, errors.ConnectionLost) as error:
                backoff = backoff or limits.Backoff(chance=self.chance)
                delay = trouble.delay(error, backoff, repeatable=call.repeatable)
                if delay is None or left <= 0:
                    raise
                logger.debug("%s %s: %s; again in %.2f s", call.method, call.path, error, delay)
                await self.clock.sleep(delay)

    async def _send(
        self, access: connection.Access, call: Call, timeout: float | None, stall: float | None = None
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json", "User-Agent": self.settings.user_agent, **call.headers}
        # Decompression would cost the one event loop more than the bytes cost the network.
        headers["Accept-Encoding"] = "identity"
        if access.authorization:
            headers["Authorization"] = access.authorization
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        with _Timed(self.told, access, call) as timed:
            answer = await self._connected().request(
                call.method,
                yarl.URL(access.server + call.target, encoded=True),
                data=call.body,
                headers=headers,
                ssl=access.tls if access.tls is not None else True,
                server_hostname=access.server_hostname,
                proxy=access.proxy,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=10.0, sock_read=stall),
                trace_request_ctx=call,
            )
            timed.status = answer.status
        return answer

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:  # a session wants a running loop
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=90, socket_factory=self._socket)
            before_sending = aiohttp.TraceConfig()
            before_sending.on_request_headers_sent.append(_check)  # called before the first byte is written
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[before_sending]
            )
            # It would repeat any DELETE by itself; there is no public way to say no.
            self._session._retry_connection = False
        return self._session

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, _ = address
        opened = socket.socket(family, kind, protocol)
        self._sockets.add(opened)
        return opened


def _encoded(body: Body) -> bytes:
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


async def _check(_: aiohttp.ClientSession, context: Any, __: aiohttp.TraceRequestHeadersSentParams) -> None:
    context.trace_request_ctx.check()


async def _body(answer: aiohttp.ClientResponse, longest: int) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > longest:
            raise ConnectionError("the answer is too long")
    if answer.status >= 300:
        raise errors.from_answer(answer.status, bytes(body), answer.headers.get("Retry-After"))
    return bytes(body)


@functools.lru_cache(maxsize=8)
def _host(server: str) -> str:
    return server.partition("://")[2].partition("/")[0]


class _Timed:
    """Tells `told` of a request, with the `status` that it was answered with. No generator: a request
    passes here each time."""

    __slots__ = ("_access", "_began", "_call", "_told", "status")

    def __init__(self, told: Told | None, access: connection.Access, call: Call) -> None:
        self.status = 0
        self._told = told
        self._access = access
        self._call = call

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        if self._told is not None:
            code = str(self.status) if self.status else "<error>"
            self._told(code, self._call.method, _host(self._access.server), time.perf_counter() - self._began)
