"""Claims that controllers make for pods, and the class an API server gives to a claim without one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from stowage.api import defaults, objects

_IS_DEFAULT: Final = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_OLD_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_replace = msgspec.structs.replace


class Defaults:
    """What the admission plugin DefaultStorageClass and the defaults of claims write."""

    def __init__(self, classes: Iterable[objects.StorageClass]) -> None:
        marked = [
            each.metadata
            for each in classes
            if any(each.metadata.annotations.get(key) == "true" for key in _IS_DEFAULT)
        ]
        newest = max((meta.creation_timestamp or "" for meta in marked), default="")
        latest = sorted(meta.name for meta in marked if (meta.creation_timestamp or "") == newest)
        self.class_name = latest[0] if latest else None
        """The default class, of several the newest; None where there is none."""

    def claim(self, claim: objects.PersistentVolumeClaim) -> objects.PersistentVolumeClaim:
        """A new claim as it would be stored."""
        spec = defaults.default_claim_spec(claim.spec)
        if spec.storage_class_name is None and _OLD_CLASS not in claim.metadata.annotations:
            spec = _replace(spec, storage_class_name=self.class_name)
        return _replace(claim, spec=spec)


def ephemeral_claims(pod: objects.Pod) -> Iterator[objects.PersistentVolumeClaim]:
    """The claims that the ephemeral volume controller makes for a pod, whose controller the pod is."""
    meta = pod.metadata
    for volume in pod.spec.volumes:
        if volume.ephemeral is None or volume.ephemeral.volume_claim_template is None:
            continue
        template = volume.ephemeral.volume_claim_template
        owner = objects.OwnerReference("v1", "Pod", meta.name, meta.uid, controller=True)
        claim = objects.ObjectMeta(
            name=f"{meta.name}-{volume.name}",
            namespace=meta.namespace,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            owner_references=(owner,),
        )
        yield objects.PersistentVolumeClaim(metadata=claim, spec=template.spec)
