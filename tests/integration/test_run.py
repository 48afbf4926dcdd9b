"""`stowage run`: one sentence where it cannot start, nothing left where it ended, dumps taken up."""

import errno
import json
import os
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from stowage.run import page
from tests.integration import browser, running

pytestmark = pytest.mark.slow


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert running.refused("--port", str(port)) == f"port {port} is in use; name another one with --port"


def test_a_port_that_is_not_ours_to_take_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(host: str, port: int) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("stowage.serving.server.listen", forbidden)
    with pytest.raises(page.Failed, match="no permission to listen on port 80; name another one"):
        page.listen(80)


def written(**user: Any) -> str:
    """A kubeconfig of a server that nobody answers for."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": user}],
        }
    )


PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}
NO_KUBECONFIG = "; a kubeconfig has `kind: Config`, as what `kubectl config view --raw` prints"
BROKEN = {
    "no such file": (None, "kubeconfig FILE: there is no such file"),
    "nothing": ("", f"kubeconfig FILE: it is empty{NO_KUBECONFIG}"),
    "no kubeconfig": ("just text", f"kubeconfig FILE: it has no fields{NO_KUBECONFIG}"),
    "no YAML": (
        "{",
        "kubeconfig FILE: it is no YAML: line 1, column 2: "
        "expected the node content, but found '<stream end>'",
    ),
    "no plugin": (
        written(exec=PLUGIN),
        "kubeconfig FILE: the exec plugin no-such-plugin is not installed, or not on the PATH",
    ),
    "nobody there": (
        written(token="t"),
        "https://127.0.0.1:1 does not answer: is the address right, and the server within reach? (GET "
        f"/api/v1/nodes: no connection: [Errno {errno.ECONNREFUSED}] Connect call failed ('127.0.0.1', 1))",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_kubeconfig_is_told_in_a_sentence(name: str, tmp_path: Path) -> None:
    text, expected = BROKEN[name]
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    said = running.refused("--port", "0", "--kubeconfig", str(file))
    assert said == expected.replace("FILE", str(file))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is empty"),
        ('{"kind": "List", "apiVersion": "v1", "items": [{"kind": "Node"', "ends too early"),
    ],
    ids=["missing", "empty", "cut off"],
)
def test_a_broken_dump_is_told_in_a_sentence(text: str | None, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "dump.json"
    if text is not None:
        file.write_text(text)
    assert expected in running.refused("--port", "0", "--from", str(file))


def test_a_dump_and_a_cluster_exclude_one_another() -> None:
    assert (
        running.refused("--from", "a", "--kubeconfig", "b") == "--from and --kubeconfig exclude one another"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "a", "--nodes", "3"], ("--from", "--nodes")),
        (["--kubeconfig", "a", "--seed", "3"], ("--kubeconfig", "--seed")),
    ],
    ids=["nodes", "seed"],
)
def test_what_is_of_made_up_clusters_goes_with_no_other(words: list[str], said: tuple[str, str]) -> None:
    assert running.refused(*words) == (
        f"{said[0]} brings a cluster along, and {said[1]} is for one that is made up: leave one out"
    )


@pytest.mark.parametrize("words", [[], ["--kubeconfig", "a"]], ids=["simulated", "shadow"])
def test_a_configuration_that_is_none_is_told_in_a_sentence(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    said = running.refused("--port", "0", "--config", str(file), *words)
    assert said == f"{file}: No such file or directory"


def test_the_scheduler_is_configured_by_a_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
        "profiles: [{schedulerName: mine}]\n"
    )
    with running.running("--nodes", "1", "--config", str(file)) as run:
        spec = {"schedulerName": "mine", "containers": [{"name": "c", "image": "i"}]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
        run.kubectl("apply", "-f", "-", given=json.dumps(pod))
        run.kubectl("wait", "--for=condition=PodScheduled", "pod/p", "--timeout=30s")


@running.LOOKS_AT_PROCESSES
def test_ctrl_c_ends_everything_and_leaves_nothing() -> None:
    with running.running("--nodes", "2") as run:
        pids = [run.process.pid, *running.children(run.process.pid)]
        assert len(pids) == 3
        folder = run.kubeconfig.parent
        assert (run.kubeconfig.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
        secrets = run.kubeconfig.read_text().split("token: ")[1].split("\n")[0]
        for pid in pids:
            assert secrets.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert run.end(signal.SIGINT) == 0
        assert not any(map(running.alive, pids))
        assert not folder.exists()
        assert "Traceback" not in run.out
        assert secrets not in run.out


@running.LOOKS_AT_PROCESSES
def test_children_die_with_a_parent_that_is_killed() -> None:
    with running.running("--nodes", "2") as run:
        pids = running.children(run.process.pid)
        folder = run.kubeconfig.parent
        assert len(pids) == 2
        os.kill(run.process.pid, signal.SIGKILL)
        browser.until(lambda: not any(map(running.alive, pids)), "the children have ended", 15)
        assert not folder.exists()


@running.LOOKS_AT_PROCESSES
def test_a_cluster_that_is_killed_ends_it_all_with_a_sentence() -> None:
    with running.running("--nodes", "2") as run:
        os.kill(run.child("cluster"), signal.SIGKILL)
        assert run.process.wait(timeout=30) == 1
        browser.until(lambda: "stowage run: the cluster ended" in run.out, "it says so")


# ---------------------------------------------------------------------- dumps

ZONE = "topology.kubernetes.io/zone"


def described(kind: str, name: str, version: str = "v1", **fields: Any) -> dict[str, Any]:
    """An object as a dump has it."""
    meta = {
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": "9",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    meta |= fields.pop("metadata", {})
    return {"apiVersion": version, "kind": kind, "metadata": meta, **fields}


def owned(kind: str, name: str, version: str = "apps/v1") -> dict[str, Any]:
    owner = {"apiVersion": version, "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}
    return {"namespace": "shop", "ownerReferences": [owner], "labels": {"app": "web"}}


def dump() -> dict[str, Any]:
    """Two nodes; a ReplicaSet with one pod placed and one pending; a daemon's pod whose owner is missing."""
    spec = {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]}
    ready = [{"type": "Ready", "status": "True"}]
    room = {"cpu": "4", "memory": "8Gi", "pods": "10"}
    nodes = [
        described(
            "Node",
            name,
            metadata={"labels": {ZONE: zone}},
            status={"allocatable": room, "capacity": room, "conditions": ready},
        )
        for name, zone in (("alpha", "west"), ("beta", "east"))
    ]
    labels = {"app": "web"}
    replicas = described(
        "ReplicaSet",
        "web",
        "apps/v1",
        metadata={"namespace": "shop", "labels": labels},
        spec={
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    )
    placed = {**spec, "nodeName": "alpha", "schedulerName": "default-scheduler"}
    pods = [
        described(
            "Pod", "web-1", metadata=owned("ReplicaSet", "web"), spec=placed, status={"phase": "Running"}
        ),
        described(
            "Pod",
            "web-2",
            metadata=owned("ReplicaSet", "web"),
            spec={**spec, "schedulerName": "default-scheduler"},
            status={"phase": "Pending"},
        ),
        described(
            "Pod", "agent", metadata=owned("DaemonSet", "agent"), spec=placed, status={"phase": "Running"}
        ),
    ]
    return {"apiVersion": "v1", "kind": "List", "items": [*pods, replicas, *nodes]}


def shown(run: running.Run, path: str) -> Any:
    with urllib.request.urlopen(f"{run.page}{path}", timeout=20) as answer:
        return json.load(answer)


def test_a_dump_is_taken_up_and_its_pending_pods_are_placed(tmp_path: Path) -> None:
    file = tmp_path / "dump.json"
    file.write_text(json.dumps(dump()))
    with running.running("--from", str(file)) as run:

        def phases() -> dict[str, str]:
            found = json.loads(run.kubectl("get", "pods", "-n", "shop", "-o", "json"))["items"]
            return {each["metadata"]["name"]: each["status"]["phase"] for each in found}

        expected = {"web-1": "Running", "web-2": "Running", "agent": "Running"}
        browser.until(lambda: phases() == expected, "the pending pod runs, and nothing else has changed")
        names = run.kubectl("get", "nodes", "-o", "name").split()
        assert names == ["node/alpha", "node/beta"]
        # It went to the empty node, and its owner knows it: scaling down takes one away.
        assert shown(run, "/api/pods/shop/web-2")["pod"]["node"] == "beta"
        run.kubectl("scale", "-n", "shop", "replicaset/web", "--replicas=1")
        browser.until(lambda: len(phases()) == 2, "one of the two is gone")
        assert "agent" in phases()
