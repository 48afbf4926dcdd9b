"""Which resources kube-scheduler counts, and the vector it counts them in (`framework.Resource`)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.oracle.quantity import Quantity

ResourceList = dict[str, Quantity]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")


def is_qualified_name(name: str) -> bool:
    """An optional DNS prefix and a slash, then up to 63 letters, digits, `-`, `_` and `.`."""
    prefix, slash, last = name.rpartition("/")
    if slash and (len(prefix) > 253 or not _SUBDOMAIN.fullmatch(prefix)):
        return False
    return len(last) <= 63 and bool(_NAME.fullmatch(last))


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_hugepage(name: str) -> bool:
    return name.startswith("hugepages-")


def is_extended(name: str) -> bool:
    return not is_native(name) and not name.startswith("requests.") and is_qualified_name("requests." + name)


def is_scalar(name: str) -> bool:
    prefixed = "kubernetes.io/" in name or name.startswith("attachable-volumes-")
    return is_extended(name) or is_hugepage(name) or prefixed


def add_to(total: ResourceList, more: Mapping[str, Quantity]) -> None:
    for name, quantity in more.items():
        total[name] = total[name].plus(quantity) if name in total else quantity


def raise_to(total: ResourceList, other: Mapping[str, Quantity]) -> None:
    """Each resource of `total` becomes at least that of `other`."""
    for name, quantity in other.items():
        if name not in total or quantity.compare(total[name]) > 0:
            total[name] = quantity


@dataclass
class Vector:
    """CPU in thousandths, memory and storage in bytes, `pods` and scalars in pieces."""

    cpu: int = 0
    memory: int = 0
    storage: int = 0
    pods: int = 0
    scalars: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, resources: Mapping[str, Quantity]) -> "Vector":
        return cls(
            cpu=resources["cpu"].milli_value() if "cpu" in resources else 0,
            memory=resources["memory"].value() if "memory" in resources else 0,
            storage=resources["ephemeral-storage"].value() if "ephemeral-storage" in resources else 0,
            pods=resources["pods"].value() if "pods" in resources else 0,
            scalars={name: quantity.value() for name, quantity in resources.items() if is_scalar(name)},
        )

    def add(self, other: "Vector", sign: int = 1) -> None:
        """All but `pods`, which only a node has."""
        self.cpu += sign * other.cpu
        self.memory += sign * other.memory
        self.storage += sign * other.storage
        for name, number in other.scalars.items():
            self.scalars[name] = self.scalars.get(name, 0) + sign * number

    def copy(self) -> "Vector":
        return Vector(self.cpu, self.memory, self.storage, self.pods, dict(self.scalars))
