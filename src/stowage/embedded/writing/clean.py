"""Brings a body into the form in which it is stored: known fields, each of its type, quantities canonical.

What Go's JSON decoding and `omitempty` do: nulls go, and zeros that do not differ from absent; unknown
fields go (and are reported), a wrong type is an error. Custom objects keep what
their type does not name.
"""

from __future__ import annotations

from typing import Any, Final

from stowage.api import quantity, times
from stowage.embedded import errors, schema

_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")


class UnreadableError(errors.ApiError):
    """A value of the right sort that its type cannot hold."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "BadRequest", message)


def clean(value: Any, struct: schema.Struct) -> tuple[dict[str, Any], list[str]]:
    """The object as it is stored, and the paths of fields nobody knows. ApiError 400 for a wrong type."""
    unknown: list[str] = []
    return _struct(value, struct, "", unknown), unknown


_INTEGERS: Final = {"int32": 2**31, "integer": 2**63}
"""By kind: the first that is too large."""
_NEVER_ZERO: Final = {"struct", "any"}
_NUMBERS: Final = dict.fromkeys([*_INTEGERS, "intstr"], 0)
_ZEROS: Final = {"string": "", "bytes": "", "boolean": False, "quantity": "0"} | _NUMBERS


def fill(value: dict[str, Any], struct: schema.Struct, kept: bool = False) -> None:
    """Add the fields that Go writes even where nobody set them; in what is `kept`, empty lists are null."""
    for name in struct.always:
        if name not in value:
            kind = struct.fields[name].kind
            value[name] = {} if kind == "struct" else _ZEROS.get(kind)
    for name in struct.nullable:
        value[name] = (value.get(name) or None) if kept else value.get(name)
    for name, part in value.items():
        field = struct.fields.get(name)
        if field is not None and part is not None:
            _fill_field(part, field, kept)


def _fill_field(value: Any, field: schema.Field, kept: bool) -> None:
    if field.kind == "struct":
        fill(value, schema.types()[field.struct], kept)
    elif field.item is not None and field.item.kind in {"struct", "list", "map"}:
        for each in value.values() if isinstance(value, dict) else value:
            _fill_field(each, field.item, kept)


def _struct(value: Any, struct: schema.Struct, path: str, unknown: list[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mistyped(path, "an object", value)
    made = {}
    for name, part in value.items():
        found = struct.fields.get(name)
        at = f"{path}.{name}" if path else name
        if found is None and struct is not schema.FREE:
            unknown.append(at)
            continue
        if part is None:
            continue
        kept = _field(part, found or schema.ANY, at, unknown)
        if found is None or kept or name not in struct.zero_is_absent or found.kind in _NEVER_ZERO:
            made[name] = kept
    return made


def _field(value: Any, field: schema.Field, path: str, unknown: list[str]) -> Any:
    kind = field.kind
    if kind in {"string", "bytes"}:
        if not isinstance(value, str):
            raise _mistyped(path, "a string", value)
    elif kind == "struct":
        return _struct(value, schema.types()[field.struct], path, unknown)
    elif kind == "list":
        if not isinstance(value, list):
            raise _mistyped(path, "a list", value)
        assert field.item is not None
        return [_field(each, field.item, f"{path}[{i}]", unknown) for i, each in enumerate(value)]
    elif kind == "map":
        if not isinstance(value, dict):
            raise _mistyped(path, "a map", value)
        assert field.item is not None
        inner = field.item
        zero = _ZEROS.get(inner.kind)
        return {
            key: _field(zero if each is None else each, inner, f"{path}.{key}", unknown)
            for key, each in value.items()
        }
    elif kind != "any":
        return _scalar(value, kind, path)
    return value


def _scalar(value: Any, kind: str, path: str) -> Any:
    if kind == "quantity":
        try:
            return canonical(value)
        except (quantity.QuantityError, TypeError) as error:
            why = f"{path}: quantities must match the regular expression: {error}"
            raise _unfit(value, why) from error
    if kind in {"time", "microtime"}:
        try:
            times.micros(value)
        except (ValueError, TypeError) as error:
            why = f"{path}: {error}"
            raise UnreadableError(why) if isinstance(value, str) else errors.bad_request(why) from error
        return value
    if kind in _INTEGERS:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _mistyped(path, "a number", value)
        if isinstance(value, float) or not -_INTEGERS[kind] <= value < _INTEGERS[kind]:
            raise UnreadableError(str(_mistyped(path, "an int32" if kind == "int32" else "an int64", value)))
    elif kind == "boolean":
        if not isinstance(value, bool):
            raise _mistyped(path, "a boolean", value)
    elif kind == "intstr":
        if isinstance(value, bool | dict | list):
            raise _unfit(value, str(_mistyped(path, "an int32 or a string", value)))
        if not isinstance(value, str):
            return _scalar(value, "int32", path)
    elif kind == "number" and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise _mistyped(path, "a number", value)
    return value


def _unfit(value: Any, why: str) -> errors.ApiError:
    """Of an amount, or a number or text, any scalar is of the right sort."""
    return errors.bad_request(why) if isinstance(value, dict | list) else UnreadableError(why)


def _mistyped(path: str, wanted: str, value: Any) -> errors.ApiError:
    name = {dict: "object", list: "array", str: "string", bool: "bool", type(None): "null"}
    got = name.get(type(value), "number")
    return errors.bad_request(f"json: cannot unmarshal {got} into field {path or '.'}: want {wanted}")


def canonical(given: Any) -> str:
    """A quantity as `resource.Quantity` writes it: the same sort of suffix, as large as is exact."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise TypeError(f"{given!r} is no quantity")
    nanos = quantity.nanos(given)
    text = str(given)
    if nanos == 0:
        return "0"
    sign, amount = ("-" if nanos < 0 else ""), abs(nanos)
    if text.endswith("i"):
        return sign + _binary(amount)
    if "e" in text.lower().rstrip("E") and not text.endswith("E"):
        return sign + _exponent(amount)
    step = 0
    while step < len(_DECIMAL) - 1 and amount % 1000 == 0:
        amount //= 1000
        step += 1
    return f"{sign}{amount}{_DECIMAL[step]}"


def _binary(amount: int) -> str:
    if amount % quantity.NANO:
        # No binary suffix is fractional: what is finer than a unit is written in decimal form.
        return canonical(quantity.from_nanos(amount))
    whole, step = amount // quantity.NANO, 0
    if whole < 1024:
        return canonical(whole)
    while step < len(_BINARY) - 1 and whole % 1024 == 0:
        whole //= 1024
        step += 1
    return f"{whole}{_BINARY[step]}"


def _exponent(amount: int) -> str:
    power = -9
    while amount % 1000 == 0:
        amount //= 1000
        power += 3
    return f"{amount}e{power}" if power else str(amount)
