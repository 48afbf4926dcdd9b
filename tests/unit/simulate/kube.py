"""Kubernetes objects as plain values, small ones, and runs on them."""

from __future__ import annotations

import json
from typing import Any

from stowage.api import decode, objects
from stowage.framework import config
from stowage.simulate import names, problems, run, scheduler, world

Json = dict[str, Any]


def node(
    name: str, cpu: str = "4", memory: str = "8Gi", *, taints: list[Json] | None = None, **labels: str
) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}},
        "spec": {"taints": taints or []},
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"}},
    }


def spec(cpu: str = "1", **fields: Any) -> Json:
    return {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}], **fields}


def pod(
    name: str, cpu: str = "1", *, meta: Json | None = None, status: Json | None = None, **fields: Any
) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **(meta or {})},
        "spec": spec(cpu, **fields),
        "status": status or {},
    }


def workload(kind: str, name: str, *, cpu: str = "1", pod_spec: Json | None = None, **fields: Any) -> Json:
    labels = {"app": name}
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            **({} if kind == "Job" else {"selector": {"matchLabels": labels}}),
            "template": {"metadata": {"labels": labels}, "spec": spec(cpu, **(pod_spec or {}))},
            **fields,
        },
    }


def owned(item: Json, kind: str, name: str, uid: str = "") -> Json:
    owner = {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}
    item["metadata"]["ownerReferences"] = [owner]
    return item


def kube(kind: str, version: str, name: str, **fields: Any) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def a_list(*items: Any) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)})


def decoded(item: Json) -> objects.Object:
    (document,) = decode.documents_in(item)
    return names.placed(decode.decode(document), 0)


def built(*items: Json, faults: problems.Faults | None = None, expand: bool = True) -> world.World:
    return world.build([("f", decoded(item)) for item in items], faults or problems.Faults(), expand=expand)


def simulated(*items: Json, explained: str = "", text: str = "") -> tuple[run.Result, world.World]:
    """Everything placed under the default configuration, or that in ``text``."""
    found = built(*items)
    written = config.load(text).config if text else config.default()
    engine = scheduler.engine(found.cluster, written, seed=0, percentage=None)
    return run.Simulation(engine, None, explained).run(found.pending), found


def fates(result: run.Result) -> dict[str, tuple[str, str]]:
    """Pod name -> (state, node or nominated node)."""
    return {
        entry.incoming.name: (entry.state.value, entry.node or entry.nominated) for entry in result.entries
    }
