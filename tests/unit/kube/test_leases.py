"""Leader election: the state machine by hand and at random, and the runner against a Lease in memory."""

import asyncio
import copy
import datetime
import heapq
import itertools
import random
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from aiohttp import web
from hypothesis import strategies as st

from stowage.kube import leases
from tests.unit.kube import fakes

Nothing = leases.Nothing


class Store:
    """One Lease, as an API server keeps it."""

    def __init__(self, lease: dict[str, Any] | None = None) -> None:
        self.lease = lease
        self.versions = itertools.count(100)

    def answer(self, ask: leases.Read | leases.Write) -> leases.Answer:
        if isinstance(ask, leases.Read):
            return copy.deepcopy(self.lease) if self.lease else Nothing.MISSING
        version = ask.lease["metadata"].get("resourceVersion")
        held = self.lease["metadata"]["resourceVersion"] if self.lease else None
        if version != held:
            return Nothing.FAILED
        self.lease = copy.deepcopy(ask.lease)
        self.lease["metadata"]["resourceVersion"] = str(next(self.versions))
        return copy.deepcopy(self.lease)


def lease(holder: str, transitions: int = 3) -> dict[str, Any]:
    return {
        "metadata": {"name": "s", "namespace": "kube-system", "resourceVersion": "7", "labels": {"a": "b"}},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 15,
            "acquireTime": "2026-01-01T00:00:00.000000Z",
            "renewTime": "2026-01-01T00:00:00.000000Z",
            "leaseTransitions": transitions,
        },
    }


def settings(identity: str = "me") -> leases.Settings:
    return leases.Settings(identity, "s")


def carry_out(attempt: leases.Attempt, answer: Callable[[Any], leases.Answer]) -> tuple[bool, list[str]]:
    """Answer all that an attempt asks; return its outcome and what it asked."""
    asked = []
    try:
        ask = next(attempt)
        while True:
            asked.append(type(ask).__name__)
            ask = attempt.send(answer(ask))
    except StopIteration as stop:
        return bool(stop.value), asked


# ------------------------------------------------------------------------- by hand
def test_the_defaults_are_kube_schedulers() -> None:
    made = settings()
    assert (made.lease_duration, made.renew_deadline, made.retry_period) == (15, 10, 2)
    assert made.namespace == "kube-system"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"identity": ""}, "identity"),
        ({"lease_duration": 10.0}, "leaseDuration must be greater than renewDeadline"),
        ({"lease_duration": 0.5}, "leaseDuration must be whole seconds"),
        ({"renew_deadline": 2.4}, r"renewDeadline must be greater than retryPeriod\*JitterFactor"),
        ({"retry_period": 0.0}, "retryPeriod must be greater than zero"),
    ],
    ids=["identity", "duration", "fraction", "deadline", "retry"],
)
def test_times_that_contradict_one_another_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        leases.Settings(**{"identity": "me", "name": "s", **fields})


def test_a_lease_that_is_not_there_is_created() -> None:
    clock, store = fakes.Clock(), Store()
    candidate = leases.Candidate(settings(), clock)
    assert carry_out(candidate.attempt(), store.answer) == (True, ["Read", "Write"])
    assert store.lease is not None
    assert store.lease["spec"] == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-31T12:00:00.000000Z",
        "renewTime": "2026-01-31T12:00:00.000000Z",
        "leaseTransitions": 0,
    }
    assert candidate.deadline == clock.time + 10


def test_a_leader_renews_without_reading_and_keeps_the_time_it_began() -> None:
    clock, store = fakes.Clock(), Store()
    candidate = leases.Candidate(settings(), clock)
    carry_out(candidate.attempt(), store.answer)
    clock.time += 2
    assert carry_out(candidate.attempt(), store.answer) == (True, ["Write"])
    assert store.lease is not None
    assert store.lease["spec"]["acquireTime"] == "2026-01-31T12:00:00.000000Z"
    assert store.lease["spec"]["renewTime"] == "2026-01-31T12:00:02.000000Z"


def test_anothers_lease_is_taken_when_it_has_not_changed_for_its_duration() -> None:
    clock, store = fakes.Clock(), Store(lease("other"))
    candidate = leases.Candidate(settings(), clock)
    # However old its times say it is: it counts from when it was seen.
    assert carry_out(candidate.attempt(), store.answer) == (False, ["Read"])
    assert candidate.leader == "other"
    clock.time += 14.9
    assert carry_out(candidate.attempt(), store.answer) == (False, ["Read"])
    clock.time += 0.1
    assert carry_out(candidate.attempt(), store.answer) == (True, ["Read", "Write"])
    assert store.lease is not None
    assert store.lease["spec"]["leaseTransitions"] == 4
    assert store.lease["metadata"]["labels"] == {"a": "b"}, "what is not ours stays"


def test_a_lease_that_is_renewed_is_left_alone() -> None:
    clock, store = fakes.Clock(), Store(lease("other"))
    candidate = leases.Candidate(settings(), clock)
    for version in range(20):
        assert store.lease is not None
        store.lease["metadata"]["resourceVersion"] = f"v{version}"
        assert carry_out(candidate.attempt(), store.answer)[0] is False
        clock.time += 10


def test_a_lease_that_was_released_is_taken_at_once() -> None:
    store = Store(lease(""))
    assert carry_out(leases.Candidate(settings(), fakes.Clock()).attempt(), store.answer)[0]


def test_a_lost_answer_is_made_up_for_by_the_next_attempt() -> None:
    clock, store = fakes.Clock(), Store()
    candidate = leases.Candidate(settings(), clock)

    def lossy(ask: leases.Read | leases.Write) -> leases.Answer:
        answer = store.answer(ask)
        return Nothing.FAILED if isinstance(ask, leases.Write) else answer

    assert carry_out(candidate.attempt(), lossy)[0] is False
    assert not candidate.holds(), "what nobody confirmed is not held"
    assert carry_out(candidate.attempt(), store.answer) == (True, ["Read", "Write"])
    assert store.lease is not None
    assert store.lease["spec"]["leaseTransitions"] == 0


def test_a_leader_that_sees_another_leads_no_more() -> None:
    clock, store = fakes.Clock(), Store()
    candidate = leases.Candidate(settings(), clock)
    carry_out(candidate.attempt(), store.answer)
    store.lease = lease("usurper")
    assert carry_out(candidate.attempt(), store.answer) == (False, ["Write", "Read"])
    assert not candidate.holds()


@pytest.mark.parametrize(
    ("delays", "asked"),
    [((10, 0, 0), ["Write"]), ((1, 9, 0), ["Write", "Read"]), ((1, 1, 8), ["Write", "Read", "Write"])],
    ids=["the first write", "the reading", "the second write"],
)
def test_a_renewal_that_outlasts_the_deadline_loses_the_lease(
    delays: tuple[int, ...], asked: list[str]
) -> None:
    clock, store = fakes.Clock(), Store()
    candidate = leases.Candidate(settings(), clock)
    carry_out(candidate.attempt(), store.answer)
    turns = iter(enumerate(delays))

    def late(ask: leases.Read | leases.Write) -> leases.Answer:
        turn, delay = next(turns)
        clock.time += delay
        return Nothing.FAILED if turn == 0 and delay < 10 else store.answer(ask)

    assert carry_out(candidate.attempt(), late) == (False, asked)
    assert not candidate.holds(), "another may have led meanwhile, and done"


def test_a_release_leaves_a_lease_that_anybody_may_take() -> None:
    clock, store = fakes.Clock(), Store()
    candidate = leases.Candidate(settings(), clock)
    carry_out(candidate.attempt(), store.answer)
    assert carry_out(candidate.release(), store.answer) == (True, ["Read", "Write"])
    assert store.lease is not None
    assert store.lease["spec"]["holderIdentity"] == ""
    assert store.lease["spec"]["leaseDurationSeconds"] == 1
    assert not candidate.holds()
    assert carry_out(candidate.release(), store.answer) == (False, []), "there is nothing to release"


# ------------------------------------------------------------------------- at random
class World:
    """Candidates with clocks of their own, a network that delays and loses, one Lease."""

    def __init__(self, rates: list[float], chance: random.Random) -> None:
        self.now = 0.0
        self.store = Store()
        self.chance = chance
        self.order = itertools.count()
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.clocks = [LocalClock(self, rate, chance.uniform(-1e5, 1e5)) for rate in rates]
        self.candidates = [
            leases.Candidate(settings(f"candidate {number}"), clock)
            for number, clock in enumerate(self.clocks)
        ]
        self.led: set[int] = set()
        self.cut_off = [0.0] * len(rates)
        for number in range(len(rates)):
            self.after(0, lambda number=number: self.start(number))  # type: ignore[misc]

    def run(self, seconds: float) -> None:
        while self.events and self.events[0][0] < seconds:
            self.now, _, event = heapq.heappop(self.events)
            event()

    def after(self, delay: float, event: Callable[[], None]) -> None:
        heapq.heappush(self.events, (self.now + delay, next(self.order), event))

    def start(self, number: int) -> None:
        candidate = self.candidates[number]
        if self.chance.random() < 0.1:
            self.cut_off[number] = self.now + self.chance.uniform(0, 25)
        releasing = candidate.holds() and self.chance.random() < 0.03
        attempt = candidate.release() if releasing else candidate.attempt()
        self.step(number, attempt, None)

    def step(self, number: int, attempt: leases.Attempt, answer: leases.Answer | None) -> None:
        try:
            ask = next(attempt) if answer is None else attempt.send(answer)
        except StopIteration:
            self.after(2 / self.clocks[number].rate * self.chance.uniform(1, 2.2), lambda: self.start(number))
            self.check()
        else:
            self.after(self.delay(), lambda: self.serve(number, attempt, ask))

    def serve(self, number: int, attempt: leases.Attempt, ask: leases.Read | leases.Write) -> None:
        cut = self.now < self.cut_off[number]
        answer = Nothing.FAILED if cut or self.chance.random() < 0.05 else self.store.answer(ask)
        if self.chance.random() < 0.05:
            answer = Nothing.FAILED  # it took effect, and nobody heard of it
        self.after(self.delay(), lambda: self.step(number, attempt, answer))

    def delay(self) -> float:
        return self.chance.choice((0.001, 0.01, 0.1, 1, self.chance.uniform(0, 20)))

    def check(self) -> None:
        """Leading begins with the end of an attempt, so two that lead at once do so then."""
        leading = [number for number, candidate in enumerate(self.candidates) if candidate.holds()]
        assert len(leading) <= 1, f"{leading} lead at {self.now}"
        self.led.update(leading)


class LocalClock:
    """Runs at a rate of its own from a start of its own; its wall jumps about."""

    def __init__(self, world: World, rate: float, offset: float) -> None:
        self.world = world
        self.rate = rate
        self.offset = offset

    def monotonic(self) -> float:
        return self.offset + self.rate * self.world.now

    def now(self) -> datetime.datetime:
        return fakes.WALL + datetime.timedelta(seconds=self.world.chance.uniform(-1e6, 1e6))

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


@hypothesis.given(
    rates=st.lists(st.floats(1.0, 1.49), min_size=2, max_size=4), seed=st.integers(0, 2**32 - 1)
)
@hypothesis.settings(max_examples=60)
def test_no_two_lead_at_once_while_clock_rates_differ_by_less_than_a_half(
    rates: list[float], seed: int
) -> None:
    World(rates, random.Random(seed)).run(300)


def test_the_simulation_finds_two_leaders_where_rates_differ_more() -> None:
    def search() -> None:
        for seed in range(50):
            World([1.0, 2.5], random.Random(seed)).run(300)

    with pytest.raises(AssertionError, match="lead at"):
        search()


def test_every_candidate_comes_to_lead() -> None:
    world = World([1.0, 1.1, 1.2], random.Random(1))
    world.run(3000)
    assert world.led == {0, 1, 2}


# ------------------------------------------------------------------------- at work
class Api:
    """The Lease of a `Store` over HTTP; `down` makes every request fail."""

    def __init__(self, held: dict[str, Any] | None = None) -> None:
        self.store = Store(held)
        self.down = False
        self.writes = 0

    async def __call__(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.down:
            return fakes.status(500)
        if request.method == "GET":
            answer = self.store.answer(leases.Read())
        else:
            self.writes += 1
            answer = self.store.answer(leases.Write((await request.json()) if body else {}))
        if isinstance(answer, Nothing):
            return fakes.status(404 if answer is Nothing.MISSING else 409)
        return web.json_response(answer)

    def holder(self) -> str:
        return str(self.store.lease["spec"]["holderIdentity"]) if self.store.lease else ""


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_a_standby_takes_over_and_waits_between_its_attempts() -> None:
    api, clock = Api(lease("other")), fakes.Clock()
    async with fakes.client_of(api, clock=clock) as client:
        election = leases.Election(client, settings(), random.Random(1))
        await election.acquire()
        assert election.holds()
    assert api.holder() == "me"
    assert sum(clock.slept) >= 15
    # A retry period and up to 1.2 more of it.
    assert all(2 <= slept <= 4.4 for slept in clock.slept)


async def test_work_ends_and_the_lease_is_released() -> None:
    api, clock = Api(), fakes.Clock(hurry=False)
    async with fakes.client_of(api, clock=clock) as client:
        election = leases.Election(client, settings())
        led: list[str] = []

        async def lead() -> None:
            led.append(api.holder())

        await election.run(lead)
    assert led == ["me"]
    assert api.holder() == ""


async def test_work_that_fails_says_so_and_the_lease_is_released() -> None:
    api = Api()
    async with fakes.client_of(api, clock=fakes.Clock(hurry=False)) as client:

        async def lead() -> None:
            raise KeyError("a bug")

        with pytest.raises(KeyError):
            await leases.Election(client, settings()).run(lead)
    assert api.holder() == ""


async def test_a_lease_that_cannot_be_renewed_ends_the_work_at_its_deadline() -> None:
    api, clock = Api(), fakes.Clock(hurry=False)
    ended: list[float] = []

    async def lead() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(clock.time)

    async with fakes.client_of(api, clock=clock) as client:
        election = leases.Election(client, settings())
        run = asyncio.create_task(election.run(lead))
        await until(election.holds)
        api.down = True
        began = clock.time
        while not run.done():
            await clock.advance(0.5)
            await asyncio.sleep(0.001)  # lets the requests of this half second fail
        with pytest.raises(leases.LeaseLost):
            await run
    assert began + 10 <= ended[0] <= began + 11
    assert not election.holds()


async def test_a_stop_keeps_the_lease_until_the_work_has_ended_and_then_releases_it() -> None:
    api, clock = Api(), fakes.Clock(hurry=False)
    finish = asyncio.Event()
    holders: list[str] = []

    async def lead() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await finish.wait()
            holders.append(api.holder())

    async with fakes.client_of(api, clock=clock) as client:
        election = leases.Election(client, settings())
        run = asyncio.create_task(election.run(lead))
        await until(election.holds)
        await fakes.settled()
        run.cancel()
        before = api.writes
        while api.writes < before + 3:  # renewed meanwhile
            await clock.advance(0.5)
            await asyncio.sleep(0.001)
        finish.set()
        await asyncio.gather(run, return_exceptions=True)
        assert run.cancelled()
    assert holders == ["me"]
    assert api.holder() == ""
