"""What the scheduler answers over HTTPS: an ASGI application whose paths, texts and refusals are
kube-scheduler's (cmd/kube-scheduler/app/server.go), with `/decisions` and `/debug/flags/vmodule` besides."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from stowage.kube import errors
from stowage.scheduler import live, logs
from stowage.scheduler.https import access, health

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

LONGEST_BODY: Final = 4096
"""Bytes of a body; the longest that is read is a list of patterns."""

STREAM_SECONDS: Final = 1800.0
"""How long `/decisions` goes on before its reader has to come back and be let in anew."""

PLAIN: Final = "text/plain; charset=utf-8"
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
JSON: Final = "application/json"
_encode = msgspec.json.Encoder().encode


class Metrics(Protocol):
    def exposition(self, accept: str) -> tuple[bytes, str]:
        """What `/metrics` answers, and its type, to an Accept header."""
        ...

    def resources(self) -> bytes:
        """What `/metrics/resources` answers."""
        ...


@dataclass(frozen=True)
class Answer:
    """``sniff``: whether a browser may guess another type."""

    status: int
    body: bytes
    kind: str = PLAIN
    sniff: bool = False


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    receive: Receive


class _TooLong(Exception):
    pass


class Endpoints:
    """See the module. ``configuration`` is what `/configz` shows, without who asks in its URLs."""

    def __init__(
        self,
        process: live.Process,
        reviewed: access.Access,
        configuration: Mapping[str, Any],
        metrics: Metrics,
    ) -> None:
        self._process = process
        self._access = reviewed
        self._results = health.Results()
        self._groups = health.groups(process, self._results)
        self._metrics = metrics
        self._streams: set[asyncio.Task[None]] = set()
        shown = errors.struck(_encode({"componentconfig": configuration}).decode()).encode()
        self._routes: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "/metrics": self._exposition,
            "/metrics/resources": self._resources,
            "/metrics/slis": self._slis,
            "/configz": _always(Answer(200, shown, JSON)),
            "/debug/flags/v": _setter(logs.set_verbosity),
            "/debug/flags/vmodule": _setter(logs.set_modules),
        }

    def stop(self) -> None:
        """Ends the streams, so that the server can close."""
        for stream in tuple(self._streams):
            stream.cancel()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not served")
        asked = _request(scope, receive)
        try:
            refusal = await self._refusal(asked)
            if refusal is None and asked.path == "/decisions" and asked.method == "GET":
                await self._stream(asked, send)
                return
            answer = refusal or await self._answer(asked)
        except Exception:
            logger.exception("Request failed", extra={"path": asked.path})
            answer = _internal(asked.path, "the log says why")
        await _send(send, answer, asked.method != "HEAD")

    async def _refusal(self, asked: Request) -> Answer | None:
        """Why it is not answered: who asks is unknown, or may not."""
        try:
            user = await self._access.user(asked.headers.get("authorization", ""))
            await self._access.allow(user, asked.method.lower(), asked.path)
        except access.Unauthenticated:
            return _status(401, "Unauthorized", "Unauthorized")
        except access.Denied as denied:
            message = f'User "{user.username}" cannot {asked.method.lower()} path "{asked.path}"'
            message = message.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            reason = f": {denied}" if str(denied) else ""
            return _status(403, "Forbidden", f"forbidden: {message}{reason}", details={})
        except errors.KubeError as error:
            logger.warning("Access not reviewed", extra={"error": str(error)})
            return _internal(asked.path, str(error))
        return None

    async def _answer(self, asked: Request) -> Answer:
        route = self._routes.get(asked.path)
        if route is not None:
            return await route(asked)
        if asked.path == "/debug/flags" or asked.path.startswith("/debug/flags/"):
            return Answer(200, _FLAGS, "text/html; charset=utf-8", sniff=True)
        name, _, check = asked.path.removeprefix("/").partition("/")
        group = self._groups.get(name)
        if group is None:
            return Answer(404, b"404 page not found\n")
        if asked.path == f"/{name}":
            well, text = group.told("verbose" in asked.query, asked.query.get("exclude", []))
            return Answer(200 if well else 500, text.encode())
        found = group.find(check)
        if found is None:
            return Answer(404, b"404 page not found\n")
        failure = found.failure()
        if failure:
            return Answer(500, f"internal server error: {failure}\n".encode())
        return Answer(200, b"ok", sniff=True)

    async def _exposition(self, asked: Request) -> Answer:
        return Answer(200, *self._metrics.exposition(asked.headers.get("accept", "")), sniff=True)

    async def _resources(self, _: Request) -> Answer:
        """Only the leader knows the pods."""
        body = self._metrics.resources() if self._process.leads() else b""
        return Answer(200, body, METRICS, sniff=True)

    async def _slis(self, asked: Request) -> Answer:
        return Answer(200, *self._results.exposition(asked.headers.get("accept", "")), sniff=True)

    # ------------------------------------------------------------------ stream

    async def _stream(self, asked: Request, send: Send) -> None:
        """Decisions, until the reader leaves or has to come back."""
        headers = _headers("text/event-stream", sniff=False)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        after = asked.headers.get("last-event-id", "")
        pumping = asyncio.create_task(self._pump(after, send), name="decisions")
        leaving = asyncio.create_task(_left(asked.receive), name="reader of decisions")
        self._streams.add(pumping)
        try:
            await asyncio.wait(
                {pumping, leaving}, timeout=STREAM_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            self._streams.discard(pumping)
            pumping.cancel()
            leaving.cancel()
            ended, _ = await asyncio.gather(pumping, leaving, return_exceptions=True)
            if isinstance(ended, Exception):
                logger.error("Stream failed", extra={"path": asked.path}, exc_info=ended)
        await send({"type": "http.response.body"})

    async def _pump(self, after: str, send: Send) -> None:
        async with contextlib.aclosing(self._process.decisions.follow(after)) as portions:
            async for portion in portions:
                await send({"type": "http.response.body", "body": portion, "more_body": True})


# --------------------------------------------------------------------- helpers

_FLAGS: Final = b"""<html>
<head>
<title>/debug/flags/</title>
</head>
<body>
/debug/flags/<br>
<br>
flags:<br>
<table>
<tr>v<br>
<tr>vmodule<br>
</table>
<br>
full flags configurable<br>
</body>
</html>
"""


def _request(scope: Mapping[str, Any], receive: Receive) -> Request:
    query = urllib.parse.parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(scope["method"], scope["path"], query, headers, receive)


def _always(answer: Answer) -> Callable[[Request], Awaitable[Answer]]:
    async def same(_: Request) -> Answer:
        return answer

    return same


def _setter(take: Callable[[str], str]) -> Callable[[Request], Awaitable[Answer]]:
    """A flag that PUT sets (server/routes/flags.go)."""

    async def put(asked: Request) -> Answer:
        if asked.method != "PUT":
            return Answer(406, b"unsupported http method\n", "text/plain")
        try:
            told = take((await _body(asked.receive)).decode("utf-8", "replace"))
        except _TooLong:
            return Answer(413, b"request entity too large\n", "text/plain")
        except logs.FlagError as error:
            return Answer(400, f"{error}\n".encode(), "text/plain")
        logger.info("Verbosity changed", extra={"path": asked.path, "answer": told})
        return Answer(200, f"{told}\n".encode(), "text/plain")

    return put


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY:
            raise _TooLong
        if not message.get("more_body"):
            return bytes(body)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _status(code: int, reason: str, message: str, **more: Any) -> Answer:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        **more,
        "code": code,
    }
    return Answer(code, _encode(body) + b"\n", JSON, sniff=code == 401)  # which is said before all else


def _internal(path: str, message: str) -> Answer:
    return Answer(500, f'Internal Server Error: "{path}": {message}\n'.encode())


def _headers(kind: str, *, sniff: bool) -> list[tuple[bytes, bytes]]:
    headers = [(b"cache-control", b"no-cache, private"), (b"content-type", kind.encode())]
    return headers if sniff else [*headers, (b"x-content-type-options", b"nosniff")]


async def _send(send: Send, answer: Answer, with_body: bool) -> None:
    headers = _headers(answer.kind, sniff=answer.sniff)
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})
