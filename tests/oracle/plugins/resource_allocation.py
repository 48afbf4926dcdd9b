"""What NodeResourcesFit and NodeResourcesBalancedAllocation share: numbers per configured resource."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.oracle import resources
from tests.oracle.cluster import NodeInfo
from tests.oracle.quantity import Quantity

Spec = tuple[str, int]  # resource name, weight
DEFAULT_SPECS: Sequence[Spec] = (("cpu", 1), ("memory", 1))


def specs(written: Sequence[Mapping[str, Any]] | None) -> Sequence[Spec]:
    """None or no weight: the defaults."""
    return [(each["name"], each.get("weight") or 1) for each in written or []] or DEFAULT_SPECS


def pod_numbers(wanted: Sequence[Spec], requests: Mapping[str, Quantity]) -> list[int]:
    zero = Quantity(0)
    numbers = []
    for name, _ in wanted:
        quantity = requests.get(name, zero)
        numbers.append(quantity.milli_value() if name == "cpu" else quantity.value())
    return numbers


def node_numbers(
    wanted: Sequence[Spec], pod: Sequence[int], info: NodeInfo, *, scored: bool
) -> tuple[list[int], list[int], list[int]]:
    """Requested with the pod, without it, and allocatable; all 0 for a resource that does not count here.

    `scored`: CPU and memory with a minimum per container, not as requested.
    """
    requested, allocated, allocatable = [], [], []
    for (name, _), own in zip(wanted, pod, strict=True):
        capacity, used = (0, 0)
        if own != 0 or not resources.is_scalar(name):
            capacity, used = _of_node(name, info, scored)
        allocatable.append(capacity)
        allocated.append(used if capacity else 0)
        requested.append(used + own if capacity else 0)
    return requested, allocated, allocatable


def _of_node(name: str, info: NodeInfo, scored: bool) -> tuple[int, int]:
    capacity, used = info.node.allocatable, info.requested
    if name == "cpu":
        return capacity.cpu, info.scored_cpu if scored else used.cpu
    if name == "memory":
        return capacity.memory, info.scored_memory if scored else used.memory
    if name == "ephemeral-storage":
        return capacity.storage, used.storage
    if name in capacity.scalars:
        return capacity.scalars[name], used.scalars.get(name, 0)
    return 0, 0
