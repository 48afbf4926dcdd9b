"""OpenAPI v3 as far as kubectl reads it: which kinds there are, their fields, and that patches are validated.

The types are those of types.json; there are no descriptions. A strategic merge patch is not offered here,
so that `kubectl apply` makes it from the types it was built with.
"""

from __future__ import annotations

from typing import Any, Final

from stowage.embedded import schema

Object = dict[str, Any]
_REF: Final = "#/components/schemas/"
_SCALARS: Final[dict[str, Object]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "integer": {"type": "integer", "format": "int64"},
    "number": {"type": "number"},
    "bytes": {"type": "string", "format": "byte"},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
    "quantity": {"type": "string"},
    "intstr": {"type": "string", "format": "int-or-string"},
    "any": {"type": "object"},
}
_PATCHES: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)


def index(resources: list[schema.Resource]) -> Object:
    """/openapi/v3."""
    paths = {_path(each): {"serverRelativeURL": f"/openapi/v3/{_path(each)}"} for each in resources}
    return {"paths": paths}


def _path(resource: schema.Resource) -> str:
    return f"apis/{resource.group_version}" if resource.group else f"api/{resource.version}"


def document(resources: list[schema.Resource]) -> Object:
    """/openapi/v3/apis/GROUP/VERSION; `resources` are that version's."""
    paths: Object = {}
    schemas: Object = {}
    for each in resources:
        gvk = {"group": each.group, "version": each.version, "kind": each.kind}
        scope = "/namespaces/{namespace}" if each.namespaced else ""
        body = {"content": {media: {"schema": {"type": "object"}} for media in _PATCHES}}
        flags = [
            {"name": name, "in": "query", "schema": {"type": "string"}}
            for name in ("dryRun", "fieldManager", "fieldValidation")
        ]
        operation = {"x-kubernetes-group-version-kind": gvk, "responses": {"200": {"description": "OK"}}}
        operations = {
            "get": operation | {"x-kubernetes-action": "get"},
            "patch": operation | {"x-kubernetes-action": "patch", "parameters": flags, "requestBody": body},
        }
        paths[f"/{_path(each)}{scope}/{each.plural}/{{name}}"] = {
            verb: made for verb, made in operations.items() if verb in each.verbs
        }
        name = each.type or f"custom.{each.group}.{each.version}.{each.kind}"
        _collect(each.type, name, schemas)
        schemas[name] = schemas[name] | {"x-kubernetes-group-version-kind": [gvk]}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.2+stowage"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _collect(struct: str, name: str, schemas: Object) -> None:
    """Add a struct and all it holds."""
    if name in schemas:
        return
    made = schema.types()[struct]
    schemas[name] = {}
    inside: set[str] = set()
    properties = {key: _field(field, inside) for key, field in made.fields.items()}
    schemas[name] = {"type": "object", "properties": properties}
    if made.required:
        schemas[name]["required"] = sorted(made.required)
    if not struct:
        schemas[name]["x-kubernetes-preserve-unknown-fields"] = True
    for each in inside:
        _collect(each, each, schemas)


def _field(field: schema.Field, inside: set[str]) -> Object:
    if field.kind == "struct":
        inside.add(field.struct)
        return {"allOf": [{"$ref": _REF + field.struct}]}
    if field.kind == "list":
        assert field.item is not None
        return {"type": "array", "items": _field(field.item, inside)}
    if field.kind == "map":
        assert field.item is not None
        return {"type": "object", "additionalProperties": _field(field.item, inside)}
    return _SCALARS[field.kind]
