"""Writes src/stowage/embedded/types.json anew: what the embedded API server knows of the built-in kinds.

From the module k8s.io/kubernetes (api/openapi-spec/v3 and api/discovery): names, verbs and types, how
lists and maps merge, what is required; no descriptions. From the Go types of k8s.io/api and
k8s.io/apimachinery: the numbers of fields in protobuf, and which of them do not tell zero from absent.
Usage, from the project's root, with the directories of the three modules:
`python -m tests.reference.record_types KUBERNETES API APIMACHINERY`.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

OUT = Path("src/stowage/embedded/types.json")
GROUPS = {
    "v1": (
        "bindings configmaps endpoints events limitranges namespaces nodes persistentvolumeclaims"
        " persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets serviceaccounts"
        " services"
    ),
    "admissionregistration.k8s.io/v1": (
        "mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings"
        " validatingwebhookconfigurations"
    ),
    "apps/v1": "controllerrevisions daemonsets deployments replicasets statefulsets",
    "authentication.k8s.io/v1": "selfsubjectreviews tokenreviews",
    "authorization.k8s.io/v1": (
        "localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews"
    ),
    "autoscaling/v2": "horizontalpodautoscalers",
    "batch/v1": "cronjobs jobs",
    "apiextensions.k8s.io/v1": "customresourcedefinitions",
    "coordination.k8s.io/v1": "leases",
    "discovery.k8s.io/v1": "endpointslices",
    "events.k8s.io/v1": "events",
    "networking.k8s.io/v1": "ingresses ingressclasses networkpolicies",
    "node.k8s.io/v1": "runtimeclasses",
    "policy/v1": "poddisruptionbudgets",
    "rbac.authorization.k8s.io/v1": "clusterrolebindings clusterroles rolebindings roles",
    "resource.k8s.io/v1": "deviceclasses resourceclaims resourceclaimtemplates resourceslices",
    "scheduling.k8s.io/v1": "priorityclasses",
    "storage.k8s.io/v1": (
        "csidrivers csinodes csistoragecapacities storageclasses volumeattachments volumeattributesclasses"
    ),
}
SUBRESOURCES = {"status", "scale", "binding", "eviction", "resize", "token"}
REF = "#/components/schemas/"
METRICS = "metrics.k8s.io/v1beta1"
_MEASURED = {
    "apiVersion": "string",
    "kind": "string",
    "metadata": {"s": "meta.v1.ObjectMeta"},
    "timestamp": "time",
    "window": "string",
}
MEASURED = {
    "metrics.v1beta1.NodeMetrics": {"f": _MEASURED | {"usage": {"m": "quantity"}}},
    "metrics.v1beta1.PodMetrics": {
        "f": _MEASURED | {"containers": {"l": {"s": "metrics.v1beta1.ContainerMetrics"}, "t": "atomic"}}
    },
    "metrics.v1beta1.ContainerMetrics": {"f": {"name": "string", "usage": {"m": "quantity"}}},
}
"""The types of k8s.io/metrics, which has no OpenAPI document: metrics-server serves them."""


def main(module: Path, *go_modules: Path) -> None:
    schemas: dict[str, Any] = {}
    resources = []
    roots = [
        "authentication.v1.TokenRequest",
        "autoscaling.v1.Scale",
        "meta.v1.DeleteOptions",
        "policy.v1.Eviction",
    ]
    for group_version, wanted in GROUPS.items():
        stem = ("apis__" if "/" in group_version else "api__") + group_version.replace("/", "__")
        spec = json.loads((module / f"api/openapi-spec/v3/{stem}_openapi.json").read_text())
        found = {short(name): schema for name, schema in spec["components"]["schemas"].items()}
        schemas.update(found)
        listed = json.loads((module / f"api/discovery/{stem}.json").read_text())["resources"]
        for entry in listed:
            if entry["name"] in wanted.split():
                resources.append(resource(group_version, entry, listed, found))
                roots.append(resources[-1]["type"])
    types: dict[str, Any] = {}
    while roots:
        name = roots.pop()
        if name not in types:
            types[name] = struct(schemas[name], roots)
    inlined: set[str] = set()
    for folder in go_modules:
        for file in sorted(folder.rglob("v*/types.go")):
            add_wire(file, types, inlined)
    for name in sorted(inlined - set(types)):
        # Structs that JSON shows as part of others have no schema: only protobuf knows them.
        types[name] = {"f": {}}
    for folder in go_modules:
        for file in sorted(folder.rglob("v*/types.go")):
            add_wire(file, {name: types[name] for name in inlined}, set())
    types |= MEASURED
    resources += [measured(name, kind) for name, kind in (("nodes", "NodeMetrics"), ("pods", "PodMetrics"))]
    lines = ",\n".join(f"{json.dumps(name)}:{packed(types[name])}" for name in sorted(types))
    rows = ",\n".join(packed(row) for row in resources)
    OUT.write_text(f'{{"resources":[\n{rows}\n],"types":{{\n{lines}\n}}}}\n')


def measured(name: str, kind: str) -> dict[str, Any]:
    """A resource of metrics.k8s.io."""
    named = {"groupVersion": METRICS, "type": f"metrics.v1beta1.{kind}", "name": name, "singularName": ""}
    return named | {
        "kind": kind,
        "namespaced": name == "pods",
        "verbs": ["get", "list"],
        "subresources": [],
    }


def packed(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def short(name: str) -> str:
    return ".".join(name.split(".")[-3:])


def resource(
    group_version: str, entry: dict[str, Any], listed: list[dict[str, Any]], found: dict[str, Any]
) -> dict[str, Any]:
    group, _, version = group_version.rpartition("/")
    gvk = {"group": group, "kind": entry["kind"], "version": version}
    (name,) = [
        name for name, schema in found.items() if gvk in schema.get("x-kubernetes-group-version-kind", [])
    ]
    inside = [row["name"].partition("/")[2] for row in listed if row["name"].startswith(entry["name"] + "/")]
    return {
        "groupVersion": group_version,
        "type": name,
        **{key: entry[key] for key in ("name", "singularName", "kind", "namespaced", "verbs")},
        **{key: entry[key] for key in ("shortNames", "categories") if key in entry},
        "subresources": [each for each in inside if each in SUBRESOURCES],
    }


def struct(schema: dict[str, Any], roots: list[str]) -> dict[str, Any]:
    """{"f": fields by name, "r": required names, "a": 1 where the whole is atomic}."""
    made: dict[str, Any] = {
        "f": {name: field(value, roots) for name, value in schema.get("properties", {}).items()}
    }
    if schema.get("required"):
        made["r"] = schema["required"]
    if schema.get("x-kubernetes-map-type") == "atomic":
        made["a"] = 1
    return made


STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
MEMBER = re.compile(r'^\t(?:\w+\s+)?(\S+)\s+`json:"([^"]*)"(?:[^`]*?protobuf:"([^"]*)")?', re.M)


def add_wire(file: Path, types: dict[str, Any], inlined: set[str]) -> None:
    """Add to the structs of a Go file: "n" names by number, "i" inlined structs, "z" where zero is absent,
    "e" what is always written."""
    package = f"{file.parts[-3]}.{file.parts[-2]}"
    for name, body in STRUCT.findall(file.read_text()):
        made = types.get(f"{package}.{name}")
        if made is None:
            continue
        numbers, inner, zero, always = {}, {}, [], []
        for go_type, tag, wire in MEMBER.findall(body):
            field_name, *flags = tag.split(",")
            number = wire.split(",")[1] if wire else None
            if "inline" in flags:
                if number is not None:
                    inner[number] = go_type if "." in go_type else f"{package}.{go_type}"
                continue
            if number is not None:
                numbers[number] = field_name
            if "omitempty" in flags and not go_type.startswith("*"):
                zero.append(field_name)
            if not go_type.startswith(("*", "[]", "map[")) and (made["f"].get(field_name) is not None):
                # Go leaves out no struct and so no time, unless told to by `omitzero`.
                known = made["f"][field_name]
                whole = "s" in known if isinstance(known, dict) else known in {"time", "microtime"}
                if "omitzero" not in flags and (whole or "omitempty" not in flags):
                    always.append(field_name)
        inlined.update(inner.values())
        made |= {
            key: value for key, value in (("n", numbers), ("i", inner), ("z", zero), ("e", always)) if value
        }


SPECIAL = {
    "api.resource.Quantity": "quantity",
    "util.intstr.IntOrString": "intstr",
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "microtime",
    "pkg.runtime.RawExtension": "any",
    "meta.v1.FieldsV1": "any",
    "v1.JSON": "any",
    "v1.JSONSchemaProps": "any",
    "apiextensions.v1.JSON": "any",
    "apiextensions.v1.JSONSchemaProps": "any",
}


def field(value: dict[str, Any], roots: list[str]) -> Any:
    """A scalar's name, {"s": struct}, {"l": items, …} or {"m": values, …}; "d" is a default, "a" atomic,
    "g" granular."""
    reference = value.get("$ref") or (value["allOf"][0]["$ref"] if "allOf" in value else None)
    kind = value.get("type")
    made: Any
    if reference is not None:
        name = short(reference.removeprefix(REF))
        if name in SPECIAL:
            return SPECIAL[name]
        roots.append(name)
        made = {"s": name}
        if value.get("x-kubernetes-map-type") in {"atomic", "granular"}:
            made[value["x-kubernetes-map-type"][0]] = 1
    elif kind == "array":
        made = {"l": field(value["items"], roots), "t": value.get("x-kubernetes-list-type", "atomic")}
        if "x-kubernetes-list-map-keys" in value:
            made["k"] = value["x-kubernetes-list-map-keys"]
        strategy = value.get("x-kubernetes-patch-strategy", "")
        if "merge" in strategy:
            made["p"] = value.get("x-kubernetes-patch-merge-key", "")
        return made
    elif kind == "object" and "additionalProperties" in value:
        made = {"m": field(value["additionalProperties"], roots)}
        if value.get("x-kubernetes-map-type") == "atomic":
            made["a"] = 1
    elif kind in {"string", "boolean", "integer", "number"}:
        made = {"byte": "bytes", "int32": "int32"}.get(value.get("format", ""), str(kind))
        if value.get("default"):
            made = {"c": made, "d": value["default"]}
        return made
    else:
        return "any"
    if "retainKeys" in value.get("x-kubernetes-patch-strategy", ""):
        made["r"] = 1
    return made


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
