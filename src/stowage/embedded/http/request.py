"""A request as the handlers see it: path, query, the form of answer it accepts, body."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from stowage.api import yamltext
from stowage.embedded import errors, registry, schema
from stowage.embedded.http import identity, proto, query, rbac
from stowage.embedded.writing import clean

MAX_BODY: Final = 3 * 1024 * 1024
"""As kube-apiserver's limit for a resource."""
_OF_A_NAMESPACE: Final = {"status", "finalize"}
_OPTIONS: Final = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
_PROPAGATION: Final = ("Foreground", "Background", "Orphan")
APPLY: Final = "application/apply-patch+yaml"
_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

Form = Literal["object", "table", "metadata"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a path below /api or /apis names."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def target(path: str) -> Target | None:
    """Take a path apart; None where it names no resource."""
    parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) >= 3:
        group, (version, *rest) = "", parts[1:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, *rest = parts[1:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in _OF_A_NAMESPACE:
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3 or not all(rest):
        return None
    plural, name, subresource = (*rest, "", "")[:3]
    return Target(group, version, plural, namespace, name, subresource)


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    warnings: list[str] = field(default_factory=list)
    user: identity.Identity = identity.ANONYMOUS

    def options(self) -> registry.Options:
        """How to write. ApiError 422."""
        kind = _OPTIONS.get(self.method, "DeleteOptions")
        dry_run = self.params.get("dryRun", "")
        causes = [*_dry_run([dry_run] if dry_run else [])]
        validation = self.params.get("fieldValidation", "") or "Warn"
        if validation not in {"Ignore", "Warn", "Strict"}:
            causes.append(_unsupported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]))
        manager = self.params.get("fieldManager", "")
        applied = self.method == "PATCH" and self.media() == APPLY
        if applied and not manager:
            message = "Required value: is required for apply patch"
            causes.append(errors.Cause("fieldManager", message, "FieldValueRequired"))
        if self.method == "PATCH" and not applied and "force" in self.params:
            message = "Forbidden: may not be specified for non-apply patch"
            causes.append(errors.Cause("force", message, "FieldValueForbidden"))
        _refuse(kind, causes)
        return registry.Options(
            manager=manager or self.agent(),
            dry_run=bool(dry_run),
            strict=validation == "Strict",
            warnings=self.warnings if validation == "Warn" else [],
        )

    def attributes(self, at: Target | None) -> rbac.Attributes:
        """What is asked for, as authorisation sees it. Rules: apiserver's `endpoints/request`."""
        if at is None:
            return rbac.Attributes(self.method.lower(), path=self.path)
        verb, name = _VERBS.get(self.method, "get"), at.name
        if self.method in {"GET", "HEAD", "DELETE"} and not at.subresource:
            wide = {"GET": "list", "HEAD": "list", "DELETE": "deletecollection"}[self.method]
            verb = verb if name else wide
            if verb in {"get", "list"} and query.flag(self.params, "watch"):
                verb = "watch"
            if not name:
                name = self._narrowed()
        namespace = at.name if at.plural == "namespaces" and not at.group else at.namespace
        return rbac.Attributes(verb, at.group, at.plural, at.subresource, namespace, name)

    def _narrowed(self) -> str:
        """The name that a list asks for alone; none where its options cannot be read."""
        try:
            query.label_selector(self.params.get("labelSelector", ""))
            for each in ("limit", "timeoutSeconds"):
                query.whole_number(self.params, each)
        except errors.ApiError:
            return ""
        return query.named_field(self.params.get("fieldSelector", ""))

    def agent(self) -> str:
        """The program that asks, as its User-Agent names it."""
        return (self.headers.get("user-agent", "").split("/")[0] or "unknown")[:128]

    def form(self) -> Form:
        """What the answer is to look like. ApiError 406."""
        accepted = self.headers.get("accept") or "*/*"
        for media in accepted.split(","):
            kind, *parts = (part.strip() for part in media.split(";"))
            if kind not in {"application/json", "application/*", "*/*"}:
                continue
            asked = dict(part.partition("=")[::2] for part in parts)
            shape = asked.get("as", "")
            if not shape:
                return "object"
            if asked.get("v", "v1") != "v1":
                continue
            if shape == "Table":
                return "table"
            if shape in {"PartialObjectMetadata", "PartialObjectMetadataList"}:
                return "metadata"
        message = "only the following media types are accepted: application/json"
        raise errors.ApiError(406, "NotAcceptable", message)

    def included(self) -> str:
        """What a table's rows carry of the objects: Metadata (the default), Object or None. ApiError 400."""
        found = self.params.get("includeObject", "")
        if self.form() == "table" and found not in {"", "Metadata", "Object", "None"}:
            message = f'includeObject: Invalid value: "{found}": must be Metadata, Object, None, or empty'
            raise errors.bad_request(f"Unable to convert to Table as requested: {message}")
        return found

    def media(self) -> str:
        """The body's media type; JSON where it is not said."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower() or "application/json"

    def document(self) -> Any:
        """The body as JSON or YAML. ApiError 400, 415."""
        media = self.media()
        if media == proto.MEDIA:
            return proto.decode(self.body)
        if media.endswith("json"):
            try:
                return msgspec.json.decode(self.body)
            except msgspec.DecodeError as error:
                raise errors.bad_request(f"the object provided is unrecognized: {error}") from error
        if media.endswith("yaml"):
            try:
                documents = yamltext.parse(self.body)
            except yamltext.YamlError as error:
                raise errors.bad_request(f"error converting YAML to JSON: {error}") from error
            return documents[0] if documents else None
        raise errors.unsupported_media(
            "the body of the request was in an unknown format - accepted media types include:"
            f" application/json, application/yaml, {proto.MEDIA}"
        )

    def deletion(self) -> tuple[dict[str, Any], registry.Options]:
        """DeleteOptions, from the body where there is one, else from the query. ApiError 400, 422."""
        if self.body:
            found = self.document()
            if not isinstance(found, dict):
                raise errors.bad_request("DeleteOptions are an object")
            asked, _ = clean.clean(found, schema.types()["meta.v1.DeleteOptions"])
        else:
            asked = {
                "gracePeriodSeconds": query.whole_number(self.params, "gracePeriodSeconds"),
                "propagationPolicy": self.params.get("propagationPolicy") or None,
                "dryRun": [self.params["dryRun"]] if self.params.get("dryRun") else None,
            }
            if "orphanDependents" in self.params:
                asked["orphanDependents"] = query.flag(self.params, "orphanDependents")
            asked = {name: value for name, value in asked.items() if value is not None}
        policy, causes = asked.get("propagationPolicy"), [*_dry_run(asked.get("dryRun") or [])]
        if policy is not None and "orphanDependents" in asked:
            message = "Invalid value: orphanDependents and deletionPropagation cannot be both set"
            causes.append(errors.Cause("propagationPolicy", message))
        if policy is not None and policy not in _PROPAGATION:
            causes.append(_unsupported("propagationPolicy", policy, [*_PROPAGATION, "nil"]))
        _refuse("DeleteOptions", causes)
        return asked, registry.Options(self.agent(), dry_run=bool(asked.get("dryRun")))


def _dry_run(given: Sequence[str]) -> Iterator[errors.Cause]:
    if set(given) - {"All"}:
        yield _unsupported("dryRun", list(given), ["All"])


def _unsupported(field_name: str, value: Any, supported: Sequence[str]) -> errors.Cause:
    shown, known = msgspec.json.encode(value).decode(), ", ".join(f'"{each}"' for each in supported)
    message = f"Unsupported value: {shown}: supported values: {known}"
    return errors.Cause(field_name, message, "FieldValueNotSupported")


def _refuse(kind: str, causes: list[errors.Cause]) -> None:
    if causes:
        raise errors.invalid("meta.k8s.io", kind, "", causes)
