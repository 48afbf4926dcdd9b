"""When both schedulers know all that there is: what they decide from then on, they decide on the dump.

Kinds are told of by watches of their own, so a pod may come before the volume that it needs. Ours runs in
this process: its table is to be the one that the dump makes. The real one says how many objects it has heard
of, of most kinds; of the others (Services and controllers, budgets, attachments) it says nothing.
"""

import asyncio
import re
from collections.abc import Mapping

import aiohttp

from stowage.api import decode
from stowage.cluster import table
from stowage.scheduler import debugger, live
from tests.fuzz.world import Json

LABELS = {
    "Node": "NodeAdd",
    "PersistentVolume": "PersistentVolumeAdd",
    "PersistentVolumeClaim": "PersistentVolumeClaimAdd",
    "StorageClass": "storage.k8s.io/StorageClassAdd",
    "CSINode": "storage.k8s.io/CSINodeAdd",
    "CSIStorageCapacity": "storage.k8s.io/CSIStorageCapacityAdd",
}
"""Kind -> what a scheduler's metrics call it when one comes."""

HANDLED = re.compile(r'^scheduler_event_handling_duration_seconds_count\{event="([^"]+)"\} (\d+)$', re.M)
SECONDS = 10.0


async def handled(session: aiohttp.ClientSession, address: str) -> dict[str, int]:
    """How many events of each label the scheduler at an address has taken in."""
    async with session.get(f"{address}/metrics", ssl=False) as answer:
        return {label: int(count) for label, count in HANDLED.findall(await answer.text())}


class Knowing:
    """``ours`` is at work in this process, the real one answers at ``address``."""

    def __init__(self, ours: live.Process, address: str, session: aiohttp.ClientSession) -> None:
        self._ours = ours
        self._address = address
        self._session = session
        self._handled: dict[str, int] = {}

    async def all_of(self, dump: list[Json], added: Mapping[str, int]) -> None:
        """Returns once both know. ``added``: how many objects of each kind were ever made. AssertionError
        where one of the two does not come to know."""
        said: object = None
        try:
            async with asyncio.timeout(SECONDS):
                while said := self._unheard(added):
                    self._handled = await handled(self._session, self._address)
                fresh = _table(dump)
                while said := self._otherwise(fresh):
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"not known: {said}") from None

    def _unheard(self, added: Mapping[str, int]) -> list[str]:
        """What the real one had not heard all of when it was asked last."""
        return [kind for kind, label in LABELS.items() if self._handled.get(label, 0) < added[kind]]

    def _otherwise(self, fresh: table.Table) -> list[str]:
        """What ours knows otherwise."""
        if self._ours.driver is None:
            return ["everything"]
        known = self._ours.driver.cache.cluster
        found = debugger.differences(known, fresh)
        for about, ours, theirs in (
            ("Services", known.owners.services, fresh.owners.services),
            ("controllers", known.owners.controllers, fresh.owners.controllers),
            ("budgets", known.outside.budgets, fresh.outside.budgets),
        ):
            found += [about] if ours != theirs else []
        return found


def _table(dump: list[Json]) -> table.Table:
    made = table.Table()
    for item in dump:
        for document in decode.documents_in(item):
            made.set(decode.decode(document))
    return made
