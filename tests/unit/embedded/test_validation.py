"""What is refused in a new object and in a new version, all of it at once, and what is not.

The whole list is in tests/integration/bad_fields.py, where a real server is asked as well.
"""

from typing import Any

import pytest

from stowage.embedded import errors, registry, schema
from stowage.embedded.storage import store
from tests.integration import bad_fields

Object = dict[str, Any]
KINDS = {
    "pod": schema.named("", "Pod"),
    "node": schema.named("", "Node"),
    "deployment": schema.named("apps", "Deployment"),
    "claim": schema.named("", "PersistentVolumeClaim"),
    "budget": schema.named("policy", "PodDisruptionBudget"),
    "quota": schema.named("", "ResourceQuota"),
    "limit range": schema.named("", "LimitRange"),
    "storage class": schema.named("storage.k8s.io", "StorageClass"),
    "csi node": schema.named("storage.k8s.io", "CSINode"),
}
OPTIONS = registry.Options(dry_run=True)


def served() -> registry.Registry:
    reg = registry.Registry(store.Store())
    for name in ("default", "team"):
        reg.create(schema.named("", "Namespace"), "", {"metadata": {"name": name}}, registry.Options())
    return reg


def causes(kind: str, body: Object) -> set[tuple[str, str]]:
    """The reason and the field of each thing that is wrong with a new object."""
    with pytest.raises(errors.ApiError) as refused:
        served().create(KINDS[kind], "default", body, OPTIONS)
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")
    told = (refused.value.details or {})["causes"]
    return {(each["reason"].removeprefix("FieldValue"), each["field"]) for each in told}


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_object_is_taken(kind: str) -> None:
    body = {"metadata": {"name": "zz"}} | bad_fields.GOOD[kind][1]
    assert served().create(KINDS[kind], "default", body, OPTIONS)["metadata"]["name"] == "zz"


WANTED: dict[tuple[str, str], set[tuple[str, str]]] = {
    ("pod", "toleration operator"): {("NotSupported", "spec.tolerations[0].operator")},
    ("pod", "spread twice"): {
        ("Duplicate", "spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}")
    },
    ("pod", "node selector key"): {("Invalid", "spec.nodeSelector")},
    ("pod", "gate with node"): {("Forbidden", "spec.nodeName")},
    ("pod", "part of a device"): {
        ("Invalid", "spec.containers[0].resources.limits[a.com/g]"),
        ("Invalid", "spec.containers[0].resources.requests[a.com/g]"),
    },
    ("pod", "port of a node twice"): {("Duplicate", "spec.containers[0].ports[1].hostPort")},
    ("pod", "two sources"): {("Forbidden", "spec.volumes[0].hostPath")},
    ("pod", "pod-level request"): {("Invalid", "spec.resources.requests[cpu]")},
    ("pod", "container claim"): {("NotFound", "spec.containers[0].resources.claims[0]")},
    ("node", "taint effect"): {("NotSupported", "metadata.taints[0].effect")},
    ("deployment", "template gate"): {("Invalid", "spec.template.spec.schedulingGates[0]")},
    ("claim", "mode"): {("NotSupported", "spec.accessModes")},
    ("budget", "share"): {("Invalid", "spec.minAvailable")},
    ("quota", "negative"): {("Invalid", "spec.hard[cpu]")},
    ("limit range", "default of a pod"): {("Forbidden", "spec.limits[0].default")},
    ("storage class", "mode"): {("NotSupported", "volumeBindingMode")},
    ("csi node", "count"): {("Invalid", "spec.drivers[0].allocatable.count")},
}
"""By kind and case: the reason and the field of each cause."""


@pytest.mark.parametrize(("kind", "case"), WANTED)
def test_a_bad_field_is_told(kind: str, case: str) -> None:
    assert causes(kind, bad_fields.made(kind, case)[1]) == WANTED[kind, case]


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert causes("pod", bad_fields.made("pod", "everything")[1]) == {
        ("Invalid", "spec.nodeSelector"),
        ("Invalid", "spec.tolerations[0].operator"),
        ("NotSupported", "spec.tolerations[0].operator"),
        ("NotSupported", "spec.tolerations[0].effect"),
        ("Required", "spec.containers[0].ports[0].containerPort"),
        ("NotSupported", "spec.containers[0].ports[0].protocol"),
        ("Duplicate", "spec.containers[1].name"),
        ("Required", "spec.containers[1].image"),
    }


@pytest.mark.parametrize("case", ["node without number", "pod keys in selector", "scheduler name"])
def test_what_only_looks_wrong_is_taken(case: str) -> None:
    assert served().create(KINDS["pod"], "default", bad_fields.made("pod", case)[1], OPTIONS)


def test_a_new_version_is_looked_at_as_well() -> None:
    reg = served()
    reg.create(KINDS["node"], "", {"metadata": {"name": "n"}}, registry.Options())

    def tainted(node: Object) -> Object:
        return node | {"spec": {"taints": [{"key": "a", "effect": "Bogus"}]}}

    with pytest.raises(errors.ApiError, match="Unsupported value"):
        reg.update(KINDS["node"], "", "n", tainted, registry.Options())


def test_label_keys_become_part_of_the_selectors_beside_them() -> None:
    term = {"topologyKey": "z", "matchLabelKeys": ["app"], "labelSelector": {}}
    other = {"topologyKey": "z", "mismatchLabelKeys": ["app", "absent"], "labelSelector": {}}
    spread = {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"} | term
    affinity = {
        "podAffinity": {bad_fields.REQUIRED: [term]},
        "podAntiAffinity": {bad_fields.PREFERRED: [{"weight": 1, "podAffinityTerm": other}]},
    }
    spec = bad_fields.container()["spec"] | {
        "affinity": affinity,
        "topologySpreadConstraints": [spread],
    }
    body = {"metadata": {"name": "p", "labels": {"app": "web"}}, "spec": spec}
    made = served().create(KINDS["pod"], "default", body, OPTIONS)["spec"]

    def joined(operator: str) -> Object:
        return {"matchExpressions": [{"key": "app", "operator": operator, "values": ["web"]}]}

    (required,) = made["affinity"]["podAffinity"][bad_fields.REQUIRED]
    (preferred,) = made["affinity"]["podAntiAffinity"][bad_fields.PREFERRED]
    assert required["labelSelector"] == made["topologySpreadConstraints"][0]["labelSelector"] == joined("In")
    assert preferred["podAffinityTerm"]["labelSelector"] == joined("NotIn")


def test_what_is_not_stated_for_a_pod_as_a_whole_comes_from_its_containers() -> None:
    one = {"name": "c", "image": "x", "resources": {"requests": {"cpu": "200m", "memory": "1Gi"}}}
    spec = {"containers": [one, one | {"name": "d"}], "resources": {"limits": {"cpu": "1", "memory": "4Gi"}}}
    body = {"metadata": {"name": "p"}, "spec": spec}
    made = served().create(KINDS["pod"], "default", body, OPTIONS)
    assert made["spec"]["resources"]["requests"] == {"cpu": "400m", "memory": "2Gi"}


GVISOR = {
    "metadata": {"name": "g"},
    "handler": "runsc",
    "overhead": {"podFixed": {"cpu": "250m"}},
    "scheduling": {
        "nodeSelector": {"sandbox": "yes"},
        "tolerations": [{"key": "sandbox", "operator": "Exists"}],
    },
}


def with_class(**spec: Any) -> Object:
    """A new pod of a runtime class."""
    reg = served()
    reg.create(schema.named("node.k8s.io", "RuntimeClass"), "", dict(GVISOR), registry.Options())
    whole = bad_fields.container()["spec"] | {"runtimeClassName": "g"} | spec
    return reg.create(KINDS["pod"], "default", {"metadata": {"name": "p"}, "spec": whole}, OPTIONS)


def test_a_runtime_class_gives_overhead_and_where_to_go() -> None:
    narrow = {"key": "sandbox", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}
    made = with_class(tolerations=[narrow])["spec"]
    assert (made["overhead"], made["nodeSelector"]) == ({"cpu": "250m"}, {"sandbox": "yes"})
    assert [each["key"] for each in made["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "sandbox",
    ]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param({"overhead": {"cpu": "1"}}, "doesn't match", id="another overhead"),
        pytest.param({"nodeSelector": {"sandbox": "no"}}, "conflict: runtimeClass", id="another node"),
        pytest.param({"runtimeClassName": "h"}, 'RuntimeClass "h" not found', id="no such class"),
        pytest.param(
            {"runtimeClassName": None, "overhead": {"cpu": "1"}}, "without corresponding", id="no class"
        ),
    ],
)
def test_a_pod_that_differs_from_its_runtime_class_is_forbidden(spec: Object, why: str) -> None:
    with pytest.raises(errors.ApiError, match=why) as refused:
        with_class(**spec)
    assert refused.value.code == 403
