"""Pods and nodes with the parts parsed that plugins read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from tests.oracle import defaults, pod_resources, quantity, resources, selectors
from tests.oracle.selectors import LabelSelector, NodeTerm, SelectorError

Object = Mapping[str, Any]
HostPort = tuple[str, str, int]  # IP, protocol, port

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"


def name_of(raw: Object) -> str:
    return str((raw.get("metadata") or {}).get("name") or "")


def namespace_of(raw: Object) -> str:
    return str((raw.get("metadata") or {}).get("namespace") or "")


def labels_of(raw: Object) -> Mapping[str, str]:
    return (raw.get("metadata") or {}).get("labels") or {}


def annotations_of(raw: Object) -> Mapping[str, str]:
    return (raw.get("metadata") or {}).get("annotations") or {}


def controller_of(raw: Object) -> Object | None:
    """The owner reference that controls this object."""
    for owner in (raw.get("metadata") or {}).get("ownerReferences") or []:
        if owner.get("controller"):
            return dict(owner)
    return None


@dataclass(frozen=True)
class Term:
    """A pod (anti-)affinity term. `weight` is that of a preferred one."""

    namespaces: frozenset[str]
    selector: LabelSelector
    topology_key: str
    namespace_selector: LabelSelector
    weight: int = 0

    def matches(self, pod: "Pod", namespace_labels: Mapping[str, str]) -> bool:
        if pod.namespace in self.namespaces or self.namespace_selector.matches(namespace_labels):
            return self.selector.matches(pod.labels)
        return False


class Pod:
    """A defaulted pod; every pod plugins see, bound, nominated or pending."""

    def __init__(self, raw: Object) -> None:
        self.raw = defaults.pod(dict(raw))
        metadata, spec = self.raw["metadata"], self.raw["spec"]
        self.name: str = metadata.get("name") or ""
        self.namespace: str = metadata.get("namespace") or ""
        self.uid: str = metadata.get("uid") or ""
        self.labels: Mapping[str, str] = metadata.get("labels") or {}
        self.deleting: bool = metadata.get("deletionTimestamp") is not None
        self.spec: Object = spec
        self.status: Object = self.raw["status"]
        self.node_name: str = spec.get("nodeName") or ""
        self.nominated_node: str = self.status.get("nominatedNodeName") or ""
        self.priority: int = spec.get("priority") or 0
        self.tolerations: Sequence[Object] = spec.get("tolerations") or []
        self.volumes: Sequence[Object] = spec.get("volumes") or []
        self.containers: Sequence[Object] = spec.get("containers") or []
        self.init_containers: Sequence[Object] = spec.get("initContainers") or []
        affinity = spec.get("affinity") or {}
        self.node_affinity: Object = affinity.get("nodeAffinity") or {}
        self.has_affinity = (
            affinity.get("podAffinity") is not None or affinity.get("podAntiAffinity") is not None
        )
        pod_affinity, anti = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
        required, preferred = _REQUIRED, _PREFERRED
        self.has_preferred = bool(pod_affinity.get(preferred) or anti.get(preferred))
        self._term_errors: list[str] = []
        self.affinity_terms = self._terms("requiredAffinity", _unweighted(pod_affinity.get(required)))
        self.anti_affinity_terms = self._terms("requiredAntiAffinity", _unweighted(anti.get(required)))
        self.preferred_affinity_terms = self._terms(
            "preferredAffinity", _weighted(pod_affinity.get(preferred))
        )
        self.preferred_anti_affinity_terms = self._terms(
            "preferredAntiAffinity", _weighted(anti.get(preferred))
        )

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def term_error(self) -> str:
        """What did not parse of the (anti-)affinity terms."""
        errors = self._term_errors
        return errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]" if errors else ""

    def _terms(self, kind: str, weighted: list[tuple[int, Object]]) -> list[Term]:
        """None of the list counts where one of them does not parse."""
        try:
            return [self._term(weight, term) for weight, term in weighted]
        except SelectorError as error:
            self._term_errors.append(f"{kind}Terms: {error}")
            return []

    def _term(self, weight: int, term: Object) -> Term:
        namespaces = frozenset(term.get("namespaces") or ())
        if not namespaces and term.get("namespaceSelector") is None:
            namespaces = frozenset([self.namespace])
        return Term(
            namespaces,
            selectors.label_selector(term.get("labelSelector")),
            term.get("topologyKey") or "",
            selectors.label_selector(term.get("namespaceSelector")),
            weight,
        )

    @cached_property
    def on_node(self) -> tuple[resources.Vector, int, int]:
        return pod_resources.on_node(self.raw)

    @cached_property
    def start_time(self) -> datetime | None:
        """To the second, as an API server stores it."""
        text = self.status.get("startTime")
        return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0) if text else None

    @cached_property
    def host_ports(self) -> list[HostPort]:
        sidecars = [each for each in self.init_containers if each.get("restartPolicy") == "Always"]
        return [
            (port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])
            for container in [*sidecars, *self.containers]
            for port in container.get("ports") or []
            if port.get("hostPort", 0) > 0
        ]

    @cached_property
    def claim_names(self) -> list[str]:
        """Claims the pod names itself; not those of generic ephemeral volumes."""
        claims = (volume.get("persistentVolumeClaim") for volume in self.volumes)
        return [claim.get("claimName") or "" for claim in claims if claim is not None]

    @cached_property
    def node_selector(self) -> LabelSelector:
        return selectors.of_labels(self.spec.get("nodeSelector") or {})

    @cached_property
    def required_node_terms(self) -> list[NodeTerm] | None:
        required = self.node_affinity.get(_REQUIRED)
        return None if required is None else selectors.node_terms(required.get("nodeSelectorTerms") or [])

    def wants_node(self, node: "Node") -> bool:
        """`nodeSelector` and required node affinity."""
        if not self.node_selector.matches(node.labels):
            return False
        terms = self.required_node_terms
        return terms is None or selectors.matches_terms(terms, node.labels, node.name)


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _unweighted(required: Sequence[Object] | None) -> list[tuple[int, Object]]:
    return [(0, each) for each in required or []]


def _weighted(preferred: Sequence[Object] | None) -> list[tuple[int, Object]]:
    return [(each.get("weight") or 0, each.get("podAffinityTerm") or {}) for each in preferred or []]


class Node:
    def __init__(self, raw: Object) -> None:
        self.raw = raw
        self.name = name_of(raw)
        self.labels = labels_of(raw)
        spec, status = raw.get("spec") or {}, raw.get("status") or {}
        self.unschedulable = bool(spec.get("unschedulable"))
        self.taints: Sequence[Object] = spec.get("taints") or []
        allocatable = status.get("allocatable") or {}
        self.allocatable = resources.Vector.of(
            {key: quantity.parse(text) for key, text in allocatable.items()}
        )
        self.images = [
            (name, image.get("sizeBytes") or 0)
            for image in status.get("images") or []
            for name in image.get("names") or []
        ]
        self.declared_features: list[str] = status.get("declaredFeatures") or []
