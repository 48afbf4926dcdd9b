"""What a scheduler may keep."""

import dataclasses
import inspect

from stowage.engine import cycle, records
from stowage.framework import config
from stowage.kube import client, connection, events, informer, series, watch
from stowage.scheduler import bounds, decisions, driver


def test_the_usual_bounds_are_what_holds_where_none_are_given() -> None:
    assert (
        bounds.Bounds(
            plan_bytes=cycle.PLAN_BYTES,
            records=records.KEPT,
            decisions=decisions.KEPT,
            events=default(events.Recorder, "limit"),
            series=default(series.Aggregator, "limit"),
            news=default(informer.Informer, "limit"),
            page=default(watch.Source, "page"),
        )
        == bounds.USUAL
    )


def default(made: type, name: str) -> int:
    value = inspect.signature(made).parameters[name].default
    assert isinstance(value, int)
    return value


def test_low_memory_lowers_every_bound() -> None:
    usual, low = dataclasses.asdict(bounds.USUAL), dataclasses.asdict(bounds.LOW)
    assert all(low[name] <= usual[name] / 4 for name in usual)


async def test_a_driver_keeps_to_its_bounds() -> None:
    nowhere = client.Client(connection.fixed(connection.Access("http://127.0.0.1:1")))
    made = driver.Driver(nowhere, config.default(), lambda: True, kept=bounds.LOW)
    assert made.engine.plan_bytes == bounds.LOW.plan_bytes
    assert made.engine.records.limit == bounds.LOW.records
    await nowhere.close()
