"""Nodes and pods that keep the JSON they came as, for extenders, which are sent whole objects.

As kube-scheduler's informers, without `managedFields`, which nobody decides on.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import msgspec

from stowage.api import objects
from stowage.kube import resources

T = TypeVar("T")


class Node(objects.Node, frozen=True):
    """A node and its JSON."""

    whole: bytes = b""


class Pod(objects.Pod, frozen=True):
    """A pod and its JSON."""

    whole: bytes = b""


class _Resource(resources.Resource[T]):
    """Nodes or pods that are decoded into these."""

    def decode(self, body: bytes | msgspec.Raw) -> T:
        found: Any = super().decode(body)
        kind = Node if isinstance(found, objects.Node) else Pod
        return kind(found.metadata, found.spec, found.status, trimmed(body))  # type: ignore[return-value]


def of(kind: type[T]) -> resources.Resource[T]:
    """As `resources.of`, of nodes or pods that keep their JSON."""
    known = resources.of(kind)
    return _Resource(**{field.name: getattr(known, field.name) for field in dataclasses.fields(known)})


def of_node(node: objects.Node | None) -> msgspec.Raw:
    """The JSON of a node that kept it."""
    assert isinstance(node, Node)
    return msgspec.Raw(node.whole)


def trimmed(body: bytes | msgspec.Raw) -> bytes:
    """An object's JSON without `managedFields`."""
    document = _fields.decode(body)
    meta = _fields.decode(document["metadata"])
    meta.pop("managedFields", None)
    document["metadata"] = msgspec.Raw(msgspec.json.encode(meta))
    return msgspec.json.encode(document)


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
