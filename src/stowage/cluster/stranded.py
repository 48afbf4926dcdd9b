"""Fragmentation, the one definition: what is stranded is free on a node where no typical pod fits any more.

The typical pods are the distinct request vectors of a workload; which pods make that up is the caller's to
say. Of a resource's free amount, the share that is stranded is its fragmentation.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stowage.cluster import shapes

Vector = tuple[tuple[int, int], ...]
"""(resource index, amount), by index."""


def vectors(workload: Iterable[shapes.Shape]) -> list[Vector]:
    """The distinct request vectors of these shapes, small ones first."""
    distinct = {tuple(sorted(shape.requested)) for shape in workload}
    return sorted(distinct, key=lambda vector: (len(vector), [amount for _, amount in vector]))


def fitting(free: np.ndarray, asked: list[Vector]) -> np.ndarray:
    """bool[nodes]: whether any vector fits into ``free``, int64[resources, nodes]."""
    fits = np.zeros(free.shape[1], bool)
    left = np.arange(free.shape[1])
    for vector in asked:
        room = np.ones(len(left), bool)
        for index, amount in vector:
            room &= free[index, left] >= amount
        fits[left[room]] = True
        left = left[~room]
        if not len(left):
            break
    return fits


def hopeless(free: np.ndarray, asked: list[Vector]) -> np.ndarray:
    """bool[nodes]: where nothing fits. Without a workload there is nothing to be too small for."""
    return ~fitting(free, asked) & bool(asked)
