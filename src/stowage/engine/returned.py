"""Scores of nodes that an extender sent back whole: as it changed them, and as if no pod ran on them.

kube-scheduler 1.36.2 makes bare NodeInfos of such nodes (extender.go), in which Score finds neither requests
nor images nor pods; what its plugins count over the whole cluster comes from its own snapshot all the same.
"""

from __future__ import annotations

import msgspec
import numpy as np

from stowage.api import objects
from stowage.engine import attempt as attempts
from stowage.engine import entries
from stowage.engine import plan as plans


def totals(attempt: attempts.Attempt, rows: np.ndarray) -> np.ndarray:
    """int64[rows]: as `plans.Plan.totals_of`, of `attempt.returned`. `entries.CycleError`.

    Each of these nodes stands on a row of its own meanwhile, under its name: the rows with its pods are
    counted, and not scored. Afterwards the table is as before, but every plan is to be built anew.
    """
    cluster = attempt.cluster
    names = [cluster.names[row] for row in rows.tolist()]
    known = {name: cluster.row_of.pop(name) for name in names}
    try:
        for name in names:
            cluster.set_node(_bare(attempt.returned[name]))
        plan = plans.Plan(attempt.plan.profile, attempt.pod, cluster, attempt.plan.work)
        if plan.broken is not None:
            raise entries.CycleError(plan.broken.message, plan.broken.plugin, "PreScore")
        return plan.totals_of(np.array([cluster.row_of[name] for name in names]))
    finally:
        for name in names:
            cluster.remove_node(name)
        cluster.row_of.update(known)


def _bare(node: objects.Node) -> objects.Node:
    return msgspec.structs.replace(node, status=msgspec.structs.replace(node.status, images=()))
