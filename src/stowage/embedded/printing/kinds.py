"""Which cell stands in which column of a kind; `COMMON` has the columns that are alike in all kinds.

The columns are data (columns.json, beside types.json): names, types, descriptions, priorities and order.
"""

from __future__ import annotations

from typing import Final

from stowage.embedded.printing import cells, pods, texts
from stowage.embedded.printing.cells import count, field, joined, labels, selector, text
from stowage.embedded.printing.texts import NONE, UNSET

COMMON: Final[cells.Cells] = {
    "Name": field("metadata.name"),
    "Age": cells.since("metadata.creationTimestamp"),
    "Created At": field("metadata.creationTimestamp"),
}
_REPLICAS: Final[cells.Cells] = {
    "Desired": field("spec.replicas", 0),
    "Current": field("status.replicas", 0),
    "Ready": field("status.readyReplicas", 0),
    **cells.template("spec.template"),
}
_READY: Final = cells.of("status.readyReplicas", "spec.replicas")
_WORKLOADS: Final[dict[str, cells.Cells]] = {
    "Pod": {
        "Ready": pods.ready,
        "Status": pods.status,
        "Restarts": pods.restarts,
        "IP": pods.address,
        "Node": text("spec.nodeName", NONE),
        "Nominated Node": text("status.nominatedNodeName", NONE),
        "Readiness Gates": pods.gates,
    },
    "PodTemplate": cells.template("template") | {"Pod Labels": labels("template.metadata.labels")},
    "ReplicationController": _REPLICAS | {"Selector": labels("spec.selector")},
    "ReplicaSet.apps": _REPLICAS | {"Selector": selector("spec.selector")},
    "Deployment.apps": {
        "Ready": _READY,
        "Up-to-date": field("status.updatedReplicas", 0),
        "Available": field("status.availableReplicas", 0),
        **cells.template("spec.template"),
        "Selector": selector("spec.selector", ""),
    },
    "StatefulSet.apps": {"Ready": _READY} | cells.template("spec.template"),
    "DaemonSet.apps": {
        "Desired": field("status.desiredNumberScheduled", 0),
        "Current": field("status.currentNumberScheduled", 0),
        "Ready": field("status.numberReady", 0),
        "Up-to-date": field("status.updatedNumberScheduled", 0),
        "Available": field("status.numberAvailable", 0),
        "Node Selector": labels("spec.template.spec.nodeSelector"),
        **cells.template("spec.template"),
        "Selector": selector("spec.selector"),
    },
    "ControllerRevision.apps": {"Controller": cells.controller, "Revision": field("revision", 0)},
    "Job.batch": {
        "Status": cells.job_status,
        "Completions": cells.completions,
        "Duration": cells.duration,
        **cells.template("spec.template"),
        "Selector": selector("spec.selector"),
    },
    "CronJob.batch": {
        "Schedule": field("spec.schedule"),
        "Timezone": field("spec.timeZone", NONE),
        "Suspend": cells.suspended,
        "Active": count("status.active"),
        "Last Schedule": cells.since("status.lastScheduleTime", NONE),
        **cells.template("spec.jobTemplate.spec.template"),
        "Selector": selector("spec.jobTemplate.spec.selector"),
    },
    "HorizontalPodAutoscaler.autoscaling": {
        "Reference": cells.pair("spec.scaleTargetRef.kind", "spec.scaleTargetRef.name"),
        "Targets": cells.targets,
        "MinPods": cells.shown("spec.minReplicas", UNSET),
        "MaxPods": field("spec.maxReplicas", 0),
        "Replicas": field("status.currentReplicas", 0),
    },
    "Scale.autoscaling": {"Desired": field("spec.replicas", 0), "Available": field("status.replicas", 0)},
    "PodDisruptionBudget.policy": {
        "Min Available": cells.shown("spec.minAvailable", "N/A"),
        "Max Unavailable": cells.shown("spec.maxUnavailable", "N/A"),
        "Allowed Disruptions": field("status.disruptionsAllowed", 0),
    },
}
_CLUSTER: Final[dict[str, cells.Cells]] = {
    "Node": {
        "Status": cells.node_status,
        "Roles": cells.roles,
        "Version": field("status.nodeInfo.kubeletVersion"),
        "Internal-IP": cells.address("InternalIP"),
        "External-IP": cells.address("ExternalIP"),
        "OS-Image": text("status.nodeInfo.osImage", "<unknown>"),
        "Kernel-Version": cells.kernel,
        "Container-Runtime": text("status.nodeInfo.containerRuntimeVersion", "<unknown>"),
    },
    "Namespace": {"Status": field("status.phase")},
    "Service": {
        "Type": field("spec.type"),
        "Cluster-IP": cells.cluster_ip,
        "External-IP": cells.external_ip,
        "Port(s)": cells.service_ports,
        "Selector": labels("spec.selector"),
    },
    "Endpoints": {"Endpoints": cells.endpoints},
    "EndpointSlice.discovery.k8s.io": {
        "AddressType": field("addressType"),
        "Ports": cells.slice_ports,
        "Endpoints": cells.slice_endpoints,
    },
    "Ingress.networking.k8s.io": {
        "Class": field("spec.ingressClassName", NONE),
        "Hosts": cells.hosts,
        "Address": cells.balanced,
        "Ports": lambda value, _now: "80, 443" if texts.each(value, "spec.tls") else "80",
    },
    "IngressClass.networking.k8s.io": {
        "Name": cells.default("ingressclass.kubernetes.io/is-default-class"),
        "Controller": field("spec.controller"),
        "Parameters": cells.parameters,
    },
    "NetworkPolicy.networking.k8s.io": {"Pod-Selector": selector("spec.podSelector")},
    "ConfigMap": {"Data": count("data", "binaryData")},
    "Secret": {"Type": field("type"), "Data": count("data")},
    "ResourceQuota": {"Request": cells.amounts(limits=False), "Limit": cells.amounts(limits=True)},
    "PriorityClass.scheduling.k8s.io": {
        "Value": field("value", 0),
        "Global-Default": field("globalDefault", False),
        "PreemptionPolicy": field("preemptionPolicy"),
    },
    "RuntimeClass.node.k8s.io": {"Handler": field("handler")},
    "Lease.coordination.k8s.io": {"Holder": field("spec.holderIdentity")},
    "ResourceClaim.resource.k8s.io": {"State": cells.claim_state},
    "ResourceSlice.resource.k8s.io": {
        "Node": field("spec.nodeName"),
        "Driver": field("spec.driver"),
        "Pool": field("spec.pool.name"),
    },
}
_VOLUMES: Final[dict[str, cells.Cells]] = {
    "PersistentVolume": {
        "Capacity": field("spec.capacity.storage", "0"),
        "Access Modes": cells.modes("spec.accessModes"),
        "Reclaim Policy": field("spec.persistentVolumeReclaimPolicy"),
        "Status": cells.phase,
        "Claim": cells.claim,
        "StorageClass": cells.storage_class,
        "VolumeAttributesClass": field("spec.volumeAttributesClassName", UNSET),
        "Reason": field("status.reason"),
        "VolumeMode": field("spec.volumeMode", UNSET),
    },
    "PersistentVolumeClaim": {
        "Status": cells.phase,
        "Volume": field("spec.volumeName"),
        "Capacity": cells.bound(field("status.capacity.storage", "0")),
        "Access Modes": cells.bound(cells.modes("status.accessModes")),
        "StorageClass": cells.storage_class,
        "VolumeAttributesClass": field("spec.volumeAttributesClassName", UNSET),
        "VolumeMode": field("spec.volumeMode", UNSET),
    },
    "StorageClass.storage.k8s.io": {
        "Name": cells.default(
            "storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"
        ),
        "Provisioner": field("provisioner"),
        "ReclaimPolicy": field("reclaimPolicy", "Delete"),
        "VolumeBindingMode": field("volumeBindingMode", "Immediate"),
        "AllowVolumeExpansion": field("allowVolumeExpansion", False),
    },
    "VolumeAttributesClass.storage.k8s.io": {"DriverName": field("driverName")},
    "VolumeAttachment.storage.k8s.io": {
        "Attacher": field("spec.attacher"),
        "PV": field("spec.source.persistentVolumeName"),
        "Node": field("spec.nodeName"),
        "Attached": field("status.attached", False),
    },
    "CSINode.storage.k8s.io": {"Drivers": count("spec.drivers")},
    "CSIDriver.storage.k8s.io": {
        "AttachRequired": field("spec.attachRequired", True),
        "PodInfoOnMount": field("spec.podInfoOnMount", False),
        "StorageCapacity": field("spec.storageCapacity", False),
        "TokenRequests": joined("spec.tokenRequests", "audience", UNSET),
        "RequiresRepublish": field("spec.requiresRepublish", False),
        "Modes": joined("spec.volumeLifecycleModes", "", NONE, NONE),
    },
}
_EVENT: Final[cells.Cells] = {
    "Last Seen": cells.last_seen,
    "Type": field("type"),
    "Reason": field("reason"),
    "Object": cells.about,
    "Subobject": field("involvedObject.fieldPath"),
    "Source": cells.source,
    "Message": lambda event, _now: event.get("message", "").strip(),
    "First Seen": cells.first_seen,
    "Count": cells.times,
}
_BINDING: Final[cells.Cells] = {
    "Role": cells.pair("roleRef.kind", "roleRef.name"),
    "Users": cells.subjects("User"),
    "Groups": cells.subjects("Group"),
    "ServiceAccounts": cells.subjects("ServiceAccount"),
}
_USED: Final[cells.Cells] = {
    "Cpu": cells.used("cpu"),
    "Memory": cells.used("memory"),
    "Window": field("window", NONE),
}
_WEBHOOKS: Final[cells.Cells] = {"Webhooks": count("webhooks")}
KINDS: Final[dict[str, cells.Cells]] = {
    **_WORKLOADS,
    **_CLUSTER,
    **_VOLUMES,
    "Event": _EVENT,
    "Event.events.k8s.io": {name: cells.as_core(cell) for name, cell in _EVENT.items()},
    "RoleBinding.rbac.authorization.k8s.io": _BINDING,
    "ClusterRoleBinding.rbac.authorization.k8s.io": _BINDING,
    "MutatingWebhookConfiguration.admissionregistration.k8s.io": _WEBHOOKS,
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io": _WEBHOOKS,
    "ValidatingAdmissionPolicy.admissionregistration.k8s.io": {
        "Validations": count("spec.validations"),
        "ParamKind": cells.param_kind,
    },
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": {
        "PolicyName": field("spec.policyName"),
        "ParamRef": cells.param_ref,
    },
    "NodeMetrics.metrics.k8s.io": _USED,
    "PodMetrics.metrics.k8s.io": _USED,
}
"""By kind and group, as in columns.json."""
