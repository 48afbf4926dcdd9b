"""Hypothesis strategies for small clusters whose parts often meet: few nodes, values, names and kinds of pod.

Pods come from `TEMPLATES`, one for each thing that a plugin looks at, so that a run of a few dozen steps
makes any two of them neighbours.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st

from stowage.api import defaults, objects
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod

NODES = ("n0", "n1", "n2", "n3", "n4")
ZONES = ("za", "zb", "zc")
APPS = ("web", "api", "db")
NAMESPACES = ("default", "prod")
HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
GPU = "example.com/gpu"
MI = 1 << 20
FEATURES = ("RestartAllContainersOnContainerExits", "UserNamespacesHostNetworkSupport")

Json = dict[str, Any]


def app(value: str) -> Json:
    return {"matchLabels": {"app": value}}


def term(key: str, selector: Json | None, **more: Any) -> Json:
    return {"topologyKey": key, "labelSelector": selector, **more}


def required(half: str, *terms: Json) -> Json:
    return {half: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def preferred(half: str, *terms: tuple[int, Json]) -> Json:
    weighted = [{"weight": weight, "podAffinityTerm": each} for weight, each in terms]
    return {half: {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}


def node_required(*terms: Json) -> Json:
    wanted = {"nodeSelectorTerms": list(terms)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": wanted}}


def node_preferred(*terms: tuple[int, Json]) -> Json:
    weighted = [{"weight": weight, "preference": each} for weight, each in terms]
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted}}


def expression(key: str, operator: str, *values: str) -> Json:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def spread(key: str, hard: bool, selector: Json | None, skew: int = 1, **more: Any) -> Json:
    action = "DoNotSchedule" if hard else "ScheduleAnyway"
    wanted = {"topologyKey": key, "whenUnsatisfiable": action, "maxSkew": skew, "labelSelector": selector}
    return wanted | more


def claim(name: str) -> Json:
    return {"name": name, "persistentVolumeClaim": {"claimName": name}}


def owned(pod: PodBuilder, kind: str, name: str) -> PodBuilder:
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": True}
    pod.raw["metadata"]["ownerReferences"] = [reference]
    return pod


def imaged(pod: PodBuilder, *images: str) -> PodBuilder:
    containers = [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]
    return pod.spec(containers=containers)


def restarting(pod: PodBuilder) -> PodBuilder:
    pod.container["restartPolicyRules"] = [{"action": "RestartAllContainers"}]
    return pod


TEMPLATES: dict[str, Callable[[PodBuilder], PodBuilder]] = {
    "plain": lambda pod: pod.cpu("500m").memory("256Mi"),
    "idle": lambda pod: pod,
    "big": lambda pod: pod.cpu("2500m").memory("3Gi"),
    "gpu": lambda pod: pod.cpu("100m").request(**{GPU: "1"}),
    "selective": lambda pod: pod.cpu("100m").spec(nodeSelector={"disk": "ssd"}),
    "named": lambda pod: pod.spec(
        affinity=node_required(
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n0"]}]},
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]},
        )
    ),
    "elsewhere": lambda pod: pod.spec(affinity=node_required(expression(ZONE, "NotIn", "za"))),
    "preferring": lambda pod: pod.cpu("100m").spec(
        affinity=node_preferred((3, expression("disk", "Exists")), (5, expression(ZONE, "In", "zb")))
    ),
    "tolerant": lambda pod: pod.cpu("100m").spec(
        tolerations=[
            {"key": "k", "operator": "Exists"},
            {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"},
        ]
    ),
    "spread": lambda pod: pod.label(app="web").spec(
        topologySpreadConstraints=[spread(ZONE, True, app("web"), minDomains=2)]
    ),
    "spread-twice": lambda pod: pod.label(app="web").spec(
        nodeSelector={"disk": "ssd"},
        topologySpreadConstraints=[
            spread(HOSTNAME, True, app("web"), 2, nodeTaintsPolicy="Honor"),
            spread(ZONE, True, app("web"), 1, nodeAffinityPolicy="Ignore"),
        ],
    ),
    "soft": lambda pod: pod.label(app="api").spec(
        topologySpreadConstraints=[
            spread(ZONE, False, app("api"), nodeTaintsPolicy="Honor"),
            spread(HOSTNAME, False, app("web"), 2),
        ]
    ),
    "keyed": lambda pod: pod.label(app="api", version="1").spec(
        topologySpreadConstraints=[spread(ZONE, True, app("api"), matchLabelKeys=["version"])]
    ),
    "owned": lambda pod: owned(pod.label(app="web", tier="front"), "ReplicaSet", "rs"),
    "near": lambda pod: pod.spec(affinity=required("podAffinity", term(ZONE, app("db")))),
    "near-own": lambda pod: pod.label(app="db").spec(
        affinity=required("podAffinity", term(ZONE, app("db")), term("disk", app("db")))
    ),
    "apart": lambda pod: pod.label(app="web").spec(
        affinity=required("podAntiAffinity", term(HOSTNAME, app("web")))
    ),
    "apart-teams": lambda pod: pod.label(app="api").spec(
        affinity=required(
            "podAntiAffinity",
            term(ZONE, app("db"), namespaceSelector={"matchLabels": {"team": "a"}}),
        )
    ),
    "would": lambda pod: pod.label(app="db").spec(
        affinity=preferred("podAffinity", (7, term(ZONE, app("web"))), (2, term(HOSTNAME, app("db"))))
        | preferred("podAntiAffinity", (4, term("disk", app("api"), namespaceSelector={})))
    ),
    "port": lambda pod: pod.host_port(80).host_port(53, "UDP", "10.0.0.1"),
    "any-port": lambda pod: pod.host_port(80, "TCP", "10.0.0.2"),
    "images": lambda pod: imaged(pod, "small", "large:v1"),
    "restarting": restarting,
    "isolated": lambda pod: restarting(pod).spec(hostNetwork=True, hostUsers=False),
    "claim": lambda pod: pod.spec(volumes=[claim("shared")]),
    "sole": lambda pod: pod.spec(volumes=[claim("sole")]),
    "waiting": lambda pod: pod.spec(volumes=[claim("waiting")]),
    "disk": lambda pod: pod.spec(
        volumes=[{"name": "d", "awsElasticBlockStore": {"volumeID": "vol-1", "readOnly": False}}]
    ),
}

names = st.sampled_from(NODES)
templates = st.sampled_from(sorted(TEMPLATES))
label_sets = st.fixed_dictionaries(
    {}, optional={"app": st.sampled_from(APPS), "version": st.sampled_from(("1", "2"))}
)


@st.composite
def pods(draw: st.DrawFn, name: str) -> PodBuilder:
    """A pod of some template, in either namespace, perhaps with other labels and a priority."""
    pod = TEMPLATES[draw(templates)](make_pod(name, draw(st.sampled_from(NAMESPACES))))
    return pod.label(**draw(label_sets)).priority(draw(st.sampled_from((0, 0, 10, -5))))


def pending(template: str, name: str = "pending", namespace: str = "default") -> PodBuilder:
    return TEMPLATES[template](make_pod(name, namespace))


def taints(raw: list[tuple[str, str]]) -> list[Json]:
    return [{"key": key, "effect": effect} for key, effect in raw]


taint_lists = st.lists(
    st.tuples(st.sampled_from(("k", "l")), st.sampled_from(("NoSchedule", "PreferNoSchedule", "NoExecute"))),
    max_size=2,
    unique=True,
).map(taints)
capacities = st.fixed_dictionaries(
    {
        "cpu": st.sampled_from(("1", "4", "7500m", "0")),
        "memory": st.sampled_from(("1Gi", "8Gi", "5Gi")),
        "pods": st.sampled_from(("2", "4", "110")),
    },
    optional={GPU: st.sampled_from(("1", "2"))},
)
node_labels = st.fixed_dictionaries(
    {},
    optional={
        HOSTNAME: st.sampled_from(("", "h", "n0")),
        ZONE: st.sampled_from((*ZONES, "")),
        "disk": st.sampled_from(("ssd", "hdd")),
    },
)
feature_lists = st.lists(st.sampled_from(FEATURES), max_size=2, unique=True)
"""In order, as an API server has them, or not."""
image_lists = st.lists(
    st.sampled_from((("small:latest", 40 * MI), ("small:latest", 90 * MI), ("large:v1", 900 * MI))),
    max_size=2,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: [{"names": [name], "sizeBytes": size} for name, size in pairs])


@st.composite
def nodes(draw: st.DrawFn, name: str) -> NodeBuilder:
    """A node of that name; most have a zone and its name as hostname."""
    node = make_node(name).zone(draw(st.sampled_from(ZONES)))
    node.raw["status"]["allocatable"] = draw(capacities)
    if draw(st.booleans()):
        node.raw["metadata"]["labels"].update(draw(node_labels))
        node.raw["spec"]["taints"] = draw(taint_lists)
        node.raw["spec"]["unschedulable"] = draw(st.booleans())
    else:
        node.label("disk", "ssd")
    node.raw["status"]["images"] = draw(image_lists)
    node.declares(*draw(feature_lists))
    return node


def _object(kind: type[Any], name: str, namespace: str = "", **fields: Any) -> objects.Object:
    raw = {"metadata": {"name": name, "namespace": namespace}, **fields}
    made: objects.Object = msgspec.convert(raw, kind)
    return made


def namespace(name: str, labels: dict[str, str]) -> objects.Object:
    return msgspec.convert({"metadata": {"name": name, "labels": labels}}, objects.Namespace)


def service(name: str, selector: dict[str, str]) -> objects.Object:
    return _object(objects.Service, name, "default", spec={"selector": selector})


def replica_set(name: str, selector: Json) -> objects.Object:
    return _object(objects.ReplicaSet, name, "default", spec={"selector": selector})


def stateful_set(name: str, selector: Json) -> objects.Object:
    return _object(objects.StatefulSet, name, "default", spec={"selector": selector})


def persistent_volume(name: str, zone: str, handle: str) -> objects.Object:
    terms = [expression(ZONE, "In", zone)] if zone else []
    spec: Json = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "csi",
        "csi": {"driver": "csi.example.com", "volumeHandle": handle},
        "claimRef": {"namespace": "default", "name": name, "uid": f"uid-{name}"},
    }
    if terms:
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    return _object(objects.PersistentVolume, f"pv-{name}", spec=spec)


def bound_claim(name: str, mode: str) -> objects.Object:
    raw = {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "annotations": {"pv.kubernetes.io/bind-completed": "yes"},
        },
        "spec": {
            "accessModes": [mode],
            "volumeName": f"pv-{name}",
            "storageClassName": "csi",
            "resources": {"requests": {"storage": "1Gi"}},
        },
        "status": {"phase": "Bound"},
    }
    return msgspec.convert(raw, objects.PersistentVolumeClaim)


def waiting_claim(name: str) -> objects.Object:
    raw = {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "csi",
            "resources": {"requests": {"storage": "1Gi"}},
        },
        "status": {"phase": "Pending"},
    }
    return msgspec.convert(raw, objects.PersistentVolumeClaim)


def storage_class() -> objects.Object:
    raw = {
        "metadata": {"name": "csi"},
        "provisioner": "csi.example.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    return msgspec.convert(raw, objects.StorageClass)


def csi_node(name: str, count: int) -> objects.Object:
    driver = {"name": "csi.example.com", "nodeID": name, "allocatable": {"count": count}}
    return _object(objects.CSINode, name, spec={"drivers": [driver]})


_teams = st.sampled_from(({}, {"team": "a"}, {"team": "b"}))
_selectors = st.sampled_from(({"app": "web"}, {"tier": "front"}, {"app": "web", "tier": "front"}))
outside = st.one_of(
    st.builds(namespace, st.sampled_from(NAMESPACES), _teams),
    st.builds(service, st.sampled_from(("s", "t")), _selectors),
    st.builds(replica_set, st.just("rs"), _selectors.map(lambda labels: {"matchLabels": labels})),
    st.builds(stateful_set, st.just("rs"), _selectors.map(lambda labels: {"matchLabels": labels})),
    st.builds(
        persistent_volume,
        st.sampled_from(("shared", "sole")),
        st.sampled_from(("", "za", "zb")),
        st.sampled_from(("h1", "h2")),
    ),
    st.builds(bound_claim, st.just("shared"), st.just("ReadWriteOnce")),
    st.builds(bound_claim, st.just("sole"), st.just("ReadWriteOncePod")),
    st.builds(waiting_claim, st.just("waiting")),
    st.just(storage_class()),
    st.builds(csi_node, names, st.sampled_from((0, 1, 5))),
)
"""Objects around nodes and pods, each of one of a few names, so that they are replaced again and again."""


def usual_outside() -> list[objects.Object]:
    """What most runs start with: the two namespaces, and claims that can be used."""
    return [
        namespace("default", {"team": "a"}),
        namespace("prod", {"team": "b"}),
        storage_class(),
        persistent_volume("shared", "", "h1"),
        persistent_volume("sole", "", "h2"),
        bound_claim("shared", "ReadWriteOnce"),
        bound_claim("sole", "ReadWriteOncePod"),
        waiting_claim("waiting"),
    ]


def done(pod: PodBuilder) -> objects.Pod:
    """The pod with the API server's defaults."""
    return defaults.default_pod(pod.done())
