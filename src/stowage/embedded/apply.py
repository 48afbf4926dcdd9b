"""Server-side apply, and who manages which field.

The rules are those of sigs.k8s.io/structured-merge-diff's `merge.Updater`: an apply merges the
configuration into the object, takes away what its manager applied before and does not any more,
and is refused where it changes what another manager holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from stowage.embedded import errors, fields, patches, schema

_NEVER_MANAGED: Final = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",)}
    | {
        ("f:metadata", f"f:{name}")
        for name in [
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        ]
    }
)


class Manager(NamedTuple):
    """Who writes, through what. `apiVersion` counts for updates only."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


class Held(NamedTuple):
    manager: Manager
    paths: fields.Paths
    time: str


def _identity(manager: Manager) -> Manager:
    return manager._replace(api_version="") if manager.operation == "Apply" else manager


def managers(value: dict[str, Any]) -> list[Held]:
    """The managedFields of an object."""
    return [
        Held(
            Manager(
                each.get("manager", ""),
                each.get("operation", "Update"),
                each.get("apiVersion", ""),
                each.get("subresource", ""),
            ),
            fields.decode(each.get("fieldsV1") or {}),
            each.get("time", ""),
        )
        for each in value["metadata"].get("managedFields") or ()
    ]


def _write(value: dict[str, Any], held: Iterable[Held]) -> None:
    rows = []
    for each in held:
        if not each.paths:
            continue
        row = {
            "manager": each.manager.name,
            "operation": each.manager.operation,
            "apiVersion": each.manager.api_version,
            "time": each.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields.encode(each.paths),
        }
        if each.manager.subresource:
            row["subresource"] = each.manager.subresource
        rows.append(row)
    # Appliers first, then by time, as managedFields are always sorted.
    rows.sort(key=lambda row: (row["operation"] != "Apply", row["time"], row["manager"]))
    if rows:
        value["metadata"]["managedFields"] = rows
    else:
        value["metadata"].pop("managedFields", None)


def _managed(paths: Iterable[fields.Path], subresource: str) -> fields.Paths:
    """Only what the endpoint writes: the main one not the status, that of the status nothing else."""
    made = (path for path in paths if path not in _NEVER_MANAGED)
    if subresource == "status":
        return frozenset(path for path in made if path[0] == "f:status")
    return frozenset(path for path in made if path[0] != "f:status" or subresource)


def track(
    before: dict[str, Any] | None, after: dict[str, Any], resource: schema.Resource, who: Manager, now: str
) -> None:
    """Note in `after` that `who` wrote, by an update, what differs from `before`."""
    root = schema.Field("struct", resource.type)
    given = after["metadata"].get("managedFields")
    # An empty list in the request is the way to forget all managers.
    source = after if given is not None or before is None else before
    held = [] if given == [{}] else managers(source)
    found = fields.compare(before or fields.blank(resource.type), after, root)
    changed, gone = _managed(found.changed, who.subresource), found.gone
    kept: list[Held] = []
    mine = Held(who, changed, now)
    for each in held:
        if each.manager == who:
            time = now if changed else each.time
            mine = Held(who, (each.paths - gone) | changed, time)
        else:
            kept.append(Held(each.manager, each.paths - gone - changed, each.time))
    _write(after, [*kept, mine])


def apply(
    live: dict[str, Any] | None,
    config: dict[str, Any],
    resource: schema.Resource,
    who: Manager,
    now: str,
    force: bool,
) -> dict[str, Any]:
    """The object after an apply of `config`. ApiError 400 or 409 (naming manager and field)."""
    if config.get("metadata", {}).get("managedFields"):
        raise errors.bad_request("metadata.managedFields must be nil")
    struct, identity = resource.struct, _identity(who)
    root = schema.Field("struct", resource.type)
    held = managers(live) if live else []
    last = next((each for each in held if _identity(each.manager) == identity), None)
    others = [each for each in held if _identity(each.manager) != identity]
    stated = fields.stated(config, root)
    mine = _managed(stated, who.subresource)
    merged = _merge_struct(live or {}, config, struct)
    if last is not None:
        kept = fields.with_parents(stated).union(*(fields.with_parents(each.paths) for each in others))
        merged = fields.without(merged, root, fields.with_parents(last.paths) - kept)
    changed, gone = fields.compare(live or fields.blank(resource.type), merged, root)
    contested = [(each, sorted(each.paths & changed)) for each in others]
    if not force and any(paths for _, paths in contested):
        raise _refusal([(each.manager, path) for each, paths in contested for path in paths])
    rest = [Held(each.manager, each.paths - changed - gone, each.time) for each in others]
    same = last is not None and last.paths == mine and not (changed or gone)
    _write(merged, [*rest, Held(who, mine, last.time if same and last else now)])
    return merged


def release(value: dict[str, Any], path: fields.Path) -> None:
    """Take a field from all its managers."""
    _write(value, [each._replace(paths=each.paths - {path}) for each in managers(value)])


def _refusal(contested: list[tuple[Manager, fields.Path]]) -> errors.ApiError:
    by_manager: dict[str, list[str]] = {}
    for manager, path in contested:
        through = f' with subresource "{manager.subresource}"' if manager.subresource else ""
        name = f'"{manager.name}"{through} using {manager.api_version}'
        by_manager.setdefault(name, []).append(fields.text(path))
    causes = [(f"conflict with {name}", path) for name, paths in sorted(by_manager.items()) for path in paths]
    if len(causes) == 1:
        message = f"Apply failed with 1 conflict: {causes[0][0]}: {causes[0][1]}"
    else:
        lines = [
            f"conflicts with {name}:\n" + "\n".join(f"- {path}" for path in paths)
            for name, paths in sorted(by_manager.items())
        ]
        message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return errors.apply_conflict(causes, message)


def _merge_struct(live: dict[str, Any], config: dict[str, Any], struct: schema.Struct) -> dict[str, Any]:
    made = dict(live)
    for name, part in config.items():
        made[name] = _merge(made.get(name), part, struct.fields.get(name, schema.ANY))
    return made


def _merge(live: Any, config: Any, field: schema.Field) -> Any:
    if isinstance(config, dict) and isinstance(live, dict) and not field.atomic:
        if field.kind == "struct":
            struct = schema.types()[field.struct]
            return config if struct.atomic and not field.granular else _merge_struct(live, config, struct)
        made = dict(live)
        for name, part in config.items():
            made[name] = _merge(made.get(name), part, field.item or schema.ANY)
        return made
    if (
        isinstance(config, list)
        and isinstance(live, list)
        and field.kind == "list"
        and field.listed != "atomic"
    ):
        return _merge_list(live, config, field)
    return config


def _merge_list(live: list[Any], config: list[Any], field: schema.Field) -> list[Any]:
    assert field.item is not None
    made = {fields.element(each, field): each for each in live}
    wanted = []
    for each in config:
        at = fields.element(each, field)
        if at in wanted:
            raise errors.bad_request(
                f"failed to create typed patch object: duplicate entries for key {at[2:]}"
            )
        wanted.append(at)
        made[at] = _merge(made.get(at), each, field.item)
    return patches.arrange(list(made.values()), wanted, lambda each: fields.element(each, field))
