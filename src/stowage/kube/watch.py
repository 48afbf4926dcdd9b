"""A collection, followed for ever: list it, watch it, list it anew where the watch cannot go on.

Three generators, each a loop around the next: `follow` lists and relists, `_continued` watches
from where the last watch ended, `_watched` is one watch request. Objects are decoded one by one and
not kept. One that does not decode is logged and counted, and comes as a change without an object:
what is known of it is old, but it has not gone.

A watch ends every five to ten minutes because it asks to, and is taken up where it was. It counts as
stalled when neither an object nor a bookmark (API servers send one a minute) has come for `stall`
seconds. A server that no longer knows the place (410), or answers with any other error than 429,
makes a relist; a connection that breaks does not.
"""

import contextlib
import dataclasses
import enum
import logging
from collections.abc import AsyncGenerator
from typing import Any, Generic, NamedTuple, TypeVar

import aiohttp
import msgspec

from stowage.api import decode
from stowage.kube import client as clients
from stowage.kube import errors, limits, resources

logger = logging.getLogger(__name__)

T = TypeVar("T")

WATCH_SECONDS = 300
"""How long a watch asks to last at least; at most twice that, so that watches do not end together."""

SETTLED_SECONDS = 30.0
"""A list this old followed by a relist is no sign of trouble: delays begin anew."""


class Head(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What every object says of itself, whatever its kind."""

    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: str = ""


class Mark(enum.Enum):
    """What a change says."""

    LISTING = "a list begins; what it does not bring is gone"
    FOUND = "the list brings an object"
    LISTED = "the list is complete, as of head.resource_version"
    ADDED = "an object is new, or has come into the selection"
    MODIFIED = "an object has changed"
    DELETED = "an object has gone, or left the selection; it comes as it was last"
    BOOKMARK = "nothing happened up to head.resource_version"
    REFUSED = "the server lacks the kind or forbids it; tried again until it works, said once"


class Change(NamedTuple, Generic[T]):
    """`object` is None where the mark brings none, or where it does not decode. `error`: of REFUSED."""

    mark: Mark
    head: Head = Head()
    object: T | None = None
    error: errors.APIError | None = None


Changes = AsyncGenerator[Change[T], None]


@dataclasses.dataclass(frozen=True)
class Source(Generic[T]):
    """What to follow: a kind, in one namespace or all, by label and field selectors.

    `consistent`: lists are the state at that moment, in pages of `page` objects (500, as client-go);
    otherwise whatever the server has cached, which may be old, and in one piece. `stall` is in
    seconds: two bookmarks that did not come.
    """

    kind: resources.Resource[T]
    namespace: str = ""
    labels: str = ""
    fields: str = ""
    consistent: bool = True
    page: int = 500
    stall: float = 120.0

    def params(self) -> dict[str, str]:
        """The query parameters of the selectors."""
        return {
            key: value
            for key, value in (("labelSelector", self.labels), ("fieldSelector", self.fields))
            if value
        }


@dataclasses.dataclass
class Counts:
    """What happened, for metrics: requests begun, and objects that did not decode."""

    lists: int = 0
    watches: int = 0
    broken: int = 0
    undecodable: int = 0


class _Object(msgspec.Struct, frozen=True):
    metadata: Head = Head()


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


_object = msgspec.json.Decoder(_Object)
_event = msgspec.json.Decoder(_Event)
_MARKS = {mark.name: mark for mark in (Mark.ADDED, Mark.MODIFIED, Mark.DELETED)}


async def follow(client: clients.Client, source: Source[T], counts: Counts | None = None) -> Changes[T]:
    """Yield a collection's state and then its changes, for ever: each list from LISTING to LISTED."""
    counts = counts or Counts()
    backoff = limits.Backoff(longest=5.0, chance=client.chance)
    refusals = limits.Backoff(longest=30.0, chance=client.chance)
    refused = False
    while True:
        began, version = client.clock.monotonic(), ""
        try:
            async with contextlib.aclosing(_listed(client, source, counts)) as listed:
                async for change in listed:
                    version = change.head.resource_version
                    yield change
            refused = False
            refusals.reset()
            async with contextlib.aclosing(_continued(client, source, version, counts)) as changes:
                async for change in changes:
                    yield change
        except (errors.NotFound, errors.Forbidden) as error:
            if not refused:
                yield Change(Mark.REFUSED, error=error)
            refused = True
        except errors.KubeError as error:
            logger.warning("%s: listing anew: %s", source.kind, error)
        if client.clock.monotonic() - began > SETTLED_SECONDS:
            backoff.reset()
        await client.clock.sleep((refusals if refused else backoff).next())


async def _listed(client: clients.Client, source: Source[T], counts: Counts) -> Changes[T]:
    """Yield one list, page by page. Gone where the server forgot the pages before the last one."""
    counts.lists += 1
    params = source.params()
    params |= {"limit": str(source.page)} if source.consistent else {"resourceVersion": "0"}
    yield Change(Mark.LISTING)
    while True:
        page = await client.list_page(source.kind, source.namespace, params)
        for raw in page.items:
            change = _decoded(source, Mark.FOUND, raw, counts)
            if change is not None:
                yield change
        if not page.next_page:
            yield Change(Mark.LISTED, Head(resource_version=page.resource_version))
            return
        params["continue"] = page.next_page


async def _continued(client: clients.Client, source: Source[T], version: str, counts: Counts) -> Changes[T]:
    """Yield changes after `version`, over as many watches as it takes; raises what asks for a relist."""
    backoff = limits.Backoff(longest=5.0, chance=client.chance)
    while True:
        heard = False
        try:
            async with contextlib.aclosing(_watched(client, source, version, counts)) as changes:
                async for change in changes:
                    heard = True
                    version = change.head.resource_version or version
                    if change.mark is not Mark.BOOKMARK:
                        yield change
        except (errors.ConnectionLost, errors.TooManyRequests) as error:
            counts.broken += 1
            logger.info("%s: watching again: %s", source.kind, error)
        if heard:
            backoff.reset()
        else:
            await client.clock.sleep(backoff.next())


async def _watched(client: clients.Client, source: Source[T], version: str, counts: Counts) -> Changes[T]:
    """Yield what one watch request brings, bookmarks included."""
    counts.watches += 1
    params = source.params() | {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(int(WATCH_SECONDS * client.chance.uniform(1, 2))),
    }
    call = clients.Call("GET", source.kind.path(source.namespace), params)
    async with client.stream(call, source.stall) as content, contextlib.aclosing(_lines(content)) as lines:
        async for line in lines:
            change = _change(source, line, counts)
            if change is not None:
                yield change


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """Yield lines; a last one without an end was cut off with the connection. ServerError beyond LONGEST."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > clients.LONGEST:
            raise errors.ServerError(500, "a line of a watch that does not end")
        for line in lines:
            if line:
                yield line


def _change(source: Source[T], line: bytes, counts: Counts) -> Change[T] | None:
    try:
        event = _event.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _undecodable(source, line, error, counts)
        return None
    if event.type == "ERROR":
        errors.raise_for_status(event.object)
    if event.type == "BOOKMARK":
        return Change(Mark.BOOKMARK, _object.decode(event.object).metadata)
    mark = _MARKS.get(event.type)
    if mark is None:
        _undecodable(source, line, ValueError(f"an event of type {event.type!r}"), counts)
        return None
    return _decoded(source, mark, event.object, counts)


def _decoded(source: Source[T], mark: Mark, raw: msgspec.Raw, counts: Counts) -> Change[T] | None:
    """Decode an object; None where not even its name is to be had."""
    try:
        head = _object.decode(raw).metadata
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _undecodable(source, bytes(raw), error, counts)
        return None
    try:
        return Change(mark, head, source.kind.decode(raw))
    except decode.DecodeError as error:
        _undecodable(source, f"{head.namespace}/{head.name}", error, counts)
        return Change(mark, head)


def _undecodable(source: Source[Any], what: bytes | str, error: Exception, counts: Counts) -> None:
    counts.undecodable += 1
    shown = what if isinstance(what, str) else what[:200].decode(errors="replace")
    logger.error("%s: passed over: %s: %s", source.kind, errors.redacted(shown), error)
