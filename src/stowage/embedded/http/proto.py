"""Reads bodies in protobuf, which Kubernetes' own clients write: the field numbers are those of types.json.

Answers are always JSON, which every client takes that sends protobuf.
"""

from __future__ import annotations

import base64
import datetime
import functools
import struct
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from stowage.embedded import errors, schema

Object = dict[str, Any]
MEDIA: Final = "application/vnd.kubernetes.protobuf"
_MAGIC: Final = b"k8s\x00"
_DEEPEST: Final = 64
_OTHERS: Final = {
    "DeleteOptions": "meta.v1.DeleteOptions",
    "Eviction": "policy.v1.Eviction",
    "Scale": "autoscaling.v1.Scale",
    "TokenRequest": "authentication.v1.TokenRequest",
}
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def decode(body: bytes) -> Object:
    """The object of a body. ApiError 400."""
    if not body.startswith(_MAGIC):
        raise errors.bad_request("provided data does not appear to be a protobuf message")
    try:
        head, raw = b"", b""
        for number, value in _parts(body[len(_MAGIC) :]):
            if number == 1:
                head = _bytes(value)
            elif number == 2:
                raw = _bytes(value)
        named = {number: _bytes(value).decode() for number, value in _parts(head)}
        made = {"kind": named.get(2, ""), "apiVersion": named.get(1, "")}
        return made | _struct(raw, _type(made["apiVersion"], made["kind"]), 0)
    except (ValueError, IndexError, struct.error, OverflowError) as error:
        raise errors.bad_request(f"the body cannot be read as protobuf: {error}") from error


@functools.cache
def _type(api_version: str, kind: str) -> str:
    for each in schema.builtin():
        if (each.group_version, each.kind) == (api_version, kind) and schema.types()[each.type].numbers:
            return each.type
    if kind in _OTHERS:
        return _OTHERS[kind]
    raise ValueError(f"{api_version}, {kind} is not known in this form")


def _parts(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: number and value."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in {1, 5}:
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("cut off")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes are due")
    return value


def _signed(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where a number is due")
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def _struct(data: bytes, name: str, depth: int) -> Object:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    kind = schema.types()[name]
    made: Object = {}
    for number, value in _parts(data):
        inner = kind.inlined.get(number)
        if inner is not None:
            made |= _struct(_bytes(value), inner, depth + 1)
            continue
        field_name = kind.numbers.get(number)
        if field_name is None:
            continue
        field = kind.fields[field_name] if field_name in kind.fields else _inner_field(name, field_name)
        read = _value(value, field, depth + 1)
        if field.kind == "list":
            made.setdefault(field_name, []).append(read)
        elif field.kind == "map":
            made.setdefault(field_name, {}).update(read)
        elif read is not None and (read or field_name not in kind.zero_is_absent or field.kind == "struct"):
            made[field_name] = read
    return made


@functools.cache
def _inner_field(name: str, field_name: str) -> schema.Field:
    """The type of a field of an inlined struct: that of the same field where the struct is inlined."""
    for each in schema.types().values():
        if name in each.inlined.values() and field_name in each.fields:
            return each.fields[field_name]
    raise ValueError(f"{name}.{field_name} has no type")


def _value(value: int | bytes, field: schema.Field, depth: int) -> Any:
    kind = field.kind
    if kind == "string":
        return _bytes(value).decode()
    if kind == "struct":
        return _struct(_bytes(value), field.struct, depth)
    if kind in {"int32", "integer"}:
        return _signed(value)
    if kind == "boolean":
        return bool(_signed(value))
    if kind == "list":
        assert field.item is not None
        return _value(value, field.item, depth)
    if kind == "map":
        return _entry(_bytes(value), field, depth)
    return _special(_bytes(value), kind)


def _entry(data: bytes, field: schema.Field, depth: int) -> Object:
    key: str = ""
    assert field.item is not None
    read: Any = [] if field.item.kind == "list" else None
    for number, value in _parts(data):
        if number == 1:
            key = _bytes(value).decode()
        elif field.item.kind == "list":
            # A list as a value is a message of its own, with the items as field 1.
            read = [_value(item, field.item, depth) for _, item in _parts(_bytes(value))]
        else:
            read = _value(value, field.item, depth)
    return {key: "" if read is None else read}


def _special(data: bytes, kind: str) -> Any:
    """Types that have a form of their own in JSON."""
    if kind == "bytes":
        return base64.b64encode(data).decode()
    if kind == "number":
        return struct.unpack("<d", data)[0]
    found = dict(_parts(data))
    if kind == "quantity":
        return _bytes(found.get(1, b"")).decode()
    if kind == "intstr":
        return _bytes(found.get(3, b"")).decode() if found.get(1) else _signed(found.get(2, 0))
    if kind == "any":
        raw = _bytes(found.get(1, b""))
        return msgspec.json.decode(raw) if raw else None
    seconds, nanos = _signed(found.get(1, 0)), _signed(found.get(2, 0))
    if not found:
        return None
    moment = _EPOCH + datetime.timedelta(seconds=seconds, microseconds=nanos // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if kind == "microtime" else "%Y-%m-%dT%H:%M:%SZ")
