"""What the decoder says, in words for people: which field, what it should be, what it is."""

import math
import re
import types
import typing
from typing import Any

import msgspec

_AT = re.compile(r"(?P<text>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])|(key\(\))")
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a set of fields",
    "null": "null",
}
_JSON_TYPES = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "array": list,
    "object": dict,
    "null": types.NoneType,
}


def explain(error: msgspec.ValidationError, plain: Any, kind: type | None) -> tuple[str, str]:
    """Return the path of the field and what is wrong with it.

    `plain` is the object undecoded, which names the keys the decoder does not; `kind` its type,
    which knows the values a closed set allows.
    """
    match = _AT.fullmatch(str(error))
    assert match is not None
    text, at = match["text"], match["path"] or "$"
    expected = _EXPECTED.search(text)
    got = expected["got"] if expected else ""
    path, field = _follow(at, plain, kind, got)
    if expected:
        return path, f"should be {_in_words(expected['expected'])}, is {_in_words(got)}"
    allowed = [repr(value) for value in _literals(field) if value]
    if text.startswith("Invalid enum value") and allowed:
        value = text.removeprefix("Invalid enum value ")
        return path, f"{value} is not one of {', '.join(allowed)}"
    return path, text[:1].lower() + text[1:]


def broken(error: Exception) -> str:
    """Say why a text could not be read at all."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    text = str(error)
    if "truncated" in text:
        return "is not complete JSON: the text ends too early"
    return f"is not JSON: {text.removeprefix('JSON is malformed: ')}"


def _follow(at: str, value: Any, field: Any, got: str) -> tuple[str, Any]:
    """Walk a decoder's path along the value and its type; return it readable, and the field's type."""
    path = ""
    for name, index, any_key, _ in _STEP.findall(at.removeprefix("$")):
        if name:
            path += f".{name}"
            value = value.get(name) if isinstance(value, dict) else None
            field = _field_type(field, name)
        elif index or isinstance(value, list):
            position = int(index or 0)
            path += f"[{position}]"
            value = value[position] if isinstance(value, list) and position < len(value) else None
            field = _element_type(field)
        elif any_key:
            key = next((key for key, part in _items(value) if _is_json(part, got)), "…")
            path += f".{key}" if re.fullmatch("[A-Za-z0-9-]+", key) else f"[{key}]"
            value, field = None, _element_type(field)
    return path.removeprefix("."), field


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _is_json(value: Any, name: str) -> bool:
    """Whether `value` is of the JSON type that the decoder calls `name`; a bool is no number.

    Without a name: whether it is a number that no float holds.
    """
    if not name:
        return value in {math.inf, -math.inf} if isinstance(value, float) else False
    kind = _JSON_TYPES.get(name)
    return kind is not None and type(value) is kind


def _members(field: Any) -> tuple[Any, ...]:
    """Return the alternatives of a type without None, or the type itself."""
    if typing.get_origin(field) in {types.UnionType, typing.Union}:
        return tuple(part for part in typing.get_args(field) if part is not types.NoneType)
    return (field,)


def _field_type(field: Any, name: str) -> Any:
    for part in _members(field):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            for known in msgspec.structs.fields(part):
                if known.encode_name == name:
                    return known.type
    return None


def _element_type(field: Any) -> Any:
    for part in _members(field):
        args = typing.get_args(part)
        if typing.get_origin(part) is dict:
            return args[1]
        if args:
            return args[0]
    return None


def _literals(field: Any) -> tuple[Any, ...]:
    for part in _members(field):
        if typing.get_origin(part) is typing.Literal:
            return typing.get_args(part)
    return ()


def _in_words(names: str) -> str:
    """Say a decoder's type in words; null is how absence looks to it, nothing to offer people."""
    if {"str", "int", "float"} <= set(names.split(" | ")):
        return "a quantity such as 500m or 2Gi"
    parts = [_WORDS.get(name, name) for name in names.split(" | ")]
    offered = [part for part in parts if part != "null"] or parts
    return " or ".join(dict.fromkeys(offered))
