"""`stowage run --kubeconfig`: a real cluster watched by who may only read, its scheduler shadowed by ours."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import control_plane
from tests.integration import browser, running

pytestmark = [pytest.mark.slow, pytest.mark.reference]

RULES = [
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
    {"nonResourceURLs": ["*"], "verbs": ["get"]},
]
ACCOUNT = {"kind": "ServiceAccount", "name": "reader", "namespace": "default"}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"}
READER: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}},
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reader"},
        "rules": RULES,
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": ROLE,
        "subjects": [ACCOUNT],
    },
]


def node(number: int) -> dict[str, Any]:
    room = {"cpu": str(2 + number % 3), "memory": "8Gi", "pods": "20"}
    labels = {"kubernetes.io/hostname": f"n{number}", "topology.kubernetes.io/zone": f"z{number % 2}"}
    ready = [{"type": "Ready", "status": "True"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"n{number}", "labels": labels},
        "status": {"capacity": room, "allocatable": room, "conditions": ready},
    }


def pod(name: str, cpu: str) -> dict[str, Any]:
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"containers": [container], "topologySpreadConstraints": [spread]},
    }


def apply(kubeconfig: Path, *items: dict[str, Any]) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    running.kubectl(kubeconfig, "create", "-f", "-", given=json.dumps(listed))


def reading(admin: Path, folder: Path) -> Path:
    """The kubeconfig of one who may get, list and watch."""
    apply(admin, *READER)
    token = running.kubectl(admin, "create", "token", "reader").strip()
    written = yaml.safe_load(admin.read_text())
    for each in written["users"]:
        each["user"] = {"token": token}
    file = folder / "reader.kubeconfig"
    file.write_text(yaml.safe_dump(written))
    return file


def told(run: running.Run) -> dict[str, Any]:
    """What the page is told when it is opened."""
    found: dict[str, Any] = {}
    name = ""
    with urllib.request.urlopen(f"{run.page}/api/live", timeout=20) as stream:
        for line in stream:
            key, _, value = line.decode().rstrip("\n").partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                found[name] = json.loads(value)
            elif key == "id" and "figures" in found:
                return found
    raise AssertionError("the stream ended")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, running.Run]]:
    folder = tmp_path_factory.mktemp("plane")
    with control_plane.running(folder, ("scheduler",)) as plane:
        admin = Path(plane.kubeconfig)
        apply(admin, *(node(number) for number in range(6)))
        with running.running("--kubeconfig", str(reading(admin, folder))) as run:
            browser.until(lambda: told(run)["figures"]["known"], "the cluster is known")
            yield admin, run


def judged(run: running.Run) -> tuple[int, int]:
    """How many decisions have been judged, and how many of them were ours too."""
    figures = told(run)["figures"]
    return figures.get("judged", 0), figures.get("agreed", 0)


def until_judged(run: running.Run, count: int) -> None:
    """Returns when so many decisions have been judged."""
    browser.until(lambda: judged(run)[0] == count, f"{count} decisions are judged")


def place(admin: Path, run: running.Run, name: str, count: int) -> None:
    """Has pods placed, one at a time: the state that the scheduler saw is the state that we see."""
    for number in range(count):
        before, _ = judged(run)
        apply(admin, pod(f"{name}-{number}", f"{50 + 50 * (number % 3)}m"))
        until_judged(run, before + 1)


def test_our_choice_stands_beside_that_of_the_clusters_scheduler(cluster: tuple[Path, running.Run]) -> None:
    admin, run = cluster
    before, agreed = judged(run)
    place(admin, run, "web", 8)
    page = told(run)
    assert page["figures"]["mode"] == "shadow"
    assert judged(run) == (before + 8, agreed + 8)
    for decision in page["decisions"][-8:]:
        assert decision["agrees"]
        assert decision["ours"]["behind"] == 0
        assert decision["score"] == decision["ours"]["score"] == sum(decision["why"].values())
        assert decision["node"].startswith("n")
    assert sum(each["pods"][0] for each in page["nodes"]["changed"]) >= 8


def test_a_pod_that_fits_nowhere_fits_nowhere_for_us_either(cluster: tuple[Path, running.Run]) -> None:
    admin, run = cluster
    before, _ = judged(run)
    apply(admin, pod("huge", "64"))
    until_judged(run, before + 1)
    page = told(run)
    (waiting,) = [each for each in page["pending"]["pods"] if each["name"] == "huge"]
    last = page["decisions"][-1]
    assert (last["result"], last["agrees"], last["ours"]["node"]) == ("unschedulable", True, "")
    # The same sentence: theirs as the condition has it, ours as the engine has it.
    assert last["message"] == waiting["message"]
    assert "Insufficient cpu" in last["message"]


def test_a_binding_by_hand_against_the_filters_differs(cluster: tuple[Path, running.Run]) -> None:
    admin, run = cluster
    before, agreed = judged(run)
    bind_by_hand(admin, run, "by-hand")
    last = told(run)["decisions"][-1]
    assert (last["node"], last["agrees"], last["ours"]["node"]) == ("n0", False, "")
    # That it fits nowhere was agreed on, that it went to n0 was not.
    assert judged(run) == (before + 2, agreed + 1)


def bind_by_hand(admin: Path, run: running.Run, name: str) -> None:
    """A pod that fits nowhere, bound all the same."""
    before, _ = judged(run)
    stubborn = pod(name, "100m")
    stubborn["spec"] |= {"nodeSelector": {"no": "such-node"}}
    apply(admin, stubborn)
    until_judged(run, before + 1)
    target = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}}
    target |= {"target": {"apiVersion": "v1", "kind": "Node", "name": "n0"}}
    address = f"/api/v1/namespaces/default/pods/{name}/binding"
    running.kubectl(admin, "create", "--raw", address, "-f", "-", given=json.dumps(target))
    until_judged(run, before + 2)


def test_the_page_shows_both_choices(cluster: tuple[Path, running.Run], tmp_path: Path) -> None:
    admin, run = cluster
    place(admin, run, "shown", 2)
    bind_by_hand(admin, run, "shown-by-hand")
    with browser.chromium(tmp_path / "profile") as page:
        page.open(run.page)
        page.until("document.querySelectorAll('#decisions .agrees').length >= 3")
        page.until("document.querySelectorAll('#decisions .differs').length >= 1")
        assert "decisions as Stowage would" in page.text("#decisions-note")
        assert page.errors() == []


def test_who_may_not_read_is_told_so(cluster: tuple[Path, running.Run], tmp_path: Path) -> None:
    admin, _ = cluster
    running.kubectl(admin, "create", "serviceaccount", "stranger")
    token = running.kubectl(admin, "create", "token", "stranger").strip()
    written = yaml.safe_load(admin.read_text())
    for each in written["users"]:
        each["user"] = {"token": token}
    file = tmp_path / "stranger.kubeconfig"
    file.write_text(yaml.safe_dump(written))
    said = running.refused("--port", "0", "--kubeconfig", str(file))
    assert "does not let us read: nodes is forbidden" in said
