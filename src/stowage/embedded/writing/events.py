"""The two forms of an Event: core/v1, in which it is stored, and events.k8s.io/v1."""

from __future__ import annotations

from typing import Any, Final

Object = dict[str, Any]
_NAMES: Final = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedCount": "count",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedSource": "source",
}
_BACK: Final = {core: new for new, core in _NAMES.items()}


def to_core(event: Object) -> Object:
    """An events.k8s.io event as core/v1."""
    return {_NAMES.get(name, name): part for name, part in event.items()}


def from_core(event: Object) -> Object:
    """A core/v1 event as events.k8s.io/v1, which leaves out what is empty."""
    found = {_BACK.get(name, name): part for name, part in event.items()}
    return {name: part for name, part in found.items() if part != ""}
