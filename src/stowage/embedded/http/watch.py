"""Watches: the changes of one resource that a selection means, as lines of JSON.

An object that a change brings into the selection is ADDED, one it takes out DELETED (in its last state
that was inside), as every watch of Kubernetes has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import msgspec

from stowage.embedded import errors, registry, schema
from stowage.embedded.http import query
from stowage.embedded.storage import store
from stowage.embedded.writing import fields

BOOKMARK_SECONDS: Final = 55.0
MAX_PENDING: Final = 100_000
"""Events a client may be behind before its watch is ended: it then lists again."""
INITIAL_END: Final = "k8s.io/initial-events-end"

Render = Callable[[schema.Resource, store.Entry], bytes]


def revision_of(params: Mapping[str, str]) -> int | None:
    """The resourceVersion of a request; None where there is none. ApiError 400."""
    text = params.get("resourceVersion", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise errors.bad_request(f'invalid resourceVersion "{text}": strconv.ParseUint: invalid syntax')
    return int(text)


class Watch:
    """One client's watch; `lines` until the time is up, the client is too slow, or `stop` is called."""

    def __init__(
        self,
        reg: registry.Registry,
        resource: schema.Resource,
        namespace: str,
        chosen: query.Selection,
        params: Mapping[str, str],
        render: Render,
    ) -> None:
        """ApiError 400, or 410 where the resourceVersion is no longer known."""
        self._reg, self._resource, self._namespace = reg, resource, namespace
        self._chosen, self._render = chosen, render
        self._bookmarks = query.flag(params, "allowWatchBookmarks")
        self._pending: list[bytes] = []
        self._wake = asyncio.Event()
        self._ended = False
        asked = revision_of(params)
        initial = query.flag(params, "sendInitialEvents")
        if "sendInitialEvents" in params and params.get("resourceVersionMatch") != "NotOlderThan":
            message = "Forbidden: resourceVersionMatch=NotOlderThan is required with sendInitialEvents"
            cause = errors.Cause("resourceVersionMatch", message, "FieldValueForbidden")
            raise errors.invalid("meta.k8s.io", "ListOptions", "", [cause])
        if asked is not None and asked > reg.objects.revision:
            raise errors.ApiError(
                504, "Timeout", f"Too large resource version: {asked}, current: {reg.objects.revision}"
            )
        if initial or (not asked and "sendInitialEvents" not in params):
            for entry in reg.objects.entries(resource.table, namespace):
                if chosen.matches(entry):
                    self._add("ADDED", entry)
            if initial and self._bookmarks:
                self._bookmark({"annotations": {INITIAL_END: "true"}})
        elif asked:
            try:
                for change in reg.objects.changes(resource.table, asked):
                    self._changed(resource.table, change)
            except store.CompactedError as error:
                raise errors.expired(f"too old resource version: {asked} ({reg.objects.revision})") from error
        self._unlisten = reg.objects.listen(self._changed)

    def stop(self) -> None:
        """End the watch after what is pending."""
        self._ended = True
        self._wake.set()

    def close(self) -> None:
        self._unlisten()

    async def chunks(self, seconds: float) -> AsyncIterator[bytes]:
        """What to send, several lines at a time, for at most `seconds`."""
        loop = asyncio.get_running_loop()
        end, bookmark = loop.time() + seconds, loop.time() + BOOKMARK_SECONDS
        while True:
            if self._pending:
                made, self._pending = b"".join(self._pending), []
                yield made
                continue
            now = loop.time()
            if self._ended or now >= end:
                return
            if now >= bookmark:
                bookmark = now + BOOKMARK_SECONDS
                if self._bookmarks:
                    self._bookmark({})
                continue
            self._wake.clear()
            try:
                async with asyncio.timeout(min(end, bookmark) - now):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _changed(self, table: str, change: store.Change) -> None:
        entry, before = change.entry, change.before
        if table != self._resource.table or (self._namespace and entry.key[0] != self._namespace):
            return
        if self._chosen.everything:
            self._add(change.kind, entry)
        else:
            is_in = change.kind != "DELETED" and self._chosen.matches(entry)
            was_in = before is not None and self._chosen.matches(before)
            if is_in:
                self._add("MODIFIED" if was_in else "ADDED", entry)
            elif was_in and before is not None:
                self._add("DELETED", entry if change.kind == "DELETED" else before.moved_on(entry.revision))
        if len(self._pending) > MAX_PENDING:
            self._pending.clear()
            self.stop()
        self._wake.set()

    def _add(self, kind: str, entry: store.Entry) -> None:
        self._pending.append(
            b'{"type":"%s","object":%s}\n' % (kind.encode(), self._render(self._resource, entry))
        )

    def _bookmark(self, metadata: dict[str, Any]) -> None:
        revision = self._reg.objects.revision
        meta = {"resourceVersion": str(revision)} | metadata
        body = msgspec.json.encode(fields.blank(self._resource.type) | {"metadata": meta})
        self._add("BOOKMARK", store.Entry(("", ""), revision, body, {}))
