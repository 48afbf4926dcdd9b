"""Sets of field paths, as managedFields keeps them, and what a type makes of an object's fields.

A path is a tuple of elements: `f:name` a field, `k:{…}` an item of a keyed list, `v:…` an item of a set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from stowage.embedded import schema

Path = tuple[str, ...]
Paths = frozenset[Path]

_INNER: Final = object()
"""The value of a member that holds others: only its being there counts."""


def leaves(value: dict[str, Any], struct: schema.Struct, *, maps: bool) -> dict[Path, Any]:
    """The members of an object with their values; with `maps` the maps that hold others too."""
    found: dict[Path, Any] = {}
    _walk_struct(value, struct, (), found, maps)
    return found


def _walk_struct(
    value: dict[str, Any], struct: schema.Struct, at: Path, found: dict[Path, Any], maps: bool
) -> None:
    for name, part in value.items():
        _walk(part, struct.fields.get(name, schema.ANY), (*at, f"f:{name}"), found, maps)


def _walk(value: Any, field: schema.Field, at: Path, found: dict[Path, Any], maps: bool) -> None:
    if isinstance(value, dict) and value and not field.atomic and not _atomic(field):
        if field.kind == "struct":
            _walk_struct(value, schema.types()[field.struct], at, found, maps)
            return
        if maps and field.kind == "map":
            found[at] = _INNER
        for name, part in value.items():
            inner = (*at, f"f:{name}")
            _walk(part, field.item or schema.ANY, inner, found, maps)
            if field.kind == "map":
                found.setdefault(inner, _INNER)
    elif isinstance(value, list) and field.kind == "list" and field.listed != "atomic":
        assert field.item is not None
        for each in value:
            inner = (*at, element(each, field))
            found[inner] = _INNER
            if field.listed == "map":
                _walk(each, field.item, inner, found, maps)
                found[inner] = _INNER
    else:
        found[at] = value


def _atomic(field: schema.Field) -> bool:
    return field.kind == "struct" and schema.types()[field.struct].atomic


def element(item: Any, field: schema.Field) -> str:
    """The path element of an item of a list that is a map or a set."""
    if field.listed == "set" or not isinstance(item, dict):
        return f"v:{_packed(item)}"
    return f"k:{_packed(identity(item, field))}"


def identity(item: dict[str, Any], field: schema.Field) -> dict[str, Any]:
    """The keys of an item, with the defaults of those left out."""
    inner = schema.types()[field.item.struct].fields if field.item and field.item.struct else {}
    found = {key: item.get(key, inner[key].default if key in inner else None) for key in field.keys}
    return {key: value for key, value in sorted(found.items()) if value is not None}


def _packed(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def differing(before: dict[Path, Any], after: dict[Path, Any]) -> Paths:
    """The paths that `after` adds or changes."""
    return frozenset(path for path, value in after.items() if path not in before or before[path] != value)


def with_parents(paths: Paths) -> set[Path]:
    return {path[:end] for path in paths for end in range(1, len(path) + 1)}


def encode(paths: Paths) -> dict[str, Any]:
    """As `fieldsV1`."""
    root: dict[str, Any] = {}
    for path in sorted(paths):
        at = root
        for part in path:
            at = at.setdefault(part, {})
        at["."] = {}
    _tidy(root)
    return root


def _tidy(node: dict[str, Any]) -> None:
    """A member without others in it is written {}."""
    for name, inner in node.items():
        if name != ".":
            _tidy(inner)
    if set(node) == {"."}:
        node.clear()


def decode(fields: dict[str, Any]) -> Paths:
    """Read `fieldsV1`."""
    return frozenset(_read(fields, ()))


def _read(node: dict[str, Any], at: Path) -> Iterator[Path]:
    if at and (not node or "." in node):
        yield at
    for name, inner in node.items():
        if name != "." and isinstance(inner, dict):
            yield from _read(inner, (*at, name))


def text(path: Path) -> str:
    """As messages name it: `.spec.containers[name="a"].image`."""
    made = ""
    for part in path:
        kind, _, rest = part.partition(":")
        if kind == "f":
            made += f".{rest}"
        elif kind == "k":
            made += "[" + ",".join(f"{key}={_packed(value)}" for key, value in json.loads(rest).items()) + "]"
        else:
            made += f"[={rest}]"
    return made


def without(value: Any, field: schema.Field, paths: set[Path], at: Path = ()) -> Any:
    """The value without the fields and items named by `paths`."""
    if isinstance(value, dict) and not field.atomic:
        inside = schema.types()[field.struct].fields if field.kind == "struct" else {}
        made = {}
        for name, part in value.items():
            inner = (*at, f"f:{name}")
            if inner not in paths:
                made[name] = without(part, inside.get(name, field.item or schema.ANY), paths, inner)
        return made
    if isinstance(value, list) and field.kind == "list" and field.listed != "atomic":
        assert field.item is not None
        kept = [(each, (*at, element(each, field))) for each in value]
        return [without(each, field.item, paths, inner) for each, inner in kept if inner not in paths]
    return value
