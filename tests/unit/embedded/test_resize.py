"""The subresource `resize`: what of a write counts, what is refused."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from stowage.embedded import errors, schema
from tests.unit.embedded.simulated import OPTIONS, Cluster

Object = dict[str, Any]
PODS = schema.named("", "Pod")


def asking(name: str, **requests: str) -> Object:
    return {"name": name, "image": "i", "resources": {"requests": requests}}


def cluster_with(spec: Object | None = None) -> Cluster:
    cluster = Cluster()
    own = {"containers": [asking("a", cpu="1", memory="1Gi")], "initContainers": [asking("i", cpu="1")]}
    cluster.create("", "Pod", "p", spec=own | (spec or {}))
    cluster.after(3)
    return cluster


def resized(cluster: Cluster, change: Callable[[Object], object]) -> Object:
    """The pod after a write to its `resize`."""

    def changed(pod: Object) -> Object:
        change(pod)
        return pod

    return cluster.reg.update(PODS, "default", "p", changed, OPTIONS, "resize")


def first(pod: Object) -> Object:
    found: Object = pod["spec"]["containers"][0]
    return found


def test_nothing_but_resources_counts() -> None:
    cluster = cluster_with()
    before = cluster.get("", "Pod", "p")

    def change(pod: Object) -> None:
        first(pod)["resources"]["requests"]["cpu"] = "2"
        first(pod)["image"] = "j"
        pod["spec"]["activeDeadlineSeconds"] = 5
        pod["status"]["phase"] = "Failed"
        pod["metadata"]["labels"] = {"a": "b"}

    after = resized(cluster, change)
    wanted = copy.deepcopy(before["spec"])
    wanted["containers"][0]["resources"]["requests"]["cpu"] = "2"
    assert after["spec"] == wanted
    assert after["status"] == before["status"]
    assert "labels" not in after["metadata"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1


def test_resources_do_not_change_otherwise() -> None:
    cluster = cluster_with()
    with pytest.raises(errors.ApiError, match="pod updates may not change fields other than"):
        cluster.patch("", "Pod", "p", containers=[asking("a", cpu="2", memory="1Gi")])


def requests(amounts: Object) -> Callable[[Object], object]:
    return lambda pod: first(pod)["resources"].update(requests=amounts)


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (requests({"cpu": "2"}), 422, {"spec.containers[0].resources.requests"}),
        (requests({"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}), 422, {"spec"}),
        (lambda pod: first(pod)["resources"].update(limits={"cpu": "1", "memory": "1Gi"}), 200, set()),
        (lambda pod: first(pod).update(name="b"), 422, {"spec.containers[0].name"}),
        (lambda pod: pod["spec"]["containers"].append(asking("b")), 422, {"spec.containers"}),
        (lambda pod: pod["spec"]["initContainers"][0].update(asking("i", cpu="2")), 200, set()),
        (requests({"cpu": "9", "memory": "1Gi"}), 403, {None}),
    ],
    ids=[
        "removed",
        "another resource",
        "limits",
        "renamed",
        "added",
        "init container",
        "more than the node has",
    ],
)
def test_a_resize_is_judged(change: Callable[[Object], object], code: int, told: set[str | None]) -> None:
    cluster = cluster_with()
    if code == 200:
        resized(cluster, change)
        return
    with pytest.raises(errors.ApiError) as caught:
        resized(cluster, change)
    assert caught.value.code == code
    assert {each.get("field") for each in (caught.value.details or {})["causes"]} == told


def test_the_quality_of_service_stays() -> None:
    cluster = cluster_with({"initContainers": []})
    limits = {"cpu": "1", "memory": "1Gi"}
    with pytest.raises(errors.ApiError, match="Pod QOS Class may not change as a result of resizing"):
        resized(cluster, lambda pod: first(pod)["resources"].update(limits=limits))


def test_a_node_that_does_not_tell_resources_cannot_resize() -> None:
    cluster = cluster_with()

    def older(pod: Object) -> Object:
        for state in pod["status"]["containerStatuses"]:
            del state["resources"]
        return pod

    cluster.reg.update(PODS, "default", "p", older, OPTIONS, "status")
    with pytest.raises(errors.ApiError, match="Pod running on node without support for resize"):
        resized(cluster, requests({"cpu": "2", "memory": "1Gi"}))


def test_a_node_must_declare_what_a_resize_needs() -> None:
    cluster = cluster_with()

    def older(node: Object) -> Object:
        del node["status"]["declaredFeatures"]
        return node

    cluster.reg.update(schema.named("", "Node"), "", "node-0", older, OPTIONS, "status")
    with pytest.raises(errors.ApiError, match="requires features InPlacePodVerticalScalingInitContainers"):
        resized(cluster, lambda pod: pod["spec"]["initContainers"][0].update(asking("i", cpu="2")))
