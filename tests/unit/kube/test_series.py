"""Which Events are written: series as client-go makes them."""

import pytest

from stowage.kube import series
from tests.unit.kube import fakes

POD = series.Reference("v1", "Pod", "ns", "a", "uid-a", "5")


def key(regarding: series.Reference = POD, **fields: str) -> series.Key:
    told = {"type": "Warning", "action": "Scheduling", "reason": "FailedScheduling", **fields}
    return series.Key(told["type"], told["action"], told["reason"], regarding, None)


def test_the_first_is_created_the_second_makes_a_series_the_others_are_counted() -> None:
    clock = fakes.Clock()
    aggregator = series.Aggregator(clock=clock)
    first = aggregator.record(key(), "one")
    assert first is not None
    assert first.series() == {}
    clock.time += 1
    assert aggregator.record(key(), "another note") is first
    assert first.series() == {"series": {"count": 2, "lastObservedTime": "2026-01-31T12:00:01.000000Z"}}
    clock.time += 1
    assert aggregator.record(key(), "one") is None
    assert first.count == 3
    assert first.note == "one"


@pytest.mark.parametrize(
    "other",
    [
        key(type="Normal"),
        key(action="Binding"),
        key(reason="Scheduled"),
        key(series.Reference("v1", "Pod", "ns", "b", "uid-b", "5")),
        key(series.Reference("v1", "Pod", "ns", "a", "uid-a", "6")),
    ],
    ids=["type", "action", "reason", "object", "version of the object"],
)
def test_what_differs_is_another_event(other: series.Key) -> None:
    aggregator = series.Aggregator(clock=fakes.Clock())
    first, second = aggregator.record(key(), "n"), aggregator.record(other, "n")
    assert first is not second
    assert second is not None
    assert second.count == 1


def test_six_minutes_without_another_end_a_series() -> None:
    clock = fakes.Clock()
    aggregator = series.Aggregator(clock=clock)
    event = aggregator.record(key(), "n")
    for _ in range(4):
        aggregator.record(key(), "n")
    clock.time += 360
    assert aggregator.finish() == []
    clock.time += 1
    assert aggregator.finish() == [event]
    assert event is not None
    assert event.count == 5
    assert aggregator.record(key(), "n") is not event
    assert aggregator.finish() == []


def test_an_event_without_a_series_is_forgotten_without_a_word() -> None:
    clock = fakes.Clock()
    aggregator = series.Aggregator(clock=clock)
    event = aggregator.record(key(), "n")
    clock.time += 361
    assert aggregator.finish() == []
    assert aggregator.record(key(), "n") is not event


def test_a_series_that_goes_on_is_written_again_every_half_hour() -> None:
    clock = fakes.Clock()
    aggregator = series.Aggregator(clock=clock)
    written = 0
    for _ in range(30 * 4):  # two hours, one each minute
        aggregator.record(key(), "n")
        clock.time += 60
        written += len(aggregator.finish())
    # Due once more than half an hour has passed: after 31 minutes of each writing, 120 / 31.
    assert written == 3


def test_memory_is_bounded_and_the_oldest_goes() -> None:
    aggregator = series.Aggregator(limit=2, clock=fakes.Clock())
    first = aggregator.record(key(), "n")
    aggregator.record(key(reason="two"), "n")
    aggregator.record(key(reason="three"), "n")
    assert aggregator.record(key(), "n") is not first


@pytest.mark.parametrize(
    ("regarding", "name"),
    [("web-0", "web-0.188fcfa8c0df0000"), ("Not:a:name", None), ("a" * 240, None)],
    ids=["name", "no name", "long"],
)
def test_an_event_is_named_after_its_object_and_the_time(regarding: str, name: str | None) -> None:
    event = series.Aggregator(clock=fakes.Clock()).record(
        key(series.Reference("v1", "Pod", "ns", regarding)), "n"
    )
    assert event is not None
    if name is None:
        assert len(event.name) == 36, "a UUID"
    else:
        # 2026-01-31T12:00:00Z is 1769860800 s.
        assert event.name == f"web-0.{1769860800 * 10**9:x}"


def test_the_body_is_an_event_of_events_k8s_io() -> None:
    node = series.Reference("v1", "Node", "", "n1", "uid-n1")
    event = series.Aggregator(clock=fakes.Clock()).record(
        series.Key("Normal", "Binding", "Scheduled", node, POD), "done"
    )
    assert event is not None
    body = event.body("stowage", "stowage-host")
    assert body["metadata"]["namespace"] == "default", "that of what has none"
    assert body["regarding"] is node
    assert body["related"] is POD
    assert {name: body[name] for name in ("type", "reason", "action", "note", "eventTime")} == {
        "type": "Normal",
        "reason": "Scheduled",
        "action": "Binding",
        "note": "done",
        "eventTime": "2026-01-31T12:00:00.000000Z",
    }
    assert (body["reportingController"], body["reportingInstance"]) == ("stowage", "stowage-host")
