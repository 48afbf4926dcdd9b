"""What the server says it has: API groups and resources (plain and aggregated), and its version."""

from __future__ import annotations

from typing import Any, Final

from stowage.embedded import schema

Object = dict[str, Any]
VERSION: Final[Object] = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.2+stowage",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}
_SUBRESOURCE_KINDS: Final = {
    "binding": ("", "v1", "Binding", ("create",)),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
}
_WRITES: Final = ("get", "patch", "update")


def versions(resources: list[schema.Resource]) -> dict[str, list[str]]:
    """The versions of each group, in order."""
    found: dict[str, list[str]] = {}
    for each in resources:
        known = found.setdefault(each.group, [])
        if each.version not in known:
            known.append(each.version)
    return found


def legacy() -> Object:
    """/api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group(name: str, known: list[str]) -> Object:
    """/apis/GROUP."""
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in known]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def groups(resources: list[schema.Resource]) -> Object:
    """/apis."""
    found = [group(name, known) for name, known in versions(resources).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def resource_list(group_version: str, resources: list[schema.Resource]) -> Object:
    """/api/v1 and /apis/GROUP/VERSION."""
    rows: list[Object] = []
    for each in resources:
        row: Object = {
            "name": each.plural,
            "singularName": each.singular,
            "namespaced": each.namespaced,
            "kind": each.kind,
            "verbs": list(each.verbs),
        }
        if each.short_names:
            row["shortNames"] = list(each.short_names)
        if each.categories:
            row["categories"] = list(each.categories)
        rows.append(row)
        for name in each.subresources:
            inner, version, kind, verbs = _SUBRESOURCE_KINDS.get(
                name, (each.group, each.version, each.kind, _WRITES)
            )
            row = {
                "name": f"{each.plural}/{name}",
                "singularName": "",
                "namespaced": each.namespaced,
                "kind": kind,
                "verbs": list(verbs),
            }
            if (inner, version) != (each.group, each.version):
                row |= {"group": inner, "version": version}
            rows.append(row)
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": rows}


def aggregated(resources: list[schema.Resource], core: bool) -> Object:
    """/api and /apis for `Accept: …;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`."""
    items = []
    for name, known in versions(resources).items():
        if bool(name) is core:
            continue
        rows = []
        for version in known:
            mine = [each for each in resources if (each.group, each.version) == (name, version)]
            rows.append(
                {"version": version, "resources": [_aggregated(e) for e in mine], "freshness": "Current"}
            )
        items.append({"metadata": {"name": name, "creationTimestamp": None}, "versions": rows})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated(resource: schema.Resource) -> Object:
    inside = []
    for name in resource.subresources:
        group_, version, kind, verbs = _SUBRESOURCE_KINDS.get(
            name, (resource.group, resource.version, resource.kind, _WRITES)
        )
        inside.append(
            {
                "subresource": name,
                "responseKind": {"group": group_, "version": version, "kind": kind},
                "verbs": list(verbs),
            }
        )
    made: Object = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        made["shortNames"] = list(resource.short_names)
    if resource.categories:
        made["categories"] = list(resource.categories)
    if inside:
        made["subresources"] = inside
    return made
