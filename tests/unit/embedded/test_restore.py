"""A dump taken up: objects as they were, but for what is only true of the cluster they came from."""

import json
from pathlib import Path
from typing import Any

import pytest

from stowage.embedded import registry, schema, server
from stowage.embedded.storage import restore, store
from stowage.simulate import problems

PODS = schema.named("", "Pod")


def written(folder: Path, *items: dict[str, Any]) -> str:
    file = folder / "dump.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(file)


def made(kind: str, name: str, version: str = "v1", **fields: Any) -> dict[str, Any]:
    meta = {"name": name, "uid": f"uid-{name}", "resourceVersion": "77"} | fields.pop("metadata", {})
    return {"apiVersion": version, "kind": kind, "metadata": meta, **fields}


def pod(name: str, **meta: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "i"}], "nodeName": "n"}
    meta.setdefault("namespace", "shop")
    return made("Pod", name, metadata=meta, spec=spec, status={"phase": "Running"})


def owner(kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}


NODE = made("Node", "n", status={"allocatable": {"cpu": "1"}})
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
SELECTING = {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}
SET = made("ReplicaSet", "web", "apps/v1", metadata={"namespace": "shop"}, spec=SELECTING)


def restored(folder: Path, *items: dict[str, Any]) -> tuple[registry.Registry, list[str]]:
    reg = registry.Registry(store.Store())
    return reg, restore.restore(reg, written(folder, *items))


def test_objects_keep_what_they_were(tmp_path: Path) -> None:
    reg, nodes = restored(tmp_path, pod("web-1", ownerReferences=[owner("ReplicaSet", "web")]), SET, NODE)
    assert nodes == ["n"]
    found = reg.get(PODS, "shop", "web-1")
    assert found["metadata"]["uid"] == "uid-web-1"
    assert found["metadata"]["ownerReferences"] == [owner("ReplicaSet", "web")]
    assert (found["spec"]["nodeName"], found["status"]["phase"]) == ("n", "Running")
    assert found["metadata"]["resourceVersion"] != "77"
    assert reg.get(schema.named("", "Namespace"), "", "shop")["status"]["phase"] == "Active"


def test_an_owner_that_the_dump_lacks_is_forgotten(tmp_path: Path) -> None:
    both = [owner("ReplicaSet", "web"), owner("DaemonSet", "agent")]
    reg, _ = restored(tmp_path, pod("a", ownerReferences=both[1:]), pod("b", ownerReferences=both), SET)
    assert "ownerReferences" not in reg.get(PODS, "shop", "a")["metadata"]
    assert reg.get(PODS, "shop", "b")["metadata"]["ownerReferences"] == both[:1]


def test_news_and_leases_are_passed_over(tmp_path: Path) -> None:
    lease = made("Lease", "kube-scheduler", "coordination.k8s.io/v1", metadata={"namespace": "kube-system"})
    reg, _ = restored(tmp_path, NODE, lease)
    assert reg.objects.count("leases.coordination.k8s.io") == 0


def test_what_was_written_by_hand_is_created(tmp_path: Path) -> None:
    byhand = pod("a")
    del byhand["metadata"]["uid"]
    reg, _ = restored(tmp_path, byhand, NODE)
    assert reg.get(PODS, "shop", "a")["metadata"]["uid"]


def test_of_what_every_cluster_has_only_the_labels_are_taken(tmp_path: Path) -> None:
    reg = registry.Registry(store.Store())
    server.bootstrap(reg)
    spaces = schema.named("", "Namespace")
    before = reg.get(spaces, "", "default")["metadata"]
    byhand = made("Namespace", "default", metadata={"labels": {"team": "x"}})
    del byhand["metadata"]["uid"]
    restore.restore(reg, written(tmp_path, byhand, NODE))
    after = reg.get(spaces, "", "default")["metadata"]
    assert after["labels"] == before["labels"] | {"team": "x"}
    assert after["uid"] == before["uid"]


def test_each_fault_has_its_sentence(tmp_path: Path) -> None:
    broken = made("Node", "n", status={"allocatable": {"cpu": "lots"}})
    with pytest.raises(problems.BadInput, match=r"Node n: .*cpu"):
        restored(tmp_path, broken)
