"""What a pod's claims ask, worked out once: bound volumes' reach, and for unbound claims the
volumes that could serve and the demands of provisioning.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from stowage.api import csi_migration, objects, quantity, selectors, volumes
from stowage.cluster import claims, outside, shapes
from stowage.framework import status

REASON_IMMEDIATE = "pod has unbound immediate PersistentVolumeClaims"

Labels = tuple[selectors.Requirement, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound claim's volume and the nodes it can be reached from; None means all."""

    missing: bool = False
    reach: selectors.NodeSelector | None = None
    plugin: str = ""
    """The in-tree plugin, where nodes can have migrated it to CSI: there the next two hold."""
    migrated_reach: selectors.NodeSelector | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A volume that could serve a claim."""

    volume: objects.PersistentVolume
    reach: selectors.NodeSelector | None


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What making a new volume demands of a node. None demands nothing, () cannot be met."""

    possible: bool
    topologies: tuple[Labels, ...] | None
    capacities: tuple[Labels, ...] | None
    """Where there is room enough."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An unbound claim whose class waits for the pod."""

    claim: objects.PersistentVolumeClaim
    selected: str | None
    """The node that an earlier attempt chose to provision for."""
    kept: tuple[Candidate, ...]
    """Volumes kept for this claim: the first that is not taken decides, for or against a node."""
    free: tuple[Candidate, ...]
    """Others, smallest first."""
    error: str
    provisioning: Provisioning


@dataclass(frozen=True, slots=True)
class Asked:
    """All of a pod's claims, in the order in which they are looked at."""

    bound: tuple[Bound, ...]
    selected: tuple[Waiting, ...]
    """Those with a selected node, in the pod's order."""
    open: tuple[Waiting, ...]
    """The others, smallest first."""


def of(shape: shapes.Shape, storage: outside.Storage) -> Asked | status.Status:
    """The pod's claims; SKIP where it has none; or why they cannot be served anywhere."""
    found: list[objects.PersistentVolumeClaim] = []
    for volume in shape.volumes:
        use = claims.use(shape, volume)
        if use is not None:
            claim = storage.claims.get((shape.namespace, use.name))
            if reason := _unusable(shape, use, claim):
                return status.unresolvable(reason)
            found += [claim] if claim is not None else []
    if not found:
        return status.SKIP
    bound, waiting, immediate = [], [], False
    for claim in found:
        if volumes.is_bound(claim):
            bound.append(_bound(claim, storage))
            continue
        name = volumes.class_name(claim)
        kind = storage.classes.get(name) if name else None
        if kind is not None and kind.volume_binding_mode is None:
            return status.error(f'VolumeBindingMode not set for StorageClass "{name}"')
        if (
            kind is None
            or kind.volume_binding_mode != volumes.WAIT_FOR_FIRST_CONSUMER
            or claim.spec.volume_name
        ):
            immediate = True
        elif not immediate:
            waiting.append(_waiting(claim, kind, storage))
    if immediate:
        return status.unresolvable(REASON_IMMEDIATE)
    selected = tuple(each for each in waiting if each.selected is not None)
    rest = sorted(
        (each for each in waiting if each.selected is None), key=lambda each: volumes.requested(each.claim)
    )
    return Asked(tuple(bound), selected, tuple(rest))


def _unusable(shape: shapes.Shape, use: claims.Use, claim: objects.PersistentVolumeClaim | None) -> str:
    """Why a claim is of no use, bound or not; empty where it is."""
    if claim is None:
        if use.ephemeral:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{use.name}"'
        return f'persistentvolumeclaim "{use.name}" not found'
    if claim.status.phase == "Lost":
        return (
            f'persistentvolumeclaim "{use.name}" bound to non-existent'
            f' persistentvolume "{claim.spec.volume_name}"'
        )
    if claim.metadata.deletion_timestamp is not None:
        return f'persistentvolumeclaim "{use.name}" is being deleted'
    return claims.not_owned(shape, claim) if use.ephemeral else ""


def _bound(claim: objects.PersistentVolumeClaim, storage: outside.Storage) -> Bound:
    volume = storage.volumes.get(claim.spec.volume_name)
    if volume is None:
        return Bound(missing=True)
    reach = claims.reach(volume.spec.node_affinity)
    plugin = csi_migration.plugin_of_pv(volume) or ""
    if plugin not in csi_migration.MIGRATED:
        return Bound(reach=reach)
    try:
        migrated = claims.reach(csi_migration.translated_affinity(volume))
    except csi_migration.MigrationError as error:
        return Bound(reach=reach, plugin=plugin, error=f"could not translate pv: {error}")
    return Bound(reach=reach, plugin=plugin, migrated_reach=migrated)


def _waiting(
    claim: objects.PersistentVolumeClaim, kind: objects.StorageClass, storage: outside.Storage
) -> Waiting:
    selected = claim.metadata.annotations.get(volumes.SELECTED_NODE)
    kept: list[Candidate] = []
    free: list[Candidate] = []
    error = ""
    if selected is None:
        try:
            kept, free = _candidates(claim, storage)
        except selectors.SelectorError as trouble:
            key = f"{claim.metadata.namespace}/{claim.metadata.name}"
            error = f"error creating internal label selector for claim: {key}: {trouble}"
    return Waiting(claim, selected, tuple(kept), tuple(free), error, _provisioning(claim, kind, storage))


def _candidates(
    claim: objects.PersistentVolumeClaim, storage: outside.Storage
) -> tuple[list[Candidate], list[Candidate]]:
    """The volumes of the claim's class that are kept for it, and the free ones that would do."""
    selector = selectors.compile(claim.spec.selector) if claim.spec.selector is not None else None
    wanted = set(claim.spec.access_modes)
    kept, free = [], []
    of_class = by_class(storage).get(volumes.class_name(claim), [])
    for _, volume in of_class[bisect.bisect_left(of_class, volumes.requested(claim), key=_size) :]:
        mine = volumes.is_claimed_by(volume, claim)
        if (volume.spec.claim_ref is not None and not mine) or not volumes.alike(volume, claim):
            continue
        candidate = Candidate(volume, claims.reach(volume.spec.node_affinity))
        if mine:
            kept.append(candidate)
        elif (
            volume.status.phase == "Available"
            and (selector is None or selectors.matches(selector, volume.metadata.labels))
            and wanted <= set(volume.spec.access_modes)
        ):
            free.append(candidate)
    return kept, free


Sized = tuple[int, objects.PersistentVolume]
"""(nano-bytes, volume)"""


_BY_CLASS = ("volumes by class", "volumes")


def _size(sized: Sized) -> int:
    return sized[0]


def by_class(storage: outside.Storage) -> dict[str, list[Sized]]:
    """The volumes by their storage class, smallest first."""
    known: dict[str, list[Sized]] | None = storage.derived.get(_BY_CLASS)
    if known is None:
        known = storage.derived[_BY_CLASS] = {}
        for volume in storage.volumes.values():
            known.setdefault(volumes.class_name(volume), []).append((volumes.capacity(volume), volume))
        for of_class in known.values():
            of_class.sort(key=_size)
    return known


def _provisioning(
    claim: objects.PersistentVolumeClaim, kind: objects.StorageClass, storage: outside.Storage
) -> Provisioning:
    possible = kind.provisioner not in ("", volumes.NO_PROVISIONER)
    topologies = None
    if kind.allowed_topologies:
        topologies = tuple(
            labels for term in kind.allowed_topologies if (labels := _topology(term)) is not None
        )
    return Provisioning(possible, topologies, _capacities(claim, kind, storage))


def _topology(term: objects.TopologySelectorTerm) -> Labels | None:
    """The labels a term asks for; None where it selects nothing."""
    parts = tuple(
        objects.LabelSelectorRequirement(part.key, selectors.IN, part.values)
        for part in term.match_label_expressions
    )
    if not parts:
        return None
    try:
        return selectors.compile(objects.LabelSelector(match_expressions=parts)).requirements
    except selectors.SelectorError:
        return None


def _capacities(
    claim: objects.PersistentVolumeClaim, kind: objects.StorageClass, storage: outside.Storage
) -> tuple[Labels, ...] | None:
    """Where the class has room for the claim, if its driver publishes that; None: not asked."""
    request = claim.spec.resources.requests.get("storage")
    driver = storage.csi_drivers.get(kind.provisioner)
    if request is None or driver is None or not driver.spec.storage_capacity:
        return None
    size = quantity.value(request)
    found = []
    for published in storage.capacities.values():
        limit = published.capacity if published.maximum_volume_size is None else published.maximum_volume_size
        if (
            published.storage_class_name != kind.metadata.name
            or limit is None
            or published.node_topology is None
        ):
            continue
        if quantity.value(limit) >= size:
            try:
                found.append(selectors.compile(published.node_topology).requirements)
            except selectors.SelectorError:
                continue
    return tuple(found)
