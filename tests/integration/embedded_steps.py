"""Requests that go to the embedded API server and to the real one in turn, and what they send."""

from typing import Any, NamedTuple

SPACE = "/api/v1/namespaces/diff"
APPS = "/apis/apps/v1/namespaces/diff"
PODS = f"{SPACE}/pods"
MAPS = f"{SPACE}/configmaps"


class Step(NamedTuple):
    method: str
    path: str
    body: Any = None
    media: str = "application/json"
    user: str = ""
    """In whose name."""


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **more}}


def pod(name: str, **spec: Any) -> dict[str, Any]:
    container = {
        "name": "a",
        "image": "nginx:1.27",
        "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}},
    }
    return meta(name) | {"spec": {"containers": [container]} | spec}


def workload(name: str, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": pod(name)["spec"]}
    selector = {"matchLabels": {"app": name}}
    return meta(name) | {"spec": {"selector": selector, "template": template} | spec}
