"""Several collections kept in sync, their news in one queue, for one consumer that applies them.

No object is kept: of each, its name and UID are, so that a relist can say what has gone meanwhile. The
queue is bounded, and a full one makes the watches wait. News of one kind come in the order of its
resource versions; between kinds there is no order, as there is none on the server.
"""

import asyncio
import contextlib
import enum
from collections.abc import Sequence
from typing import Any, NamedTuple

from stowage.kube import client as clients
from stowage.kube import errors, resources, watch


class What(enum.Enum):
    """What has happened."""

    ADDED = "there is an object that was not known"
    CHANGED = "an object may have changed; after a relist, each that was known comes as this"
    REMOVED = "an object has gone; `object` is its last state, None where it went unseen"
    LISTED = "all of the kind's objects have come"
    REFUSED = "the server lacks the kind, or forbids it: `error`; LISTED comes when that ends"


class News(NamedTuple):
    """One thing that has happened to an object of `kind`, or to the kind itself."""

    what: What
    kind: resources.Resource[Any]
    head: watch.Head = watch.Head()
    object: Any = None
    error: errors.APIError | None = None


class Informer:
    """Follows `sources`, one a kind, while `run` runs.

    After `run` was cancelled, another one lists everything anew and says what has gone in between: the
    way to a consistent state for who has just become leader. `limit` is in news; a decoded pod is
    about 2 kB.
    """

    def __init__(
        self, client: clients.Client, sources: Sequence[watch.Source[Any]], limit: int = 2000
    ) -> None:
        self.news: asyncio.Queue[News] = asyncio.Queue(limit)
        self.counts = {str(source.kind): watch.Counts() for source in sources}
        self._client = client
        self._known = [_Known(source.kind) for source in sources]
        self._sources = sources

    async def run(self) -> None:
        """Fill `news` until cancelled."""
        async with asyncio.TaskGroup() as group:
            for source, known in zip(self._sources, self._known, strict=True):
                group.create_task(self._run(source, known), name=f"informer of {source.kind}")

    async def _run(self, source: watch.Source[Any], known: "_Known") -> None:
        following = watch.follow(self._client, source, self.counts[str(source.kind)])
        async with contextlib.aclosing(following) as changes:
            async for change in changes:
                for news in known.applied(change):
                    await self.news.put(news)


class _Known:
    """The names and UIDs of one kind's objects, and what a change means to who knew them."""

    def __init__(self, kind: resources.Resource[Any]) -> None:
        self._kind = kind
        self._uids: dict[str, str] = {}
        self._unlisted: dict[str, str] = {}

    def applied(self, change: watch.Change[Any]) -> list[News]:
        """Take a change in; return what is news."""
        key = f"{change.head.namespace}/{change.head.name}"
        match change.mark:
            case watch.Mark.LISTING:
                self._unlisted |= self._uids
                self._uids = {}
                return []
            case watch.Mark.LISTED:
                gone = [self._gone(key, uid) for key, uid in self._unlisted.items()]
                self._unlisted = {}
                return [*gone, News(What.LISTED, self._kind, change.head)]
            case watch.Mark.REFUSED:
                return [News(What.REFUSED, self._kind, error=change.error)]
            case watch.Mark.DELETED:
                known = self._uids.pop(key, None) is not None
                return [News(What.REMOVED, self._kind, change.head, change.object)] if known else []
            case _:
                return self._there(key, change)

    def _there(self, key: str, change: watch.Change[Any]) -> list[News]:
        """An object is there: known, new, or new under the name of one whose end nobody saw."""
        uid = change.head.uid
        before = self._unlisted.pop(key, None) or self._uids.get(key)
        news = []
        if before is not None and before != uid:
            news.append(self._gone(key, before))
            before = None
        if change.object is None and before is None:
            return news  # new and not decodable: as if it were not there
        self._uids[key] = uid
        if change.object is not None:
            what = What.ADDED if before is None else What.CHANGED
            news.append(News(what, self._kind, change.head, change.object))
        return news

    def _gone(self, key: str, uid: str) -> News:
        namespace, _, name = key.partition("/")
        return News(What.REMOVED, self._kind, watch.Head(namespace, name, uid))
