"""Workloads: how many pods, which ones, and the template of them.

Rules: pkg/apis/{apps,batch,core}/validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from stowage.api import selectors
from stowage.embedded import errors
from stowage.embedded.http import query
from stowage.embedded.rules import faults, placement, pods, volumes

Object = dict[str, Any]
Cause = errors.Cause

_NOT_NEGATIVE: Final[dict[str, tuple[str, ...]]] = {
    "Deployment": ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"),
    "ReplicaSet": ("replicas", "minReadySeconds"),
    "ReplicationController": ("replicas", "minReadySeconds"),
    "StatefulSet": ("replicas", "minReadySeconds"),
    "DaemonSet": ("minReadySeconds", "revisionHistoryLimit"),
}
_OF_JOBS: Final = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_LENIENT: Final = ("DaemonSet", "Job")
"""Kinds whose template is looked at even where the selector cannot be read."""
_FINISHING: Final = ("OnFailure", "Never")
KINDS: Final = frozenset([*_NOT_NEGATIVE, "Job", "CronJob", "PodTemplate"])


def check(kind: str, value: Object, *, new: bool) -> Iterator[Cause]:
    """`kind` is one of `KINDS`."""
    if kind == "PodTemplate":
        yield from pods.template("template", value["template"])
        return
    path, spec = "spec", value["spec"]
    if kind == "CronJob":
        path, spec = "spec.jobTemplate.spec", spec["jobTemplate"]["spec"]
    for field in _NOT_NEGATIVE.get(kind, _OF_JOBS):
        yield from faults.not_negative(f"{path}.{field}", spec.get(field))
    chosen = _chosen(kind, spec)
    if kind not in {"CronJob", "ReplicationController"}:
        yield from _selector(kind, f"{path}.selector", spec.get("selector"), readable=chosen is not None)
    if "template" not in spec or (chosen is None and kind not in _LENIENT):
        return
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if chosen is not None and not selectors.matches(chosen, labels):
        why = "`selector` does not match template `labels`"
        yield faults.invalid(f"{path}.template.metadata.labels", labels or None, why)
    yield from _template(kind, path, spec, new)


def _chosen(kind: str, spec: Object) -> selectors.Selector | None:
    """Which pods a workload means; None where its selector cannot be read."""
    if kind == "CronJob":
        return selectors.EVERYTHING
    stated = spec.get("selector")
    if kind == "ReplicationController":
        return selectors.from_labels(stated or {})
    try:
        return query.object_selector(stated)
    except (selectors.SelectorError, msgspec.ValidationError):
        return None


def _selector(kind: str, path: str, stated: Object | None, *, readable: bool) -> Iterator[Cause]:
    if stated is None:
        if kind != "DaemonSet":
            yield faults.required(path)
        return
    yield from placement.label_selector(path, stated)
    if kind != "Job" and not any(stated.values()):
        named = "deployment" if kind == "ReplicaSet" else kind.lower()
        yield faults.invalid(path, stated, f"empty selector is invalid for {named}")
    if not readable and kind not in _LENIENT:
        yield faults.invalid(path, stated, "" if kind == "StatefulSet" else "invalid label selector")


def _template(kind: str, path: str, spec: Object, new: bool) -> Iterator[Cause]:
    claims = []
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        name = claim["metadata"].get("name", "")
        claims.append({"name": name, "persistentVolumeClaim": {"claimName": name}})
        if new:
            yield from volumes.claim(f"{path}.volumeClaimTemplates[{i}].spec", claim["spec"])
    yield from pods.template(f"{path}.template", spec["template"], claims)
    at, inner = f"{path}.template.spec", spec["template"]["spec"]
    policy = inner["restartPolicy"]
    if kind not in {"Job", "CronJob"}:
        yield from faults.one_of(f"{at}.restartPolicy", policy, ("Always",))
        if "activeDeadlineSeconds" in inner:
            named = "ReplicaSet" if kind == "Deployment" else kind
            why = f"activeDeadlineSeconds in {named} is not Supported"
            yield faults.forbidden(f"{at}.activeDeadlineSeconds", why)
    elif policy == "Always":
        yield faults.required(f"{at}.restartPolicy", 'valid values: "OnFailure", "Never"')
    else:
        yield from faults.one_of(f"{at}.restartPolicy", policy, _FINISHING)
