from typing import Any

import pytest

from stowage.embedded import apply, errors, fields, schema

PODS = schema.named("", "Pod")
MAPS = schema.named("", "ConfigMap")
NOW = "2026-01-01T00:00:00Z"


def config(**data: str) -> dict[str, Any]:
    return {"metadata": {"name": "a"}, "data": data}


def by(name: str, operation: str = "Apply") -> apply.Manager:
    return apply.Manager(name, operation, "v1")


def applied(
    live: dict[str, Any] | None, value: dict[str, Any], name: str, force: bool = False
) -> dict[str, Any]:
    return apply.apply(live, value, MAPS, by(name), NOW, force)


def test_fields_are_written_as_managed_fields_are() -> None:
    pod = {
        "metadata": {"labels": {"a": "b"}, "finalizers": ["f/x"]},
        "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}], "nodeSelector": {"x": "y"}},
    }
    paths = fields.stated(pod, schema.Field("struct", PODS.type))
    assert fields.encode(paths) == {
        "f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {'v:"f/x"': {}}},
        "f:spec": {
            "f:nodeSelector": {},
            "f:containers": {
                'k:{"name":"c"}': {
                    ".": {},
                    "f:name": {},
                    "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                }
            },
        },
    }
    assert fields.decode(fields.encode(paths)) == paths


def test_a_field_another_manager_holds_is_a_conflict_that_names_both() -> None:
    live = applied(None, config(k="1"), "one")
    with pytest.raises(errors.ApiError) as caught:
        applied(live, config(k="2"), "two")
    assert caught.value.message == 'Apply failed with 1 conflict: conflict with "one" using v1: .data.k'
    assert caught.value.details == {
        "causes": [
            {"reason": "FieldManagerConflict", "message": 'conflict with "one" using v1', "field": ".data.k"}
        ]
    }


def test_the_same_value_is_shared_and_force_takes_a_field_over() -> None:
    live = applied(None, config(k="1", l="1"), "one")
    shared = applied(live, config(k="1"), "two")
    assert {held.manager.name for held in apply.managers(shared)} == {"one", "two"}
    forced = applied(live, config(k="2"), "two", force=True)
    held = {each.manager.name: each.paths for each in apply.managers(forced)}
    assert forced["data"] == {"k": "2", "l": "1"}
    assert held == {
        "one": frozenset({("f:data", "f:l")}),
        "two": frozenset({("f:data", "f:k")}),
    }


def test_what_a_manager_no_longer_applies_goes_unless_another_holds_it() -> None:
    live = applied(applied(None, config(k="1", l="1"), "one"), config(l="1"), "two")
    assert applied(live, config(), "one")["data"] == {"l": "1"}


def test_items_of_keyed_lists_have_owners_of_their_own() -> None:
    def pod(*names: str) -> dict[str, Any]:
        return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": n, "image": n} for n in names]}}

    live = apply.apply(None, pod("a", "b"), PODS, by("one"), NOW, False)
    live = apply.apply(live, pod("c"), PODS, by("two"), NOW, False)
    made = apply.apply(live, pod("b"), PODS, by("one"), NOW, False)
    assert [each["name"] for each in made["spec"]["containers"]] == ["b", "c"]


def test_an_update_takes_what_it_changes_from_those_who_held_it() -> None:
    live = applied(None, config(k="1", l="1"), "one")
    after = {**live, "metadata": dict(live["metadata"]), "data": {"k": "2", "l": "1"}}
    apply.track(live, after, MAPS, by("edit", "Update"), NOW)
    held = {each.manager.name: each.paths for each in apply.managers(after)}
    assert held == {"one": frozenset({("f:data", "f:l")}), "edit": frozenset({("f:data", "f:k")})}
