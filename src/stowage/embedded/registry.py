"""Reads and writes objects: every kind through the same steps, whoever asks (HTTP, controllers, kubelets).

A write is decoded, completed, admitted, validated and stored in one step without waiting, so writes
never interleave. Rules: apiserver's `registry/generic/registry/store.go` and `registry/rest`.
"""

from __future__ import annotations

import copy
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from stowage.embedded import (
    admission,
    apply,
    catalog,
    clean,
    defaults,
    errors,
    events,
    query,
    schema,
    store,
    validation,
)

Object = dict[str, Any]
Clock = Callable[[], datetime]

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_COUNTED: Final = frozenset(
    [
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "ReplicationController",
        "PodDisruptionBudget",
        "Pod",
        "NetworkPolicy",
        "Ingress",
        "IngressClass",
        "CustomResourceDefinition",
        "PriorityClass",
        "ResourceSlice",
        "DeviceClass",
    ]
)
"""Kinds whose metadata.generation counts the changes of what is wanted; custom kinds too."""
_NAME_LENGTH: Final = 63


@dataclass(frozen=True, slots=True)
class Options:
    """Of a write: who, and how."""

    manager: str = "stowage"
    dry_run: bool = False
    strict: bool = False
    """Refuse unknown fields (fieldValidation=Strict)."""
    warnings: list[str] = field(default_factory=list)
    """Unknown fields are noted here otherwise."""


class Registry:
    def __init__(self, objects: store.Store, clock: Clock | None = None, seed: int | None = None) -> None:
        self.objects = objects
        self.catalog = catalog.Catalog(objects)
        self._clock = clock or (lambda: datetime.now(UTC))
        self._random = random.Random(seed)

    def now(self, seconds: float = 0) -> str:
        """The time (in `seconds`) as Kubernetes writes it."""
        moment = datetime.fromtimestamp(self._clock().timestamp() + seconds, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def time(self) -> float:
        """Seconds since 1970."""
        return self._clock().timestamp()

    def read(self, resource: schema.Resource, entry: store.Entry) -> Object:
        """A stored object as a resource gives it."""
        value = entry.read()
        if resource.group == "events.k8s.io":
            value = events.from_core(value)
        return {"kind": resource.kind, "apiVersion": resource.group_version} | value

    def get(self, resource: schema.Resource, namespace: str, name: str) -> Object:
        """ApiError 404."""
        return self.read(resource, self.entry(resource, namespace, name))

    def entry(self, resource: schema.Resource, namespace: str, name: str) -> store.Entry:
        """ApiError 404."""
        found = self.objects.get(resource.table, (namespace if resource.namespaced else "", name))
        if found is None:
            raise errors.not_found(resource.group, resource.plural, name)
        return found

    def create(self, resource: schema.Resource, namespace: str, body: Any, options: Options) -> Object:
        """Store a new object. ApiError 400, 403, 404, 409, 422."""
        value = self.decode(resource, body, options)
        meta = self._begin_metadata(resource, namespace, value)
        name = meta.get("name", "")
        admission.namespace_open(self.objects, resource, namespace, name)
        key = (meta.get("namespace", ""), name)
        if self.objects.get(resource.table, key) is not None:
            raise errors.already_exists(resource.group, resource.plural, name)
        self._complete(resource, value)
        if "managedFields" not in meta or meta["managedFields"] == [{}]:
            # What the server itself adds from here on has no manager.
            who = apply.Manager(options.manager, "Update", resource.group_version)
            apply.track(None, value, resource, who, self.now())
        defaults.begin(resource, value)
        if resource.table == catalog.CRDS:
            catalog.accept(value)
        admission.create(self.objects, resource, value)
        self._refuse(resource, name, validation.created(resource, value))
        return self._store(resource, value, options)

    def update(
        self,
        resource: schema.Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        options: Options,
        subresource: str = "",
        tracked: bool = True,
    ) -> Object:
        """Replace an object by what `change` makes of it. ApiError 400, 404, 409, 422."""
        before = self.get(resource, namespace, name)
        value = self.decode(resource, change(copy.deepcopy(before)), options)
        self._keep_metadata(resource, before, value)
        self._keep_other_half(resource, before, value, subresource)
        self._complete(resource, value)
        self._refuse(resource, name, validation.updated(resource, before, value))
        if tracked:
            who = apply.Manager(options.manager, "Update", resource.group_version, subresource)
            apply.track(before, value, resource, who, self.now())
        if _same(before, value):
            return before
        if resource.kind in _COUNTED or not resource.type:
            generation = before["metadata"].get("generation", 1)
            value["metadata"]["generation"] = generation + (_wanted(before) != _wanted(value))
        if _finished(value):
            return self.remove(resource, value, options)
        return self._store(resource, value, options)

    def apply(
        self,
        resource: schema.Resource,
        namespace: str,
        name: str,
        config: Object,
        options: Options,
        *,
        force: bool,
        subresource: str = "",
    ) -> tuple[Object, bool]:
        """Server-side apply; and whether the object is new. ApiError 400, 404, 409, 422."""
        who = apply.Manager(options.manager, "Apply", resource.group_version, subresource)
        config = self.decode(resource, config, options)
        meta = config.setdefault("metadata", {})
        if meta.setdefault("name", name) != name:
            raise errors.bad_request("the name of the object does not match the name on the URL")
        if self.objects.get(resource.table, (namespace if resource.namespaced else "", name)) is None:
            if subresource:
                raise errors.not_found(resource.group, resource.plural, name)
            made = apply.apply(None, config, resource, who, self.now(), force)
            return self.create(resource, namespace, made, options), True

        def merged(live: Object) -> Object:
            return apply.apply(live, config, resource, who, self.now(), force)

        return self.update(resource, namespace, name, merged, options, subresource, tracked=False), False

    def put(self, resource: schema.Resource, value: Object) -> None:
        """Store a new version of an object that the server itself has changed."""
        clean.fill(value, resource.struct)
        self.objects.put(resource.table, value)

    def remove(self, resource: schema.Resource, last: Object, options: Options) -> Object:
        """Delete for good; `last` is the final state."""
        if not options.dry_run:
            meta = last["metadata"]
            self.objects.remove(
                resource.table, (meta.get("namespace", ""), meta["name"]), _core(resource, last)
            )
        return last

    def decode(self, resource: schema.Resource, body: Any, options: Options) -> Object:
        """A body as the object of a resource. ApiError 400."""
        if not isinstance(body, dict):
            raise errors.bad_request("the object provided is unrecognized (must be of type object)")
        given = (body.get("apiVersion", resource.group_version), body.get("kind", resource.kind))
        if given != (resource.group_version, resource.kind):
            raise errors.bad_request(
                f"the API version in the data ({given[0]}, {given[1]}) does not match the expected API"
                f" version ({resource.group_version}, {resource.kind})"
            )
        body["metadata"] = body.get("metadata") or {}
        value, unknown = clean.clean(body, resource.struct)
        texts = [f'unknown field "{path}"' for path in unknown]
        if unknown and options.strict:
            raise errors.bad_request(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}:'
                f" strict decoding error: {', '.join(texts)}"
            )
        options.warnings.extend(texts)
        return {"kind": resource.kind, "apiVersion": resource.group_version} | value

    def _begin_metadata(self, resource: schema.Resource, namespace: str, value: Object) -> Object:
        meta: Object = value["metadata"]
        if resource.namespaced and meta.setdefault("namespace", namespace) != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if not resource.namespaced and meta.pop("namespace", ""):
            raise errors.bad_request("namespace may not be set on cluster-wide objects")
        if meta.get("resourceVersion"):
            raise errors.bad_request("resourceVersion should not be set on objects to be created")
        if meta.get("generateName") and not meta.get("name"):
            tail = "".join(self._random.choice(_ALPHABET) for _ in range(5))
            meta["name"] = meta["generateName"][: _NAME_LENGTH - len(tail)] + tail
        meta["uid"] = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        meta["creationTimestamp"] = self.now()
        for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"):
            meta.pop(name, None)
        meta.pop("generation", None)
        if resource.kind in _COUNTED or not resource.type:
            meta["generation"] = 1
        if resource.table == "namespaces" and meta.get("name"):
            meta["labels"] = (meta.get("labels") or {}) | {"kubernetes.io/metadata.name": meta["name"]}
        return meta

    def _keep_metadata(self, resource: schema.Resource, before: Object, value: Object) -> None:
        meta, old = value["metadata"], before["metadata"]
        name = old["name"]
        if meta.get("name", name) != name:
            raise errors.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
            )
        if meta.get("namespace", old.get("namespace", "")) != old.get("namespace", ""):
            raise errors.bad_request(
                "the namespace of the object does not match the namespace on the request"
            )
        if meta.get("uid", old["uid"]) != old["uid"]:
            why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {old['uid']}"
            raise errors.conflict(resource.group, resource.plural, name, why)
        version = meta.get("resourceVersion")
        if version and version != old["resourceVersion"]:
            raise errors.stale(resource.group, resource.plural, name)
        for field_name in [
            "name",
            "namespace",
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "generateName",
            "resourceVersion",
        ]:
            if field_name in old:
                meta[field_name] = old[field_name]
            else:
                meta.pop(field_name, None)
        if "deletionTimestamp" in old:
            added = set(meta.get("finalizers") or ()) - set(old.get("finalizers") or ())
            if added:
                message = f"Forbidden: no finalizer can be added to an object being deleted: {sorted(added)}"
                cause = errors.Cause("metadata.finalizers", message, "FieldValueForbidden")
                raise errors.invalid(resource.group, resource.kind, name, [cause])

    def _keep_other_half(
        self, resource: schema.Resource, before: Object, value: Object, subresource: str
    ) -> None:
        """An update of the status changes nothing else, one of the rest not the status."""
        if subresource == "status":
            status, meta = value.get("status"), value["metadata"]
            value.clear()
            value.update(copy.deepcopy(before), metadata=meta)
            value.pop("status", None)
            if status is not None:
                value["status"] = status
        elif not subresource and "status" in resource.subresources:
            value.pop("status", None)
            if "status" in before:
                value["status"] = copy.deepcopy(before["status"])
            if resource.table == "namespaces":
                value["spec"] = copy.deepcopy(before.get("spec", {}))

    def _complete(self, resource: schema.Resource, value: Object) -> None:
        if resource.group == "events.k8s.io":
            return
        defaults.fill(resource, value)
        clean.fill(value, resource.struct)

    def _refuse(self, resource: schema.Resource, name: str, causes: list[errors.Cause]) -> None:
        if causes:
            raise errors.invalid(resource.group, resource.kind, name, causes)

    def _store(self, resource: schema.Resource, value: Object, options: Options) -> Object:
        if options.dry_run:
            return value
        entry = self.objects.put(resource.table, _core(resource, value))
        return self.read(resource, entry)

    def selected(
        self, resource: schema.Resource, namespace: str = "", chosen: query.Selection | None = None
    ) -> list[store.Entry]:
        """The entries that a selection means."""
        found = self.objects.entries(resource.table, namespace)
        return found if chosen is None or chosen.everything else [e for e in found if chosen.matches(e)]


def _core(resource: schema.Resource, value: Object) -> Object:
    if resource.group != "events.k8s.io":
        return value
    return defaults_of_events(events.to_core(value))


def defaults_of_events(event: Object) -> Object:
    """An event that came as events.k8s.io/v1, with what core/v1 always has."""
    core = schema.named("", "Event")
    defaults.fill(core, event)
    clean.fill(event, core.struct)
    return event


def _same(before: Object, value: Object) -> bool:
    """Whether a write changes nothing (who manages what aside)."""

    def plain(each: Object) -> Object:
        meta = {
            key: part
            for key, part in each["metadata"].items()
            if key not in {"managedFields", "resourceVersion"}
        }
        held = [
            (m.get("manager"), m.get("operation"), m.get("fieldsV1"))
            for m in each["metadata"].get("managedFields") or ()
        ]
        return {key: part for key, part in each.items() if key != "metadata"} | {
            "metadata": meta,
            "held": held,
        }

    return plain(before) == plain(value)


def _wanted(value: Object) -> Object:
    return {
        key: part for key, part in value.items() if key not in {"metadata", "status", "kind", "apiVersion"}
    }


def _finished(value: Object) -> bool:
    """Whether the last finalizer of an object that is to go is gone, and nothing else is waited for."""
    meta = value["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds") and not (value.get("spec") or {}).get("finalizers")
