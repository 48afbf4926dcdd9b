"""What older versions of the configuration name and kube-scheduler 1.36 no longer has.

Each entry says what became of it, so that a warning tells its reader what to write instead.
"""

from __future__ import annotations

import re
from typing import Final

GROUP: Final = "kubescheduler.config.k8s.io"
VERSION: Final = f"{GROUP}/v1"

OLD_VERSIONS: Final = {
    f"{GROUP}/v1beta3": "v1beta3 was removed in Kubernetes 1.29 and is read as v1",
    f"{GROUP}/v1beta2": "v1beta2 was removed in Kubernetes 1.28 and is read as v1, with v1's default weights",
}
"""Read as v1: field by field they are the same, apart from what is listed below."""

PLUGINS: Final = {
    "AzureDiskLimits": "replaced by NodeVolumeLimits, which is on by default and counts CSI volumes",
    "CinderLimits": "replaced by NodeVolumeLimits, which is on by default and counts CSI volumes",
    "EBSLimits": "replaced by NodeVolumeLimits, which is on by default and counts CSI volumes",
    "GCEPDLimits": "replaced by NodeVolumeLimits, which is on by default and counts CSI volumes",
    "DefaultPodTopologySpread": "replaced by PodTopologySpread and its default constraints",
    "NodeLabel": "replaced by NodeAffinity's args.addedAffinity",
    "NodePreferAvoidPods": "removed in Kubernetes 1.25; taint such nodes with effect PreferNoSchedule",
    "NodeResourceLimits": "removed without replacement; only requests are scored",
    "NodeResourcesLeastAllocated": "replaced by NodeResourcesFit with scoringStrategy.type LeastAllocated",
    "NodeResourcesMostAllocated": "replaced by NodeResourcesFit with scoringStrategy.type MostAllocated",
    "PodOverhead": "never a scheduler plugin; NodeResourcesFit counts the pod's overhead by itself",
    "RequestedToCapacityRatio": "replaced by NodeResourcesFit with a scoringStrategy.type of this name",
    "SelectorSpread": "replaced by PodTopologySpread and its default constraints",
    "ServiceAffinity": "replaced by pod affinity and topology spread constraints in the pod",
}
"""Plugins by name; each is left out of the profile."""

_FIELDS: Final = (
    ("metadata", "a configuration is a file, not an object of the API, and has no metadata"),
    ("algorithmSource", "removed in v1beta1; choose plugins in profiles"),
    ("bindTimeoutSeconds", "moved to the args of VolumeBinding in profiles[].pluginConfig"),
    ("disablePreemption", "removed in v1alpha2; disable DefaultPreemption at postFilter instead"),
    ("hardPodAffinitySymmetricWeight", "moved to InterPodAffinity's args.hardPodAffinityWeight"),
    ("healthzBindAddress", "removed in v1beta3; use the options --bind-address and --secure-port"),
    ("metricsBindAddress", "removed in v1beta3; use the options --bind-address and --secure-port"),
    ("mode", "removed in v1alpha1; there is one mode"),
    ("plugins", "moved to profiles[].plugins"),
    ("pluginConfig", "moved to profiles[].pluginConfig"),
    ("schedulerName", "moved to profiles[].schedulerName"),
    ("leaderElection.lockObjectName", "renamed resourceName"),
    ("leaderElection.lockObjectNamespace", "renamed resourceNamespace"),
    ("profiles[].plugins.unreserve", "merged into reserve in v1beta1"),
)
_BY_PATH: Final = dict(_FIELDS)
_INDEX: Final = re.compile(r"\[\d+\]")

_KINDS: Final = {
    "Policy": "policies were removed in Kubernetes 1.23; write profiles of a KubeSchedulerConfiguration",
    "ConfigMap": "this is a ConfigMap; give the text under its data alone",
    "List": "one KubeSchedulerConfiguration is expected, not a list",
}


def field(path: str) -> str | None:
    """What became of the field at this path; None where it never was one."""
    return _BY_PATH.get(_INDEX.sub("[]", path))


def kind(name: str) -> str:
    """A hint for a text that is no KubeSchedulerConfiguration."""
    return _KINDS.get(name, "only a KubeSchedulerConfiguration can be read")
