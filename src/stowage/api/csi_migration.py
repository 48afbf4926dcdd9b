"""In-tree volumes as the CSI volumes that have taken their place (csi-translation-lib 1.36).

For the plugins whose migration cannot be switched off, this says which driver and volume handle a
disk has and, for a PersistentVolume, what its topology is called by the driver. What neither the
attach limits nor the binding of volumes reads (file system types, secrets, attributes, access
modes) is left out.
"""

import re
from collections.abc import Iterable

import msgspec

from stowage.api.meta import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm
from stowage.api.pods import Volume
from stowage.api.storage import (
    AWSElasticBlockStore,
    AzureDisk,
    CSINode,
    CSIPersistentVolumeSource,
    PersistentVolume,
    PersistentVolumeSpec,
    VolumeNodeAffinity,
)

AWS_EBS, GCE_PD, CINDER = "kubernetes.io/aws-ebs", "kubernetes.io/gce-pd", "kubernetes.io/cinder"
AZURE_DISK, AZURE_FILE = "kubernetes.io/azure-disk", "kubernetes.io/azure-file"
PORTWORX, VSPHERE = "kubernetes.io/portworx-volume", "kubernetes.io/vsphere-volume"

DRIVERS = {
    AWS_EBS: "ebs.csi.aws.com",
    GCE_PD: "pd.csi.storage.gke.io",
    CINDER: "cinder.csi.openstack.org",
    AZURE_DISK: "disk.csi.azure.com",
    AZURE_FILE: "file.csi.azure.com",
    PORTWORX: "pxd.portworx.com",
    VSPHERE: "csi.vsphere.vmware.com",
}
"""In-tree plugin to the driver that took its place: everything that can be migrated."""

MIGRATED = frozenset({AWS_EBS, GCE_PD, CINDER, AZURE_DISK, PORTWORX})
"""Those that kube-scheduler takes to be migrated on every node."""

MIGRATED_PLUGINS_ANNOTATION = "storage.alpha.kubernetes.io/migrated-plugins"

ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
BETA_ZONE, BETA_REGION = "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"
MULTI_ZONE_DELIMITER = "__"

_TOPOLOGY_KEYS = {
    AWS_EBS: "topology.ebs.csi.aws.com/zone",
    GCE_PD: "topology.gke.io/zone",
    CINDER: "topology.cinder.csi.openstack.org/zone",
}
_UNSPECIFIED = "UNSPECIFIED"


class MigrationError(ValueError):
    """The volume is of a migrated plugin and cannot be translated; the text is kube-scheduler's."""


def plugin_of_volume(volume: Volume) -> str | None:
    """Return the in-tree plugin of a pod's own volume, or None where there is nothing to migrate."""
    return _plugin(volume)


def plugin_of_pv(pv: PersistentVolume) -> str | None:
    """Return the in-tree plugin of a PersistentVolume, or None where there is nothing to migrate."""
    return _plugin(pv.spec)


def migrated_on(node: CSINode | None) -> frozenset[str]:
    """Return the plugins that a node says it has migrated."""
    text = "" if node is None else node.metadata.annotations.get(MIGRATED_PLUGINS_ANNOTATION, "")
    return frozenset(text.split(",")) if text else frozenset()


def inline_source(volume: Volume) -> CSIPersistentVolumeSource:
    """Return the CSI volume of a pod's own volume of one of the MIGRATED plugins."""
    plugin = _plugin(volume)
    if volume.gce_persistent_disk is not None:
        return _source(GCE_PD, _zonal(_UNSPECIFIED, volume.gce_persistent_disk.pd_name))
    return _source(plugin, _plain_handle(volume))


def pv_source(pv: PersistentVolume) -> CSIPersistentVolumeSource:
    """Return the CSI volume of a PersistentVolume of one of the MIGRATED plugins."""
    if pv.spec.gce_persistent_disk is not None:
        return _source(GCE_PD, _gce_handle(pv, pv.spec.gce_persistent_disk.pd_name))
    return _source(_plugin(pv.spec), _plain_handle(pv.spec))


def translated_affinity(pv: PersistentVolume) -> VolumeNodeAffinity | None:
    """Return the node affinity of a PersistentVolume of one of the MIGRATED plugins as its driver
    has it: zones under the driver's own key, those of labels added where there is no zone yet.
    """
    pv_source(pv)  # what has no handle is not translated at all
    key = _TOPOLOGY_KEYS.get(_plugin(pv.spec) or "")
    affinity = pv.spec.node_affinity
    if key is None:
        return affinity
    terms = _terms(pv)
    labels = pv.metadata.labels
    zone, region = _topology_labels(terms, labels)
    if _values(terms, zone):
        affinity = _with_terms(_renamed(terms, zone, key))
    elif zone in labels:
        affinity = _with_zones(pv, key, labels[zone].split(MULTI_ZONE_DELIMITER))
    if region == BETA_REGION and affinity is not None and affinity.required is not None:
        required = affinity.required.node_selector_terms
        if _values(required, BETA_REGION):
            affinity = _with_terms(_renamed(required, BETA_REGION, REGION))
    return affinity


def _plugin(source: Volume | PersistentVolumeSpec) -> str | None:
    for field, plugin in _FIELDS:
        if getattr(source, field) is not None:
            return plugin
    return None


_FIELDS = (
    ("gce_persistent_disk", GCE_PD),
    ("aws_elastic_block_store", AWS_EBS),
    ("cinder", CINDER),
    ("azure_disk", AZURE_DISK),
    ("azure_file", AZURE_FILE),
    ("vsphere_volume", VSPHERE),
    ("portworx_volume", PORTWORX),
)


def _source(plugin: str | None, handle: str) -> CSIPersistentVolumeSource:
    return CSIPersistentVolumeSource(driver=DRIVERS[plugin or ""], volume_handle=handle)


def _plain_handle(source: Volume | PersistentVolumeSpec) -> str:
    """Return the handle of a disk whose in-tree name tells all of it."""
    if source.aws_elastic_block_store is not None:
        return _ebs_handle(source.aws_elastic_block_store)
    if source.azure_disk is not None:
        return _azure_handle(source.azure_disk)
    if source.cinder is not None:
        return source.cinder.volume_id
    if source.portworx_volume is not None:
        return source.portworx_volume.volume_id
    raise ValueError("not a volume of a plugin that is migrated")


def _ebs_handle(disk: AWSElasticBlockStore) -> str:
    """Return the bare id of `vol-…`, `aws:///vol-…` or `aws://ZONE/vol-…`."""
    if not disk.volume_id.startswith("aws://"):
        return disk.volume_id
    path = re.split("[?#]", disk.volume_id.removeprefix("aws://"), maxsplit=1)[0]
    handle = path.partition("/")[2].strip("/")
    if re.fullmatch("vol-[^/]*", handle) is None:
        trouble = f"Invalid format for AWS volume ({disk.volume_id})"
        raise MigrationError(f"failed to translate Kubernetes ID to EBS Volume ID {trouble}")
    return handle


def _azure_handle(disk: AzureDisk) -> str:
    if disk.kind is not None and disk.kind.lower() != "managed":
        raise MigrationError(f"kind({disk.kind}) is not supported in csi migration")
    return disk.disk_uri


def _gce_handle(pv: PersistentVolume, disk: str) -> str:
    labels = pv.metadata.labels
    zones = (labels.get(BETA_ZONE) or labels.get(ZONE, "")).split(MULTI_ZONE_DELIMITER)
    if len(zones) > 1:
        return f"projects/{_UNSPECIFIED}/regions/{_gce_region(zones)}/disks/{disk}"
    return _zonal(zones[0] or _UNSPECIFIED, disk)


def _zonal(zone: str, disk: str) -> str:
    return f"projects/{_UNSPECIFIED}/zones/{zone}/disks/{disk}"


def _gce_region(zones: Iterable[str]) -> str:
    """Return the one region of zones called LOCALE-REGION-ZONE."""
    trouble = "failed to get region from zones: "
    regions = set()
    for zone in zones:
        parts = zone.split("-")
        if len(parts) != 3:
            raise MigrationError(
                f"{trouble}zone in unexpected format, expected: {{locale}}-{{region}}-{{zone}}, got: {zone}"
            )
        regions.add("-".join(parts[:2]))
    if len(regions) != 1:
        listed = " ".join(f"{region}:{{}}" for region in sorted(regions))
        raise MigrationError(f"{trouble}multiple or no regions gotten from zones, got: map[{listed}]")
    return regions.pop()


Terms = tuple[NodeSelectorTerm, ...]


def _terms(pv: PersistentVolume) -> Terms:
    affinity = pv.spec.node_affinity
    if affinity is None or affinity.required is None:
        return ()
    return affinity.required.node_selector_terms


def _topology_labels(terms: Terms, labels: dict[str, str]) -> tuple[str, str]:
    """Return the zone and region keys in use: those of the affinity first, GA before beta."""
    keys = {part.key for term in terms for part in term.match_expressions}
    for known in (keys, labels):
        if ZONE in known:
            return ZONE, REGION
        if BETA_ZONE in known:
            return BETA_ZONE, BETA_REGION
    return ZONE, REGION


def _values(terms: Terms, key: str) -> set[str]:
    return {
        value for term in terms for part in term.match_expressions if part.key == key for value in part.values
    }


def _renamed(terms: Terms, old: str, new: str) -> Terms:
    return tuple(
        msgspec.structs.replace(
            term,
            match_expressions=tuple(
                msgspec.structs.replace(part, key=new) if part.key == old else part
                for part in term.match_expressions
            ),
        )
        for term in terms
    )


def _with_zones(pv: PersistentVolume, key: str, zones: Iterable[str]) -> VolumeNodeAffinity | None:
    values = tuple(sorted({zone.strip() for zone in zones} - {""}))
    if not values:
        return pv.spec.node_affinity
    added = NodeSelectorRequirement(key, "In", values)
    return _with_terms(
        tuple(
            msgspec.structs.replace(term, match_expressions=(*term.match_expressions, added))
            for term in _terms(pv) or (NodeSelectorTerm(),)
        )
    )


def _with_terms(terms: Terms) -> VolumeNodeAffinity:
    return VolumeNodeAffinity(NodeSelector(terms))
