from typing import Any

import pytest

from stowage.embedded import errors, schema
from stowage.embedded.writing import apply, fields

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


def rows(value: dict[str, Any]) -> list[tuple[str, str, Any, bool]]:
    """Manager, subresource, fields, and whether there is a time."""
    return [
        (row["manager"], row.get("subresource", ""), row["fieldsV1"], "time" in row)
        for row in value["metadata"]["managedFields"]
    ]


REPLICAS = ("f:spec", "f:replicas")
HELD: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


def scaled(*, changed: bool, stated: bool = True) -> dict[str, Any]:
    sets = schema.named("apps", "ReplicaSet")
    value: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": {"replicas": 1}}
    apply.track(None, value, sets, apply.Manager("one", "Update", "apps/v1"), NOW)
    who = apply.Manager("two", "Update", "apps/v1", "scale")
    apply.scaled(value, REPLICAS, who, changed, stated)
    return value


def test_a_scale_takes_the_replicas_from_whom_held_them() -> None:
    assert rows(scaled(changed=True))[0] == ("two", "scale", HELD, False)
    assert "f:spec" not in rows(scaled(changed=True))[1][2]
    assert [row[0] for row in rows(scaled(changed=True, stated=False))] == ["one"]


def test_a_scale_that_changes_nothing_leaves_two_rows_of_which_the_later_one_counts() -> None:
    value = scaled(changed=False)
    assert [(row[0], row[1], row[3]) for row in rows(value)] == [("one", "", False), ("one", "", True)]
    (held,) = apply.managers(value)
    assert REPLICAS not in held.paths


def test_a_new_manager_that_changes_nothing_has_no_time() -> None:
    live = applied(None, config(a="1"), "one")
    assert [row[3] for row in rows(applied(live, config(a="1"), "two"))] == [False, True]


@pytest.mark.parametrize(
    "value", [config() | {"unknown": 1}, config() | {"data": ["x"]}], ids=["unknown-field", "wrong-type"]
)
def test_an_apply_that_does_not_fit_its_kind_is_refused_without_a_reason(value: dict[str, Any]) -> None:
    with pytest.raises(errors.ApiError) as refused:
        apply.check(value, MAPS, "default", "a")
    assert (refused.value.code, refused.value.reason) == (500, "")


def test_what_becomes_a_map_or_ceases_to_be_one_is_changed_itself() -> None:
    found = fields.compare({"a": {"b": 1}}, {"a": ["b"]}, schema.Field("map", item=schema.Field("any")))
    assert found.changed == {("f:a",)}
