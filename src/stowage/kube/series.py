"""Which of the Events that happen are written, as client-go's events broadcaster decides.

The first of a kind is created. The second that is like it (same type, action, reason, reporter and
objects; the note may differ) makes a series of it, with a patch; further ones are only counted.
`finish` tells what to write of series that have ended or are to be kept from expiring. No I/O.
"""

import dataclasses
import datetime
import re
import uuid
from typing import Any, NamedTuple

import msgspec

from stowage.kube import clock as clocks

FINISH_SECONDS = 360.0
"""Nothing like it for six minutes: the series has ended; what comes then begins another."""

REFRESH_SECONDS = 1800.0
"""How often a series that goes on is written again, so that the API server does not expire it (1 h)."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class Reference(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """core/v1 ObjectReference. client-go's bears the resource version, so an object that has changed
    begins a series of its own."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: str = ""
    field_path: str = ""


class Key(NamedTuple):
    """Events with equal keys are one series."""

    type: str
    action: str
    reason: str
    regarding: Reference
    related: Reference | None


@dataclasses.dataclass(slots=True)
class Event:
    """An Event as it was first seen; `count` and `last` make the series it has become."""

    key: Key
    name: str
    note: str
    time: datetime.datetime
    last: datetime.datetime
    seen_at: float
    written_at: float
    count: int = 1

    @property
    def namespace(self) -> str:
        return self.key.regarding.namespace or "default"

    def body(self, controller: str, instance: str) -> dict[str, Any]:
        """The events.k8s.io/v1 Event."""
        body: dict[str, Any] = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "eventTime": clocks.micro_time(self.time),
            "reportingController": controller,
            "reportingInstance": instance,
            "action": self.key.action,
            "reason": self.key.reason,
            "regarding": self.key.regarding,
            "note": self.note,
            "type": self.key.type,
        }
        if self.key.related is not None:
            body["related"] = self.key.related
        return body | self.series()

    def series(self) -> dict[str, Any]:
        """The patch that makes a series of it; empty where there is none."""
        if self.count == 1:
            return {}
        return {"series": {"count": self.count, "lastObservedTime": clocks.micro_time(self.last)}}


class Aggregator:
    """Tells new Events from more of the same. Remembers `limit` kinds: beyond, the one seen first goes."""

    def __init__(self, limit: int = 10_000, clock: clocks.Clock = clocks.SYSTEM) -> None:
        self._limit = limit
        self._clock = clock
        self._events: dict[Key, Event] = {}

    def record(self, key: Key, note: str) -> Event | None:
        """Take an Event in; return it where something is to be written now: a creation where its count
        is 1, else a patch."""
        now = self._clock.now()
        seen_at = self._clock.monotonic()
        event = self._events.get(key)
        if event is None:
            if len(self._events) >= self._limit:
                del self._events[next(iter(self._events))]
            name = _name(key.regarding.name, now)
            event = Event(key, name, note, now, now, seen_at, seen_at)
            self._events[key] = event
            return event
        event.count += 1
        event.last, event.seen_at = now, seen_at
        if event.count > 2:
            return None
        event.written_at = seen_at
        return event

    def finish(self) -> list[Event]:
        """Forget what has ended; return the series of which to write the latest count."""
        now = self._clock.monotonic()
        due = []
        for key, event in list(self._events.items()):
            if now - event.seen_at > FINISH_SECONDS:
                del self._events[key]
            elif now - event.written_at <= REFRESH_SECONDS:
                continue
            if event.count > 1:
                event.written_at = now
                due.append(event)
        return due


def _name(regarding: str, now: datetime.datetime) -> str:
    """The object's name and the time in nanoseconds, as client-go's; a random one where that is none."""
    nanoseconds = int(now.timestamp()) * 1_000_000_000 + now.microsecond * 1000
    name = f"{regarding}.{nanoseconds:x}"
    return name if len(name) <= 253 and _NAME.fullmatch(name) else str(uuid.uuid4())
