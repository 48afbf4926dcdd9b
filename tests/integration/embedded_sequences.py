"""Requests that the embedded API server and the real one answer alike: sequences by what they are about."""

from typing import Any

from tests.integration import embedded_resizes
from tests.integration.embedded_client import APPLY, JSON_PATCH, MERGE, STRATEGIC
from tests.integration.embedded_steps import APPS, MAPS, PODS, SPACE, Step, meta, pod, workload

A = f"{MAPS}/a"
APPLIED = {"apiVersion": "v1", "kind": "ConfigMap", **meta("s"), "data": {"k": "1", "l": "2"}}


def deployment(replicas: int | None = None, ports: tuple[int, ...] = (80, 81)) -> dict[str, Any]:
    made = workload("s")
    container = {"name": "a", "image": "nginx", "ports": [{"containerPort": port} for port in ports]}
    made["spec"]["template"]["spec"]["containers"] = [container]
    if replicas is not None:
        made["spec"]["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment"} | made


RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1"
WHO = "/apis/authentication.k8s.io/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
JANE = {"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}
GET_PODS = {"verb": "get", "resource": "pods", "namespace": "diff"}


def role_ref(kind: str, name: str) -> dict[str, Any]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def review(kind: str, **spec: Any) -> Step:
    at = f"/namespaces/{spec.pop('namespace')}" if "namespace" in spec else ""
    return Step("POST", f"{REVIEWS}{at}/{kind}", {"spec": spec})


SEQUENCES: dict[str, list[Step]] = {
    "access": [
        Step("GET", PODS, user="jane"),
        Step("GET", f"{PODS}/p/status", user="jane"),
        Step("GET", f"{APPS}/deployments/d/scale", user="jane"),
        Step("GET", "/metrics", user="jane"),
        Step("GET", "/api", user="system:anonymous"),
        Step(
            "POST",
            f"{RBAC}/namespaces/diff/roles",
            meta("r") | {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]},
        ),
        Step(
            "POST",
            f"{RBAC}/namespaces/diff/rolebindings",
            meta("b") | {"roleRef": role_ref("Role", "r"), "subjects": [JANE]},
        ),
        Step("PATCH", f"{RBAC}/namespaces/diff/rolebindings/b", {"roleRef": {"name": "other"}}, MERGE),
        Step("POST", f"{RBAC}/clusterroles", meta("c:r") | {"rules": []}),
        Step(
            "POST", f"{RBAC}/clusterrolebindings", meta("c:b") | {"roleRef": role_ref("ClusterRole", "c:r")}
        ),
        Step("GET", PODS, user="jane"),
        Step("DELETE", f"{PODS}/p", user="jane"),
        Step("GET", "/api/v1/pods", user="jane"),
        review("subjectaccessreviews", user="jane", resourceAttributes=GET_PODS),
        review("subjectaccessreviews", user="jane", resourceAttributes=GET_PODS | {"verb": "watch"}),
        review("subjectaccessreviews", user="x", groups=["system:masters"], resourceAttributes=GET_PODS),
        review("subjectaccessreviews", user="x", nonResourceAttributes={"verb": "get", "path": "/version"}),
        review("subjectaccessreviews", user="jane"),
        review("subjectaccessreviews", resourceAttributes=GET_PODS),
        review("localsubjectaccessreviews", namespace="diff", user="jane", resourceAttributes=GET_PODS),
        review(
            "localsubjectaccessreviews",
            namespace="diff",
            user="jane",
            resourceAttributes=GET_PODS | {"namespace": "x"},
        ),
        review("selfsubjectaccessreviews", resourceAttributes=GET_PODS),
        Step("POST", f"{REVIEWS}/selfsubjectaccessreviews", {"spec": {}}),
        Step("POST", f"{WHO}/selfsubjectreviews", {}, user="jane"),
        Step("POST", f"{WHO}/selfsubjectreviews", {}, user="system:serviceaccount:diff:robot"),
        Step("POST", f"{WHO}/tokenreviews", {"spec": {"token": "wrong"}}),
        Step("POST", f"{WHO}/tokenreviews", {"spec": {}}),
        Step("DELETE", f"{RBAC}/clusterroles/c:r"),
        Step("DELETE", f"{RBAC}/clusterrolebindings/c:b"),
    ],
    "tokens": [
        Step("POST", f"{SPACE}/serviceaccounts", meta("robot")),
        Step("POST", f"{SPACE}/serviceaccounts/robot/token", {"spec": {}}),
        Step(
            "POST",
            f"{SPACE}/serviceaccounts/robot/token",
            {"spec": {"audiences": ["a", "b"], "expirationSeconds": 700}},
        ),
        Step("POST", f"{SPACE}/serviceaccounts/robot/token", {"spec": {"expirationSeconds": 10}}),
        Step("POST", f"{SPACE}/serviceaccounts/absent/token", {"spec": {}}),
        Step("GET", f"{SPACE}/serviceaccounts/robot/token"),
        Step(
            "POST",
            f"{SPACE}/serviceaccounts/robot/token",
            {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "absent"}}},
        ),
        Step("DELETE", f"{SPACE}/serviceaccounts/robot"),
    ],
    "admission registration": [
        Step(
            "POST",
            f"{ADMISSION}/validatingadmissionpolicies",
            meta("p.diff")
            | {
                "spec": {
                    "matchConstraints": {
                        "resourceRules": [
                            {
                                "apiGroups": [""],
                                "apiVersions": ["v1"],
                                "operations": ["CREATE"],
                                "resources": ["pods/binding"],
                            }
                        ]
                    },
                    "validations": [{"expression": "true"}],
                }
            },
        ),
        Step(
            "POST",
            f"{ADMISSION}/validatingadmissionpolicybindings",
            meta("p.diff") | {"spec": {"policyName": "p.diff", "validationActions": ["Deny"]}},
        ),
        Step("DELETE", f"{ADMISSION}/validatingadmissionpolicybindings/p.diff"),
        Step("DELETE", f"{ADMISSION}/validatingadmissionpolicies/p.diff"),
        Step(
            "POST",
            f"{ADMISSION}/validatingwebhookconfigurations",
            meta("w.diff")
            | {
                "webhooks": [
                    {
                        "name": "w.diff.example",
                        "admissionReviewVersions": ["v1"],
                        "sideEffects": "None",
                        "failurePolicy": "Ignore",
                        "clientConfig": {"service": {"name": "a", "namespace": "diff"}},
                        "rules": [
                            {
                                "apiGroups": ["diff.example"],
                                "apiVersions": ["v1"],
                                "operations": ["CREATE"],
                                "resources": ["none"],
                            }
                        ],
                    }
                ]
            },
        ),
        Step("DELETE", f"{ADMISSION}/validatingwebhookconfigurations/w.diff"),
    ],
    "config map": [
        Step("POST", MAPS, meta("a", labels={"x": "y"}) | {"data": {"k": "v"}}),
        Step("POST", MAPS, meta("a")),
        Step("GET", A),
        Step("PATCH", A, {"data": {"k": None, "l": "w"}}, MERGE),
        Step("PATCH", A, [{"op": "add", "path": "/data/m", "value": "z"}], JSON_PATCH),
        Step("PATCH", A, [{"op": "test", "path": "/data/m", "value": "other"}], JSON_PATCH),
        Step("PATCH", A, [{"op": "remove", "path": "/data/none"}], JSON_PATCH),
        Step("PATCH", A, {"metadata": {"labels": {"x": None}}}, STRATEGIC),
        Step("PUT", A, meta("a", resourceVersion="1") | {"data": {"n": "o"}}),
        Step("PUT", A, meta("b")),
        Step("PUT", A, meta("a") | {"data": {"n": "o"}}),
        Step("DELETE", A, {"preconditions": {"uid": "other"}}),
        Step("DELETE", A),
        Step("DELETE", A),
        Step("PATCH", A, {"data": {}}, MERGE),
    ],
    "names": [
        Step("POST", MAPS, meta("Upper")),
        Step("POST", MAPS, {"metadata": {}}),
        Step("POST", MAPS, meta("labels", labels={"-bad": "x"})),
        Step("POST", MAPS, meta("labels", labels={"ok": "not ok"})),
        Step("POST", f"{SPACE}/services", meta("1a") | {"spec": {"ports": [{"port": 80}]}}),
        Step("POST", MAPS, meta("a", namespace="other")),
        Step("POST", "/api/v1/namespaces/absent/configmaps", meta("a")),
    ],
    "pod": [
        Step("POST", PODS, pod("p")),
        Step("GET", f"{PODS}/p"),
        Step("PATCH", f"{PODS}/p", {"spec": {"nodeName": "n"}}, MERGE),
        Step("PATCH", f"{PODS}/p", {"spec": {"containers": [{"name": "a", "image": "nginx:2"}]}}, STRATEGIC),
        Step("PATCH", f"{PODS}/p", {"metadata": {"labels": {"a": "b"}}}, STRATEGIC),
        Step("PATCH", f"{PODS}/p/status", {"status": {"phase": "Failed"}}, MERGE),
        Step("GET", f"{PODS}?labelSelector=a%3Db&fieldSelector=status.phase%3DFailed"),
        Step("GET", f"{PODS}?fieldSelector=spec.nothing%3Dx"),
        Step("GET", f"{PODS}?labelSelector=a%20in%20("),
        Step("DELETE", f"{PODS}/p"),
        Step("GET", f"{PODS}/p"),
    ],
    "pod on a node": [
        Step("POST", PODS, pod("p")),
        Step("POST", f"{PODS}/p/binding", meta("p") | {"target": {"kind": "Node", "name": "n"}}),
        Step("POST", f"{PODS}/p/binding", meta("p") | {"target": {"kind": "Node", "name": "n"}}),
        Step("GET", f"{PODS}/p"),
        Step("DELETE", f"{PODS}/p"),
        Step("GET", f"{PODS}/p"),
        Step("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 0}),
        Step("GET", f"{PODS}/p"),
    ],
    "pod refused": [
        Step("POST", PODS, meta("p") | {"spec": {"containers": []}}),
        Step("POST", PODS, meta("p") | {"spec": {"containers": [{"name": "a"}]}}),
        Step("POST", PODS, pod("p", restartPolicy="Sometimes")),
        Step("POST", PODS, pod("p", priorityClassName="absent")),
        Step("POST", PODS, pod("p", containers=[{"name": "a", "image": "b", "ports": "x"}])),
        Step("POST", PODS, pod("p", containers=[{"name": "a", "image": "b"}] * 2)),
        Step(
            "POST",
            PODS,
            pod("p", containers=[{"name": "a", "image": "b", "resources": {"requests": {"cpu": "x"}}}]),
        ),
        Step("POST", f"{PODS}?fieldValidation=Strict", pod("p", nodeNames="x")),
        Step("POST", f"{PODS}?dryRun=All", pod("p", schedulingGates=[{"name": "g"}])),
        Step("GET", f"{PODS}/p"),
    ],
    "pod with gates": [
        Step("POST", PODS, pod("p", schedulingGates=[{"name": "g"}, {"name": "h"}])),
        Step("POST", f"{PODS}/p/binding", meta("p") | {"target": {"name": "n"}}),
        Step("PATCH", f"{PODS}/p", {"spec": {"schedulingGates": [{"name": "i"}]}}, MERGE),
        Step("PATCH", f"{PODS}/p", {"spec": {"schedulingGates": [{"name": "h"}]}}, MERGE),
        Step("PATCH", f"{PODS}/p", {"spec": {"nodeSelector": {"a": "b"}}}, MERGE),
        Step("PATCH", f"{PODS}/p", {"spec": {"schedulingGates": None}}, MERGE),
    ],
    "eviction": [
        Step("POST", PODS, pod("p") | {"metadata": {"name": "p", "labels": {"app": "e"}}}),
        Step("POST", f"{PODS}/p/binding", meta("p") | {"target": {"kind": "Node", "name": "n"}}),
        Step("PATCH", f"{PODS}/p/status", {"status": {"phase": "Running"}}, MERGE),
        Step(
            "POST",
            "/apis/policy/v1/namespaces/diff/poddisruptionbudgets",
            meta("b") | {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "e"}}}},
        ),
        Step("POST", f"{PODS}/p/eviction", meta("p")),
        Step("DELETE", "/apis/policy/v1/namespaces/diff/poddisruptionbudgets/b"),
        Step("POST", f"{PODS}/p/eviction", meta("p")),
        Step("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 0}),
        Step("POST", f"{PODS}/p/eviction", meta("p")),
    ],
    "workloads": [
        Step("POST", f"{APPS}/deployments", workload("d")),
        Step("POST", f"{APPS}/deployments", workload("e", selector={"matchLabels": {"app": "x"}})),
        Step("PATCH", f"{APPS}/deployments/d", {"spec": {"replicas": 3}}, STRATEGIC),
        Step("PATCH", f"{APPS}/deployments/d", {"spec": {"selector": {"matchLabels": {"a": "b"}}}}, MERGE),
        Step("GET", f"{APPS}/deployments/d/scale"),
        Step("PATCH", f"{APPS}/deployments/d/scale", {"spec": {"replicas": 2}}, MERGE),
        Step("PATCH", f"{APPS}/deployments/d/status", {"status": {"replicas": 2}}, MERGE),
        Step("POST", f"{APPS}/replicasets", workload("r")),
        Step("POST", f"{APPS}/statefulsets", workload("s", serviceName="s")),
        Step("POST", f"{APPS}/daemonsets", workload("m")),
        Step("DELETE", f"{APPS}/deployments/d"),
    ],
    "server-side apply": [
        Step("PATCH", f"{MAPS}/s?fieldManager=one", APPLIED, APPLY),
        Step("PATCH", f"{MAPS}/s?fieldManager=two", APPLIED | {"data": {"k": "2"}}, APPLY),
        Step("PATCH", f"{MAPS}/s?fieldManager=two&force=true", APPLIED | {"data": {"k": "2"}}, APPLY),
        Step("PATCH", f"{MAPS}/s?fieldManager=one", APPLIED | {"data": {"m": "1"}}, APPLY),
        Step("GET", f"{MAPS}/s"),
        Step("PATCH", f"{MAPS}/s", APPLIED, APPLY),
        Step("PATCH", f"{APPS}/deployments/s?fieldManager=one", deployment(2), APPLY),
        Step("PATCH", f"{APPS}/deployments/s?fieldManager=two", deployment(3), APPLY),
        Step("PATCH", f"{APPS}/deployments/s?fieldManager=two&force=true", deployment(3, (82,)), APPLY),
        Step("PATCH", f"{APPS}/deployments/s?fieldManager=one", deployment(None, (80,)), APPLY),
        Step("GET", f"{APPS}/deployments/s"),
        Step("PATCH", f"{APPS}/deployments/s?fieldManager=two", deployment(None, (80,)), APPLY),
    ],
    "finalizers": [
        Step("POST", MAPS, meta("f", finalizers=["example.com/x"])),
        Step("DELETE", f"{MAPS}/f"),
        Step("GET", f"{MAPS}/f"),
        Step("PATCH", f"{MAPS}/f", {"metadata": {"finalizers": ["example.com/x", "example.com/y"]}}, MERGE),
        Step("PATCH", f"{MAPS}/f", {"metadata": {"finalizers": None}}, MERGE),
        Step("GET", f"{MAPS}/f"),
    ],
    "collections": [
        *(Step("POST", MAPS, meta(f"c{i}", labels={"set": "c"})) for i in range(3)),
        Step("GET", f"{MAPS}?labelSelector=set%3Dc"),
        Step("GET", f"{MAPS}?labelSelector=set%3Dc&limit=2"),
        Step(
            "GET",
            f"{MAPS}?labelSelector=set%20notin%20(c)%2C!none&limit=500&fieldSelector=metadata.name%3Dc1",
        ),
        Step("GET", f"{MAPS}?continue=nonsense"),
        Step("GET", f"{MAPS}?resourceVersion=x"),
        Step("DELETE", f"{MAPS}?labelSelector=set%3Dc"),
        Step("GET", f"{MAPS}?labelSelector=set%3Dc"),
    ],
    "cluster-wide": [
        Step("POST", "/api/v1/nodes", meta("dn") | {"status": {"capacity": {"cpu": "4"}}}),
        Step("PATCH", "/api/v1/nodes/dn", {"spec": {"unschedulable": True}}, STRATEGIC),
        Step(
            "PATCH",
            "/api/v1/nodes/dn",
            {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}},
            STRATEGIC,
        ),
        Step("PATCH", "/api/v1/nodes/dn", {"spec": {"unschedulable": None}}, STRATEGIC),
        Step("DELETE", "/api/v1/nodes/dn"),
        Step("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", meta("high") | {"value": 10}),
        Step("POST", PODS, pod("pp", priorityClassName="high")),
        Step("POST", PODS, pod("pq", priorityClassName="high", priority=5)),
        Step("DELETE", "/apis/scheduling.k8s.io/v1/priorityclasses/high"),
        Step("DELETE", f"{PODS}/pp"),
        Step("POST", "/apis/storage.k8s.io/v1/storageclasses", meta("sc") | {"provisioner": "x"}),
        Step("DELETE", "/apis/storage.k8s.io/v1/storageclasses/sc"),
    ],
    "wrong verbs": [
        Step("GET", "/api/v1/nothing"),
        Step("GET", "/apis/none/v1/x"),
        Step("POST", "/api/v1/configmaps", meta("a")),
        Step("POST", MAPS, {"kind": "Pod", "apiVersion": "v1"} | meta("a")),
        Step("POST", MAPS, [1]),
        Step("PATCH", A, {}, "text/plain"),
        Step("GET", f"{PODS}/p/none"),
        Step("DELETE", "/api/v1/namespaces"),
    ],
    "limits and quotas": [
        Step(
            "POST",
            f"{SPACE}/limitranges",
            meta("l")
            | {"spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}, "max": {"cpu": "2"}}]}},
        ),
        Step("POST", PODS, pod("q")),
        Step(
            "POST",
            PODS,
            pod("r", containers=[{"name": "a", "image": "b", "resources": {"limits": {"cpu": "3"}}}]),
        ),
        Step("DELETE", f"{SPACE}/limitranges/l"),
        Step("DELETE", f"{PODS}/q"),
    ],
    "storage": [
        Step(
            "POST",
            f"{SPACE}/persistentvolumeclaims",
            meta("v")
            | {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1.5Gi"}}}},
        ),
        Step(
            "POST",
            "/api/v1/persistentvolumes",
            meta("dv")
            | {
                "spec": {
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "csi": {"driver": "d", "volumeHandle": "h"},
                }
            },
        ),
        Step("POST", "/apis/storage.k8s.io/v1/csidrivers", meta("dd") | {"spec": {}}),
        Step("DELETE", "/apis/storage.k8s.io/v1/csidrivers/dd"),
    ],
    "events": [
        Step(
            "POST",
            "/apis/events.k8s.io/v1/namespaces/diff/events",
            meta("e")
            | {
                "eventTime": "2026-01-01T00:00:00.000000Z",
                "reportingController": "c",
                "reportingInstance": "i",
                "action": "Binding",
                "reason": "Scheduled",
                "regarding": {"kind": "Pod", "name": "p", "namespace": "diff"},
                "type": "Normal",
                "note": "n",
            },
        ),
        Step("GET", f"{SPACE}/events/e"),
        Step("GET", f"{SPACE}/events?fieldSelector=involvedObject.name%3Dp,reason%3DScheduled"),
        Step("GET", "/apis/events.k8s.io/v1/namespaces/diff/events?fieldSelector=regarding.name%3Dq"),
    ],
} | embedded_resizes.SEQUENCES
