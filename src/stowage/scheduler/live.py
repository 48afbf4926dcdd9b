"""One scheduler process: it waits for the Lease, schedules while it holds it, and gives it up."""

from __future__ import annotations

import logging
import socket
import uuid

from stowage.framework import config
from stowage.kube import client as clients
from stowage.kube import leases
from stowage.scheduler import bounds, debugger, decisions, driver
from stowage.scheduler.extension import extenders
from stowage.scheduler.metering import metrics
from stowage.scheduler.queueing import queue as queues

logger = logging.getLogger(__name__)

LATE = 20.0
"""Seconds after the end of its Lease for which a leader that could not renew it counts as healthy."""


def election(client: clients.Client, written: config.Configuration) -> leases.Election:
    """The candidate that a configuration describes. ValueError where its times make no sense."""
    asked = written.leader_election
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    return leases.Election(
        client,
        leases.Settings(
            identity,
            asked.resource_name,
            asked.resource_namespace,
            asked.lease_duration,
            asked.renew_deadline,
            asked.retry_period,
        ),
    )


class Process:
    """What one process is at: it waits for the Lease, leads, or ends. Made for one `run`.

    ValueError where the election's times make no sense, `errors.ConfigurationError` where the certificates of
    an extender do not.
    """

    def __init__(
        self,
        client: clients.Client,
        written: config.Configuration,
        kept: bounds.Bounds = bounds.USUAL,
        max_wait: float = queues.MAX_WAIT,
    ) -> None:
        extenders.check(written.extenders)
        self.candidate = election(client, written) if written.leader_election.leader_elect else None
        self.decisions = decisions.Decisions(client.clock, kept.decisions)
        self.metrics = metrics.Metrics(client.clock)
        self.metrics.leading = self._leading
        client.told, client.waited = self.metrics.requested, self.metrics.held
        self.driver: driver.Driver | None = None
        """Who schedules, while this process leads."""
        self.ending = False
        """Whether it has been asked to end."""
        self.metrics.healthy = lambda: self.overdue <= LATE
        self._client = client
        self._written = written
        self._kept = kept
        self._max_wait = max_wait

    def leads(self) -> bool:
        """Whether this process may act at this moment."""
        return self.candidate is None or self.candidate.holds()

    def _leading(self) -> dict[str, bool]:
        """Lease -> whether it is held."""
        if self.candidate is None:
            return {}
        return {self.candidate.settings.name: self.candidate.holds()}

    @property
    def synced(self) -> bool:
        """Whether all that is needed to lead is known; a standby needs nothing yet."""
        return self.candidate is not None if self.driver is None else self.driver.cache.synced

    @property
    def overdue(self) -> float:
        """Seconds for which a Lease that this process took has run out; negative where that is not so."""
        if self.candidate is None or self.candidate.candidate.deadline == float("-inf"):
            return float("-inf")
        times = self._written.leader_election
        renewed = self.candidate.candidate.deadline - times.renew_deadline
        return self._client.clock.monotonic() - renewed - times.lease_duration

    async def run(self) -> None:
        """Schedules until cancelled. `leases.LeaseLost` where another may have taken over.

        The cluster is listed once the Lease is held, so what is decided on is no older than the Lease.
        """
        with debugger.listening(self._client, self._known):
            if self.candidate is None:
                await self._lead()
                return
            logger.info("Waiting for the Lease")
            await self.candidate.run(self._lead)

    def _known(self) -> debugger.Known | None:
        """What is known of the cluster; nothing before this process leads."""
        return None if self.driver is None else (self.driver.cache, self.driver.engine.profiles)

    async def _lead(self) -> None:
        """Leads until cancelled. Specs and labels are remembered by number as long as a driver lives, so one
        that remembers too many of the past ends, and the next begins with what there is."""
        while True:
            self.driver = made = driver.Driver(
                self._client,
                self._written,
                self.leads,
                told=self.decisions,
                counted=self.metrics,
                kept=self._kept,
                max_wait=self._max_wait,
            )
            try:
                await made.run()
            except driver.Overgrown:
                logger.info("Listing the cluster anew, to forget pods of the past")


async def run(client: clients.Client, written: config.Configuration) -> None:
    """As `Process.run`, for who does not ask what it is at."""
    await Process(client, written).run()
