"""What a pod asks for, against answers recorded from the Go library and in cases worked out by hand."""

import gzip
import json
import pathlib
from typing import Any

import msgspec
import pytest

from stowage.api import defaults, objects, resources

RECORDED = pathlib.Path(__file__).parents[2] / "data" / "pod_resources.jsonl.gz"
MEBI = 2**20


def make_pod(spec: dict[str, Any], status: dict[str, Any] | None = None) -> objects.Pod:
    """A pod as it comes from the API server, defaulted."""
    pod = msgspec.convert({"spec": spec, "status": status or {}}, objects.Pod)
    return defaults.default_pod(pod)


def container(name: str = "main", restart: str | None = None, **requests: str) -> dict[str, Any]:
    """A container with requests; `restart="Always"` makes an init container a sidecar."""
    restarts = {"restartPolicy": restart} if restart else {}
    return {"name": name, "resources": {"requests": requests}} | restarts


def without_zeros(amounts: dict[str, int]) -> dict[str, int]:
    """The Go structs always have cpu, memory and ephemeral storage, 0 or not."""
    return {name: amount for name, amount in amounts.items() if amount}


def test_every_recorded_pod_is_counted_as_the_go_library_counts_it() -> None:
    different = []
    for line in gzip.decompress(RECORDED.read_bytes()).splitlines():
        row = json.loads(line)
        pod = defaults.default_pod(msgspec.convert(row["pod"], objects.Pod))
        accounting = resources.node_accounting(pod)
        ours = {
            "requests": without_zeros(accounting.requests),
            "nonzero": list(accounting.nonzero),
            "filter": without_zeros(resources.filter_requests(pod)),
            "fit": without_zeros(resources.fit_score_requests(pod)),
            "balanced": without_zeros(resources.balanced_requests(pod)),
        }
        answer = {
            key: without_zeros(value) if isinstance(value, dict) else value
            for key, value in row["answer"].items()
        }
        if ours != answer:
            different.append((row["pod"]["metadata"]["name"], ours, answer))
    assert different == []


def test_init_containers_run_in_turn_and_sidecars_stay() -> None:
    pod = make_pod(
        {
            "containers": [container(cpu="1"), container("second", cpu="500m")],
            "initContainers": [
                container("early", cpu="900m"),
                container("sidecar", restart="Always", cpu="200m"),
                container("late", cpu="1700m"),
            ],
        }
    )
    # Running: 1000 + 500 + 200. While `late` initialises: 1700 + 200.
    assert resources.filter_requests(pod)["cpu"] == 1900


def test_amounts_are_summed_before_they_are_rounded() -> None:
    pod = msgspec.convert(
        {"spec": {"containers": [container(memory="400m"), container("second", memory="400m")]}}, objects.Pod
    )
    assert resources.pod_requests(pod) == {"memory": 1}


def test_overhead_is_added_to_what_is_asked_for() -> None:
    pod = make_pod({"containers": [container(cpu="1")], "overhead": {"cpu": "50m", "memory": "10Mi"}})
    assert resources.filter_requests(pod) == {"cpu": 1050, "memory": 10 * MEBI}


def test_a_pod_that_asks_for_nothing_counts_a_little_in_scores_only() -> None:
    pod = make_pod({"containers": [container(), container("second")]})
    accounting = resources.node_accounting(pod)
    assert accounting.requests == {}
    assert accounting.nonzero == (200, 400 * MEBI)
    assert resources.fit_score_requests(pod) == {"cpu": 200, "memory": 400 * MEBI}
    assert resources.balanced_requests(pod) == {}


def test_an_explicit_zero_is_not_taken_for_nothing() -> None:
    pod = make_pod({"containers": [container(cpu="0", memory="0")]})
    assert resources.node_accounting(pod).nonzero == (0, 0)
    assert resources.filter_requests(pod) == {"cpu": 0, "memory": 0}


def test_pod_level_requests_replace_the_sum_except_in_the_score_of_fit() -> None:
    pod = make_pod({"containers": [container(cpu="1")], "resources": {"requests": {"cpu": "3"}}})
    assert resources.filter_requests(pod)["cpu"] == 3000
    assert resources.balanced_requests(pod)["cpu"] == 3000
    assert resources.fit_score_requests(pod)["cpu"] == 1000
    # Memory is asked for nowhere, so the default counts for the container.
    assert resources.node_accounting(pod).nonzero == (3000, 200 * MEBI)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param([], 3000, id="under way: the most of wanted, granted and actual"),
        pytest.param([{"type": "PodResizePending", "reason": "Deferred"}], 3000, id="deferred"),
        pytest.param([{"type": "PodResizePending", "reason": "Infeasible"}], 2000, id="infeasible"),
    ],
)
def test_a_resize_counts_on_the_node_but_not_in_the_filter(
    condition: list[dict[str, str]], expected: int
) -> None:
    state = {
        "name": "main",
        "resources": {"requests": {"cpu": "1"}},
        "allocatedResources": {"cpu": "2"},
    }
    pod = make_pod(
        {"containers": [container(cpu="3")]}, {"containerStatuses": [state], "conditions": condition}
    )
    assert resources.node_accounting(pod).requests == {"cpu": expected}
    assert resources.filter_requests(pod) == {"cpu": 3000}


def test_only_what_the_scheduler_knows_is_counted() -> None:
    requests = {"cpu": "1", "example.com/gpu": "2", "hugepages-2Mi": "4Mi", "plain": "7", "pods": "1"}
    pod = make_pod({"containers": [{"name": "main", "resources": {"requests": requests}}]})
    counted = {"cpu": 1000, "example.com/gpu": 2, "hugepages-2Mi": 4 * MEBI}
    assert resources.filter_requests(pod) == counted
    assert resources.balanced_requests(pod) == counted | {"plain": 7, "pods": 1}


def test_a_node_offers_cpu_in_millicores_and_the_rest_in_units() -> None:
    amounts: objects.ResourceList = {"cpu": "3920m", "memory": "1Ki", "pods": 110, "plain": 1}
    assert resources.allocatable(amounts) == {"cpu": 3920, "memory": 1024, "pods": 110}
