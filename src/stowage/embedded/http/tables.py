"""Objects as `kubectl get` shows them: the server's own rows for `Accept: …;as=Table`.

The columns of built-in kinds are the real server's, word by word (columns.json, which
tests/reference/record_columns.py writes); those of a custom kind stand in its definition.
"""

from __future__ import annotations

import functools
import importlib.resources
from typing import Any, Final

import msgspec

from stowage.embedded import schema
from stowage.embedded.printing import ages, cells, kinds, pods, texts
from stowage.embedded.writing import workload_defaults

Object = dict[str, Any]
_KEPT: Final = 512
"""Kinds whose cells are kept ready: more than a cluster has."""


def key(resource: schema.Resource) -> str:
    """The kind and its group, as columns.json and `kinds.KINDS` name it."""
    return f"{resource.kind}.{resource.group}" if resource.group else resource.kind


@functools.cache
def _recorded() -> dict[str, list[Object]]:
    file = importlib.resources.files("stowage.embedded").joinpath("columns.json")
    loaded: dict[str, list[Object]] = msgspec.json.decode(file.read_bytes())
    return loaded


def definitions(resource: schema.Resource) -> list[Object]:
    """The columns of a kind, as the head of its tables has them."""
    if resource.type:
        return _recorded()[key(resource)]
    name, created = _recorded()["CustomResourceDefinition.apiextensions.k8s.io"]
    own = [_definition(each) for each in resource.columns]
    return [name, *(own or [created | {"name": "Age"}])]


def _definition(column: schema.Column) -> Object:
    found = {"name": column.name, "type": column.type, "format": column.format}
    description = column.description or (
        f"Custom resource definition column (in JSONPath format): {column.path}"
    )
    return found | {"description": description, "priority": column.priority}


@functools.lru_cache(maxsize=_KEPT)
def _cells(resource: schema.Resource) -> tuple[cells.Cell, ...]:
    if resource.type:
        own = kinds.COMMON | kinds.KINDS.get(key(resource), {})
        return tuple(own[column["name"]] for column in definitions(resource))
    custom = tuple(_custom(each) for each in resource.columns)
    return (kinds.COMMON["Name"], *(custom or (kinds.COMMON["Age"],)))


def _custom(column: schema.Column) -> cells.Cell:
    """A printer column of a custom kind; of JSON paths the plain ones, `.spec.size`."""
    path = column.path.lstrip(".")
    return lambda value, now: _typed(column.type, texts.at(value, path), now)


def _typed(kind: str, found: Any, now: float) -> Any:
    """A value as a cell of that type; None where it is of another one."""
    if found is None:
        return None
    if kind == "string":
        return found if isinstance(found, str) else msgspec.json.encode(found).decode()
    if kind == "boolean":
        return found if isinstance(found, bool) else None
    if kind == "date" and isinstance(found, str):
        try:
            return ages.age(found, now)
        except ValueError:
            return "<invalid>"
    if kind in {"integer", "number"} and isinstance(found, int | float) and not isinstance(found, bool):
        return int(found) if kind == "integer" else found
    return None


def row(resource: schema.Resource, value: Object, now: float, include: str) -> Object:
    """One object's row; `include` is Metadata (the default), Object or None."""
    made: Object = {"cells": [cell(value, now) for cell in _cells(resource)]}
    if resource.kind == "Pod" and (message := pods.COMPLETED.get(texts.at(value, "status.phase"))):
        reason = value["status"]["phase"]
        made["conditions"] = [{"type": "Completed", "status": "True", "reason": reason, "message": message}]
    if include == "Object":
        return made | {"object": value}
    if include == "None":
        return made | {"object": None}
    return made | {"object": partial(value)}


def partial(value: Object) -> Object:
    """Of an object its metadata only, without the annotation that the real server keeps as a field."""
    meta = value["metadata"]
    if workload_defaults.TEMPLATES in (meta.get("annotations") or {}):
        others = {
            name: text for name, text in meta["annotations"].items() if name != workload_defaults.TEMPLATES
        }
        meta = {name: part for name, part in meta.items() if name != "annotations"}
        meta |= {"annotations": others} if others else {}
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}


def table(resource: schema.Resource, rows: list[Object], metadata: Object, headed: bool = True) -> Object:
    """Rows under a head, or without; a kind with the columns of last resort says null instead of no rows."""
    plain = resource.type and any(column["name"] == "Created At" for column in definitions(resource))
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions(resource) if headed else None,
        "rows": None if plain and not rows else rows,
    }
