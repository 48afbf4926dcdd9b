"""Plain objects to structs, strictly, and all faults at once.

`msgspec.convert` stops at the first fault and lets unknown fields pass; Kubernetes' strict decoder
names every unknown field. The struct types say what is known, so that there is one description.
As in Go, null is "not set", numbers are never text, and 3.5 is no integer.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import functools
import re
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from stowage.framework.config import report

_T = TypeVar("_T", bound=msgspec.Struct)
_BAD: Final = object()

_DURATION: Final = re.compile(r"(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_DURATION_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LARGEST_FLOAT: Final = 3.5e38
_LONGEST_DURATION: Final = 2**63 / 1e9


def seconds(text: str) -> float | None:
    """A duration as Go writes it (`1m30s`, `-1.5h`, `0`), in seconds; None where it is none."""
    sign, digits = (-1.0 if text[:1] == "-" else 1.0), text[1:] if text[:1] in ("-", "+") else text
    if digits == "0":
        return 0.0
    if len(digits) > 1000 or not _DURATION.fullmatch(digits):
        return None
    total = sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(digits))
    return sign * total if total < _LONGEST_DURATION else None


class Decoder:
    """`unknown(path of the field, its name)` says whether it has dealt with an unknown field."""

    def __init__(self, faults: report.Report, unknown: Callable[[str, str], bool]) -> None:
        self._faults = faults
        self._unknown = unknown

    def struct(self, cls: type[_T], value: object, path: str, *, ignore: frozenset[str] = frozenset()) -> _T:
        """`value` as a `cls`; a field that is wrong is reported and left at its default."""
        if not isinstance(value, dict):
            self._faults.error(path, report.invalid(value, "must be an object"))
            return cls()
        fields = _fields(cls)
        given: dict[str, Any] = {}
        for key, item in value.items():
            field = fields.get(key)
            where = f"{path}.{key}" if path else key
            if field is not None:
                decoded = self._value(field.type, item, where)
                if decoded is not _BAD:
                    given[field.name] = decoded
            elif key not in ignore and not self._unknown(where, key):
                self._faults.error(where, _unknown_field(key, fields))
        return cls(**given)

    def _value(self, kind: inspect.Type, value: object, path: str) -> object:
        if isinstance(kind, inspect.UnionType):
            if value is None:
                return _BAD
            kind = next(each for each in kind.types if not isinstance(each, inspect.NoneType))
        if isinstance(kind, inspect.Metadata) and "duration" in (kind.extra or {}):
            return self._duration(value, path)
        if value is None or isinstance(kind, inspect.AnyType):
            return _BAD if value is None else value
        if isinstance(kind, inspect.StructType):
            return self.struct(kind.cls, value, path)
        if isinstance(kind, inspect.VarTupleType):
            return self._sequence(kind.item_type, value, path)
        if isinstance(kind, inspect.DictType):
            return self._mapping(kind.value_type, value, path)
        return self._scalar(kind, value, path)

    def _sequence(self, item_type: inspect.Type, value: object, path: str) -> object:
        if not isinstance(value, list):
            return self._refuse(path, value, "must be a list")
        # A null item is the zero value, as in Go; an item that is wrong is reported and left out.
        nothing: object = {} if isinstance(item_type, inspect.StructType) else ""
        items = (
            self._value(item_type, nothing if item is None else item, f"{path}[{index}]")
            for index, item in enumerate(value)
        )
        return tuple(item for item in items if item is not _BAD)

    def _mapping(self, value_type: inspect.Type, value: object, path: str) -> object:
        if not isinstance(value, dict):
            return self._refuse(path, value, "must be an object")
        items = {key: self._value(value_type, item, f"{path}[{key}]") for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not _BAD}

    def _scalar(self, kind: inspect.Type, value: object, path: str) -> object:
        if isinstance(kind, inspect.IntType):
            low, high = kind.ge or -(2**31), kind.le or 2**31 - 1
            if not isinstance(value, int) or isinstance(value, bool):
                return self._refuse(path, value, "must be an integer")
            if not low <= value <= high:
                return self._refuse(path, value, f"must be between {low} and {high}")
            return value
        if isinstance(kind, inspect.FloatType):
            if not isinstance(value, int | float) or isinstance(value, bool):
                return self._refuse(path, value, "must be a number")
            if not abs(value) < _LARGEST_FLOAT:
                return self._refuse(path, value, "must be a number that a float32 can hold")
            return float(value)
        if isinstance(kind, inspect.BoolType):
            return value if isinstance(value, bool) else self._refuse(path, value, "must be true or false")
        if not isinstance(value, str):
            return self._refuse(path, value, "must be text; put it in quotes")
        if isinstance(kind, inspect.BytesType):
            try:
                return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
            except (binascii.Error, ValueError):
                return self._refuse(path, value, "must be base64")
        if isinstance(kind, inspect.LiteralType) and value not in kind.values:
            supported = sorted(str(each) for each in kind.values if each != "")
            self._faults.error(path, report.unsupported(value, supported))
            return _BAD
        return value

    def _duration(self, value: object, path: str) -> object:
        length = seconds(value) if isinstance(value, str) else None
        return (
            self._refuse(path, value, "must be a duration such as 15s or 1m30s") if length is None else length
        )

    def _refuse(self, path: str, value: object, detail: str) -> object:
        self._faults.error(path, report.invalid(value, detail))
        return _BAD


@functools.cache
def _fields(cls: Hashable) -> dict[str, inspect.Field]:
    kind = inspect.type_info(cls)
    assert isinstance(kind, inspect.StructType)
    return {field.encode_name: field for field in kind.fields}


def _unknown_field(key: str, fields: dict[str, inspect.Field]) -> str:
    by_lower = {name.lower(): name for name in fields}
    near = difflib.get_close_matches(key[:100].lower(), by_lower, n=1, cutoff=0.75)
    return f"unknown field{f'; did you mean {by_lower[near[0]]}?' if near else ''}"
