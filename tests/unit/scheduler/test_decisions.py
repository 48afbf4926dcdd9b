"""What `/decisions` tells, event by event; docs/decisions.md is the format."""

import json
from typing import Any

import pytest

from stowage.cluster import table
from stowage.engine import cycle
from stowage.framework import config, profile
from stowage.scheduler import decisions
from tests.builders import make_node, make_pod
from tests.unit.kube import fakes

Event = dict[str, Any]


def events(text: bytes) -> list[Event]:
    """Each event's fields, its data decoded."""
    found = []
    for block in text.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


def pod(name: str) -> Any:
    return table.Table().project(make_pod(name).spec(schedulerName="default-scheduler").done())


def tell(told: decisions.Decisions, *names: str) -> None:
    for name in names:
        told.tell(pod(name), decisions.SCHEDULED, None, attempts=1, seconds=0.5, node="n")


def names(found: list[Event]) -> list[str]:
    return [event["data"]["pod"]["name"] for event in found if event["event"] == "decision"]


class Reader:
    def __init__(self, told: decisions.Decisions, after: str = "") -> None:
        self._portions = told.follow(after)

    async def next(self) -> list[Event]:
        return events(await anext(self._portions))

    async def close(self) -> None:
        await self._portions.aclose()


async def test_a_reader_gets_the_queue_at_once_and_each_decision() -> None:
    told = decisions.Decisions(fakes.Clock())
    reader = Reader(told)
    first = await reader.next()
    assert [event["event"] for event in first] == ["queue"]
    assert first[0]["data"]["leading"] is False
    tell(told, "a", "b")
    found = await reader.next()
    assert names(found) == ["a", "b"]
    assert found[0]["data"] == {
        "seq": 1,
        "time": "2026-01-31T12:00:00.000000Z",
        "pod": {"namespace": "default", "name": "a", "uid": "uid-default-a"},
        "profile": "default-scheduler",
        "result": "scheduled",
        "node": "n",
        "evaluated": 0,
        "attempts": 1,
        "seconds": 0.5,
    }
    await reader.close()


async def test_the_queue_is_told_once_a_second_with_the_pace() -> None:
    clock = fakes.Clock()
    told = decisions.Decisions(clock)
    reader = Reader(told)
    await reader.next()
    tell(told, "a", "b", "c")
    clock.time += 1.5  # three pods in one and a half seconds: two a second
    found = await reader.next()
    assert found[-1]["event"] == "queue"
    assert found[-1]["data"]["podsPerSecond"] == 2.0
    await reader.close()


async def test_a_slow_reader_loses_the_oldest_and_is_told_how_many() -> None:
    told = decisions.Decisions(fakes.Clock(), kept=3)
    reader = Reader(told)
    await reader.next()
    tell(told, *"abcde")
    found = await reader.next()
    assert found[0] == {"event": "lost", "data": {"count": 2}}
    assert names(found) == ["c", "d", "e"]
    await reader.close()


async def test_a_reader_that_comes_back_gets_what_it_missed() -> None:
    told = decisions.Decisions(fakes.Clock())
    reader = Reader(told)
    await reader.next()
    tell(told, "a")
    last = (await reader.next())[0]["id"]
    await reader.close()
    tell(told, "b", "c")  # nobody listens, but somebody may come back
    reader = Reader(told, last)
    await reader.next()
    assert names(await reader.next()) == ["b", "c"]
    await reader.close()


async def test_an_id_of_another_process_brings_all_that_is_kept() -> None:
    told = decisions.Decisions(fakes.Clock())
    reader = Reader(told)
    await reader.next()
    tell(told, "a", "b")
    for after in ("ffffffff.7", f"{told._boot}.{'9' * 5000}"):
        other = Reader(told, after)
        await other.next()
        assert names(await other.next()) == ["a", "b"]
        await other.close()
    await reader.close()


async def test_nothing_is_kept_while_nobody_listens_and_what_was_missed_is_counted() -> None:
    clock = fakes.Clock()
    told = decisions.Decisions(clock)
    reader = Reader(told)
    await reader.next()
    tell(told, "a")
    last = (await reader.next())[0]["id"]
    await reader.close()
    clock.time += decisions.LINGER
    assert not told.wanted
    tell(told, "b", "c")
    reader = Reader(told, last)
    await reader.next()
    tell(told, "d")
    found = await reader.next()
    assert found[0]["data"] == {"count": 2}
    assert (names(found), found[1]["data"]["seq"]) == (["d"], 4)
    await reader.close()


def engine(*free: str, **settings: Any) -> cycle.Engine:
    cluster = table.Table()
    for number, cpu in enumerate(free):
        cluster.set(make_node(f"n{number}").allocatable(cpu=cpu, memory="8Gi", pods="10").done())
    profiles = [profile.Profile(each) for each in config.default().profiles]
    return cycle.Engine(cluster, profiles, seed=1, **settings)


async def test_a_decision_says_why_and_what_came_next() -> None:
    clock = fakes.Clock()
    told = decisions.Decisions(clock)
    reader = Reader(told)
    await reader.next()
    scheduler = engine("4", "8", "8")
    incoming = scheduler.cluster.project(
        make_pod("p").spec(schedulerName="default-scheduler").cpu("1").memory("1Gi").done()
    )
    outcome = scheduler.decide(incoming)
    seen = told.seen(scheduler, outcome)
    told.tell(incoming, decisions.SCHEDULED, seen, attempts=1, seconds=0.1, node=outcome.node)
    data = (await reader.next())[0]["data"]
    assert (data["evaluated"], data["feasible"], data["ties"]) == (3, 3, 2)
    assert data["node"] in ("n1", "n2")
    assert sum(data["why"].values()) == data["score"] == outcome.total
    assert data["runnerUp"]["node"] == "n0"
    assert data["margin"] == data["score"] - data["runnerUp"]["score"] > 0
    await reader.close()


async def test_accounts_are_made_for_so_many_decisions_a_second() -> None:
    clock = fakes.Clock()
    told = decisions.Decisions(clock)
    reader = Reader(told)
    await reader.next()
    scheduler = engine("4")
    incoming = scheduler.cluster.project(make_pod("p").spec(schedulerName="default-scheduler").done())
    outcome = scheduler.decide(incoming)
    made = [told.seen(scheduler, outcome) for _ in range(decisions.ACCOUNTS + 1)]
    assert sum(seen is not None and seen.account is not None for seen in made) == decisions.ACCOUNTS
    told.tell(incoming, decisions.SCHEDULED, made[-1], attempts=1, seconds=0.1)
    assert (await reader.next())[0]["data"]["account"] is False
    clock.time += 1.0
    again = told.seen(scheduler, outcome)
    assert again is not None
    assert again.account is not None
    await reader.close()


async def test_a_failure_says_its_sentence_and_whom_it_preempts() -> None:
    told = decisions.Decisions(fakes.Clock())
    reader = Reader(told)
    await reader.next()
    told.tell(
        pod("p"),
        decisions.UNSCHEDULABLE,
        decisions.Seen(5),
        attempts=2,
        seconds=0.0,
        nominated="n",
        message="0/5 nodes are available: 5 Insufficient cpu.",
        preempted=["default/v"],
    )
    data = (await reader.next())[0]["data"]
    assert data["message"] == "0/5 nodes are available: 5 Insufficient cpu."
    assert (data["nominatedNode"], data["preempted"], data["evaluated"]) == ("n", ["default/v"], 5)
    assert "account" not in data
    await reader.close()


@pytest.mark.parametrize("settings", [{"percentage": 20}, {}], ids=["sampled", "nominated"])
async def test_there_is_no_account_of_what_not_all_nodes_were_asked_for(settings: dict[str, int]) -> None:
    scheduler = engine(*["8"] * 200, **settings)
    built = make_pod("p").spec(schedulerName="default-scheduler").cpu("1")
    if not settings:
        built.nominated("n7")
    outcome = scheduler.decide(scheduler.cluster.project(built.done()))
    assert outcome.row >= 0
    assert scheduler.brief(outcome) is None
