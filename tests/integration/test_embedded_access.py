"""Who may do what on the embedded API server, over HTTP: tokens, roles, reviews."""

import dataclasses
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from stowage.embedded import server
from tests.integration import embedded_client
from tests.integration.embedded_client import Client

PODS = "/api/v1/namespaces/default/pods"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with embedded_client.embedded() as running:
        yield embedded_client.client(running)


@pytest.fixture(scope="module")
def robot(client: Client) -> Client:
    """A client with a service account's token."""
    assert client("POST", ACCOUNTS, {"metadata": {"name": "robot"}})[0] == 201
    code, made = client("POST", f"{ACCOUNTS}/robot/token", {"spec": {}})
    assert code == 201, made
    return dataclasses.replace(client, token=made["status"]["token"])


def test_a_wrong_token_is_refused_and_none_may_ask_for_health_and_version(client: Client) -> None:
    wrong, none = (dataclasses.replace(client, token=token) for token in ("wrong", ""))
    assert wrong("GET", PODS)[1]["reason"] == "Unauthorized"
    assert wrong("GET", "/readyz") == (200, "ok")
    assert none("GET", "/readyz") == (200, "ok")
    assert none("GET", "/version")[0] == 200
    code, status = none("GET", PODS)
    assert (code, status["reason"]) == (403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "pods"' in status["message"]


def test_authentication_can_be_turned_off_on_loopback_only() -> None:
    server.Settings(token="").check()
    with pytest.raises(server.SettingsError, match="on loopback only"):
        server.Settings(host="0.0.0.0", token="").check()
    with embedded_client.embedded(server.Settings(token="")) as running:
        assert embedded_client.client(running)("POST", PODS, {"metadata": {}})[0] == 422


@pytest.mark.slow
def test_the_command_refuses_to_admit_everyone_beyond_loopback() -> None:
    command = [sys.executable, "-m", "stowage", "cluster", "--anonymous", "--bind-address", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"stowage cluster: .*on loopback only.*\n", done.stderr)


def test_an_account_may_what_its_roles_grant(client: Client, robot: Client) -> None:
    assert robot("GET", PODS)[0] == 403
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": "default"}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    binding = {"metadata": {"name": "robot"}, "roleRef": ref, "subjects": [subject]}
    assert client("POST", BINDINGS, binding)[0] == 201
    assert robot("GET", PODS)[0] == 200
    with robot.lines(f"{PODS}?watch=1&timeoutSeconds=1") as lines:
        assert list(lines) == []
    assert robot("DELETE", PODS)[1]["message"].startswith("pods is forbidden: User ")
    assert robot("GET", "/api/v1/namespaces/default/secrets")[0] == 403
    assert client("DELETE", f"{BINDINGS}/robot")[0] == 200
    assert robot("GET", PODS)[0] == 403


def test_an_administrator_may_ask_in_the_name_of_others(client: Client, robot: Client) -> None:
    jane = dataclasses.replace(client, user="jane")
    assert jane("GET", PODS)[0] == 403
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    assert jane("POST", path, {})[1]["status"]["userInfo"]["username"] == "jane"
    code, status = dataclasses.replace(robot, user="jane")("GET", PODS)
    assert (code, "cannot impersonate resource" in status["message"]) == (403, True)


def test_a_review_says_whose_a_token_is(client: Client, robot: Client) -> None:
    _, answer = client("POST", TOKEN_REVIEWS, {"spec": {"token": robot.token}})
    assert answer["status"]["authenticated"] is True
    assert answer["status"]["user"]["username"] == "system:serviceaccount:default:robot"
    assert answer["status"]["audiences"] == ["https://kubernetes.default.svc"]
    _, answer = client("POST", TOKEN_REVIEWS, {"spec": {"token": "wrong"}})
    assert "authenticated" not in answer["status"]
    assert answer["status"]["error"] == "invalid bearer token"


@pytest.mark.parametrize(
    ("asked", "allowed", "reason"),
    [
        (
            {"user": "admin", "groups": ["system:masters"], "resourceAttributes": {"verb": "get"}},
            True,
            "",
        ),
        ({"user": "jane", "resourceAttributes": {"verb": "get", "resource": "pods"}}, False, ""),
        (
            {
                "user": "m",
                "groups": ["system:monitoring"],
                "nonResourceAttributes": {"verb": "get", "path": "/metrics"},
            },
            True,
            'RBAC: allowed by ClusterRoleBinding "system:monitoring" of ClusterRole "system:monitoring" to'
            ' Group "system:monitoring"',
        ),
    ],
    ids=["master", "stranger", "path"],
)
def test_a_review_says_what_somebody_may(
    client: Client, asked: dict[str, Any], allowed: bool, reason: str
) -> None:
    code, answer = client("POST", ACCESS_REVIEWS, {"spec": asked})
    assert (code, answer["status"]["allowed"], answer["status"].get("reason", "")) == (201, allowed, reason)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"user": "jane"}, "spec.resourceAttributes"),
        ({"resourceAttributes": {"verb": "get"}}, "spec.user"),
        (
            {"user": "a", "resourceAttributes": {}, "nonResourceAttributes": {}},
            "spec.nonResourceAttributes",
        ),
    ],
    ids=["nothing asked", "nobody", "both"],
)
def test_a_review_that_cannot_be_answered_is_refused(
    client: Client, spec: dict[str, Any], field: str
) -> None:
    code, status = client("POST", ACCESS_REVIEWS, {"spec": spec})
    assert (code, status["details"]["causes"][0]["field"]) == (422, field)


def test_its_own_metrics_count_requests_watches_and_objects(client: Client) -> None:
    client("GET", "/api/v1/nodes/absent")
    with client.lines(f"{PODS}?watch=1&timeoutSeconds=9"):
        code, text = client("GET", "/metrics")
    assert code == 200
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    requests = (
        'apiserver_request_total{code="404",component="apiserver",dry_run="",group="",resource="nodes",'
        'scope="resource",subresource="",verb="GET",version="v1"}'
    )
    assert float(found[requests]) == 1
    watches = (
        'apiserver_longrunning_requests{component="apiserver",group="",resource="pods",scope="namespace",'
        'subresource="",verb="WATCH",version="v1"}'
    )
    assert float(found[watches]) == 1
    assert float(found['apiserver_resource_objects{group="",resource="namespaces"}']) == 4
    nobody = dataclasses.replace(client, token="")
    assert nobody("GET", "/metrics")[0] == 403
