"""Nodes, storage, budgets, quotas and ranges: the values of kinds besides pods that scheduling reads.

Rules: pkg/apis/{core,node,policy,scheduling,storage}/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from stowage.api import quantity
from stowage.embedded import errors
from stowage.embedded.rules import amounts, faults, placement, volumes

Object = dict[str, Any]
Cause = errors.Cause

_POD_SCOPES: Final = frozenset(
    ["Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"]
)
_SCOPES: Final = _POD_SCOPES | {"BestEffort", "VolumeAttributesClass"}
_EXISTING: Final = _SCOPES - {"PriorityClass", "VolumeAttributesClass"}
"""Scopes of which it can only be asked whether they hold."""
_OF_PODS: Final = frozenset(
    ["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"]
)
_OF_CLAIMS: Final = frozenset(["persistentvolumeclaims", "requests.storage"])
_CONFLICTS: Final = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
_EXISTS: Final = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating,"
    " ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or"
    " ResourceQuotaScopeCrossNamespacePodAffinity"
)
_LIMITED: Final = ("Container", "PersistentVolumeClaim", "Pod")


def _node(node: Object) -> Iterator[Cause]:
    yield from placement.taints("metadata.taints", (node.get("spec") or {}).get("taints") or ())
    status = node.get("status") or {}
    for field in ("capacity", "allocatable"):
        for name, stated in (status.get(field) or {}).items():
            yield from faults.each(f"status.{field}.{name}", stated, amounts.amount(name, stated))


def _budget(budget: Object) -> Iterator[Cause]:
    spec = budget.get("spec") or {}
    for field in ("minAvailable", "maxUnavailable"):
        if field in spec:
            yield from faults.share(f"spec.{field}", spec[field])
    yield from placement.label_selector("spec.selector", spec.get("selector"))
    policy = spec.get("unhealthyPodEvictionPolicy", "AlwaysAllow")
    yield from faults.one_of("spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget"))
    for field in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        yield from faults.not_negative(f"status.{field}", (budget.get("status") or {}).get(field))


def _storage_class(value: Object) -> Iterator[Cause]:
    if name := value.get("provisioner"):
        yield from faults.each("provisioner", name, faults.label_key(name.lower()))
    if policy := value.get("reclaimPolicy"):
        yield from faults.one_of("reclaimPolicy", policy, ("Delete", "Retain"))
    modes = ("Immediate", "WaitForFirstConsumer")
    yield from faults.one_of("volumeBindingMode", value.get("volumeBindingMode", ""), modes)
    seen: list[Mapping[str, set[str]]] = []
    for i, term in enumerate(value.get("allowedTopologies") or ()):
        at = f"allowedTopologies[{i}].matchLabelExpressions"
        chosen: dict[str, set[str]] = {}
        for j, part in enumerate(term.get("matchLabelExpressions") or ()):
            key, values = part.get("key", ""), part.get("values") or ()
            if not values:
                yield faults.required(f"{at}[{j}].values")
            for k, each in enumerate(values):
                if each in values[:k]:
                    yield faults.duplicate(f"{at}[{j}].values[{k}]", each)
            yield from faults.each(f"{at}[{j}].key", key, faults.label_key(key))
            if key in chosen:
                yield faults.duplicate(f"{at}[{j}].key", key)
            chosen[key] = set(values)
        if chosen in seen:
            yield faults.duplicate(at, "")
        seen.append(chosen)


def _csi_node(value: Object) -> Iterator[Cause]:
    seen: set[str] = set()
    for i, driver in enumerate(value["spec"].get("drivers") or ()):
        at, name, node = f"spec.drivers[{i}]", driver.get("name", ""), driver.get("nodeID", "")
        yield from volumes.driver_name(f"{at}.name", name)
        if not node:
            yield faults.required(f"{at}.nodeID")
        elif len(node) > 256:
            yield faults.invalid(f"{at}.nodeID", node, "must be 256 characters or less")
        count = (driver.get("allocatable") or {}).get("count")
        yield from faults.not_negative(f"{at}.allocatable.count", count)
        if name in seen:
            yield faults.duplicate(f"{at}.name", name)
        seen.add(name)
        keys = driver.get("topologyKeys") or ()
        for j, key in enumerate(keys):
            if not key:
                yield faults.required(at)
            if key in keys[:j]:
                yield faults.duplicate(at, key)
            yield from faults.each(at, key, faults.label_key(key))


def _capacity(value: Object) -> Iterator[Cause]:
    yield from placement.label_selector("nodeTopology", value.get("nodeTopology"))
    if value.get("capacity", "0").startswith("-"):
        yield faults.invalid("capacity", value["capacity"], faults.NOT_NEGATIVE)


def _runtime_class(value: Object) -> Iterator[Cause]:
    if name := value.get("handler"):
        yield from faults.each("handler", name, faults.dns_label(name))
    overhead = (value.get("overhead") or {}).get("podFixed")
    yield from amounts.requirements("overhead", {"limits": overhead} if overhead else {}, frozenset())
    scheduling = value.get("scheduling") or {}
    yield from placement.labels("scheduling.nodeSelector", scheduling.get("nodeSelector"))
    yield from placement.tolerations("scheduling.tolerations", scheduling.get("tolerations") or ())


def _quota(value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    hard = spec.get("hard") or {}
    yield from amounts.listed("spec.hard", hard, amounts.of_quota)
    scopes = spec.get("scopes") or ()
    for scope in scopes:
        if scope not in _SCOPES:
            yield faults.invalid("spec.scopes", scopes, "unsupported scope")
        yield from _scoped("spec.scopes", scopes, scope, hard)
    for pair in _CONFLICTS:
        if pair <= set(scopes):
            yield faults.invalid("spec.scopes", scopes, "conflicting scopes")
    path, selector = "spec.scopeSelector.matchExpressions", spec.get("scopeSelector") or {}
    parts = selector.get("matchExpressions") or ()
    for part in parts:
        yield from _scope_requirement(path, part)
        yield from _scoped(path, selector, part.get("scopeName", ""), hard)
    for pair in _CONFLICTS:
        if pair <= {part.get("scopeName") for part in parts}:
            yield faults.invalid(path, scopes or None, "conflicting scopes")


def _scoped(path: str, told: Any, scope: str, hard: Mapping[str, str]) -> Iterator[Cause]:
    """Whether what a quota bounds can be in a scope."""
    fitting = {"BestEffort": {"pods"}, "VolumeAttributesClass": _OF_CLAIMS}.get(scope, _OF_PODS)
    for name in sorted(hard) if scope in _SCOPES else ():
        if "/" not in name and name not in fitting and not amounts.of_quota(name):
            yield faults.invalid(path, told, "unsupported scope applied to resource")


def _scope_requirement(path: str, part: Object) -> Iterator[Cause]:
    scope, operator, values = part.get("scopeName", ""), part.get("operator", ""), part.get("values") or ()
    if scope not in _SCOPES:
        yield faults.invalid(f"{path}.scopeName", scope, "unsupported scope")
    if scope in _EXISTING and operator != "Exists":
        yield faults.invalid(f"{path}.operator", operator, _EXISTS)
    if operator in {"In", "NotIn"}:
        if not values:
            why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            yield faults.required(f"{path}.values", why)
    elif operator in {"Exists", "DoesNotExist"}:
        if values:
            why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            yield faults.invalid(f"{path}.values", values, why)
    else:
        yield faults.invalid(f"{path}.operator", operator, "not a valid selector operator")


def _limit_range(value: Object) -> Iterator[Cause]:
    seen: set[str] = set()
    for i, item in enumerate((value.get("spec") or {}).get("limits") or ()):
        at, kind = f"spec.limits[{i}]", item.get("type", "")
        wrong = faults.label_key(kind)
        if not wrong and "/" not in kind and kind not in _LIMITED:
            wrong = ("must be a standard limit type or fully qualified",)
        yield from faults.each(f"{at}.type", kind, wrong)
        if kind in seen:
            yield faults.duplicate(f"{at}.type", kind)
        seen.add(kind)
        yield from _limit_names(at, kind, item)
        bounded = {*(item.get("min") or ()), *(item.get("max") or ())}
        if kind == "PersistentVolumeClaim" and "storage" not in bounded:
            why = "either minimum or maximum storage value is required, but neither was provided"
            yield faults.required(f"{at}.limits", why)
        yield from _limit_order(at, item if kind != "Pod" else _without_defaults(item))


def _limit_names(path: str, kind: str, item: Object) -> Iterator[Cause]:
    rule = amounts.of_container if kind in {"Pod", "Container"} else amounts.resource
    for field in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        if kind == "Pod" and field.startswith("default"):
            if item.get(field):
                yield faults.forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'")
            continue
        for name in item.get(field) or ():
            yield from faults.each(f"{path}.{field}[{name}]", name, rule(name))


def _without_defaults(item: Object) -> Object:
    return {field: part for field, part in item.items() if not field.startswith("default")}


_ORDER: Final = (
    ("min", "max", "min", "min value {} is greater than max value {}", 0),
    ("min", "defaultRequest", "defaultRequest", "min value {} is greater than default request value {}", 1),
    ("defaultRequest", "max", "defaultRequest", "default request value {} is greater than max value {}", 0),
    (
        "defaultRequest",
        "default",
        "defaultRequest",
        "default request value {} is greater than default limit value {}",
        0,
    ),
    ("min", "default", "default", "min value {} is greater than default value {}", 0),
    ("default", "max", "default", "default value {} is greater than max value {}", 1),
)
"""What is not above what; the field that is told, how, and which of the two amounts is shown with it."""


def _limit_order(path: str, item: Object) -> Iterator[Cause]:
    fields = ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio")
    for name in dict.fromkeys(name for field in fields for name in item.get(field) or ()):
        stated = {field: item[field][name] for field in fields if name in (item.get(field) or ())}
        nanos = {field: quantity.nanos(given) for field, given in stated.items()}
        for lower, upper, told, why, shown in _ORDER:
            if lower in nanos and upper in nanos and nanos[lower] > nanos[upper]:
                pair = (stated[lower], stated[upper])
                yield faults.invalid(f"{path}.{told}[{name}]", pair[shown], why.format(*pair))
        yield from _ratio(f"{path}.maxLimitRequestRatio[{name}]", stated, nanos)
        fixed = not amounts.overcommits(name)
        if fixed and "default" in nanos and nanos["default"] != nanos.get("defaultRequest", nanos["default"]):
            given, asked = stated["default"], stated["defaultRequest"]
            why = f"default value {given} must equal to defaultRequest value {asked} in {name}"
            yield faults.invalid(f"{path}.defaultRequest[{name}]", asked, why)


def _ratio(path: str, stated: Mapping[str, str], nanos: Mapping[str, int]) -> Iterator[Cause]:
    if "maxLimitRequestRatio" not in nanos:
        return
    ratio, told = nanos["maxLimitRequestRatio"], stated["maxLimitRequestRatio"]
    if ratio < quantity.NANO:
        yield faults.invalid(path, told, f"ratio {told} is less than 1")
    if "min" in nanos and "max" in nanos and ratio * nanos["min"] > nanos["max"] * quantity.NANO:
        most = nanos["max"] / nanos["min"]
        yield faults.invalid(path, told, f"ratio {told} is greater than max/min = {most:f}")


CHECKS: Final[dict[str, Callable[[Object], Iterator[Cause]]]] = {
    "CSINode": _csi_node,
    "CSIStorageCapacity": _capacity,
    "LimitRange": _limit_range,
    "Node": _node,
    "PersistentVolume": lambda value: volumes.persistent("spec", value["spec"]),
    "PersistentVolumeClaim": lambda value: volumes.claim("spec", value["spec"]),
    "PodDisruptionBudget": _budget,
    "ResourceQuota": _quota,
    "RuntimeClass": _runtime_class,
    "StorageClass": _storage_class,
}
"""By kind."""
