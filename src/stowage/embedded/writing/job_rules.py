"""What a Job's selector and labels are, and what may change in its template.

Nothing may, but of a Job that is suspended and has no pods where they go and what they request. Rules:
pkg/apis/batch/validation, `validateGeneratedSelector` and `validatePodTemplateUpdate`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from stowage.api import selectors
from stowage.embedded import errors
from stowage.embedded.http import query
from stowage.embedded.rules import faults

Object = dict[str, Any]
Cause = errors.Cause

_DIRECTIVES: Final = frozenset({"nodeSelector", "tolerations", "schedulingGates", "affinity"})
_PREFIXED: Final = {"batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"}
_MESSAGE: Final = "Invalid value: field is immutable"


def check(before: Object | None, value: Object) -> Iterator[Cause]:
    yield from _generated(value, before is None or _labels(before).keys() >= _PREFIXED)
    if before is None:
        return
    old, new = before["spec"]["template"], value["spec"]["template"]
    if not _rests(before):
        if old != new:
            yield Cause("spec.template", _MESSAGE)
    elif _fixed(old["spec"], new["spec"]) != _fixed(new["spec"], new["spec"]):
        yield Cause("spec.template.spec", _MESSAGE)


def _labels(job: Object) -> Object:
    return (job["spec"]["template"].get("metadata") or {}).get("labels") or {}


def _generated(job: Object, prefixed: bool) -> Iterator[Cause]:
    """Where nobody else answers for the selector, it and the template's labels are the server's own.

    Jobs of long ago have no `prefixed` ones.
    """
    spec, meta = job["spec"], job["metadata"]
    selector = spec.get("selector")
    if spec.get("manualSelector") or selector is None:
        return
    wanted = {"controller-uid": meta["uid"], "job-name": meta.get("name", "")}
    if prefixed:
        wanted |= {f"batch.kubernetes.io/{name}": text for name, text in wanted.items()}
    labels = _labels(job)
    for name, text in wanted.items():
        path = f"spec.template.metadata.labels[{name}]"
        if name not in labels:
            yield faults.required(path, f"must be '{text}'")
        elif labels[name] != text:
            yield Cause(path, f"Invalid value: must be '{text}'")
    with contextlib.suppress(selectors.SelectorError, msgspec.ValidationError):
        if not selectors.matches(query.object_selector(selector), wanted):
            yield Cause("spec.selector", "Invalid value: `selector` not auto-generated")


def _rests(job: Object) -> bool:
    """Whether it is suspended, and has not started or says that it has come to rest."""
    status = job.get("status") or {}
    said = any(
        each["type"] == "Suspended" and each["status"] == "True" for each in status.get("conditions") or ()
    )
    unstarted = status.get("startTime") is None
    return bool(job["spec"].get("suspend")) and (unstarted or said) and not status.get("active")


def _fixed(spec: Object, new: Object) -> Object:
    """The part of a template's spec that stays when it becomes the new one."""
    affinity = spec.get("affinity") or {}
    made = {name: part for name, part in spec.items() if name not in _DIRECTIVES}
    made["affinity"] = {name: part for name, part in affinity.items() if name != "nodeAffinity"}
    for field in ("containers", "initContainers"):
        mine, theirs = spec.get(field) or (), new.get(field) or ()
        if len(mine) == len(theirs):
            made[field] = [
                each | {"resources": None} if each.get("name") == other.get("name") else each
                for each, other in zip(mine, theirs, strict=True)
            ]
    return made
