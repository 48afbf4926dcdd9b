"""Each plugin × event that kube-scheduler 1.36 registers: one that wakes a pod, one that does not.

The list is tests/data/events.yaml; it is pinned here in both directions.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.framework import config, events, profile
from stowage.scheduler.queueing import hints, queue

PINNED = yaml.safe_load((Path(__file__).parents[2] / "data" / "events.yaml").read_text())
PROFILE = profile.Profile(config.default().profiles[0])
ACTIONS = {action.label: action for action in (*events.Action, events.Action.UPDATE)}
KINDS = {kind: struct for (_, kind), struct in objects.KINDS.items()}


def event_of(text: str) -> events.Event:
    resource, action = text.rsplit("/", 1)
    return events.Event(events.Resource(resource), ACTIONS[action])


def merged(raw: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = {key: merged(raw.get(key, {}), value) for key, value in more.items() if isinstance(value, dict)}
    return {**raw, **more, **both}


class World:
    """A queue in which one pod waits, rejected by one plugin."""

    def __init__(self, row: dict[str, Any], case: dict[str, Any]) -> None:
        self.cluster = table.Table()
        self.queue = queue.Queue(self.cluster, [PROFILE], lambda: 0.0)
        self.raw = case.get("pod", row.get("pod", {}))
        self.pod = self.incoming(self.raw, "waiting")
        self.queue.add(self.pod)
        item = self.queue.pop()
        if item is not None:
            self.queue.put_back(item, self.pod, [row["plugin"]])
        assert self.waits

    @property
    def waits(self) -> bool:
        return sum(self.queue.counts[name] for name in ("unschedulable", "gated")) == 1

    def incoming(self, raw: dict[str, Any], name: str) -> pods.Incoming:
        filled = {"metadata": {"name": name, "uid": name, "namespace": "default"}}
        spec: dict[str, Any] = {"spec": {"schedulerName": PROFILE.name}}
        pod = msgspec.convert(merged(merged(filled, spec), raw), objects.Pod)
        return self.cluster.project(pod, placed=True)

    def item(self, kind: str, raw: dict[str, Any] | None) -> Any:
        if raw is None:
            return None
        if kind == "Pod":
            return self.incoming(raw, "other")
        return msgspec.convert(merged({"metadata": {"name": "one"}}, raw), KINDS[kind])

    def happen(self, event: events.Event, case: dict[str, Any]) -> None:
        if "own" in case:
            self.queue.update(self.pod, self.incoming(merged(self.raw, case["own"]), "waiting"))
            return
        kind = event.resource.rsplit("/", 1)[-1]
        old, new = (self.item(kind, case.get(side)) for side in ("old", "new"))
        if event.resource is events.Resource.POD:
            event = events.Event(events.Resource.ASSIGNED_POD, event.action)
        if old is not None and new is not None and kind in ("Node", "Pod"):
            found = events.node_changes if kind == "Node" else events.pod_changes
            changed = found(old, new)
            assert event.action in {each.action for each in changed}, "the case shows another event"
        self.queue.move(event, old, new)


def cases(outcome: str) -> list[Any]:
    rows = [row for row in PINNED["rows"] if outcome in row]
    return [pytest.param(row, id=f"{row['plugin']}-{row['event']}") for row in rows]


@pytest.mark.parametrize("row", cases("wakes"))
def test_an_event_that_helps_wakes_the_pod(row: dict[str, Any]) -> None:
    world = World(row, row["wakes"])
    world.happen(event_of(row["event"]), row["wakes"])
    assert not world.waits


@pytest.mark.parametrize("row", cases("stays"))
def test_an_event_that_cannot_help_leaves_the_pod_where_it_is(row: dict[str, Any]) -> None:
    world = World(row, row["stays"])
    world.happen(event_of(row["stays"].get("event", row["event"])), row["stays"])
    assert world.waits


@pytest.mark.parametrize(
    "row", [case for case in cases("wakes") if not case.id.startswith("SchedulingGates")]
)
def test_an_event_that_helps_others_leaves_a_pod_that_another_plugin_rejected(row: dict[str, Any]) -> None:
    world = World({**row, "plugin": "ImageLocality"}, row["wakes"])
    world.happen(event_of(row["event"]), row["wakes"])
    assert world.waits


def registered() -> set[tuple[str, str]]:
    """(plugin, event) with one action each; an update as a whole is one action."""
    found = set()
    for plugin in hints.rejecters(PROFILE):
        for each in plugin.events_to_register():
            event = each.event
            left = event.action
            if left & events.Action.UPDATE == events.Action.UPDATE:
                found.add((plugin.name, f"{event.resource.value}/Update"))
                left &= ~events.Action.UPDATE
            found |= {(plugin.name, f"{event.resource.value}/{action.label}") for action in left}
    return found


def test_the_default_profile_registers_exactly_the_pinned_events() -> None:
    assert registered() == {(row["plugin"], row["event"]) for row in PINNED["rows"]}


def test_what_the_list_calls_absent_is_absent() -> None:
    have = registered()
    for row in PINNED["absent"]:
        assert not [
            event for plugin, event in have if plugin == row["plugin"] and event.startswith(row["event"])
        ]


def test_every_row_names_its_source_and_both_cases_where_there_are_both() -> None:
    for row in PINNED["rows"]:
        assert row["source"].split()[0].endswith(".go")
        assert "stays" in row
        assert "wakes" in row or row["plugin"] == "DefaultPreemption"
