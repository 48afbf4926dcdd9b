"""The embedded API server over its own TLS, as clients meet it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stowage.embedded import server
from tests import reference_bin
from tests.integration import embedded_client
from tests.integration.embedded_client import Client

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **more}}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with embedded_client.embedded() as running:
        yield embedded_client.client(running)


def test_without_the_token_only_health_answers(client: Client) -> None:
    stranger = Client(client.host, client.port, "wrong", client.certificate)
    assert stranger("GET", PODS)[1]["reason"] == "Unauthorized"
    assert stranger("GET", "/readyz") == (200, "ok")


def test_authentication_can_be_turned_off_on_loopback_only() -> None:
    server.Settings(token="").check()
    with pytest.raises(server.SettingsError, match="on loopback only"):
        server.Settings(host="0.0.0.0", token="").check()


def test_a_watch_tells_what_enters_changes_and_leaves_its_selection(client: Client) -> None:
    _, listed = client("GET", MAPS)
    since = listed["metadata"]["resourceVersion"]
    client("POST", MAPS, named("w", labels={"a": "b"}))
    client("PATCH", f"{MAPS}/w", {"data": {"k": "v"}}, embedded_client.MERGE)
    client("PATCH", f"{MAPS}/w", {"metadata": {"labels": None}}, embedded_client.MERGE)
    with client.lines(
        f"{MAPS}?watch=1&resourceVersion={since}&labelSelector=a%3Db&timeoutSeconds=9"
    ) as lines:
        events = [next(lines) for _ in range(3)]
    assert [each["type"] for each in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert events[1]["object"]["data"] == {"k": "v"}


def test_a_watch_begins_with_what_there_is_and_says_where_that_ends(client: Client) -> None:
    client("POST", MAPS, named("i", labels={"set": "i"}))
    query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    with client.lines(f"{MAPS}?{query}&labelSelector=set%3Di&timeoutSeconds=9") as lines:
        added, bookmark = next(lines), next(lines)
    assert (added["type"], added["object"]["metadata"]["name"]) == ("ADDED", "i")
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_ends_when_its_time_is_up(client: Client) -> None:
    with client.lines(f"{PODS}?watch=1&resourceVersion=0&timeoutSeconds=1") as lines:
        assert list(lines) == []


def test_a_revision_from_before_the_server_is_gone(client: Client) -> None:
    code, status = client("GET", f"{MAPS}?watch=1&resourceVersion=9999999")
    assert (code, status["reason"]) == (504, "Timeout")


def test_pages_show_the_list_as_it_was_when_it_began(client: Client) -> None:
    for name in "abc":
        client("POST", MAPS, named(f"page-{name}", labels={"page": "x"}))
    _, first = client("GET", f"{MAPS}?labelSelector=page%3Dx&limit=2")
    client("DELETE", f"{MAPS}/page-c")
    client("POST", MAPS, named("page-d", labels={"page": "x"}))
    token = first["metadata"]["continue"]
    _, second = client("GET", f"{MAPS}?labelSelector=page%3Dx&limit=2&continue={token}")
    names = [each["metadata"]["name"] for page in (first, second) for each in page["items"]]
    assert names == ["page-a", "page-b", "page-c"]


def test_custom_kinds_are_served_while_their_definition_is_there(client: Client) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": schema,
        "subresources": {"status": {}},
    }
    names = {"plural": "ships", "kind": "Ship"}
    definition = named("ships.example.com") | {
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    }
    ships = "/apis/example.com/v1/namespaces/default/ships"
    assert client("GET", ships)[0] == 404
    assert client("POST", definitions, definition)[0] == 201
    code, made = client("POST", ships, named("s") | {"spec": {"holds": [1, {"a": None}]}})
    assert (code, made["kind"], made["spec"]) == (201, "Ship", {"holds": [1, {"a": None}]})
    _, changed = client("PATCH", f"{ships}/s/status", {"status": {"full": True}}, embedded_client.MERGE)
    assert changed["status"] == {"full": True}
    assert client("GET", ships)[1]["items"][0]["kind"] == "Ship"
    assert client("DELETE", f"{definitions}/ships.example.com")[0] == 200
    assert client("GET", ships)[0] == 404


def test_a_quota_refuses_what_it_has_no_room_for(client: Client) -> None:
    client("POST", "/api/v1/namespaces", named("small"))
    space = "/api/v1/namespaces/small"
    client(
        "POST", f"{space}/resourcequotas", named("q") | {"spec": {"hard": {"pods": "1", "requests.cpu": "1"}}}
    )
    container = {"name": "a", "image": "b", "resources": {"requests": {"cpu": "600m"}}}
    assert client("POST", f"{space}/pods", named("a") | {"spec": {"containers": [container]}})[0] == 201
    code, status = client("POST", f"{space}/pods", named("b") | {"spec": {"containers": [container]}})
    assert code == 403
    assert "exceeded quota: q, requested: pods=1,requests.cpu=600m, used: pods=1" in status["message"]


def test_reviews_know_the_one_identity(client: Client) -> None:
    review = {"spec": {"token": client.token}}
    _, answer = client("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert answer["status"]["user"]["username"] == "admin"
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    attributes = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    for user, allowed in (("admin", True), ("stranger", False)):
        _, answer = client("POST", path, {"spec": attributes | {"user": user}})
        assert answer["status"]["allowed"] is allowed


def test_bodies_are_bounded_and_may_be_rubbish(client: Client) -> None:
    assert client("POST", MAPS, named("big") | {"data": {"k": "x" * 4_000_000}})[0] == 413
    deep: Any = {}
    for _ in range(900):
        deep = {"a": deep}
    assert client("PATCH", f"{MAPS}/none", deep, embedded_client.MERGE)[0] in {400, 404}
    assert client("POST", MAPS, named("deep") | {"data": deep})[0] == 400
    protobuf = "application/vnd.kubernetes.protobuf"
    assert client("POST", MAPS, {}, protobuf)[0] == 400
    assert client("POST", MAPS, {}, "application/cbor")[0] == 415


def start(*arguments: str) -> tuple[subprocess.Popen[str], Path]:
    """`stowage cluster` as a command; the process, ready, and its kubeconfig."""
    command = [sys.executable, "-m", "stowage", "cluster", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("export KUBECONFIG="), line
    return process, Path(line.strip().partition("=")[2])


def connect(kubeconfig: Path) -> Client:
    config = yaml.safe_load(kubeconfig.read_text())
    host, port = config["clusters"][0]["cluster"]["server"].removeprefix("https://").rsplit(":", 1)
    return Client(host, int(port), config["users"][0]["user"]["token"])


@pytest.mark.slow
def test_what_was_answered_before_a_kill_is_there_afterwards(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path / "data"), "--nodes", "0", "--kubeconfig", str(tmp_path / "config"))
    process, kubeconfig = start(*arguments)
    client = connect(kubeconfig)
    for i in range(20):
        assert client("POST", MAPS, named(f"m-{i}"))[0] == 201
    assert client("DELETE", f"{MAPS}/m-3")[0] == 200
    version = client("GET", MAPS)[1]["metadata"]["resourceVersion"]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    process, kubeconfig = start(*arguments)
    client = connect(kubeconfig)
    listed = client("GET", MAPS)[1]
    assert len(listed["items"]) == 19
    assert int(listed["metadata"]["resourceVersion"]) >= int(version)
    code, status = client("GET", f"{MAPS}?watch=1&resourceVersion={int(version) - 1}")
    assert (code, status["reason"]) == (410, "Expired")
    assert oct((tmp_path / "config").stat().st_mode & 0o777) == "0o600"
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, "")


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_sentence() -> None:
    with embedded_client.embedded() as running:
        port = running.url.rpartition(":")[2]
        command = [sys.executable, "-m", "stowage", "cluster", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("stowage cluster: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.reference
def test_the_real_scheduler_binds_pods_here(tmp_path: Path) -> None:
    scheduler = reference_bin.require("kube-scheduler")
    with embedded_client.embedded(nodes=3, controllers=True) as running:
        command = [str(scheduler), "--kubeconfig", str(running.kubeconfig), "--authentication-skip-lookup"]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen([*command, "--secure-port=0"], stderr=log, env=os.environ)
        try:
            client = embedded_client.client(running)
            version = client("GET", PODS)[1]["metadata"]["resourceVersion"]
            container = {"name": "a", "image": "b"}
            client("POST", PODS, named("p") | {"spec": {"containers": [container]}})
            with client.lines(f"{PODS}?watch=1&resourceVersion={version}&timeoutSeconds=30") as lines:
                phases = (each["object"]["status"]["phase"] for each in lines)
                assert next((phase for phase in phases if phase == "Running"), None), (
                    tmp_path / "log"
                ).read_text()
            events = "/apis/events.k8s.io/v1/namespaces/default/events"
            with client.lines(f"{events}?watch=1&timeoutSeconds=30") as lines:
                assert next(lines)["object"]["reason"] == "Scheduled"
            lease = client(
                "GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler"
            )[1]
            assert lease["spec"]["holderIdentity"]
        finally:
            process.terminate()
            process.wait()
