"""The verbs: one handler each, the same for every kind."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from stowage.embedded import errors, registry, schema
from stowage.embedded.http import identity, measured, query, rbac, request, reviews, tables, watch
from stowage.embedded.nodes import usage
from stowage.embedded.storage import store
from stowage.embedded.writing import apply, defaults, deletion, patches, subresources

Object = dict[str, Any]
_encode = msgspec.json.Encoder().encode
_ACTIONS: Final = {"binding", "eviction", "token"}
"""Subresources that are only created: they do something, and nothing is kept."""
_ACTED: Final = {
    "binding": (subresources.bind, subresources.BINDINGS),
    "eviction": (subresources.evict, subresources.EVICTIONS),
}
_TOKEN_REQUEST: Final = schema.Resource(
    "authentication.k8s.io", "v1", "", "", "TokenRequest", True, type="authentication.v1.TokenRequest"
)
_NAMED: Final = {"get", "update", "patch", "delete"}
"""The verbs of single objects; what is only created has none to be named."""
_REVIEWS: Final = {"authentication.k8s.io", "authorization.k8s.io"}


class Answer(NamedTuple):
    body: bytes
    code: int = 200


class Handlers:
    def __init__(self, reg: registry.Registry, who: identity.Authenticator, may: rbac.Authorizer) -> None:
        self._reg, self._who = reg, who
        self._reviews = reviews.Reviews(who, may)
        self._measured = measured.Measured(reg, usage.Model())

    def handle(self, asked: request.Request, at: request.Target, resource: schema.Resource) -> Answer:
        """Answer any request but a watch. ApiError."""
        if at.name and not _NAMED & set(resource.verbs):
            raise errors.no_such_path()
        if resource.group in _REVIEWS:
            return self._review(asked, at, resource)
        # Of a custom kind, the server looks at the body before it looks for the name.
        if at.name:
            verb = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
            verb["POST"] = "post" if resource.type else "create"
        else:
            verb = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
            verb |= {} if resource.type else {"PUT": "update"}
        chosen = verb.get(asked.method, "")
        if resource.table == "bindings" and chosen == "create":
            return self._legacy_binding(asked, at)
        if at.subresource:
            return self._subresource(chosen, asked, at, resource)
        if chosen not in resource.verbs:
            raise errors.no_such_verb()
        if chosen == "create" and resource.namespaced and not at.namespace:
            raise errors.no_such_verb()
        if resource.group == measured.GROUP:
            return self._measure(asked, at, resource)
        handler: Callable[[request.Request, request.Target, schema.Resource], Answer] = getattr(
            self, f"_{chosen}"
        )
        return handler(asked, at, resource)

    # ------------------------------------------------------------------------------------ reading
    def render(
        self,
        form: request.Form,
        resource: schema.Resource,
        entry: store.Entry,
        include: str = "",
        headed: bool = True,
    ) -> bytes:
        """A stored object in a form: as itself its bytes are used as they are."""
        if form == "object" and resource.group != "events.k8s.io":
            return b"%s%s" % (_head(resource), entry.body[1:])
        return _encode(self._formed(form, resource, self._reg.read(resource, entry), include, headed))

    def _formed(
        self,
        form: request.Form,
        resource: schema.Resource,
        value: Object,
        include: str = "",
        headed: bool = True,
    ) -> Object:
        if form == "table":
            meta = {"resourceVersion": value["metadata"].get("resourceVersion", "")}
            rows = [tables.row(resource, value, self._reg.time(), include)]
            return tables.table(resource, rows, meta, headed)
        if form == "metadata":
            return tables.partial(value)
        return value

    def _answer(
        self, asked: request.Request, resource: schema.Resource, value: Object, code: int = 200
    ) -> Answer:
        form = asked.form()
        if value.get("kind") == "Status":
            form = "object"
        return Answer(_encode(self._formed(form, resource, value, asked.included())), code)

    def _get(self, asked: request.Request, at: request.Target, resource: schema.Resource) -> Answer:
        try:
            watch.revision_of(asked.params)
        except errors.ApiError as error:
            if resource.table == "events":  # which no cache stands before
                raise
            raise errors.ApiError(500, "", error.message) from error
        entry = self._reg.entry(resource, at.namespace, at.name)
        return Answer(self.render(asked.form(), resource, entry, asked.included()))

    def _list(self, asked: request.Request, at: request.Target, resource: schema.Resource) -> Answer:
        limit = query.whole_number(asked.params, "limit") or 0
        query.label_selector(asked.params.get("labelSelector", ""))
        query.check_list(asked.params)
        chosen = query.selection(resource, asked.params)
        if asked.params.get("resourceVersion") == "0" and resource.table != "events":
            limit = 0  # answered by a cache, which has no pages
        entries, revision = self._at_revision(asked, at, resource)
        if (only := query.named_field(asked.params.get("fieldSelector", ""))) and (
            at.namespace or not resource.namespaced
        ):
            entries = [each for each in entries if each.key[1] == only]
        meta: Object = {"resourceVersion": str(revision)}
        token = asked.params.get("continue")
        if token:
            after = query.page(token).after
            entries = [each for each in entries if each.key > after]
        found = entries if chosen.everything else [each for each in entries if chosen.matches(each)]
        # A page that is full has a next one where anything is left, selected or not.
        if 0 < limit <= len(found) and found[limit - 1] is not entries[-1]:
            meta["continue"] = query.Page(revision, found[limit - 1].key).token()
            if chosen.everything:
                meta["remainingItemCount"] = len(found) - limit
            found = found[:limit]
        return Answer(self._rendered_list(asked, resource, found, meta))

    def _at_revision(
        self, asked: request.Request, at: request.Target, resource: schema.Resource
    ) -> tuple[list[store.Entry], int]:
        """The entries, now or as they were at the revision that is asked for. ApiError 410."""
        objects = self._reg.objects
        token, exact = asked.params.get("continue"), asked.params.get("resourceVersionMatch") == "Exact"
        version = watch.revision_of(asked.params)
        if token:
            if version:
                raise errors.bad_request("specifying resource version is not allowed when using continue")
            revision = query.page(token).revision
        elif exact and version:
            revision = version
        else:
            if version and version > objects.revision:
                message = f"Too large resource version: {version}, current: {objects.revision}"
                raise errors.ApiError(504, "Timeout", message)
            return objects.entries(resource.table, at.namespace), objects.revision
        try:
            return objects.entries_at(resource.table, revision, at.namespace), revision
        except store.CompactedError as error:
            message = (
                "The provided continue parameter is too old to display a consistent list result. You can"
                " start a new list without the continue parameter."
                if token
                else f"The resourceVersion for the provided list is too old: {revision}"
            )
            raise errors.expired(message) from error

    def _rendered_list(
        self, asked: request.Request, resource: schema.Resource, found: list[store.Entry], meta: Object
    ) -> bytes:
        form = asked.form()
        read = functools.partial(self._reg.read, resource)
        if form == "table":
            include, now = asked.included(), self._reg.time()
            rows = [tables.row(resource, read(each), now, include) for each in found]
            return _encode(tables.table(resource, rows, meta))
        if form == "metadata":
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
            return _encode(
                head | {"items": [self._formed("metadata", resource, read(each)) for each in found]}
            )
        head = _list_head(resource, meta)
        # Items of built-in kinds do not repeat their kind; custom ones do.
        if resource.group == "events.k8s.io":
            items = [
                _encode({k: v for k, v in read(each).items() if k not in {"kind", "apiVersion"}})
                for each in found
            ]
        elif resource.type:
            items = [each.body for each in found]
        else:
            items = [self.render("object", resource, each) for each in found]
        return b'%s,"items":[%s]}' % (_encode(head)[:-1], b",".join(items))

    def _measure(self, asked: request.Request, at: request.Target, resource: schema.Resource) -> Answer:
        found = self._measured.entries(resource, at.namespace, at.name)
        if at.name:
            if not found:
                raise errors.not_found(resource.group, resource.plural, at.name)
            return Answer(self.render(asked.form(), resource, found[0]))
        chosen = query.selection(resource, asked.params)
        return Answer(self._rendered_list(asked, resource, [e for e in found if chosen.matches(e)], {}))

    # ------------------------------------------------------------------------------------ writing
    def _create(self, asked: request.Request, at: request.Target, resource: schema.Resource) -> Answer:
        value = self._reg.create(resource, at.namespace, asked.document(), asked.options())
        return self._answer(asked, resource, value, 201)

    def _update(self, asked: request.Request, at: request.Target, resource: schema.Resource) -> Answer:
        options = asked.options()
        value, new = self._reg.put(resource, at.namespace, at.name, asked.document(), options, at.subresource)
        return self._answer(asked, resource, value, 201 if new else 200)

    def _patch(self, asked: request.Request, at: request.Target, resource: schema.Resource) -> Answer:
        media, options = asked.media(), asked.options()
        patch = asked.document()
        if media == request.APPLY:
            if not isinstance(patch, dict) or not patch.get("kind") or not patch.get("apiVersion"):
                raise errors.bad_request("an apply patch states its kind and apiVersion")
            force = query.flag(asked.params, "force")
            value, new = self._reg.apply(
                resource, at.namespace, at.name, patch, options, force=force, subresource=at.subresource
            )
            return self._answer(asked, resource, value, 201 if new else 200)
        change = self._change(media, patch, resource)

        def patched(before: Object) -> Object:
            made = change(before)
            try:
                return self._reg.decode(resource, made, options)
            except errors.ApiError as error:
                cause = errors.Cause("patch", f"Invalid value: {error.message}")
                raise errors.invalid("", "", "", [cause]) from error

        value = self._reg.replace(resource, at.namespace, at.name, patched, options, at.subresource)
        return self._answer(asked, resource, value)

    def _change(self, media: str, patch: Any, resource: schema.Resource) -> Callable[[Object], Object]:
        if media == "application/json-patch+json":
            return lambda value: patches.json_patch(value, patch)
        if media == "application/merge-patch+json":
            if not isinstance(patch, dict):
                raise errors.bad_request("a merge patch of an object is an object")
            return lambda value: patches.merge_patch(value, patch)
        if media == "application/strategic-merge-patch+json" and resource.type:
            return lambda value: patches.strategic(value, patch, resource.struct)
        accepted = [
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/apply-patch+yaml",
        ]
        raise errors.unsupported_media(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(accepted)
        )

    def _delete(self, asked: request.Request, at: request.Target, resource: schema.Resource) -> Answer:
        deleting, options = asked.deletion()
        value = deletion.delete(self._reg, resource, at.namespace, at.name, deleting, options)
        return self._answer(asked, resource, value)

    def _deletecollection(
        self, asked: request.Request, at: request.Target, resource: schema.Resource
    ) -> Answer:
        chosen = query.selection(resource, asked.params)
        found = self._reg.selected(resource, at.namespace, chosen)
        values = deletion.delete_all(self._reg, resource, found, *asked.deletion())
        meta = {"resourceVersion": str(self._reg.objects.revision)}
        head = _list_head(resource, meta)
        if resource.type:
            values = [{k: v for k, v in each.items() if k not in {"kind", "apiVersion"}} for each in values]
        return Answer(_encode(head | {"items": values}))

    # ------------------------------------------------------------------------------ subresources
    def _subresource(
        self, verb: str, asked: request.Request, at: request.Target, resource: schema.Resource
    ) -> Answer:
        name = at.subresource
        known = name in resource.subresources or (resource.table == "namespaces" and name == "finalize")
        if not known and not resource.type:
            raise errors.not_found(resource.group, resource.plural, at.name)
        if not known:
            raise errors.no_such_path()
        if name in _ACTIONS:
            if verb != "post":
                raise errors.no_such_verb()
            if name == "token":
                return self._token(asked, at)
            act, kind = _ACTED[name]
            options = asked.options()
            body = self._reg.receive(kind, at.namespace, asked.document(), options)
            return Answer(_encode(act(self._reg, at.namespace, at.name, body, options)), 201)
        if verb not in {"get", "update", "patch"}:
            raise errors.no_such_verb()
        if name == "scale":
            return self._scale(verb, asked, at, resource)
        handler = {"get": self._get, "update": self._update, "patch": self._patch}[verb]
        return handler(asked, at, resource)

    def _scale(
        self, verb: str, asked: request.Request, at: request.Target, resource: schema.Resource
    ) -> Answer:
        made = subresources.scale(resource, self._reg.get(resource, at.namespace, at.name))
        if verb != "get":
            wanted = asked.document()
            if verb == "patch":
                wanted = self._change(asked.media(), wanted, subresources.SCALE)(made)
            made = subresources.set_scale(self._reg, resource, at.namespace, at.name, wanted, asked.options())
        return self._answer(asked, subresources.SCALE, made)

    def _legacy_binding(self, asked: request.Request, at: request.Target) -> Answer:
        options = asked.options()
        body = self._reg.receive(subresources.BINDINGS, at.namespace, asked.document(), options)
        name = body["metadata"].get("name", "")
        return Answer(_encode(subresources.bind(self._reg, at.namespace, name, body, options)), 201)

    def _review(self, asked: request.Request, at: request.Target, resource: schema.Resource) -> Answer:
        if asked.method != "POST":
            raise errors.no_such_verb()
        value = self._received(resource, asked, at)
        return Answer(_encode(self._reviews.answer(resource, value, asked.user, self._reg.now())), 201)

    def _received(self, resource: schema.Resource, asked: request.Request, at: request.Target) -> Object:
        """What is answered and not kept bears a manager all the same."""
        options = asked.options()
        value = self._reg.receive(resource, at.namespace, asked.document(), options)
        defaults.fill(resource, value)
        who = apply.Manager(options.manager, "Update", resource.group_version, at.subresource)
        apply.track(None, value, resource, who, self._reg.now())
        return value

    def _token(self, asked: request.Request, at: request.Target) -> Answer:
        value = self._received(_TOKEN_REQUEST, asked, at)
        return Answer(_encode(self._who.request_token(at.namespace, at.name, value)), 201)


def _list_head(resource: schema.Resource, meta: Object) -> Object:
    """A list without its items; one of custom kinds has a place for the next page where there is none."""
    page = {} if resource.type else {"continue": ""}
    return {"kind": resource.list_kind, "apiVersion": resource.group_version, "metadata": page | meta}


@functools.cache
def _head(resource: schema.Resource) -> bytes:
    return _encode({"kind": resource.kind, "apiVersion": resource.group_version})[:-1] + b","
