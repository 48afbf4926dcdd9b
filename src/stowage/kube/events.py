"""Events, on their way to the API server: out of a bounded queue, behind everything else.

`record` never waits. What the queue cannot hold is dropped and counted, as is what the server refuses;
what it cannot be asked is tried again, up to `TRIES` times. While bindings are under way Events stand
back, for `limits.PATIENCE` in the queue and as long once it is their turn: a burst that is over by then is
bound as if there were no Events. One that lasts has both side by side from then on, for a queue of Events
that only grew would overflow.
"""

import asyncio
import logging

import msgspec

from stowage.kube import client as clients
from stowage.kube import errors, limits, resources, series

logger = logging.getLogger(__name__)

TRIES = 12
"""Times an Event is tried while the server cannot be reached, `RETRY_SECONDS` apart; client-go's."""

RETRY_SECONDS = 10.0


class Recorder:
    """Records Events in the name of a controller; `run` sends them.

    `limit`: Events that wait at most, 20,000 (some 15 MB): a burst of bindings, which go first, of ten
    seconds or more. `remembered`: Events of which more makes a series. `senders`: requests in flight.
    """

    def __init__(
        self,
        client: clients.Client,
        controller: str,
        instance: str,
        limit: int = 20_000,
        remembered: int = 10_000,
        senders: int = 16,
    ) -> None:
        self.dropped = 0
        self.written = 0
        self._client = client
        self._reporter = (controller, instance)
        self._senders = senders
        self._aggregator = series.Aggregator(remembered, client.clock)
        self._queue: asyncio.Queue[series.Event] = asyncio.Queue(limit)

    def record(
        self,
        regarding: series.Reference,
        kind: str,
        reason: str,
        action: str,
        note: str,
        related: series.Reference | None = None,
    ) -> None:
        """Note that something happened. `kind` is Normal or Warning; a note of the API has up to 1 kB."""
        event = self._aggregator.record(series.Key(kind, action, reason, regarding, related), note)
        if event is not None:
            self._enqueue(event)

    async def run(self) -> None:
        """Send Events until cancelled; those still in the queue then stay there."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._senders):
                group.create_task(self._send(), name=f"event sender {number}")
            group.create_task(self._finish(), name="event series")

    async def flush(self) -> None:
        """Return when everything recorded has been sent, or dropped."""
        await self._queue.join()

    def _enqueue(self, event: series.Event) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._drop(event, "the queue is full")

    def _drop(self, event: series.Event, why: str) -> None:
        self.dropped += 1
        # One line for each power of ten is enough to know of a flood.
        level = logging.WARNING if str(self.dropped).strip("0") == "1" else logging.DEBUG
        logger.log(level, "Event %s dropped (%d so far): %s", event.name, self.dropped, why)

    async def _send(self) -> None:
        while True:
            event = await self._queue.get()
            try:
                await self._written(event)
            finally:
                self._queue.task_done()

    async def _finish(self) -> None:
        while True:
            await self._client.clock.sleep(series.FINISH_SECONDS)
            for event in self._aggregator.finish():
                self._enqueue(event)

    async def _written(self, event: series.Event) -> None:
        for left in reversed(range(TRIES)):
            try:
                await self._write(event)
            except (errors.ConnectionLost, errors.TooManyRequests, errors.ServerError) as error:
                if not left:
                    self._drop(event, str(error))
                else:
                    await self._client.clock.sleep(RETRY_SECONDS * self._client.chance.uniform(1, 1.25))
            except errors.KubeError as error:
                self._drop(event, str(error))
                return
            else:
                self.written += 1
                return

    async def _write(self, event: series.Event) -> None:
        """Patch a series, create what is not there. A name is its Event's alone: where it is taken, an
        earlier try's answer was lost, or another sender was quicker."""
        if event.series() and await self._patched(event):
            return
        body = msgspec.json.encode(event.body(*self._reporter))
        late = self._client.clock.monotonic() - event.written_at > limits.PATIENCE
        priority = limits.Priority.LOW if late else limits.Priority.IDLE
        try:
            await self._client.create(resources.EVENTS, body, event.namespace, priority=priority)
        except errors.Conflict as error:
            if not error.exists:
                raise
            if event.series():
                await self._patched(event)

    async def _patched(self, event: series.Event) -> bool:
        try:
            await self._client.patch(
                resources.EVENTS,
                event.series(),
                event.name,
                event.namespace,
                how=clients.Patch.STRATEGIC,
                priority=limits.Priority.LOW,
            )
        except errors.NotFound:
            return False
        return True
