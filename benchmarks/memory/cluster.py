"""A cluster as large as asked for, written into etcd: creating it through the API server would take minutes.

Objects are as an API server has them after some time: owners, managed fields, conditions and container
statuses. JSON in etcd is what API servers still read.
"""

from __future__ import annotations

import base64
import itertools
import json
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

SIZE = 5 * 1024
"""Bytes of each object's JSON."""

BATCH = 100
"""Objects a transaction; etcd takes 128."""

TIME = "2026-01-31T12:00:00Z"

Json = dict[str, Any]


def fill(etcd: str, nodes: int, pods: int, done: Callable[[int], object]) -> None:
    """Writes so many nodes, and pods that run on them in turn. `etcd`: the URL of its HTTP gateway."""
    objects = itertools.chain(
        ((f"/registry/minions/{name(i)}", node(i)) for i in range(nodes)),
        ((f"/registry/pods/default/{pod_name(i)}", pod(i, name(i % nodes))) for i in range(pods)),
    )
    while batch := list(itertools.islice(objects, BATCH)):
        puts = [{"requestPut": {"key": _base64(key), "value": _base64(_sized(each))}} for key, each in batch]
        body = json.dumps({"success": puts}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{etcd}/v3/kv/txn", body), timeout=30) as answer:
            answer.read()
        done(len(batch))


def name(i: int) -> str:
    """A node's name."""
    return f"ip-10-{i >> 8}-{i & 255}.eu-west-1.compute.internal"


def pod_name(i: int) -> str:
    """A pod's name, as a ReplicaSet of twenty makes them."""
    return f"service-{i // 20}-{i // 20 * 7919 % 10**9:09d}-{i * 104729 % 10**5:05d}"


def node(i: int) -> Json:
    """A node of 64 cores with its kubelet's status."""
    amounts = {"cpu": "64", "memory": "256Gi", "pods": "110", "ephemeral-storage": "200Gi"}
    labels = {
        "kubernetes.io/hostname": name(i),
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": "m6i.16xlarge",
        "topology.kubernetes.io/region": "eu-west-1",
        "topology.kubernetes.io/zone": f"eu-west-1{'abc'[i % 3]}",
    }
    kinds = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    conditions = [_condition(kind, "True" if kind == "Ready" else "False") for kind in kinds]
    images = [
        {"names": [f"registry.example/team/service-{k}@sha256:{k:064x}"], "sizeBytes": 50_000_000 + k}
        for k in range(i % 5, i % 5 + 10)
    ]
    status = {
        "capacity": amounts,
        "allocatable": amounts,
        "conditions": conditions,
        "images": images,
        "addresses": [{"type": "InternalIP", "address": f"10.{i >> 8}.{i & 255}.1"}],
        "nodeInfo": {"kubeletVersion": "v1.36.2", "osImage": "Linux", "machineID": _uid(i, "machine")},
    }
    metadata: Json = {"name": name(i), "uid": _uid(i, "node"), "creationTimestamp": TIME, "labels": labels}
    metadata["managedFields"] = [_managed("kubelet", list(labels), "f:labels"), _managed_status(kinds)]
    return {"kind": "Node", "apiVersion": "v1", "metadata": metadata, "spec": {}, "status": status}


def pod(i: int, on: str) -> Json:
    """A pod that runs, of a Deployment's ReplicaSet."""
    app = f"service-{i // 20}"
    owner = pod_name(i).rpartition("-")[0]
    labels = {"app": app, "pod-template-hash": owner.rpartition("-")[2], "team": f"team-{i // 200}"}
    controller = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": owner,
        "uid": _uid(i // 20, "owner"),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    metadata = {
        "name": pod_name(i),
        "generateName": f"{owner}-",
        "namespace": "default",
        "uid": _uid(i, "pod"),
        "creationTimestamp": TIME,
        "labels": labels,
        "ownerReferences": [controller],
        "managedFields": [
            _managed("kube-controller-manager", [*labels, *_SPEC_FIELDS], "f:spec"),
            _managed_status(kinds),
        ],
    }
    status = {
        "phase": "Running",
        "conditions": [_condition(kind, "True") for kind in kinds],
        "containerStatuses": [
            {
                "name": "main",
                "image": f"registry.example/team/{app}:v1",
                "imageID": f"registry.example/team/{app}@sha256:{i // 20:064x}",
                "containerID": f"containerd://{i:064x}",
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": TIME}},
            }
        ],
        "hostIP": "10.0.0.1",
        "podIP": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}",
        "qosClass": "Burstable",
        "startTime": TIME,
    }
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": _spec(app, on), "status": status}


def _spec(app: str, on: str) -> Json:
    amounts = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    token = {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    tolerations = [
        {
            "key": f"node.kubernetes.io/{key}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 300,
        }
        for key in ("not-ready", "unreachable")
    ]
    container = {
        "name": "main",
        "image": f"registry.example/team/{app}:v1",
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{k}", "value": f"value-{k}"} for k in range(8)],
        "resources": amounts,
        "volumeMounts": [token],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    return {
        "nodeName": on,
        "schedulerName": "default-scheduler",
        "containers": [container],
        "volumes": [{"name": "token", "projected": {"sources": sources, "defaultMode": 420}}],
        "tolerations": tolerations,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "securityContext": {},
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


_SPEC_FIELDS = ("containers", "dnsPolicy", "enableServiceLinks", "restartPolicy", "schedulerName", "volumes")


def _condition(kind: str, status: str) -> Json:
    return {"type": kind, "status": status, "lastProbeTime": None, "lastTransitionTime": TIME}


def _managed(manager: str, names: list[str], under: str) -> Json:
    fields: Json = {under: {".": {}, **{f"f:{each}": {} for each in names}}}
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": TIME,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _managed_status(kinds: tuple[str, ...]) -> Json:
    each: Json = {".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}}
    conditions: Json = {".": {}} | {f'k:{{"type":"{kind}"}}': each for kind in kinds}
    entry = _managed("kubelet", [], "f:status")
    entry["fieldsV1"]["f:status"] |= {"f:conditions": conditions, "f:phase": {}, "f:podIP": {}}
    return {**entry, "subresource": "status"}


def _sized(each: Json) -> bytes:
    """JSON of `SIZE` bytes: an annotation makes up for what is missing."""
    short = SIZE - len(json.dumps(each, separators=(",", ":")))
    overhead = len(',"annotations":{"note":""}')
    each["metadata"]["annotations"] = {"note": "x" * max(short - overhead, 0)}
    return json.dumps(each, separators=(",", ":")).encode()


def _uid(i: int, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{what}-{i}"))


def _base64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()
