"""The built-in kinds as data: names, verbs and types, and how their lists and maps merge.

types.json is made from Kubernetes' OpenAPI documents by tests/reference/record_types.py. A kind that a
CustomResourceDefinition brings has no types: its objects are free-form below `metadata`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from dataclasses import dataclass
from typing import Any, Final

import msgspec

VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Field:
    """The type of a value; `kind` is struct, list, map, any, or a scalar's name (string, quantity, …)."""

    kind: str
    struct: str = ""
    item: Field | None = None
    listed: str = "atomic"
    """map, set or atomic: how server-side apply merges a list."""
    keys: tuple[str, ...] = ()
    """Of a list of type map: the fields that tell items apart."""
    patch_key: str | None = None
    """For a strategic merge patch: None replaces the list, "" merges scalars, else the items' key."""
    atomic: bool = False
    granular: bool = False
    """Merged by field, although its type counts as a whole elsewhere."""
    retain_keys: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Struct:
    fields: dict[str, Field]
    required: frozenset[str] = frozenset()
    atomic: bool = False
    zero_is_absent: frozenset[str] = frozenset()
    """Fields that Go's `omitempty` leaves out where they are empty, 0 or false."""
    always: tuple[str, ...] = ()
    """Fields that Go always writes: structs that are no pointers, and scalars without `omitempty`."""
    nullable: tuple[str, ...] = ()
    """Lists and maps that Go always writes, null where they are empty."""
    numbers: dict[int, str] = dataclasses.field(default_factory=dict)
    """The fields by their numbers in protobuf."""
    inlined: dict[int, str] = dataclasses.field(default_factory=dict)
    """Structs that protobuf nests and JSON does not, by number."""


ANY: Final = Field("any")
FREE: Final = Struct(
    {
        "apiVersion": Field("string"),
        "kind": Field("string"),
        "metadata": Field("struct", "meta.v1.ObjectMeta"),
    }
)
"""The type of custom objects: what it does not name is kept as it is."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a custom kind's tables; `path` is a JSON path, `priority` 0 where it is always shown."""

    name: str
    type: str
    path: str
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one API version, as discovery lists it."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...] = VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    type: str = ""
    """The name of its Struct; empty for custom kinds."""
    columns: tuple[Column, ...] = dataclasses.field(default=(), repr=False)
    """Of custom kinds: the printer columns."""
    named_list: str = ""
    """The kind of a list, where it is not the kind and "List"."""

    @property
    def list_kind(self) -> str:
        return self.named_list or self.kind + "List"

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def table(self) -> str:
        """The store's table: both kinds of Event share one, and so do all versions of a custom kind."""
        if self.plural == "events" and self.group == "events.k8s.io":
            return "events"
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def struct(self) -> Struct:
        return types()[self.type]


@functools.cache
def _data() -> dict[str, Any]:
    file = importlib.resources.files("stowage.embedded").joinpath("types.json")
    loaded: dict[str, Any] = msgspec.json.decode(file.read_bytes())
    return loaded


@functools.cache
def types() -> dict[str, Struct]:
    """Every struct of the built-in kinds by name, such as `core.v1.PodSpec`; that of custom ones as ``."""
    return {"": FREE} | {name: _struct(raw) for name, raw in _data()["types"].items()}


def _struct(raw: dict[str, Any]) -> Struct:
    fields = {key: _field(value) for key, value in raw["f"].items()}
    absent = frozenset(raw.get("z", ()))
    listed = (name for name, field in fields.items() if field.kind in {"list", "map"})
    return Struct(
        fields,
        frozenset(raw.get("r", ())),
        bool(raw.get("a")),
        absent,
        tuple(raw.get("e", ())),
        tuple(name for name in listed if "n" in raw and name not in absent),
        {int(number): field_name for number, field_name in raw.get("n", {}).items()},
        {int(number): inner for number, inner in raw.get("i", {}).items()},
    )


def _field(raw: Any) -> Field:
    if isinstance(raw, str):
        return Field(raw, atomic=raw == "any")  # what a built-in kind leaves open counts as a whole
    if "c" in raw:
        return Field(raw["c"], default=raw["d"])
    atomic, retain = bool(raw.get("a")), bool(raw.get("r"))
    if "s" in raw:
        return Field("struct", raw["s"], atomic=atomic, granular=bool(raw.get("g")), retain_keys=retain)
    if "m" in raw:
        return Field("map", item=_field(raw["m"]), atomic=atomic, retain_keys=retain)
    return Field(
        "list",
        item=_field(raw["l"]),
        listed=raw["t"],
        keys=tuple(raw.get("k", ())),
        patch_key=raw.get("p"),
    )


@functools.cache
def builtin() -> tuple[Resource, ...]:
    """Every resource the server has from the start."""
    return tuple(_resource(raw) for raw in _data()["resources"])


@functools.cache
def named(group: str, kind: str) -> Resource:
    """The built-in resource of a kind; KeyError where there is none."""
    for each in builtin():
        if each.kind == kind and each.group == group:
            return each
    raise KeyError(f"{group}/{kind}")


def _resource(raw: dict[str, Any]) -> Resource:
    group, _, version = raw["groupVersion"].rpartition("/")
    return Resource(
        group=group,
        version=version,
        plural=raw["name"],
        singular=raw["singularName"],
        kind=raw["kind"],
        namespaced=raw["namespaced"],
        verbs=tuple(raw["verbs"]),
        short_names=tuple(raw.get("shortNames", ())),
        categories=tuple(raw.get("categories", ())),
        subresources=tuple(raw["subresources"]),
        type=raw["type"],
    )
