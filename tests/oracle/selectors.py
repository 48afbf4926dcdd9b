"""Label selectors, node selectors and tolerations: apimachinery's labels, component-helpers' nodeaffinity."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.oracle import resources
from tests.oracle.quantity import fits_int64

Labels = Mapping[str, str]

_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_OPERATORS = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"}


class SelectorError(ValueError):
    """A selector that kube-scheduler refuses to parse."""


def _integer(text: str) -> int | None:
    number = int(text) if _INTEGER.fullmatch(text) else None
    return number if number is not None and fits_int64(number) else None


@dataclass(frozen=True)
class Requirement:
    key: str
    operator: str
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        wrong = self.operator not in _OPERATORS or not resources.is_qualified_name(self.key)
        if self.operator in ("In", "NotIn"):
            wrong = wrong or not self.values
        elif self.operator in ("Gt", "Lt"):
            wrong = wrong or len(self.values) != 1 or _integer(self.values[0]) is None
        else:
            wrong = wrong or bool(self.values)
        if wrong or any(len(value) > 63 or not _LABEL_VALUE.fullmatch(value) for value in self.values):
            raise SelectorError(f"invalid requirement: {self.key} {self.operator} {list(self.values)}")

    def matches(self, labels: Labels) -> bool:
        present = self.key in labels
        if self.operator == "In":
            return present and labels[self.key] in self.values
        if self.operator == "NotIn":
            return not present or labels[self.key] not in self.values
        if self.operator in ("Exists", "DoesNotExist"):
            return present == (self.operator == "Exists")
        theirs, wanted = _integer(labels.get(self.key, "")), _integer(self.values[0])
        if not present or theirs is None or wanted is None:
            return False
        return theirs > wanted if self.operator == "Gt" else theirs < wanted


@dataclass(frozen=True)
class LabelSelector:
    """All requirements hold; `None` in their place: nothing matches."""

    requirements: tuple[Requirement, ...] | None

    @property
    def empty(self) -> bool:
        return self.requirements == ()

    def matches(self, labels: Labels) -> bool:
        return self.requirements is not None and all(each.matches(labels) for each in self.requirements)

    def and_labels(self, labels: Labels) -> "LabelSelector":
        """Narrowed to these labels; a selector of nothing stays one."""
        if self.requirements is None:
            return self
        return LabelSelector(of_labels(labels).requirements_or_none() + self.requirements)

    def requirements_or_none(self) -> tuple[Requirement, ...]:
        return self.requirements or ()


NOTHING = LabelSelector(None)


class _Unchecked(Requirement):
    """From a plain map of labels, which nobody checks."""

    def __post_init__(self) -> None:
        pass


def of_labels(labels: Labels) -> LabelSelector:
    return LabelSelector(tuple(_Unchecked(key, "In", (value,)) for key, value in labels.items()))


def label_selector(selector: Mapping[str, Any] | None) -> LabelSelector:
    """A LabelSelector: absent matches nothing, `{}` everything. Raises SelectorError."""
    if selector is None:
        return NOTHING
    found = [Requirement(key, "In", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or []:
        if expression.get("operator") in ("Gt", "Lt"):
            raise SelectorError(f'"{expression["operator"]}" is not a valid label selector operator')
        found.append(_requirement(expression))
    return LabelSelector(tuple(found))


def _requirement(expression: Mapping[str, Any]) -> Requirement:
    values = tuple(expression.get("values") or ())
    return Requirement(expression.get("key", ""), expression.get("operator", ""), values)


@dataclass(frozen=True)
class NodeTerm:
    """A NodeSelectorTerm that is not empty; one that does not parse matches no node."""

    expressions: tuple[Requirement, ...]
    fields: tuple[Mapping[str, Any], ...]
    broken: str = ""

    def matches(self, labels: Labels, name: str) -> bool:
        """`name` empty: only labels are known, and fields do not count."""
        if self.broken or not all(each.matches(labels) for each in self.expressions):
            return False
        for each in self.fields if name else ():
            actual = name if each.get("key") == "metadata.name" else ""
            if (actual == each["values"][0]) != (each["operator"] == "In"):
                return False
        return True


def node_terms(terms: Sequence[Mapping[str, Any]]) -> list[NodeTerm]:
    return [_node_term(term) for term in terms if not is_empty(term)]


def is_empty(term: Mapping[str, Any]) -> bool:
    return not term.get("matchExpressions") and not term.get("matchFields")


def _node_term(term: Mapping[str, Any]) -> NodeTerm:
    fields = tuple(term.get("matchFields") or ())
    broken = ""
    for each in fields:
        if each.get("operator") not in ("In", "NotIn") or len(each.get("values") or ()) != 1:
            broken = f"invalid field requirement: {each}"
    expressions: list[Requirement] = []
    for expression in term.get("matchExpressions") or ():
        try:
            expressions.append(_requirement(expression))
        except SelectorError as error:
            broken = str(error)
    return NodeTerm(tuple(expressions), fields, broken)


def matches_terms(terms: Sequence[NodeTerm], labels: Labels, name: str) -> bool:
    return any(term.matches(labels, name) for term in terms)


def preferred_score(terms: Sequence[tuple[int, NodeTerm]], labels: Labels, name: str) -> int:
    return sum(weight for weight, term in terms if term.matches(labels, name))


def preferred_terms(preferred: Sequence[Mapping[str, Any]]) -> list[tuple[int, NodeTerm]]:
    """Weight and term of each that counts. Raises SelectorError."""
    found = []
    for each in preferred:
        weight, preference = each.get("weight", 0), each.get("preference") or {}
        if weight == 0 or is_empty(preference):
            continue
        term = _node_term(preference)
        if term.broken:
            raise SelectorError(term.broken)
        found.append((weight, term))
    return found


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """The comparison operators of 1.36 are behind a gate that is off: they tolerate nothing."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect", ""):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key", ""):
        return False
    operator = toleration.get("operator") or "Equal"
    if operator == "Equal":
        return bool((toleration.get("value") or "") == (taint.get("value") or ""))
    return bool(operator == "Exists")


def untolerated(
    taints: Sequence[Mapping[str, Any]], tolerations: Sequence[Mapping[str, Any]], effects: Sequence[str]
) -> int:
    """How many taints of these effects no toleration covers."""
    return sum(
        1
        for taint in taints
        if taint.get("effect") in effects and not any(tolerates(each, taint) for each in tolerations)
    )
