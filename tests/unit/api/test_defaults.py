"""What the API server fills in."""

from typing import Any

import msgspec
import pytest

from stowage.api import defaults, objects


def defaulted(**spec: Any) -> objects.PodSpec:
    """The spec of a pod after defaulting."""
    return defaults.default_pod(msgspec.convert({"spec": spec}, objects.Pod)).spec


def container(**resources: dict[str, str]) -> dict[str, Any]:
    """A container with requests and limits."""
    return {"name": "main", "resources": resources}


def test_requests_default_to_limits_resource_by_resource() -> None:
    spec = defaulted(containers=[container(requests={"cpu": "1"}, limits={"cpu": "2", "memory": "1Gi"})])
    assert spec.containers[0].resources.requests == {"cpu": "1", "memory": "1Gi"}


def test_init_containers_are_defaulted_too() -> None:
    spec = defaulted(initContainers=[container(limits={"cpu": "2"})])
    assert spec.init_containers[0].resources.requests == {"cpu": "2"}


def test_amounts_finer_than_a_milli_unit_are_rounded_up() -> None:
    spec = defaulted(
        containers=[container(requests={"cpu": "100n", "memory": "1.5Gi"})], overhead={"cpu": "1u"}
    )
    assert spec.containers[0].resources.requests == {"cpu": "1m", "memory": "1.5Gi"}
    assert spec.overhead == {"cpu": "1m"}


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        pytest.param({"requests": {"cpu": "1"}}, {"cpu": "1"}, id="no limits, nothing to fill in"),
        pytest.param(
            {"limits": {"cpu": "8", "memory": "8Gi"}},
            {"cpu": "3", "memory": "8Gi"},
            id="containers, then limits",
        ),
        pytest.param(
            {"requests": {"cpu": "5"}, "limits": {"cpu": "8"}}, {"cpu": "5"}, id="what is stated stays"
        ),
    ],
)
def test_pod_level_requests_come_from_containers_then_limits(
    resources: dict[str, Any], expected: dict[str, str]
) -> None:
    spec = defaulted(
        containers=[container(requests={"cpu": "1"}), container(requests={"cpu": "2"})], resources=resources
    )
    assert spec.resources is not None
    assert spec.resources.requests == expected


def test_pod_level_huge_page_limits_come_from_the_containers() -> None:
    spec = defaulted(
        containers=[container(limits={"hugepages-2Mi": "4Mi"})], resources={"requests": {"cpu": "1"}}
    )
    assert spec.resources == objects.ResourceRequirements(
        {"cpu": "1", "hugepages-2Mi": "4194304"}, {"hugepages-2Mi": "4194304"}
    )


@pytest.mark.parametrize(("host_network", "host_port"), [(True, 80), (False, 0)], ids=["host", "pod"])
def test_on_the_hosts_network_container_ports_are_host_ports(host_network: bool, host_port: int) -> None:
    spec = defaulted(
        hostNetwork=host_network,
        containers=[{"name": "main", "ports": [{"containerPort": 80}, {"containerPort": 1, "hostPort": 2}]}],
    )
    assert spec.containers[0].ports == (
        objects.ContainerPort(80, host_port, "", "TCP"),
        objects.ContainerPort(1, 2, "", "TCP"),
    )


def test_volumes_get_the_defaults_that_decide_something() -> None:
    template = {"spec": {"accessModes": ["ReadWriteOnce"]}}
    volumes = defaulted(
        volumes=[
            {"rbd": {"image": "i"}},
            {"azureDisk": {"diskURI": "u"}},
            {"name": "e", "ephemeral": {"volumeClaimTemplate": template}},
        ]
    ).volumes
    assert volumes[0].rbd is not None
    assert volumes[0].rbd.pool == "rbd"
    assert volumes[1].azure_disk == objects.AzureDisk(kind="Shared", disk_uri="u")
    assert volumes[2].ephemeral is not None
    assert volumes[2].ephemeral.volume_claim_template is not None
    assert volumes[2].ephemeral.volume_claim_template.spec.volume_mode == "Filesystem"


def test_the_default_scheduler_is_named() -> None:
    assert defaulted().scheduler_name == "default-scheduler"
    assert defaulted(schedulerName="mine").scheduler_name == "mine"


def test_defaulting_twice_changes_nothing_and_copies_nothing() -> None:
    pod = msgspec.convert(
        {
            "spec": {
                "containers": [container(limits={"cpu": "1"})],
                "resources": {"limits": {"cpu": "2"}},
                "volumes": [{"rbd": {}}],
            },
        },
        objects.Pod,
    )
    once = defaults.default_pod(pod)
    assert defaults.default_pod(once) is once
