from typing import Any

import pytest

from stowage.embedded import errors, schema
from stowage.embedded.writing import patches

PODS = schema.named("", "Pod").struct


def containers(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(rows)}}


A, B = {"name": "a", "image": "x", "command": ["run"]}, {"name": "b", "image": "y"}


@pytest.mark.parametrize(
    ("operations", "wanted"),
    [
        ([{"op": "add", "path": "/l/1", "value": 9}], {"l": [1, 9, 2]}),
        ([{"op": "add", "path": "/l/-", "value": 9}], {"l": [1, 2, 9]}),
        ([{"op": "remove", "path": "/l/0"}], {"l": [2]}),
        ([{"op": "replace", "path": "/l", "value": 3}], {"l": 3}),
        ([{"op": "replace", "path": "/none", "value": 1}], {"l": [1, 2], "none": 1}),
        ([{"op": "copy", "from": "/l/0", "path": "/m"}], {"l": [1, 2], "m": 1}),
        ([{"op": "copy", "from": "/none", "path": "/m"}], {"l": [1, 2], "m": None}),
        ([{"op": "move", "from": "/l", "path": "/a~1b"}], {"a/b": [1, 2]}),
        ([{"op": "test", "path": "/l/0", "value": 1}], {"l": [1, 2]}),
    ],
    ids=lambda value: value[0]["op"] if isinstance(value, list) else "",
)
def test_json_patches(operations: list[Any], wanted: Any) -> None:
    assert patches.json_patch({"l": [1, 2]}, operations) == wanted


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/l/0", "value": 2},
        {"op": "remove", "path": "/none"},
        {"op": "move", "from": "/none", "path": "/m"},
        {"op": "add", "path": "/l/7", "value": 1},
        {"op": "jump", "path": "/l"},
        {"path": "/l"},
    ],
    ids=str,
)
def test_a_json_patch_that_does_not_fit_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(errors.ApiError) as caught:
        patches.json_patch({"l": [1, 2]}, [operation])
    assert caught.value.code == 422


def test_a_merge_patch_removes_by_null_and_replaces_lists() -> None:
    assert patches.merge_patch({"a": {"b": 1, "c": [1]}}, {"a": {"b": None, "c": [2]}}) == {"a": {"c": [2]}}


@pytest.mark.parametrize(
    ("patch", "wanted"),
    [
        pytest.param(containers({"name": "b", "image": "z"}), [A, {**B, "image": "z"}], id="merged by name"),
        pytest.param(containers({"name": "c"}), [{"name": "c"}, A, B], id="added, before the rest"),
        pytest.param(containers({"name": "a", "$patch": "delete"}), [B], id="deleted"),
        pytest.param(
            containers({"name": "a", "image": "n", "$patch": "replace"}), [{"name": "a", "image": "n"}, B]
        ),
        pytest.param(containers({"$patch": "replace"}, {"name": "c"}), [{"name": "c"}], id="list replaced"),
        pytest.param(
            containers({"name": "a", "command": ["stop"]}), [{**A, "command": ["stop"]}, B], id="atomic"
        ),
        pytest.param(
            {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}, [B, A], id="ordered"
        ),
    ],
)
def test_strategic_patches_merge_lists_by_key(patch: dict[str, Any], wanted: list[Any]) -> None:
    made = patches.strategic(containers(A, B), patch, PODS)
    assert made["spec"]["containers"] == wanted


def test_strategic_patches_know_plain_lists_that_merge_and_keys_to_retain() -> None:
    pod = {"metadata": {"finalizers": ["a", "b"]}}
    assert patches.strategic(pod, {"metadata": {"finalizers": ["c"]}}, PODS) == {
        "metadata": {"finalizers": ["c", "a", "b"]}
    }
    gone = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert patches.strategic(pod, gone, PODS) == {"metadata": {"finalizers": ["b"]}}
    strategy = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    recreate = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    deployments = schema.named("apps", "Deployment").struct
    assert patches.strategic(strategy, recreate, deployments) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_a_strategic_item_needs_its_key() -> None:
    with pytest.raises(errors.ApiError, match="merge key: name"):
        patches.strategic(containers(A), containers({"image": "z"}), PODS)
