"""The ASGI application: authentication, routes, bodies, watches, errors."""

from __future__ import annotations

import asyncio
import logging
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from stowage.embedded import (
    discovery,
    errors,
    handlers,
    openapi,
    query,
    registry,
    request,
    reviews,
    schema,
    store,
    watch,
)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

WATCH_SECONDS: Final = 1800.0
"""How long a watch lasts that names no timeout."""
_HEALTH: Final = {"/healthz", "/livez", "/readyz"}
_AGGREGATED: Final = "as=APIGroupDiscoveryList"
_AGGREGATED_TYPE: Final = b"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_TEXT: Final = b"text/plain; charset=utf-8"
_JSON: Final = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)


class _NoPageError(Exception):
    """The path belongs to no API: the answer is no Status."""


class App:
    """Serves a registry. With an empty token everyone is admitted."""

    def __init__(self, reg: registry.Registry, token: str) -> None:
        self._reg, self._token = reg, token
        self._handlers = handlers.Handlers(reg, token)
        self._watches: set[watch.Watch] = set()

    def stop_watches(self) -> None:
        """End every watch, so that the server can close."""
        for each in tuple(self._watches):
            each.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not served")
        asked = _request(scope)
        try:
            if asked.path not in _HEALTH:
                self._authenticate(asked)
            asked = await _with_body(asked, receive)
            await self._route(asked, receive, send)
        except _NoPageError:
            await _send(send, 404, b"404 page not found\n", [(b"content-type", _TEXT)])
        except errors.ApiError as error:
            await _answer(send, error.code, _encode(error.status()), asked.warnings)
        except RecursionError:
            await _answer(send, 400, _encode(errors.bad_request("the object is nested too deeply").status()))
        except Exception as error:
            _log.exception("%s %s", asked.method, asked.path)
            internal = errors.internal(str(error))
            await _answer(send, internal.code, _encode(internal.status()))

    def _authenticate(self, asked: request.Request) -> None:
        kind, _, given = asked.headers.get("authorization", "").partition(" ")
        if self._token and (kind.lower() != "bearer" or not reviews.same(self._token, given.strip())):
            raise errors.unauthorized()

    async def _route(self, asked: request.Request, receive: Receive, send: Send) -> None:
        at = request.target(asked.path)
        if at is None:
            body, media = self._fixed(asked)
            await _send(send, 200, body, [(b"content-type", media)])
            return
        resource = self._reg.catalog.find(at.group, at.version, at.plural)
        if resource is None or (at.namespace and not resource.namespaced):
            if not any(
                (each.group, each.version) == (at.group, at.version) for each in self._reg.catalog.all()
            ):
                raise _NoPageError
            raise errors.no_such_path()
        if asked.method == "GET" and not at.subresource and query.flag(asked.params, "watch"):
            await self._watch(asked, at, resource, receive, send)
            return
        answer = self._handlers.handle(asked, at, resource)
        await _answer(send, answer.code, answer.body, asked.warnings)

    def _fixed(self, asked: request.Request) -> tuple[bytes, bytes]:
        """The paths that name no resource: body and media type. _NoPageError, ApiError 405."""
        if asked.method not in {"GET", "HEAD"}:
            raise errors.no_such_verb()
        path, resources = asked.path.rstrip("/"), self._reg.catalog.all()
        if path in _HEALTH:
            return b"ok", _TEXT
        found: Any = None
        if path == "/version":
            found = discovery.VERSION
        elif path in {"/api", "/apis"}:
            if _AGGREGATED in asked.headers.get("accept", ""):
                return _encode(discovery.aggregated(resources, core=path == "/api")), _AGGREGATED_TYPE
            found = discovery.legacy() if path == "/api" else discovery.groups(resources)
        elif path == "/openapi/v3":
            found = openapi.index(resources)
        else:
            found = self._versioned(path, resources)
        if found is None:
            raise _NoPageError
        return _encode(found), _JSON[1]

    def _versioned(self, path: str, resources: list[schema.Resource]) -> Any:
        """/api/VERSION, /apis/GROUP, /apis/GROUP/VERSION, and the OpenAPI document of each."""
        documented = path.startswith("/openapi/v3/")
        parts = path.removeprefix("/openapi/v3").strip("/").split("/")
        if parts[0] == "apis" and len(parts) == 2 and not documented:
            known = discovery.versions(resources).get(parts[1])
            return (
                {"kind": "APIGroup", "apiVersion": "v1"} | discovery.group(parts[1], known) if known else None
            )
        wanted = "/".join(parts[1:])
        if (parts[0], len(parts)) not in {("api", 2), ("apis", 3)}:
            return None
        mine = [each for each in resources if each.group_version == wanted]
        if not mine:
            return None
        return openapi.document(mine) if documented else discovery.resource_list(wanted, mine)

    async def _watch(
        self,
        asked: request.Request,
        at: request.Target,
        resource: schema.Resource,
        receive: Receive,
        send: Send,
    ) -> None:
        params = dict(asked.params)
        if at.name:
            params["fieldSelector"] = f"metadata.name={at.name}"
        chosen, form = query.selection(resource, params), asked.form()
        include = params.get("includeObject", "")

        def render(kind: schema.Resource, entry: store.Entry) -> bytes:
            return self._handlers.render(form, kind, entry, include)

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
        finally:
            gone.cancel()
            watching.close()
            self._watches.discard(watching)


async def _until_gone(receive: Receive, watching: watch.Watch) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watching.stop()


def _request(scope: Scope) -> request.Request:
    raw = urllib.parse.parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or scope["path"]
    return request.Request(scope["method"], path, dict(raw), headers)


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
    return request.Request(
        asked.method, asked.path, asked.params, asked.headers, b"".join(parts), asked.warnings
    )


async def _answer(send: Send, code: int, body: bytes, warnings: list[str] | None = None) -> None:
    headers = [_JSON]
    for text in warnings or ():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        headers.append((b"warning", f'299 - "{quoted}"'.encode("latin-1", "replace")))
    await _send(send, code, body, headers)


async def _send(send: Send, code: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    size = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": code, "headers": [*headers, size]})
    await send({"type": "http.response.body", "body": body})
