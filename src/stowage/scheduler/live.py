"""One scheduler process: it waits for the Lease, schedules while it holds it, and gives it up."""

from __future__ import annotations

import logging
import socket
import uuid

from stowage.framework import config
from stowage.kube import client as clients
from stowage.kube import leases
from stowage.scheduler import driver

logger = logging.getLogger(__name__)

THEIRS, OURS = "kube-scheduler", "stowage"
"""Names of Leases: kube-scheduler's own, where we stand in its place, and the one beside it."""


def election(client: clients.Client, written: config.Configuration) -> leases.Election:
    """The candidate that a configuration describes. ValueError where its times make no sense."""
    asked = written.leader_election
    name = asked.resource_name
    if name == THEIRS and all(each.scheduler_name != "default-scheduler" for each in written.profiles):
        name = OURS
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    return leases.Election(
        client,
        leases.Settings(
            identity,
            name,
            asked.resource_namespace,
            asked.lease_duration,
            asked.renew_deadline,
            asked.retry_period,
        ),
    )


async def run(client: clients.Client, written: config.Configuration) -> None:
    """Schedules until cancelled. `leases.LeaseLost` where another may have taken over.

    The cluster is listed once the Lease is held, so what is decided on is no older than the Lease.
    """
    if not written.leader_election.leader_elect:
        await driver.Driver(client, written, lambda: True).run()
        return
    candidate = election(client, written)

    async def lead() -> None:
        await driver.Driver(client, written, candidate.holds).run()

    logger.info("Waiting for the Lease")
    await candidate.run(lead)
