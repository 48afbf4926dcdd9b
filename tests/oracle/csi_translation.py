"""In-tree volumes as their CSI drivers see them (csi-translation-lib), as far as scheduling asks."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.oracle import objects
from tests.oracle.cluster import path
from tests.oracle.objects import Object

BETA_ZONE = "failure-domain.beta.kubernetes.io/zone"
BETA_REGION = "failure-domain.beta.kubernetes.io/region"

# Source field: in-tree plugin, CSI driver.
PLUGINS = {
    "gcePersistentDisk": ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io"),
    "awsElasticBlockStore": ("kubernetes.io/aws-ebs", "ebs.csi.aws.com"),
    "cinder": ("kubernetes.io/cinder", "cinder.csi.openstack.org"),
    "azureDisk": ("kubernetes.io/azure-disk", "disk.csi.azure.com"),
    "azureFile": ("kubernetes.io/azure-file", "file.csi.azure.com"),
    "vsphereVolume": ("kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"),
    "portworxVolume": ("kubernetes.io/portworx-volume", "pxd.portworx.com"),
}
# Migrated for good; the node still says in an annotation, or in having a CSINode at all, that it takes part.
MIGRATED = {PLUGINS[field][0] for field in PLUGINS if field not in ("azureFile", "vsphereVolume")}
DRIVERS = dict(PLUGINS.values())

_TOPOLOGY = {
    "gcePersistentDisk": "topology.gke.io/zone",
    "awsElasticBlockStore": "topology.ebs.csi.aws.com/zone",
    "cinder": "topology.cinder.csi.openstack.org/zone",
}


class TranslationError(Exception):
    """A source that has no CSI form."""


def source_of(holder: Mapping[str, Any]) -> str | None:
    """The field of a pod's volume or a volume's spec that holds a source with a CSI successor."""
    return next((field for field in PLUGINS if holder.get(field) is not None), None)


def inline_handle(field: str, source: Mapping[str, Any]) -> str:
    """Raises TranslationError."""
    if field == "gcePersistentDisk":
        return f"projects/UNSPECIFIED/zones/UNSPECIFIED/disks/{source.get('pdName') or ''}"
    return _handle(field, source)


def _handle(field: str, source: Mapping[str, Any]) -> str:
    if field == "awsElasticBlockStore":
        return _ebs_volume(source.get("volumeID") or "")
    if field == "azureDisk":
        kind = source.get("kind")
        if kind is not None and str(kind).lower() != "managed":
            raise TranslationError(f"kind({kind}) is not supported in csi migration")
        return source.get("diskURI") or ""
    return source.get("volumeID") or ""


def _ebs_volume(volume: str) -> str:
    if not volume.startswith("aws://"):
        return volume
    found = re.sub(r"^aws://[^/]*", "", volume).strip("/")
    if not re.fullmatch(r"vol-[^/]*", found):
        reason = f"Invalid format for AWS volume ({volume})"
        raise TranslationError(f"failed to translate Kubernetes ID to EBS Volume ID {reason}")
    return found


def volume_handle(raw: Object, field: str) -> str:
    """The handle of a PersistentVolume with this in-tree source. Raises TranslationError."""
    source = raw["spec"][field]
    if field != "gcePersistentDisk":
        return _handle(field, source)
    labels = objects.labels_of(raw)
    zones = (labels.get(BETA_ZONE) or labels.get(objects.ZONE) or "").split("__")
    place = f"zones/{zones[0] or 'UNSPECIFIED'}"
    if len(zones) > 1:
        place = f"regions/{_gce_region(zones)}"
    return f"projects/UNSPECIFIED/{place}/disks/{source.get('pdName') or ''}"


def _gce_region(zones: Sequence[str]) -> str:
    """The region that all zones, as `locale-region-zone`, share."""
    for zone in zones:
        if zone.count("-") != 2:
            wanted = "zone in unexpected format, expected: {locale}-{region}-{zone}"
            raise TranslationError(f"failed to get region from zones: {wanted}, got: {zone}")
    regions = sorted({zone.rpartition("-")[0] for zone in zones})
    if len(regions) != 1:
        listed = " ".join(f"{region}:{{}}" for region in regions)
        wanted = "multiple or no regions gotten from zones"
        raise TranslationError(f"failed to get region from zones: {wanted}, got: map[{listed}]")
    return regions[0]


def translated(raw: Object, field: str) -> Object:
    """The volume with its node affinity in the driver's topology. Raises TranslationError."""
    volume_handle(raw, field)
    made: dict[str, Any] = copy.deepcopy(dict(raw))
    key = _TOPOLOGY.get(field)
    if key is None:
        return made
    labels = objects.labels_of(raw)
    zone, region = _zone_and_region(made, labels)
    if _values(made, zone):
        _rename(made, zone, key)
    elif zone in labels:
        _add(made, key, {part.strip() for part in labels[zone].split("__")} - {""})
    if region == BETA_REGION and _values(made, region):
        _rename(made, region, objects.REGION)
    return made


def _terms(made: Object) -> list[dict[str, Any]]:
    return path(made, "spec", "nodeAffinity", "required", "nodeSelectorTerms") or []


def _expressions(made: Object) -> list[dict[str, Any]]:
    return [each for term in _terms(made) for each in term.get("matchExpressions") or []]


def _zone_and_region(made: Object, labels: Mapping[str, str]) -> tuple[str, str]:
    """Which generation of zone labels the volume uses."""
    keys = {each.get("key") for each in _expressions(made)}
    for names in (keys, set(labels)):
        if objects.ZONE in names:
            break
        if BETA_ZONE in names:
            return BETA_ZONE, BETA_REGION
    return objects.ZONE, objects.REGION


def _values(made: Object, key: str) -> list[str]:
    return [
        value for each in _expressions(made) if each.get("key") == key for value in each.get("values") or []
    ]


def _rename(made: Object, old: str, new: str) -> None:
    for each in _expressions(made):
        if each.get("key") == old:
            each["key"] = new


def _add(made: Object, key: str, zones: set[str]) -> None:
    """Every term also demands the zones."""
    if not zones:
        return
    affinity = made["spec"].setdefault("nodeAffinity", {}) or {}
    made["spec"]["nodeAffinity"] = affinity
    affinity["required"] = affinity.get("required") or {}
    terms = affinity["required"].get("nodeSelectorTerms") or [{}]
    affinity["required"]["nodeSelectorTerms"] = terms
    for term in terms:
        demand = {"key": key, "operator": "In", "values": sorted(zones)}
        term["matchExpressions"] = [*(term.get("matchExpressions") or []), demand]
