"""Kinds that the input lacks though some pod's answer depends on them: a warning each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from stowage.api import objects
from stowage.framework import config
from stowage.framework.config import args
from stowage.simulate import owners, run, world

_SPREADERS: Final = ("ReplicaSet", "StatefulSet", "ReplicationController")


def warnings(found: world.World, written: config.Configuration) -> Iterator[str]:
    """What to say before the simulation."""
    kinds = found.kinds
    if not kinds["Node"]:
        yield "there is no Node in the input"
    asks: list[tuple[str, str, Callable[[objects.Pod], bool]]] = [
        ("PersistentVolumeClaim", "use a claim", lambda pod: not _known_claims(pod, found)),
        ("Namespace", "select namespaces by label", _selects_namespaces),
        ("PriorityClass", "name a priority class", _needs_class),
        *_storage(found),
        *_spreading(found, written),
    ]
    for kind, what, depends in asks:
        if not kinds[kind]:
            yield from _told(kind, what, [pod for pod in found.pending if depends(pod)])


def afterwards(found: world.World, result: run.Result) -> Iterator[str]:
    """What to say when it is known which pods preempted others."""
    if not found.kinds["PodDisruptionBudget"]:
        preempting = [entry.pod for entry in result.entries if entry.victims]
        yield from _told("PodDisruptionBudget", "preempt others", preempting)


def _told(kind: str, what: str, pods: list[objects.Pod]) -> Iterator[str]:
    if pods:
        meta = pods[0].metadata
        more = ", …" if len(pods) > 1 else ""
        such = f"{meta.namespace}/{meta.name}{more}"
        yield f"there is no {kind} in the input; pods that {what}: {len(pods)} ({such})"


def _claims(pod: objects.Pod) -> Iterator[str]:
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            yield volume.persistent_volume_claim.claim_name
        elif volume.ephemeral is not None:
            yield f"{pod.metadata.name}-{volume.name}"


def _known_claims(pod: objects.Pod, found: world.World) -> bool:
    """Whether all claims of the pod are there, be it that they were made for it here."""
    known = found.cluster.storage.claims
    return all((pod.metadata.namespace, name) in known for name in _claims(pod))


def _selects_namespaces(pod: objects.Pod) -> bool:
    return any(term.namespace_selector is not None for term in _terms(pod))


def _terms(pod: objects.Pod) -> Iterator[objects.PodAffinityTerm]:
    affinity = pod.spec.affinity
    if affinity is None:
        return
    for side in (affinity.pod_affinity, affinity.pod_anti_affinity):
        if side is not None:
            yield from side.required_during_scheduling_ignored_during_execution
            for each in side.preferred_during_scheduling_ignored_during_execution:
                yield each.pod_affinity_term


def _needs_class(pod: objects.Pod) -> bool:
    return pod.spec.priority is None and bool(pod.spec.priority_class_name)


def _storage(found: world.World) -> Iterator[tuple[str, str, Callable[[objects.Pod], bool]]]:
    """Which storage kinds the pods' claims lead to."""
    storage = found.cluster.storage

    def of(pod: objects.Pod) -> Iterator[objects.PersistentVolumeClaim]:
        for name in _claims(pod):
            claim = storage.claims.get((pod.metadata.namespace, name))
            if claim is not None:
                yield claim

    def bound(pod: objects.Pod) -> bool:
        return any(claim.spec.volume_name for claim in of(pod))

    def unbound(pod: objects.Pod) -> bool:
        return any(not claim.spec.volume_name and claim.spec.storage_class_name != "" for claim in of(pod))

    def csi(pod: objects.Pod) -> bool:
        volumes = (storage.volumes.get(claim.spec.volume_name) for claim in of(pod))
        mounted = any(volume is not None and volume.spec.csi is not None for volume in volumes)
        return mounted or any(volume.csi is not None for volume in pod.spec.volumes)

    def tracked(pod: objects.Pod) -> bool:
        """Whether a claim waits for a driver that says how much room it has where."""
        for claim in of(pod):
            known = storage.classes.get(claim.spec.storage_class_name or "")
            driver = storage.csi_drivers.get(known.provisioner) if known is not None else None
            if not claim.spec.volume_name and driver is not None and driver.spec.storage_capacity:
                return True
        return False

    def provisioned(pod: objects.Pod) -> bool:
        return any(
            not claim.spec.volume_name and claim.spec.storage_class_name in storage.classes
            for claim in of(pod)
        )

    yield "PersistentVolume", "use a bound claim", bound
    yield "StorageClass", "use a claim that is not bound yet", unbound
    yield "CSINode", "mount a CSI volume", csi
    yield "VolumeAttachment", "mount a CSI volume", csi
    yield "CSIDriver", "use a claim that is to be provisioned", provisioned
    yield "CSIStorageCapacity", "use a claim of a driver that tracks its capacity", tracked


def _spreading(
    found: world.World, written: config.Configuration
) -> Iterator[tuple[str, str, Callable[[objects.Pod], bool]]]:
    """Whose selectors default spreading would take."""
    if not any(_spreads(profile) for profile in written.profiles):
        return

    def spread(pod: objects.Pod) -> bool:
        return bool(pod.metadata.labels) and not pod.spec.topology_spread_constraints

    def owned_by(kind: str) -> Callable[[objects.Pod], bool]:
        def owned(pod: objects.Pod) -> bool:
            held = owners.controller(pod)
            if held is None or held.kind != kind or not spread(pod):
                return False
            return (kind, pod.metadata.namespace, held.name) not in found.cluster.owners.controllers

        return owned

    for kind in _SPREADERS:
        yield kind, f"are spread by the selector of a {kind}", owned_by(kind)
    yield "Service", "are spread by the selectors of services", spread


def _spreads(profile: config.Profile) -> bool:
    given = profile.plugin_config.get("PodTopologySpread")
    used: Iterable[config.Plugin] = profile.plugins["score"]
    return any(plugin.name == "PodTopologySpread" for plugin in used) and (
        not isinstance(given, args.PodTopologySpreadArgs)
        or given.defaulting_type == "System"
        or bool(given.default_constraints)
    )
