"""The token bucket, places in flight and backoff."""

import asyncio
import contextlib
import random

import pytest

from stowage.kube import limits
from tests.unit.kube import fakes


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    clock = fakes.Clock(hurry=False)
    limiter = limits.Limiter(qps=10, burst=3, places=100, clock=clock)
    went: list[float] = []

    async def go() -> None:
        async with limiter.place():
            went.append(clock.time - 1000)

    tasks = [asyncio.create_task(go()) for _ in range(6)]
    await clock.advance(1)
    await asyncio.gather(*tasks)
    # Three of the bucket, then one each tenth of a second.
    assert went == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3])


async def test_a_bucket_fills_to_its_burst_and_no_further() -> None:
    clock = fakes.Clock(hurry=False)
    limiter = limits.Limiter(qps=10, burst=2, places=100, clock=clock)
    await limiter.token()
    await clock.advance(60)
    await limiter.token()
    await limiter.token()
    third = asyncio.create_task(limiter.token())
    await fakes.settled()
    assert not third.done()
    await clock.advance(0.2)
    assert third.done()


async def test_without_a_rate_only_places_count() -> None:
    limiter = limits.Limiter(qps=None, burst=1, places=2, clock=fakes.Clock())
    async with limiter.place(), limiter.place():
        third = asyncio.create_task(enter_and_leave(limiter, limits.Priority.NORMAL, [], "third"))
        await fakes.settled()
        assert not third.done()
    await third


async def enter_and_leave(
    limiter: limits.Limiter, priority: limits.Priority, order: list[str], name: str
) -> None:
    async with limiter.place(priority):
        order.append(name)


async def test_the_more_important_goes_first_however_late_it_came() -> None:
    limiter = limits.Limiter(qps=None, burst=1, places=1, clock=fakes.Clock())
    order: list[str] = []
    async with asyncio.TaskGroup() as group, limiter.place():
        for name, priority in (
            ("event 1", limits.Priority.LOW),
            ("event 2", limits.Priority.LOW),
            ("bind 1", limits.Priority.NORMAL),
            ("bind 2", limits.Priority.NORMAL),
            ("lease", limits.Priority.HIGH),
        ):
            group.create_task(enter_and_leave(limiter, priority, order, name))
        await fakes.settled()
    assert order == ["lease", "bind 1", "bind 2", "event 1", "event 2"]


async def test_a_share_of_the_places_goes_to_the_least_important() -> None:
    limiter = limits.Limiter(qps=None, burst=1, places=1, clock=fakes.Clock())
    order: list[str] = []
    async with asyncio.TaskGroup() as group, limiter.place():
        for number in range(3):
            group.create_task(enter_and_leave(limiter, limits.Priority.LOW, order, f"event {number}"))
        for _ in range(2 * limits.SHARE):
            group.create_task(enter_and_leave(limiter, limits.Priority.NORMAL, order, "bind"))
        await fakes.settled()
    # 31 bindings and an Event, twice; two bindings are left, and an Event.
    turn = ["bind"] * (limits.SHARE - 1)
    assert order == [*turn, "event 0", *turn, "event 1", "bind", "bind", "event 2"]


async def test_what_may_be_late_stands_back_while_others_are_under_way() -> None:
    limiter = limits.Limiter(qps=None, burst=1, places=100, clock=fakes.Clock())
    order: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(limits.BESIDE - 1):
            await stack.enter_async_context(limiter.place())
        await enter_and_leave(limiter, limits.Priority.IDLE, order, "beside a few")
        async with limiter.place():
            waiting = asyncio.create_task(enter_and_leave(limiter, limits.Priority.IDLE, order, "after"))
            await enter_and_leave(limiter, limits.Priority.LOW, order, "overdue")
            await fakes.settled()
            assert order == ["beside a few", "overdue"]
        await waiting
    assert order == ["beside a few", "overdue", "after"]


async def test_what_may_be_late_stands_back_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PATIENCE", 0.01)
    limiter = limits.Limiter(qps=None, burst=1, places=limits.BESIDE + 1, clock=fakes.Clock())
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(5):
        for _ in range(limits.BESIDE):
            await stack.enter_async_context(limiter.place())
        await enter_and_leave(limiter, limits.Priority.IDLE, [], "event")
        # It gave its place back, and has left nothing in the way of the next.
        await enter_and_leave(limiter, limits.Priority.IDLE, [], "event")


async def test_who_stands_back_and_gives_up_leaves_no_place_taken() -> None:
    limiter = limits.Limiter(qps=None, burst=1, places=limits.BESIDE, clock=fakes.Clock())
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(limits.BESIDE):
            await stack.enter_async_context(limiter.place())
        waiting = asyncio.create_task(enter_and_leave(limiter, limits.Priority.IDLE, [], "event"))
        await fakes.settled()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(1):
        for _ in range(limits.BESIDE):
            await stack.enter_async_context(limiter.place())


async def test_what_may_be_late_has_no_share_until_it_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PATIENCE", 0.05)
    limiter = limits.Limiter(qps=None, burst=1, places=limits.BESIDE, clock=fakes.Clock())
    held = [limiter.place() for _ in range(limits.BESIDE)]
    for place in held:
        await place.__aenter__()
    waiting = asyncio.create_task(enter_and_leave(limiter, limits.Priority.IDLE, [], "event"))

    async def turn() -> None:
        """Another binding gets the place of one that ends."""
        held.append(limiter.place())
        entering = asyncio.create_task(held[-1].__aenter__())
        await fakes.settled()
        await held.pop(0).__aexit__(None, None, None)
        await entering

    for _ in range(2 * limits.SHARE):
        await turn()
    assert not waiting.done()
    await asyncio.sleep(2 * limits.PATIENCE)
    for _ in range(limits.SHARE):
        await turn()
    assert waiting.done()


async def test_events_have_a_bucket_of_their_own() -> None:
    clock = fakes.Clock(hurry=False)
    limiter = limits.Limiter(qps=1, burst=1, places=5, clock=clock)
    await limiter.token()
    await limiter.token(limits.Priority.LOW)  # does not wait
    second = [asyncio.create_task(limiter.token(each)) for each in limits.Priority]
    await fakes.settled()
    assert not any(each.done() for each in second)
    await clock.advance(1.1)
    assert [each.done() for each in second] == [True, False, True, False]
    await clock.advance(1)
    assert all(each.done() for each in second)


async def test_who_gives_up_leaves_no_place_taken() -> None:
    limiter = limits.Limiter(qps=None, burst=1, places=1, clock=fakes.Clock())
    waiting = asyncio.create_task(enter_and_leave(limiter, limits.Priority.NORMAL, [], "waiting"))
    admitted = asyncio.create_task(enter_and_leave(limiter, limits.Priority.NORMAL, [], "admitted"))
    async with limiter.place():
        await fakes.settled()
        waiting.cancel()
        await fakes.settled()
    # Leaving has admitted the second, which has not run since: cancelled now, it must give back.
    admitted.cancel()
    await asyncio.gather(waiting, admitted, return_exceptions=True)
    async with asyncio.timeout(1), limiter.place():
        pass


async def test_closing_ends_the_wait_for_tokens() -> None:
    clock = fakes.Clock(hurry=False)
    limiter = limits.Limiter(qps=1, burst=1, places=1, clock=clock)
    await limiter.token()
    waiting = asyncio.create_task(limiter.token())
    await fakes.settled()
    await limiter.close()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.parametrize(
    ("qps", "burst", "places"), [(0, 1, 1), (1, 0, 1), (1, 1, 0)], ids=["qps", "burst", "places"]
)
def test_a_limit_of_nothing_is_refused(qps: float, burst: int, places: int) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        limits.Limiter(qps, burst, places)


def test_backoff_doubles_within_its_jitter_up_to_its_longest_and_begins_anew() -> None:
    backoff = limits.Backoff(first=1, longest=5, chance=random.Random(1))
    for whole in (1, 2, 4, 5, 5):
        assert whole / 2 <= backoff.next() <= whole
    backoff.reset()
    assert backoff.next() <= 1
