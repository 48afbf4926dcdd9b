"""Claims, volumes and classes as the volume plugins look them up (component-helpers' storage packages)."""

from collections.abc import Mapping
from typing import Any

from tests.oracle import objects, quantity, selectors
from tests.oracle.cluster import Cluster, path
from tests.oracle.objects import Object, Pod
from tests.oracle.quantity import Quantity

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
SELECTED_NODE = "volume.kubernetes.io/selected-node"


class NotFound(Exception):
    """An object a lister does not have."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f'{kind} "{name}" not found')


def claim(cluster: Cluster, namespace: str, name: str) -> Object:
    found = cluster.get("PersistentVolumeClaim", name, namespace)
    if found is None:
        raise NotFound("persistentvolumeclaim", name)
    return found


def volume(cluster: Cluster, name: str) -> Object:
    found = cluster.get("PersistentVolume", name)
    if found is None:
        raise NotFound("persistentvolume", name)
    return found


def storage_class(cluster: Cluster, name: str) -> Object:
    found = cluster.get("StorageClass", name)
    if found is None:
        raise NotFound("storageclass.storage.k8s.io", name)
    return found


def class_of(raw: Object) -> str:
    """The class a claim or volume names; the annotation of old comes first."""
    annotations = objects.annotations_of(raw)
    if CLASS_ANNOTATION in annotations:
        return annotations[CLASS_ANNOTATION]
    return path(raw, "spec", "storageClassName") or ""


def claim_of(pod: Pod, mounted: Mapping[str, Any]) -> tuple[str, bool] | None:
    """The claim behind a pod's volume and whether it is a generic ephemeral one's; None: not by claim."""
    if mounted.get("persistentVolumeClaim") is not None:
        return mounted["persistentVolumeClaim"].get("claimName") or "", False
    if mounted.get("ephemeral") is not None:
        return f"{pod.name}-{mounted.get('name') or ''}", True
    return None


def not_owned(pod: Pod, found: Object) -> str:
    """Why the claim of a generic ephemeral volume is not this pod's; empty where it is."""
    owner = objects.controller_of(found)
    namespace = objects.namespace_of(found)
    if namespace == pod.namespace and owner is not None and (owner.get("uid") or "") == pod.uid:
        return ""
    name = objects.name_of(found)
    return f"PVC {namespace}/{name} was not created for pod {pod.key} (pod is not owner)"


def matches_node(found: Object, labels: Mapping[str, str]) -> bool:
    """A volume's node affinity. Only labels are known: terms of fields alone match every node."""
    required = path(found, "spec", "nodeAffinity", "required")
    if required is None:
        return True
    terms = selectors.node_terms(required.get("nodeSelectorTerms") or [])
    return selectors.matches_terms(terms, labels, "")


def requested(found: Object) -> Quantity:
    return quantity.parse(path(found, "spec", "resources", "requests", "storage"))


def capacity(found: Object) -> Quantity:
    return quantity.parse(path(found, "spec", "capacity", "storage"))


def is_claimed_by(found: Object, by: Object) -> bool:
    """The volume is bound, or set aside, for the claim."""
    ref = path(found, "spec", "claimRef")
    if ref is None:
        return False
    own = (objects.name_of(by), objects.namespace_of(by))
    if own != (ref.get("name") or "", ref.get("namespace") or ""):
        return False
    return not ref.get("uid") or bool(ref["uid"] == (by.get("metadata") or {}).get("uid"))
