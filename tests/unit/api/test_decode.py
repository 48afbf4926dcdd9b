"""From JSON to objects, and what is said of JSON that is none."""

import json
from typing import Any

import pytest

from stowage.api import decode, objects


def text(kind: str, name: str = "a", api_version: str = "v1", **fields: Any) -> bytes:
    """An object as JSON."""
    meta = {"name": name, "namespace": "ns"}
    return json.dumps({"apiVersion": api_version, "kind": kind, "metadata": meta, **fields}).encode()


def test_an_object_becomes_the_struct_of_its_kind() -> None:
    (pod,) = decode.decode_json(text("Pod", spec={"nodeName": "n", "dnsPolicy": "ignored"}))
    assert isinstance(pod, objects.Pod)
    assert pod.metadata.name == "a"
    assert pod.spec.node_name == "n"


@pytest.mark.parametrize("kind", sorted(objects.KINDS), ids="/".join)
def test_every_kind_can_be_decoded(kind: tuple[str, str]) -> None:
    group, name = kind
    (item,) = decode.decode_json(text(name, api_version=f"{group}/v1" if group else "v1"))
    assert type(item) is objects.KINDS[kind]


def test_lists_are_taken_apart_even_within_lists() -> None:
    inner = {"apiVersion": "v1", "kind": "NodeList", "items": [{"metadata": {"name": "n"}}]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [json.loads(text("Pod")), inner]}
    pod, node = decode.decode_json(json.dumps(outer).encode())
    assert isinstance(pod, objects.Pod)
    assert isinstance(node, objects.Node)
    assert [document.kind for document in decode.documents_in(outer)] == ["Pod", "Node"]


def test_plain_values_decode_as_json_does() -> None:
    value = json.loads(text("Pod", spec={"priority": 7}))
    (document,) = decode.documents_in(value)
    assert decode.decode(document) == decode.decode_json(json.dumps(value).encode())[0]


def test_null_means_absent_wherever_it_stands() -> None:
    spec = {"containers": [{"name": "c", "ports": None, "image": None}], "nodeSelector": {"a": None}}
    (pod,) = decode.decode_json(text("Pod", spec=spec, status=None))
    assert isinstance(pod, objects.Pod)
    assert pod.spec == objects.PodSpec(containers=(objects.Container("c"),))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"", "is not complete JSON", id="empty"),
        pytest.param(b'{"apiVersion":"v1"', "is not complete JSON", id="truncated"),
        pytest.param(b"hello", "is not JSON: invalid character", id="prose"),
        pytest.param(b'{"a": 1}', "kind: is missing: this is not a Kubernetes object", id="other JSON"),
        pytest.param(b"[]", "should be a set of fields, is a list", id="list"),
        pytest.param(
            b'{"kind":"Pod","apiVersion":"v1","x":' + b"[" * 100_000, "nested too deeply", id="deep"
        ),
        pytest.param(
            b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"\xff"}}', "is not UTF-8", id="not UTF-8"
        ),
        pytest.param(
            b'{"kind":"List","items":[{"kind":"Pod","apiVersion":"v1","metadata":{}},7]}',
            "items[1]: should be a set of fields, is a whole number",
            id="item that is no object",
        ),
        pytest.param(
            b'{"kind":"PodList","apiVersion":"v1","items":[{"spec":7}]}',
            "Pod items[0]: spec: should be a set of fields, is a whole number",
            id="item without a name",
        ),
        pytest.param(
            text("Pod", spec={"containers": [{"resources": {"requests": {"cpu": "1", "memory": True}}}]}),
            "Pod ns/a: spec.containers[0].resources.requests.memory: "
            "should be a quantity such as 500m or 2Gi, is true or false",
            id="quantity of another type",
        ),
        pytest.param(
            text("Pod", spec={"tolerations": [{}, {"effect": "Never"}]}),
            "Pod ns/a: spec.tolerations[1].effect: 'Never' is not one of 'NoSchedule', ",
            id="value outside a closed set",
        ),
        pytest.param(
            text("Pod", spec={"nodeSelector": {"ok": "x", "a/b": 1}}),
            "Pod ns/a: spec.nodeSelector[a/b]: should be text, is a whole number",
            id="key in a map",
        ),
        pytest.param(
            text("Pod", spec={"overhead": {"cpu": "1"}}).replace(b'"1"', b"1e400"),
            "Pod ns/a: spec.overhead.cpu: number out of range",
            id="infinite number",
        ),
        pytest.param(
            text("Pod", spec={"affinity": None, "priority": "high"}),
            "Pod ns/a: spec.priority: should be a whole number, is text",
            id="beside a null",
        ),
    ],
)
def test_what_is_wrong_is_said_with_object_and_field(data: bytes, said: str) -> None:
    with pytest.raises(decode.DecodeError) as caught:
        decode.decode_json(data)
    assert said in str(caught.value)


def test_an_unknown_kind_is_told_apart() -> None:
    with pytest.raises(decode.UnknownKindError, match="apps/v9 Deploymint is not read here"):
        decode.decode_json(text("Deploymint", api_version="apps/v9"))
    with pytest.raises(decode.UnknownKindError):
        decode.decode_json(text("Deployment", api_version="v1"))


def test_objects_after_a_bad_one_can_still_be_decoded() -> None:
    items = [json.loads(text("Pod", spec=7)), json.loads(text("Node", "b"))]
    documents = list(decode.documents(json.dumps({"kind": "List", "items": items}).encode()))
    with pytest.raises(decode.DecodeError):
        decode.decode(documents[0])
    assert isinstance(decode.decode(documents[1]), objects.Node)
