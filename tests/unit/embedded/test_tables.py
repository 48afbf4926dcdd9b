from typing import Any

import pytest

from stowage.embedded import schema
from stowage.embedded.http import tables
from stowage.embedded.printing import ages, kinds
from stowage.embedded.writing import fields, subresources
from tests.unit.embedded.simulated import START, Cluster, template

NOW = START.timestamp()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (3600, "60m"),
        (4 * 3600, "4h"),
        (5 * 3600 + 60, "5h1m"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (9 * 86400, "9d"),
        (365 * 86400, "365d"),
        (730 * 86400, "2y"),
        (800 * 86400, "2y70d"),
        (8 * 365 * 86400, "8y"),
        (-1, "0s"),
        (-2, "<invalid>"),
    ],
)
def test_ages_are_written_as_kubectl_writes_them(seconds: int, shown: str) -> None:
    assert ages.age(START.strftime("%Y-%m-%dT%H:%M:%SZ"), NOW + seconds) == shown


LISTED = [each for each in schema.builtin() if "list" in each.verbs]


@pytest.mark.parametrize("resource", LISTED, ids=tables.key)
def test_a_kind_has_a_cell_for_each_of_its_columns_and_none_besides(resource: schema.Resource) -> None:
    names = {column["name"] for column in tables.definitions(resource)}
    assert kinds.KINDS.get(tables.key(resource), {}).keys() <= names
    assert names <= (kinds.COMMON | kinds.KINDS.get(tables.key(resource), {})).keys()


@pytest.mark.parametrize("resource", LISTED, ids=tables.key)
def test_an_empty_object_of_a_kind_can_be_shown_for_a_bookmark_is_one(resource: schema.Resource) -> None:
    value: dict[str, Any] = fields.blank(resource.type) | {"metadata": {}}
    row = tables.row(resource, value, NOW, "None")
    assert len(row["cells"]) == len(tables.definitions(resource))


def test_every_kind_with_cells_of_its_own_is_served() -> None:
    assert kinds.KINDS.keys() <= {tables.key(each) for each in (*LISTED, subresources.SCALE)}


def test_pods_and_nodes_are_shown_with_their_state() -> None:
    cluster = Cluster()
    cluster.create("", "Pod", "a", spec=template()["template"]["spec"])
    cluster.after(3)
    pods, nodes = schema.named("", "Pod"), schema.named("", "Node")
    shown = tables.row(pods, cluster.get("", "Pod", "a"), cluster.reg.time(), "None")["cells"]
    assert shown[:5] == ["a", "1/1", "Running", "0", "3s"]
    node = cluster.get("", "Node", "node-0") | {"spec": {"unschedulable": True}}
    assert tables.row(nodes, node, NOW, "None")["cells"][1] == "Ready,SchedulingDisabled"


GADGETS = schema.Resource(
    "example.com",
    "v1",
    "gadgets",
    "gadget",
    "Gadget",
    True,
    columns=(
        schema.Column("Text", "string", ".spec.text"),
        schema.Column("Number", "integer", ".spec.number", priority=1),
        schema.Column("Since", "date", ".spec.since", description="d"),
    ),
)


@pytest.mark.parametrize(
    ("spec", "cells"),
    [
        ({"text": "a", "number": 3, "since": "2019-05-01T10:00:00Z"}, ["a", 3]),
        ({"text": {"b": True}, "number": 2.0, "since": "x"}, ['{"b":true}', 2, "<invalid>"]),
        ({"text": None, "number": "3", "since": 5}, [None, None, None]),
        ({"number": True}, [None, None, None]),
    ],
    ids=["as declared", "of other types", "not to be shown", "missing"],
)
def test_a_custom_kind_has_the_cells_its_definition_names(spec: dict[str, Any], cells: list[Any]) -> None:
    row = tables.row(GADGETS, {"metadata": {"name": "g"}, "spec": spec}, NOW, "None")["cells"]
    assert row[: 1 + len(cells)] == ["g", *cells]


def test_a_custom_kind_without_columns_has_its_name_and_age() -> None:
    plain = schema.Resource("example.com", "v1", "gadgets", "gadget", "Gadget", True)
    assert [column["name"] for column in tables.definitions(plain)] == ["Name", "Age"]
    value = {"metadata": {"name": "g", "creationTimestamp": "2019-05-01T10:00:00Z"}}
    assert tables.row(plain, value, NOW, "None")["cells"][0] == "g"
    head = tables.definitions(GADGETS)
    assert [(column["name"], column["priority"]) for column in head[2:]] == [("Number", 1), ("Since", 0)]
    assert head[3]["description"] == "d"
