import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from stowage.embedded.nodes import usage

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


def pod(name: str = "web-1", owner: str = "", **resources: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "namespace": "shop"}
    if owner:
        meta["ownerReferences"] = [{"kind": "StatefulSet", "name": owner, "controller": True}]
    return {"metadata": meta, "spec": {"containers": [{"name": "a", "resources": resources}]}}


def cpu(pod: dict[str, Any], now: float, seed: int = 0) -> int:
    return usage.Model(seed).pod(pod, now, 0)["a"].cpu


def day(pod: dict[str, Any]) -> list[int]:
    """CPU at each hour of a day."""
    return [cpu(pod, NOON - 12 * HOUR + hour * HOUR) for hour in range(24)]


def test_the_same_seed_gives_the_same_usage_and_another_seed_another() -> None:
    one = pod(requests={"cpu": "1"})
    assert cpu(one, NOON) == cpu(one, NOON)
    assert cpu(one, NOON) != cpu(one, NOON, seed=1)


def test_usage_is_a_share_of_the_request_within_the_limit() -> None:
    for number in range(50):
        found = usage.Model().pod(pod(f"p-{number}", requests={"cpu": "1", "memory": "1Gi"}), NOON, 0)["a"]
        # At most level 0.6 + swing 0.25, 1.1 of a pod's own, 1.2 with noise: 1.122 cores.
        assert 20_000_000 < found.cpu < 1_122_000_000
        assert 1 << 28 < found.memory < 1 << 30
    limited = pod(requests={"cpu": "1"}, limits={"cpu": "100m", "memory": "1Mi"})
    assert usage.Model().pod(limited, NOON, 0)["a"] == usage.Usage(100_000_000, 1 << 20)


def test_the_day_is_busier_than_the_night() -> None:
    for number in range(20):
        hours = day(pod(f"p-{number}", requests={"cpu": "1"}))
        assert sum(hours[9:19]) / 10 > sum(hours[:5]) / 5


def test_replicas_of_one_workload_have_their_busy_hour_in_common() -> None:
    one, two = (day(pod(f"db-{i}", "db", requests={"cpu": "4"})) for i in range(2))
    assert one != two
    assert abs(one.index(max(one)) - two.index(max(two))) <= 4


def test_usage_moves_smoothly() -> None:
    found = [cpu(pod(requests={"cpu": "1"}), NOON + second) for second in range(0, 600, 5)]
    assert len(set(found)) == len(found)
    assert max(abs(a - b) for a, b in itertools.pairwise(found)) < 30_000_000


def test_memory_grows_in_the_first_minutes() -> None:
    one = pod(requests={"memory": "1Gi"})
    young, old = (usage.Model().pod(one, NOON, NOON - ago)["a"].memory for ago in (10, 900))
    assert young < old / 2


def test_what_requests_nothing_uses_a_little() -> None:
    found = usage.Model().pod(pod(), NOON, 0)["a"]
    assert 0 < found.cpu < 25_000_000
    assert 0 < found.memory < 64 << 20


@pytest.mark.parametrize(
    ("policy", "counted"), [("Always", True), (None, False)], ids=["sidecar", "init container"]
)
def test_of_init_containers_only_sidecars_run(policy: str | None, counted: bool) -> None:
    one = pod()
    one["spec"]["initContainers"] = [{"name": "i", "restartPolicy": policy}]
    assert ("i" in usage.Model().pod(one, NOON, 0)) is counted


def test_pods_of_a_deployment_keep_their_rhythm_over_its_replica_sets() -> None:
    hours = []
    for revision in ("aaa", "bbb"):
        one = pod("web-x", f"web-{revision}", requests={"cpu": "1"})
        one["metadata"]["labels"] = {"pod-template-hash": revision}
        hours.append(day(one))
    assert hours[0] == hours[1]
