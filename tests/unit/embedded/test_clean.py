from typing import Any

import pytest

from stowage.embedded import errors, schema
from stowage.embedded.writing import clean

PODS = schema.named("", "Pod").struct


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("1.5Gi", "1536Mi"),
        ("1024Ki", "1Mi"),
        ("1000m", "1"),
        ("0.5", "500m"),
        ("100Ki", "100Ki"),
        ("512Mi", "512Mi"),
        ("1000", "1k"),
        ("1e3", "1e3"),
        ("5Ei", "5Ei"),
        ("2E", "2E"),
        ("0Mi", "0"),
        ("-1500m", "-1500m"),
        ("0.5Ki", "512"),
        (2, "2"),
        (0.25, "250m"),
    ],
    ids=str,
)
def test_quantities_are_written_canonically(given: Any, wanted: str) -> None:
    assert clean.canonical(given) == wanted


def test_unknown_fields_go_and_are_reported_with_their_path() -> None:
    value, unknown = clean.clean(
        {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "imege": "x"}], "nodes": 1}}, PODS
    )
    assert unknown == ["spec.containers[0].imege", "spec.nodes"]
    assert value["spec"] == {"containers": [{"name": "c"}]}


def test_nulls_and_zeros_that_mean_absent_go_and_those_that_do_not_stay() -> None:
    spec: dict[str, Any] = {"hostNetwork": False, "automountServiceAccountToken": False}
    spec |= {"nodeName": None, "nodeSelector": {}}
    value, _ = clean.clean({"metadata": {"labels": {}}, "spec": spec | {"containers": []}}, PODS)
    assert value == {"metadata": {}, "spec": {"automountServiceAccountToken": False, "containers": []}}


@pytest.mark.parametrize(
    "spec",
    [
        {"priority": "1"},
        {"containers": {}},
        {"nodeName": 3},
        {"hostNetwork": "yes"},
        {"overhead": {"cpu": "a lot"}},
        {"tolerations": ["x"]},
    ],
    ids=str,
)
def test_a_wrong_type_is_a_bad_request(spec: dict[str, Any]) -> None:
    with pytest.raises(errors.ApiError) as caught:
        clean.clean({"metadata": {}, "spec": spec}, PODS)
    assert caught.value.code == 400


def test_custom_objects_keep_what_their_type_does_not_name() -> None:
    given = {"metadata": {"name": "a"}, "spec": {"a": [], "b": None, "c": {"d": 1}}}
    assert clean.clean(given, schema.FREE) == (given, [])


def test_fields_that_go_always_writes_are_filled_in() -> None:
    node: dict[str, Any] = {"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready"}]}}
    clean.fill(node, schema.named("", "Node").struct)
    assert node["status"]["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 0}}
    assert node["status"]["conditions"][0]["lastHeartbeatTime"] is None
