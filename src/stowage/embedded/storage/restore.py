"""Fills the server with the objects of a dump: what `kubectl get … -o json` or `-o yaml` wrote of a cluster.

Objects keep their UIDs, times and states, so that controllers know their own. An owner that the dump
lacks is forgotten, else the garbage collector would delete what it owned. Objects without a UID, written
by hand, are created as anybody's; of those that every cluster has, such as the namespace `default`, only
the labels are taken.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from stowage.api import decode
from stowage.embedded import errors, registry, schema
from stowage.embedded.storage import store
from stowage.embedded.writing import defaults
from stowage.simulate import inputs, problems

Object = dict[str, Any]
_OPTIONS: Final = registry.Options(manager="stowage-restore")
_PASSED_OVER: Final = frozenset(["Event", "Lease"])
"""What is only true of the cluster as it was: news, and who held what."""
_FIRST: Final = ("CustomResourceDefinition", "Namespace", "PriorityClass", "RuntimeClass", "LimitRange")
"""What others need to be there; then the rest in the dump's order."""
_NAMESPACES: Final = schema.named("", "Namespace")


def restore(reg: registry.Registry, source: str) -> list[str]:
    """Stores the objects of a file; the names of its nodes. BadInput with a sentence for each fault."""
    faults = problems.Faults()
    inputs.load([source], inputs.MAX_INPUT, faults)
    faults.check()
    data = inputs.read(source, inputs.MAX_INPUT, faults)
    faults.check()
    assert data is not None
    found = [each for each in inputs.documents(data, []) if each.kind not in _PASSED_OVER]
    found.sort(key=lambda each: _FIRST.index(each.kind) if each.kind in _FIRST else len(_FIRST))
    bodies = [(document, _plain(document)) for document in found]
    uids = {body.get("metadata", {}).get("uid") for _, body in bodies}
    begun = {
        (kind.table, each.key) for kind in reg.catalog.stored() for each in reg.objects.entries(kind.table)
    }
    nodes = []
    for document, body in bodies:
        resource = reg.catalog.by_kind(document.api_version, document.kind)
        if resource is None:
            continue
        try:
            name = _store(reg, resource, body, uids, begun)
        except errors.ApiError as error:
            faults.problem(source, decode.identify(document), "", str(error))
            continue
        if resource.table == "nodes":
            nodes.append(name)
    faults.check()
    return nodes


def _plain(document: decode.Document) -> Object:
    body = document.body
    plain: Object = body if isinstance(body, dict) else msgspec.json.decode(body)
    return plain | {"apiVersion": document.api_version, "kind": document.kind}


def _store(
    reg: registry.Registry,
    resource: schema.Resource,
    body: Object,
    uids: set[str | None],
    begun: set[tuple[str, store.Key]],
) -> str:
    """Its name. ``begun`` is what was there before the dump. ApiError."""
    meta = body.setdefault("metadata", {})
    namespace = meta.get("namespace", "default") if resource.namespaced else ""
    if namespace and reg.objects.get(_NAMESPACES.table, ("", namespace)) is None:
        reg.create(_NAMESPACES, "", {"metadata": {"name": namespace}}, _OPTIONS)
    if not meta.get("uid") and (resource.table, (namespace, meta.get("name"))) in begun:
        labels = meta.get("labels") or {}

        def labelled(value: Object) -> Object:
            value["metadata"]["labels"] = (value["metadata"].get("labels") or {}) | labels
            return value

        reg.update(resource, namespace, meta["name"], labelled, _OPTIONS)
        return str(meta["name"])
    if not meta.get("uid"):
        meta.pop("resourceVersion", None)
        return str(reg.create(resource, namespace, body, _OPTIONS)["metadata"]["name"])
    value = reg.decode(resource, body, _OPTIONS)
    meta = value["metadata"]
    if namespace:
        meta["namespace"] = namespace
    kept = [each for each in meta.pop("ownerReferences", ()) if each["uid"] in uids]
    if kept:
        meta["ownerReferences"] = kept
    meta.setdefault("generation", 1)
    defaults.fill(resource, value)
    reg.keep(resource, value)
    return str(meta["name"])
