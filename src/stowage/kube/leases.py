"""Leader election on a coordination.k8s.io/v1 Lease, as client-go does it and beside client-go.

`Candidate` decides and does no I/O: an attempt is a generator that asks for reads and writes and is
sent the answers. `Election` carries them out and keeps time.

A candidate takes the Lease where nobody holds it, or where it has not changed for as long as its
record says, on this candidate's own monotonic clock; writes are bound to the resource version that was
read. A leader may act until `deadline`: `renew_deadline` after its last successful write was *sent*.
Others wait `lease_duration` from when they saw that write, which is later. So two never hold the Lease
at once, however long requests take and whatever wall clocks say, as long as no two monotonic clocks
differ in rate by the factor lease_duration / renew_deadline (1.5 with the defaults) or more. (client-go
counts from the write's answer, and gives up to a retry period later.) What a leader has sent before the
deadline may still arrive after it: a Lease cannot fence.
"""

import asyncio
import dataclasses
import enum
import logging
import random
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from stowage.kube import client as clients
from stowage.kube import clock as clocks
from stowage.kube import errors, limits, resources

logger = logging.getLogger(__name__)

WAITING = logging.INFO - 4
"""The level at which candidates log that they wait: klog's verbosity 4, as client-go's."""

JITTER = 1.2
"""Candidates wait a retry period and up to this many more between attempts; client-go's factor."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Whose Lease, and for how long; seconds, kube-scheduler's defaults. ValueError as client-go's."""

    identity: str
    name: str
    namespace: str = "kube-system"
    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    def __post_init__(self) -> None:
        if not self.identity:
            raise ValueError("identity is empty")
        if self.lease_duration < 1 or self.lease_duration % 1:
            raise ValueError("leaseDuration must be whole seconds, greater than zero")
        if self.lease_duration <= self.renew_deadline:
            raise ValueError("leaseDuration must be greater than renewDeadline")
        if self.retry_period <= 0:
            raise ValueError("retryPeriod must be greater than zero")
        if self.renew_deadline <= JITTER * self.retry_period:
            raise ValueError("renewDeadline must be greater than retryPeriod*JitterFactor")


class LeaseLost(Exception):
    """The Lease could not be renewed in time; what needs it has been stopped."""


@dataclasses.dataclass(frozen=True)
class Read:
    """Asks for the Lease as it is."""


@dataclasses.dataclass(frozen=True)
class Write:
    """Asks for the Lease to be replaced by this; created, where it bears no resource version."""

    lease: dict[str, Any]


class Nothing(enum.Enum):
    """Answers that bring no Lease."""

    MISSING = "there is none"
    FAILED = "the request failed, or its answer was lost"


Answer = dict[str, Any] | Nothing
Attempt = Generator[Read | Write, Answer, bool]
"""Yields requests, is sent their answers (the Lease as stored), returns whether it succeeded."""


class Candidate:
    """What one candidate knows of a Lease, and what follows."""

    def __init__(self, settings: Settings, clock: clocks.Clock = clocks.SYSTEM) -> None:
        self.deadline = float("-inf")
        self._settings = settings
        self._clock = clock
        self._lease: dict[str, Any] | None = None
        self._seen_at = float("-inf")

    @property
    def leader(self) -> str:
        """Who held the Lease when it was last seen; '' for nobody."""
        return str(self._spec().get("holderIdentity") or "")

    def holds(self) -> bool:
        """Whether this candidate leads at this moment."""
        return self._clock.monotonic() < self.deadline

    def attempt(self) -> Attempt:
        """Try to take the Lease or to renew it, once. A leader whose deadline passes meanwhile has lost it,
        even where that succeeds: others may have led in between."""
        until = self.deadline if self.holds() else float("inf")
        # What a leader wrote last is most likely still there: spare the reading.
        if self._mine() and self._valid() and (yield from self._write(until)):
            return True
        if self._clock.monotonic() >= until:
            return False
        answer = yield Read()
        if answer is Nothing.FAILED:
            return False
        if isinstance(answer, Nothing):
            self._lease = None
        else:
            self._see(answer)
            if self.leader and not self._mine() and self._valid():
                return False
        return (yield from self._write(until))

    def release(self) -> Attempt:
        """Give the Lease up, where it is held: nobody need wait for it to expire."""
        if not self.holds():
            return False
        self.deadline = float("-inf")
        answer = yield Read()
        if isinstance(answer, Nothing):
            return False
        self._see(answer)
        if not self._mine():
            return False
        now = clocks.micro_time(self._clock.now())
        spec = self._spec()
        answer = yield self._replaced(
            {
                "holderIdentity": "",
                "leaseDurationSeconds": 1,
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": spec.get("leaseTransitions") or 0,
            }
        )
        if isinstance(answer, Nothing):
            return False
        self._see(answer)
        return True

    def _write(self, until: float) -> Attempt:
        """Write this candidate into the Lease as last seen; it leads from the answer on, if that comes
        before `until`."""
        spec, now = self._spec(), clocks.micro_time(self._clock.now())
        transitions = int(spec.get("leaseTransitions") or 0)
        mine = self._mine()
        sent = self._clock.monotonic()
        if sent >= until:
            return False
        answer = yield self._replaced(
            {
                "holderIdentity": self._settings.identity,
                "leaseDurationSeconds": int(self._settings.lease_duration),
                "acquireTime": spec.get("acquireTime") if mine else now,
                "renewTime": now,
                "leaseTransitions": transitions if mine or self._lease is None else transitions + 1,
            }
        )
        if isinstance(answer, Nothing):
            return False
        self._see(answer)
        if self._clock.monotonic() >= until:
            return False
        self.deadline = sent + self._settings.renew_deadline
        return True

    def _replaced(self, spec: dict[str, Any]) -> Write:
        """The whole Lease as last seen, labels and all, with another spec."""
        lease = self._lease or {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._settings.name, "namespace": self._settings.namespace},
        }
        return Write({**lease, "spec": spec})

    def _see(self, lease: dict[str, Any]) -> None:
        version = lease["metadata"]["resourceVersion"]
        if self._lease is None or version != self._lease["metadata"]["resourceVersion"]:
            self._seen_at = self._clock.monotonic()
        self._lease = lease
        if not self._mine():
            self.deadline = float("-inf")

    def _spec(self) -> dict[str, Any]:
        return (self._lease or {}).get("spec") or {}

    def _mine(self) -> bool:
        return self.leader == self._settings.identity

    def _valid(self) -> bool:
        """Whether the record seen last may still be somebody's, by what it says of itself."""
        duration = float(self._spec().get("leaseDurationSeconds") or 0)
        return self._clock.monotonic() < self._seen_at + duration


class Election:
    """A candidate at work. `deadline` and `holds` are for whoever is about to do what only a leader may."""

    def __init__(
        self, client: clients.Client, settings: Settings, chance: random.Random | None = None
    ) -> None:
        self.candidate = Candidate(settings, client.clock)
        self._client = client
        self.settings = settings
        self._chance = chance or random.Random()

    def __str__(self) -> str:
        """Namespace and name of the Lease."""
        return f"{self.settings.namespace}/{self.settings.name}"

    def holds(self) -> bool:
        """Whether this process leads at this moment; to be asked before each act."""
        return self.candidate.holds()

    async def acquire(self) -> None:
        """Return when the Lease is held."""
        while not await self._carried_out(self.candidate.attempt()):
            fields = {"lease": str(self), "leader": self.candidate.leader}
            logger.log(WAITING, "Not leading", extra=fields)
            jitter = self._chance.uniform(1.0, 1.0 + JITTER)
            await self._client.clock.sleep(self.settings.retry_period * jitter)
        logger.info("Leading", extra={"lease": str(self)})

    async def renew(self) -> None:
        """Keep the Lease; return when it is lost."""
        while (left := self._left()) > 0:
            await self._client.clock.sleep(min(self.settings.retry_period, left))
            if self.holds():
                await self._carried_out(self.candidate.attempt())
        logger.error("No longer leading", extra={"lease": str(self)})

    async def release(self) -> None:
        """Give the Lease up, where it is held; what needs it has to have ended."""
        await self._carried_out(self.candidate.release())

    async def run(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for the Lease, run `lead` while holding it, release it.

        Where the Lease is lost, `lead` is cancelled and awaited, and LeaseLost raised. Where this is
        cancelled, the Lease is still renewed until `lead` has ended, and then released.
        """
        await self.acquire()
        work = asyncio.create_task(lead())
        renewal = asyncio.create_task(self.renew())
        try:
            await asyncio.wait((work, renewal), return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost = renewal.done() and not work.done()
            await _ended(work)
            await _ended(renewal)
            await self.release()
        if lost:
            renewal.result()
            raise LeaseLost(f"{self} could not be renewed in time")
        work.result()

    def _left(self) -> float:
        return self.candidate.deadline - self._client.clock.monotonic()

    async def _carried_out(self, attempt: Attempt) -> bool:
        """Send what an attempt asks for; a request is given up when the Lease would be lost by then."""
        answer: Answer | None = None
        while True:
            try:
                ask = next(attempt) if answer is None else attempt.send(answer)
            except StopIteration as stop:
                return bool(stop.value)
            left = self._left() if self.holds() else self.settings.renew_deadline
            try:
                async with asyncio.timeout(left):
                    answer = await self._sent(ask)
            except TimeoutError:
                answer = Nothing.FAILED

    async def _sent(self, ask: Read | Write) -> Answer:
        namespace, name = self.settings.namespace, self.settings.name
        # One try each: the next attempt knows better than a repetition what to do about a failure.
        call: dict[str, Any] = {
            "tries": 1,
            "timeout": self.settings.renew_deadline / 2,
            "priority": limits.Priority.HIGH,
        }
        try:
            if isinstance(ask, Read):
                return await self._client.get(resources.LEASES, name, namespace, **call)
            if "resourceVersion" in ask.lease["metadata"]:
                return await self._client.update(resources.LEASES, ask.lease, name, namespace, **call)
            return await self._client.create(resources.LEASES, ask.lease, namespace, **call)
        except errors.NotFound:
            return Nothing.MISSING
        except errors.KubeError as error:
            logger.warning("Lease not read or written", extra={"lease": str(self), "error": str(error)})
            return Nothing.FAILED


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait((task,))
