"""Objects whose tables tell most: those of random requests, and beside them what only some rule shows."""

import random
from typing import Any

from tests.differential import kinds, objects

Object = dict[str, Any]
LONG_AGO = "2019-05-01T10:00:00Z"
_RUNNING: Object = {"running": {"startedAt": LONG_AGO}}
_EXITED: Object = {"exitCode": 1, "finishedAt": LONG_AGO, "startedAt": LONG_AGO}
_EXPRESSIONS: Object = {
    "matchLabels": {"b": "c", "app": "t"},
    "matchExpressions": [
        {"key": "z", "operator": "NotIn", "values": ["y", "x"]},
        {"key": "a", "operator": "Exists"},
        {"key": "c", "operator": "DoesNotExist"},
        {"key": "d", "operator": "In", "values": ["e"]},
    ],
}
_TEMPLATE: Object = {
    "metadata": {"labels": {"b": "c", "app": "t", "a": "", "d": "e"}},
    "spec": {
        "containers": [{"name": "one", "image": "i:1"}, {"name": "two", "image": "i:2"}],
        "nodeSelector": {"disk": "ssd", "arch": "arm64"},
    },
}


def _container(name: str, state: Object, **more: Any) -> Object:
    made: Object = {"name": name, "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    return made | ({"state": state} if state else {}) | more


def _pod(*statuses: Object, inits: tuple[Object, ...] = (), sidecars: str = "", **status: Any) -> Object:
    """A pod of containers and init containers in the states that are told."""
    named = [{"name": name, "image": "i"} for name in ("a", "b")]
    first = [
        {"name": each["name"], "image": "i"}
        | ({"restartPolicy": "Always"} if each["name"] in sidecars else {})
        for each in inits
    ]
    told: Object = {"phase": "Running", "containerStatuses": list(statuses)}
    told |= {"initContainerStatuses": list(inits)} if inits else {}
    return {"spec": {"containers": named, "initContainers": first}, "status": told | status}


def _condition(kind: str, status: str = "True", reason: str = "R") -> Object:
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": LONG_AGO}


def _ended(**more: Any) -> Object:
    return {"terminated": _EXITED | more}


_OK = _container("a", _RUNNING, ready=True)
_OFTEN: Object = {"restartCount": 3, "lastState": {"terminated": _EXITED}}
_INITIALIZED = {"conditions": [_condition("Initialized")]}
_GATES = [{"conditionType": "example.com/a"}, {"conditionType": "example.com/b"}]
_PODS: list[Object] = [
    _pod(_OK, _container("b", _RUNNING)),
    _pod(_OK, _container("b", _ended(exitCode=0, reason="Completed"))),
    _pod(
        _OK,
        _container("b", _ended(exitCode=0, reason="Completed")),
        conditions=[_condition("Ready", "False")],
    ),
    _pod(_OK, _container("b", _ended(exitCode=0, reason="Completed")), conditions=[_condition("Ready")]),
    _pod(_container("a", _ended(exitCode=0, reason="Completed")), _container("b", _ended(reason="Error"))),
    _pod(_container("a", _ended()), phase="Failed"),
    _pod(_container("a", _ended(signal=9)), phase="Failed", reason="Evicted"),
    _pod(_container("a", _ended(exitCode=0, reason="Completed")), phase="Succeeded"),
    _pod(_container("a", {"waiting": {"reason": "CrashLoopBackOff"}}, **_OFTEN), _OK | {"name": "b"}),
    _pod(_container("a", {"waiting": {}})),
    _pod(phase="Pending", reason="NodeLost"),
    _pod(phase="Pending", podIPs=[{"ip": "10.0.0.1"}], podIP="10.0.0.1", nominatedNodeName="n"),
    _pod(inits=(_container("i", _RUNNING, **_OFTEN), _container("j", {})), phase="Pending"),
    _pod(inits=(_container("i", _ended(exitCode=0)), _container("j", {"waiting": {"reason": "Bad"}}))),
    _pod(inits=(_container("i", {"waiting": {"reason": "PodInitializing"}}),), phase="Pending"),
    _pod(inits=(_container("i", _ended()),)),
    _pod(inits=(_container("i", _ended(signal=9)),)),
    _pod(inits=(_container("i", _ended(reason="OOMKilled"), **_OFTEN),)),
    _pod(
        _OK, inits=(_container("i", _RUNNING, started=True, ready=True, **_OFTEN),), sidecars="i", podIP="::1"
    ),
    _pod(inits=(_container("i", _RUNNING, started=True), _container("j", _RUNNING)), sidecars="i"),
    _pod(_OK, inits=(_container("i", _ended()), _container("j", {})), sidecars="i", **_INITIALIZED),
    {
        "spec": {"containers": [{"name": "a", "image": "i"}], "readinessGates": _GATES, "nodeName": "n"},
        "status": {"conditions": [_condition("example.com/a"), _condition("example.com/b", "False")]},
    },
    {
        "spec": {"containers": [{"name": "a", "image": "i"}], "schedulingGates": [{"name": "g"}]},
        "status": {"conditions": [_condition("PodScheduled", "False", "SchedulingGated")]},
    },
    {
        "metadata": {"finalizers": ["example.com/f"], "deleted": True},
        "spec": {"containers": [{"name": "a", "image": "i"}]},
    },
]


def _job(*conditions: Object, deleted: bool = False, spec: Object | None = None, **status: Any) -> Object:
    template = {"spec": _TEMPLATE["spec"] | {"restartPolicy": "Never"}}
    meta = {"metadata": {"finalizers": ["example.com/f"], "deleted": True}} if deleted else {}
    return meta | {
        "spec": {"template": template} | (spec or {}),
        "status": {"conditions": list(conditions)} | status,
    }


_ENDED: Object = {"startTime": LONG_AGO, "completionTime": "2019-05-01T11:30:05Z", "succeeded": 1}
_JOBS: list[Object] = [
    _job(_condition("SuccessCriteriaMet"), _condition("Complete"), **_ENDED),
    _job(_condition("FailureTarget"), _condition("Failed"), startTime=LONG_AGO, failed=1),
    _job(_condition("FailureTarget"), startTime=LONG_AGO),
    _job(_condition("SuccessCriteriaMet"), startTime=LONG_AGO),
    _job(_condition("Suspended"), spec={"suspend": True}),
    _job(deleted=True, spec={"parallelism": 4}),
]


def _metric(kind: str, target: Object, **more: Any) -> Object:
    return {"type": kind, kind[0].lower() + kind[1:]: {"target": target} | more}


def _measured(kind: str, current: Object, **more: Any) -> Object:
    return {"type": kind, kind[0].lower() + kind[1:]: {"current": current} | more}


_NAMED: Object = {"metric": {"name": "m"}}
_DESCRIBED: Object = _NAMED | {"describedObject": {"kind": "Service", "name": "s"}}
_VALUE: Object = {"type": "Value", "value": "10"}
_AVERAGE: Object = {"type": "AverageValue", "averageValue": "1500m"}
_SHARE: Object = {"type": "Utilization", "averageUtilization": 80}


def _autoscaler(specs: list[Object], statuses: list[Object]) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}
    spec = {"maxReplicas": 3, "minReplicas": 2, "scaleTargetRef": target, "metrics": specs}
    status = {"currentReplicas": 1, "desiredReplicas": 2, "currentMetrics": statuses}
    return {"spec": spec, "status": status}


_AUTOSCALERS: list[Object] = [
    _autoscaler([_metric("External", _VALUE, **_NAMED), _metric("External", _AVERAGE, **_NAMED)], []),
    _autoscaler(
        [_metric("External", _VALUE, **_NAMED), _metric("External", _AVERAGE, **_NAMED)],
        [
            _measured("External", {"value": "3"}, **_NAMED),
            _measured("External", {"averageValue": "4"}, **_NAMED),
        ],
    ),
    _autoscaler([_metric("Object", _VALUE, **_DESCRIBED), _metric("Object", _AVERAGE, **_DESCRIBED)], []),
    _autoscaler(
        [_metric("Object", _VALUE, **_DESCRIBED), _metric("Object", _AVERAGE, **_DESCRIBED)],
        [
            _measured("Object", {"value": "5"}, **_DESCRIBED),
            _measured("Object", {"averageValue": "6"}, **_DESCRIBED),
        ],
    ),
    _autoscaler(
        [_metric("Pods", _AVERAGE, **_NAMED), _metric("Resource", _SHARE, name="cpu")],
        [
            _measured("Pods", {"averageValue": "7"}, **_NAMED),
            _measured("Resource", {"averageUtilization": 70, "averageValue": "1"}, name="cpu"),
        ],
    ),
    _autoscaler(
        [
            _metric("Resource", _AVERAGE, name="memory"),
            _metric("ContainerResource", _SHARE, name="cpu", container="c"),
        ],
        [_measured("Resource", {"averageValue": "8"}, name="memory")],
    ),
    _autoscaler([_metric("Resource", _SHARE, name="cpu"), _metric("Pods", _AVERAGE, **_NAMED)] * 2, []),
]


def _service(kind: str, balanced: list[Object] | None = None, **more: Any) -> Object:
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}]
    made: Object = {"spec": {"type": kind, "ports": ports} | more}
    return made | ({"status": {"loadBalancer": {"ingress": balanced}}} if balanced else {})


_SERVICES: list[Object] = [
    _service("ClusterIP", externalIPs=["1.2.3.4", "1.2.3.5"], selector={"b": "c", "a": "b"}),
    _service("NodePort", ports=[{"port": 80, "nodePort": 30080}]),
    _service("LoadBalancer", ports=[{"port": 81, "nodePort": 30081}]),
    _service(
        "LoadBalancer",
        [{"ip": "5.6.7.8"}, {"hostname": "b.example.com"}, {"ip": "1.1.1.1"}],
        ports=[{"port": 82, "nodePort": 30082}],
        externalIPs=["9.9.9.9"],
    ),
    {"spec": {"type": "ExternalName", "externalName": "x.example.com"}},
]
_ADDRESSES = [{"ip": f"10.1.1.{i}"} for i in range(1, 4)]
_CLAIM: Object = {
    "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
    "resources": {"requests": {"storage": "1Gi"}},
}
_VOLUME: Object = {"capacity": {"storage": "1.5Gi"}, "hostPath": {"path": "/x"}}
_ALL_MODES = ["ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOnce"]
_OLD_CLASS: Object = {"annotations": {"volume.beta.kubernetes.io/storage-class": "old"}}
_RULE: Object = {
    "http": {
        "paths": [
            {"pathType": "Prefix", "path": "/", "backend": {"service": {"name": "s", "port": {"number": 80}}}}
        ]
    }
}
_SUBJECTS: list[Object] = [
    {"kind": "User", "name": "jane"},
    {"kind": "User", "name": "joe"},
    {"kind": "Group", "name": "g"},
    {"kind": "ServiceAccount", "name": "sa", "namespace": "n"},
    {"kind": "ServiceAccount", "name": "sb", "namespace": "n"},
]
_ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
_OWNER: Object = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u", "controller": True}
_SELECTED: Object = {"selector": _EXPRESSIONS, "template": _TEMPLATE}
_ABOUT: Object = {"kind": "Pod", "name": "p", "namespace": "$namespace", "fieldPath": "spec.containers{a}"}
_MATCHED: Object = {
    "resourceRules": [
        {"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["x"]}
    ]
}
_EXTRA: dict[str, list[Object]] = {
    "pods": _PODS,
    "jobs": _JOBS,
    "horizontalpodautoscalers": _AUTOSCALERS,
    "services": _SERVICES,
    "deployments": [
        {
            "spec": _SELECTED | {"replicas": 3},
            "status": {"replicas": 3, "readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1},
        }
    ],
    "replicasets": [
        {"spec": _SELECTED | {"replicas": 3}, "status": {"replicas": 2, "readyReplicas": 1}},
    ],
    "statefulsets": [
        {
            "spec": _SELECTED | {"replicas": 3, "serviceName": "s"},
            "status": {"replicas": 2, "readyReplicas": 1},
        }
    ],
    "daemonsets": [
        {
            "spec": _SELECTED,
            "status": {
                "desiredNumberScheduled": 5,
                "currentNumberScheduled": 4,
                "numberReady": 3,
                "updatedNumberScheduled": 2,
                "numberAvailable": 1,
                "numberMisscheduled": 0,
            },
        }
    ],
    "replicationcontrollers": [
        {
            "spec": {"replicas": 2, "selector": {"b": "c", "app": "t"}, "template": _TEMPLATE},
            "status": {"replicas": 2, "readyReplicas": 1},
        }
    ],
    "controllerrevisions": [
        {"metadata": {"ownerReferences": [_OWNER]}, "revision": 4, "data": {}},
        {
            "metadata": {"ownerReferences": [_OWNER | {"apiVersion": "v1"}]},
            "revision": 5,
            "data": {},
        },
    ],
    "cronjobs": [
        {
            "spec": {
                "schedule": "@daily",
                "timeZone": "Europe/Berlin",
                "suspend": True,
                "jobTemplate": {
                    "spec": {"template": {"spec": _TEMPLATE["spec"] | {"restartPolicy": "Never"}}}
                },
            },
            "status": {"lastScheduleTime": LONG_AGO, "active": [{"kind": "Job", "name": "j"}]},
        }
    ],
    "poddisruptionbudgets": [
        {
            "spec": {"maxUnavailable": "50%"},
            "status": {"disruptionsAllowed": 2, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1},
        },
    ],
    "nodes": [
        {
            "metadata": {
                "labels": {
                    "node-role.kubernetes.io/worker": "",
                    "node-role.kubernetes.io/control-plane": "",
                    "kubernetes.io/role": "old",
                }
            },
            "spec": {"unschedulable": True},
            "status": {
                "conditions": [_condition("Ready")],
                "addresses": [
                    {"type": "Hostname", "address": "h"},
                    {"type": "InternalIP", "address": "10.0.0.1"},
                    {"type": "ExternalIP", "address": "1.2.3.4"},
                ],
                "nodeInfo": {
                    "kubeletVersion": "v1.36.2",
                    "osImage": "Linux",
                    "kernelVersion": "6.1",
                    "architecture": "arm64",
                    "containerRuntimeVersion": "containerd://2",
                },
            },
        },
        {"status": {"conditions": [_condition("Ready", "Unknown")], "nodeInfo": {"architecture": "amd64"}}},
    ],
    "persistentvolumes": [
        {
            "metadata": _OLD_CLASS,
            "spec": _VOLUME
            | {
                "accessModes": _ALL_MODES[1:],
                "claimRef": {"kind": "PersistentVolumeClaim", "namespace": "x", "name": "y"},
                "persistentVolumeReclaimPolicy": "Recycle",
                "volumeMode": "Block",
            },
            "status": {"phase": "Failed", "reason": "Lost"},
        },
        {
            "metadata": {"finalizers": ["example.com/f"], "deleted": True},
            "spec": _VOLUME | {"accessModes": _ALL_MODES[:1], "storageClassName": "fast"},
        },
    ],
    "persistentvolumeclaims": [
        {
            "spec": _CLAIM | {"volumeName": "v", "volumeMode": "Block", "volumeAttributesClassName": "gold"},
            "status": {"phase": "Bound", "accessModes": _ALL_MODES[2:], "capacity": {"storage": "2Gi"}},
        },
        {"spec": _CLAIM | {"volumeName": "w"}, "status": {"phase": "Lost"}},
        {"spec": _CLAIM, "metadata": _OLD_CLASS | {"finalizers": ["example.com/f"], "deleted": True}},
    ],
    "storageclasses": [
        {
            "metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "p",
            "allowVolumeExpansion": True,
        }
    ],
    "csidrivers": [
        {
            "spec": {
                "volumeLifecycleModes": ["Ephemeral", "Persistent"],
                "tokenRequests": [{"audience": "a"}, {"audience": "b"}],
                "requiresRepublish": True,
                "podInfoOnMount": True,
            }
        }
    ],
    "volumeattachments": [
        {
            "spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}},
            "status": {"attached": True},
        }
    ],
    "ingresses": [
        {
            "spec": {
                "ingressClassName": "c",
                "tls": [{"hosts": ["a.example.com"]}],
                "rules": [_RULE | {"host": f"{name}.example.com"} for name in "abcde"],
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "5.6.7.8"}, {"hostname": "b.example.com"}]}},
        },
        {"spec": {"rules": [_RULE, _RULE | {"host": "b.example.com"}]}},
    ],
    "ingressclasses": [
        {
            "metadata": {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
            "spec": {
                "controller": "example.com/c",
                "parameters": {"apiGroup": "example.com", "kind": "P", "name": "p", "scope": "Cluster"},
            },
        },
        {
            "spec": {
                "controller": "example.com/c",
                "parameters": {"kind": "P", "name": "p", "scope": "Cluster"},
            }
        },
    ],
    "networkpolicies": [{"spec": {"podSelector": _EXPRESSIONS}}],
    "endpoints": [
        {},
        {
            "subsets": [
                {
                    "addresses": _ADDRESSES[:2],
                    "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}],
                },
                {"addresses": [{"ip": "fd00::1"}]},
            ]
        },
        {"subsets": [{"addresses": [{"ip": "fd00::1"}], "ports": [{"port": 80}]}]},
        {"subsets": [{"notReadyAddresses": _ADDRESSES}]},
        {"subsets": [{"addresses": _ADDRESSES}]},
    ],
    "endpointslices": [
        {"addressType": "IPv4", "endpoints": []},
        {
            "addressType": "IPv4",
            "endpoints": [{"addresses": [each["ip"]]} for each in (*_ADDRESSES, {"ip": "10.2.0.1"})],
            "ports": [
                {"name": name, "port": port} for name, port in zip("abcd", (80, 81, 82, 83), strict=True)
            ],
        },
        {"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.1.1"]}], "ports": [{"name": "a"}]},
    ],
    "resourcequotas": [
        {
            "spec": {"hard": {"requests.cpu": "1500m", "limits.memory": "2Gi", "pods": "50"}},
            "status": {
                "hard": {"requests.cpu": "1500m", "limits.memory": "2Gi", "limits.cpu": "8", "pods": "50"},
                "used": {"requests.cpu": "500m", "pods": "3", "limits.memory": "1Gi"},
            },
        }
    ],
    "rolebindings": [{"roleRef": _ROLE, "subjects": _SUBJECTS}],
    "clusterrolebindings": [{"roleRef": _ROLE, "subjects": _SUBJECTS}, {"roleRef": _ROLE}],
    "priorityclasses": [{"value": 7, "preemptionPolicy": "Never"}],
    "configmaps": [{"data": {"a": "b"}, "binaryData": {"c": "dg=="}}],
    "resourceclaims": [
        {"spec": {}, "metadata": {"finalizers": ["example.com/f"], "deleted": True}},
        {
            "spec": {},
            "status": {
                "allocation": {"devices": {}},
                "reservedFor": [{"resource": "pods", "name": "p", "uid": "u"}],
            },
        },
        {"spec": {}, "status": {"allocation": {"devices": {}}}},
    ],
    "validatingadmissionpolicies": [
        {
            "spec": {
                "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
                "matchConstraints": _MATCHED,
                "validations": [{"expression": "true"}, {"expression": "1 == 1"}],
            }
        }
    ],
    "validatingadmissionpolicybindings": [
        {"spec": {"policyName": "p", "validationActions": ["Deny"], "paramRef": ref}}
        for ref in (
            {"name": "a", "parameterNotFoundAction": "Deny"},
            {"name": "a", "namespace": "b", "parameterNotFoundAction": "Deny"},
            {"selector": _EXPRESSIONS, "parameterNotFoundAction": "Deny"},
        )
    ],
}
_EVENTS: list[Object] = [
    {
        "involvedObject": _ABOUT,
        "reason": "R",
        "message": " two\nlines \n",
        "type": "Warning",
        "source": {"component": "c", "host": "h"},
        "firstTimestamp": "2018-05-01T10:00:00Z",
        "lastTimestamp": LONG_AGO,
        "count": 4,
    },
    {"involvedObject": {"namespace": "$namespace"}, "reportingComponent": "c", "reportingInstance": "i"},
]
_SERIES: Object = {"series": {"count": 2, "lastObservedTime": "2017-01-01T00:00:01.000000Z"}}


def of(kind: kinds.Kind) -> list[Object]:
    """Objects of a kind, their status included; `deleted` in the metadata: they wait for a finalizer."""
    rng = random.Random(1)
    made = [kind.make(rng)]
    if kind.plural == "events":
        event = objects.event(rng) | {"eventTime": "2018-01-01T00:00:00.000000Z", "regarding": _ABOUT}
        return made + (_EVENTS if kind.group_version == "v1" else [event, event | _SERIES])
    return made + _EXTRA.get(kind.plural, [])
