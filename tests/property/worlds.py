"""Strategies for clusters in which domains, selectors and namespaces often meet, as Kubernetes JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Object = dict[str, Any]
KEYS = ("zone", "rack", "kubernetes.io/hostname", "topology.kubernetes.io/zone")
NAMESPACES = ("default", "prod", "unknown")
MISSING = "missing-node"


@dataclass(frozen=True)
class World:
    """Nodes and what is around them, the bound pods, pods that come later, and the pod to place."""

    parts: list[Object]
    bound: list[Object]
    later: list[Object]
    incoming: Object
    nodes: list[str]


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def mix(**choices: Sequence[Any]) -> st.SearchStrategy[Object]:
    """One choice of each, Nones left out, in a single draw: far quicker than one draw a field."""

    def read(number: int) -> Object:
        out = {}
        for name, values in choices.items():
            number, index = divmod(number, len(values))
            if values[index] is not None:
                out[name] = values[index]
        return out

    return st.integers(0, math.prod(map(len, choices.values())) - 1).map(read)


LABELS = mix(app=(None, "a", "b"), tier=(None, "x", "y"))


def selectors(key: str, first: str, second: str) -> tuple[Object | None, ...]:
    def expression(operator: str, *values: str) -> Object:
        return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}

    return (
        None,
        {},
        {"matchLabels": {key: first}},
        {"matchLabels": {key: second}},
        expression("In", first, second),
        expression("NotIn", first),
        expression("Exists"),
        expression("DoesNotExist"),
        {"matchLabels": {key: first}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    )


POD_SELECTORS = selectors("app", "a", "b")


@st.composite
def node(draw: st.DrawFn, name: str) -> Object:
    hostname, zone = KEYS[2:]
    found = draw(
        mix(
            **{
                "zone": (None, "", "z1", "z2", "z2"),
                "rack": (None, "r1", "r2"),
                hostname: (None, name, name, "shared"),
                zone: (None, "", "z1", "z2"),
                "effect": (None, None, "NoSchedule", "PreferNoSchedule"),
            }
        )
    )
    effect = found.pop("effect", None)
    spec = {"taints": [{"key": "dirty", "value": "", "effect": effect}]} if effect else {}
    metadata = {"name": name, "labels": found}
    return {"kind": "Node", "metadata": metadata, "spec": spec, "status": {"allocatable": {"pods": "110"}}}


TERMS = mix(
    topologyKey=KEYS[:3],
    labelSelector=POD_SELECTORS,
    namespaceSelector=selectors("env", "test", "live"),
    namespaces=(None, ["prod"]),
)
WEIGHTED = st.tuples(st.integers(1, 100), TERMS)
CONSTRAINTS = mix(
    topologyKey=KEYS,
    maxSkew=(1, 2, 3),
    whenUnsatisfiable=("DoNotSchedule", "ScheduleAnyway"),
    labelSelector=POD_SELECTORS,
    minDomains=(None, None, 1, 2, 3),
    nodeAffinityPolicy=(None, "Honor", "Ignore"),
    nodeTaintsPolicy=(None, "Honor", "Ignore"),
    matchLabelKeys=(None, None, ["tier"], ["tier", "nobody"]),
)


@st.composite
def affinity(draw: st.DrawFn) -> Object:
    made: Object = {}
    for half in ("podAffinity", "podAntiAffinity"):
        required = draw(st.lists(TERMS, max_size=2))
        preferred = draw(st.lists(WEIGHTED, max_size=2))
        if required or preferred:
            made[half] = {
                "requiredDuringSchedulingIgnoredDuringExecution": required,
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": weight, "podAffinityTerm": each} for weight, each in preferred
                ],
            }
    return made


@st.composite
def pod(draw: st.DrawFn, name: str, on: tuple[str, ...] = (), *, spreads: bool = False) -> Object:
    """Terms, or where it ``spreads``, constraints and an owner; bound to one of ``on``."""
    metadata: Object = {
        "name": name,
        "namespace": draw(st.sampled_from(NAMESPACES)),
        "uid": f"uid-{name}",
        "labels": draw(LABELS),
    }
    spec: Object = {"containers": [{"name": "c", "image": "i"}]}
    if on:
        spec["nodeName"] = draw(st.sampled_from(on))
        if draw(st.booleans()):
            metadata["deletionTimestamp"] = "2026-01-31T00:00:00Z"
    if spreads:
        spec["topologySpreadConstraints"] = draw(st.lists(CONSTRAINTS, max_size=3))
        spec["nodeSelector"] = draw(st.sampled_from(({}, {}, {"rack": "r1"})))
        spec["tolerations"] = draw(st.sampled_from(([], [{"operator": "Exists"}])))
        owner = draw(
            st.sampled_from(
                (None, ("apps/v1", "ReplicaSet"), ("v1", "ReplicationController"), ("batch/v1", "Job"))
            )
        )
        if owner is not None:
            version, kind = owner
            metadata["ownerReferences"] = [
                {"apiVersion": version, "kind": kind, "name": "o", "uid": "o", "controller": True}
            ]
    else:
        spec["affinity"] = draw(affinity())
    return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": {}}


@st.composite
def around(draw: st.DrawFn) -> list[Object]:
    """Namespaces (`unknown` has no object), a Service and controllers."""
    parts: list[Object] = []
    for name, env in (("default", "test"), ("prod", "live")):
        found = draw(st.sampled_from(({"env": env}, {})))
        parts.append({"kind": "Namespace", "metadata": {"name": name, "labels": found}})
    own = {"name": "o", "namespace": "default"}
    chosen = draw(optional(st.sampled_from(({"app": "a"}, {"tier": "x"}, {}))))
    if chosen is not None:
        parts.append({"kind": "Service", "metadata": own, "spec": {"selector": chosen}})
    parts.append({"kind": "ReplicationController", "metadata": own, "spec": {"selector": {"app": "a"}}})
    selector = draw(st.sampled_from(POD_SELECTORS))
    spec = {} if selector is None else {"selector": selector}
    parts.append({"kind": "ReplicaSet", "metadata": own, "spec": spec})
    return parts


@st.composite
def worlds(draw: st.DrawFn, *, spreads: bool) -> World:
    names = [f"n{i}" for i in range(draw(st.integers(1, 5)))]
    on = (*names, MISSING)
    return World(
        parts=[*draw(around()), *(draw(node(name)) for name in names)],
        bound=[draw(pod(f"b{i}", on)) for i in range(draw(st.integers(0, 7)))],
        later=[draw(pod(f"l{i}", on)) for i in range(draw(st.integers(0, 4)))],
        incoming=draw(pod("incoming", spreads=spreads)),
        nodes=names,
    )
