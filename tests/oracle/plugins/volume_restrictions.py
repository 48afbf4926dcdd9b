"""VolumeRestrictions: disks that only one pod may write to, and claims that only one pod may use."""

from collections.abc import Mapping
from typing import Any

from tests.oracle import storage
from tests.oracle.cluster import NodeInfo, path
from tests.oracle.framework import CycleState, Plugin, Status, failure, skip, unresolvable, unschedulable
from tests.oracle.objects import Pod

DISKS = ("gcePersistentDisk", "awsElasticBlockStore", "rbd", "iscsi")


class ClaimState:
    """The pod's ReadWriteOncePod claims, and how often they are in use anywhere in the cluster."""

    def __init__(self, claims: set[str], used: int) -> None:
        self.claims = claims
        self.used = used

    def clone(self) -> "ClaimState":
        return ClaimState(self.claims, self.used)


class VolumeRestrictions(Plugin):
    name = "VolumeRestrictions"
    points = frozenset({"preFilter", "filter"})
    counts_pods = True

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        exclusive = set()
        for name in pod.claim_names:
            try:
                claim = storage.claim(self.cluster, pod.namespace, name)
            except storage.NotFound as error:
                return None, unresolvable(str(error))
            if "ReadWriteOncePod" in (path(claim, "spec", "accessModes") or ()):
                exclusive.add(name)
        used = sum(1 for name in exclusive if self.cluster.is_claim_used(pod.namespace, name))
        if used == 0 and not any(_disk(volume) for volume in pod.volumes):
            return None, skip()
        state.before_filter[self.name] = ClaimState(exclusive, used)
        return None, None

    def count_pod(self, state: CycleState, pod: Pod, other: Pod, info: NodeInfo, sign: int) -> None:
        own = state.before_filter[self.name]
        if isinstance(own, ClaimState):
            # By the claims' names alone: a namesake in another namespace counts too.
            own.used += sign * sum(1 for name in other.claim_names if name in own.claims)

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        others = [theirs for other in info.pods for theirs in other.volumes]
        if any(_conflict(volume, theirs) for volume in pod.volumes if _disk(volume) for theirs in others):
            return unschedulable("node(s) had no available disk")
        own = state.before_filter.get(self.name)
        if not isinstance(own, ClaimState):
            return failure('cannot read "PreFilterVolumeRestrictions" from cycleState')
        if own.used > 0:
            return unschedulable(
                "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already"
                " in-use by another pod"
            )
        return None


def _disk(volume: Mapping[str, Any]) -> bool:
    return any(volume.get(kind) is not None for kind in DISKS)


def _conflict(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    for kind in DISKS:
        ours, other = mine.get(kind), theirs.get(kind)
        if ours is None or other is None or not _same_disk(kind, ours, other):
            continue
        if kind == "awsElasticBlockStore" or not (ours.get("readOnly") and other.get("readOnly")):
            return True
    return False


def _same_disk(kind: str, ours: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if kind == "rbd":
        shared = set(ours.get("monitors") or ()) & set(other.get("monitors") or ())
        return bool(shared) and all(
            (ours.get(key) or "") == (other.get(key) or "") for key in ("pool", "image")
        )
    key = {"gcePersistentDisk": "pdName", "awsElasticBlockStore": "volumeID", "iscsi": "iqn"}[kind]
    return bool((ours.get(key) or "") == (other.get(key) or ""))
