"""The three ways to patch an object: JSON patch (RFC 6902), merge patch (RFC 7386), strategic merge patch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from stowage.embedded import errors, schema

MAX_OPERATIONS: Final = 10_000


def json_patch(value: Any, patch: Any) -> Any:
    """Apply a JSON patch. ApiError 400 for a bad patch, 422 where it does not fit the object."""
    if not isinstance(patch, list) or not all(isinstance(step, dict) for step in patch):
        raise errors.bad_request("error decoding patch: a JSON patch is a list of operations")
    if len(patch) > MAX_OPERATIONS:
        raise errors.ApiError(
            413,
            "RequestEntityTooLarge",
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}",
        )
    made = copy.deepcopy(value)
    try:
        for step in patch:
            made = _step(made, step)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        message = f"the server rejected our request due to an error in our request: {error}"
        raise errors.ApiError(422, "Invalid", message) from error
    return made


def _step(value: Any, step: dict[str, Any]) -> Any:
    operation, path = step["op"], _pointer(step["path"])
    if operation in {"add", "replace"}:
        return _set(value, path, step["value"], insert=operation == "add")
    if operation == "remove":
        return _remove(value, path)
    if operation == "test":
        if _at(value, path) != step.get("value"):
            raise ValueError(f"testing value {step['path']} failed")
        return value
    if operation not in {"copy", "move"}:
        raise ValueError(f"unexpected kind: {operation}")
    source = _pointer(step["from"])
    if operation == "copy":
        # As the library of kube-apiserver has it: what is not there is copied as null.
        parent = _at(value, source[:-1])
        there = isinstance(parent, list) or source[-1] in parent
        return _set(value, path, copy.deepcopy(_at(parent, source[-1:])) if there else None, insert=True)
    moved = copy.deepcopy(_at(value, source))
    return _set(_remove(value, source), path, moved, insert=True)


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(f"{text!r} is not a JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _at(value: Any, path: list[str]) -> Any:
    for part in path:
        value = value[_index(value, part)] if isinstance(value, list) else value[part]
    return value


def _index(value: list[Any], part: str, *, end: bool = False) -> int:
    if part == "-" and end:
        return len(value)
    number = int(part)
    if not 0 <= number < len(value) + end:
        raise IndexError(f"index {part} is out of range")
    return number


def _set(value: Any, path: list[str], new: Any, *, insert: bool) -> Any:
    if not path:
        return new
    parent = _at(value, path[:-1])
    last = path[-1]
    if isinstance(parent, list):
        if insert:
            parent.insert(_index(parent, last, end=True), new)
        else:
            parent[_index(parent, last)] = new
    else:
        parent[last] = new
    return value


def _remove(value: Any, path: list[str]) -> Any:
    if not path:
        return None
    parent = _at(value, path[:-1])
    del parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]]
    return value


def merge_patch(value: Any, patch: Any) -> Any:
    """Apply a merge patch: null removes, objects merge, everything else replaces. Objects in lists lose their
    nulls, as in the library that the real server has it from."""
    if isinstance(patch, list):
        return [merge_patch(None, each) for each in patch]
    if not isinstance(patch, dict):
        return patch
    made = dict(value) if isinstance(value, dict) else {}
    for key, part in patch.items():
        if part is None:
            made.pop(key, None)
        else:
            made[key] = merge_patch(made.get(key), part)
    return made


def strategic(value: Any, patch: Any, struct: schema.Struct) -> dict[str, Any]:
    """Apply a strategic merge patch: lists merge by the keys their types name. ApiError 400."""
    if not isinstance(patch, dict):
        raise errors.bad_request("error decoding patch: a strategic merge patch is an object")
    return _merge_struct(value if isinstance(value, dict) else {}, patch, struct)


def _merge_struct(value: dict[str, Any], patch: dict[str, Any], struct: schema.Struct) -> dict[str, Any]:
    return _merge(value, patch, struct.fields, schema.ANY)


def _merge(
    value: dict[str, Any], patch: dict[str, Any], fields: dict[str, schema.Field], rest: schema.Field
) -> dict[str, Any]:
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: part for key, part in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise errors.bad_request(f"Unknown patch type: {directive}")
    made = dict(value)
    retain = patch.get("$retainKeys")
    if retain is not None:
        if not set(patch) - {"$retainKeys"} <= set(retain):
            raise errors.bad_request("$retainKeys does not name every field of the patch")
        made = {key: part for key, part in made.items() if key in retain}
    for key, part in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.removeprefix("$deleteFromPrimitiveList/")
            made[name] = [each for each in made.get(name) or [] if each not in part]
    for key, part in patch.items():
        if key.startswith("$"):
            continue
        if part is None:
            made.pop(key, None)
            continue
        order = patch.get(f"$setElementOrder/{key}")
        made[key] = _merge_field(made.get(key), part, fields.get(key, rest), order)
    for key, order in patch.items():
        name = key.removeprefix("$setElementOrder/")
        if name != key and name not in patch and isinstance(made.get(name), list):
            made[name] = _ordered(made[name], order, (fields.get(name, rest)).patch_key or "")
    return made


def _merge_field(value: Any, patch: Any, field: schema.Field, order: Any) -> Any:
    if isinstance(patch, dict):
        inside = value if isinstance(value, dict) else {}
        if field.kind == "struct":
            return _merge_struct(inside, patch, schema.types()[field.struct])
        return _merge(inside, patch, {}, field.item or schema.ANY)
    if not isinstance(patch, list) or field.kind != "list":
        return patch
    if field.patch_key is None:
        return patch
    current = value if isinstance(value, list) else []
    if field.patch_key == "":
        made = current + [each for each in patch if each not in current]
    else:
        made = _merge_items(current, patch, field)
    if order is None:
        return _interleaved(made, patch, current, field.patch_key)
    return _ordered(made, order, field.patch_key)


def _merge_items(value: list[Any], patch: list[Any], field: schema.Field) -> list[Any]:
    assert field.item is not None
    key = field.patch_key or ""
    if any(isinstance(each, dict) and each == {"$patch": "replace"} for each in patch):
        return [each for each in patch if each != {"$patch": "replace"}]
    made = list(value)
    for each in patch:
        if not isinstance(each, dict) or key not in each:
            raise errors.bad_request(f"map: {each} does not contain declared merge key: {key}")
        at = next((i for i, old in enumerate(made) if old.get(key) == each[key]), None)
        if each.get("$patch") == "delete":
            made = [old for old in made if old.get(key) != each[key]]
        elif at is None:
            made.append(_merge_field(None, each, field.item, None))
        elif each.get("$patch") == "replace":
            made[at] = {name: part for name, part in each.items() if name != "$patch"}
        else:
            made[at] = _merge_field(made[at], each, field.item, None)
    return made


def _interleaved(value: list[Any], patch: list[Any], current: list[Any], key: str) -> list[Any]:
    """The patch's items in its order; the others before those of them that they preceded.

    Rule: strategicpatch's `mergeSortedSlice`.
    """

    def identity(each: Any) -> Any:
        return each.get(key) if key and isinstance(each, dict) else each

    wanted, before = [identity(each) for each in patch], [identity(each) for each in current]
    named = sorted((x for x in value if identity(x) in wanted), key=lambda each: wanted.index(identity(each)))
    others = [each for each in value if identity(each) not in wanted]
    made: list[Any] = []
    while named and others:
        left, right = identity(others[0]), identity(named[0])
        first = right in before and before.index(left) < before.index(right)
        made.append((others if first else named).pop(0))
    return made + others + named


def _ordered(value: list[Any], order: Any, key: str) -> list[Any]:
    """Bring a merged list into the order asked for; what is not named stays before what it preceded."""
    if not isinstance(order, list):
        raise errors.bad_request("$setElementOrder is not a list")

    def identity(each: Any) -> Any:
        return each.get(key) if key and isinstance(each, dict) else each

    return arrange(value, [identity(each) for each in order], identity)


def arrange(value: list[Any], wanted: list[Any], identity: Callable[[Any], Any]) -> list[Any]:
    """The items named in `wanted` in that order; the others keep behind what they stood behind."""
    named = sorted((x for x in value if identity(x) in wanted), key=lambda each: wanted.index(identity(each)))
    made: list[Any] = []
    passed: list[Any] = []
    for each in value:
        if identity(each) in wanted:
            passed.append(identity(each))
            continue
        while named and identity(named[0]) in passed:
            made.append(named.pop(0))
        made.append(each)
    return made + named
