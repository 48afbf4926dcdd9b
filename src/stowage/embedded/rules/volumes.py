"""Volumes: those of a pod with their sources, claims, and PersistentVolumes.

Of a source it is looked at what a scheduler asks about it, and the names it cannot do without. Rules:
pkg/apis/core/validation (`validateVolumeSource`, `ValidatePersistentVolumeSpec` and what they call).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from stowage.api import quantity
from stowage.embedded import errors
from stowage.embedded.rules import amounts, faults, placement

Object = dict[str, Any]
Cause = errors.Cause

_ORDER: Final = (
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
)
"""Sources in the order in which they are looked at: of two the later one is refused."""
_PERSISTENT: Final = (
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
)
"""The same of a PersistentVolume."""
_SHOWN: Final = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""How a second source is told where that is not its name."""
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "gitRepo": ("repository",),
    "hostPath": ("path",),
    "gcePersistentDisk": ("pdName",),
    "awsElasticBlockStore": ("volumeID",),
    "secret": ("secretName",),
    "nfs": ("server", "path"),
    "iscsi": ("targetPortal", "iqn"),
    "persistentVolumeClaim": ("claimName",),
    "rbd": ("monitors", "image"),
    "cinder": ("volumeID",),
    "cephfs": ("monitors",),
    "configMap": ("name",),
    "vsphereVolume": ("volumePath",),
    "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",),
    "ephemeral": ("volumeClaimTemplate",),
    "local": ("path",),
}
"""By source: the fields that have to be there and not empty."""
_HOST_PATHS: Final = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_VOLUME_MODES: Final = ("Block", "Filesystem")
_RECLAIM: Final = ("Delete", "Recycle", "Retain")


def of_pod(path: str, volumes: Sequence[Object], pod: str, good: dict[str, Object]) -> Iterator[Cause]:
    """Put the volumes that are in order in `good`, by name; `pod` is the pod's name, empty in a template."""
    made = {f"{pod}-{each.get('name', '')}" for each in volumes if pod and "ephemeral" in each}
    for i, volume in enumerate(volumes):
        at, name = f"{path}[{i}]", volume.get("name", "")
        wrong = [*_sources(at, volume, pod)]
        if not name:
            wrong.append(faults.required(f"{at}.name"))
        else:
            wrong += faults.each(f"{at}.name", name, faults.dns_label(name))
        if name in good:
            wrong.append(faults.duplicate(f"{at}.name", name))
        if not wrong:
            good[name] = volume
        yield from wrong
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        if claim in made:
            why = "must not reference a PVC that gets created for an ephemeral volume"
            yield faults.invalid(f"{at}.persistentVolumeClaim.claimName", claim, why)


def _sources(path: str, volume: Object, pod: str) -> Iterator[Cause]:
    if len(volume) <= 2:  # a name and a source: nearly every volume
        stated = [source for source in volume if source != "name"]
    else:
        stated = [source for source in _ORDER if source in volume]
    yield from _one_source(path, stated, volume)
    name = volume.get("name", "")
    if stated[:1] == ["ephemeral"] and pod and name:
        claim = f"{pod}-{name}"
        for why in faults.dns_subdomain(claim):
            yield faults.invalid(f"{path}.name", name, f'PVC name "{claim}": {why}')


def _one_source(path: str, stated: Sequence[str], holder: Object) -> Iterator[Cause]:
    """`stated` are the sources of a volume in the order in which they are looked at."""
    if not stated:
        yield faults.required(path, "must specify a volume type")
    for source in stated[:1]:
        yield from _source(path, source, holder[source])
    for extra in stated[1:]:
        yield faults.forbidden(
            f"{path}.{_SHOWN.get(extra, extra)}", "may not specify more than 1 volume type"
        )


def _source(path: str, source: str, stated: Object) -> Iterator[Cause]:
    at = f"{path}.{'persistentDisk' if source == 'gcePersistentDisk' else source}"
    missing = [field for field in _NEEDED.get(source, ()) if not stated.get(field)]
    for field in missing:
        yield faults.required(f"{at}.{field}")
    where = stated.get("path", "")
    if source in {"hostPath", "local"} and ".." in where.split("/"):
        yield faults.invalid(f"{at}.path", where, "must not contain '..'")
    if source == "hostPath" and not missing:
        yield from faults.one_of(f"{at}.type", stated.get("type", ""), _HOST_PATHS)
    elif source == "nfs" and not where.startswith("/"):
        yield faults.invalid(f"{at}.path", where, "must be an absolute path")
    elif source == "csi":
        yield from driver_name(f"{at}.driver", stated.get("driver", ""))
    elif source == "emptyDir" and stated.get("sizeLimit", "").startswith("-"):
        yield faults.forbidden(f"{at}.sizeLimit", "SizeLimit field must be a valid resource quantity")
    elif source == "ephemeral" and "volumeClaimTemplate" in stated:
        inner = stated["volumeClaimTemplate"]
        yield from claim(f"{at}.volumeClaimTemplate.spec", inner.get("spec") or {})


def driver_name(path: str, name: str) -> Iterator[Cause]:
    """Of a CSI driver."""
    if not name:
        yield faults.required(path)
        return
    if len(name) > 63:
        yield Cause(path, "Too long: may not be more than 63 bytes", "FieldValueTooLong")
    yield from faults.each(path, name, faults.dns_subdomain(name.lower()))


def claim(path: str, spec: Object) -> Iterator[Cause]:
    """The spec of a PersistentVolumeClaim, or of a template of one."""
    if not spec.get("accessModes"):
        yield faults.required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from placement.label_selector(f"{path}.selector", spec.get("selector"))
    yield from _access(f"{path}.accessModes", spec.get("accessModes") or ())
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        yield faults.required(f"{path}.resources[storage]")
    else:
        yield from amounts.positive(f"{path}.resources[storage]", size)
    for field in ("storageClassName", "volumeAttributesClassName"):
        if name := spec.get(field):
            yield from faults.each(f"{path}.{field}", name, faults.dns_subdomain(name))
    if "volumeMode" in spec:
        yield from faults.one_of(f"{path}.volumeMode", spec["volumeMode"], _VOLUME_MODES)
    if "dataSourceRef" in spec:
        yield from _data_source(f"{path}.dataSourceRef", spec["dataSourceRef"])


def _access(path: str, modes: Sequence[str]) -> Iterator[Cause]:
    for mode in modes:
        yield from faults.one_of(path, mode, _MODES)
    if "ReadWriteOncePod" in modes and any(mode in _MODES[:3] for mode in modes):
        yield faults.forbidden(path, "may not use ReadWriteOncePod with other access modes")


def _data_source(path: str, source: Object) -> Iterator[Cause]:
    for field in ("name", "kind"):
        if not source.get(field):
            yield faults.required(f"{path}.{field}")
    group = source.get("apiGroup", "")
    if group:
        yield from faults.each(f"{path}.apiGroup", group, faults.dns_subdomain(group))
    elif source.get("kind") != "PersistentVolumeClaim":
        why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        yield faults.invalid(path, source.get("kind", ""), why)


def persistent(path: str, spec: Object) -> Iterator[Cause]:
    """The spec of a PersistentVolume."""
    if not spec.get("accessModes"):
        yield faults.required(f"{path}.accessModes")
    yield from _access(f"{path}.accessModes", spec.get("accessModes") or ())
    yield from _capacity(f"{path}.capacity", spec.get("capacity") or {})
    policy = spec.get("persistentVolumeReclaimPolicy", "Retain")
    yield from faults.one_of(f"{path}.persistentVolumeReclaimPolicy", policy, _RECLAIM)
    affinity = spec.get("nodeAffinity")
    if affinity is not None and "required" not in affinity:
        why = "must specify required node constraints"
        yield faults.required(f"{path}.nodeAffinity.required", why)
    elif affinity is not None:
        yield from placement.node_selector(f"{path}.nodeAffinity.required", affinity["required"])
    stated = [source for source in _PERSISTENT if source in spec]
    yield from _one_source(path, stated, spec)
    if stated[:1] == ["csi"] and not spec["csi"].get("volumeHandle"):
        yield faults.required(f"{path}.csi.volumeHandle")
    if stated[:1] == ["local"] and affinity is None:
        yield faults.required(f"{path}.nodeAffinity", "Local volume requires node affinity")
    if name := spec.get("storageClassName"):
        yield from faults.each(f"{path}.storageClassName", name, faults.dns_subdomain(name))
    yield from faults.one_of(f"{path}.volumeMode", spec.get("volumeMode", "Filesystem"), _VOLUME_MODES)


def _capacity(path: str, capacity: Object) -> Iterator[Cause]:
    if not capacity:
        yield faults.required(path)
    if set(capacity) != {"storage"}:
        yield faults.unsupported(path, capacity or None, ["storage"])
    for name, size in capacity.items():
        if size.startswith("-"):
            why = "must be a valid resource quantity"
            yield faults.invalid(f"{path}[{name}]", quantity.value(size), why)
        yield from amounts.positive(f"{path}[{name}]", size)
