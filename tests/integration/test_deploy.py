"""deploy/: the manifests on the real API server, and the scheduler with no rights but those they grant."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stowage.framework import config
from tests import control_plane

ROOT = Path(__file__).parents[2]
KUBECTL = Path(sys.executable).parent / "kubectl"
NAMESPACE, ACCOUNT = "stowage-system", "stowage-scheduler"
OVERLAYS = ["base", "default-scheduler", "before-1.30"]
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "rules": [{"level": "Metadata", "users": [f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"]}],
}
Right = tuple[str, str, str, str]
"""Verb, group, resource and namespace; the namespace is "*" for rights in all of them."""


# ------------------------------------------------------------------------------------ without a cluster


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_the_manifests_configure_is_what_kube_scheduler_would_take(overlay: str) -> None:
    maps = [item for item in _rendered(overlay) if item["kind"] == "ConfigMap"]
    assert len(maps) == 1
    assert config.load(maps[0]["data"]["scheduler.yaml"], strict=True).warnings == ()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_role_names_the_lease_that_is_configured(overlay: str) -> None:
    items = _rendered(overlay)
    text = next(item for item in items if item["kind"] == "ConfigMap")["data"]["scheduler.yaml"]
    asked = config.load(text).config.leader_election
    roles = [item for item in items if item["kind"] == "Role"]
    assert [role["metadata"]["namespace"] for role in roles] == [asked.resource_namespace]
    assert [rule.get("resourceNames") for rule in roles[0]["rules"]] == [None, [asked.resource_name]]
    for policy in items:
        if policy["kind"] == "ValidatingAdmissionPolicyBinding":
            lease = policy["spec"]["paramRef"]
            assert (lease["namespace"], lease["name"]) == (asked.resource_namespace, asked.resource_name)


def test_only_the_manifests_for_old_servers_lack_the_policy() -> None:
    having = [name for name in OVERLAYS if any("Admission" in item["kind"] for item in _rendered(name))]
    assert having == ["base", "default-scheduler"]


# ---------------------------------------------------------------------------------------- with a cluster


class Cluster:
    """The real control plane, with an audit log of what the scheduler's account asks for."""

    def __init__(self, plane: control_plane.ControlPlane, audit: Path) -> None:
        self.plane = plane
        self._audit = audit

    def kubectl(self, *words: str, manifest: object = None) -> str:
        done = subprocess.run(
            [str(KUBECTL), "--kubeconfig", self.plane.kubeconfig, *words],
            input=None if manifest is None else json.dumps(manifest),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, *items: dict[str, Any]) -> None:
        self.kubectl("create", "-f", "-", manifest={"apiVersion": "v1", "kind": "List", "items": list(items)})

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("get", *words, "-o", "json", "--ignore-not-found") or "null")

    def requested(self) -> set[tuple[str, str, str, str]]:
        """What was asked for, with the namespace asked in ("" for none); whatever was answered."""
        found = set()
        for line in self._audit.read_text().splitlines():
            asked = json.loads(line)
            where = asked.get("objectRef")
            assert where is not None, f"no right to resources covers {asked['requestURI']}"
            resource = "/".join(filter(None, (where["resource"], where.get("subresource"))))
            found.add((asked["verb"], where.get("apiGroup", ""), resource, where.get("namespace", "")))
        return found

    def granted(self) -> set[Right]:
        """What the roles that are bound to the account hold."""
        found: set[Right] = set()
        for kind in ("ClusterRoleBinding", "RoleBinding"):
            for binding in self.get(kind, "-A")["items"]:
                if not any(_is_account(each) for each in binding.get("subjects", ())):
                    continue
                namespace = binding["metadata"].get("namespace", "*")
                role = binding["roleRef"]
                for rule in self.get(role["kind"], role["name"], "-n", namespace.strip("*"))["rules"]:
                    for group in rule["apiGroups"]:
                        pairs = ((verb, each) for verb in rule["verbs"] for each in rule["resources"])
                        found |= {(verb, group, each, namespace) for verb, each in pairs}
        return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("controlplane")
    (folder / "audit.yaml").write_text(yaml.safe_dump(AUDIT))
    flags = f"--audit-log-path={folder}/audit.log --audit-policy-file={folder}/audit.yaml"
    with control_plane.running(folder, ("controllers",), flags) as plane:
        yield Cluster(plane, folder / "audit.log")


@pytest.mark.reference
@pytest.mark.slow
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_manifests_are_taken_whole_by_the_real_api_server(cluster: Cluster, overlay: str) -> None:
    folder = str(ROOT / "deploy" / overlay)
    if not cluster.get("namespace", NAMESPACE):
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-k", folder)


@pytest.mark.reference
@pytest.mark.slow
def test_the_scheduler_asks_for_all_that_it_is_granted_and_for_nothing_else(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.kubectl("apply", "--server-side", "-k", str(ROOT / "deploy" / "base"))
    with _scheduler(cluster, tmp_path) as port:
        _everything(cluster, port)
    lease = cluster.get("lease", "stowage", "-n", NAMESPACE)
    assert not lease["spec"].get("holderIdentity")
    granted = cluster.granted()
    everywhere = {(verb, group, resource) for verb, group, resource, where in granted if where == "*"}
    requested = {
        (verb, group, resource, "*" if (verb, group, resource) in everywhere else where)
        for verb, group, resource, where in cluster.requested()
    }
    assert requested == granted


def _everything(cluster: Cluster, port: int) -> None:
    """A run with preemption, volumes, answers that are lost, and somebody who asks for metrics."""
    _refuse(cluster, "bindings", "", "pods/binding", "CREATE")
    cluster.create(_namespace("work"), _node("n", "2"), _priority("high", 1000), _pod("low", "2"))
    _until(lambda: [each for each in _failures(cluster, "low") if each.get("series")])
    cluster.kubectl("delete", "validatingwebhookconfiguration", "bindings")
    _until(lambda: _placed(cluster, "low"))

    cluster.create(_pod("high", "2", priorityClassName="high"))
    _until(lambda: _placed(cluster, "high"))
    assert cluster.get("pod", "low", "-n", "work") is None

    _refuse(cluster, "volumes", "", "persistentvolumes", "UPDATE")
    cluster.create(
        _class("static", "kubernetes.io/no-provisioner"), _volume("v", "static"), _claim("static", "static")
    )
    cluster.create(_pod("static", "0", claim="static"))
    _until(lambda: _failures(cluster, "static"))
    cluster.kubectl("delete", "validatingwebhookconfiguration", "volumes")
    _until(lambda: _placed(cluster, "static"))

    cluster.create(_class("dynamic", "example.com/provisioner"), _claim("dynamic", "dynamic"))
    cluster.create(_pod("dynamic", "0", claim="dynamic"))
    selected = "volume.kubernetes.io/selected-node"
    _until(lambda: selected in _claimed(cluster, "dynamic")["metadata"].get("annotations", {}))
    claim = _claimed(cluster, "dynamic")["metadata"]
    reference = {"kind": "PersistentVolumeClaim", "namespace": "work"}
    cluster.create(_volume("made", "dynamic", {**reference, "name": claim["name"], "uid": claim["uid"]}))
    _until(lambda: _placed(cluster, "dynamic"))

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # a certificate of its own making
    cluster.kubectl("create", "serviceaccount", "monitor", "-n", "work")
    cluster.kubectl("create", "clusterrole", "monitor", "--verb=get", "--non-resource-url=/metrics")
    bound = ["--clusterrole=monitor", "--serviceaccount=work:monitor"]
    cluster.kubectl("create", "clusterrolebinding", "monitor", *bound)
    token = cluster.kubectl("create", "token", "monitor", "-n", "work").strip()
    asked = urllib.request.Request(
        f"https://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(asked, context=context, timeout=30) as answer:
        assert b"scheduler_schedule_attempts_total" in answer.read()


@contextlib.contextmanager
def _scheduler(cluster: Cluster, folder: Path) -> Iterator[int]:
    """The scheduler with the flags of the manifest, under a token of its account; its secure port."""
    items = _rendered("base")
    deployment = next(item for item in items if item["kind"] == "Deployment")
    words = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    text = next(item for item in items if item["kind"] == "ConfigMap")["data"]["scheduler.yaml"]
    (folder / "scheduler.yaml").write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    replaced = {
        "--config": str(folder / "scheduler.yaml"),
        "--bind-address": "127.0.0.1",
        "--secure-port": str(port),
    }
    words = [
        f"{flag}={replaced.get(flag, value)}" if equals else flag
        for flag, equals, value in (word.partition("=") for word in words)
    ]
    command = [sys.executable, "-m", "stowage", *words, f"--kubeconfig={_kubeconfig(cluster, folder)}"]
    with (folder / "scheduler.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
        try:
            yield port
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        except BaseException:
            sys.stderr.write((folder / "scheduler.log").read_text())
            raise
        finally:
            process.kill()
            process.wait()


def _kubeconfig(cluster: Cluster, folder: Path) -> str:
    """Bears a token as a pod of the Deployment would have it: the pod has the name that the scheduler
    takes for its own, which is this machine's."""
    name = socket.gethostname()
    pod = _pod(name, "0")
    pod["metadata"]["namespace"] = NAMESPACE
    pod["spec"] |= {"serviceAccountName": ACCOUNT, "schedulerName": "nobody", **_restricted()}
    cluster.create(pod)
    bound = ["--bound-object-kind=Pod", f"--bound-object-name={name}"]
    token = cluster.kubectl("create", "token", ACCOUNT, "-n", NAMESPACE, *bound).strip()
    written = yaml.safe_load(Path(cluster.plane.kubeconfig).read_text())
    written["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.touch(0o600)
    path.write_text(yaml.safe_dump(written))
    return str(path)


# ------------------------------------------------------------------------------------------------ pieces


def _rendered(overlay: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [str(KUBECTL), "kustomize", str(ROOT / "deploy" / overlay)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KUBECONFIG": os.devnull},
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def _is_account(subject: dict[str, Any]) -> bool:
    return (subject["kind"], subject.get("namespace"), subject["name"]) == (
        "ServiceAccount",
        NAMESPACE,
        ACCOUNT,
    )


def _until(found: Callable[[], object], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < ends, "it did not come to pass in time"
        time.sleep(0.2)


def _placed(cluster: Cluster, name: str) -> bool:
    pod = cluster.get("pod", name, "-n", "work")
    return pod is not None and "nodeName" in pod["spec"]


def _claimed(cluster: Cluster, name: str) -> Any:
    return cluster.get("pvc", name, "-n", "work")


def _failures(cluster: Cluster, name: str) -> list[Any]:
    found = (cluster.get("events.events.k8s.io", "-n", "work") or {"items": ()})["items"]
    return [each for each in found if (each["regarding"]["name"], each["type"]) == (name, "Warning")]


def _refuse(cluster: Cluster, name: str, group: str, resource: str, operation: str) -> None:
    """From now on such requests of the scheduler are answered by 500: nobody listens at the webhook."""
    cluster.create(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [
                {
                    "name": f"{name}.example.com",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "clientConfig": {"url": "https://127.0.0.1:1/"},
                    "rules": [
                        {
                            "apiGroups": [group],
                            "apiVersions": ["v1"],
                            "resources": [resource],
                            "operations": [operation],
                        }
                    ],
                    "matchConditions": [
                        {"name": "ours", "expression": f"request.userInfo.username.endsWith(':{ACCOUNT}')"}
                    ],
                }
            ],
        }
    )


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _node(name: str, cpu: str) -> dict[str, Any]:
    amounts = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def _priority(name: str, value: int) -> dict[str, Any]:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
    }


def _restricted() -> dict[str, Any]:
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {"containers": [{"name": "c", "image": "i", "securityContext": security}]}


def _pod(name: str, cpu: str, claim: str = "", **spec: Any) -> dict[str, Any]:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "work"},
        "spec": {
            "schedulerName": "stowage",
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}],
            "volumes": volumes,
            **spec,
        },
    }


def _class(name: str, provisioner: str) -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": provisioner,
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _volume(name: str, storage: str, claim: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage,
            "hostPath": {"path": "/data"},
            **({"claimRef": claim} if claim else {}),
        },
    }


def _claim(name: str, storage: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "work"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
