"""Each check fails where the scheduler is broken on purpose, and so says something where it does not."""

from pathlib import Path

import pytest

from stowage.kube import resources
from tests import control_plane
from tests.integration.faults import checks, harness

pytestmark = [pytest.mark.reference, pytest.mark.slow]

NODES = 6


async def test_a_scheduler_that_counts_less_gives_nodes_too_much(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path, NODES) as scene:
        scene.scheduler(altered="counts_less")
        assert checks.room(await scene.evidence())


async def test_a_scheduler_that_binds_again_is_found_out(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path, NODES) as scene:
        scene.scheduler(altered="binds_again")
        assert any("again" in said for said in checks.bound_once(await scene.evidence()))


async def test_a_scheduler_that_loses_some_pods_leaves_them_unbound(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path, NODES) as scene:
        scheduler = scene.scheduler(altered="loses_some")
        await scheduler.until("Cluster known; scheduling")
        evidence = await scene.evidence(within=5, patience=1)
        assert [said for said in checks.bound_once(evidence) if "p017" in said] == ["p017 is not bound"]
        assert any("p017 is in no queue" in said for said in checks.table(evidence))


async def test_a_scheduler_that_never_looks_takes_a_lost_answer_for_a_failure(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path, NODES) as scene:
        with scene.proxy.fault(scene.proxy.lose):
            scene.scheduler(altered="never_looks")
            assert checks.recognised(await scene.evidence(patience=3))


async def test_a_scheduler_that_keeps_the_gone_knows_another_cluster(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path, NODES) as scene:
        scheduler = scene.scheduler(altered="keeps_the_gone")
        await scheduler.until("Pod bound")
        await scene.cluster.client.delete(resources.PODS, "p000", scene.cluster.name, grace_period=0)
        assert any(said.startswith("pod ") for said in checks.table(await scene.evidence(patience=1)))


async def test_a_scheduler_that_keeps_pods_assumed_is_found_out(
    plane: control_plane.ControlPlane, tmp_path: Path
) -> None:
    async with harness.scene(plane, tmp_path, NODES) as scene:
        scene.scheduler(altered="keeps_assumed")
        evidence = await scene.evidence(patience=1)
        assert len(checks.nothing_assumed(evidence)) == NODES * harness.FIT
        assert harness.problems(evidence, set(checks.ALL) - {checks.nothing_assumed}) == []
