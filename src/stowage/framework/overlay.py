"""Overlay: pods imagined to be on, or off, each of some rows, every row by itself.

Nominated pods and preemption both ask "would it fit *this* node if these pods there came or
went", for many nodes at once. Row ``rows[i]`` is judged with its own pods changed and no other
row's, as kube-scheduler does on its clone of one node's state.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from stowage.cluster import pods, table

LAST = 1 << 62
"""A turn after every other."""


class Overlay:
    """``pod[j]`` (shape, group) on row ``rows[at[j]]`` counts ``sign[j]`` times more: +1, -1, or 0.

    ``sign`` and ``turn`` change between the steps of a dry run; everything else is fixed, so what a
    plugin derives from the pods is kept in ``derived``. ``at`` ascends.
    """

    __slots__ = ("_derived", "at", "groups", "rows", "shapes", "sign", "turn")

    def __init__(
        self,
        rows: np.ndarray,
        at: np.ndarray,
        shapes: np.ndarray,
        groups: np.ndarray,
        sign: np.ndarray,
        turn: np.ndarray | None = None,
    ) -> None:
        self.rows = rows
        """int[k]: the rows judged, each once"""
        self.at = at
        """int[m]: index into ``rows``"""
        self.shapes = shapes
        """int[m]: shape ids"""
        self.groups = groups
        """int[m]: group ids"""
        self.sign = sign
        """int64[m]"""
        self.turn = np.zeros(len(at), np.int64) if turn is None else turn
        """int64[m]: when the pod last came or went in the dry run, larger is later; 0: with all others
        at its start. For state that is a set, not a count: there the last to touch it decides."""
        self._derived: dict[Hashable, np.ndarray] = {}

    def derived(self, key: Hashable, function: Callable[[], np.ndarray]) -> np.ndarray:
        """``function()``, an array of the overlay's pods, computed once a ``key``."""
        found = self._derived.get(key)
        if found is None:
            found = self._derived[key] = function()
        return found

    def sum(self, values: np.ndarray) -> np.ndarray:
        """int64[k], by row the sum of ``values * sign`` over its pods; ``values`` is int64[m]."""
        out = np.zeros(len(self.rows), np.int64)
        np.add.at(out, self.at, values * self.sign)
        return out

    def take(self, index: np.ndarray) -> Overlay:
        """The overlay of ``rows[index]`` alone (``index`` ascending, int)."""
        position = np.full(len(self.rows), -1, np.intp)
        position[index] = np.arange(len(index))
        keep = np.flatnonzero(position[self.at] >= 0)
        return Overlay(
            self.rows[index],
            position[self.at[keep]],
            self.shapes[keep],
            self.groups[keep],
            self.sign[keep],
            self.turn[keep],
        )

    def onto(self, rows: np.ndarray) -> Overlay:
        """The same pods over ``rows``, those elsewhere left out; they come after all that happened there."""
        order = np.argsort(rows, kind="stable")
        found = np.searchsorted(rows, self.rows, sorter=order)
        found = np.where(found < len(rows), found, 0)
        position = np.where(rows[order[found]] == self.rows, order[found], -1)
        at = position[self.at]
        keep = np.flatnonzero(at >= 0)
        keep = keep[np.argsort(at[keep], kind="stable")]
        late = np.full(len(keep), LAST, np.int64)
        return Overlay(rows, at[keep], self.shapes[keep], self.groups[keep], self.sign[keep], late)

    def plus(self, other: Overlay) -> Overlay:
        """Both at once, over the same rows."""
        at = np.concatenate([self.at, other.at])
        order = np.argsort(at, kind="stable")
        return Overlay(
            self.rows,
            at[order],
            np.concatenate([self.shapes, other.shapes])[order],
            np.concatenate([self.groups, other.groups])[order],
            np.concatenate([self.sign, other.sign])[order],
            np.concatenate([self.turn, other.turn])[order],
        )


def of_pods(placed: list[tuple[pods.Incoming, int]], sign: int) -> Overlay:
    """The overlay of (pod, row) pairs, each counting ``sign``."""
    placed = sorted(placed, key=lambda pair: pair[1])
    rows, at = np.unique(np.array([row for _, row in placed], np.intp), return_inverse=True)
    return Overlay(
        rows,
        at.reshape(-1),
        np.array([pod.shape.id for pod, _ in placed], np.int64),
        np.array([pod.group.id for pod, _ in placed], np.int64),
        np.full(len(placed), sign, np.int64),
    )


def requests(overlay: Overlay, cluster: table.Table, resource: int) -> np.ndarray:
    """int64[k]: what the overlay adds to ``requested[resource]`` of each of its rows."""

    def per_pod() -> np.ndarray:
        shapes, which = np.unique(overlay.shapes, return_inverse=True)
        amounts = [dict(cluster.shapes[shape].requested).get(resource, 0) for shape in shapes.tolist()]
        return np.array(amounts, np.int64)[which]

    return overlay.sum(overlay.derived(("requested", resource), per_pod))
