"""What has to be there, by kind: tables of paths. What is missing is refused with 422.

Rules: pkg/apis/*/validation. Values that are there are not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from stowage.embedded import errors

Object = dict[str, Any]
Cause = errors.Cause


class Rule(NamedTuple):
    """Of each object at `parents`, `fields` are to be there and not empty; where `either`, one of them.

    `parents` is a dotted path: `name[]` stands for each item of a list, and what stands below `name?` is
    asked only where that is there.
    """

    parents: str
    fields: tuple[str, ...]
    reason: str = "FieldValueRequired"
    either: bool = False


def _need(parents: str, fields: str) -> Rule:
    return Rule(parents, tuple(fields.split()))


def _valid(parents: str, fields: str) -> Rule:
    """As `_need`, where the absent is refused as what it stands for: 0, or a name without letters."""
    return Rule(parents, tuple(fields.split()), "FieldValueInvalid")


def _either(parents: str, fields: str, reason: str = "FieldValueRequired") -> Rule:
    return Rule(parents, tuple(fields.split()), reason, either=True)


_MATCHED: Final = "apiGroups apiVersions operations resources"
_HANDLERS: Final = "exec httpGet tcpSocket grpc"
_CONTAINERS: Final = ("containers[]", "initContainers[]")
_PROBES: Final = ("livenessProbe?", "readinessProbe?", "startupProbe?")
POD: Final = (
    *(_need(f"{each}.env[]", "name") for each in _CONTAINERS),
    *(_either(f"containers[].{each}", _HANDLERS) for each in _PROBES),
    *(_valid(f"containers[].{each}.httpGet?", "port") for each in _PROBES),
)
"""Of a pod's spec: what only its kubelet reads."""
_WEBHOOKS: Final = (
    _need("webhooks[]", "name admissionReviewVersions sideEffects"),
    _either("webhooks[].clientConfig", "url service"),
    _need("webhooks[].rules[]", _MATCHED),
)


def _requests(spec: str) -> tuple[Rule, ...]:
    """Of a ResourceClaim."""
    each = f"{spec}.devices.requests[]"
    return (
        _valid(each, "name"),
        _either(each, "exactly firstAvailable"),
        _need(f"{each}.exactly?", "deviceClassName"),
    )


KINDS: Final[dict[str, tuple[Rule, ...]]] = {
    "CronJob": (_need("spec", "schedule"),),
    "EndpointSlice": (_need("", "addressType"), _need("endpoints[]", "addresses")),
    "Endpoints": (
        _either("subsets[]", "addresses notReadyAddresses"),
        _valid("subsets[].addresses[]", "ip"),
        _valid("subsets[].ports[]", "port"),
    ),
    "HorizontalPodAutoscaler": (
        _need("spec", "maxReplicas"),
        _valid("spec", "maxReplicas"),
        _valid("spec.scaleTargetRef", "apiVersion"),
        _need("spec.scaleTargetRef", "kind name"),
    ),
    "Ingress": (
        _either("spec.defaultBackend?", "service resource", "FieldValueInvalid"),
        _need("spec.defaultBackend?.service?", "name"),
    ),
    "IngressClass": (_need("spec", "controller"),),
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "ReplicationController": (_need("spec", "selector template"),),
    "ResourceClaim": _requests("spec"),
    "ResourceClaimTemplate": _requests("spec.spec"),
    "ResourceSlice": (
        _need("spec", "driver"),
        _either("spec", "nodeName nodeSelector allNodes perDeviceNodeSelection"),
        _need("spec.pool", "name"),
        _valid("spec.pool", "resourceSliceCount"),
        _valid("spec.devices[]", "name"),
    ),
    "RuntimeClass": (_need("", "handler"),),
    "Service": (_valid("spec.ports[]", "port targetPort"),),
    "StorageClass": (_need("", "provisioner"),),
    "ValidatingAdmissionPolicy": (
        _need("spec", "matchConstraints"),
        _need("spec.matchConstraints?", "resourceRules"),
        _need("spec.matchConstraints?.resourceRules[]", _MATCHED),
        _need("spec.validations[]", "expression"),
    ),
    "ValidatingAdmissionPolicyBinding": (_need("spec", "policyName validationActions"),),
    "ValidatingWebhookConfiguration": _WEBHOOKS,
    "VolumeAttachment": (
        _need("spec", "attacher"),
        _valid("spec", "nodeName"),
        _either("spec.source", "persistentVolumeName inlineVolumeSpec"),
    ),
    "VolumeAttributesClass": (_need("", "driverName parameters"),),
}


def missing(kind: str, value: Object) -> Iterator[Cause]:
    """What an object of a kind lacks."""
    return lacking(KINDS.get(kind, ()), value)


def lacking(rules: tuple[Rule, ...], value: Object, path: str = "") -> Iterator[Cause]:
    """What the object at `path` lacks by some rules."""
    for rule in rules:
        text = "Required value" if rule.reason == "FieldValueRequired" else "Invalid value: must be stated"
        names = [name for name in rule.parents.split(".") if name]
        for at, parent in _each(value, names, path):
            absent = [name for name in rule.fields if not parent.get(name)]
            if not rule.either:
                yield from (Cause(f"{at}.{name}".lstrip("."), text, rule.reason) for name in absent)
            elif len(absent) == len(rule.fields):
                yield Cause(at, text, rule.reason)


def _each(value: Object, names: list[str], path: str) -> Iterator[tuple[str, Object]]:
    """Where the objects are that a rule is about, and the objects; what is absent is an empty one."""
    if not names:
        yield path, value
        return
    name, rest = names[0].rstrip("?[]"), names[1:]
    at, part = f"{path}.{name}".lstrip("."), value.get(name)
    if names[0].endswith("[]"):
        for i, item in enumerate(part or ()):
            yield from _each(item, rest, f"{at}[{i}]")
    elif part is not None or not names[0].endswith("?"):
        yield from _each(part or {}, rest, at)
