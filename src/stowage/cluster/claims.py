"""The claims behind a pod's volumes, and which nodes a volume can be reached from."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from stowage.api import objects, selectors, volumes
from stowage.cluster import shapes, table


class Use(NamedTuple):
    """A pod's volume that is a claim: the claim's name, and whether it is made for this pod alone."""

    name: str
    ephemeral: bool


def use(shape: shapes.Shape, volume: objects.Volume) -> Use | None:
    """The claim behind a volume; None where there is none."""
    if volume.persistent_volume_claim is not None:
        return Use(volume.persistent_volume_claim.claim_name, False)
    if volume.ephemeral is not None:
        return Use(f"{shape.claimant[0]}-{volume.name}", True)
    return None


def named(shape: shapes.Shape) -> list[str]:
    """The claims that a pod names itself, one a volume, in order."""
    return [
        volume.persistent_volume_claim.claim_name
        for volume in shape.volumes
        if volume.persistent_volume_claim is not None
    ]


def is_used(shape: shapes.Shape, claim: objects.PersistentVolumeClaim) -> bool:
    """Whether a volume of the pod is this claim, by its name."""
    if claim.metadata.namespace != shape.namespace:
        return False
    uses = (use(shape, volume) for volume in shape.volumes)
    return any(each is not None and each.name == claim.metadata.name for each in uses)


def not_owned(shape: shapes.Shape, claim: objects.PersistentVolumeClaim) -> str:
    """Why the claim of a generic ephemeral volume is not this pod's; empty where it is."""
    name, uid = shape.claimant
    if claim.metadata.namespace == shape.namespace and volumes.controller_uid(claim) == uid:
        return ""
    meta = claim.metadata
    return (
        f"PVC {meta.namespace}/{meta.name} was not created for pod {shape.namespace}/{name}"
        " (pod is not owner)"
    )


@functools.lru_cache(maxsize=1 << 14)
def reach(affinity: objects.VolumeNodeAffinity | None) -> selectors.NodeSelector | None:
    """A volume's node affinity, compiled for `reachable`; None means every node."""
    if affinity is None or affinity.required is None:
        return None
    return selectors.compile_node(affinity.required)


def reachable(
    cluster: table.Table, selector: selectors.NodeSelector | None, rows: slice | np.ndarray
) -> np.ndarray:
    """bool[rows]: whether each row's labels satisfy what `reach` made of a volume's node affinity.

    Only labels are looked at: a term of fields alone matches every node.
    """
    count = len(cluster.live[rows])
    if selector is None:
        return np.ones(count, bool)
    mask = np.zeros(count, bool)
    for term in selector.terms:
        if not term.errors:
            mask |= labels(cluster, term.expressions, rows)
    return mask


def labels(
    cluster: table.Table, parts: tuple[selectors.Requirement, ...], rows: slice | np.ndarray
) -> np.ndarray:
    """bool[rows]: whether each row's labels satisfy all requirements."""
    mask = np.ones(len(cluster.live[rows]), bool)
    for part in parts:
        mask &= _holds(cluster, part, rows)
    return mask


def _holds(cluster: table.Table, part: selectors.Requirement, rows: slice | np.ndarray) -> np.ndarray:
    """As `match.requirement`, by the codes of the values named: a key may have a value a node."""
    codes = cluster.codes(part.key)
    column = codes.column[: cluster.size][rows]
    match part.operator:
        case selectors.EXISTS:
            held: np.ndarray = column >= 0
        case selectors.DOES_NOT_EXIST:
            held = column < 0
        case selectors.GT | selectors.LT:
            truth = codes.truth(
                part, lambda value: value is not None and selectors.holds(part, {part.key: value})
            )
            held = truth[column]
        case _:
            wanted = [codes.by_value[value] for value in part.values if value in codes.by_value]
            held = column == wanted[0] if len(wanted) == 1 else np.isin(column, wanted)
            if part.operator == selectors.NOT_IN:
                held = ~held
    return held
