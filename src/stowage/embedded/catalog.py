"""Which resources there are: the built-in ones, and those that CustomResourceDefinitions bring."""

from __future__ import annotations

from typing import Any, Final

from stowage.embedded import schema
from stowage.embedded.storage import store

Object = dict[str, Any]
CRDS: Final = "customresourcedefinitions.apiextensions.k8s.io"


class Catalog:
    """Follows the store's CustomResourceDefinitions."""

    def __init__(self, objects: store.Store) -> None:
        self._objects = objects
        self._all: dict[tuple[str, str, str], schema.Resource] = {}
        self._custom: dict[str, list[tuple[str, str, str]]] = {}
        for each in schema.builtin():
            self._all[(each.group, each.version, each.plural)] = each
        for entry in objects.entries(CRDS):
            self._add(entry.read())
        objects.listen(self._changed)

    def find(self, group: str, version: str, plural: str) -> schema.Resource | None:
        return self._all.get((group, version, plural))

    def by_kind(self, group_version: str, kind: str) -> schema.Resource | None:
        for each in self._all.values():
            if each.kind == kind and each.group_version == group_version:
                return each
        return None

    def all(self) -> list[schema.Resource]:
        return list(self._all.values())

    def stored(self) -> list[schema.Resource]:
        """One resource for each table whose objects are kept: reviews, bindings and metrics are not."""
        kept = {"create", "list"}
        found = {each.table: each for each in reversed(self._all.values()) if kept <= set(each.verbs)}
        return list(found.values())

    def _changed(self, table: str, change: store.Change) -> None:
        if table != CRDS:
            return
        name = change.entry.key[1]
        for key in self._custom.pop(name, ()):
            self._all.pop(key, None)
        if change.kind != "DELETED":
            self._add(change.entry.read())

    def _add(self, crd: Object) -> None:
        spec = crd["spec"]
        names = spec["names"]
        keys = self._custom.setdefault(crd["metadata"]["name"], [])
        for version in spec["versions"]:
            if not version.get("served"):
                continue
            key = (spec["group"], version["name"], names["plural"])
            self._all[key] = schema.Resource(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                singular=names.get("singular") or names["kind"].lower(),
                kind=names["kind"],
                namespaced=spec["scope"] == "Namespaced",
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                subresources=("status",) if "status" in (version.get("subresources") or {}) else (),
                named_list=names.get("listKind") or "",
                columns=tuple(map(_column, version.get("additionalPrinterColumns") or ())),
            )
            keys.append(key)


def _column(stated: Object) -> schema.Column:
    return schema.Column(
        stated["name"],
        stated["type"],
        stated["jsonPath"],
        stated.get("format", ""),
        stated.get("description", ""),
        stated.get("priority", 0),
    )


def accept(crd: Object) -> None:
    """The status of a definition that is taken as it is, at once: no name is contested here."""
    spec, now = crd["spec"], crd["metadata"]["creationTimestamp"]
    names = dict(spec["names"])
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")
    spec["names"] = names
    spec.setdefault("conversion", {"strategy": "None"})
    crd["status"] = {
        "acceptedNames": names,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
            for kind, reason, message in (
                ("NamesAccepted", "NoConflicts", "no conflicts found"),
                ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            )
        ],
        "storedVersions": [each["name"] for each in spec["versions"] if each.get("storage")],
    }
