"""Label selectors and node selectors: compiled once, matched often.

The compiled forms are tuples: hashable, equal when they say the same in the same order, and so fit
for cache keys. Rules: apimachinery's `labels` and `LabelSelectorAsSelector`, component-helpers'
`nodeaffinity`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stowage.api import names
from stowage.api.meta import (
    LabelSelector,
    LabelSelectorRequirement,
    NodeSelectorRequirement,
    NodeSelectorTerm,
)
from stowage.api.meta import NodeSelector as NodeSelectorObject
from stowage.api.pods import Pod, PreferredSchedulingTerm

NO_INTEGER = "is no integer"
"""How the one error ends that makes a term of a node selector match nothing and that the API takes."""
IN, NOT_IN, EXISTS, DOES_NOT_EXIST, GT, LT = "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"

_LABEL_OPERATORS = frozenset({IN, NOT_IN, EXISTS, DOES_NOT_EXIST})
_NODE_OPERATORS = _LABEL_OPERATORS | {GT, LT}
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


class SelectorError(ValueError):
    """A selector that the API would refuse; the message says which part, from the selector down."""


class Requirement(NamedTuple):
    """One condition on one label (or field). `bound` is the integer of Gt and Lt."""

    key: str
    operator: str
    values: tuple[str, ...]
    bound: int = 0


class Selector(NamedTuple):
    """A label selector: all requirements hold; `nothing` selects no object at all."""

    requirements: tuple[Requirement, ...]
    nothing: bool = False


NOTHING = Selector((), nothing=True)
EVERYTHING = Selector(())


class NodeTerm(NamedTuple):
    """One alternative of a node selector. A term with `errors` matches no node."""

    expressions: tuple[Requirement, ...]
    fields: tuple[Requirement, ...]
    errors: tuple[str, ...] = ()


class NodeSelector(NamedTuple):
    """Alternatives; none of them matches no node. Empty terms are left out: they match nothing."""

    terms: tuple[NodeTerm, ...]


class RequiredNodeAffinity(NamedTuple):
    """A pod's nodeSelector and required node affinity; None where it has none."""

    node_selector: Selector | None
    affinity: NodeSelector | None


class WeightedTerm(NamedTuple):
    """One preferred node affinity term."""

    term: NodeTerm
    weight: int


def compile(selector: LabelSelector | None) -> Selector:
    """Compile; None selects nothing, an empty one everything. SelectorError where invalid."""
    if selector is None:
        return NOTHING
    if not selector.match_labels and not selector.match_expressions:
        return EVERYTHING
    errors: list[str] = []
    requirements = [
        _requirement(key, IN, (value,), f"matchLabels[{key}]", errors)
        for key, value in selector.match_labels.items()
    ]
    for i, expression in enumerate(selector.match_expressions):
        path = f"matchExpressions[{i}]"
        if expression.operator not in _LABEL_OPERATORS:
            errors.append(f"{path}.operator: {_not_an_operator(expression)}")
            continue
        requirements.append(
            _requirement(expression.key, expression.operator, expression.values, path, errors)
        )
    if errors:
        raise SelectorError("; ".join(errors))
    return Selector(tuple(requirements))


def from_labels(labels: Mapping[str, str]) -> Selector:
    """Compile a plain map, as a Service and a nodeSelector have; an empty one selects everything.

    Keys and values are not checked (labels.SelectorFromSet).
    """
    return Selector(tuple(Requirement(key, IN, (value,)) for key, value in sorted(labels.items())))


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether an object with `labels` is selected."""
    return not selector.nothing and all(holds(part, labels) for part in selector.requirements)


def holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """Whether one requirement holds for `labels`."""
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    number = None if value is None else _int64(value)
    if number is None:
        return False
    return number > requirement.bound if requirement.operator == GT else number < requirement.bound


def compile_node(selector: NodeSelectorObject) -> NodeSelector:
    """Compile leniently: a term with errors matches nothing, `errors_of` tells them."""
    return NodeSelector(
        tuple(
            _node_term(term, f"nodeSelectorTerms[{i}]")
            for i, term in enumerate(selector.node_selector_terms)
            if not _is_empty(term)
        )
    )


def errors_of(selector: NodeSelector) -> tuple[str, ...]:
    """Return what is wrong with the terms of a node selector; empty where nothing is."""
    return tuple(error for term in selector.terms for error in term.errors)


def compile_node_strict(selector: NodeSelectorObject) -> NodeSelector:
    """Compile; SelectorError where any term is invalid."""
    compiled = compile_node(selector)
    if errors := errors_of(compiled):
        raise SelectorError("; ".join(errors))
    return compiled


def matches_node(selector: NodeSelector, labels: Mapping[str, str], name: str) -> bool:
    """Whether any term matches the node called `name` with `labels`."""
    return any(term_matches(term, labels, name) for term in selector.terms)


def term_matches(term: NodeTerm, labels: Mapping[str, str], name: str) -> bool:
    """Whether one term matches; `metadata.name` is the only field a node has, others are empty."""
    if term.errors:
        return False
    if not all(holds(part, labels) for part in term.expressions):
        return False
    if not name:
        return True
    return all(_field_holds(part, name) for part in term.fields)


def compile_required(pod: Pod) -> RequiredNodeAffinity:
    """Compile what `pod` demands of its node's labels and name."""
    spec = pod.spec
    by_labels = from_labels(spec.node_selector) if spec.node_selector else None
    required = None
    if spec.affinity is not None and spec.affinity.node_affinity is not None:
        required = spec.affinity.node_affinity.required_during_scheduling_ignored_during_execution
    return RequiredNodeAffinity(by_labels, None if required is None else compile_node(required))


def matches_required(required: RequiredNodeAffinity, labels: Mapping[str, str], name: str) -> bool:
    """Whether the node satisfies both nodeSelector and required node affinity."""
    if required.node_selector is not None and not matches(required.node_selector, labels):
        return False
    return required.affinity is None or matches_node(required.affinity, labels, name)


def compile_preferred(terms: Iterable[PreferredSchedulingTerm]) -> tuple[WeightedTerm, ...]:
    """Compile; terms without weight or conditions are left out. SelectorError where one is invalid."""
    compiled = tuple(
        WeightedTerm(_node_term(term.preference, f"[{i}]"), term.weight)
        for i, term in enumerate(terms)
        if term.weight and not _is_empty(term.preference)
    )
    if errors := [error for weighted in compiled for error in weighted.term.errors]:
        raise SelectorError("; ".join(errors))
    return compiled


def preference(terms: Iterable[WeightedTerm], labels: Mapping[str, str], name: str) -> int:
    """Return the sum of the weights of the terms that match the node."""
    return sum(weighted.weight for weighted in terms if term_matches(weighted.term, labels, name))


def _is_empty(term: NodeSelectorTerm) -> bool:
    return not term.match_expressions and not term.match_fields


def _node_term(term: NodeSelectorTerm, path: str) -> NodeTerm:
    errors: list[str] = []
    expressions = []
    for i, part in enumerate(term.match_expressions):
        at = f"{path}.matchExpressions[{i}]"
        if part.operator not in _NODE_OPERATORS:
            errors.append(f"{at}.operator: {_not_an_operator(part)}")
        else:
            expressions.append(_requirement(part.key, part.operator, part.values, at, errors))
    for i, part in enumerate(term.match_fields):
        at = f"{path}.matchFields[{i}]"
        if part.operator not in {IN, NOT_IN}:
            errors.append(f"{at}.operator: {_not_an_operator(part)}")
        elif len(part.values) != 1:
            errors.append(f"{at}.values: must have one element")
    fields = tuple(Requirement(part.key, part.operator, part.values) for part in term.match_fields)
    return NodeTerm(tuple(expressions), fields, tuple(errors))


def _field_holds(requirement: Requirement, name: str) -> bool:
    value = name if requirement.key == "metadata.name" else ""
    return (value == requirement.values[0]) == (requirement.operator == IN)


def _requirement(
    key: str, operator: str, values: tuple[str, ...], path: str, errors: list[str]
) -> Requirement:
    """Make a requirement and note what the API would refuse in it (labels.NewRequirement)."""
    if not names.is_qualified(key):
        errors.append(f"{path}.key: {key!r} is not a label key")
    bound = 0
    if operator in {IN, NOT_IN}:
        if not values:
            errors.append(f"{path}.values: {operator} needs at least one value")
    elif operator in {EXISTS, DOES_NOT_EXIST}:
        if values:
            errors.append(f"{path}.values: {operator} takes no values")
    elif len(values) != 1:
        errors.append(f"{path}.values: {operator} needs exactly one value, an integer")
    elif (number := _int64(values[0])) is None:
        errors.append(f"{path}.values: {values[0]!r} {NO_INTEGER}")
    else:
        bound = number
    for value in values:
        if not names.is_label_value(value):
            errors.append(f"{path}.values: {value!r} is not a label value")
    return Requirement(key, operator, values, bound)


def _not_an_operator(part: LabelSelectorRequirement | NodeSelectorRequirement) -> str:
    return f"{part.operator!r} is not an operator here"


def _int64(text: str) -> int | None:
    """Parse as Go's strconv.ParseInt(text, 10, 64) does; None where it fails."""
    if len(text) > 63 or _INTEGER.fullmatch(text) is None:
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None
