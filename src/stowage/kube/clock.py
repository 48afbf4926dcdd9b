"""Time, as something that tests can hand in: durations are monotonic, written times are the wall's."""

import asyncio
import datetime
import time
from typing import Protocol


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds since some moment; never set back. What every deadline is measured with."""

    def now(self) -> datetime.datetime:
        """The wall clock, in UTC; may jump. For what is written into objects only."""

    async def sleep(self, seconds: float) -> None:
        """Returns after so many monotonic seconds."""


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


SYSTEM: Clock = SystemClock()


def micro_time(moment: datetime.datetime) -> str:
    """A moment as Kubernetes' MicroTime: 2026-01-31T12:00:00.000000Z."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
