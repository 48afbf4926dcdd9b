"""Events go an hour after they were last written, as kube-apiserver's `--event-ttl` has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from stowage.embedded import agenda, registry
from stowage.embedded.storage import store

EVENT_SECONDS: Final = 3600.0
_EVENTS: Final = "events"
_EVERY_SECONDS: Final = 10.0
_AT_ONCE: Final = 500
"""Deletions in one step: some 10 ms."""


class Expiry:
    def __init__(self, reg: registry.Registry, due: agenda.Agenda) -> None:
        self._reg, self._due = reg, due
        self._written: deque[tuple[float, store.Key, int]] = deque()
        """When, which event, and the revision it then had; oldest first."""

    def start(self) -> Callable[[], None]:
        """Follow the events; those that are there count as written now. The answer stops that."""
        for entry in self._reg.objects.entries(_EVENTS):
            self._note(entry)
        self._look()
        return self._reg.objects.listen(self._changed)

    def _changed(self, table: str, change: store.Change) -> None:
        if table == _EVENTS and change.kind != "DELETED":
            self._note(change.entry)

    def _note(self, entry: store.Entry) -> None:
        self._written.append((self._reg.time(), entry.key, entry.revision))

    def _look(self) -> None:
        """Delete what is due, a part of it where it is much."""
        before = self._reg.time() - EVENT_SECONDS
        for _ in range(_AT_ONCE):
            if not self._written or self._written[0][0] > before:
                self._due.add("events", self._look, _EVERY_SECONDS)
                return
            _, key, revision = self._written.popleft()
            entry = self._reg.objects.get(_EVENTS, key)
            if entry is not None and entry.revision == revision:
                self._reg.objects.remove(_EVENTS, key)
        self._due.add("events", self._look)
