"""What the resource scores share: allocatable, allocated and asked, a configured resource each.

As resource_allocation.go's calculateNodeAllocatableRequest: an extended resource the pod does not
ask for takes no part; cpu and memory allocated are the non-zero sums or the plain ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stowage.api import names
from stowage.cluster import shapes, table
from stowage.framework import interface, scalars
from stowage.framework.config import args

PLAIN = ("cpu", "memory", "ephemeral-storage")


@dataclass(frozen=True, slots=True)
class Scored:
    """One resource that takes part in a score: where its columns are, and what the pod asks."""

    index: int
    """in ``allocatable`` and ``requested``"""
    nonzero: int
    """in the table's ``nonzero``, or -1: the plain sum counts"""
    asked: int
    weight: int


def scored(
    cluster: table.Table, specs: tuple[args.ResourceSpec, ...], asked: Mapping[str, int], *, nonzero: bool
) -> tuple[Scored, ...]:
    """The resources of ``specs`` that take part for a pod asking ``asked``, in order."""
    result = []
    for spec in specs:
        amount = asked.get(spec.name, 0)
        if spec.name not in PLAIN and not (amount and names.is_scalar(spec.name)):
            continue
        index = cluster.resources.index.get(spec.name)
        if index is None:
            continue  # no node has it
        defaulted = nonzero and index in (shapes.CPU, shapes.MEMORY)
        result.append(Scored(index, index if defaulted else -1, amount, spec.weight or 1))
    return tuple(result)


def columns(
    cluster: table.Table, resources: tuple[Scored, ...], rows: interface.Rows
) -> tuple[scalars.Namespace, Iterator[tuple[Any, Any, Scored]]]:
    """The namespace to compute in, and (allocatable, allocated, resource) of each resource."""
    if isinstance(rows, int):
        return scalars.SCALARS, (
            (
                cluster.allocatable.item(resource.index, rows),
                cluster.requested.item(resource.index, rows)
                if resource.nonzero < 0
                else cluster.nonzero.item(resource.nonzero, rows),
                resource,
            )
            for resource in resources
        )
    return scalars.COLUMNS, (
        (
            cluster.allocatable[resource.index, rows],
            cluster.requested[resource.index, rows]
            if resource.nonzero < 0
            else cluster.nonzero[resource.nonzero, rows],
            resource,
        )
        for resource in resources
    )


def count(cluster: table.Table, rows: interface.Rows) -> int:
    """How many rows ``rows`` selects (not for one int)."""
    return len(rows) if isinstance(rows, np.ndarray) else len(range(*_slice(rows).indices(cluster.size)))


def _slice(rows: interface.Rows) -> slice:
    if not isinstance(rows, slice):
        raise TypeError(f"{rows!r} selects no column of rows")
    return rows
