"""What an API server fills in, by kind: the defaults of each write, and what a new object begins with.

Rules: pkg/apis/*/v1/defaults.go and the strategies under pkg/registry.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

from stowage.embedded import schema
from stowage.embedded.writing import pod_defaults, webhook_defaults, workload_defaults

Object = dict[str, Any]

_STATUS: Final[dict[str, Object]] = {
    "Deployment": {},
    "ReplicaSet": {"replicas": 0},
    "ReplicationController": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "DaemonSet": {
        "currentNumberScheduled": 0,
        "desiredNumberScheduled": 0,
        "numberMisscheduled": 0,
        "numberReady": 0,
    },
    "Job": {},
    "CronJob": {},
    "Service": {"loadBalancer": {}},
    "Ingress": {"loadBalancer": {}},
    "Namespace": {"phase": "Active"},
    "PersistentVolume": {"phase": "Pending"},
    "PersistentVolumeClaim": {"phase": "Pending"},
    "PodDisruptionBudget": {
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "disruptionsAllowed": 0,
        "expectedPods": 0,
    },
    "ResourceQuota": {},
    "ResourceClaim": {},
    "VolumeAttachment": {"attached": False},
    "CustomResourceDefinition": {
        "acceptedNames": {"kind": "", "plural": ""},
        "conditions": [],
        "storedVersions": [],
    },
}
"""The status a new object of a kind begins with; what a client sent is dropped."""
NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
TOKEN_SECONDS: Final = 3600


def begin(resource: schema.Resource, value: Object) -> None:
    """What only a new object gets; its metadata is complete."""
    status = _STATUS.get(resource.kind)
    if status is not None and resource.type:
        value["status"] = dict(status)
    begun = _BEGIN.get(resource.kind) if resource.type else None
    if begun is not None:
        begun(value)


def fill(resource: schema.Resource, value: Object) -> None:
    """The defaults, on each write."""
    filler = _FILL.get(resource.kind) if resource.type else None
    if filler is not None:
        filler(value)


def renew(resource: schema.Resource, before: Object, value: Object) -> None:
    """What a new version gets that differs from the one before."""
    if resource.kind == "DaemonSet" and resource.type:
        workload_defaults.renew_daemon_set(before, value)


def _begin_pod(pod: Object) -> None:
    pod_defaults.merge_label_keys(pod)
    pod["status"] = {"phase": "Pending", "qosClass": pod_defaults.qos_class(pod["spec"])}
    if pod["spec"].get("schedulingGates"):
        pod["status"]["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": pod["metadata"]["creationTimestamp"],
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            }
        ]


def _begin_volume(volume: Object) -> None:
    volume["status"]["lastPhaseTransitionTime"] = volume["metadata"]["creationTimestamp"]


def _begin_service(service: Object) -> None:
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        return
    if spec.get("clusterIP") == "None" and not spec.get("selector"):
        # Its endpoints, of whatever family, somebody else writes.
        spec.setdefault("ipFamilies", ["IPv4", "IPv6"])
        spec.setdefault("ipFamilyPolicy", "RequireDualStack")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")


def _begin_namespace(namespace: Object) -> None:
    meta = namespace["metadata"]
    meta["labels"] = (meta.get("labels") or {}) | {NAMESPACE_LABEL: meta.get("name", "")}
    spec = namespace.setdefault("spec", {})
    spec["finalizers"] = sorted({*(spec.get("finalizers") or ()), "kubernetes"})


def _pod(pod: Object) -> None:
    pod_defaults.pod_spec(pod.setdefault("spec", {}))
    status = pod.get("status") or {}
    address, listed = status.get("podIP"), status.get("podIPs") or [{}]
    if address and listed[0].get("ip") != address:
        status["podIPs"] = [{"ip": address}]


def _pod_template(value: Object) -> None:
    pod_defaults.template_spec(value.setdefault("template", {}).setdefault("spec", {}))


def _service(value: Object) -> None:
    spec = value.setdefault("spec", {})
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        timeout = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        timeout.setdefault("timeoutSeconds", 10_800)
    else:
        spec.pop("sessionAffinityConfig", None)
    kind = spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if kind != "ExternalName" and "port" in port:
            port.setdefault("targetPort", port["port"])
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind in {"NodePort", "LoadBalancer"} or (kind == "ClusterIP" and spec.get("externalIPs")):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _volume(value: Object) -> None:
    spec = value.setdefault("spec", {})
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")


def _secret(value: Object) -> None:
    value.setdefault("type", "Opaque")
    texts = value.pop("stringData", None)
    if texts:
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        value["data"] = (value.get("data") or {}) | encoded


def _node(value: Object) -> None:
    spec = value.setdefault("spec", {})
    if spec.get("podCIDR") and (spec.get("podCIDRs") or [""])[0] != spec["podCIDR"]:
        spec["podCIDRs"] = [spec["podCIDR"]]
    status = value.setdefault("status", {})
    if "capacity" in status:
        status.setdefault("allocatable", dict(status["capacity"]))


def _csi_driver(value: Object) -> None:
    spec = value.setdefault("spec", {})
    for field, given in (
        ("attachRequired", True),
        ("podInfoOnMount", False),
        ("storageCapacity", False),
        ("fsGroupPolicy", "ReadWriteOnceWithFSType"),
        ("volumeLifecycleModes", ["Persistent"]),
        ("requiresRepublish", False),
        ("seLinuxMount", False),
    ):
        spec.setdefault(field, given)


def _plain(**fields: Any) -> Callable[[Object], None]:
    def fill(value: Object) -> None:
        for name, given in fields.items():
            value.setdefault(name, given)

    return fill


def _role_binding(value: Object) -> None:
    if "roleRef" in value:
        value["roleRef"].setdefault("apiGroup", "rbac.authorization.k8s.io")
    for subject in value.get("subjects") or ():
        if subject.get("kind") in {"User", "Group"}:
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")


def _network_policy(value: Object) -> None:
    spec = value.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if "policyTypes" not in spec:
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for rule in [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]:
        for port in rule.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _endpoints(value: Object) -> None:
    for subset in value.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _endpoint_slice(value: Object) -> None:
    for port in value.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _autoscaler(value: Object) -> None:
    spec = value.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _claim_devices(spec: Object) -> None:
    for request in (spec.get("devices") or {}).get("requests") or ():
        for each in (request.get("exactly"), *(request.get("firstAvailable") or ())):
            if each is not None and each.setdefault("allocationMode", "ExactCount") == "ExactCount":
                each.setdefault("count", 1)


def _limit_range(value: Object) -> None:
    for item in value.setdefault("spec", {}).get("limits") or ():
        if item.get("type") != "Container":
            continue
        upper, lower = item.get("max") or {}, item.get("min") or {}
        limits = upper | (item.get("default") or {})
        requests = lower | limits | (item.get("defaultRequest") or {})
        for field, given in (("default", limits), ("defaultRequest", requests)):
            if given:
                item[field] = given


_BEGIN: Final[dict[str, Callable[[Object], None]]] = {
    "Pod": _begin_pod,
    "DaemonSet": workload_defaults.begin_daemon_set,
    "Namespace": _begin_namespace,
    "PersistentVolume": _begin_volume,
    "Service": _begin_service,
    "Job": workload_defaults.begin_job,
}
_FILL: Final[dict[str, Callable[[Object], None]]] = {
    "Pod": _pod,
    "PodTemplate": _pod_template,
    "Deployment": workload_defaults.deployment,
    "ReplicaSet": workload_defaults.replica_set,
    "ReplicationController": workload_defaults.replication_controller,
    "StatefulSet": workload_defaults.stateful_set,
    "DaemonSet": workload_defaults.daemon_set,
    "Job": workload_defaults.job,
    "CronJob": workload_defaults.cron_job,
    "Service": _service,
    "PersistentVolume": _volume,
    "PersistentVolumeClaim": workload_defaults.claim,
    "Secret": _secret,
    "Node": _node,
    "CSIDriver": _csi_driver,
    "StorageClass": _plain(reclaimPolicy="Delete", volumeBindingMode="Immediate"),
    "PriorityClass": _plain(preemptionPolicy="PreemptLowerPriority"),
    "RoleBinding": _role_binding,
    "ClusterRoleBinding": _role_binding,
    "NetworkPolicy": _network_policy,
    "Endpoints": _endpoints,
    "EndpointSlice": _endpoint_slice,
    "HorizontalPodAutoscaler": _autoscaler,
    "LimitRange": _limit_range,
    "ResourceClaim": lambda value: _claim_devices(value.setdefault("spec", {})),
    "ResourceClaimTemplate": lambda value: _claim_devices(value.get("spec", {}).get("spec", {})),
    "TokenRequest": lambda value: value.setdefault("spec", {}).setdefault("expirationSeconds", TOKEN_SECONDS),
    "ValidatingAdmissionPolicy": webhook_defaults.policy,
    "ValidatingAdmissionPolicyBinding": webhook_defaults.binding,
    "ValidatingWebhookConfiguration": webhook_defaults.validating,
    "MutatingWebhookConfiguration": webhook_defaults.mutating,
    "Event": _plain(reportingComponent="", reportingInstance="", source={}),
}
