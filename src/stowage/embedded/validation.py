"""What is refused with 422: names, labels, what a scheduler relies on, and what may not change.

What scheduling reads is checked by `stowage.api.validate`; here is the rest, as far as a mistake in it
would make an object that no cluster could have. Rules: pkg/apis/*/validation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence, Set
from typing import Any, Final

import msgspec

from stowage.api import names, objects, quantity, selectors, validate
from stowage.embedded import errors, kind_rules, query, schema

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
_TEMPLATED: Final = {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"}
_TEMPLATES: Final = {
    "CronJob": "spec.jobTemplate.spec.template.spec",
    "PodTemplate": "template.spec",
    "ReplicationController": "spec.template.spec",
}
"""Where other kinds have a pod's spec; of those only that is looked at."""
_ONLY_RUNNING: Final = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_FINALIZERS: Final = {"kubernetes", "orphan", "foregroundDeletion"}
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
_DNS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_POD_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to"
    " existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was"
    " previously negative)"
)


def created(resource: schema.Resource, value: Object) -> list[Cause]:
    """What is wrong with a new object."""
    meta, rest = _metadata(resource, value), [*_body(resource, value), *_of_kind(resource, None, value)]
    if resource.kind == "PodDisruptionBudget" or _is_old_event(resource):
        return rest or list(meta)  # whose metadata is looked at last, by what all kinds share
    return [*meta, *rest]


def updated(resource: schema.Resource, before: Object, value: Object) -> list[Cause]:
    """What is wrong with a new version of an object."""
    uid = value["metadata"]["uid"]
    own = [Cause("metadata.uid", f'Invalid value: "{uid}": {kind_rules.FIXED}')]
    found = own if uid != before["metadata"]["uid"] else []
    found += _new_finalizers(before["metadata"], value["metadata"])
    found += [*_labels(resource, value), *_body(resource, value), *_of_kind(resource, before, value)]
    if resource.kind == "Pod":
        nominated = (value.get("status") or {}).get("nominatedNodeName")
        settled = (before.get("status") or {}).get("nominatedNodeName")
        if nominated and nominated != settled and before["spec"].get("nodeName"):
            message = "Forbidden: may not be set on pods that are already bound to a node"
            found.append(Cause("status.nominatedNodeName", message, "FieldValueForbidden"))
        found += list(_pod_change(before["spec"], value["spec"]))
    return found


def _new_finalizers(before: Object, meta: Object) -> list[Cause]:
    added = set(meta.get("finalizers") or ()) - set(before.get("finalizers") or ())
    if not added or "deletionTimestamp" not in before:
        return []
    message = f"Forbidden: no finalizer can be added to an object being deleted: {sorted(added)}"
    return [Cause("metadata.finalizers", message, "FieldValueForbidden")]


def _metadata(resource: schema.Resource, value: Object) -> Iterator[Cause]:
    meta = value["metadata"]
    name = meta.get("name", "")
    if not name:
        yield Cause("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")
    elif not _is_name(resource, name):
        yield Cause("metadata.name", f'Invalid value: "{name}": {_DNS}')
    yield from _labels(resource, value)


def _is_name(resource: schema.Resource, name: str) -> bool:
    if resource.kind in _PATH_NAMES or _is_old_event(resource):
        return name not in {".", ".."} and not set(name) & {"/", "%"}
    if resource.kind in _LABEL_NAMES:
        return names.is_dns_label(name)
    return names.is_dns_subdomain(name)


def _is_old_event(resource: schema.Resource) -> bool:
    return resource.kind == "Event" and not resource.group


def _labels(resource: schema.Resource, value: Object) -> Iterator[Cause]:
    meta = value["metadata"]
    for key, label in (meta.get("labels") or {}).items():
        if not names.is_qualified(key):
            yield Cause("metadata.labels", f'Invalid value: "{key}": name part must be a qualified name')
        if not names.is_label_value(label):
            yield Cause(
                "metadata.labels",
                f'Invalid value: "{label}": a valid label must be an empty string or a name',
            )
    for key in meta.get("annotations") or ():
        if not names.is_qualified(key.lower()):
            yield Cause("metadata.annotations", f'Invalid value: "{key}": name part must be a qualified name')
    free = resource.kind in _ANY_FINALIZER or _is_old_event(resource)
    for i, each in enumerate(meta.get("finalizers") or ()):
        if not names.is_qualified(each):
            yield Cause("metadata.finalizers", f'Invalid value: "{each}": name part must be a qualified name')
        elif "/" not in each and each not in _FINALIZERS and not free:
            message = "name is neither a standard finalizer name nor is it fully qualified"
            yield Cause(f"metadata.finalizers[{i}]", f'Invalid value: "{each}": {message}')


def _body(resource: schema.Resource, value: Object) -> Iterator[Cause]:
    own: list[Cause] = []
    if resource.kind == "Pod":
        own = list(_pod_spec("spec", value["spec"]))
    elif resource.kind in _TEMPLATED and resource.type:
        own = list(_template(resource, value))
    elif resource.kind in _TEMPLATES and resource.type:
        path = _TEMPLATES[resource.kind]
        spec = kind_rules.at(value, path)
        own = list(_pod_spec(path, spec)) if spec else []
    yield from own
    kind = objects.KINDS.get((resource.group, resource.kind)) if resource.type else None
    if kind is None:
        return
    try:
        item = msgspec.convert(_stated(value), kind)
    except msgspec.ValidationError as error:
        if not own:
            message, _, path = str(error).partition(" - at `$.")
            yield Cause(path.rstrip("`"), f"Invalid value: {message}")
        return
    for problem in validate.problems(item):
        if problem.path.startswith("metadata"):
            continue
        required = problem.message.startswith("is missing")
        yield Cause(
            problem.path,
            "Required value" if required else f"Invalid value: {problem.message}",
            "FieldValueRequired" if required else "FieldValueInvalid",
        )


def _stated(value: Any) -> Any:
    """Without nulls."""
    if isinstance(value, dict):
        return {name: _stated(part) for name, part in value.items() if part is not None}
    return [_stated(each) for each in value] if isinstance(value, list) else value


def _template(resource: schema.Resource, value: Object) -> Iterator[Cause]:
    spec = value["spec"]
    # Pods of a StatefulSet get a volume for each of its claims besides.
    claims = {each["metadata"].get("name") for each in spec.get("volumeClaimTemplates") or ()}
    yield from _pod_spec("spec.template.spec", spec["template"]["spec"], claims)
    selector = spec.get("selector")
    if selector is None and resource.kind not in {"Job", "DaemonSet"}:
        yield kind_rules.required("spec.selector")
    try:
        chosen = query.object_selector(selector)
    except (selectors.SelectorError, msgspec.ValidationError):
        return
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if selector is not None and not chosen.requirements and resource.kind != "Job":
        yield Cause("spec.selector", "Invalid value: empty selector is invalid for deployment")
    if not selectors.matches(chosen, labels):
        shown = msgspec.json.encode(labels).decode()
        yield Cause(
            "spec.template.metadata.labels",
            f"Invalid value: {shown}: `selector` does not match template `labels`",
        )
    name = value["metadata"].get("name", "")
    if resource.kind == "Job" and not names.is_label_value(name):
        yield Cause("spec.template.labels", f'Invalid value: "{name}": a valid label is wanted')
    policy = spec["template"]["spec"].get("restartPolicy")
    if resource.kind == "Job" and policy == "Always":
        message = 'Required value: valid values: "OnFailure", "Never"'
        yield Cause("spec.template.spec.restartPolicy", message, "FieldValueRequired")
    elif resource.kind != "Job" and policy != "Always":
        message = f'Unsupported value: "{policy}": supported values: "Always"'
        yield Cause("spec.template.spec.restartPolicy", message, "FieldValueNotSupported")


def _pod_spec(path: str, spec: Object, more: Set[str] = frozenset()) -> Iterator[Cause]:
    """`more` are the names of volumes that are there besides."""
    policy = spec.get("restartPolicy")
    if policy not in {"Always", "OnFailure", "Never"}:
        message = f'Unsupported value: "{policy}": supported values: "Always", "Never", "OnFailure"'
        yield Cause(f"{path}.restartPolicy", message, "FieldValueNotSupported")
    seen: set[str] = set()
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()} | more
    for field in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(field) or ()):
            at = f"{path}.{field}[{i}]"
            name = container.get("name", "")
            if name and not names.is_dns_label(name):
                yield Cause(f"{at}.name", f'Invalid value: "{name}": a lowercase RFC 1123 label is wanted')
            if name in seen:
                yield Cause(f"{at}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate")
            seen.add(name)
            if not container.get("image"):
                yield Cause(f"{at}.image", "Required value", "FieldValueRequired")
            yield from _requests(at, container.get("resources") or {})
            yield from _ports(at, container.get("ports") or ())
            if field == "initContainers" and container.get("restartPolicy") != "Always":
                for probe in _ONLY_RUNNING:
                    if probe in container:
                        message = "Forbidden: may not be set for init containers without restartPolicy=Always"
                        yield Cause(f"{at}.{probe}", message, "FieldValueForbidden")
            for j, mount in enumerate(container.get("volumeMounts") or ()):
                if mount.get("name") not in volumes:
                    message = f'Not found: "{mount.get("name", "")}"'
                    yield Cause(f"{at}.volumeMounts[{j}].name", message, "FieldValueNotFound")


def _ports(path: str, ports: Sequence[Object]) -> Iterator[Cause]:
    taken: set[str] = set()
    for i, port in enumerate(ports):
        name = port.get("name")
        if name and name in taken:
            yield Cause(f"{path}.ports[{i}].name", f'Duplicate value: "{name}"', "FieldValueDuplicate")
        taken.add(name or "")


def _requests(path: str, stated: Object) -> Iterator[Cause]:
    limits = stated.get("limits") or {}
    for name, amount in (stated.get("requests") or {}).items():
        at = f"{path}.resources.requests"
        limit = limits.get(name)
        if limit is not None and quantity.nanos(amount) > quantity.nanos(limit):
            yield Cause(
                at, f'Invalid value: "{amount}": must be less than or equal to {name} limit of {limit}'
            )
        elif names.is_extended(name) and limit != amount:
            yield Cause(
                f"{path}.resources.limits",
                "Required value: Limit must be set for non overcommitable resources",
                "FieldValueRequired",
            )


def _of_kind(resource: schema.Resource, before: Object | None, value: Object) -> Iterator[Cause]:
    return kind_rules.check(resource.kind, before, value) if resource.type else iter(())


def _pod_change(before: Object, after: Object) -> Iterator[Cause]:
    """What may change in a pod's spec: images, deadline, more tolerations, fewer gates."""
    gated = bool(before.get("schedulingGates"))
    gates = {gate["name"] for gate in before.get("schedulingGates") or ()}
    for i, gate in enumerate(after.get("schedulingGates") or ()):
        if gate["name"] not in gates:
            message = "Forbidden: only deletion is allowed, but found new scheduling gate"
            yield Cause(
                f"spec.schedulingGates[{i}].name", f"{message} '{gate['name']}'", "FieldValueForbidden"
            )
            return
    for field in ("containers", "initContainers"):
        if len(before.get(field) or ()) != len(after.get(field) or ()):
            message = "Forbidden: pod updates may not add or remove containers"
            yield Cause(f"spec.{field}", message, "FieldValueForbidden")
            return
    kept = [each for each in before.get("tolerations") or () if each not in (after.get("tolerations") or ())]
    if any(not _prolonged(each, after) for each in kept):
        message = "Forbidden: existing toleration can not be modified except its tolerationSeconds"
        yield Cause("spec.tolerations", message, "FieldValueForbidden")
        return
    if _settled(before, gated) != _settled(after, gated):
        yield Cause("spec", f"Forbidden: {_POD_FIXED}", "FieldValueForbidden")


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
