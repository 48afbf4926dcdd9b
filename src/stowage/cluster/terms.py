"""Inter-pod affinity terms, compiled and hashable, so that equal terms of many pods are one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from stowage.api import objects, selectors


class Term(NamedTuple):
    """Which pods it means (namespaces or a selector of them, and labels) and over which topology.

    ``namespaces`` are those written, or the pod's own where nothing is; ``weight`` is 0 for a
    required term. As framework/types.go AffinityTerm.
    """

    namespaces: frozenset[str]
    namespace_selector: selectors.Selector
    selector: selectors.Selector
    topology_key: str
    weight: int = 0

    def matches(self, namespace: str, labels: Mapping[str, str], namespace_labels: Mapping[str, str]) -> bool:
        """Whether a pod of ``namespace`` with ``labels`` is meant."""
        return (
            namespace in self.namespaces or selectors.matches(self.namespace_selector, namespace_labels)
        ) and selectors.matches(self.selector, labels)

    @property
    def keys(self) -> set[str]:
        """The label keys of pods that it reads."""
        return {requirement.key for requirement in self.selector.requirements}


class Terms(NamedTuple):
    """All inter-pod terms of a pod. ``error`` says what the API would refuse in them, or is empty.

    A list with such a term is left empty, as kube-scheduler leaves it (PodInfo.Update).
    """

    required_affinity: tuple[Term, ...] = ()
    required_anti_affinity: tuple[Term, ...] = ()
    preferred_affinity: tuple[Term, ...] = ()
    preferred_anti_affinity: tuple[Term, ...] = ()
    error: str = ""


def of(affinity: objects.Affinity | None, namespace: str) -> Terms:
    """The compiled terms of a pod of ``namespace``."""
    if affinity is None:
        return Terms()
    errors: list[str] = []

    def attempt(name: str, make: Callable[[], tuple[Term, ...]]) -> tuple[Term, ...]:
        try:
            return make()
        except selectors.SelectorError as error:
            errors.append(f"{name}: {error}")
            return ()

    near, apart = affinity.pod_affinity, affinity.pod_anti_affinity
    lists = (
        attempt("requiredAffinityTerms", lambda: required(near, namespace)),
        attempt("requiredAntiAffinityTerms", lambda: required(apart, namespace)),
        attempt("preferredAffinityTerms", lambda: preferred(near, namespace)),
        attempt("preferredAntiAffinityTerms", lambda: preferred(apart, namespace)),
    )
    return Terms(*lists, error=errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]" if errors else "")


def _compile(term: objects.PodAffinityTerm, namespace: str, weight: int = 0) -> Term:
    own = not term.namespaces and term.namespace_selector is None
    selector = selectors.compile(term.label_selector)
    return Term(
        frozenset((namespace,) if own else term.namespaces),
        selectors.compile(term.namespace_selector),
        selector,
        term.topology_key,
        weight,
    )


def required(affinity: objects.PodAffinity | None, namespace: str) -> tuple[Term, ...]:
    """The required terms of one half of a pod's inter-pod affinity. SelectorError where one is invalid."""
    if affinity is None:
        return ()
    return tuple(
        _compile(term, namespace) for term in affinity.required_during_scheduling_ignored_during_execution
    )


def preferred(affinity: objects.PodAffinity | None, namespace: str) -> tuple[Term, ...]:
    """The preferred terms of one half of a pod's inter-pod affinity. SelectorError where one is invalid."""
    if affinity is None:
        return ()
    return tuple(
        _compile(weighted.pod_affinity_term, namespace, weighted.weight)
        for weighted in affinity.preferred_during_scheduling_ignored_during_execution
    )


class Index:
    """Shapes that have terms, found by the labels of a pod that a term may mean."""

    __slots__ = ("_any", "_by_pair")

    def __init__(self) -> None:
        self._by_pair: dict[tuple[str, str], set[int]] = {}
        self._any: set[int] = set()

    def add(self, shape: int, terms: Iterable[Term]) -> None:
        """Files a shape under one requirement of each of its terms."""
        for term in terms:
            if term.selector.nothing:
                continue
            pair = next((r for r in term.selector.requirements if r.operator == selectors.IN), None)
            if pair is None:
                self._any.add(shape)
                continue
            for value in pair.values:
                self._by_pair.setdefault((pair.key, value), set()).add(shape)

    def candidates(self, labels: Mapping[str, str]) -> set[int]:
        """Shape ids, among which are all that have a term that means a pod with ``labels``."""
        if not self._by_pair and not self._any:
            return set()
        found = (self._by_pair.get(pair, set()) for pair in labels.items())
        return self._any.union(*found)
