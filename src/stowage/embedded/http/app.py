"""The ASGI application: admission of requests, bodies, watches, errors; each answer is counted."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from stowage.embedded import errors, registry, schema
from stowage.embedded.http import access, fixed, handlers, monitoring, query, request, watch
from stowage.embedded.storage import store

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

WATCH_SECONDS: Final = 1800.0
"""How long a watch lasts that names no timeout."""
_JSON: Final = (b"content-type", fixed.JSON)
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class App:
    """Serves a registry; with an empty token to everyone."""

    def __init__(self, reg: registry.Registry, token: str) -> None:
        self._reg = reg
        self._access = access.Access(reg, token)
        self._monitoring = monitoring.Monitoring(reg)
        self._fixed = fixed.Fixed(reg, self._monitoring)
        self._handlers = handlers.Handlers(reg, self._access.who, self._access.may)
        self._watches: set[watch.Watch] = set()

    def stop_watches(self) -> None:
        """End every watch, so that the server can close."""
        for each in tuple(self._watches):
            each.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not served")
        began, asked = time.monotonic(), _request(scope)
        at = request.target(asked.path)
        resource = self._reg.catalog.find(at.group, at.version, at.plural) if at else None
        counted = monitoring.labels(asked.attributes(at), at, resource, asked.media())
        try:
            if asked.path not in fixed.HEALTH:
                asked = self._access.admit(asked, at)
            asked = await _with_body(asked, receive)
            if at is None:
                body, media = self._fixed.answer(asked)
                code = await _send(send, 200, body, [(b"content-type", media)])
            elif _watches(asked, at):
                with self._monitoring.watching(counted):
                    code = await self._watch(asked, at, self._known(at, resource), receive, send)
            else:
                answer = self._handlers.handle(asked, at, self._known(at, resource))
                code = await _answer(send, answer.code, answer.body, asked.warnings)
        except fixed.NoPageError:
            code = await _send(send, 404, b"404 page not found\n", [(b"content-type", fixed.TEXT)])
        except errors.ApiError as error:
            code = await _answer(send, error.code, _encode(error.status()), asked.warnings)
        except RecursionError:
            deep = errors.bad_request("the object is nested too deeply")
            code = await _answer(send, deep.code, _encode(deep.status()))
        except Exception as error:
            _log.exception("%s %s", asked.method, asked.path)
            internal = errors.internal(str(error))
            code = await _answer(send, internal.code, _encode(internal.status()))
        dry_run = asked.params.get("dryRun", "")
        self._monitoring.answered(counted, dry_run and "All", code, time.monotonic() - began)

    def _known(self, at: request.Target, resource: schema.Resource | None) -> schema.Resource:
        """The resource that a path names, if it is served. NoPageError, ApiError 404."""
        if resource is None or (at.namespace and not resource.namespaced):
            if not any(
                each.type and (each.group, each.version) == (at.group, at.version)
                for each in self._reg.catalog.all()
            ):
                raise fixed.NoPageError
            raise errors.no_such_path()
        return resource

    async def _watch(
        self,
        asked: request.Request,
        at: request.Target,
        resource: schema.Resource,
        receive: Receive,
        send: Send,
    ) -> int:
        if "watch" not in resource.verbs:
            raise errors.no_such_verb()
        params = dict(asked.params)
        if at.name:
            params["fieldSelector"] = f"metadata.name={at.name}"
        chosen, form = query.selection(resource, params), asked.form()
        include, headed = asked.included(), True

        def render(kind: schema.Resource, entry: store.Entry) -> bytes:
            nonlocal headed
            told, headed = headed, False  # only a watch's first table has a head
            return self._handlers.render(form, kind, entry, include, told)

        watching = watch.Watch(self._reg, resource, at.namespace, chosen, params, render)
        self._watches.add(watching)
        gone = asyncio.ensure_future(_until_gone(receive, watching))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [_JSON]})
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            seconds = query.whole_number(params, "timeoutSeconds") or WATCH_SECONDS
            async for chunk in watching.chunks(seconds):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return 200
        finally:
            gone.cancel()
            watching.close()
            self._watches.discard(watching)


def _watches(asked: request.Request, at: request.Target) -> bool:
    return asked.method == "GET" and not at.subresource and query.flag(asked.params, "watch")


async def _until_gone(receive: Receive, watching: watch.Watch) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watching.stop()


def _request(scope: Scope) -> request.Request:
    raw = urllib.parse.parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path = scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or scope["path"]
    # Of a parameter that is given twice, the first counts.
    return request.Request(scope["method"], path, dict(reversed(raw)), headers)


async def _with_body(asked: request.Request, receive: Receive) -> request.Request:
    """Read the body, as far as is taken. ApiError 413."""
    if asked.method in {"GET", "HEAD"}:
        return asked
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise errors.bad_request("the client went away")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > request.MAX_BODY:
            raise errors.too_large(request.MAX_BODY)
        if not message.get("more_body"):
            break
    return dataclasses.replace(asked, body=b"".join(parts))


async def _answer(send: Send, code: int, body: bytes, warnings: list[str] | None = None) -> int:
    headers = [_JSON]
    for text in warnings or ():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        headers.append((b"warning", f'299 - "{quoted}"'.encode("latin-1", "replace")))
    return await _send(send, code, body, headers)


async def _send(send: Send, code: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    size = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": code, "headers": [*headers, size]})
    await send({"type": "http.response.body", "body": body})
    return code
