"""NodeVolumeLimits: how many volumes of a CSI driver a node takes."""

from collections.abc import Mapping
from typing import Any

from tests.oracle import csi_translation, objects, storage
from tests.oracle.cluster import NodeInfo, path
from tests.oracle.csi_translation import TranslationError
from tests.oracle.framework import CycleState, Plugin, Status, failure, skip, unresolvable, unschedulable
from tests.oracle.objects import Object, Pod

Volumes = dict[str, str]  # unique name of a volume: its driver


class LookupFailed(Exception):
    """`missing`: because an object is not there, and not by mistake."""

    def __init__(self, message: str, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


class NodeVolumeLimits(Plugin):
    name = "NodeVolumeLimits"
    points = frozenset({"preFilter", "filter"})

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        for volume in pod.volumes:
            if storage.claim_of(pod, volume) is not None or csi_translation.source_of(volume) is not None:
                return None, None
        return None, skip()

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        csi_node = self.cluster.get("CSINode", info.name)
        try:
            wanted = self._volumes(pod, csi_node, new=True)
            limits = _limits(csi_node)
            if not wanted or not limits:
                return None
            attached: Volumes = {}
            for other in info.pods:
                attached |= self._volumes(other, csi_node, new=False)
        except LookupFailed as error:
            return unresolvable(str(error)) if error.missing else failure(error)
        in_use = list((self._attachments(info.name) | attached).values())
        new = [driver for volume, driver in wanted.items() if volume not in attached]
        for driver in set(new):
            if driver in limits and in_use.count(driver) + new.count(driver) > limits[driver]:
                return unschedulable("node(s) exceed max volume count")
        return None

    def _volumes(self, pod: Pod, csi_node: Object | None, *, new: bool) -> Volumes:
        found: Volumes = {}
        for volume in pod.volumes:
            named = storage.claim_of(pod, volume)
            if named is None:
                found |= _inline(volume, csi_node)
                continue
            name, ephemeral = named
            if name == "":
                raise LookupFailed("PersistentVolumeClaim had no name")
            try:
                claim = storage.claim(self.cluster, pod.namespace, name)
            except storage.NotFound as error:
                if new:
                    raise LookupFailed(f"looking up PVC {pod.namespace}/{name}: {error}", True) from error
                continue
            if ephemeral and storage.not_owned(pod, claim):
                raise LookupFailed(storage.not_owned(pod, claim))
            driver, handle = self._driver(claim, csi_node)
            if driver and handle:
                found[f"{driver}/{handle}"] = driver
        return found

    def _driver(self, claim: Object, csi_node: Object | None) -> tuple[str, str]:
        """Driver and handle of a claim's volume; empty where there is none to count."""
        volume = self.cluster.get("PersistentVolume", path(claim, "spec", "volumeName") or "")
        if volume is None:
            return self._driver_to_be(claim, csi_node)
        spec = volume.get("spec") or {}
        if spec.get("csi") is not None:
            return spec["csi"].get("driver") or "", spec["csi"].get("volumeHandle") or ""
        field = csi_translation.source_of(spec)
        if field is None or not _migrated(csi_node, csi_translation.PLUGINS[field][0]):
            return "", ""
        try:
            return csi_translation.PLUGINS[field][1], csi_translation.volume_handle(volume, field)
        except TranslationError:
            return "", ""

    def _driver_to_be(self, claim: Object, csi_node: Object | None) -> tuple[str, str]:
        """Of a claim that is not bound: its class's provisioner, and a handle that is the claim's alone."""
        found = self.cluster.get("StorageClass", storage.class_of(claim))
        if found is None:
            return "", ""
        handle = f"to-be-provisioned-{objects.namespace_of(claim)}/{objects.name_of(claim)}"
        provisioner = found.get("provisioner") or ""
        if provisioner in csi_translation.DRIVERS:
            if not _migrated(csi_node, provisioner):
                return "", ""
            provisioner = csi_translation.DRIVERS[provisioner]
        return provisioner, handle

    def _attachments(self, node: str) -> Volumes:
        found: Volumes = {}
        for attachment in self.cluster.all("VolumeAttachment"):
            spec = attachment.get("spec") or {}
            attacher = spec.get("attacher") or ""
            name = path(spec, "source", "persistentVolumeName")
            if spec.get("nodeName") != node or not attacher or name is None:
                continue
            source = path(self.cluster.get("PersistentVolume", name), "spec", "csi")
            if source is not None:
                found[f"{attacher}/{source.get('volumeHandle') or ''}"] = attacher
        return found


def _inline(volume: Mapping[str, Any], csi_node: Object | None) -> Volumes:
    field = csi_translation.source_of(volume)
    if field is None or not _migrated(csi_node, csi_translation.PLUGINS[field][0]):
        return {}
    driver = csi_translation.PLUGINS[field][1]
    try:
        return {f"{driver}/{csi_translation.inline_handle(field, volume[field])}": driver}
    except TranslationError as error:
        name = volume.get("name") or ""
        raise LookupFailed(f"converting volume({name}) from inline to csi: {error}") from error


def _migrated(csi_node: Object | None, plugin: str) -> bool:
    return csi_node is not None and plugin in csi_translation.MIGRATED


def _limits(csi_node: Object | None) -> dict[str, int]:
    drivers = path(csi_node, "spec", "drivers") or []
    counts = {driver.get("name") or "": path(driver, "allocatable", "count") for driver in drivers}
    return {name: count for name, count in counts.items() if count is not None}
