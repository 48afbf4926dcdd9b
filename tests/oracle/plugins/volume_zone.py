"""VolumeZone: volumes that carry zone or region labels."""

from tests.oracle import objects, storage
from tests.oracle.cluster import NodeInfo, path
from tests.oracle.csi_translation import BETA_REGION, BETA_ZONE
from tests.oracle.framework import CycleState, Plugin, Status, skip, unresolvable
from tests.oracle.objects import REGION, ZONE, Object, Pod

KEYS = (BETA_ZONE, BETA_REGION, ZONE, REGION)
SUCCESSOR = {BETA_ZONE: ZONE, BETA_REGION: REGION}

Topology = tuple[str, set[str]]  # label, values allowed


class ZoneState:
    """What the pod's volumes ask of the node; nothing changes it."""

    def __init__(self, topologies: list[Topology]) -> None:
        self.topologies = topologies

    def clone(self) -> "ZoneState":
        return self


class Refused(Exception):
    """A claim or volume with which the pod cannot be placed anywhere."""


class VolumeZone(Plugin):
    name = "VolumeZone"
    points = frozenset({"preFilter", "filter"})

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        try:
            topologies = self._topologies(pod)
        except (Refused, storage.NotFound) as error:
            return None, unresolvable(str(error))
        if not topologies:
            return None, skip()
        state.before_filter[self.name] = ZoneState(topologies)
        return None, None

    def _topologies(self, pod: Pod) -> list[Topology]:
        found: list[Topology] = []
        for name in pod.claim_names:
            if name == "":
                raise Refused("PersistentVolumeClaim had no name")
            claim = storage.claim(self.cluster, pod.namespace, name)
            volume_name = path(claim, "spec", "volumeName") or ""
            if volume_name:
                found += _of_volume(storage.volume(self.cluster, volume_name))
                continue
            class_name = storage.class_of(claim)
            if class_name == "":
                raise Refused("PersistentVolumeClaim had no pv name and storageClass name")
            mode = storage.storage_class(self.cluster, class_name).get("volumeBindingMode")
            if mode is None:
                raise Refused(f'VolumeBindingMode not set for StorageClass "{class_name}"')
            if mode != "WaitForFirstConsumer":
                raise Refused("PersistentVolume had no name")
        return found

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        own = state.before_filter.get(self.name)
        if isinstance(own, ZoneState):
            topologies = own.topologies
        else:
            try:
                topologies = self._topologies(pod)
            except (Refused, storage.NotFound) as error:
                return unresolvable(str(error))
        labels = info.node.labels
        if not any(key in labels for key in KEYS):
            return None
        for key, values in topologies:
            actual = labels.get(key, labels.get(SUCCESSOR.get(key, key)))
            if actual is None or actual not in values:
                return unresolvable("node(s) had no available volume zone")
        return None


def _of_volume(volume: Object) -> list[Topology]:
    """`a__b` stands for either; a list with an empty part is ignored."""
    labels = objects.labels_of(volume)
    found = []
    for key in KEYS:
        values = {part.strip() for part in labels[key].split("__")} if key in labels else set()
        if values and "" not in values:
            found.append((key, values))
    return found
