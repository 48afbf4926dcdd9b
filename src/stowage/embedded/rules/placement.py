"""Where a pod may go: selectors of labels and nodes, affinity, spreading, tolerations and taints.

Rules: pkg/apis/core/validation, apimachinery's `meta/v1/validation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from stowage.embedded import errors
from stowage.embedded.rules import faults

Object = dict[str, Any]
Cause = errors.Cause

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_NO_OPERATOR: Final = "not a valid selector operator"
_WANTED: Final = "must be specified when `operator` is 'In' or 'NotIn'"
_UNWANTED: Final = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
_SINGLE: Final = "must be specified single value when `operator` is 'Lt' or 'Gt'"
_SINGLE_FIELD: Final = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
_NO_SELECTOR: Final = "must not be specified when labelSelector is not set"
_ANY_KEY: Final = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'


def labels(path: str, stated: Mapping[str, str] | None) -> Iterator[Cause]:
    for key, value in (stated or {}).items():
        yield from faults.each(path, key, faults.label_key(key))
        yield from faults.each(path, value, faults.label_value(value))


def label_selector(path: str, selector: Object | None) -> Iterator[Cause]:
    if not selector:
        return
    yield from labels(f"{path}.matchLabels", selector.get("matchLabels"))
    for i, part in enumerate(selector.get("matchExpressions") or ()):
        at = f"{path}.matchExpressions[{i}]"
        yield from _operator(at, part, numbers=False)
        yield from faults.each(f"{at}.key", part.get("key", ""), faults.label_key(part.get("key", "")))
        yield from _values(f"{at}.values", part)


def _operator(path: str, part: Object, *, numbers: bool) -> Iterator[Cause]:
    """Whether the operator of a requirement goes with its values; `numbers`: it may compare numbers."""
    operator, values = part.get("operator", ""), part.get("values") or ()
    if operator in {"In", "NotIn"}:
        if not values:
            yield faults.required(f"{path}.values", _WANTED)
    elif operator in {"Exists", "DoesNotExist"}:
        if values:
            yield faults.forbidden(f"{path}.values", _UNWANTED)
    elif numbers and operator in {"Gt", "Lt"}:
        if len(values) != 1:
            yield faults.required(f"{path}.values", _SINGLE)
    else:
        yield faults.invalid(f"{path}.operator", operator, _NO_OPERATOR)


def _values(path: str, part: Object) -> Iterator[Cause]:
    for i, value in enumerate(part.get("values") or ()):
        yield from faults.each(f"{path}[{i}]", value, faults.label_value(value))


def node_selector(path: str, selector: Object) -> Iterator[Cause]:
    terms = selector.get("nodeSelectorTerms")
    if not terms:
        yield faults.required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for i, term in enumerate(terms or ()):
        yield from _node_term(f"{path}.nodeSelectorTerms[{i}]", term, free=False)


def _node_term(path: str, term: Object, *, free: bool) -> Iterator[Cause]:
    """`free`: the values need be no values of labels, as in a preference."""
    for i, part in enumerate(term.get("matchExpressions") or ()):
        at = f"{path}.matchExpressions[{i}]"
        yield from _operator(at, part, numbers=True)
        yield from faults.each(f"{at}.key", part.get("key", ""), faults.label_key(part.get("key", "")))
        if not free:
            yield from _values(f"{at}.values", part)
    for i, part in enumerate(term.get("matchFields") or ()):
        yield from _node_field(f"{path}.matchFields[{i}]", part)


def _node_field(path: str, part: Object) -> Iterator[Cause]:
    key, operator, values = part.get("key", ""), part.get("operator", ""), part.get("values") or ()
    if operator not in {"In", "NotIn"}:
        yield faults.invalid(f"{path}.operator", operator, _NO_OPERATOR)
    elif len(values) != 1:
        yield faults.required(f"{path}.values", _SINGLE_FIELD)
    if key != "metadata.name":
        yield faults.invalid(f"{path}.key", key, "not a valid field selector key")
        return
    for i, value in enumerate(values):
        yield from faults.each(f"{path}.values[{i}]", value, faults.dns_subdomain(value))


def affinity(path: str, stated: Object) -> Iterator[Cause]:
    by_node = stated.get("nodeAffinity") or {}
    if REQUIRED in by_node:
        yield from node_selector(f"{path}.nodeAffinity.{REQUIRED}", by_node[REQUIRED])
    for i, preferred in enumerate(by_node.get(PREFERRED) or ()):
        at = f"{path}.nodeAffinity.{PREFERRED}[{i}]"
        yield from faults.weight(f"{at}.weight", preferred.get("weight", 0))
        yield from _node_term(f"{at}.preference", preferred.get("preference") or {}, free=True)
    for field in ("podAffinity", "podAntiAffinity"):
        by_pod = stated.get(field) or {}
        for i, term in enumerate(by_pod.get(REQUIRED) or ()):
            yield from _pod_term(f"{path}.{field}.{REQUIRED}[{i}]", term)
        for i, preferred in enumerate(by_pod.get(PREFERRED) or ()):
            at = f"{path}.{field}.{PREFERRED}[{i}]"
            yield from faults.weight(f"{at}.weight", preferred.get("weight", 0))
            yield from _pod_term(f"{at}.podAffinityTerm", preferred.get("podAffinityTerm") or {})


def _pod_term(path: str, term: Object) -> Iterator[Cause]:
    selector = term.get("labelSelector")
    yield from label_selector(f"{path}.labelSelector", selector)
    yield from label_selector(f"{path}.namespaceSelector", term.get("namespaceSelector"))
    for name in term.get("namespaces") or ():
        yield from faults.each(f"{path}.namespace", name, faults.dns_label(name))
    yield from _label_keys(path, term, selector)
    key = term.get("topologyKey", "")
    if not key:
        yield faults.required(f"{path}.topologyKey", "can not be empty")
    yield from faults.each(f"{path}.topologyKey", key, faults.label_key(key))


def _label_keys(path: str, stated: Object, selector: Object | None) -> Iterator[Cause]:
    """Keys whose values of the pod itself become part of the selector."""
    matched, mismatched = stated.get("matchLabelKeys") or (), stated.get("mismatchLabelKeys") or ()
    for field, keys in (("matchLabelKeys", matched), ("mismatchLabelKeys", mismatched)):
        if keys and selector is None:
            yield faults.forbidden(f"{path}.{field}", _NO_SELECTOR)
        for i, key in enumerate(keys if selector is not None else ()):
            yield from faults.each(f"{path}.{field}[{i}]", key, faults.label_key(key))
    if selector is not None and matched:
        # Each key is part of the selector by now, once, as a requirement that was added for it.
        seen = set(selector.get("matchLabels") or ())
        for part in selector.get("matchExpressions") or ():
            key = part.get("key", "")
            if key in matched and key in seen:
                at = len(matched) - 1 - list(reversed(matched)).index(key)
                why = "exists in both matchLabelKeys and labelSelector"
                yield faults.invalid(f"{path}[{at}]", key, why)
            seen.add(key)
    for i, key in enumerate(matched):
        if key in mismatched:
            why = "exists in both matchLabelKeys and mismatchLabelKeys"
            yield faults.invalid(f"{path}.matchLabelKeys[{i}]", key, why)


def spreading(path: str, constraints: Sequence[Object]) -> Iterator[Cause]:
    pairs = [(each.get("topologyKey", ""), each.get("whenUnsatisfiable", "")) for each in constraints]
    for i, constraint in enumerate(constraints):
        at, (key, action) = f"{path}[{i}]", pairs[i]
        if constraint.get("maxSkew", 0) <= 0:
            yield faults.invalid(f"{at}.maxSkew", constraint.get("maxSkew", 0), faults.POSITIVE)
        if not key:
            yield faults.required(f"{at}.topologyKey", "can not be empty")
        yield from faults.one_of(f"{at}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
        if pairs[i] in pairs[i + 1 :]:
            yield faults.duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}")
        domains = constraint.get("minDomains")
        if domains is not None and domains <= 0:
            yield faults.invalid(f"{at}.minDomains", domains, faults.POSITIVE)
        if domains is not None and action != "DoNotSchedule":
            why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            yield faults.invalid(f"{at}.minDomains", domains, why)
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if field in constraint:
                yield from faults.one_of(f"{at}.{field}", constraint[field], ("Honor", "Ignore"))
        selector = constraint.get("labelSelector")
        yield from _label_keys(at, constraint, selector)
        yield from label_selector(f"{at}.labelSelector", selector)


def tolerations(path: str, stated: Sequence[Object]) -> Iterator[Cause]:
    for i, each in enumerate(stated):
        key, operator, value = each.get("key", ""), each.get("operator", ""), each.get("value", "")
        effect, at = each.get("effect", ""), f"{path}[{i}]"
        if key:
            yield from faults.each(f"{at}.key", key, faults.label_key(key))
        elif operator != "Exists":
            yield faults.invalid(f"{at}.operator", operator, _ANY_KEY)
        if "tolerationSeconds" in each and effect != "NoExecute":
            why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            yield faults.invalid(f"{at}.effect", effect, why)
        yield from _toleration_operator(f"{at}.operator", operator, value)
        if effect:
            yield from faults.one_of(f"{at}.effect", effect, EFFECTS)


def _toleration_operator(path: str, operator: str, value: str) -> Iterator[Cause]:
    if operator in {"Equal", ""}:
        if wrong := faults.label_value(value):
            yield faults.invalid(path, value, ";".join(wrong))
    elif operator == "Exists":
        if value:
            yield faults.invalid(path, value, "value must be empty when `operator` is 'Exists'")
    else:  # numbers are compared behind a feature gate that is off
        numeric = ("Lt", "Gt") if operator in {"Lt", "Gt"} else ()
        yield faults.unsupported(path, operator, ("Equal", "Exists", *numeric))


def taints(path: str, stated: Sequence[Object]) -> Iterator[Cause]:
    seen: set[tuple[str, str]] = set()
    for i, taint in enumerate(stated):
        key, value, effect = (taint.get(name, "") for name in ("key", "value", "effect"))
        at = f"{path}[{i}]"
        yield from faults.each(f"{at}.key", key, faults.label_key(key))
        if wrong := faults.label_value(value):
            yield faults.invalid(f"{at}.value", value, ";".join(wrong))
        if not effect:
            yield faults.required(f"{at}.effect")
        else:
            yield from faults.one_of(f"{at}.effect", effect, EFFECTS)
        if (key, effect) in seen:
            why = "taints must be unique by key and effect pair"
            told = {"Key": key, "Value": value, "Effect": effect, "TimeAdded": taint.get("timeAdded")}
            found = faults.duplicate(at, told)
            yield found._replace(message=f"{found.message}: {why}")
        seen.add((key, effect))
