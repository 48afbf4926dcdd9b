from typing import Any

import pytest

from stowage.embedded import schema, tables
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
        (800 * 86400, "2y"),
    ],
)
def test_ages_are_written_as_kubectl_writes_them(seconds: int, shown: str) -> None:
    assert tables.age(START.strftime("%Y-%m-%dT%H:%M:%SZ"), NOW + seconds) == shown


def test_every_kind_has_as_many_cells_as_columns() -> None:
    for resource in schema.builtin():
        value: dict[str, Any] = {"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"}}
        value["spec"] = {"containers": []}
        row = tables.row(resource, value, NOW, "None")
        assert len(row["cells"]) == len(tables.definitions(resource))


def test_pods_and_nodes_are_shown_with_their_state() -> None:
    cluster = Cluster()
    cluster.create("", "Pod", "a", spec=template()["template"]["spec"])
    cluster.after(3)
    pods, nodes = schema.named("", "Pod"), schema.named("", "Node")
    shown = tables.row(pods, cluster.get("", "Pod", "a"), cluster.reg.time(), "None")["cells"]
    assert shown[:5] == ["a", "1/1", "Running", "0", "3s"]
    node = cluster.get("", "Node", "node-0") | {"spec": {"unschedulable": True}}
    assert tables.row(nodes, node, NOW, "None")["cells"][1] == "Ready,SchedulingDisabled"
