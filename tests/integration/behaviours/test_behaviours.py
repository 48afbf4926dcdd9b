"""What kube-scheduler's users can see, in scripts that run under the real scheduler and under ours.

Two control planes, one scheduler each, for what a scheduler says counts all nodes of a cluster. Equal are
all states of each pod in their order (conditions, node, nomination, deletion) and the Events; times, uids
and the Events' names are not looked at.
"""

import asyncio
import contextlib
import difflib
import json
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from stowage.api import objects
from stowage.framework import config
from stowage.kube import client as clients
from stowage.kube import connection, resources
from stowage.scheduler import live
from tests import control_plane, kube_scheduler
from tests.integration.behaviours import (
    node_scripts,
    pod_scripts,
    preemption_scripts,
    registry,
    volume_scripts,
)
from tests.integration.behaviours.world import Handled, Json, World
from tests.integration.side_by_side import known

pytestmark = [pytest.mark.reference, pytest.mark.slow]

SCRIPTS = {
    name: run
    for module in (node_scripts, pod_scripts, preemption_scripts, volume_scripts)
    for name, run in module.SCRIPTS.items()
}

PACKING = {
    "name": "NodeResourcesFit",
    "args": {"scoringStrategy": {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 1}]}},
}
SETTINGS: Json = {
    "percentageOfNodesToScore": 100,
    "profiles": [
        {"schedulerName": "default-scheduler"},
        {"schedulerName": "packing", "pluginConfig": [PACKING]},
    ],
}
UNCHECKED = "--disable-admission-plugins=Priority,StorageObjectInUseProtection,DefaultStorageClass"
NAMESPACES = resources.of(objects.Namespace).plain()
FEW = 1
"""Scripts that may be played twice."""
SETTLED = 0.25
"""Seconds for which the two are to be alike."""
SECONDS = 10.0
"""After the script's end, for what it left under way."""


@pytest.fixture(scope="module")
def planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """The kubeconfigs of two clusters; at the first, the real scheduler is at work, at this address."""
    theirs, ours = tmp_path_factory.mktemp("theirs"), tmp_path_factory.mktemp("ours")
    with (
        control_plane.running(theirs, flags=UNCHECKED) as first,
        control_plane.running(ours, flags=UNCHECKED) as second,
        kube_scheduler.running(first, SETTINGS, theirs) as address,
    ):
        yield first.kubeconfig, second.kubeconfig, address


@pytest.fixture(scope="module")
def again() -> Iterator[list[str]]:
    """What was played twice, with what differed at first."""
    found: list[str] = []
    yield found
    print(f"played twice: {len(found)}", *found, sep="\n")
    assert len(found) <= FEW


@contextlib.asynccontextmanager
async def scheduling(kubeconfig: str, settings: Json) -> AsyncIterator[live.Process]:
    """Our scheduler at work, in this process."""
    written = config.load(json.dumps(kube_scheduler.configuration(settings))).config
    async with client_of(kubeconfig) as client:
        process = live.Process(client, written)
        work = asyncio.create_task(process.run())
        try:
            yield process
            assert not work.done(), work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def client_of(kubeconfig: str) -> clients.Client:
    return clients.Client(connection.from_kubeconfig(kubeconfig), clients.Settings(qps=None))


@contextlib.asynccontextmanager
async def world_of(kubeconfig: str, namespace: str, handled: Handled) -> AsyncIterator[World]:
    async with client_of(kubeconfig) as client:
        await client.create(NAMESPACES, {"metadata": {"name": namespace}})
        world = World(client, namespace, handled)
        try:
            async with world.watched():
                yield world
        finally:
            await world.clear()


@pytest.mark.parametrize("name", SCRIPTS)
async def test_users_see_the_same(name: str, planes: tuple[str, str, str], again: list[str]) -> None:
    """An attempt may or may not fall between two steps of a script, where a machine is slow: what differs is
    played once more, and counts if it differs again. `again` has a bound."""
    async with aiohttp.ClientSession() as session, scheduling(planes[1], SETTINGS) as ours:
        handled = handlers(session, planes[2], ours)
        told = await played(SCRIPTS[name], planes[:2], handled, f"{name[:60]}-0")
        if told:
            again.append("\n".join([name, *told]))
            told = await played(SCRIPTS[name], planes[:2], handled, f"{name[:60]}-1")
    assert not told, "\n".join(told)


def handlers(session: aiohttp.ClientSession, address: str, ours: live.Process) -> tuple[Handled, Handled]:
    """Which events the real scheduler at an address, and the one in this process, have taken in."""

    async def handled() -> dict[str, int]:
        if ours.driver is None:
            return {}
        return {label: times.count for (label,), times in ours.driver.cache.handling.items()}

    return lambda: known.handled(session, address), handled


async def played(
    run: registry.Script, planes: tuple[str, str], handled: tuple[Handled, Handled], namespace: str
) -> list[str]:
    """What differs, or went wrong; empty where users see the same."""
    async with (
        world_of(planes[0], namespace, handled[0]) as theirs,
        world_of(planes[1], namespace, handled[1]) as ours,
    ):
        done = await asyncio.gather(run(theirs), run(ours), return_exceptions=True)
        seen = await settled(theirs, ours)
    failed = [f"{who}: {error!r}" for who, error in zip(("theirs", "ours"), done, strict=True) if error]
    return [*failed, *difference(*seen)]


def difference(theirs: Json, ours: Json) -> list[str]:
    """What only one of the two shows, around it what both do; empty where they are equal."""
    first, second = (json.dumps(each, indent=1).splitlines() for each in (theirs, ours))
    return list(difflib.unified_diff(first, second, "theirs", "ours", n=12, lineterm=""))


async def settled(theirs: World, ours: World) -> tuple[Json, Json]:
    """What both have come to: once they are alike and stay so for a while, or when time is over."""
    loop = asyncio.get_running_loop()
    ends, alike = loop.time() + SECONDS, 0.0
    while True:
        seen = await theirs.outcome(), await ours.outcome()
        now = loop.time()
        if seen[0] != seen[1]:
            alike = 0.0
        elif alike and now - alike >= SETTLED:
            return seen
        alike = alike or (now if seen[0] == seen[1] else 0.0)
        if now > ends:
            return seen
        await asyncio.sleep(0.05)
