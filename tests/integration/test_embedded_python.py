"""The official Python client against the embedded API server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import kubernetes.dynamic
import pytest

from tests.integration import embedded_client

pytestmark = pytest.mark.slow

SPACE = "default"
# Its types are partial, and make every field optional.
library: Any = kubernetes
client = library.client


@pytest.fixture(scope="module")
def api() -> Iterator[Any]:
    with (
        embedded_client.embedded(nodes=2) as running,
        library.config.new_client_from_config(str(running.kubeconfig)) as made,
    ):
        yield made


def pod(name: str, **labels: str) -> Any:
    container = client.V1Container(
        name="a", image="b", resources=client.V1ResourceRequirements(requests={"cpu": "1"})
    )
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name=name, labels=labels), spec=client.V1PodSpec(containers=[container])
    )


def test_objects_are_made_read_changed_and_deleted(api: Any) -> None:
    core = client.CoreV1Api(api)
    made = core.create_namespaced_pod(SPACE, pod("one", app="x"))
    assert (made.status.phase, made.spec.containers[0].resources.requests) == ("Pending", {"cpu": "1"})
    changed = core.patch_namespaced_pod("one", SPACE, {"metadata": {"labels": {"app": "y"}}})
    assert changed.metadata.labels == {"app": "y"}
    changed.metadata.labels = {"app": "z"}
    assert core.replace_namespaced_pod("one", SPACE, changed).metadata.labels == {"app": "z"}
    with pytest.raises(client.ApiException, match="the object has been modified"):
        core.replace_namespaced_pod("one", SPACE, changed)
    found = core.list_pod_for_all_namespaces(label_selector="app=z", field_selector="status.phase=Pending")
    assert [each.metadata.name for each in found.items] == ["one"]
    core.delete_namespaced_pod("one", SPACE, grace_period_seconds=0)
    with pytest.raises(client.ApiException, match="Not Found"):
        core.read_namespaced_pod("one", SPACE)


def test_lists_come_in_pages(api: Any) -> None:
    core = client.CoreV1Api(api)
    for number in range(5):
        meta = client.V1ObjectMeta(name=f"page-{number}", labels={"set": "page"})
        core.create_namespaced_config_map(SPACE, client.V1ConfigMap(metadata=meta))
    found: list[list[str]] = []
    token = ""
    while True:
        page = core.list_namespaced_config_map(SPACE, label_selector="set=page", limit=2, _continue=token)
        found.append([each.metadata.name for each in page.items])
        token = page.metadata._continue
        if not token:
            break
    assert found == [["page-0", "page-1"], ["page-2", "page-3"], ["page-4"]]


def test_a_watch_sees_a_pod_bound_and_running(api: Any) -> None:
    core = client.CoreV1Api(api)
    version = core.list_namespaced_pod(SPACE).metadata.resource_version
    core.create_namespaced_pod(SPACE, pod("watched"))
    target = client.V1ObjectReference(kind="Node", name="node-0", api_version="v1")
    binding = client.V1Binding(metadata=client.V1ObjectMeta(name="watched"), target=target)
    core.create_namespaced_pod_binding("watched", SPACE, binding, _preload_content=False)
    watching = library.watch.Watch()
    phases = []
    for event in watching.stream(
        core.list_namespaced_pod, SPACE, resource_version=version, timeout_seconds=30
    ):
        phases.append((event["type"], event["object"].spec.node_name, event["object"].status.phase))
        if event["object"].status.phase == "Running":
            watching.stop()
    assert phases[0] == ("ADDED", None, "Pending")
    assert phases[-1] == ("MODIFIED", "node-0", "Running")
    node = core.read_node("node-0")
    assert {each.type: each.status for each in node.status.conditions}["Ready"] == "True"


def test_what_the_client_discovers_it_applies(api: Any, tmp_path: Path) -> None:
    found = library.dynamic.DynamicClient(api, cache_file=str(tmp_path / "discovery"))
    deployments = found.resources.get(api_version="apps/v1", kind="Deployment")
    template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    body: Any = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "d"}}, "template": template},
    }
    made = deployments.server_side_apply(body, namespace=SPACE, field_manager="one")
    assert (made.spec.replicas, made.metadata.managedFields[0].manager) == (2, "one")
    body["spec"]["replicas"] = 3
    with pytest.raises(library.dynamic.exceptions.ConflictError, match="conflict with"):
        deployments.server_side_apply(body, namespace=SPACE, field_manager="two")
    assert found.resources.get(api_version="v1", kind="Pod").get(namespace=SPACE).kind == "PodList"


def test_metrics_and_tokens_are_there_for_it_too(api: Any) -> None:
    metrics = client.CustomObjectsApi(api).list_cluster_custom_object("metrics.k8s.io", "v1beta1", "nodes")
    assert [each["metadata"]["name"] for each in metrics["items"]] == ["node-0", "node-1"]
    core = client.CoreV1Api(api)
    core.create_namespaced_service_account(
        SPACE, client.V1ServiceAccount(metadata=client.V1ObjectMeta(name="robot"))
    )
    spec = client.V1TokenRequestSpec(audiences=[], expiration_seconds=600)
    asked = client.AuthenticationV1TokenRequest(spec=spec)
    given = core.create_namespaced_service_account_token("robot", SPACE, asked)
    review = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=given.status.token))
    answer = client.AuthenticationV1Api(api).create_token_review(review)
    assert answer.status.user.username == "system:serviceaccount:default:robot"
