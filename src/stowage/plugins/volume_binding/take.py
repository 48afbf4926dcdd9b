"""What a pod takes on its node: volumes for its claims, and the node for claims to be provisioned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np

from stowage.api import objects, volumes
from stowage.cluster import outside, table
from stowage.plugins.volume_binding import ask, fit

Item = objects.PersistentVolume | objects.PersistentVolumeClaim
T = TypeVar("T", objects.PersistentVolume, objects.PersistentVolumeClaim)


@dataclass(frozen=True, slots=True)
class Assumed:
    """An object as it was before a pod took it, and as it is since."""

    before: Item
    after: Item
    claim: objects.PersistentVolumeClaim | None = None
    """Of a volume: the claim that it is now bound to."""

    def stands(self, storage: outside.Storage) -> bool:
        """Whether nobody has replaced the object since."""
        meta = self.after.metadata
        if isinstance(self.after, objects.PersistentVolume):
            return storage.volumes.get(meta.name) is self.after
        return storage.claims.get((meta.namespace, meta.name)) is self.after


def decide(asked: ask.Asked, cluster: table.Table, node: str) -> list[Assumed]:
    """What the pod's claims change on ``node``: volumes first."""
    row = np.array([cluster.row_of[node]], np.intp)
    found = fit.Fit(asked, cluster, row)
    taken: list[Assumed] = []
    made = list(asked.selected)
    for waiting, numbers in zip(asked.open, found.taken, strict=True):
        number = numbers.item(0)
        if number < 0:
            made.append(waiting)
            continue
        before = found.volumes[number]
        taken.append(Assumed(before, bound_to(before, waiting.claim), waiting.claim))
    return [change for change in taken if change.before != change.after] + [
        Assumed(waiting.claim, annotated(waiting.claim, volumes.SELECTED_NODE, node)) for waiting in made
    ]


def bound_to(
    volume: objects.PersistentVolume, claim: objects.PersistentVolumeClaim
) -> objects.PersistentVolume:
    """The volume with a full reference to the claim."""
    meta = claim.metadata
    reference = objects.ObjectReference("PersistentVolumeClaim", meta.namespace, meta.name, meta.uid)
    kept = volumes.is_claimed_by(volume, claim)
    changed = msgspec.structs.replace(volume, spec=msgspec.structs.replace(volume.spec, claim_ref=reference))
    if kept or volumes.BOUND_BY_CONTROLLER in volume.metadata.annotations:
        return changed
    return annotated(changed, volumes.BOUND_BY_CONTROLLER, "yes")


def annotated(item: T, key: str, value: str) -> T:
    """The object with an annotation more."""
    meta = item.metadata
    return msgspec.structs.replace(
        item, metadata=msgspec.structs.replace(meta, annotations={**meta.annotations, key: value})
    )


def settled(change: Assumed) -> list[Item]:
    """What the volume controller makes of a written volume: volume and claim bound to each other.

    A claim to be provisioned stays as it is: nobody knows the volume that it will get.
    """
    volume, claim = change.after, change.claim
    if claim is None or not isinstance(volume, objects.PersistentVolume):
        return []
    bound = annotated(claim, volumes.BIND_COMPLETED, "yes")
    return [
        msgspec.structs.replace(volume, status=objects.PersistentVolumeStatus("Bound")),
        msgspec.structs.replace(
            bound,
            spec=msgspec.structs.replace(bound.spec, volume_name=volume.metadata.name),
            status=objects.PersistentVolumeClaimStatus("Bound"),
        ),
    ]
