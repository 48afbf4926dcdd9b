"""The embedded API server over its own TLS, as clients meet it."""

import base64
import concurrent.futures
import contextlib
import http.client
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

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
    ship = {"apiVersion": "example.com/v1", "kind": "Ship", "spec": {"holds": [1, {"a": None}]}}
    code, made = client("POST", ships, ship | named("s"))
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


@contextlib.contextmanager
def serving(*arguments: str, stderr: IO[str] | None = None) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    """`stowage cluster` as a command, ready; killed where the block leaves it running."""
    command = [sys.executable, "-m", "stowage", "cluster", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("export KUBECONFIG="), line
            yield process, connect(Path(line.strip().partition("=")[2]))
        finally:
            process.kill()


def connect(kubeconfig: Path) -> Client:
    config = yaml.safe_load(kubeconfig.read_text())
    host, port = config["clusters"][0]["cluster"]["server"].removeprefix("https://").rsplit(":", 1)
    authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    return Client(host, int(port), config["users"][0]["user"]["token"], authority)


@pytest.mark.slow
def test_what_was_answered_before_a_kill_is_there_afterwards(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path / "data"), "--nodes", "0", "--kubeconfig", str(tmp_path / "config"))
    with serving(*arguments) as (process, client):
        for i in range(20):
            assert client("POST", MAPS, named(f"m-{i}"))[0] == 201
        assert client("DELETE", f"{MAPS}/m-3")[0] == 200
        version = client("GET", MAPS)[1]["metadata"]["resourceVersion"]
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(*arguments) as (process, again):
        # Who the server is and who may ask are kept, so a client goes on; only the port is another.
        client.port = again.port
        assert client == again
        listed = client("GET", MAPS)[1]
        assert len(listed["items"]) == 19
        assert int(listed["metadata"]["resourceVersion"]) >= int(version)
        code, status = client("GET", f"{MAPS}?watch=1&resourceVersion={int(version) - 1}")
        assert (code, status["reason"]) == (410, "Expired")
        for path in tmp_path.iterdir():
            assert (path.name, oct(path.stat().st_mode & 0o777)) == (path.name, "0o600")
        process.terminate()
        output, _ = process.communicate(timeout=20)
        assert (process.returncode, output) == (0, "")


@pytest.mark.slow
def test_a_cluster_that_began_with_a_dump_goes_on_where_it_was(tmp_path: Path) -> None:
    spec = {"containers": [{"name": "c", "image": "i"}]}
    items = [
        {"kind": "Node", **named("n", uid="u-n"), "status": {"allocatable": {"cpu": "4", "pods": "9"}}},
        {"kind": "Pod", **named("p", uid="u-p", namespace="default"), "spec": spec},
    ]
    dump, data = tmp_path / "dump.json", tmp_path / "data"
    whole = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1"} | each for each in items]}
    dump.write_text(json.dumps(whole))
    arguments = ("--data", str(data), "--from", str(dump))
    with serving(*arguments) as (process, client):
        binding = named("p") | {"target": {"kind": "Node", "name": "n"}}
        assert client("POST", f"{PODS}/p/binding", binding)[0] == 201
        label = {"metadata": {"labels": {"disk": "ssd"}}}
        assert client("PATCH", "/api/v1/nodes/n", label, embedded_client.MERGE)[0] == 200
        process.send_signal(signal.SIGKILL)
        process.wait()
    said = tmp_path / "stderr"
    with said.open("w") as stderr, serving(*arguments, stderr=stderr) as (_, client):
        assert client("GET", "/api/v1/nodes/n")[1]["metadata"]["labels"] == {"disk": "ssd"}
        # The nodes of the dump are simulated as before.
        running = "fieldSelector=spec.nodeName%3Dn%2Cstatus.phase%3DRunning"
        with client.lines(f"{PODS}?watch=1&{running}&timeoutSeconds=20") as lines:
            assert next(lines)["object"]["metadata"]["uid"] == "u-p"
    assert said.read_text() == f"stowage cluster: {data} holds a cluster already; {dump} is passed over\n"


def write_until_cut(client: Client, name: str) -> list[tuple[str, str]]:
    """Writes one object over and over; what was answered 2xx: (verb, value), oldest first."""
    done: list[tuple[str, str]] = []
    path = f"{MAPS}/{name}"
    try:
        for turn in itertools.count():
            value = {"data": {"turn": str(turn)}}
            if not done or done[-1][0] == "DELETE":
                answered = ("POST", str(turn)), client("POST", MAPS, named(name) | value)
            elif turn % 7 == 6:
                answered = ("DELETE", ""), client("DELETE", path)
            else:
                answered = ("PATCH", str(turn)), client("PATCH", path, value, embedded_client.MERGE)
            step, (code, _) = answered
            assert code in {200, 201}
            done.append(step)
    except (OSError, http.client.HTTPException):
        return done
    raise AssertionError("unreachable")


@pytest.mark.slow
def test_a_kill_under_load_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path / "data"), "--nodes", "0")
    watched = f"{MAPS}?watch=1&fieldSelector=metadata.name%3Dw-0"
    with concurrent.futures.ThreadPoolExecutor(4) as pool, serving(*arguments) as (process, client):
        writers = {f"w-{i}": pool.submit(write_until_cut, client, f"w-{i}") for i in range(4)}
        # The kill comes when everybody is in the middle of it.
        with client.lines(watched) as lines:
            assert len(list(itertools.islice(lines, 40))) == 40
            process.send_signal(signal.SIGKILL)
        answered = {name: each.result(20) for name, each in writers.items()}
    with serving(*arguments) as (_, client):
        for name, done in answered.items():
            code, found = client("GET", f"{MAPS}/{name}")
            turn = int(found["data"]["turn"]) if code == 200 else None
            # What was under way may be there too: the turn after the last that was answered.
            last = None if done[-1][0] == "DELETE" else int(done[-1][1])
            coming = None if last is not None and len(done) % 7 == 6 else len(done)
            assert turn in {last, coming}, (name, done[-1], found)


@pytest.mark.slow
def test_without_simulated_nodes_those_of_others_are_left_alone() -> None:
    node = named("node-0") | {"status": {"capacity": {"cpu": "4"}, "conditions": []}}
    spec = {"nodeName": "node-0", "containers": [{"name": "a", "image": "b"}]}
    with embedded_client.embedded(nodes=0, controllers=True) as running:
        client = embedded_client.client(running)
        assert client("GET", "/api/v1/nodes")[1]["items"] == []
        registered = client("POST", "/api/v1/nodes", node)[1]
        client("POST", PODS, named("p") | {"spec": spec})
        client("POST", PODS, named("q", finalizers=["example.com/x"]) | {"spec": spec})
        assert client("DELETE", f"{PODS}/q")[0] == 200
        # One of ours, made afterwards, shows that the kubelets have had their turn.
        client("POST", "/api/v1/namespaces", named("late"))
        accounts = "/api/v1/namespaces/late/serviceaccounts"
        with client.lines(f"{accounts}?watch=1&timeoutSeconds=20") as lines:
            assert next(lines)["object"]["metadata"]["name"] == "default"
        assert client("GET", "/api/v1/nodes/node-0")[1] == registered
        assert client("GET", f"{PODS}/p")[1]["status"]["phase"] == "Pending"
        assert client("GET", f"{PODS}/q")[1]["metadata"]["deletionGracePeriodSeconds"] == 30
        assert client("GET", "/apis/metrics.k8s.io/v1beta1/nodes")[1]["items"] == []


@pytest.mark.slow
def test_the_line_that_is_printed_holds_in_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stowage", "cluster", "--nodes", "0", "--kubeconfig", "of a try"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            assert process.stdout is not None
            shown = ["sh", "-c", f'{process.stdout.readline()}printf %s "$KUBECONFIG"']
            done = subprocess.run(shown, capture_output=True, text=True, cwd="/", check=True)
        finally:
            process.kill()
    assert Path(done.stdout) == tmp_path / "of a try"
    assert yaml.safe_load(Path(done.stdout).read_text())["kind"] == "Config"
