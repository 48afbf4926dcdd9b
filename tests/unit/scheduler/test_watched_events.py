"""The cases of tests/data/events.yaml once more, as watches tell of them: through the cache to the queue."""

from typing import Any

import msgspec
import pytest

from stowage.cluster import table
from stowage.framework import events
from stowage.kube import informer, resources, watch
from stowage.scheduler import cache
from stowage.scheduler.queueing import queue
from tests.unit.scheduler.test_hints import KINDS, PROFILE, cases, event_of, merged


class World:
    """A queue behind a cache: what was there before is known, and a pod waits that one plugin rejected."""

    def __init__(self, row: dict[str, Any], case: dict[str, Any]) -> None:
        cluster = table.Table()
        self.queue = queue.Queue(cluster, [PROFILE], lambda: 0.0)
        self.cache = cache.Cache(cluster, self.queue, [PROFILE.name])
        self.event = event_of(case.get("event", row["event"]))
        self.case = case
        self.own = case.get("pod", row.get("pod", {}))
        if case.get("old") is not None and "own" not in case:
            self.tell(informer.What.ADDED, case["old"])
        self.tell(informer.What.ADDED, self.own, "Pod", "waiting")
        while (item := self.queue.pop()) is not None:  # the other one may be pending as well
            if item.pod.name == "waiting":
                self.queue.put_back(item, item.pod, [row["plugin"]])
        assert self.waits

    @property
    def waits(self) -> bool:
        return sum(self.queue.counts[name] for name in ("unschedulable", "gated")) == 1

    def happen(self) -> None:
        if "own" in self.case:
            self.tell(informer.What.CHANGED, merged(self.own, self.case["own"]), "Pod", "waiting", "2")
        elif self.event.action is events.Action.DELETE:
            self.tell(informer.What.REMOVED, self.case["old"])
        elif self.event.action is events.Action.ADD:
            self.tell(informer.What.ADDED, self.case["new"])
        else:
            self.tell(informer.What.CHANGED, self.case["new"], version="2")

    def tell(
        self, what: informer.What, raw: dict[str, Any], kind: str = "", name: str = "", version: str = "1"
    ) -> None:
        """News of an object; a pod that comes or changes beside the waiting one does so on a node."""
        kind = kind or self.event.resource.rsplit("/", 1)[-1]
        meta = {"name": name or "one"}
        resource = resources.of(KINDS[kind])
        if resource.namespaced:
            meta["namespace"] = "default"
        meta["uid"] = meta["name"]
        raw = merged({"metadata": meta}, raw)
        if kind == "Pod":
            raw = merged({"spec": {"schedulerName": PROFILE.name}}, raw)
        if kind == "Pod" and not name and self.event.action is not events.Action.DELETE:
            raw = merged({"spec": {"nodeName": "n"}}, raw)
        item: Any = msgspec.convert(raw, KINDS[kind])
        found = item.metadata
        head = watch.Head(found.namespace, found.name, found.uid, version)
        self.cache.apply(informer.News(what, resource, head, item))


@pytest.mark.parametrize("row", cases("wakes"))
def test_news_that_help_wake_the_pod(row: dict[str, Any]) -> None:
    world = World(row, row["wakes"])
    world.happen()
    assert not world.waits


@pytest.mark.parametrize("row", cases("stays"))
def test_news_that_cannot_help_leave_the_pod_where_it_is(row: dict[str, Any]) -> None:
    world = World(row, row["stays"])
    world.happen()
    assert world.waits
