"""Server-side apply, and who manages which field.

The rules are those of sigs.k8s.io/structured-merge-diff's `merge.Updater`: an apply merges the
configuration into the object, takes away what its manager applied before and does not any more,
and is refused where it changes what another manager holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from stowage.embedded import errors, schema
from stowage.embedded.writing import clean, fields, patches

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


_BEFORE_APPLY: Final = "before-first-apply"
"""Who holds what nobody managed, from the first apply on."""


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
    """The managedFields of an object; of two rows of one manager, which `scaled` makes, the later counts."""
    rows = (
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
    )
    return list({_identity(row.manager): row for row in rows}.values())


def _write(value: dict[str, Any], held: Iterable[Held]) -> None:
    rows = []
    for each in held:
        if not each.paths:
            continue
        row = {
            "manager": each.manager.name,
            "operation": each.manager.operation,
            "apiVersion": each.manager.api_version,
            **({"time": each.time} if each.time else {}),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields.encode(each.paths),
        }
        if each.manager.subresource:
            row["subresource"] = each.manager.subresource
        rows.append(row)
    # Appliers first, then by time, as managedFields are always sorted.
    rows.sort(key=lambda row: (row["operation"] != "Apply", row.get("time", ""), row["manager"]))
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
    if before is not None and not held:  # what nobody manages stays so until an apply
        _write(after, [])
        return
    held = _alike(held, resource)
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
    if live is not None and not held:
        first = Manager(_BEFORE_APPLY, "Update", resource.group_version)
        stands = fields.compare(fields.blank(resource.type), live, root).changed
        held = [Held(first, _managed(stands, ""), now)]
    held = _alike(held, resource)
    last = next((each for each in held if _identity(each.manager) == identity), None)
    others = [each for each in held if _identity(each.manager) != identity]
    stated = fields.stated(config, root)
    mine = _managed(stated, who.subresource)
    merged = _merge_struct(live or {}, config, struct)
    if last is not None:
        stays = fields.with_parents(stated).union(*(fields.with_parents(each.paths) for each in others))
        merged = fields.without(merged, root, fields.with_parents(last.paths) - stays)
    changed, gone = fields.compare(live or fields.blank(resource.type), merged, root)
    contested = [(each, sorted(each.paths & changed)) for each in others]
    if not force and any(paths for _, paths in contested):
        raise _refusal([(each.manager, path) for each, paths in contested for path in paths])
    rest = [Held(each.manager, each.paths - changed - gone, each.time) for each in others]
    kept = last.time if last else ""  # a new manager that changes nothing has no time
    _write(merged, [*rest, Held(who, mine, now if live is None or changed or gone else kept)])
    return merged


def _alike(held: list[Held], resource: schema.Resource) -> list[Held]:
    """The managers who write through the same API group; others, of an Event's other kind, are forgotten."""
    return [row for row in held if row.manager.api_version.rpartition("/")[0] == resource.group]


def check(config: dict[str, Any], resource: schema.Resource, namespace: str, name: str) -> None:
    """Refuse unknown fields and wrong types, which an apply does in its own way. ApiError 500."""
    try:
        _, unknown = clean.clean(config, resource.struct)
        why = f".{unknown[0]}: field not declared in schema" if unknown else ""
    except clean.UnreadableError:
        return  # that is found only when all is merged
    except errors.ApiError as error:
        why = error.message
    if why:
        at = f"{namespace}/{name}; {resource.group_version}, Kind={resource.kind}"
        raise errors.ApiError(500, "", f"failed to create typed patch object ({at}): {why}")


def scaled(value: dict[str, Any], path: fields.Path, who: Manager, changed: bool, stated: bool) -> None:
    """Note that `who` wrote the replicas (at `path`) through a Scale, which leaves a 0 out.

    Where nobody held them nobody does now, and no time is noted. A write that changes nothing leaves whoever
    held them by an update with a row for them alone. Rules: apimachinery's `managedfields/scalehandler.go`.
    """
    held = managers(value)
    losing = [row for row in held if path in row.paths and (changed or row.manager.operation == "Update")]
    gaining = [row.manager for row in losing]
    if changed:
        gaining = [who] if stated and losing else []
    rest = [row._replace(paths=row.paths - {path}) if row in losing else row for row in held]
    _write(value, [*rest, *(Held(manager, frozenset([path]), "") for manager in gaining)])


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
