"""The dry run: which pods have to leave each node so that one more fits, for all nodes at once.

All pods of lower priority leave; where the pod fits then, they come back one by one, those first whose
eviction would break a budget, and stay where the pod still fits. One step is one pod on every node.
Rules: SelectVictimsOnNode (framework/plugins/defaultpreemption/default_preemption.go).
"""

from __future__ import annotations

import numpy as np

from stowage.framework import interface, overlay
from stowage.framework.preemption import trial


def reprieved(attempt: interface.Attempt, off: trial.Removed) -> trial.Outcome:
    """Brings back whoever can stay. The rows of ``off`` are those where the pod fits without all."""
    return trial.outcome(off, _victims(attempt, off.change))


def _victims(attempt: interface.Attempt, change: overlay.Overlay) -> np.ndarray:
    """int[v], ascending: the pods of ``change`` that cannot come back. ``change`` is left as it ends."""
    leaves = np.ones(len(change.at), bool)
    member = np.arange(len(change.at))
    first, count = trial.lengths(change)
    step = 0
    while (active := np.flatnonzero(count > step)).size:
        if 2 * active.size <= count.size:  # rows that are done need no more looks
            member = member[(count > step)[change.at]]
            change = change.take(active)
            first, count = trial.lengths(change)
            active = np.arange(active.size)
        tried = first[active] + step
        step += 1
        change.sign[tried] = 0
        change.turn[tried] = step
        fits = attempt.fits(change)[active]
        change.sign[tried[~fits]] = -1
        leaves[member[tried[fits]]] = False
    return np.flatnonzero(leaves)
