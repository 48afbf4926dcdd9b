"""Sets of field paths, as managedFields keeps them, and what a type makes of an object's fields.

A path is a tuple of elements: `f:name` a field, `k:{…}` an item of a keyed list, `v:…` an item of a set.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from stowage.embedded import schema

Path = tuple[str, ...]
Paths = frozenset[Path]

_ABSENT: Final = object()
_NUMBERS: Final = dict.fromkeys(["int32", "integer", "intstr", "number"], 0)
_ZERO: Final = {"string": "", "boolean": False, "quantity": "0"} | _NUMBERS


class Comparison(NamedTuple):
    """``changed``: the paths that are new or have another value; ``gone``: those that are no more."""

    changed: Paths
    gone: Paths


def compare(before: Any, after: Any, field: schema.Field) -> Comparison:
    """What an update does, as structured-merge-diff's Compare: of a new map, it and all that is in it."""
    changed: set[Path] = set()
    gone: set[Path] = set()

    def walk(old: Any, new: Any, field: schema.Field, at: Path) -> None:
        parts = _zipped(old, new, field)
        for name, left, right, inner in parts:
            walk(left, right, inner, (*at, name))
        if not at:
            return
        if old is _ABSENT:
            changed.add(at)
        elif new is _ABSENT:
            gone.add(at)
        elif old != new and (not parts or _differ(old, new)):
            changed.add(at)

    walk(before, after, field, ())
    return Comparison(frozenset(changed), frozenset(gone))


def _differ(old: Any, new: Any) -> bool:
    """Whether one is a map and the other is something else; null is of either sort."""
    return old is not None and new is not None and isinstance(old, dict) != isinstance(new, dict)


def _zipped(old: Any, new: Any, field: schema.Field) -> list[tuple[str, Any, Any, schema.Field]]:
    """The members of both, by path element; none where they count as a whole."""
    left, right = _members(old, field), _members(new, field)
    names = [*left, *(name for name in right if name not in left)]
    nothing = (_ABSENT, schema.ANY)
    return [
        (name, left.get(name, nothing)[0], right.get(name, nothing)[0], (right.get(name) or left[name])[1])
        for name in names
    ]


def _members(value: Any, field: schema.Field) -> dict[str, tuple[Any, schema.Field]]:
    """What an object, a map or a keyed list holds, by path element; nothing in what counts as a whole."""
    if isinstance(value, dict) and not field.atomic and not _atomic(field):
        inside = schema.types()[field.struct].fields if field.kind == "struct" else {}
        rest = field.item or schema.ANY
        return {f"f:{name}": (part, inside.get(name, rest)) for name, part in value.items()}
    if isinstance(value, list) and field.kind == "list" and field.listed != "atomic":
        assert field.item is not None
        return {element(each, field): (each, field.item) for each in value}
    return {}


def stated(value: Any, field: schema.Field) -> Paths:
    """What an applied configuration has a say in, as structured-merge-diff's ToFieldSet."""
    found: set[Path] = set()

    def walk(value: Any, field: schema.Field, at: Path) -> None:
        members = _members(value, field)
        known = schema.types()[field.struct].fields if field.kind == "struct" else {}
        for name, (part, inner) in members.items():
            walk(part, inner, (*at, name))
            if field.kind != "struct" or part is None or part == {} or name[2:] not in known:
                found.add((*at, name))
        if not members and at and (value != [] or field.listed == "atomic"):
            found.add(at)

    walk(value, field, ())
    return frozenset(found)


@functools.cache
def blank(struct: str) -> dict[str, Any]:
    """What Go writes of an object of the type with nothing in it: what a new object is compared with."""
    made: dict[str, Any] = {}
    known = schema.types()[struct]
    for name in known.always:
        inner = known.fields[name]
        made[name] = blank(inner.struct) if inner.kind == "struct" else _ZERO.get(inner.kind)
    return dict.fromkeys(known.nullable) | made


def _atomic(field: schema.Field) -> bool:
    return field.kind == "struct" and schema.types()[field.struct].atomic and not field.granular


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
