"""Replicas as a Deployment runs them: pods of a ServiceAccount, with tokens of theirs; and the policy."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from stowage.kube import client as clients
from stowage.kube import connection, errors, resources
from tests.integration.faults import harness

POLICY = harness.ROOT / "deploy" / "base" / "binding-policy.yaml"
NAMESPACE, ACCOUNT, LEASE = "stowage-system", "stowage-scheduler", "stowage"
OTHER = "unfenced"
"""An account that the policy is not about."""

Plain = resources.Resource[dict[str, Any]]
ACCOUNTS: Plain = resources.Resource("", "v1", "ServiceAccount", "serviceaccounts", True, dict[str, Any])
TOKENS = ACCOUNTS.sub("token", dict[str, Any])
RIGHTS: Plain = resources.Resource(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False, dict[str, Any]
)
ADMISSION = "admissionregistration.k8s.io"
POLICIES: Plain = resources.Resource(
    ADMISSION, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", False, dict[str, Any]
)
POLICY_BINDINGS: Plain = resources.Resource(
    ADMISSION,
    "v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    False,
    dict[str, Any],
)


async def prepare(client: clients.Client) -> None:
    """The namespace and the accounts, which may do anything; no error where they are there."""
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE} for name in (ACCOUNT, OTHER)]
    role = {"apiGroup": RIGHTS.group, "kind": "ClusterRole", "name": "cluster-admin"}
    for kind, namespace, body in (
        (harness.NAMESPACES, "", {"metadata": {"name": NAMESPACE}}),
        (ACCOUNTS, NAMESPACE, {"metadata": {"name": ACCOUNT}}),
        (ACCOUNTS, NAMESPACE, {"metadata": {"name": OTHER}}),
        (RIGHTS, "", {"metadata": {"name": ACCOUNT}, "subjects": subjects, "roleRef": role}),
    ):
        with contextlib.suppress(errors.Conflict):
            await client.create(kind, body, namespace)


async def token(client: clients.Client, pod: str = "", account: str = ACCOUNT) -> str:
    """A token of an account, bound to a pod of this name, which is made where it is not there."""
    asked: dict[str, Any] = {}
    if pod:
        spec = {
            "serviceAccountName": account,
            "schedulerName": "nobody",
            "containers": [{"name": "c", "image": "i"}],
        }
        with contextlib.suppress(errors.Conflict):
            await client.create(harness.PODS, {"metadata": {"name": pod}, "spec": spec}, NAMESPACE)
        uid = (await client.get(harness.PODS, pod, NAMESPACE))["metadata"]["uid"]
        asked = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}}
    made = await client.create(TOKENS, {"spec": asked}, NAMESPACE, account)
    return str(made["status"]["token"])


def kubeconfig(path: Path, of: str, token: str) -> str:
    """A kubeconfig as `of`, with a token instead of who it is for."""
    written = yaml.safe_load(Path(of).read_text())
    written["users"][0]["user"] = {"token": token}
    path.write_text(yaml.safe_dump(written))
    return str(path)


@contextlib.asynccontextmanager
async def client_as(path: Path, of: str, token: str) -> AsyncIterator[clients.Client]:
    async with clients.Client(connection.from_kubeconfig(kubeconfig(path, of, token))) as client:
        yield client


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def scraped(port: int, token: str) -> dict[str, float]:
    """What a scheduler's metrics endpoint tells the bearer of a token; families without labels only."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"https://127.0.0.1:{port}/metrics", headers=headers, ssl=False) as answer,
    ):
        lines = [line.split(" ") for line in (await answer.text()).splitlines()]
    return {line[0]: float(line[1]) for line in lines if len(line) == 2}


async def bind(client: clients.Client, namespace: str, pod: str, node: str = "n") -> str:
    """Binds a pod; what the server says against it, empty where nothing."""
    body = {"metadata": {"name": pod, "namespace": namespace}, "target": {"kind": "Node", "name": node}}
    try:
        await client.create(resources.BINDINGS, body, namespace, pod)
    except errors.APIError as error:
        return str(error)
    return ""


async def policy(admin: clients.Client, unbound: clients.Client) -> None:
    """Has the policy of `deploy/` in effect from now on; `unbound` has a token of no pod, which it refuses.

    It stays: an API server stops following Leases with the last policy that reads them, and never
    begins again (kubernetes/kubernetes#130887).
    """
    with contextlib.suppress(errors.Conflict):
        await admin.create(resources.LEASES, {"metadata": {"name": LEASE}}, NAMESPACE)
    made, binding = yaml.safe_load_all(POLICY.read_text())
    for kind, body in ((POLICIES, made), (POLICY_BINDINGS, binding)):
        with contextlib.suppress(errors.Conflict):
            await admin.create(kind, body)
    async with asyncio.timeout(30):
        while not (await bind(unbound, "default", "nobody")).startswith("403 "):
            await asyncio.sleep(0.05)
