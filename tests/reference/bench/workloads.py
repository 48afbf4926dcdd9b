"""One bench scenario on standard output.

usage: workloads.py NAME NODES [PERCENT]

The workloads follow scheduler_perf's: nodes with 4 CPU, 32Gi and 110 pods over three zones; pods asking for
100m and 500Mi. PERCENT is percentageOfNodesToScore; 0, or none, is kube-scheduler's default sampling.
"""

import json
import sys
from typing import Any

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
SELECTOR = {"matchLabels": {"app": "web"}}


def term(key: str) -> dict[str, Any]:
    return {"labelSelector": SELECTOR, "topologyKey": key}


def weighted(key: str) -> dict[str, Any]:
    return {"weight": 1, "podAffinityTerm": term(key)}


def spread(when: str) -> dict[str, Any]:
    constraint = {"maxSkew": 5, "topologyKey": ZONE, "whenUnsatisfiable": when, "labelSelector": SELECTOR}
    return {"topologySpreadConstraints": [constraint]}


def two_zones() -> dict[str, Any]:
    expression = {"key": ZONE, "operator": "In", "values": ["zone0", "zone1"]}
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}


def requesting(cpu: str) -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu, "memory": "500Mi"}}
    return {"containers": [{"name": "c", "image": "registry.k8s.io/pause:3.10", "resources": resources}]}


# What each workload's pod has beside, or in place of, the basic one's spec.
WORKLOADS: dict[str, dict[str, Any]] = {
    "basic": {},
    "spread": spread("DoNotSchedule"),
    "preferred-spread": spread("ScheduleAnyway"),
    "anti-affinity": {"affinity": {"podAntiAffinity": {REQUIRED: [term(HOST)]}}},
    "affinity": {"affinity": {"podAffinity": {REQUIRED: [term(ZONE)]}}},
    "preferred-affinity": {"affinity": {"podAffinity": {PREFERRED: [weighted(HOST)]}}},
    "preferred-anti-affinity": {"affinity": {"podAntiAffinity": {PREFERRED: [weighted(HOST)]}}},
    "node-affinity": {"affinity": two_zones()},
    "unschedulable": requesting("64"),
}


def node(index: int) -> dict[str, Any]:
    name = f"node-{index:07d}"
    allocatable = {"cpu": "4", "memory": "32Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {HOST: name, ZONE: f"zone{index % 3}"}},
        "status": {
            "allocatable": allocatable,
            "capacity": allocatable,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def pod(workload: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod", "namespace": "default", "uid": "u", "labels": {"app": "web"}},
        "spec": {"schedulerName": "default-scheduler"} | requesting("100m") | WORKLOADS[workload],
    }


def main() -> None:
    name, nodes, percent = [*sys.argv[1:], "0"][:3]
    if name not in WORKLOADS:
        sys.exit(f"no workload {name}; there are {', '.join(WORKLOADS)}")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    objects = [namespace, *(node(index) for index in range(int(nodes)))]
    json.dump({"objects": objects, "pending": [pod(name)], "percent": int(percent)}, sys.stdout)


if __name__ == "__main__":
    main()
