"""A request as the handlers see it: path, query, the form of answer it accepts, body."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from stowage.api import yamltext
from stowage.embedded import errors, proto, query, registry

MAX_BODY: Final = 3 * 1024 * 1024
"""As kube-apiserver's limit for a resource."""
_OF_A_NAMESPACE: Final = {"status", "finalize"}

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

    def options(self) -> registry.Options:
        """How to write. ApiError 400."""
        dry_run = self.params.get("dryRun", "")
        if dry_run not in {"", "All"}:
            raise errors.bad_request(f'Invalid value: "{dry_run}": dryRun must be All')
        validation = self.params.get("fieldValidation", "Warn") or "Warn"
        if validation not in {"Ignore", "Warn", "Strict"}:
            raise errors.bad_request(f'Invalid value: "{validation}": fieldValidation')
        return registry.Options(
            manager=self.params.get("fieldManager") or self.agent(),
            dry_run=bool(dry_run),
            strict=validation == "Strict",
            warnings=self.warnings if validation == "Warn" else [],
        )

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

    def delete_options(self) -> dict[str, Any]:
        """DeleteOptions from the body, and from the query for those it says nothing of. ApiError 400."""
        found = self.document() if self.body else {}
        if not isinstance(found, dict):
            raise errors.bad_request("DeleteOptions are an object")
        asked: dict[str, Any] = dict(found)
        for name, value in (
            ("gracePeriodSeconds", query.whole_number(self.params, "gracePeriodSeconds")),
            ("propagationPolicy", self.params.get("propagationPolicy")),
        ):
            if value is not None and value != "":
                asked.setdefault(name, value)
        if "orphanDependents" in self.params:
            asked.setdefault("orphanDependents", query.flag(self.params, "orphanDependents"))
        return asked
