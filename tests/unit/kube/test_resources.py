"""Paths and decoding."""

import pytest

from stowage.api import decode, objects
from stowage.kube import resources


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "path"),
    [
        (resources.NODES, "", "", "/api/v1/nodes"),
        (resources.NODES, "ignored", "n1", "/api/v1/nodes/n1"),
        (resources.PODS, "", "", "/api/v1/pods"),
        (resources.PODS, "default", "", "/api/v1/namespaces/default/pods"),
        (resources.BINDINGS, "default", "a", "/api/v1/namespaces/default/pods/a/binding"),
        (
            resources.LEASES,
            "kube-system",
            "s",
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/s",
        ),
        (resources.PODS, "a/../b", "c?d", "/api/v1/namespaces/a%2F..%2Fb/pods/c%3Fd"),
    ],
    ids=["all nodes", "node", "all pods", "namespace", "subresource", "group", "escaped"],
)
def test_where_objects_live(
    resource: resources.Resource[object], namespace: str, name: str, path: str
) -> None:
    assert resource.path(namespace, name) == path


@pytest.mark.parametrize("kind", sorted(objects.KINDS), ids="/".join)
def test_every_kind_that_is_read_has_its_place(kind: tuple[str, str]) -> None:
    resource = resources.of(objects.KINDS[kind])
    assert (resource.group, resource.kind) == kind
    assert isinstance(resource.decode(b"{}"), objects.KINDS[kind])


def test_null_is_absent() -> None:
    pod = resources.PODS.decode(b'{"metadata": {"name": "a", "labels": null}, "spec": {"containers": null}}')
    assert pod.metadata.name == "a"
    assert pod.spec.containers == ()


def test_what_does_not_decode_says_where() -> None:
    with pytest.raises(decode.DecodeError, match=r"Pod default/a: spec\.priority"):
        resources.PODS.decode(
            b'{"metadata": {"name": "a", "namespace": "default"}, "spec": {"priority": "high"}}'
        )
    with pytest.raises(decode.DecodeError, match="Lease"):
        resources.LEASES.decode(b"[1]")


def test_plain_objects_keep_every_field() -> None:
    assert resources.PODS.plain().decode(b'{"x": [1]}') == {"x": [1]}


def test_a_resource_is_named_as_kubectl_names_it() -> None:
    assert [str(resource) for resource in (resources.PODS, resources.BINDINGS, resources.LEASES)] == [
        "pods",
        "pods/binding",
        "leases.coordination.k8s.io",
    ]
