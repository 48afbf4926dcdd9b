"""What is told of every node and of every pod."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from prometheus_client import parser

from stowage.api import objects
from tests.builders import PodBuilder, make_node, make_pod
from tests.unit.scheduler.test_driver import SCHEDULER, Server, world
from tests.unit.scheduler.test_metrics import told


async def test_requests_of_pods_are_told_by_pod() -> None:
    def pod(name: str) -> PodBuilder:
        return make_pod(name).request(cpu="100m", memory="1Gi").priority(7)

    async with world(Server(get=lambda _: web.json_response({}))) as scheduler:
        placed = pod("placed").on("n")
        placed.container["resources"]["limits"] = {"cpu": "1", "hugepages-2Mi": "4Mi"}
        placed.spec(overhead={"cpu": "50m"})
        scheduler.tell(make_node("n"), placed, pod("waits"))
        text = scheduler.driver.metrics.resources().decode()
    families = {each.name: each for each in parser.text_string_to_metric_families(text)}
    amounts = {
        (
            name.removeprefix("kube_pod_resource_"),
            *(s.labels[k] for k in ("pod", "node", "resource", "unit")),
        ): s.value
        for name, family in families.items()
        for s in family.samples
    }
    assert amounts == {
        ("request", "placed", "n", "cpu", "cores"): 0.15,
        ("request", "placed", "n", "memory", "bytes"): 2.0**30,
        ("request", "waits", "", "cpu", "cores"): 0.1,
        ("request", "waits", "", "memory", "bytes"): 2.0**30,
        ("limit", "placed", "n", "cpu", "cores"): 1.05,
        ("limit", "placed", "n", "hugepages-2Mi", "bytes"): 4.0 * 2**20,
    }
    labels = families["kube_pod_resource_request"].samples[0].labels
    assert (labels["scheduler"], labels["priority"], labels["namespace"]) == (SCHEDULER, "7", "default")


async def test_nodes_are_told_with_use_and_waste() -> None:
    ready = {"type": "Ready", "status": "True"}

    def node(name: str, zone: str, cpu: str, **spec: Any) -> objects.Node:
        built = make_node(name).allocatable(cpu=cpu, memory="4Gi", pods="10").zone(zone)
        built.raw["status"]["conditions"] = [ready]
        built.raw["spec"] = spec
        return built.done()

    async with world(Server()) as scheduler:
        cluster, cache = scheduler.driver.engine.cluster, scheduler.driver.cache
        for each in (node("a", "z1", "4"), node("b", "z1", "4"), node("c", "z2", "4", unschedulable=True)):
            cluster.set_node(each)
        cache.unready.add("b")
        for name, on in (("x", "a"), ("y", "b")):
            cluster.set_pod(make_pod(name).request(cpu="3").on(on).done())
        found = told(scheduler)
    assert found.all("node_availability") == {("a", "z1"): 1}
    assert found("node_utilization_ratio", node="a", resource="cpu") == 0.75
    assert found("resource_utilization", node="c", resource="cpu") == 0
    # Pods ask for 3 cores: the 1 that is left on a and on b serves none, the 4 of c would serve one.
    assert found("resource_fragmentation_ratio", resource="cpu", zone="z1") == 1
    assert found("resource_fragmentation_ratio", resource="cpu", zone="z2") == 0
    # Of 12 cores 6 are not requested: 4 on a cordoned node, 2 where nothing fits.
    assert found("resource_waste_ratio", resource="cpu", reason="unschedulable") == pytest.approx(
        4 / 12, abs=1e-6
    )
    assert found("resource_waste_ratio", resource="cpu", reason="fragmented") == pytest.approx(
        2 / 12, abs=1e-6
    )
    assert found("resource_waste_ratio", resource="cpu", reason="unrequested") == 0
