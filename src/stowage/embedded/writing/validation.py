"""What is refused with 422: names, labels, what a scheduler relies on, and what may not change.

The values themselves are looked at in `stowage.embedded.rules`; here are the metadata that all kinds have,
and what an update of a pod may change. Rules: pkg/apis/*/validation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Final

from stowage.embedded import errors, schema
from stowage.embedded.rules import cluster, faults, placement, pods, workloads
from stowage.embedded.writing import kind_rules, resize

Object = dict[str, Any]
Cause = errors.Cause

_LABEL_NAMES: Final = {"Namespace", "Service"}
_PATH_NAMES: Final = {
    "ClusterRole",
    "ClusterRoleBinding",
    "PodDisruptionBudget",
    "Role",
    "RoleBinding",
}
_ANY_FINALIZER: Final = frozenset(
    [
        "Lease",
        "RuntimeClass",
        "MutatingWebhookConfiguration",
        "PodDisruptionBudget",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ]
)
"""Kinds whose finalizers need no group: they are not checked by core's ValidateObjectMeta."""
_POD_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to"
    " existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was"
    " previously negative)"
)


def created(resource: schema.Resource, value: Object) -> list[Cause]:
    """What is wrong with a new object."""
    meta, rest = _metadata(resource, value), [*_body(resource, None, value), *_of_kind(resource, None, value)]
    if resource.kind == "PodDisruptionBudget" or _is_old_event(resource):
        return rest or list(meta)  # whose metadata is looked at last, by what all kinds share
    return [*meta, *rest]


def updated(resource: schema.Resource, before: Object, value: Object, subresource: str = "") -> list[Cause]:
    """What is wrong with a new version of an object."""
    uid = value["metadata"]["uid"]
    own = [faults.invalid("metadata.uid", uid, kind_rules.FIXED)]
    found = own if uid != before["metadata"]["uid"] else []
    found += _new_finalizers(before["metadata"], value["metadata"])
    found += [*_labels(resource, value), *_body(resource, before, value), *_of_kind(resource, before, value)]
    if resource.kind == "Pod":
        nominated = (value.get("status") or {}).get("nominatedNodeName")
        settled = (before.get("status") or {}).get("nominatedNodeName")
        if nominated and nominated != settled and before["spec"].get("nodeName"):
            why = "may not be set on pods that are already bound to a node"
            found.append(faults.forbidden("status.nominatedNodeName", why))
        if subresource == "resize":
            return [*found, *resize.check(before, value)]
        found += list(_pod_change(before["spec"], value["spec"]))
    return found


def _new_finalizers(before: Object, meta: Object) -> list[Cause]:
    added = set(meta.get("finalizers") or ()) - set(before.get("finalizers") or ())
    if not added or "deletionTimestamp" not in before:
        return []
    why = f"no finalizer can be added to an object being deleted: {sorted(added)}"
    return [faults.forbidden("metadata.finalizers", why)]


def _metadata(resource: schema.Resource, value: Object) -> Iterator[Cause]:
    meta = value["metadata"]
    name = meta.get("name", "")
    if not name:
        yield faults.required("metadata.name", "name or generateName is required")
    yield from faults.each("metadata.name", name, _name(resource, name) if name else ())
    yield from _labels(resource, value)


def _name(resource: schema.Resource, name: str) -> tuple[str, ...]:
    """What is wrong with the name of an object of a kind."""
    if resource.kind in _PATH_NAMES or _is_old_event(resource):
        contained = tuple(f"may not contain '{each}'" for each in "/%" if each in name)
        return (f"may not be '{name}'",) if name in {".", ".."} else contained
    return faults.dns_label(name) if resource.kind in _LABEL_NAMES else faults.dns_subdomain(name)


def _is_old_event(resource: schema.Resource) -> bool:
    return resource.kind == "Event" and not resource.group


def _labels(resource: schema.Resource, value: Object) -> Iterator[Cause]:
    meta = value["metadata"]
    yield from placement.labels("metadata.labels", meta.get("labels"))
    for key in meta.get("annotations") or ():
        yield from faults.each("metadata.annotations", key, faults.label_key(key.lower()))
    free = resource.kind in _ANY_FINALIZER or _is_old_event(resource) or not resource.type
    for i, each in enumerate(meta.get("finalizers") or ()):
        yield from faults.each("metadata.finalizers", each, faults.label_key(each))
        if "/" not in each and each not in kind_rules.FINALIZERS and not free:
            why = kind_rules.UNQUALIFIED
            yield faults.invalid(f"metadata.finalizers[{i}]", each, why)


def _body(resource: schema.Resource, before: Object | None, value: Object) -> Iterator[Cause]:
    """What is wrong with the values that a scheduler reads; a spec that stays is not looked at again."""
    kind = resource.kind
    stays = before is not None and before.get("spec") == value.get("spec")
    if not resource.type:
        return
    if kind in cluster.CHECKS:
        yield from cluster.CHECKS[kind](value)
    elif kind == "Pod" and not stays:
        yield from pods.whole(value)
        if before is None:
            yield from pods.new(value)
    elif kind in workloads.KINDS and (not stays or kind == "PodTemplate"):
        yield from workloads.check(kind, value, new=before is None)


def _of_kind(resource: schema.Resource, before: Object | None, value: Object) -> Iterator[Cause]:
    return kind_rules.check(resource.kind, before, value) if resource.type else iter(())


def _pod_change(before: Object, after: Object) -> Iterator[Cause]:
    """What may change in a pod's spec: images, deadline, more tolerations, fewer gates."""
    for field in ("containers", "initContainers"):
        if len(before.get(field) or ()) != len(after.get(field) or ()):
            why = "pod updates may not add or remove containers"
            yield faults.forbidden(f"spec.{field}", why)
            return
    kept = [each for each in before.get("tolerations") or () if each not in (after.get("tolerations") or ())]
    if any(not _prolonged(each, after) for each in kept):
        why = "existing toleration can not be modified except its tolerationSeconds"
        yield faults.forbidden("spec.tolerations", why)
    gates = {gate["name"] for gate in before.get("schedulingGates") or ()}
    last = {gate["name"]: i for i, gate in enumerate(after.get("schedulingGates") or ())}
    for name, i in last.items():
        if name not in gates:
            why = f"only deletion is allowed, but found new scheduling gate '{name}'"
            yield faults.forbidden(f"spec.schedulingGates[{i}].name", why)
    if _settled(before, bool(gates)) != _settled(after, bool(gates)):
        yield faults.forbidden("spec", _POD_FIXED)


def _prolonged(toleration: Object, after: Object) -> bool:
    plain = {key: part for key, part in toleration.items() if key != "tolerationSeconds"}
    return any(
        plain == {key: part for key, part in each.items() if key != "tolerationSeconds"}
        for each in after.get("tolerations") or ()
    )


def _settled(spec: Object, gated: bool) -> Object:
    """The part of a pod's spec that stays; a gated pod may still narrow where it goes."""
    free = {"activeDeadlineSeconds", "tolerations", "schedulingGates"}
    if gated:
        free |= {"nodeSelector", "affinity"}
    made = {key: copy.deepcopy(part) for key, part in spec.items() if key not in free}
    for field in ("containers", "initContainers"):
        for container in made.get(field) or ():
            container.pop("image", None)
    return made
