"""What every kind shares: metadata, label and node selectors, resource lists.

The structs name only the fields that scheduling reads; everything else on the wire is skipped
by the decoder. Field names are Kubernetes' in snake case. They are frozen, hold no cycles (so the
garbage collector need not track them), and an absent field has Kubernetes' zero value, or None
where absent and empty differ.
"""

from typing import Literal

import msgspec

Quantity = str | int | float
ResourceList = dict[str, Quantity]
"""Resource name to quantity as written; `quantity.value` and `quantity.milli_value` read it."""


class Wire(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Base of every struct that is decoded from Kubernetes' JSON."""


class OwnerReference(Wire, frozen=True):
    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class ObjectMeta(Wire, frozen=True):
    """Times are RFC 3339 as written; `times.micros` reads them."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    generation: int = 0


class LabelSelectorRequirement(Wire, frozen=True):
    """An operator the API does not know is an error of the selector, not of decoding."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(Wire, frozen=True):
    match_labels: dict[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class NodeSelectorRequirement(Wire, frozen=True):
    """An operator the API does not know is an error of the selector, not of decoding."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class NodeSelectorTerm(Wire, frozen=True):
    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()


class NodeSelector(Wire, frozen=True):
    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


class ResourceRequirements(Wire, frozen=True):
    requests: ResourceList = {}
    limits: ResourceList = {}


ConditionStatus = Literal["", "True", "False", "Unknown"]


class Condition(Wire, frozen=True):
    type: str = ""
    status: ConditionStatus = ""
    reason: str = ""
