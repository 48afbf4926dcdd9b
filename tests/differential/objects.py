"""Random objects that a real server takes: all of them but their metadata, kind and apiVersion."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]
Make = Callable[[random.Random], Object]

USER = "jane"
"""Who may nothing but what a sequence allows."""
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
