"""The scheduler beside the real kube-scheduler on one real cluster, random pods given to the two alternately.

`COUNT` pods from `SEED` on; `make side-by-side` takes both.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from stowage.framework import config
from stowage.kube import client as clients
from stowage.kube import connection
from stowage.scheduler import live
from tests import control_plane, kube_scheduler, reference_bin
from tests.fuzz import reference, scenarios
from tests.integration.side_by_side import cluster, known, run

pytestmark = [pytest.mark.reference, pytest.mark.slow]

SEED = int(os.environ.get("SEED") or 1)
COUNT = int(os.environ.get("COUNT") or 1000)

UNCHECKED = (
    # What the scenarios say stands: priorities without classes, claims that nothing protects.
    "--disable-admission-plugins=Priority,RuntimeClass,StorageObjectInUseProtection,DefaultStorageClass"
)


@contextlib.asynccontextmanager
async def scheduling(plane: control_plane.ControlPlane, settings: str) -> AsyncIterator[live.Process]:
    """Our scheduler at work, in this process."""
    async with client_of(plane) as client:
        process = live.Process(client, config.load(settings).config)
        work = asyncio.create_task(process.run())
        try:
            yield process
            assert not work.done(), work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def client_of(plane: control_plane.ControlPlane) -> clients.Client:
    return clients.Client(connection.from_kubeconfig(plane.kubeconfig), clients.Settings(qps=None))


async def test_both_decide_as_the_other_would(tmp_path: Path) -> None:
    answer = reference_bin.require("answer")
    plan = run.Plan(SEED, COUNT)
    theirs = plan.settings("theirs")
    with (
        control_plane.running(tmp_path, flags=UNCHECKED) as plane,
        kube_scheduler.running(
            plane, theirs, tmp_path, "--feature-gates=OpportunisticBatching=false"
        ) as real_one,
        reference.Reference(answer, 4) as real,
    ):
        async with (
            client_of(plane) as client,
            aiohttp.ClientSession() as session,
            scheduling(plane, run.as_text(plan.settings("ours"))) as ours,
        ):
            work = run.Run(cluster.Cluster(client), plan, known.Knowing(ours, real_one, session))
            await work.run()
            differ = await work.judge(real)
    print(*report(work), sep="\n")
    for number, case in enumerate(differ):
        file = tmp_path / f"difference-{number}.json"
        file.write_text(json.dumps(case.scenario, indent=1))
        print(file)
    assert not [str(case) for case in differ]
    assert len(work.again) <= COUNT // 500, "too many differed at first"
    if COUNT >= 300:
        assert not {*scenarios.ALL, *run.LARGE} - set(work.families()), "a family was not asked"


def report(work: run.Run) -> Iterator[str]:
    """What was asked, what the server refused, and what differed at first."""
    yield f"{len(work.cases)} pods: {work.families()}"
    refused, added = sum(work.place.refused.values()), sum(work.place.added.values())
    yield f"refused by the server: {refused} objects, where {added} were not"
    yield from (f"{count} x {what}" for what, count in work.place.refused.most_common(10))
    yield f"not bindable under either: {work.unbindable}"
    yield f"tried again, of the real one's: {len(work.again)}"
    yield from work.again
