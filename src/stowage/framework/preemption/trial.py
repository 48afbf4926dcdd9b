"""Trials of eviction: the pods of lower priority on many nodes, in the order of their importance.

Rules: SelectVictimsOnNode (framework/plugins/defaultpreemption/default_preemption.go).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stowage.cluster import pods, shapes, table
from stowage.framework import overlay
from stowage.framework.preemption import budgets, unstable


@dataclass(frozen=True, slots=True)
class Removed:
    """Pods of lower priority, all taken off their rows.

    ``change`` has them in the order in which they come back; ``slots``, ``importance`` (smaller is
    more important, among the pods of a row) and ``violating`` are int and bool [m], by its pods.
    """

    change: overlay.Overlay
    slots: np.ndarray
    importance: np.ndarray
    violating: np.ndarray

    def take(self, index: np.ndarray) -> Removed:
        """The same for ``change.rows[index]`` alone (``index`` ascending, int)."""
        wanted = np.zeros(len(self.change.rows), bool)
        wanted[index] = True
        keep = wanted[self.change.at]
        return Removed(self.change.take(index), self.slots[keep], self.importance[keep], self.violating[keep])


@dataclass(frozen=True, slots=True)
class Outcome:
    """The nodes that evicting helps: int[k] rows, and int[k] evictions there that break a budget.

    The victims, int[v]: ``slots``, and ``at``, the index into ``rows``; by row, most important first.
    """

    rows: np.ndarray
    violations: np.ndarray
    at: np.ndarray
    slots: np.ndarray


def removed(
    cluster: table.Table,
    rows: np.ndarray,
    priority: int,
    spared: Callable[[shapes.Group], bool] | None = None,
) -> Removed:
    """Takes the pods below ``priority`` off ``rows`` (ascending); rows without any are left out.

    Pods of a group that is ``spared`` stay.
    """
    held = cluster.pods
    wanted = np.zeros(cluster.size + 1, bool)  # a free slot reads the last one
    wanted[rows] = True
    slots = np.flatnonzero(wanted[held.rows[: held.size]] & (held.priorities[: held.size] < priority))
    if spared is not None:
        groups, which = np.unique(held.groups[slots], return_inverse=True)
        stays = np.array([spared(cluster.groups.values[group]) for group in groups.tolist()], bool)
        slots = slots[~stays[which]]
    slots = slots[by_importance(held, slots)]
    row, at = runs(held.rows[slots])
    violating = budgets.violating(cluster, slots, at)
    importance = np.arange(len(slots))
    if violating.any():
        importance = np.argsort(2 * at + ~violating, kind="stable")
        slots, violating = slots[importance], violating[importance]
    change = overlay.Overlay(
        row.astype(np.intp),
        at,
        held.shapes[slots].astype(np.int64),
        held.groups[slots].astype(np.int64),
        np.full(len(slots), -1, np.int64),
    )
    return Removed(change, slots, importance, violating)


def by_importance(held: pods.Pods, slots: np.ndarray) -> np.ndarray:
    """int[m], the order of ``slots`` (ascending) by row and then importance: priority, earlier start.

    Of a dozen pods or fewer, those equal in both stay as they came; where they have not started they are
    turned round, because kube-scheduler takes the time of each look for their start. Of more, see
    `unstable`.
    """
    rows = held.rows[slots].astype(np.int64)
    starts = held.starts[slots]
    late = starts == pods.NOT_STARTED
    major = (rows << 32) - held.priorities[slots]
    order = np.lexsort((np.where(late, starts + len(slots) - np.arange(len(slots)), starts), major))
    major, starts, rows, late = major[order], starts[order], rows[order], late[order]
    apart = np.ones(len(slots), bool)
    apart[1:] = (major[1:] != major[:-1]) | (starts[1:] != starts[:-1])
    if apart.all():
        return order
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    count = np.diff(first, append=len(rows))
    ranks = np.cumsum(apart)
    keys = (2 * (ranks - np.repeat(ranks[first], count)) + late).astype(np.int32)
    ties = np.add.reduceat(~apart, first, dtype=np.intp)
    for i in np.flatnonzero((count > unstable.INSERTION) & (ties > 0)).tolist():
        part = slice(first[i], first[i] + count[i])
        came = np.argsort(order[part])
        order[part] = order[part][came][unstable.order(keys[part][came].tobytes())]
    return order


def outcome(off: Removed, victims: np.ndarray) -> Outcome:
    """What comes of it where these pods of ``off`` (indices, ascending) have to leave."""
    victims = victims[np.argsort(off.importance[victims], kind="stable")]
    rows, at = runs(off.change.at[victims])
    violations = np.bincount(at[off.violating[victims]], minlength=len(rows))
    return Outcome(off.change.rows[rows], violations, at, off.slots[victims])


def runs(ascending: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values, and for each element the index of its value among them."""
    new = np.diff(ascending, prepend=-1) != 0
    return ascending[new], np.cumsum(new) - 1


def lengths(change: overlay.Overlay) -> tuple[np.ndarray, np.ndarray]:
    """int[k] twice: each row's first pod, and how many it has."""
    count = np.bincount(change.at, minlength=len(change.rows))
    return np.cumsum(count) - count, count
