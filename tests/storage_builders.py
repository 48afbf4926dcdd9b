"""Builders of claims, volumes and what is around them, and what a plugin says of a pod with some."""

from typing import Any

import msgspec
import numpy as np

from stowage.api import objects
from stowage.cluster import table
from stowage.framework import interface, overlay, status
from tests.builders import PodBuilder

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"

Json = dict[str, Any]


def make_claim(
    name: str,
    *,
    cls: str | None = "slow",
    to: str = "",
    size: str | None = "1Gi",
    modes: tuple[str, ...] = ("ReadWriteOnce",),
    phase: str = "",
    namespace: str = "default",
    **spec: Any,
) -> objects.PersistentVolumeClaim:
    """A claim; bound for good where ``to`` names a volume. `meta` in ``spec`` goes into its metadata."""
    meta: Json = {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}"}
    if to:
        meta["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
    meta.update(spec.pop("meta", {}))
    fields: Json = {"accessModes": modes, "volumeName": to, "storageClassName": cls, **spec}
    if size is not None:
        fields["resources"] = {"requests": {"storage": size}}
    raw = {"metadata": meta, "spec": fields, "status": {"phase": phase or ("Bound" if to else "Pending")}}
    return msgspec.convert(raw, objects.PersistentVolumeClaim)


def make_volume(
    name: str,
    *,
    cls: str = "slow",
    size: str = "1Gi",
    modes: tuple[str, ...] = ("ReadWriteOnce",),
    phase: str = "Available",
    at: dict[str, list[str]] | None = None,
    meta: Json | None = None,
    **spec: Any,
) -> objects.PersistentVolume:
    """A volume that can be reached where the node's labels have one of the values ``at`` names."""
    fields: Json = {
        "capacity": {"storage": size},
        "accessModes": modes,
        "storageClassName": cls,
        **spec,
    }
    if at is not None:
        parts = [{"key": key, "operator": "In", "values": values} for key, values in at.items()]
        fields["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": parts}]}}
    raw = {"metadata": {"name": name, **(meta or {})}, "spec": fields, "status": {"phase": phase}}
    return msgspec.convert(raw, objects.PersistentVolume)


def make_class(
    name: str = "slow",
    *,
    provisioner: str = "kubernetes.io/no-provisioner",
    mode: str | None = "WaitForFirstConsumer",
    topologies: list[dict[str, list[str]]] | None = None,
) -> objects.StorageClass:
    terms = [
        {"matchLabelExpressions": [{"key": key, "values": values} for key, values in term.items()]}
        for term in topologies or []
    ]
    raw = {
        "metadata": {"name": name},
        "provisioner": provisioner,
        "volumeBindingMode": mode,
        "allowedTopologies": terms,
    }
    return msgspec.convert(raw, objects.StorageClass)


def make_csi_node(
    name: str, limits: dict[str, int | None] | None = None, *, migrated: str = ""
) -> objects.CSINode:
    """A CSINode with its drivers' limits, None for a driver without one."""
    drivers = [
        {"name": driver, **({} if count is None else {"allocatable": {"count": count}})}
        for driver, count in (limits or {}).items()
    ]
    annotations = {"storage.alpha.kubernetes.io/migrated-plugins": migrated} if migrated else {}
    raw = {"metadata": {"name": name, "annotations": annotations}, "spec": {"drivers": drivers}}
    return msgspec.convert(raw, objects.CSINode)


def make_attachment(name: str, node: str, volume: str | None, attacher: str) -> objects.VolumeAttachment:
    source = {} if volume is None else {"persistentVolumeName": volume}
    raw = {"metadata": {"name": name}, "spec": {"attacher": attacher, "nodeName": node, "source": source}}
    return msgspec.convert(raw, objects.VolumeAttachment)


def csi(handle: str, driver: str = "csi.example.com") -> Json:
    """The source of a CSI volume."""
    return {"driver": driver, "volumeHandle": handle}


def using(pod: PodBuilder, *claims: str) -> PodBuilder:
    """The pod with volumes of these claims."""
    return mounting(pod, *({"persistentVolumeClaim": {"claimName": claim}} for claim in claims))


def mounting(pod: PodBuilder, *sources: Json) -> PodBuilder:
    """The pod with these volumes, called v0, v1, …"""
    volumes = pod.raw["spec"].setdefault("volumes", [])
    volumes += [{"name": f"v{len(volumes) + i}", **source} for i, source in enumerate(sources)]
    return pod


EPHEMERAL: Json = {"ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "slow"}}}}


def owned_by(name: str, uid: str) -> Json:
    """Metadata of an object that a pod controls."""
    return {
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid, "controller": True}]
    }


Verdicts = dict[str, str]
"""node -> "" where the pod may go, else the reasons, sorted and joined by "; " """


def refused(plugin: interface.PreFilterPlugin, cluster: table.Table, pod: PodBuilder) -> status.Status:
    """What PreFilter says where it has no state to give."""
    answer = plugin.pre_filter(cluster.project(pod.done()), cluster)
    assert isinstance(answer, status.Status)
    return answer


def state_of(plugin: interface.PreFilterPlugin, cluster: table.Table, pod: PodBuilder) -> Any:
    answer = plugin.pre_filter(cluster.project(pod.done()), cluster)
    assert isinstance(answer, interface.PreFiltered)
    return answer.state


def verdicts(plugin: Any, cluster: table.Table, pod: PodBuilder) -> Verdicts:
    """What the plugin says of every node that exists."""
    state = state_of(plugin, cluster, pod)
    return explained(plugin, state, cluster, slice(0, cluster.size), None)


def explained(
    plugin: Any, state: Any, cluster: table.Table, rows: Any, change: overlay.Overlay | None
) -> Verdicts:
    numbers = np.arange(cluster.size)[rows]
    codes = np.broadcast_to(plugin.filter(state, cluster, rows, change), numbers.shape)
    return {
        cluster.names[row]: "; ".join(sorted(plugin.explain(state, cluster, code).reasons)) if code else ""
        for row, code in zip(numbers.tolist(), codes.tolist(), strict=True)
        if cluster.live[row]
    }
