"""Requests about what pods may use: quotas, limit ranges, and the subresource `resize`."""

from typing import Any

from tests.integration.embedded_client import APPLY, JSON_PATCH, MERGE, STRATEGIC
from tests.integration.embedded_steps import PODS, Step, meta, pod

LIMITED = "/api/v1/namespaces/diffq"
LIMITS = {"pods": "2", "requests.cpu": "1", "cpu": "1", "services.nodeports": "0", "count/configmaps": "0"}
NONE = dict.fromkeys(LIMITS, "0")
LONGEST = {"type": "Container", "max": {"cpu": "0.3"}}
RESIZING_NODE = {"allocatable": {"cpu": "4", "memory": "8Gi"}, "capacity": {"cpu": "4", "memory": "8Gi"}}


def asking(name: str, cpu: str) -> dict[str, Any]:
    """A container."""
    return {"name": name, "image": "i", "resources": {"requests": {"cpu": cpu}}}


def resizing(cpu: str | None, **stated: dict[str, str]) -> dict[str, Any]:
    """What makes the pod of `pod` ask for other resources."""
    resources = stated | {"requests": stated.get("requests", {}) | {"cpu": cpu}}
    return {"spec": {"containers": [{"name": "a", "resources": resources}]}}


APPLIED_RESIZE = {"apiVersion": "v1", "kind": "Pod", **meta("r"), **resizing("0.9")}


def running(resources: dict[str, Any] | None) -> dict[str, Any]:
    """The status of a pod that runs, from a kubelet that tells the resources, or does not."""
    state = {"name": "a", "image": "i", "imageID": "", "ready": True, "restartCount": 0}
    state |= {"state": {"running": {}}} | ({} if resources is None else {"resources": resources})
    return {"phase": "Running", "containerStatuses": [state]}


def affine(operator: str) -> dict[str, Any]:
    terms = [{"matchExpressions": [{"key": "a", "operator": operator}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"nodeAffinity": required}


SEQUENCES: dict[str, list[Step]] = {
    "quota": [
        Step("POST", "/api/v1/namespaces", meta("diffq")),
        Step("POST", f"{LIMITED}/resourcequotas", meta("q") | {"spec": {"hard": LIMITS}}),
        # The quota controller, which tells what is hard, does not run in the real server.
        Step(
            "PATCH", f"{LIMITED}/resourcequotas/q/status", {"status": {"hard": LIMITS, "used": NONE}}, MERGE
        ),
        Step("POST", f"{LIMITED}/pods", pod("p", affinity=affine("Exsts"))),
        Step("POST", f"{LIMITED}/pods", pod("p", containers=[])),
        Step("POST", f"{LIMITED}/pods", pod("p", containers=[{"image": "i"}])),
        Step("POST", f"{LIMITED}/pods", pod("p", containers=[{"name": "a", "image": "i"}])),
        Step("POST", f"{LIMITED}/pods", pod("p", initContainers=[{"name": "i", "image": "i"}])),
        Step("POST", f"{LIMITED}/pods", pod("p", resources={"requests": {"cpu": "2"}})),
        Step("POST", f"{LIMITED}/pods", pod("p", containers=[asking("a", "0.1"), asking("b", "2")])),
        Step("POST", f"{LIMITED}/pods", pod("p", containers=[asking("A", "2")])),
        Step("POST", f"{LIMITED}/pods?dryRun=All", pod("p")),
        Step("POST", f"{LIMITED}/pods", pod("p")),
        Step("POST", f"{LIMITED}/pods", pod("r", containers=[asking("a", "0.6")])),
        Step("PATCH", f"{LIMITED}/pods/p/resize", resizing("1.5"), STRATEGIC),
        Step("PATCH", f"{LIMITED}/pods/p/resize", resizing("1"), STRATEGIC),
        Step("PATCH", f"{LIMITED}/pods/p/resize", resizing("0.2"), STRATEGIC),
        Step("POST", f"{LIMITED}/services", meta("s") | {"spec": {"ports": [{"port": 80}]}}),
        Step("PATCH", f"{LIMITED}/services/s", {"spec": {"type": "NodePort"}}, MERGE),
        Step("PATCH", f"{LIMITED}/services/s", {"metadata": {"labels": {"a": "b"}}}, MERGE),
        Step("POST", f"{LIMITED}/configmaps", meta("m")),
        Step("POST", f"{LIMITED}/limitranges", meta("l") | {"spec": {"limits": [LONGEST]}}),
        Step("POST", f"{LIMITED}/pods", pod("s", containers=[asking("A", "0.4")])),
        Step("POST", f"{LIMITED}/pods", pod("s", containers=[asking("a", "0.4")])),
        Step("PATCH", f"{LIMITED}/pods/p/resize", resizing("0.4"), STRATEGIC),
    ],
    "resize": [
        Step("POST", "/api/v1/nodes", meta("rn") | {"status": RESIZING_NODE}),
        Step("POST", "/api/v1/nodes", meta("rw", labels={"kubernetes.io/os": "windows"})),
        Step("POST", PODS, pod("r", initContainers=[asking("i", "0.1")])),
        Step("PATCH", f"{PODS}/r/resize", resizing("0.6"), STRATEGIC),
        Step("POST", f"{PODS}/r/binding", meta("r") | {"target": {"kind": "Node", "name": "rn"}}),
        Step("GET", f"{PODS}/r/resize"),
        Step("POST", f"{PODS}/r/resize", pod("r")),
        Step("PATCH", f"{PODS}/r/resize", resizing("1"), STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", resizing("5"), STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", resizing("-1"), STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", resizing(None), STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", resizing("1", limits={"cpu": "2"}), STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", resizing("3"), STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", {"spec": {"containers": [asking("b", "1")]}}, STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", {"spec": {"containers": [asking("b", "1")]}}, MERGE),
        Step("PATCH", f"{PODS}/r/resize", {"spec": {"containers": [{"name": "a", "image": "j"}]}}, STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", {"spec": {"initContainers": [asking("i", "0.2")]}}, STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", {"metadata": {"labels": {"a": "b"}}}, MERGE),
        Step("PATCH", f"{PODS}/r/resize", {"spec": {"nodeName": "n"}, "status": {"phase": "Failed"}}, MERGE),
        Step("PATCH", f"{PODS}/r/resize", resizing("1", requests={"ephemeral-storage": "1Gi"}), STRATEGIC),
        Step("PATCH", f"{PODS}/r/resize", {"spec": {"resources": {"requests": {"cpu": "1"}}}}, MERGE),
        Step(
            "PATCH",
            f"{PODS}/r/resize",
            {
                "spec": {
                    "containers": [
                        {
                            "name": "a",
                            "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}],
                        }
                    ]
                }
            },
            STRATEGIC,
        ),
        Step(
            "PATCH",
            f"{PODS}/r/resize",
            [{"op": "replace", "path": "/spec/containers/0/resources/requests/memory", "value": "2Gi"}],
            JSON_PATCH,
        ),
        Step("PATCH", f"{PODS}/r/resize?fieldManager=m&force=true", APPLIED_RESIZE, APPLY),
        Step("PATCH", f"{PODS}/r", resizing("0.5"), STRATEGIC),
        Step("GET", f"{PODS}/r"),
        Step("PATCH", f"{PODS}/r/status", {"status": running({"requests": {"cpu": "1"}})}, MERGE),
        Step("PATCH", f"{PODS}/r/resize", resizing("0.7"), STRATEGIC),
        Step("PATCH", f"{PODS}/r/status", {"status": running(None)}, MERGE),
        Step("PATCH", f"{PODS}/r/resize", resizing("0.8"), STRATEGIC),
        Step("POST", PODS, pod("best", containers=[{"name": "a", "image": "i"}])),
        Step("PATCH", f"{PODS}/best/resize", resizing("1"), STRATEGIC),
        Step("POST", PODS, pod("level", resources={"requests": {"cpu": "1"}, "limits": {"memory": "2Gi"}})),
        Step("PATCH", f"{PODS}/level/resize", {"spec": {"resources": {"requests": {"cpu": "2"}}}}, MERGE),
        Step("PATCH", f"{PODS}/level/resize", {"spec": {"resources": {"requests": {"cpu": None}}}}, MERGE),
        Step("PATCH", f"{PODS}/level/resize", {"spec": {"resources": None}}, MERGE),
        Step(
            "PATCH",
            f"{PODS}/level/resize",
            {"spec": {"resources": {"requests": {"hugepages-2Mi": "2Mi"}}}},
            MERGE,
        ),
        Step("POST", f"{PODS}/level/binding", meta("level") | {"target": {"kind": "Node", "name": "rn"}}),
        Step("PATCH", f"{PODS}/level/resize", {"spec": {"resources": {"requests": {"cpu": "3"}}}}, MERGE),
        Step("POST", PODS, pod("else")),
        Step("POST", f"{PODS}/else/binding", meta("else") | {"target": {"kind": "Node", "name": "rw"}}),
        Step("PATCH", f"{PODS}/else/resize", resizing("0.6"), STRATEGIC),
        Step("POST", PODS, pod("nowhere")),
        Step("POST", f"{PODS}/nowhere/binding", meta("nowhere") | {"target": {"kind": "Node", "name": "no"}}),
        Step("PATCH", f"{PODS}/nowhere/resize", resizing("0.6"), STRATEGIC),
        Step("PATCH", f"{PODS}/absent/resize", resizing("0.6"), STRATEGIC),
        Step("DELETE", "/api/v1/nodes/rn"),
        Step("DELETE", "/api/v1/nodes/rw"),
    ],
}
