"""The objects, each write with a revision of its own, and the changes since a while ago.

An object is kept as JSON bytes without its kind and apiVersion, which the resource it is read through
writes before it. Single-threaded; every call is one atomic step. With a journal, a write is on disk
before anyone sees it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, NamedTuple

import msgspec

from stowage.embedded.storage import journal as journals

HISTORY: Final = 16_384
"""How many changes of a kind can be watched afterwards: some minutes of a busy cluster."""

Key = tuple[str, str]
"""Namespace (empty for cluster-wide kinds) and name."""
Kind = Literal["ADDED", "MODIFIED", "DELETED"]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class CompactedError(Exception):
    """A revision was asked for that is no longer remembered."""


class _Metadata(msgspec.Struct):
    labels: dict[str, str] = {}


class _Head(msgspec.Struct):
    metadata: _Metadata


_head = msgspec.json.Decoder(_Head).decode


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One version of an object."""

    key: Key
    revision: int
    body: bytes
    labels: dict[str, str]
    first: bool = False
    """Whether it is as it was created; forgotten at a restart."""

    def read(self) -> dict[str, Any]:
        """The object, made anew for each caller."""
        made: dict[str, Any] = _decode(self.body)
        return made

    def moved_on(self, revision: int) -> Entry:
        """The same object, as it is told of at a later revision."""
        value = self.read()
        value["metadata"]["resourceVersion"] = str(revision)
        return Entry(self.key, revision, _encode(value), self.labels)


class Change(NamedTuple):
    """What happened to an object at a revision; `before` is the version that was replaced or deleted."""

    kind: Kind
    revision: int
    entry: Entry
    before: Entry | None


Listener = Callable[[str, Change], None]


class _Table:
    def __init__(self, born: int) -> None:
        self.entries: dict[Key, Entry] = {}
        self.history: deque[Change] = deque()
        self.floor = born
        """Changes after this revision are remembered."""


class Store:
    def __init__(self, journal: journals.Journal | None = None, history: int = HISTORY) -> None:
        self.revision = max(1, journal.revision() if journal else 0)
        self._born = self.revision
        self._history = history
        self._tables: dict[str, _Table] = {}
        self._listeners: list[Listener] = []
        self._journal = journal
        for row in journal.rows() if journal else ():
            entry = _entry((row.namespace, row.name), row.revision, row.body)
            self._table(row.kind).entries[entry.key] = entry

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the table and the change after each write, until the answer is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def get(self, table: str, key: Key) -> Entry | None:
        return self._table(table).entries.get(key)

    def entries(self, table: str, namespace: str = "") -> list[Entry]:
        """All of a table (or of a namespace in it) in the order of their keys."""
        found = self._table(table).entries
        return [found[key] for key in sorted(found) if not namespace or key[0] == namespace]

    def entries_at(self, table: str, revision: int, namespace: str = "") -> list[Entry]:
        """As they were at a revision. CompactedError where that is no longer known."""
        found = self._table(table)
        if revision < found.floor:
            raise CompactedError
        then: dict[Key, Entry] = dict(found.entries)
        for change in reversed(found.history):
            if change.revision <= revision:
                break
            if change.before is None:
                then.pop(change.entry.key, None)
            else:
                then[change.entry.key] = change.before
        return [then[key] for key in sorted(then) if not namespace or key[0] == namespace]

    def count(self, table: str) -> int:
        return len(self._table(table).entries)

    def changes(self, table: str, after: int) -> list[Change]:
        """What happened since a revision. CompactedError where part of that is forgotten."""
        found = self._table(table)
        if after < found.floor:
            raise CompactedError
        newer: deque[Change] = deque()
        for change in reversed(found.history):
            if change.revision <= after:
                break
            newer.appendleft(change)
        return list(newer)

    def put(self, table: str, value: dict[str, Any]) -> Entry:
        """Write an object (of which it takes hold) with the next revision as its resourceVersion."""
        meta = value["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        revision = self.revision + 1
        meta["resourceVersion"] = str(revision)
        body = _encode({name: part for name, part in value.items() if name not in {"kind", "apiVersion"}})
        found = self._table(table)
        before = found.entries.get(key)
        entry = Entry(key, revision, body, meta.get("labels") or {}, first=before is None)
        if self._journal:
            self._journal.put(journals.Row(table, *key, revision, body))
        found.entries[key] = entry
        self._record(table, Change("MODIFIED" if before else "ADDED", revision, entry, before))
        return entry

    def remove(self, table: str, key: Key, last: dict[str, Any] | None = None) -> Entry:
        """Delete what must be there; `last` is the final state that watchers see, else the stored one."""
        found = self._table(table)
        before = found.entries[key]
        revision = self.revision + 1
        value = last if last is not None else before.read()
        value["metadata"]["resourceVersion"] = str(revision)
        body = _encode({name: part for name, part in value.items() if name not in {"kind", "apiVersion"}})
        entry = Entry(key, revision, body, before.labels)
        if self._journal:
            self._journal.remove(journals.Row(table, *key, revision, b""))
        del found.entries[key]
        self._record(table, Change("DELETED", revision, entry, before))
        return entry

    def drop_table(self, table: str) -> Iterator[Entry]:
        """Delete all of a table, one revision each."""
        for entry in self.entries(table):
            yield self.remove(table, entry.key)

    def together(self) -> contextlib.AbstractContextManager[None]:
        """All writes of the block are on disk at its end, or, where it fails, none; then nobody may go on."""
        return self._journal.together() if self._journal else contextlib.nullcontext()

    def close(self) -> None:
        if self._journal:
            self._journal.close()

    def _table(self, name: str) -> _Table:
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = _Table(self._born)
        return found

    def _record(self, table: str, change: Change) -> None:
        found = self._tables[table]
        self.revision = change.revision
        found.history.append(change)
        if len(found.history) > self._history:
            found.floor = found.history.popleft().revision
        for listener in tuple(self._listeners):
            listener(table, change)


def _entry(key: Key, revision: int, body: bytes) -> Entry:
    return Entry(key, revision, body, _head(body).metadata.labels)
