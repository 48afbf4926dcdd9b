"""The made-up workload: the same for the same seed, and of a size that fits."""

import itertools

import pytest

from stowage.run import workload


def actions(seed: int, nodes: int, count: int = 300) -> list[workload.Action]:
    return list(itertools.islice(workload.plan(seed, nodes), count))


def test_a_seed_decides_everything() -> None:
    assert actions(7, 100) == actions(7, 100)
    assert actions(7, 100) != actions(8, 100)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("nodes", [3, 12, 100, 1000])
def test_services_leave_room_and_do_not_leave_it_empty(seed: int, nodes: int) -> None:
    first = [each for each in actions(seed, nodes) if each.item["kind"] == "Deployment"]
    cores = {service.name: service.cores for service in workload.SERVICES}
    wanted: dict[str, float] = {}
    for each in first:
        name = each.item["metadata"]["name"]
        wanted[name] = cores[name] * each.item["spec"]["replicas"]
        if len(wanted) == len(cores) and nodes >= 12:
            assert 0.1 < sum(wanted.values()) / (workload.NODE_CORES * nodes) < 1


def test_pods_come_end_and_are_scaled() -> None:
    found = actions(1, 100)
    assert [each.at for each in found] == sorted(each.at for each in found)
    jobs = [each for each in found if each.item["kind"] == "Job"]
    scaled = [each for each in found if each.replicas >= 0]
    assert len(jobs) > 50
    assert len(scaled) > 50
    names = [each.item["metadata"]["name"] for each in jobs]
    assert len(set(names)) == len(names)


def test_a_cluster_without_nodes_gets_pods_all_the_same() -> None:
    assert all(each.item["spec"].get("replicas", 1) >= 1 for each in actions(1, 0, 10))
