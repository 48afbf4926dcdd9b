"""Every built-in kind that the embedded API server serves, with random objects that a real server takes."""

from __future__ import annotations

import dataclasses

from tests.differential import objects


@dataclasses.dataclass(frozen=True)
class Kind:
    """``make``: all of an object but its metadata. ``edits``: merge patches for objects of the kind."""

    group_version: str
    plural: str
    kind: str
    make: objects.Make
    edits: tuple[objects.Object, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """Kinds (plurals) that are asked in the same sequence: it is about their objects."""
    kept: bool = True
    """Whether there is something to read and watch afterwards."""
    named: bool = True

    def path(self, namespace: str) -> str:
        """The collection's path."""
        root = "/apis" if "/" in self.group_version else "/api"
        inside = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}/{self.group_version}{inside}/{self.plural}"


SCALED = (
    {"spec": {"replicas": 2}},
    {"spec": {"replicas": -1}},
    {"spec": {"template": {"spec": {"hostNetwork": None}}}},
)
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS: objects.Object = {
    "metadata": {"name": "widgets.differential.example.com"},
    "spec": {
        "group": "differential.example.com",
        "names": {"plural": "widgets", "kind": "Widget"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
"""The definition of a custom kind, whose objects are free-form."""
RBAC = "rbac.authorization.k8s.io/v1"
AUTHENTICATION, AUTHORIZATION = "authentication.k8s.io/v1", "authorization.k8s.io/v1"
STORAGE, RESOURCE, ADMISSION = "storage.k8s.io/v1", "resource.k8s.io/v1", "admissionregistration.k8s.io/v1"

KINDS: tuple[Kind, ...] = (
    Kind(
        "v1",
        "configmaps",
        "ConfigMap",
        lambda rng: {"data": {"k": rng.choice("vw")}} | ({"immutable": True} if rng.random() < 0.1 else {}),
        ({"data": {"k": None}}, {"data": {"l": "x"}}, {"data": None}),
    ),
    Kind(
        "v1",
        "secrets",
        "Secret",
        lambda rng: rng.choice(
            [{"stringData": {"k": "v"}}, {"data": {"k": "dg=="}}, {"type": "example.com/t"}]
        ),
        ({"stringData": {"l": "x"}}, {"type": "other"}),
    ),
    Kind(
        "v1",
        "pods",
        "Pod",
        objects.pod,
        (
            {"spec": {"nodeName": "n"}},
            {"spec": {"activeDeadlineSeconds": 5}},
            {"spec": {"schedulingGates": None}},
            {"spec": {"nodeSelector": {"x": "y"}}},
            {"spec": {"tolerations": [{"operator": "Exists"}]}},
            {"spec": {"terminationGracePeriodSeconds": 1}},
            {"status": {"phase": "Running", "podIP": "10.1.1.1"}},
        ),
        subresources=("status", "binding", "eviction", "resize"),
    ),
    Kind(
        "v1",
        "services",
        "Service",
        objects.service,
        ({"spec": {"ports": [{"port": 81}]}}, {"spec": {"sessionAffinity": "ClientIP"}}),
        subresources=("status",),
    ),
    Kind(
        "v1",
        "serviceaccounts",
        "ServiceAccount",
        lambda rng: {},
        ({"automountServiceAccountToken": False},),
        subresources=("token",),
    ),
    Kind(
        "v1",
        "limitranges",
        "LimitRange",
        lambda rng: {
            "spec": {"limits": [{"type": "Container", "default": {"cpu": "4"}, "max": {"cpu": "8"}}]}
        },
        ({"spec": {"limits": [{"type": "Pod", "max": {"memory": "8Gi"}}]}},),
    ),
    Kind(
        "v1",
        "resourcequotas",
        "ResourceQuota",
        lambda rng: {
            "spec": {"hard": {"configmaps": "50", "requests.example.com/gpu": rng.choice(["1", "2"])}}
        },
        ({"spec": {"hard": {"secrets": "9"}}},),
        subresources=("status",),
    ),
    Kind("v1", "podtemplates", "PodTemplate", lambda rng: {"template": objects.template(rng)}),
    Kind(
        "v1",
        "replicationcontrollers",
        "ReplicationController",
        lambda rng: {"spec": {"selector": {"app": "t"}, "template": objects.template(rng)}},
        SCALED,
        subresources=("status", "scale"),
    ),
    Kind(
        "v1",
        "endpoints",
        "Endpoints",
        lambda rng: {"subsets": [{"addresses": [{"ip": "10.1.1.1"}], "ports": [{"port": 80}]}]},
    ),
    Kind(
        "v1",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        lambda rng: {"spec": objects.claim_spec(rng)},
        ({"spec": {"volumeName": "v"}}, {"spec": {"accessModes": ["ReadWriteMany"]}}),
        subresources=("status",),
    ),
    Kind(
        "v1",
        "persistentvolumes",
        "PersistentVolume",
        objects.volume,
        (
            {"spec": {"claimRef": {"kind": "PersistentVolumeClaim", "namespace": "x", "name": "y"}}},
            {"spec": {"persistentVolumeReclaimPolicy": "Delete"}},
            {"spec": {"capacity": {"storage": "2Gi"}}},
        ),
        namespaced=False,
        subresources=("status",),
    ),
    Kind(
        "v1",
        "namespaces",
        "Namespace",
        lambda rng: {},
        namespaced=False,
        subresources=("status", "finalize"),
    ),
    Kind(
        "v1",
        "nodes",
        "Node",
        objects.node,
        (
            {"spec": {"unschedulable": True}},
            {"spec": {"taints": None}},
            {"spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]}},
            {"status": {"allocatable": {"cpu": "2"}}},
            {"spec": {"podCIDR": "10.0.0.0/24"}},
        ),
        namespaced=False,
        subresources=("status",),
    ),
    Kind("v1", "events", "Event", objects.core_event, ({"count": 7},)),
    Kind(
        "events.k8s.io/v1",
        "events",
        "Event",
        objects.event,
        ({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}, {"note": "o"}),
    ),
    Kind(
        "apps/v1",
        "deployments",
        "Deployment",
        objects.replicated,
        (*SCALED, {"spec": {"strategy": {"type": "Recreate"}}}, {"spec": {"paused": True}}),
        subresources=("status", "scale"),
    ),
    Kind(
        "apps/v1", "replicasets", "ReplicaSet", objects.replicated, SCALED, subresources=("status", "scale")
    ),
    Kind(
        "apps/v1",
        "statefulsets",
        "StatefulSet",
        lambda rng: objects.replicated(rng, serviceName="s"),
        (*SCALED, {"spec": {"serviceName": "t"}}),
        subresources=("status", "scale"),
    ),
    Kind(
        "apps/v1",
        "daemonsets",
        "DaemonSet",
        objects.workload,
        ({"spec": {"updateStrategy": {"type": "OnDelete"}}},),
        subresources=("status",),
    ),
    Kind(
        "apps/v1",
        "controllerrevisions",
        "ControllerRevision",
        lambda rng: {"revision": rng.randint(1, 3), "data": {"a": 1}},
        ({"revision": 9}, {"data": {"a": 2}}),
    ),
    Kind(
        "batch/v1",
        "jobs",
        "Job",
        objects.job,
        ({"spec": {"parallelism": 2}}, {"spec": {"suspend": True}}, {"spec": {"completions": 9}}),
        subresources=("status",),
    ),
    Kind(
        "batch/v1",
        "cronjobs",
        "CronJob",
        lambda rng: {"spec": {"schedule": "*/5 * * * *", "jobTemplate": objects.job(rng)}},
        ({"spec": {"suspend": True}}, {"spec": {"schedule": "@daily"}}),
        subresources=("status",),
    ),
    Kind(
        "coordination.k8s.io/v1",
        "leases",
        "Lease",
        lambda rng: {"spec": {"holderIdentity": rng.choice("ab"), "leaseDurationSeconds": 15}},
        ({"spec": {"leaseTransitions": 3}}, {"spec": {"leaseDurationSeconds": 0}}),
    ),
    Kind(
        "discovery.k8s.io/v1",
        "endpointslices",
        "EndpointSlice",
        lambda rng: {
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.1.1"]}],
            "ports": [{"port": 80}],
        },
        ({"endpoints": None}, {"addressType": "IPv6"}),
    ),
    Kind(
        "networking.k8s.io/v1",
        "ingresses",
        "Ingress",
        lambda rng: {"spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}},
        ({"spec": {"ingressClassName": "c"}},),
        subresources=("status",),
    ),
    Kind(
        "networking.k8s.io/v1",
        "ingressclasses",
        "IngressClass",
        objects.always({"spec": {"controller": "example.com/c"}}),
        namespaced=False,
    ),
    Kind(
        "networking.k8s.io/v1",
        "networkpolicies",
        "NetworkPolicy",
        lambda rng: {
            "spec": {
                "podSelector": {},
                **({"ingress": [{"ports": [{"port": 80}]}]} if rng.random() < 0.5 else {}),
            }
        },
    ),
    Kind(
        "node.k8s.io/v1",
        "runtimeclasses",
        "RuntimeClass",
        objects.always({"handler": "h"}),
        ({"handler": "i"},),
        namespaced=False,
    ),
    Kind(
        "policy/v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        lambda rng: {
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                **rng.choice(
                    [{"minAvailable": 1}, {"maxUnavailable": "50%"}, {"minAvailable": 1, "maxUnavailable": 1}]
                ),
            }
        },
        ({"spec": {"minAvailable": 2}}, {"spec": {"selector": None}}),
        subresources=("status",),
    ),
    Kind(RBAC, "roles", "Role", objects.rules),
    Kind(RBAC, "clusterroles", "ClusterRole", objects.rules, namespaced=False),
    Kind(
        RBAC,
        "rolebindings",
        "RoleBinding",
        objects.binding,
        ({"roleRef": {"name": "edit"}}, {"subjects": None}),
    ),
    Kind(RBAC, "clusterrolebindings", "ClusterRoleBinding", objects.cluster_binding, namespaced=False),
    Kind(
        "scheduling.k8s.io/v1",
        "priorityclasses",
        "PriorityClass",
        lambda rng: {"value": rng.choice([0, 10, 2000000000])},
        ({"description": "d"}, {"value": 11}, {"preemptionPolicy": "Never"}),
        namespaced=False,
    ),
    Kind(
        "autoscaling/v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        lambda rng: {
            "spec": {
                "maxReplicas": 3,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
            }
        },
        ({"spec": {"maxReplicas": 4}},),
        subresources=("status",),
    ),
    Kind(
        STORAGE,
        "storageclasses",
        "StorageClass",
        lambda rng: {
            "provisioner": "p",
            **rng.choice([{}, {"volumeBindingMode": "WaitForFirstConsumer"}, {"reclaimPolicy": "Retain"}]),
        },
        ({"allowVolumeExpansion": True}, {"provisioner": "q"}),
        namespaced=False,
    ),
    Kind(
        STORAGE,
        "csidrivers",
        "CSIDriver",
        lambda rng: {"spec": rng.choice([{}, {"attachRequired": False}, {"storageCapacity": True}])},
        ({"spec": {"podInfoOnMount": True}},),
        namespaced=False,
    ),
    Kind(
        STORAGE,
        "csinodes",
        "CSINode",
        lambda rng: {"spec": {"drivers": [{"name": "d", "nodeID": "i", "topologyKeys": ["z"]}]}},
        ({"spec": {"drivers": []}},),
        namespaced=False,
    ),
    Kind(
        STORAGE,
        "csistoragecapacities",
        "CSIStorageCapacity",
        lambda rng: {"storageClassName": "c", "capacity": objects.memory(rng)},
        ({"capacity": "3Gi"}, {"storageClassName": "d"}),
    ),
    Kind(
        STORAGE,
        "volumeattachments",
        "VolumeAttachment",
        objects.always({"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}),
        ({"spec": {"nodeName": "m"}},),
        namespaced=False,
        subresources=("status",),
    ),
    Kind(
        STORAGE,
        "volumeattributesclasses",
        "VolumeAttributesClass",
        objects.always({"driverName": "d", "parameters": {"a": "b"}}),
        namespaced=False,
    ),
    Kind(RESOURCE, "deviceclasses", "DeviceClass", objects.always({"spec": {}}), namespaced=False),
    Kind(
        RESOURCE,
        "resourceclaims",
        "ResourceClaim",
        lambda rng: {"spec": objects.claim_request(rng)},
        subresources=("status",),
    ),
    Kind(
        RESOURCE,
        "resourceclaimtemplates",
        "ResourceClaimTemplate",
        lambda rng: {"spec": {"spec": objects.claim_request(rng)}},
    ),
    Kind(RESOURCE, "resourceslices", "ResourceSlice", objects.slice_spec, namespaced=False),
    Kind(
        ADMISSION,
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        objects.webhook,
        namespaced=False,
    ),
    Kind(
        ADMISSION,
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        objects.webhook,
        namespaced=False,
    ),
    Kind(
        ADMISSION,
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        objects.policy,
        namespaced=False,
        subresources=("status",),
    ),
    Kind(
        ADMISSION,
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        objects.always({"spec": {"policyName": "absent", "validationActions": ["Deny"]}}),
        namespaced=False,
    ),
    Kind(
        "v1",
        "bindings",
        "Binding",
        lambda rng: {"target": rng.choice([{"kind": "Node", "name": "n"}, {"name": "n"}, {"kind": "Node"}])},
        beside=("pods",),
        kept=False,
    ),
    Kind(
        AUTHENTICATION,
        "tokenreviews",
        "TokenReview",
        lambda rng: {"spec": rng.choice([{"token": "$token"}, {"token": "wrong"}, {}, {"token": "a.b.c"}])},
        namespaced=False,
        beside=("serviceaccounts",),
        kept=False,
        named=False,
    ),
    Kind(
        AUTHENTICATION,
        "selfsubjectreviews",
        "SelfSubjectReview",
        lambda rng: {},
        namespaced=False,
        kept=False,
        named=False,
    ),
    Kind(
        AUTHORIZATION,
        "subjectaccessreviews",
        "SubjectAccessReview",
        objects.anothers_access,
        namespaced=False,
        beside=("roles", "rolebindings"),
        kept=False,
        named=False,
    ),
    Kind(
        AUTHORIZATION,
        "localsubjectaccessreviews",
        "LocalSubjectAccessReview",
        objects.anothers_access,
        beside=("roles", "rolebindings"),
        kept=False,
        named=False,
    ),
    Kind(
        AUTHORIZATION,
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        lambda rng: {"spec": objects.access(rng)},
        namespaced=False,
        beside=("roles", "rolebindings"),
        kept=False,
        named=False,
    ),
    Kind(
        AUTHORIZATION,
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
        lambda rng: {"spec": {"namespace": rng.choice(["$namespace", "other", ""])}},
        namespaced=False,
        beside=("roles", "rolebindings"),
        kept=False,
        named=False,
    ),
    Kind(
        "differential.example.com/v1",
        "widgets",
        "Widget",
        objects.widget,
        (
            {"spec": {"size": 2}},
            {"spec": {"parts": [{"name": "b"}]}},
            {"spec": None},
            {"spec": {"a": {"x": None}}},
        ),
        subresources=("status",),
    ),
)
