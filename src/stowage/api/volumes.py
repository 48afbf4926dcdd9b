"""Claims and volumes: who wants what, what is bound to what. Pure rules on the objects.

As component-helpers' `storage/volume` and `storage/ephemeral` have them.
"""

from stowage.api import quantity
from stowage.api.storage import PersistentVolume, PersistentVolumeClaim

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
SELECTED_NODE = "volume.kubernetes.io/selected-node"

READ_WRITE_ONCE_POD = "ReadWriteOncePod"
WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"
NO_PROVISIONER = "kubernetes.io/no-provisioner"


def class_name(item: PersistentVolume | PersistentVolumeClaim) -> str:
    """Return the storage class of a volume or claim, empty where it has none; the annotation comes first."""
    if BETA_CLASS in item.metadata.annotations:
        return item.metadata.annotations[BETA_CLASS]
    return item.spec.storage_class_name or ""


def is_bound(claim: PersistentVolumeClaim) -> bool:
    """Whether the claim has its volume, for good."""
    return claim.spec.volume_name != "" and BIND_COMPLETED in claim.metadata.annotations


def is_claimed_by(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the volume is bound to, or kept for, the claim; a reference without a uid takes any."""
    ref = volume.spec.claim_ref
    return (
        ref is not None
        and ref.name == claim.metadata.name
        and ref.namespace == claim.metadata.namespace
        and ref.uid in ("", claim.metadata.uid)
    )


def controller_uid(claim: PersistentVolumeClaim) -> str | None:
    """Return the uid of the object that controls the claim, None where none does."""
    for owner in claim.metadata.owner_references:
        if owner.controller:
            return owner.uid
    return None


def requested(claim: PersistentVolumeClaim) -> int:
    """Return the storage that a claim asks for, in nano-bytes; 0 where it does not say."""
    return quantity.nanos(claim.spec.resources.requests.get("storage", 0))


def capacity(volume: PersistentVolume) -> int:
    """Return the size of a volume, in nano-bytes; 0 where it does not say."""
    return quantity.nanos(volume.spec.capacity.get("storage", 0))


def alike(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether a volume, kept for the claim or free, is of the kind that it asks for, and here to stay."""
    wanted, have = claim.spec, volume.spec
    return (
        (wanted.volume_mode or "Filesystem") == (have.volume_mode or "Filesystem")
        and (wanted.volume_attributes_class_name or "") == (have.volume_attributes_class_name or "")
        and volume.metadata.deletion_timestamp is None
    )
