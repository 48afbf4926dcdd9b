"""Every built-in kind that the embedded API server serves, with random objects that a real server takes."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]
Make = Callable[[random.Random], Object]


@dataclasses.dataclass(frozen=True)
class Kind:
    """``make``: all of an object but its metadata. ``edits``: merge patches for objects of the kind."""

    group_version: str
    plural: str
    kind: str
    make: Make
    edits: tuple[Object, ...] = ()
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


LABELS = ("web", "db", "cache")


def amount(rng: random.Random) -> str:
    return rng.choice(["1", "0.5", "100m", "1500m", "0.1", "1e3", "2"])


def memory(rng: random.Random) -> str:
    return rng.choice(["1Gi", "1024Mi", "1.5Gi", "1e6", "128974848", "500M"])


def container(rng: random.Random, name: str = "a") -> Object:
    made: Object = {"name": name, "image": rng.choice(["nginx", "nginx:1.27", "r:5000/a/b:latest"])}
    if rng.random() < 0.6:
        made["resources"] = {"requests": {"cpu": amount(rng), "memory": memory(rng)}}
    if rng.random() < 0.2:
        made.setdefault("resources", {})["limits"] = {"cpu": "4", "memory": "4Gi", "example.com/gpu": "1"}
    if rng.random() < 0.3:
        made["ports"] = [{"containerPort": rng.choice([80, 8080]), "name": "http"}]
    if rng.random() < 0.2:
        made["env"] = [{"name": "A", "value": "b"}, {"name": "C"}]
    if rng.random() < 0.15:
        made["livenessProbe"] = {"httpGet": {"path": "/", "port": 80}}
    return made


def pod_spec(rng: random.Random) -> Object:
    made: Object = {"containers": [container(rng, name) for name in "ab"[: rng.randint(1, 2)]]}
    extras: dict[str, Any] = {
        "initContainers": [container(rng, "i")],
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule"}],
        "terminationGracePeriodSeconds": rng.choice([0, 5, 60]),
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c"}}],
        "hostNetwork": True,
        "priorityClassName": "system-cluster-critical",
        "schedulingGates": [{"name": "example.com/g"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "z", "operator": "In", "values": ["a"]}]}
                    ]
                }
            },
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 5,
                        "podAffinityTerm": {
                            "topologyKey": "kubernetes.io/hostname",
                            "labelSelector": {"matchLabels": {"app": "web"}},
                        },
                    }
                ]
            },
        },
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
        ],
        "schedulerName": "other",
        "overhead": None,
    }
    for key in rng.sample(sorted(extras), rng.randint(0, 3)):
        if extras[key] is not None:
            made[key] = extras[key]
    return made


def pod(rng: random.Random) -> Object:
    return {"spec": pod_spec(rng)}


def template(rng: random.Random, **spec: Any) -> Object:
    inner = {key: value for key, value in pod_spec(rng).items() if key != "schedulingGates"}
    return {"metadata": {"labels": {"app": "t"}}, "spec": inner | spec}


def workload(rng: random.Random, **more: Any) -> Object:
    made: Object = {"selector": {"matchLabels": {"app": "t"}}, "template": template(rng)} | more
    return {"spec": made}


def replicated(rng: random.Random, **more: Any) -> Object:
    return workload(rng, **more, **({"replicas": rng.randint(1, 3)} if rng.random() < 0.7 else {}))


def job(rng: random.Random) -> Object:
    made: Object = {"template": template(rng, restartPolicy=rng.choice(["Never", "OnFailure"]))}
    if rng.random() < 0.5:
        made |= {"parallelism": rng.randint(0, 3), "completions": rng.randint(1, 3)}
    return {"spec": made}


def service(rng: random.Random) -> Object:
    port: Object = {"port": 80, "name": "http"}
    if rng.random() < 0.5:
        port |= {"targetPort": rng.choice([8080, "web"]), "protocol": rng.choice(["TCP", "UDP"])}
    headless = {"clusterIP": "None"} if rng.random() < 0.5 else {}
    return {"spec": {"selector": {"app": "web"}, "ports": [port]} | headless}


def claim_spec(rng: random.Random) -> Object:
    made: Object = {
        "accessModes": [rng.choice(["ReadWriteOnce", "ReadOnlyMany", "ReadWriteOncePod"])],
        "resources": {"requests": {"storage": rng.choice(["1Gi", "1.5Gi", "1000M"])}},
    }
    if rng.random() < 0.5:
        made["storageClassName"] = rng.choice(["", "fast"])
    return made


def volume(rng: random.Random) -> Object:
    source = rng.choice(
        [
            {"csi": {"driver": "d", "volumeHandle": "h"}},
            {"hostPath": {"path": "/x"}},
            {"nfs": {"server": "s", "path": "/p"}},
        ]
    )
    return {"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **source}}


def node(rng: random.Random) -> Object:
    made: Object = {"spec": {}}
    if rng.random() < 0.5:
        made["spec"]["taints"] = [{"key": "a", "effect": rng.choice(["NoSchedule", "NoExecute"])}]
    if rng.random() < 0.7:
        made["status"] = {"capacity": {"cpu": amount(rng), "memory": memory(rng), "pods": "110"}}
    return made


def event(rng: random.Random) -> Object:
    return {
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "example.com/c",
        "reportingInstance": "i",
        "action": "Binding",
        "reason": rng.choice(["Scheduled", "FailedScheduling"]),
        "regarding": {"kind": "Pod", "name": rng.choice("pq"), "namespace": "$namespace"},
        "type": rng.choice(["Normal", "Warning"]),
        "note": "n",
    }


def core_event(rng: random.Random) -> Object:
    return {
        "involvedObject": {"kind": "Pod", "name": rng.choice("pq"), "namespace": "$namespace"},
        "reason": rng.choice(["Scheduled", "FailedScheduling"]),
        "message": "m",
        "type": "Normal",
        "source": {"component": "c"},
        "count": rng.randint(1, 3),
    }


def rules(rng: random.Random) -> Object:
    return {
        "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": rng.sample(["get", "list", "watch"], 2)}
        ]
    }


def binding(rng: random.Random) -> Object:
    """Of a Role of the sequence, or of one that is always there and whole without a controller."""
    role = {"kind": "Role", "name": rng.choice("abc")}
    admin = {"kind": "ClusterRole", "name": "cluster-admin"}
    account = {"kind": "ServiceAccount", "name": rng.choice("xy"), "namespace": "$namespace"}
    return {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io"} | rng.choice([role, role, admin]),
        "subjects": [rng.choice([account, {"kind": "User", "name": USER}])],
    }


def cluster_binding(rng: random.Random) -> Object:
    account = {"kind": "ServiceAccount", "name": rng.choice("xy"), "namespace": "$namespace"}
    view = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    return {"roleRef": view, "subjects": [account]}


def access(rng: random.Random) -> Object:
    """What an access review asks: of a resource, of a path, of both or of nothing."""
    of = {"verb": rng.choice(["get", "list", "delete", "*"]), "resource": rng.choice(["pods", "configmaps"])}
    of |= rng.choice([{}, {"name": "a"}, {"subresource": "status"}, {"group": "apps"}])
    resource: Object = {"resourceAttributes": of | {"namespace": rng.choice(["$namespace"] * 4 + ["other"])}}
    path: Object = {"nonResourceAttributes": {"verb": "get", "path": rng.choice(["/version", "/metrics"])}}
    return rng.choice([resource] * 8 + [path] * 2 + [resource | path, {}])


def anothers_access(rng: random.Random) -> Object:
    account: Object = {"user": f"system:serviceaccount:$namespace:{rng.choice('xy')}"}
    who: Object = rng.choice(
        [{"user": USER}, {"user": USER}, account, {"user": "x", "groups": ["system:masters"]}, {}]
    )
    return {"spec": who | access(rng)}


def webhook(rng: random.Random) -> Object:
    return {
        "webhooks": [
            {
                "name": "a.example.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "clientConfig": {"url": "https://example.invalid/"},
                "rules": [
                    {
                        "apiGroups": ["example.com"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["x"],
                    }
                ],
                **({"failurePolicy": "Ignore"} if rng.random() < 0.5 else {}),
            }
        ]
    }


def policy(rng: random.Random) -> Object:
    return {
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["example.com"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["x"],
                    }
                ]
            },
            "validations": [{"expression": "true", **({"message": "m"} if rng.random() < 0.5 else {})}],
        }
    }


def claim_request(rng: random.Random) -> Object:
    return {
        "devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": rng.choice(["gpu", "nic"])}}]}
    }


def slice_spec(rng: random.Random) -> Object:
    pool = {"name": "p", "generation": rng.randint(0, 2), "resourceSliceCount": 1}
    devices = [{"name": f"d{i}"} for i in range(rng.randint(1, 2))]
    return {"spec": {"driver": "d.example.com", "nodeName": "n", "pool": pool, "devices": devices}}


def widget(rng: random.Random) -> Object:
    parts = [{"name": name, "n": rng.randint(0, 2)} for name in "ab"[: rng.randint(0, 2)]]
    return {"spec": {"size": rng.randint(0, 2), "a": {"b": rng.choice(["c", "d"])}, "parts": parts}}


def always(made: Object) -> Make:
    return lambda rng: made


SCALED = (
    {"spec": {"replicas": 2}},
    {"spec": {"replicas": -1}},
    {"spec": {"template": {"spec": {"hostNetwork": None}}}},
)
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS: Object = {
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
USER = "jane"
"""Who may nothing but what a sequence allows."""
RS = "rbac.authorization.k8s.io/v1"
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
        pod,
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
        service,
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
    Kind("v1", "podtemplates", "PodTemplate", lambda rng: {"template": template(rng)}),
    Kind(
        "v1",
        "replicationcontrollers",
        "ReplicationController",
        lambda rng: {"spec": {"selector": {"app": "t"}, "template": template(rng)}},
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
        lambda rng: {"spec": claim_spec(rng)},
        ({"spec": {"volumeName": "v"}}, {"spec": {"accessModes": ["ReadWriteMany"]}}),
        subresources=("status",),
    ),
    Kind(
        "v1",
        "persistentvolumes",
        "PersistentVolume",
        volume,
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
        node,
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
    Kind("v1", "events", "Event", core_event, ({"count": 7},)),
    Kind(
        "events.k8s.io/v1",
        "events",
        "Event",
        event,
        ({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}, {"note": "o"}),
    ),
    Kind(
        "apps/v1",
        "deployments",
        "Deployment",
        replicated,
        (*SCALED, {"spec": {"strategy": {"type": "Recreate"}}}, {"spec": {"paused": True}}),
        subresources=("status", "scale"),
    ),
    Kind("apps/v1", "replicasets", "ReplicaSet", replicated, SCALED, subresources=("status", "scale")),
    Kind(
        "apps/v1",
        "statefulsets",
        "StatefulSet",
        lambda rng: replicated(rng, serviceName="s"),
        (*SCALED, {"spec": {"serviceName": "t"}}),
        subresources=("status", "scale"),
    ),
    Kind(
        "apps/v1",
        "daemonsets",
        "DaemonSet",
        workload,
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
        job,
        ({"spec": {"parallelism": 2}}, {"spec": {"suspend": True}}, {"spec": {"completions": 9}}),
        subresources=("status",),
    ),
    Kind(
        "batch/v1",
        "cronjobs",
        "CronJob",
        lambda rng: {"spec": {"schedule": "*/5 * * * *", "jobTemplate": job(rng)}},
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
        always({"spec": {"controller": "example.com/c"}}),
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
        always({"handler": "h"}),
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
    Kind(RS, "roles", "Role", rules),
    Kind(RS, "clusterroles", "ClusterRole", rules, namespaced=False),
    Kind(
        RS,
        "rolebindings",
        "RoleBinding",
        binding,
        ({"roleRef": {"name": "edit"}}, {"subjects": None}),
    ),
    Kind(RS, "clusterrolebindings", "ClusterRoleBinding", cluster_binding, namespaced=False),
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
        lambda rng: {"storageClassName": "c", "capacity": memory(rng)},
        ({"capacity": "3Gi"}, {"storageClassName": "d"}),
    ),
    Kind(
        STORAGE,
        "volumeattachments",
        "VolumeAttachment",
        always({"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}),
        ({"spec": {"nodeName": "m"}},),
        namespaced=False,
        subresources=("status",),
    ),
    Kind(
        STORAGE,
        "volumeattributesclasses",
        "VolumeAttributesClass",
        always({"driverName": "d", "parameters": {"a": "b"}}),
        namespaced=False,
    ),
    Kind(RESOURCE, "deviceclasses", "DeviceClass", always({"spec": {}}), namespaced=False),
    Kind(
        RESOURCE,
        "resourceclaims",
        "ResourceClaim",
        lambda rng: {"spec": claim_request(rng)},
        subresources=("status",),
    ),
    Kind(
        RESOURCE,
        "resourceclaimtemplates",
        "ResourceClaimTemplate",
        lambda rng: {"spec": {"spec": claim_request(rng)}},
    ),
    Kind(RESOURCE, "resourceslices", "ResourceSlice", slice_spec, namespaced=False),
    Kind(
        ADMISSION,
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        webhook,
        namespaced=False,
    ),
    Kind(
        ADMISSION,
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        webhook,
        namespaced=False,
    ),
    Kind(
        ADMISSION,
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        policy,
        namespaced=False,
        subresources=("status",),
    ),
    Kind(
        ADMISSION,
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        always({"spec": {"policyName": "absent", "validationActions": ["Deny"]}}),
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
        anothers_access,
        namespaced=False,
        beside=("roles", "rolebindings"),
        kept=False,
        named=False,
    ),
    Kind(
        AUTHORIZATION,
        "localsubjectaccessreviews",
        "LocalSubjectAccessReview",
        anothers_access,
        beside=("roles", "rolebindings"),
        kept=False,
        named=False,
    ),
    Kind(
        AUTHORIZATION,
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        lambda rng: {"spec": access(rng)},
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
        widget,
        (
            {"spec": {"size": 2}},
            {"spec": {"parts": [{"name": "b"}]}},
            {"spec": None},
            {"spec": {"a": {"x": None}}},
        ),
        subresources=("status",),
    ),
)
