"""Objects with one field that kube-apiserver refuses (or that one might think it refuses), by kind.

A case is a merge patch of the good object of its kind; lists are replaced.
"""

from __future__ import annotations

from typing import Any, Final

Object = dict[str, Any]

REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
LONG: Final = "a" * 64


def spec(**fields: Any) -> Object:
    return {"spec": fields}


def container(**fields: Any) -> Object:
    """A pod of one container with these fields."""
    return spec(containers=[{"name": "c", "image": "x"} | fields])


def asking(requests: Object | None = None, limits: Object | None = None) -> Object:
    return container(resources={"requests": requests or {}, "limits": limits or {}})


def ports(*stated: Object) -> Object:
    return container(ports=list(stated))


def tolerating(**fields: Any) -> Object:
    return spec(tolerations=[{"key": "a"} | fields])


def spreading(*more: Object, **fields: Any) -> Object:
    constraint = {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"} | fields
    return spec(topologySpreadConstraints=[constraint, *more])


def node_term(**term: Any) -> Object:
    return spec(affinity={"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}})


def on_node(*values: str, key: str = "a", operator: str = "In") -> Object:
    return node_term(matchExpressions=[{"key": key, "operator": operator, "values": list(values)}])


def beside(**term: Any) -> Object:
    return spec(affinity={"podAffinity": {REQUIRED: [{"topologyKey": "z"} | term]}})


def volume(**source: Any) -> Object:
    return spec(volumes=[{"name": "v"} | source])


def limit(kind: str = "Container", **fields: Any) -> Object:
    return spec(limits=[{"type": kind} | fields])


def driver(*more: Object, **fields: Any) -> Object:
    return spec(drivers=[{"name": "d", "nodeID": "n", "topologyKeys": ["z"]} | fields, *more])


def scoped(scope: str, operator: str, *values: str) -> Object:
    part = {"scopeName": scope, "operator": operator, "values": list(values)}
    return spec(hard={"pods": "1"}, scopeSelector={"matchExpressions": [part]})


def topology(*terms: list[Object]) -> Object:
    return {"allowedTopologies": [{"matchLabelExpressions": term} for term in terms]}


_POD: Final = container()["spec"]
_FINISHING: Final = {"metadata": {"labels": {"a": "b"}}, "spec": _POD | {"restartPolicy": "Never"}}
_SPACE: Final = "/api/v1/namespaces/default"
GOOD: Final[dict[str, tuple[str, Object]]] = {
    "pod": (f"{_SPACE}/pods", {"spec": _POD}),
    "node": ("/api/v1/nodes", {}),
    "deployment": (
        "/apis/apps/v1/namespaces/default/deployments",
        spec(
            selector={"matchLabels": {"a": "b"}},
            template={"metadata": {"labels": {"a": "b"}}, "spec": _POD},
        ),
    ),
    "statefulset": (
        "/apis/apps/v1/namespaces/default/statefulsets",
        spec(
            serviceName="s",
            selector={"matchLabels": {"a": "b"}},
            template={"metadata": {"labels": {"a": "b"}}, "spec": _POD},
        ),
    ),
    "job": (
        "/apis/batch/v1/namespaces/default/jobs",
        spec(template=_FINISHING),
    ),
    "cronjob": (
        "/apis/batch/v1/namespaces/default/cronjobs",
        spec(
            schedule="@daily",
            jobTemplate=spec(template=_FINISHING),
        ),
    ),
    "budget": (
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        spec(selector={"matchLabels": {"a": "b"}}),
    ),
    "priority class": ("/apis/scheduling.k8s.io/v1/priorityclasses", {"value": 2}),
    "storage class": ("/apis/storage.k8s.io/v1/storageclasses", {"provisioner": "x"}),
    "claim": (
        f"{_SPACE}/persistentvolumeclaims",
        spec(accessModes=["ReadWriteOnce"], resources={"requests": {"storage": "1Gi"}}),
    ),
    "volume": (
        "/api/v1/persistentvolumes",
        spec(capacity={"storage": "1Gi"}, accessModes=["ReadWriteOnce"], hostPath={"path": "/x"}),
    ),
    "csi node": ("/apis/storage.k8s.io/v1/csinodes", driver()),
    "capacity": (
        "/apis/storage.k8s.io/v1/namespaces/default/csistoragecapacities",
        {"storageClassName": "c"},
    ),
    "quota": (f"{_SPACE}/resourcequotas", {}),
    "limit range": (f"{_SPACE}/limitranges", {}),
    "lease": ("/apis/coordination.k8s.io/v1/namespaces/default/leases", {}),
    "namespace": ("/api/v1/namespaces", {}),
    "runtime class": ("/apis/node.k8s.io/v1/runtimeclasses", {"handler": "h"}),
}
"""By kind: where objects are created, and a good one."""

_PLACEMENT: Final[dict[str, Object]] = {
    "toleration operator": tolerating(operator="Bogus"),
    "toleration that compares": tolerating(operator="Gt", value="3"),
    "toleration effect": tolerating(operator="Exists", effect="Bogus"),
    "toleration of no value": tolerating(operator="Exists", value="v"),
    "toleration of any key": spec(tolerations=[{"operator": "Equal"}]),
    "toleration key": tolerating(key="a b"),
    "toleration value": tolerating(value="a b"),
    "toleration seconds": tolerating(operator="Exists", effect="NoSchedule", tolerationSeconds=3),
    "spread action": spreading(whenUnsatisfiable="No"),
    "spread without action": spreading(whenUnsatisfiable=""),
    "spread key": spreading(topologyKey=""),
    "spread policy": spreading(nodeTaintsPolicy="X"),
    "spread skew": spreading(maxSkew=0),
    "spread skew too large": spreading(maxSkew=2**31),
    "spread domains": spreading(whenUnsatisfiable="ScheduleAnyway", minDomains=2),
    "spread no domains": spreading(minDomains=0),
    "spread twice": spreading({"maxSkew": 2, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}),
    "spread selector": spreading(labelSelector={"matchExpressions": [{"key": "a", "operator": "Foo"}]}),
    "spread keys": spreading(matchLabelKeys=["a"]),
    "spread bad keys": spreading(matchLabelKeys=["a b"], labelSelector={}),
    "spread keys twice": spreading(matchLabelKeys=["a"], labelSelector={"matchLabels": {"a": "b"}}),
    "spread keys in selector": {"metadata": {"labels": {"a": "b"}}}
    | spreading(matchLabelKeys=["b", "a"], labelSelector={"matchLabels": {"a": "b"}}),
    "node operator": on_node(operator="Foo"),
    "node key": on_node("b", key="a/b/c"),
    "node value": on_node("a b"),
    "node without value": on_node(),
    "node with value": on_node("x", operator="Exists"),
    "node without terms": spec(affinity={"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}),
    "node without number": on_node("x", operator="Gt"),
    "node with two numbers": on_node("1", "2", operator="Gt"),
    "node field": node_term(matchFields=[{"key": "spec.x", "operator": "In", "values": ["a"]}]),
    "node field value": node_term(
        matchFields=[{"key": "metadata.name", "operator": "In", "values": ["A b"]}]
    ),
    "node field operator": node_term(
        matchFields=[{"key": "metadata.name", "operator": "Exists", "values": ["a"]}]
    ),
    "node fields": node_term(matchFields=[{"key": "metadata.name", "operator": "In", "values": ["a", "b"]}]),
    "node weight": spec(affinity={"nodeAffinity": {PREFERRED: [{"weight": 0, "preference": {}}]}}),
    "node preference": spec(
        affinity={
            "nodeAffinity": {
                PREFERRED: [
                    {
                        "weight": 1,
                        "preference": {
                            "matchExpressions": [{"key": "-", "operator": "In", "values": ["a b"]}]
                        },
                    }
                ]
            }
        }
    ),
    "pod weight": spec(
        affinity={"podAffinity": {PREFERRED: [{"weight": 101, "podAffinityTerm": {"topologyKey": "z"}}]}}
    ),
    "pod topology": beside(topologyKey=""),
    "pod topology key": beside(topologyKey="a b"),
    "pod selector": beside(labelSelector={"matchLabels": {"a b": "c"}}),
    "pod selector value": beside(labelSelector={"matchLabels": {"a": LONG}}),
    "pod namespace selector": beside(
        namespaceSelector={"matchExpressions": [{"key": "a", "operator": "In"}]}
    ),
    "pod namespaces": beside(namespaces=["A"]),
    "pod keys": beside(matchLabelKeys=["a"]),
    "pod mismatched keys": beside(mismatchLabelKeys=["a b"], labelSelector={}),
    "pod keys both": beside(matchLabelKeys=["a"], mismatchLabelKeys=["a"], labelSelector={}),
    "pod keys in selector": beside(
        matchLabelKeys=["a"], labelSelector={"matchExpressions": [{"key": "a", "operator": "Exists"}]}
    ),
    "pod keys of its own in selector": {"metadata": {"labels": {"a": "b"}}}
    | beside(matchLabelKeys=["a"], labelSelector={"matchExpressions": [{"key": "a", "operator": "Exists"}]}),
    "node selector key": spec(nodeSelector={"a b": "c"}),
    "node selector prefix": spec(nodeSelector={"A/b": "c"}),
    "node selector value": spec(nodeSelector={"a": "c d"}),
    "gate": spec(schedulingGates=[{"name": "A b"}]),
    "gate twice": spec(schedulingGates=[{"name": "a"}, {"name": "a"}]),
    "gate with node": spec(schedulingGates=[{"name": "a"}], nodeName="n"),
}
_CONTAINERS: Final[dict[str, Object]] = {
    "quantity": asking({"cpu": "abc"}),
    "quantity that is a number": asking({"cpu": 1.5}),
    "negative amount": asking({"cpu": "-1"}),
    "resource name": asking({"foo": "1"}),
    "resource of a quota": asking({"limits.cpu": "1"}),
    "resource that is no name": asking({"a b/c": "1"}, {"a b/c": "1"}),
    "part of a device": asking({"a.com/g": "0.5"}, {"a.com/g": "0.5"}),
    "device without limit": asking({"a.com/g": "1"}),
    "device with another limit": asking({"a.com/g": "1"}, {"a.com/g": "2"}),
    "more than the limit": asking({"memory": "2Gi"}, {"memory": "1Gi"}),
    "huge pages alone": asking({}, {"hugepages-2Mi": "2Mi"}),
    "part of a huge page": asking({"cpu": "1"}, {"hugepages-2Mi": "3Mi"}),
    "protocol": ports({"containerPort": 80, "protocol": "X"}),
    "port": ports({"containerPort": 0}),
    "port out of range": ports({"containerPort": 70000}),
    "port of a node out of range": ports({"containerPort": 80, "hostPort": 70000}),
    "port name": ports({"containerPort": 80, "name": "A_b--"}),
    "port names": ports({"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}),
    "port of a node twice": ports(
        {"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}
    ),
    "ports on the host network": spec(
        hostNetwork=True, **ports({"containerPort": 80, "hostPort": 81})["spec"]
    ),
    "containers of one name": spec(containers=[{"name": "c", "image": "x"}] * 2),
    "no containers": spec(containers=[]),
    "no image": spec(containers=[{"name": "c"}]),
    "image with a space": container(image=" x"),
    "container name": container(name="A.b"),
    "container without name": spec(containers=[{"image": "x"}]),
    "init restart": spec(initContainers=[{"name": "i", "image": "x", "restartPolicy": "Never2"}]),
    "init name": spec(initContainers=[{"name": "c", "image": "x"}]),
    "pull policy": container(imagePullPolicy="X"),
    "termination policy": container(terminationMessagePolicy="X"),
    "resize policy": container(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "X"}]),
    "resized resource": container(resizePolicy=[{"resourceName": "gpu", "restartPolicy": "NotRequired"}]),
    "resized twice": container(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "NotRequired"}] * 2),
    "resized init container": spec(
        initContainers=[
            {
                "name": "i",
                "image": "x",
                "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}],
            }
        ]
    ),
    "container claim": container(resources={"claims": [{"name": "x"}]}),
    "container claim twice": spec(
        resourceClaims=[{"name": "x", "resourceClaimName": "y"}],
        **container(resources={"claims": [{"name": "x"}, {"name": "x"}]})["spec"],
    ),
    "mount of no volume": container(volumeMounts=[{"name": "q", "mountPath": "/q"}]),
    "mount without path": spec(
        volumes=[{"name": "v", "emptyDir": {}}], **container(volumeMounts=[{"name": "v"}])["spec"]
    ),
    "mounts of one path": spec(
        volumes=[{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}],
        **container(volumeMounts=[{"name": n, "mountPath": "/q"} for n in "vw"])["spec"],
    ),
    "device of a directory": spec(
        volumes=[{"name": "v", "emptyDir": {}}],
        **container(volumeDevices=[{"name": "v", "devicePath": "/q"}])["spec"],
    ),
}
_PODS: Final[dict[str, Object]] = {
    "preemption policy": spec(preemptionPolicy="X"),
    "restart policy": spec(restartPolicy="X"),
    "DNS policy": spec(dnsPolicy="X"),
    "priority": spec(priority=5),
    "priority class": spec(priorityClassName="nope"),
    "scheduler name": spec(schedulerName="A B"),
    "two sources": volume(emptyDir={}, hostPath={"path": "/x"}),
    "volumes of one name": spec(volumes=[{"name": "v", "emptyDir": {}}] * 2),
    "volume name": spec(volumes=[{"name": "A", "emptyDir": {}}]),
    "volume without name": spec(volumes=[{"emptyDir": {}}]),
    "claim without name": volume(persistentVolumeClaim={"claimName": ""}),
    "host path": volume(hostPath={"path": "/a/../b"}),
    "host path type": volume(hostPath={"path": "/a", "type": "X"}),
    "CSI driver": volume(csi={"driver": "A b"}),
    "size limit": volume(emptyDir={"sizeLimit": "-1"}),
    "ephemeral volume": volume(ephemeral={"volumeClaimTemplate": spec(accessModes=["X"])}),
    "ephemeral volume of nothing": volume(ephemeral={}),
    "own ephemeral claim": spec(
        volumes=[
            {
                "name": "v",
                "ephemeral": {
                    "volumeClaimTemplate": spec(
                        accessModes=["ReadWriteOnce"], resources={"requests": {"storage": "1"}}
                    )
                },
            },
            {"name": "w", "persistentVolumeClaim": {"claimName": "zz-v"}},
        ]
    ),
    "pod-level request": spec(resources={"requests": {"cpu": "1"}}, **asking({"cpu": "2"})["spec"]),
    "pod-level limit": spec(resources={"requests": {"cpu": "3"}, "limits": {"cpu": "2"}}),
    "pod-level limit of a container": spec(
        resources={"limits": {"cpu": "1"}}, **asking({}, {"cpu": "2"})["spec"]
    ),
    "pod-level device": spec(resources={"requests": {"a.com/g": "1"}}),
    "pod-level storage": spec(resources={"requests": {"ephemeral-storage": "1Gi"}}),
    "pod-level claim": spec(resources={"claims": [{"name": "x"}]}),
    "resource claim": spec(resourceClaims=[{"name": "x"}]),
    "resource claim of both": spec(
        resourceClaims=[{"name": "x", "resourceClaimName": "a", "resourceClaimTemplateName": "b"}]
    ),
    "resource claim name": spec(resourceClaims=[{"name": "A", "resourceClaimName": "B b"}]),
    "resource claim twice": spec(resourceClaims=[{"name": "x", "resourceClaimName": "a"}] * 2),
    "long grace": spec(terminationGracePeriodSeconds=2**31),
    "grace": spec(terminationGracePeriodSeconds=-3),
    "deadline": spec(activeDeadlineSeconds=-1),
    "node name": spec(nodeName="A B"),
    "host name": spec(hostname="a.b"),
    "subdomain": spec(subdomain="A"),
    "overhead": spec(overhead={"cpu": "1"}),
    "runtime class": spec(runtimeClassName="nope"),
    "host users": spec(hostNetwork=True, hostUsers=False),
    "host users and PID": spec(hostPID=True, hostUsers=False),
    "system": spec(os={"name": "beos"}),
    "ephemeral container": spec(ephemeralContainers=[{"name": "e", "image": "x"}]),
    "label": {"metadata": {"labels": {"a b": "c d"}}},
    "annotation": {"metadata": {"annotations": {"a b": "c"}}},
    "finalizer": {"metadata": {"finalizers": ["a b", "ab"]}},
    "name": {"metadata": {"name": "a..b"}},
    "long name": {"metadata": {"name": LONG * 4}},
    "everything": spec(
        nodeSelector={"a b": "c"},
        tolerations=[{"operator": "Bogus", "effect": "Bogus"}],
        containers=[{"name": "c", "image": "x", "ports": [{"protocol": "X"}]}, {"name": "c"}],
    ),
}
_TEMPLATES: Final[dict[str, Object]] = {
    "selector": spec(selector={"matchLabels": {"a": "c"}}),
    "selector operator": spec(selector={"matchExpressions": [{"key": "a", "operator": "Foo"}]}),
    "empty selector": spec(selector={"matchLabels": None}),
    "replicas": spec(replicas=-1),
    "too many replicas": spec(replicas=2**31),
    "toleration": spec(template=tolerating(operator="Bogus")),
    "template label": spec(template={"metadata": {"labels": {"b": "c d"}}}),
    "template annotation": spec(template={"metadata": {"annotations": {"b c": "d"}}}),
    "template restart": spec(template=spec(restartPolicy="Never")),
    "template deadline": spec(template=spec(activeDeadlineSeconds=5)),
    "template volume": spec(template=volume(persistentVolumeClaim={"claimName": ""})),
    "template gate": spec(template=spec(schedulingGates=[{"name": "a b"}])),
    "template ports": spec(
        template=spec(hostNetwork=True, **ports({"containerPort": 80, "hostPort": 81})["spec"])
    ),
}
CASES: Final[dict[str, dict[str, Object]]] = {
    "pod": _PLACEMENT | _CONTAINERS | _PODS,
    "node": {
        "taint effect": spec(taints=[{"key": "a", "effect": "Bogus"}]),
        "taint without effect": spec(taints=[{"key": "a"}]),
        "taint twice": spec(taints=[{"key": "a", "effect": "NoSchedule", "value": each} for each in "bc"]),
        "taint key": spec(taints=[{"key": "a b", "effect": "NoSchedule"}]),
        "taint value": spec(taints=[{"key": "a", "value": "b c", "effect": "NoSchedule"}]),
        "negative": {"status": {"allocatable": {"cpu": "-1"}, "capacity": {"cpu": "-1"}}},
        "quantity": {"status": {"allocatable": {"cpu": "abc"}}},
        "part of a pod": {"status": {"allocatable": {"pods": "1.5"}}},
        "part of a device": {"status": {"capacity": {"a.com/g": "500m"}}},
        "image too large": {"status": {"images": [{"names": [], "sizeBytes": 2**63}]}},
        "image": {"status": {"images": [{"names": [], "sizeBytes": -3}]}},
        "name": {"metadata": {"name": "A"}},
    },
    "deployment": _TEMPLATES,
    "statefulset": {
        "claim template": spec(
            volumeClaimTemplates=[{"metadata": {"name": "v"}, "spec": {"accessModes": ["X"]}}]
        ),
        "mount of a claim": spec(
            volumeClaimTemplates=[
                {
                    "metadata": {"name": "v"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "0"}}},
                }
            ],
            template=container(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        ),
        "toleration": spec(template=tolerating(operator="Bogus")),
    },
    "job": {
        "parallelism": spec(parallelism=-1),
        "completions": spec(completions=-1),
        "restart": spec(template=spec(restartPolicy="Always")),
        "toleration": spec(template=tolerating(effect="Bogus")),
        "long name": {"metadata": {"name": LONG}},
    },
    "cronjob": {
        "toleration": spec(jobTemplate=spec(template=tolerating(operator="Bogus"))),
        "restart": spec(jobTemplate=spec(template=spec(restartPolicy="Always"))),
        "backoff": spec(jobTemplate=spec(backoffLimit=-1)),
    },
    "budget": {
        "share": spec(minAvailable="x%"),
        "too large a share": spec(maxUnavailable="101%"),
        "negative": spec(minAvailable=-1),
        "too many": spec(minAvailable=2**31),
        "both": spec(minAvailable=1, maxUnavailable=1),
        "selector": spec(minAvailable=1, selector={"matchExpressions": [{"key": "a", "operator": "Foo"}]}),
        "eviction policy": spec(unhealthyPodEvictionPolicy="X"),
    },
    "priority class": {
        "value": {"value": 2_000_000_000},
        "policy": {"preemptionPolicy": "X"},
        "system name": {"metadata": {"name": "system-z"}},
        "value of the system's": {"metadata": {"name": "system-node-critical"}},
    },
    "storage class": {
        "mode": {"volumeBindingMode": "X"},
        "reclaiming": {"reclaimPolicy": "X"},
        "recycling": {"reclaimPolicy": "Recycle"},
        "provisioner": {"provisioner": "a b"},
        "no provisioner": {"provisioner": ""},
        "topology": topology([{"key": "a", "values": []}]),
        "topology key": topology([{"key": "a b", "values": ["c", "c"]}]),
        "topology keys": topology([{"key": "a", "values": ["b"]}, {"key": "a", "values": ["c"]}]),
        "topologies": topology([{"key": "a", "values": ["b"]}], [{"key": "a", "values": ["b"]}]),
    },
    "claim": {
        "mode": spec(accessModes=["X"]),
        "no mode": spec(accessModes=[]),
        "modes": spec(accessModes=["ReadWriteOncePod", "ReadWriteOnce"]),
        "no size": spec(resources={"requests": None}),
        "negative size": spec(resources={"requests": {"storage": "-1"}}),
        "volume mode": spec(volumeMode="X"),
        "class": spec(storageClassName="A b"),
        "selector": spec(selector={"matchLabels": {"a": "b c"}}),
        "source": spec(dataSource={"kind": "Pod", "name": ""}),
    },
    "volume": {
        "no source": spec(hostPath=None),
        "two sources": spec(nfs={"server": "s", "path": "/x"}),
        "affinity": spec(
            nodeAffinity={
                "required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Foo"}]}]}
            }
        ),
        "empty affinity": spec(nodeAffinity={}),
        "local": spec(hostPath=None, local={"path": "/x"}),
        "capacity": spec(capacity={"storage": "-1"}),
        "other capacity": spec(capacity={"storage": None, "cpu": "1"}),
        "mode": spec(accessModes=["X"]),
        "reclaiming": spec(persistentVolumeReclaimPolicy="X"),
        "volume mode": spec(volumeMode="X"),
        "class": spec(storageClassName="A b"),
        "handle": spec(hostPath=None, csi={"driver": "d"}),
        "relative path": spec(hostPath=None, nfs={"server": "s", "path": "x"}),
    },
    "csi node": {
        "name": driver(name="A b"),
        "long name": driver(name=LONG),
        "no name": driver(name=""),
        "id": driver(nodeID=""),
        "long id": driver(nodeID=LONG * 5),
        "part of a count": driver(allocatable={"count": 1.5}),
        "count": driver(allocatable={"count": -1}),
        "topology": driver(topologyKeys=["a b"]),
        "topology twice": driver(topologyKeys=["a", "a"]),
        "twice": driver({"name": "d", "nodeID": "m"}),
    },
    "capacity": {
        "negative": {"capacity": "-1"},
        "class": {"storageClassName": "A b"},
        "topology": {"nodeTopology": {"matchLabels": {"a b": "c"}}},
    },
    "quota": {
        "negative": spec(hard={"cpu": "-1"}),
        "part of a pod": spec(hard={"pods": "1.5"}),
        "name": spec(hard={"foo": "1"}),
        "storage": spec(hard={"storage": "1"}),
        "scope": spec(hard={"pods": "1"}, scopes=["X"]),
        "scopes": spec(hard={"pods": "1"}, scopes=["BestEffort", "NotBestEffort"]),
        "scope of another": spec(hard={"configmaps": "1"}, scopes=["Terminating"]),
        "selector": scoped("X", "Exists"),
        "selector operator": scoped("Terminating", "In", "a"),
        "selector without value": scoped("PriorityClass", "In"),
        "selector with value": scoped("PriorityClass", "Exists", "a"),
        "selector that is none": scoped("PriorityClass", "Foo"),
    },
    "limit range": {
        "default of a pod": limit("Pod", default={"cpu": "1"}),
        "type": limit("X"),
        "type that is no name": limit("a b"),
        "no type": limit(""),
        "type twice": spec(limits=[{"type": "Pod", "max": {"cpu": "1"}}] * 2),
        "resource": limit(max={"foo": "1"}),
        "minimum": limit(min={"cpu": "2"}, max={"cpu": "1"}),
        "default": limit(default={"cpu": "2"}, max={"cpu": "1"}),
        "default request": limit(defaultRequest={"cpu": "2"}, default={"cpu": "1"}),
        "low default": limit(default={"cpu": "1"}, min={"cpu": "2"}),
        "ratio": limit(maxLimitRequestRatio={"cpu": "500m"}),
        "large ratio": limit(min={"cpu": "1"}, max={"cpu": "2"}, maxLimitRequestRatio={"cpu": "3"}),
        "device": limit(default={"a.com/g": "2"}, defaultRequest={"a.com/g": "1"}),
        "claim": limit("PersistentVolumeClaim", max={"cpu": "1"}),
    },
    "lease": {"seconds": spec(leaseDurationSeconds=-1)},
    "namespace": {"name": {"metadata": {"name": "A"}}, "dots": {"metadata": {"name": "a.b"}}},
    "runtime class": {
        "handler": {"handler": "A b"},
        "overhead": {"overhead": {"podFixed": {"foo": "1"}}},
        "selector": {"scheduling": {"nodeSelector": {"a b": "c"}}},
        "toleration": {"scheduling": {"tolerations": [{"key": "a", "operator": "Bogus"}]}},
    },
}
"""By kind and by what is wrong: what the good object is merged with."""
ONLY_NEW: Final = frozenset(
    [
        "image with a space",  # whose pull policy, of an image that cannot be read, is told as well
        "source",  # of a kind nobody knows, which the real server drops
    ]
)
"""Cases that are not compared as changes."""


def made(kind: str, case: str) -> tuple[str, Object]:
    """The path and the object of a case."""
    path, good = GOOD[kind]
    return path, merged({"metadata": {"name": "zz"}} | good, CASES[kind][case])


def merged(value: Any, patch: Any) -> Any:
    """A value with a merge patch."""
    if not isinstance(patch, dict) or not isinstance(value, dict):
        return patch
    together = value | {key: merged(value.get(key), part) for key, part in patch.items()}
    return {key: part for key, part in together.items() if part is not None}
