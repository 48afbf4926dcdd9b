"""What the property tests compare of tables and plans: both told by node name, so that rows may differ."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from stowage.api import objects
from stowage.cluster import outside, pods, table
from stowage.engine import entries
from stowage.engine import plan as plans
from stowage.framework import config, overlay, profile, status

Json = dict[str, Any]


def default_profile() -> profile.Profile:
    return profile.Profile(config.default().profiles[0])


# ------------------------------------------------------------------------------------------- the table


def described(cluster: table.Table) -> Json:
    """All that the table says, by names: equal for equal objects, whatever their history."""
    return {
        "nodes": {name: node(cluster, row) for name, row in cluster.row_of.items() if cluster.live[row]},
        "node_count": cluster.node_count,
        "pods": placed(cluster),
        "nominations": {
            uid: (at, pod.key, pod.priority, asked(pod)) for uid, (pod, at) in cluster.nominations.items()
        },
        "images": {
            name: {cluster.names[row]: size for row, size in holders.items()}
            for name, holders in cluster.images.rows.items()
        },
        "outside": around(cluster.outside),
    }


def node(cluster: table.Table, row: int) -> Json:
    amounts = zip(
        cluster.resources.names,
        cluster.allocatable[:, row].tolist(),
        cluster.requested[:, row].tolist(),
        strict=True,
    )
    return {
        "resources": {name: (have, used) for name, have, used in amounts if have or used},
        "nonzero": cluster.nonzero[:, row].tolist(),
        "labels": cluster.labels.get(row),
        "taints": cluster.taints.sets[cluster.taints.ids.item(row)],
        "features": cluster.features.sets[cluster.features.ids.item(row)],
        "unschedulable": cluster.unschedulable.item(row),
    }


def placed(cluster: table.Table) -> dict[str, Any]:
    held = cluster.pods
    found = {}
    for uid, slot in held.by_uid.items():
        pod = cluster.held(slot)
        found[uid] = (
            held.names[slot],
            held.uids[slot],
            cluster.names[held.rows[slot]],
            held.priorities.item(slot),
            held.starts.item(slot),
            asked(pod),
        )
    return found


def asked(pod: pods.Incoming) -> Json:
    return {
        "namespace": (pod.group.namespace, pod.shape.namespace),
        "labels": pod.group.labels,
        "leaving": (pod.group.terminating, pod.group.preempted),
        "spec": pod.shape.spec,
        "owner": pod.shape.owner,
        "claimant": pod.shape.claimant,
        "nonzero": pod.shape.nonzero,
        "amounts": sorted(amount for _, amount in pod.shape.requested),
    }


def around(found: outside.Outside) -> Json:
    storage = {kind: dict(getattr(found.storage, kind)) for kind in outside.STORAGE_KINDS.values()}
    return storage | {
        "namespaces": dict(found.namespaces),
        "services": dict(found.owners.services),
        "controllers": dict(found.owners.controllers),
        "budgets": dict(found.budgets),
    }


def storage_objects(cluster: table.Table) -> Iterable[objects.Object]:
    """What stores of volumes hold now, assumed changes included."""
    for kind in outside.STORAGE_KINDS.values():
        yield from getattr(cluster.storage, kind).values()


def consistent(cluster: table.Table) -> None:
    """The columns that repeat one another agree, and rows and slots not in use are empty."""
    held = cluster.pods
    slots = sorted(held.by_uid.values())
    rows = held.rows[: held.size]
    assert np.flatnonzero(rows != pods.FREE).tolist() == slots
    counts = np.bincount(rows[slots], minlength=cluster.size) if slots else np.zeros(cluster.size)
    assert cluster.requested[3].tolist() == counts.tolist()
    shape_counts = np.bincount(held.shapes[slots]) if slots else np.zeros(0)
    assert held.shape_counts == {i: n for i, n in enumerate(shape_counts.tolist()) if n}
    assert cluster.node_count == np.count_nonzero(cluster.live)
    assert cluster.log.sequence >= len(slots)
    for name, row in cluster.row_of.items():
        assert cluster.names[row] == name
    in_use = set(cluster.row_of.values())
    for row in range(cluster.size):
        if not cluster.live[row]:
            assert not cluster.allocatable[:, row].any()
            assert cluster.labels.get(row) == {}
        if row not in in_use:
            assert not cluster.requested[:, row].any()
            assert not cluster.nonzero[:, row].any()
            assert not cluster.live[row]
    for key, codes in cluster.labels._codes.items():
        for row in range(cluster.size):
            code = codes.column.item(row)
            assert (codes.values[code] if code >= 0 else None) == cluster.labels.get(row).get(key)


def columns(cluster: table.Table) -> Json:
    """Every column as it is, rows and slots included: equal only where nothing moved."""
    held = cluster.pods
    slots = sorted(held.by_uid.values())
    shared = ("rows", "shapes", "groups", "priorities", "starts")
    return {
        "live": cluster.live.tolist(),
        "unschedulable": cluster.unschedulable.tolist(),
        "allocatable": cluster.allocatable.tolist(),
        "requested": cluster.requested[:, : cluster.size].tolist(),
        "nonzero": cluster.nonzero.tolist(),
        "incarnations": cluster.incarnations[: cluster.size].tolist(),
        "names": [cluster.names[row] for row in cluster.row_of.values()],
        "row_of": dict(cluster.row_of),
        "by_uid": dict(held.by_uid),
        "slots": {name: getattr(held, name)[slots].tolist() for name in shared},
        "shape_counts": dict(held.shape_counts),
        "labels": cluster.labels.ids[: cluster.size].tolist(),
        "taints": cluster.taints.ids[: cluster.size].tolist(),
        "features": cluster.features.ids[: cluster.size].tolist(),
        "nominations": {uid: (pod.key, node) for uid, (pod, node) in cluster.nominations.items()},
        "described": described(cluster),
    }


# --------------------------------------------------------------------------------------------- plans


def answers(plan: plans.Plan) -> Json:
    """All that a plan says, by node names."""
    cluster = plan.cluster
    told: Json = {"refusal": sorted_status(plan.refusal)}
    if plan.refusal is not None and plan.refusal.code is not status.Code.UNSCHEDULABLE:
        return told
    live = np.flatnonzero(cluster.live)
    told["nodes"] = plan.nodes
    told["statuses"] = by_name(plan, live, plan.full_statuses()[live])
    told["emptied"] = emptied(plan, live)
    if plan.refusal is not None:
        return told
    told["broken"] = sorted_status(plan.broken)
    if plan.broken is not None:
        return told
    feasible = np.flatnonzero(plan.feasible())
    told["feasible"] = sorted(cluster.names[row] for row in feasible.tolist())
    totals = plan.totals_of(feasible) if len(feasible) else np.zeros(0, np.int64)
    told["totals"] = {cluster.names[r]: int(t) for r, t in zip(feasible.tolist(), totals, strict=True)}
    if plan.pages is not None:
        best = int(totals.max(initial=-1))
        assert plan.pages.best() == (best, int((totals == best).sum()))
        assert plan.pages.rows_at(best).tolist() == feasible[totals == best].tolist() or best == -1
    return told


def by_name(plan: plans.Plan, rows: np.ndarray, statuses: np.ndarray) -> dict[str, Any]:
    return {
        plan.cluster.names[row]: meaning(plan, value)
        for row, value in zip(rows.tolist(), statuses.tolist(), strict=True)
    }


def meaning(plan: plans.Plan, value: int) -> Any:
    if value in (entries.OK, entries.EXCLUDED, entries.GONE):
        return {entries.OK: "ok", entries.EXCLUDED: "excluded", entries.GONE: "gone"}[value]
    return sorted_status(plan.explain(value))


def sorted_status(found: status.Status | None) -> Any:
    return None if found is None else (found.code.name, sorted(found.reasons), found.plugin)


def emptied(plan: plans.Plan, live: np.ndarray) -> dict[str, Any]:
    """The statuses with the pods of each node away, as a preemption's dry run asks."""
    cluster = plan.cluster
    placed = [
        (cluster.held(slot), cluster.pods.rows.item(slot))
        for _, slot in sorted(cluster.pods.by_uid.items())
        if cluster.live[cluster.pods.rows[slot]]
    ]
    if not placed:
        return {}
    change = overlay.of_pods(placed, -1)
    return by_name(plan, change.rows, plan.statuses_with(change))
