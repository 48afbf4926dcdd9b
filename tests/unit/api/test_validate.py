"""What is refused in an object of the right shape."""

from typing import Any

import msgspec
import pytest

from stowage.api import objects, validate

CONTAINER = {"name": "main"}


def pod(status: dict[str, Any] | None = None, **spec: Any) -> objects.Pod:
    """A pod that is good but for what is given."""
    fields = {"metadata": {"name": "a"}, "spec": {"containers": [CONTAINER], **spec}, "status": status or {}}
    return msgspec.convert(fields, objects.Pod)


def with_requests(**requests: str | float) -> list[dict[str, Any]]:
    """One container with requests."""
    return [{"name": "main", "resources": {"requests": requests}}]


def named(**metadata: str) -> objects.Node:
    """A node with this metadata."""
    return objects.Node(objects.ObjectMeta(**metadata))  # type: ignore[arg-type]


SELECTOR = {"matchExpressions": [{"key": "k", "operator": "Like"}]}
TERM = {"topologyKey": "zone", "labelSelector": SELECTOR}
REQUIRED, PREFERRED = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))


@pytest.mark.parametrize(
    ("item", "said"),
    [
        pytest.param(named(), "metadata.name: is missing", id="no name"),
        pytest.param(named(name="A b"), "metadata.name: 'A b' is not a name", id="bad name"),
        pytest.param(named(name="a", namespace="x.y"), "metadata.namespace: 'x.y'", id="bad namespace"),
        pytest.param(
            named(name="a", creation_timestamp="today"), "metadata.creationTimestamp: 'today'", id="bad time"
        ),
        pytest.param(pod(containers=[]), "spec.containers: is missing", id="no containers"),
        pytest.param(
            pod(containers=with_requests(cpu="lots")),
            "spec.containers[0].resources.requests.cpu: 'lots' is not a number",
            id="wrong quantity",
        ),
        pytest.param(
            pod(containers=with_requests(memory="-1Gi")),
            "spec.containers[0].resources.requests.memory: -1Gi is negative",
            id="negative quantity",
        ),
        pytest.param(
            pod(containers=with_requests(cpu=float("inf"))), "cpu: inf is not a finite number", id="infinite"
        ),
        pytest.param(
            pod(containers=with_requests(cpu="1e30")),
            "cpu: 1e30 is more than Kubernetes can count",
            id="huge",
        ),
        pytest.param(
            pod(overhead={"example.com/x": "?"}), "spec.overhead[example.com/x]: '?' is not", id="overhead"
        ),
        pytest.param(
            pod(status={"containerStatuses": [{"name": "c", "allocatedResources": {"cpu": "x"}}]}),
            "status.containerStatuses[0].allocatedResources.cpu: 'x'",
            id="status",
        ),
        pytest.param(pod(priority=2**31), "spec.priority: 2147483648 is out of range", id="priority"),
        pytest.param(
            pod(containers=[{"name": "c", "ports": [{"hostPort": 70000}]}]),
            "spec.containers[0].ports[0].hostPort: 70000 is not a port",
            id="port",
        ),
        pytest.param(
            pod(tolerations=[{"operator": "Equal"}]), "spec.tolerations[0].operator: must be", id="toleration"
        ),
        pytest.param(
            pod(topologySpreadConstraints=[{"topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]),
            "spec.topologySpreadConstraints[0].maxSkew: 0 should be 1 or more",
            id="skew",
        ),
        pytest.param(
            pod(affinity={"podAffinity": {REQUIRED: [TERM]}}),
            f"spec.affinity.podAffinity.{REQUIRED}[0].labelSelector.matchExpressions[0].operator: 'Like'",
            id="pod affinity",
        ),
        pytest.param(
            pod(affinity={"podAntiAffinity": {PREFERRED: [{"podAffinityTerm": {"topologyKey": "z"}}]}}),
            f"spec.affinity.podAntiAffinity.{PREFERRED}[0].weight: 0 should be from 1 to 100",
            id="weight",
        ),
        pytest.param(
            pod(affinity={"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{}, SELECTOR]}}}),
            f"nodeAffinity.{REQUIRED}.nodeSelectorTerms[1].matchExpressions[0].operator: 'Like'",
            id="node affinity",
        ),
        pytest.param(
            pod(affinity={"nodeAffinity": {PREFERRED: [{"weight": 1, "preference": SELECTOR}]}}),
            f"spec.affinity.nodeAffinity.{PREFERRED}[0].preference.matchExpressions[0].operator: 'Like'",
            id="node preference",
        ),
        pytest.param(
            msgspec.convert({"metadata": {"name": "n"}, "spec": {"taints": [{"key": "k"}]}}, objects.Node),
            "spec.taints[0].effect: is missing",
            id="taint",
        ),
        pytest.param(
            msgspec.convert(
                {
                    "metadata": {"name": "n"},
                    "spec": {"replicas": -1, "template": {"spec": {"containers": [{}]}}},
                },
                objects.Deployment,
            ),
            "spec.template.spec.containers[0].name: is missing",
            id="template",
        ),
        pytest.param(
            msgspec.convert({"metadata": {"name": "n"}, "capacity": "x"}, objects.CSIStorageCapacity),
            "capacity: 'x' is not a number",
            id="storage capacity",
        ),
    ],
)
def test_what_an_api_server_would_refuse_is_found(item: objects.Object, said: str) -> None:
    found = [str(problem) for problem in validate.problems(item)]
    assert any(problem.startswith(said) or said in problem for problem in found), found


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(
            pod(
                affinity={
                    "nodeAffinity": {
                        REQUIRED: {
                            "nodeSelectorTerms": [
                                {"matchExpressions": [{"key": "k", "operator": "Gt", "values": ["x"]}]}
                            ]
                        }
                    }
                }
            ),
            id="a bound that is no number",
        ),
        pytest.param(
            msgspec.convert(
                {"metadata": {"name": "n"}, "status": {"images": [{"names": [], "sizeBytes": -3}]}},
                objects.Node,
            ),
            id="an image smaller than nothing",
        ),
    ],
)
def test_what_an_api_server_takes_is_good(item: objects.Object) -> None:
    assert validate.problems(item) == []


def test_all_that_is_wrong_is_said_at_once() -> None:
    item = msgspec.convert({"spec": {"containers": with_requests(cpu="x", memory="y")}}, objects.Pod)
    assert [problem.path for problem in validate.problems(item)] == [
        "metadata.name",
        "spec.containers[0].resources.requests.cpu",
        "spec.containers[0].resources.requests.memory",
    ]


@pytest.mark.parametrize("kind", sorted(objects.KINDS), ids="/".join)
def test_every_kind_can_be_good(kind: tuple[str, str]) -> None:
    template = {"spec": {"containers": [CONTAINER]}}
    spec = {"containers": [CONTAINER]} if kind[1] == "Pod" else {"template": template}
    fields = {"metadata": {"name": "a"}, "spec": spec, "provisioner": "p"}
    assert validate.problems(msgspec.convert(fields, objects.KINDS[kind])) == []


def test_a_name_given_twice_is_found_once() -> None:
    one, other = named(name="a"), named(name="b")
    assert validate.duplicates([one, other, one, one, pod()]) == [validate.Identity("Node", "", "a")]
    assert str(validate.Identity("Pod", "ns", "a")) == "Pod ns/a"
