"""What an API server writes into a pod that is created: defaults, priority, tolerations, selectors.

Rules: registry/core/pod/strategy.go (`mutatePodAffinity`, `mutateTopologySpreadConstraints`) and the
admission plugins Priority and DefaultTolerationSeconds. LimitRanges, RuntimeClasses and webhooks are
not read, so what they would add is not there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from stowage.api import defaults, objects, tolerations

SYSTEM_CLASSES: Final = {
    "system-cluster-critical": objects.PriorityClass(value=2_000_000_000),
    "system-node-critical": objects.PriorityClass(value=2_000_001_000),
}
"""Priority classes that every cluster has."""
_DEFAULT_TOLERATIONS: Final = tuple(
    objects.Toleration(key=key, operator="Exists", effect="NoExecute")
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
)
_replace = msgspec.structs.replace


class UnknownClassError(ValueError):
    """A pod names a PriorityClass that is not there; the message is its name."""


@dataclass(slots=True)
class Admission:
    """Admits pods of one cluster."""

    classes: Mapping[str, objects.PriorityClass]
    """As the input has them, by name; empty where it has none."""
    fallback: objects.PriorityClass | None = field(init=False)
    """The global default; of several the lowest, as Kubernetes takes it."""

    def __post_init__(self) -> None:
        marked = [each for each in self.classes.values() if each.global_default]
        self.fallback = min(marked, key=lambda each: each.value, default=None)

    def admit(self, pod: objects.Pod) -> objects.Pod:
        """The pod as it would be stored. UnknownClassError where its class is not in the input."""
        spec = self._prioritized(pod.spec)
        spec = _merged(spec, pod.metadata.labels)
        spec = _replace(spec, tolerations=_tolerations(spec.tolerations))
        return defaults.default_pod(_replace(pod, spec=spec))

    def complete(self, pod: objects.Pod) -> objects.Pod:
        """A stored pod with its defaults, and the priority that its class gives where it says none."""
        if pod.spec.priority is None and pod.spec.priority_class_name:
            with contextlib.suppress(UnknownClassError):
                pod = _replace(pod, spec=self._prioritized(pod.spec))
        return defaults.default_pod(pod)

    def _prioritized(self, spec: objects.PodSpec) -> objects.PodSpec:
        """A priority that is written stands, where an API server would refuse one that differs."""
        name = spec.priority_class_name
        if not name and self.fallback is not None and spec.priority is None:
            name = self.fallback.metadata.name
        known = self.classes.get(name) or SYSTEM_CLASSES.get(name)
        if known is None:
            if name and spec.priority is None and self.classes:
                raise UnknownClassError(name)
            return spec
        return _replace(
            spec,
            priority_class_name=name,
            priority=known.value if spec.priority is None else spec.priority,
            preemption_policy=spec.preemption_policy or known.preemption_policy,
        )


def _tolerations(given: tuple[objects.Toleration, ...]) -> tuple[objects.Toleration, ...]:
    """Every pod stays five minutes on a node that is not ready or unreachable, unless it says otherwise."""
    more = [each for each in _DEFAULT_TOLERATIONS if not _covered(each, given)]
    return (*given, *more)


def _covered(added: objects.Toleration, given: Iterable[objects.Toleration]) -> bool:
    return any(
        (each.key == added.key or not each.key) and (each.effect == tolerations.NO_EXECUTE or not each.effect)
        for each in given
    )


def _merged(spec: objects.PodSpec, labels: Mapping[str, str]) -> objects.PodSpec:
    """`matchLabelKeys` and `mismatchLabelKeys` written into the selectors they belong to."""
    if spec.topology_spread_constraints:
        constraints = tuple(
            _replace(each, label_selector=_selector(each.label_selector, each.match_label_keys, (), labels))
            for each in spec.topology_spread_constraints
        )
        spec = _replace(spec, topology_spread_constraints=constraints)
    affinity = spec.affinity
    if affinity is None or (affinity.pod_affinity is None and affinity.pod_anti_affinity is None):
        return spec
    changed = _replace(
        affinity,
        pod_affinity=_terms(affinity.pod_affinity, labels),
        pod_anti_affinity=_terms(affinity.pod_anti_affinity, labels),
    )
    return _replace(spec, affinity=changed)


def _terms(affinity: objects.PodAffinity | None, labels: Mapping[str, str]) -> objects.PodAffinity | None:
    if affinity is None:
        return None
    required = affinity.required_during_scheduling_ignored_during_execution
    preferred = affinity.preferred_during_scheduling_ignored_during_execution
    return objects.PodAffinity(
        tuple(_term(each, labels) for each in required),
        tuple(_replace(each, pod_affinity_term=_term(each.pod_affinity_term, labels)) for each in preferred),
    )


def _term(term: objects.PodAffinityTerm, labels: Mapping[str, str]) -> objects.PodAffinityTerm:
    selector = _selector(term.label_selector, term.match_label_keys, term.mismatch_label_keys, labels)
    return term if selector is term.label_selector else _replace(term, label_selector=selector)


def _selector(
    selector: objects.LabelSelector | None,
    match: tuple[str, ...],
    mismatch: tuple[str, ...],
    labels: Mapping[str, str],
) -> objects.LabelSelector | None:
    """A selector that is None selects nothing and stays so; what is merged already is not merged twice."""
    if selector is None or not (match or mismatch):
        return selector
    more = [
        objects.LabelSelectorRequirement(key, operator, (labels[key],))
        for keys, operator in ((match, "In"), (mismatch, "NotIn"))
        for key in keys
        if key in labels
    ]
    fresh = tuple(each for each in more if each not in selector.match_expressions)
    return _replace(selector, match_expressions=(*selector.match_expressions, *fresh)) if fresh else selector
