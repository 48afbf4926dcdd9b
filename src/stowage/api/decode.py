"""Kubernetes JSON to typed objects; what is wrong is said with the object and the field.

`documents` finds the objects in a text (one object, or a List of any kind), `decode` turns one into
the struct of its kind. Text that is YAML is read elsewhere; its plain values come in through
`documents_in`. Decoding checks types and closed sets of values; meaning is `validate`'s.
"""

import json
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from stowage.api import decode_errors, objects


class DecodeError(ValueError):
    """Something that is not an object of its kind.

    `identity` names the object as far as it is known ("Pod default/web-0"), `path` the field
    ("spec.containers[0].name", empty for the object itself).
    """

    def __init__(self, identity: str, path: str, message: str) -> None:
        self.identity = identity
        self.path = path
        self.message = message
        super().__init__(": ".join(part for part in (identity, path, message) if part))


class UnknownKindError(DecodeError):
    """A kind that this project does not read; callers count it or pass over it."""


class Document(NamedTuple):
    """One object, not yet decoded: JSON text, or plain values where it was YAML.

    `position` is its index in a List, -1 where it stands alone.
    """

    api_version: str
    kind: str
    body: msgspec.Raw | bytes | dict[str, Any]
    position: int = -1


T = TypeVar("T")


class _Head(msgspec.Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""


class _List(_Head, rename="camel"):
    items: list[msgspec.Raw] | None = None


class _PlainList(_Head, rename="camel"):
    items: list[Any] | None = None


class _Name(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Named(msgspec.Struct):
    metadata: _Name = msgspec.field(default_factory=_Name)


_head = msgspec.json.Decoder(_Head)
_list = msgspec.json.Decoder(_List)
_decoders: dict[type[objects.Object], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in objects.KINDS.values()
}


def documents(data: bytes, faults: list[DecodeError] | None = None) -> Iterator[Document]:
    """Yield the objects in JSON text, Lists taken apart. DecodeError where it is not Kubernetes JSON.

    With ``faults``, what is wrong with an item of a List is noted there, and the others still come.
    """
    head = _read(_head, data, "", -1)
    if not head.kind.endswith("List"):
        yield _document(head, data, -1, "")
        return
    content = _read(_list, data, head.kind, -1)
    item_kind = head.kind.removesuffix("List")
    for position, raw in enumerate(content.items or ()):
        try:
            item = _read(_head, raw, item_kind or "item", position)
            yield from _flattened(head, item, raw, position, item_kind, faults)
        except DecodeError as error:
            _note(error, faults)


def documents_in(value: object, faults: list[DecodeError] | None = None) -> Iterator[Document]:
    """Yield the objects in plain values, as `documents` does."""
    head = _convert(value, _Head, "", -1)
    if not head.kind.endswith("List"):
        yield _document(head, typing.cast(dict[str, Any], value), -1, "")
        return
    content = _convert(value, _PlainList, head.kind, -1)
    item_kind = head.kind.removesuffix("List")
    for position, plain in enumerate(content.items or ()):
        try:
            item = _convert(plain, _Head, item_kind or "item", position)
            yield from _flattened(head, item, plain, position, item_kind, faults)
        except DecodeError as error:
            _note(error, faults)


def _note(error: DecodeError, faults: list[DecodeError] | None) -> None:
    if faults is None:
        raise error
    faults.append(error)


def decode(document: Document) -> objects.Object:
    """Decode one object. UnknownKindError where its kind is not read, DecodeError where it is wrong."""
    group, _, _ = document.api_version.rpartition("/")
    kind = objects.KINDS.get((group, document.kind))
    if kind is None:
        raise UnknownKindError(
            identify(document),
            "kind",
            f"{document.api_version or 'no apiVersion'} {document.kind} is not read here",
        )
    try:
        if isinstance(document.body, dict):
            return msgspec.convert(document.body, kind)
        return typing.cast(objects.Object, _decoders[kind].decode(document.body))
    except msgspec.ValidationError as error:
        if "got `null`" in str(error):
            return _decode_without_nulls(document, kind)
        raise _explained(error, document, kind) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DecodeError(identify(document), "", decode_errors.broken(error)) from None


def decode_json(data: bytes) -> list[objects.Object]:
    """Decode every object in JSON text; the first that is wrong or unknown raises."""
    return [decode(document) for document in documents(data)]


def identify(document: Document) -> str:
    """Name an object for people: kind, namespace and name, or its place in a list."""
    try:
        if isinstance(document.body, dict):
            meta = msgspec.convert(document.body, _Named).metadata
        else:
            meta = msgspec.json.decode(document.body, type=_Named).metadata
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        meta = _Name()
    kind = document.kind or "object"
    if meta.name:
        return f"{kind} {meta.namespace}/{meta.name}" if meta.namespace else f"{kind} {meta.name}"
    return f"{kind} without a name" if document.position < 0 else f"{kind} items[{document.position}]"


def _document(head: _Head, body: msgspec.Raw | bytes | dict[str, Any], position: int, kind: str) -> Document:
    if not head.kind and not kind:
        place = "" if position < 0 else f"items[{position}]"
        raise DecodeError(place, "kind", "is missing: this is not a Kubernetes object")
    return Document(head.api_version, head.kind or kind, body, position)


def _flattened(
    outer: _Head,
    item: _Head,
    body: msgspec.Raw | dict[str, Any],
    position: int,
    kind: str,
    faults: list[DecodeError] | None,
) -> Iterator[Document]:
    """Yield an item of a list; a typed list (PodList) says the kind once, and lists may nest."""
    if item.kind.endswith("List"):
        nested = documents_in(body, faults) if isinstance(body, dict) else documents(bytes(body), faults)
        yield from nested
        return
    if not item.kind and not item.api_version and kind:
        item = _Head(outer.api_version, kind)
    yield _document(item, body, position, kind)


def _read(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, kind: str, position: int) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _unreadable(error, kind, position) from None


def _convert(value: object, kind: type[T], name: str, position: int) -> T:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _unreadable(error, name, position) from None


def _unreadable(error: Exception, kind: str, position: int) -> DecodeError:
    place = kind if position < 0 else f"items[{position}]"
    if isinstance(error, msgspec.ValidationError):
        path, message = decode_errors.explain(error, None, None)
        return DecodeError(place, path, message)
    return DecodeError(place, "", decode_errors.broken(error))


def _explained(error: msgspec.ValidationError, document: Document, kind: type[objects.Object]) -> DecodeError:
    path, message = decode_errors.explain(error, _plain(document), kind)
    return DecodeError(identify(document), path, message)


def _decode_without_nulls(document: Document, kind: type[objects.Object]) -> objects.Object:
    """Decode as Go does, to which null means absent; apart, because it takes several times as long."""
    try:
        return msgspec.convert(_without_nulls(_plain(document)), kind)
    except msgspec.ValidationError as error:
        raise _explained(error, document, kind) from None
    except RecursionError as error:
        raise DecodeError(identify(document), "", decode_errors.broken(error)) from None


def _plain(document: Document) -> Any:
    # The standard library's reader also takes the number too large for a float that is to be reported.
    return document.body if isinstance(document.body, dict) else json.loads(bytes(document.body))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return value
