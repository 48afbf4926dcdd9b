"""How the kinds differ when they are written. Rules: the strategies under pkg/registry."""

from __future__ import annotations

from typing import Any, Final

from stowage.embedded import schema

Object = dict[str, Any]

_COUNTED: Final = frozenset(
    [
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "ReplicationController",
        "PodDisruptionBudget",
        "Pod",
        "NetworkPolicy",
        "Ingress",
        "IngressClass",
        "CustomResourceDefinition",
        "PriorityClass",
        "EndpointSlice",
        "PodTemplate",
        "ResourceSlice",
        "DeviceClass",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ]
)
"""Kinds whose metadata.generation counts the changes of what is wanted; custom kinds too."""
COUNTED_LATER: Final = frozenset(["CSIDriver"])
"""Kinds that have a generation from their first change on."""
SETTLED_LATER: Final = frozenset(["PersistentVolumeClaim"])
"""Kinds that are kept without the defaults of their status at first: even an empty change is one then."""
PUT_CREATES: Final = frozenset(
    [
        "ClusterRole",
        "ClusterRoleBinding",
        "Endpoints",
        "Event",
        "Lease",
        "LimitRange",
        "Role",
        "RoleBinding",
        "RuntimeClass",
        "Service",
    ]
)
"""Kinds whose strategy has AllowCreateOnUpdate."""
_PUT_STATES_VERSION: Final = frozenset(
    [
        "CSIDriver",
        "CSINode",
        "CSIStorageCapacity",
        "Lease",
        "MutatingWebhookConfiguration",
        "PodDisruptionBudget",
        "RuntimeClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    ]
)
"""Kinds whose strategy has no AllowUnconditionalUpdate."""


def counts(resource: schema.Resource) -> bool:
    return resource.kind in _COUNTED or not resource.type


def states_version(resource: schema.Resource) -> bool:
    """Whether a PUT has to say which version it replaces."""
    return resource.kind in _PUT_STATES_VERSION or not resource.type


def wanted(resource: schema.Resource, value: Object) -> Any:
    """What a new generation is counted for. Rules: each strategy's PrepareForUpdate."""
    meta = value["metadata"]
    if resource.table == "priorityclasses.scheduling.k8s.io":
        return None
    rest = [value[key] for key in sorted(value.keys() - {"metadata", "status", "kind", "apiVersion"})]
    if resource.table == "deployments.apps":
        return rest, meta.get("annotations") or {}
    if resource.table == "endpointslices.discovery.k8s.io":
        return rest, meta.get("labels") or {}
    return rest
