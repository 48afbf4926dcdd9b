"""Names and amounts of resources: in requests and limits, of a node, in quotas and ranges.

Rules: pkg/apis/core/validation (`validateResourceRequirements` and what it calls), pkg/apis/core/helper.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, Final

from stowage.api import names, quantity
from stowage.embedded import errors
from stowage.embedded.rules import faults

Object = dict[str, Any]
Cause = errors.Cause
NameRule = Callable[[str], tuple[str, ...]]

_COUNTED: Final = frozenset(
    [
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    ]
)
_IN_CONTAINERS: Final = frozenset(["cpu", "memory", "ephemeral-storage"])
_IN_QUOTAS: Final = (
    _COUNTED
    | _IN_CONTAINERS
    | {f"{side}.{name}" for side in ("requests", "limits") for name in _IN_CONTAINERS}
    | {"requests.storage"}
)
_STANDARD: Final = _IN_QUOTAS | {"storage"}
_POD_LEVEL: Final = ("cpu", "hugepages-", "memory")
_HUGE_IN_QUOTA: Final = ("hugepages-", "requests.hugepages-")


@functools.lru_cache(maxsize=4096)
def resource(name: str) -> tuple[str, ...]:
    """What is wrong with the name of any resource."""
    wrong = faults.label_key(name)
    if not wrong and "/" not in name and name not in _STANDARD and not name.startswith(_HUGE_IN_QUOTA):
        return ("must be a standard resource type or fully qualified",)
    return wrong


@functools.lru_cache(maxsize=4096)
def of_container(name: str) -> tuple[str, ...]:
    """What is wrong with a resource that a container asks for."""
    if "/" not in name:
        if name in _IN_CONTAINERS or names.is_huge_page(name):
            return resource(name)
        return (*resource(name), "must be a standard resource for containers")
    if names.is_native(name) or names.is_extended(name):
        return resource(name)
    return (*resource(name), "doesn't follow extended resource name standard")


@functools.lru_cache(maxsize=4096)
def of_quota(name: str) -> tuple[str, ...]:
    """What is wrong with a resource that a quota bounds."""
    if "/" in name or name in _IN_QUOTAS or name.startswith(_HUGE_IN_QUOTA):
        return resource(name)
    return (*resource(name), "must be a standard resource for quota")


@functools.lru_cache(maxsize=1 << 14)
def amount(name: str, stated: str) -> tuple[str, ...]:
    """What is wrong with how much there is of a resource."""
    nanos = quantity.nanos(stated)
    wrong = (faults.NOT_NEGATIVE,) if nanos < 0 else ()
    if (name in _COUNTED or names.is_extended(name)) and quantity.to_milli_value(nanos) % 1000:
        return (*wrong, "must be an integer")
    return wrong


def overcommits(name: str) -> bool:
    """Whether of a resource more may be promised than there is (`IsOvercommitAllowed`)."""
    return names.is_native(name) and not names.is_huge_page(name)


def positive(path: str, stated: str) -> Iterator[Cause]:
    if quantity.nanos(stated) <= 0:
        yield faults.invalid(path, stated, faults.POSITIVE)


def listed(path: str, stated: Mapping[str, str] | None, rule: NameRule) -> Iterator[Cause]:
    """A map from resources to amounts."""
    for name, given in (stated or {}).items():
        if wrong := rule(name):
            yield from faults.each(f"{path}[{name}]", name, wrong)
        if wrong := amount(name, given):
            yield from faults.each(f"{path}[{name}]", given, wrong)


def requirements(path: str, stated: Object, claims: Set[str]) -> Iterator[Cause]:
    """What a container asks for; `claims` are the names of the pod's resource claims."""
    if stated:
        yield from listed(f"{path}.limits", stated.get("limits"), of_container)
        yield from listed(f"{path}.requests", stated.get("requests"), of_container)
        yield from _within_limits(path, stated)
        if stated.get("claims"):
            yield from _claims(f"{path}.claims", stated["claims"], claims)


def at_pod_level(path: str, stated: Object, claims: Set[str]) -> Iterator[Cause]:
    """What a pod asks for as a whole."""
    if stated.get("claims"):
        yield faults.forbidden(f"{path}.claims", "claims may not be set for Resources at pod-level")
    for side in ("limits", "requests"):
        for name, given in (stated.get(side) or {}).items():
            at = f"{path}.{side}[{name}]"
            if wrong := resource(name):
                yield from faults.each(at, name, wrong)
            elif not name.startswith("hugepages-") and name not in _POD_LEVEL:
                yield faults.unsupported(at, name, _POD_LEVEL)
            yield from faults.each(at, given, amount(name, given))
    yield from _within_limits(path, stated)
    yield from _claims(f"{path}.claims", stated.get("claims") or (), claims)


def _within_limits(path: str, stated: Object) -> Iterator[Cause]:
    limits, requests = stated.get("limits") or {}, stated.get("requests") or {}
    for name, given in requests.items():
        shared = overcommits(name)
        limit = limits.get(name)
        if limit is None:
            if not shared:
                why = "Limit must be set for non overcommitable resources"
                yield faults.required(f"{path}.limits", why)
            continue
        if limit == given:
            continue
        over = quantity.nanos(given) - quantity.nanos(limit)
        if over and not shared:
            yield faults.invalid(f"{path}.requests", given, f"must be equal to {name} limit of {limit}")
        elif over > 0:
            why = f"must be less than or equal to {name} limit of {limit}"
            yield faults.invalid(f"{path}.requests", given, why)
    yield from _huge_pages(path, limits, requests)


def _huge_pages(path: str, limits: Mapping[str, str], requests: Mapping[str, str]) -> Iterator[Cause]:
    pages = [
        (side, name, given)
        for side, stated in (("limits", limits), ("requests", requests))
        for name, given in stated.items()
        if names.is_huge_page(name)
    ]
    for side, name, given in pages:
        try:
            size = quantity.nanos(name.removeprefix("hugepages-"))
        except quantity.QuantityError:
            size = 0
        if size <= 0 or size % quantity.NANO or quantity.nanos(given) % size:
            why = f"{given} is not positive integer multiple of {name}"
            yield faults.invalid(f"{path}.{side}[{name}]", given, why)
    if pages and not {"cpu", "memory"} & (limits.keys() | requests.keys()):
        yield faults.forbidden(path, "HugePages require cpu or memory")


def _claims(path: str, stated: Sequence[Object], known: Set[str]) -> Iterator[Cause]:
    seen: set[str] = set()
    for i, claim in enumerate(stated):
        name, request = claim.get("name", ""), claim.get("request", "")
        at = f"{path}[{i}]"
        if not name:
            yield faults.required(at)
            continue
        key = f"{name}/{request}" if request else name
        if name in seen or key in seen:
            yield faults.duplicate(at, name if name in seen else key)
        elif not request and any(other.startswith(f"{name}/") for other in seen):
            yield faults.duplicate(at, name)
        seen.add(key)
        if request:
            yield from faults.each(f"{at}.request", request, faults.dns_label(request))
        if name not in known:
            named = f": {', '.join(sorted(known))}" if known else " which is empty"
            why = f"must be one of the names in pod.spec.resourceClaims{named}"
            yield faults.not_found(at, name, why)
