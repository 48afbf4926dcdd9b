import asyncio
from typing import Any

import msgspec

from stowage.embedded import registry, schema
from stowage.embedded.http import query, watch
from stowage.embedded.storage import store
from tests.unit.embedded.simulated import Cluster

MAPS = schema.named("", "ConfigMap")


def told(reg: registry.Registry, selector: str, since: int) -> list[tuple[str, dict[str, Any]]]:
    """What a watch of config maps tells of the changes after a revision: event types and metadata."""
    params = {"labelSelector": selector, "resourceVersion": str(since)}

    def render(resource: schema.Resource, entry: store.Entry) -> bytes:
        return msgspec.json.encode(reg.read(resource, entry))

    async def lines() -> list[bytes]:
        watching = watch.Watch(reg, MAPS, "default", query.selection(MAPS, params), params, render)
        return [line async for chunk in watching.chunks(0) for line in chunk.splitlines()]

    events = [msgspec.json.decode(line) for line in asyncio.run(lines())]
    return [(each["type"], each["object"]["metadata"]) for each in events]


def test_an_object_that_leaves_the_selection_is_deleted_as_it_was_inside() -> None:
    cluster = Cluster()
    since = cluster.reg.objects.revision
    cluster.create("", "ConfigMap", "c", metadata={"labels": {"app": "web"}})
    for app in ("db", "web"):

        def relabel(value: dict[str, Any], app: str = app) -> dict[str, Any]:
            value["metadata"]["labels"]["app"] = app
            return value

        cluster.reg.update(MAPS, "default", "c", relabel, registry.Options("test"))
    found = told(cluster.reg, "app=web", since)
    assert [(kind, meta["labels"]["app"]) for kind, meta in found] == [
        ("ADDED", "web"),
        ("DELETED", "web"),
        ("ADDED", "web"),
    ]
    versions = [int(meta["resourceVersion"]) for _, meta in found]
    assert versions == [since + 1, since + 2, since + 3]


def test_a_claim_that_is_written_as_it_is_changes_once() -> None:
    cluster = Cluster(bound=False)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = cluster.create("", "PersistentVolumeClaim", "c", spec=spec)
    claims = schema.named("", "PersistentVolumeClaim")
    versions = [
        cluster.reg.update(claims, "default", "c", lambda value: value, registry.Options("test"))["metadata"]
        for _ in range(2)
    ]
    first = int(made["metadata"]["resourceVersion"])
    assert [int(meta["resourceVersion"]) for meta in versions] == [first + 1, first + 1]
