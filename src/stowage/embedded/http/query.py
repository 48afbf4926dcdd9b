"""What a request's query asks for: label and field selectors, pages, and how they read an object."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from stowage.api import meta, names, selectors
from stowage.embedded import errors, schema
from stowage.embedded.storage import store

_PLAIN_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "secrets": ("type",),
    "jobs.batch": ("status.successful",),
    "replicasets.apps": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
    "resourceslices.resource.k8s.io": ("spec.nodeName", "spec.driver"),
}
"""Fields that may be selected by, besides metadata.name and metadata.namespace, by table."""
_DEFAULTS: Final = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.replicas": "0"}
_NO_NAMESPACE_FIELD: Final = {"Namespace", "Node", "ResourceSlice"}
"""Kinds that cannot be selected by metadata.namespace; of other cluster-wide ones it is empty."""
_EVENT_NAMES: Final = {"regarding": "involvedObject", "reportingController": "reportingComponent"}

_SET = re.compile(r"([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)")
_TERM = re.compile(r"\s*((?:[^,()]|\([^()]*\))+)\s*(?:,|$)")

Test = Callable[[store.Entry], bool]


class _Equal(NamedTuple):
    path: str
    value: str
    wanted: bool


class Selection(NamedTuple):
    """Which objects of a table are meant."""

    labels: selectors.Selector = selectors.EVERYTHING
    fields: tuple[_Equal, ...] = ()

    def matches(self, entry: store.Entry) -> bool:
        if self.labels.requirements and not selectors.matches(self.labels, entry.labels):
            return False
        if not self.fields:
            return True
        value: dict[str, Any] | None = None
        for each in self.fields:
            if each.path == "metadata.name":
                found = entry.key[1]
            elif each.path == "metadata.namespace":
                found = entry.key[0]
            else:
                value = value or entry.read()
                found = _text_at(value, each.path)
            if (found == each.value) is not each.wanted:
                return False
        return True

    @property
    def everything(self) -> bool:
        return not self.fields and not self.labels.requirements and not self.labels.nothing


def selection(resource: schema.Resource, params: Mapping[str, str]) -> Selection:
    """The selectors of a request. ApiError 400 where one cannot be read."""
    return Selection(
        label_selector(params.get("labelSelector", "")), _fields(resource, params.get("fieldSelector", ""))
    )


def label_selector(text: str) -> selectors.Selector:
    """Read `a=b,c!=d,e in (f,g),h,!i`. ApiError 400."""
    if not text.strip():
        return selectors.EVERYTHING
    found: list[selectors.Requirement] = []
    end = 0
    while end < len(text):
        match = _TERM.match(text, end)
        if match is None or match.end() == end:
            raise errors.bad_request(f"unable to parse requirement: {text!r}")
        end = match.end()
        found.append(_requirement(match.group(1).strip()))
    return selectors.Selector(tuple(found))


def _requirement(term: str) -> selectors.Requirement:
    match = _SET.fullmatch(term)
    if match:
        key, operator, inside = match.groups()
        values = tuple(part.strip() for part in inside.split(","))
        made = meta.LabelSelectorRequirement(key, "In" if operator == "in" else "NotIn", values)
    elif term.startswith("!"):
        made = meta.LabelSelectorRequirement(term[1:].strip(), "DoesNotExist")
    elif "!=" in term:
        key, _, value = term.partition("!=")
        made = meta.LabelSelectorRequirement(key.strip(), "NotIn", (value.strip(),))
    elif "=" in term:
        key, _, value = term.partition("=")
        made = meta.LabelSelectorRequirement(key.strip(), "In", (value.removeprefix("=").strip(),))
    else:
        made = meta.LabelSelectorRequirement(term, "Exists")
    if not names.is_qualified(made.key):
        raise errors.bad_request(f"unable to parse requirement: invalid label key {made.key!r}")
    try:
        (read,) = selectors.compile(meta.LabelSelector(match_expressions=(made,))).requirements
    except selectors.SelectorError as error:
        raise errors.bad_request(f"unable to parse requirement: {error}") from error
    return read


def object_selector(selector: Mapping[str, Any] | None) -> selectors.Selector:
    """Compile a LabelSelector as it is stored; None selects nothing. SelectorError."""
    return selectors.compile(None if selector is None else msgspec.convert(selector, meta.LabelSelector))


def _fields(resource: schema.Resource, text: str) -> tuple[_Equal, ...]:
    made = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", term)
        if match is None:
            raise errors.bad_request(f"invalid field selector: {term!r}; can't understand {term!r}")
        path, operator, value = match.groups()
        if resource.group == "events.k8s.io":
            head, _, rest = path.partition(".")
            path = ".".join(filter(None, (_EVENT_NAMES.get(head, head), rest)))
        known = _PLAIN_FIELDS.get(resource.table, ())
        common = {"metadata.name"}
        if resource.kind not in _NO_NAMESPACE_FIELD or not resource.type:
            common.add("metadata.namespace")
        if path not in known and path not in common:
            raise errors.bad_request(f'field label not supported: "{path}"')
        made.append(_Equal(path, value, operator != "!="))
    return tuple(made)


def named_field(text: str) -> str:
    """The name that a field selector asks for, if it does."""
    for term in text.split(","):
        path, _, value = term.partition("=")
        if path == "metadata.name":
            return value.removeprefix("=")
    return ""


def _text_at(value: Any, path: str) -> str:
    if path == "source":
        return _text_at(value, "source.component") or _text_at(value, "reportingComponent")
    if path == "status.successful":
        path = "status.succeeded"
    at: Any = value
    for name in path.split("."):
        at = at.get(name) if isinstance(at, dict) else None
    if at is None:
        return _DEFAULTS.get(path, "")
    return str(at).lower() if isinstance(at, bool) else str(at)


class Page(NamedTuple):
    """Where a list goes on: after this key, as it was at this revision."""

    revision: int
    after: store.Key

    def token(self) -> str:
        raw = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": self.revision, "start": self.after})
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class _Token(msgspec.Struct):
    rv: int
    start: tuple[str, str]


def page(token: str) -> Page:
    """Read a continue token. ApiError 400."""
    try:
        read = msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=_Token)
    except (ValueError, msgspec.MsgspecError) as error:
        raise errors.bad_request("continue key is not valid") from error
    return Page(read.rv, read.start)


def check_list(params: Mapping[str, str]) -> None:
    """Refuse options that a list does not take together. ApiError 422."""
    path = "resourceVersionMatch"
    match, version = params.get(path), params.get("resourceVersion")
    causes = []
    if match and not version:
        message = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        causes.append(errors.Cause(path, message, "FieldValueForbidden"))
    if match and params.get("continue"):
        message = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
        causes.append(errors.Cause(path, message, "FieldValueForbidden"))
    if match and match not in {"Exact", "NotOlderThan"}:
        message = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        causes.append(errors.Cause(path, message, "FieldValueNotSupported"))
    if match == "Exact" and version == "0":
        message = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        causes.append(errors.Cause(path, message, "FieldValueForbidden"))
    if "sendInitialEvents" in params:
        message = "Forbidden: sendInitialEvents is forbidden for list"
        causes.append(errors.Cause("sendInitialEvents", message, "FieldValueForbidden"))
    if causes:
        raise errors.invalid("meta.k8s.io", "ListOptions", "", causes)


def whole_number(params: Mapping[str, str], name: str) -> int | None:
    """A query parameter that counts. ApiError 400."""
    text = params.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error


def flag(params: Mapping[str, str], name: str) -> bool:
    """A query parameter that is true or false, the empty one true as in Go's conversion."""
    return name in params and params[name].lower() not in {"false", "0"}
