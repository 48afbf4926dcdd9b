"""A pod's volumes as CSI drivers know them: resolved through claims, classes and CSI migration."""

from __future__ import annotations

from stowage.api import csi_migration, objects, volumes
from stowage.cluster import claims, outside, shapes
from stowage.framework import status

Handle = tuple[str, str]
"""(unique name of a volume, its driver)"""


class Refusal(Exception):
    """A volume that cannot be counted."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.status = status.unresolvable(message) if missing else status.error(message)


def held(shape: shapes.Shape, storage: outside.Storage) -> list[Handle]:
    """What a bound pod brings to its node's CSI drivers; a volume of no driver where it is an error."""
    if not shape.volumes:
        return []
    try:
        return list(of_shape(shape, storage, on_csi_node=True, pending=False).items())
    except Refusal as refusal:
        return [(str(refusal), "")]


def attempt(
    shape: shapes.Shape, storage: outside.Storage, *, on_csi_node: bool
) -> list[Handle] | status.Status:
    """The volumes of the pod to place, or why it is refused."""
    try:
        return list(of_shape(shape, storage, on_csi_node=on_csi_node, pending=True).items())
    except Refusal as refusal:
        return refusal.status


def of_shape(
    shape: shapes.Shape, storage: outside.Storage, *, on_csi_node: bool, pending: bool
) -> dict[str, str]:
    """Unique name of a volume -> its driver."""
    found: dict[str, str] = {}
    for volume in shape.volumes:
        used = claims.use(shape, volume)
        if used is None:
            found |= _inline(volume) if on_csi_node else {}
            continue
        if used.name == "":
            raise Refusal("PersistentVolumeClaim had no name")
        claim = storage.claims.get((shape.namespace, used.name))
        if claim is None:
            if pending:
                missing = f'persistentvolumeclaim "{used.name}" not found'
                raise Refusal(f"looking up PVC {shape.namespace}/{used.name}: {missing}", missing=True)
            continue
        if used.ephemeral and (trouble := claims.not_owned(shape, claim)):
            raise Refusal(trouble)
        driver, handle = _of_claim(claim, storage, on_csi_node=on_csi_node)
        if driver and handle:
            found[f"{driver}/{handle}"] = driver
    return found


def _inline(volume: objects.Volume) -> dict[str, str]:
    if csi_migration.plugin_of_volume(volume) not in csi_migration.MIGRATED:
        return {}
    try:
        source = csi_migration.inline_source(volume)
    except csi_migration.MigrationError as error:
        raise Refusal(f"converting volume({volume.name}) from inline to csi: {error}") from error
    return {f"{source.driver}/{source.volume_handle}": source.driver}


def _of_claim(
    claim: objects.PersistentVolumeClaim, storage: outside.Storage, *, on_csi_node: bool
) -> tuple[str, str]:
    """Driver and handle of a claim's volume, empty where it does not count."""
    volume = storage.volumes.get(claim.spec.volume_name)
    if volume is None:
        return _of_class(claim, storage, on_csi_node=on_csi_node)
    source = volume.spec.csi
    if source is None:
        if not on_csi_node or csi_migration.plugin_of_pv(volume) not in csi_migration.MIGRATED:
            return "", ""
        try:
            source = csi_migration.pv_source(volume)
        except csi_migration.MigrationError:
            return "", ""
    return source.driver, source.volume_handle


def _of_class(
    claim: objects.PersistentVolumeClaim, storage: outside.Storage, *, on_csi_node: bool
) -> tuple[str, str]:
    """Driver and a handle of the claim's own, for a volume that is yet to be made."""
    found = storage.classes.get(volumes.class_name(claim))
    if found is None:
        return "", ""
    driver = found.provisioner
    if driver in csi_migration.DRIVERS:
        if not on_csi_node or driver not in csi_migration.MIGRATED:
            return "", ""
        driver = csi_migration.DRIVERS[driver]
    return driver, f"\0{claim.metadata.namespace}/{claim.metadata.name}"
