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

from stowage.embedded import catalog, errors, schema
from stowage.embedded.http import query
from stowage.embedded.storage import store
from stowage.embedded.writing import admission, apply, clean, defaults, events, resize, strategies, validation

Object = dict[str, Any]
Clock = Callable[[], datetime]

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
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
        self.simulated: set[str] = set()
        """The names of the nodes whose kubelets are simulated here: their usage is known."""
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
        """Store a new object. ApiError 400, 403, 404, 409, 422, 500."""
        return self._create(resource, namespace, self.decode(resource, body, options), options)

    def _create(
        self,
        resource: schema.Resource,
        namespace: str,
        value: Object,
        options: Options,
        tracked: bool = True,
    ) -> Object:
        version = value["metadata"].get("resourceVersion")
        meta = self._begin_metadata(resource, namespace, value)
        name = meta.get("name", "")
        admission.namespace_open(self.objects, resource, namespace, name)
        self._complete(resource, value)
        if tracked and meta.get("managedFields", [{}]) == [{}]:
            # What the server itself adds from here on has no manager.
            who = apply.Manager(options.manager, "Update", resource.group_version)
            apply.track(None, value, resource, who, self.now())
        clean.fill(value, resource.struct, kept=True)
        admission.create(self.objects, resource, value)
        defaults.begin(resource, value)
        if resource.table == catalog.CRDS:
            catalog.accept(value)
        self._refuse(resource, name, validation.created(resource, value))
        admission.judge(self.objects, resource, value)
        if version and options.dry_run:
            meta["resourceVersion"] = version
        elif version:
            raise errors.ApiError(500, "", "resourceVersion should not be set on objects to be created")
        if self.objects.get(resource.table, (meta.get("namespace", ""), name)) is not None:
            raise errors.already_exists(resource.group, resource.plural, name)
        return self._store(resource, value, options)

    def put(
        self,
        resource: schema.Resource,
        namespace: str,
        name: str,
        body: Any,
        options: Options,
        subresource: str = "",
    ) -> tuple[Object, bool]:
        """Replace an object as a client does it, and whether it is new. ApiError 400, 404, 409, 422."""
        value = self.decode(resource, body, options)
        meta = value["metadata"]
        self._place(resource, namespace, meta)
        self._named(name, meta)
        found = self.objects.get(resource.table, (meta.get("namespace", ""), name))
        uid, current = meta.get("uid"), found.read()["metadata"]["uid"] if found else ""
        creates = resource.kind in strategies.PUT_CREATES and not subresource
        if uid and uid != current and (found or creates):
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {current}"
            raise errors.conflict(resource.group, resource.plural, name, why)
        if found is None and creates:
            meta.pop("resourceVersion", None)
            return self._create(resource, namespace, value, options), True
        if found and not meta.get("resourceVersion") and strategies.states_version(resource):
            cause = errors.Cause(
                "metadata.resourceVersion", "Invalid value: 0: must be specified for an update"
            )
            raise errors.invalid(resource.group, resource.plural, name, [cause])
        return self.replace(resource, namespace, name, lambda _: value, options, subresource), False

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

        def decoded(before: Object) -> Object:
            return self.decode(resource, change(before), options)

        return self.replace(resource, namespace, name, decoded, options, subresource, tracked)

    def replace(
        self,
        resource: schema.Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        options: Options,
        subresource: str = "",
        tracked: bool = True,
    ) -> Object:
        """As `update`; `change` gives an object that is decoded."""
        entry = self.entry(resource, namespace, name)
        before = self.read(resource, entry)
        value = change(copy.deepcopy(before))
        self._keep_metadata(resource, namespace, before, value)
        self._keep_other_half(resource, before, value, subresource)
        self._complete(resource, value)
        if tracked:
            who = apply.Manager(options.manager, "Update", resource.group_version, subresource)
            apply.track(before, value, resource, who, self.now())
        if subresource == "resize":
            # Who writes is told from all that is asked for, also from what is not heeded.
            resize.keep_rest(before, value)
        clean.fill(value, resource.struct, kept=True)
        if not subresource:
            admission.update(resource, before, value)
        elif subresource == "resize":
            admission.give_limits(self.objects, value)
        self._refuse(resource, name, validation.updated(resource, before, value, subresource))
        admission.judge(self.objects, resource, value, before, subresource)
        defaults.renew(resource, before, value)
        if _same(before, value) and not (entry.first and resource.kind in strategies.SETTLED_LATER):
            return before
        if subresource != "status" and (
            resource.kind in strategies.COUNTED_LATER or strategies.counts(resource)
        ):
            generation = before["metadata"].get("generation", 0)
            if generation := generation + (
                strategies.wanted(resource, before) != strategies.wanted(resource, value)
            ):
                value["metadata"]["generation"] = generation
        if _finished(value):
            self.remove(resource, before, options)  # who watches sees it as it last was
            return value
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
        """Server-side apply; and whether the object is new. ApiError 400, 404, 409, 422, 500."""
        who = apply.Manager(options.manager, "Apply", resource.group_version, subresource)
        self._of_kind(resource, config)
        apply.check(config, resource, namespace, name)
        # Who holds what is told from the values as they are written, not as they are kept.
        meta = config.get("metadata") or {}
        meta = meta | {"name": meta.get("name") or name}
        config = config | {"metadata": meta}
        self._named(name, meta)

        def merged(live: Object | None) -> Object:
            value = apply.apply(live, config, resource, who, self.now(), force)
            try:
                return self.decode(resource, value, options)
            except errors.ApiError as error:
                raise errors.ApiError(500, "", error.message) from error

        if self.objects.get(resource.table, (namespace if resource.namespaced else "", name)) is None:
            if subresource:
                raise errors.not_found(resource.group, resource.plural, name)
            return self._create(resource, namespace, merged(None), options, tracked=False), True
        return self.replace(resource, namespace, name, merged, options, subresource, tracked=False), False

    def keep(self, resource: schema.Resource, value: Object) -> None:
        """Store a new version of an object that the server itself has changed."""
        clean.fill(value, resource.struct, kept=True)
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
        self._of_kind(resource, body)
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

    def _of_kind(self, resource: schema.Resource, body: Any) -> None:
        """ApiError 400 where a body is no object of the resource's kind."""
        if not isinstance(body, dict):
            raise errors.bad_request("the object provided is unrecognized (must be of type object)")
        if not resource.type and not {"apiVersion", "kind"} <= body.keys():
            raise errors.bad_request("Object 'apiVersion' or 'kind' is missing")
        if not resource.type and body["kind"] != resource.kind:
            cause = errors.Cause("kind", f'Invalid value: "{body["kind"]}": must be {resource.kind}')
            name = (body.get("metadata") or {}).get("name", "")
            raise errors.invalid(resource.group, body["kind"], name, [cause])
        given = (body.get("apiVersion", resource.group_version), body.get("kind", resource.kind))
        if given != (resource.group_version, resource.kind):
            raise errors.bad_request(
                f"the API version in the data ({given[0]}, {given[1]}) does not match the expected API"
                f" version ({resource.group_version}, {resource.kind})"
            )

    def receive(self, resource: schema.Resource, namespace: str, body: Any, options: Options) -> Object:
        """A body that is acted on or answered and not kept. ApiError 400."""
        value = self.decode(resource, body, options)
        self._place(resource, namespace, value["metadata"])
        return value

    def _begin_metadata(self, resource: schema.Resource, namespace: str, value: Object) -> Object:
        meta: Object = value["metadata"]
        self._place(resource, namespace, meta)
        if resource.table == "namespaces" and meta.get("name"):
            meta["labels"] = (meta.get("labels") or {}) | {defaults.NAMESPACE_LABEL: meta["name"]}
        if meta.get("generateName") and not meta.get("name"):
            tail = "".join(self._random.choice(_ALPHABET) for _ in range(5))
            meta["name"] = meta["generateName"][: _NAME_LENGTH - len(tail)] + tail
        if resource.table == "limitranges" and not meta.get("name"):
            meta["name"] = self._uuid()
        meta["uid"] = self._uuid()
        meta["creationTimestamp"] = self.now()
        for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"):
            meta.pop(name, None)
        meta.pop("generation", None)
        if strategies.counts(resource):
            meta["generation"] = 1
        return meta

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _place(self, resource: schema.Resource, namespace: str, meta: Object) -> None:
        """What a body says of its namespace is the request's. ApiError 400."""
        if not resource.namespaced:
            meta.pop("namespace", None)
        elif (meta.get("namespace") or namespace) != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        else:
            meta["namespace"] = namespace

    def _named(self, name: str, meta: Object) -> None:
        """A body names the object that the path names. ApiError 400."""
        if not meta.get("name"):
            why = f"({name} based on URL) was undeterminable: name must be provided"
            raise errors.bad_request(f"the name of the object {why}")
        if meta["name"] != name:
            raise errors.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
            )

    def _keep_metadata(
        self, resource: schema.Resource, namespace: str, before: Object, value: Object
    ) -> None:
        meta, old = value["metadata"], before["metadata"]
        name = old["name"]
        self._place(resource, namespace, meta)
        self._named(name, meta)
        version = meta.get("resourceVersion")
        if version and version != old["resourceVersion"]:
            raise errors.stale(resource.group, resource.plural, name)
        meta.setdefault("uid", old["uid"])
        for field_name in [
            "name",
            "namespace",
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
        if resource.group != "events.k8s.io":
            defaults.fill(resource, value)
        clean.fill(value, resource.struct)

    def _refuse(self, resource: schema.Resource, name: str, causes: list[errors.Cause]) -> None:
        if causes:
            group = "" if resource.table == "events" else resource.group
            raise errors.invalid(group, resource.kind, name, causes)

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
    clean.fill(event, core.struct, kept=True)
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


def _finished(value: Object) -> bool:
    """Whether the last finalizer of an object that is to go is gone, and nothing else is waited for."""
    meta = value["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds") and not (value.get("spec") or {}).get("finalizers")
