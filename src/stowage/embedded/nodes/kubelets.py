"""Simulated nodes: Node objects in three zones with their heartbeats, and the life of the pods bound to them.

A pod runs after a moment, ends by itself where it is not to be restarted, and goes when it is deleted:
after its preStop sleep, and within its grace period. Nothing is executed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from stowage.embedded import agenda, errors, registry, schema
from stowage.embedded.nodes import kubelet_resize
from stowage.embedded.storage import store
from stowage.embedded.writing import deletion

Object = dict[str, Any]
ZONES: Final = ("zone-a", "zone-b", "zone-c")
RUN_SECONDS: Final = "stowage.dev/run-seconds"
"""Annotation of a pod that ends by itself (restartPolicy Never or OnFailure): how long it runs."""
START_SECONDS: Final = 1.0
STOP_SECONDS: Final = 1.0
RESIZE_SECONDS: Final = 1.0
LEASE_SECONDS: Final = 10.0
STATUS_SECONDS: Final = 300.0
_DEFAULT_RUN: Final = 10.0
_CAPACITY: Final = {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110"}
_FEATURES: Final = (
    "ExtendWebSocketsToKubelet",
    "InPlacePodLevelResourcesVerticalScaling",
    "InPlacePodVerticalScalingInitContainers",
    "RestartAllContainersOnContainerExits",
)
"""What a kubelet 1.36 declares with its default feature gates; the scheduler goes by it."""
_CONDITIONS: Final = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_NODES: Final = schema.named("", "Node")
_PODS: Final = schema.named("", "Pod")
_LEASES: Final = schema.named("coordination.k8s.io", "Lease")
_OPTIONS: Final = registry.Options(manager="kubelet")


class Kubelets:
    """The kubelets of `count` nodes `node-0`, `node-1`, …, and of ``others``, which are there already; any
    other node is left alone."""

    def __init__(
        self, reg: registry.Registry, due: agenda.Agenda, count: int, others: Sequence[str] = ()
    ) -> None:
        self._reg, self._due = reg, due
        names = dict.fromkeys([*(f"node-{i}" for i in range(count)), *others])
        self._names = {name: i for i, name in enumerate(names)}
        self._addresses = 0
        self._deferred: dict[str, dict[str, store.Key]] = {}
        """By node, the pods whose resize waits for room, by UID."""

    def start(self) -> Callable[[], None]:
        """Register the nodes and take up the pods that are bound to them; the answer stops listening."""
        self._reg.simulated.update(self._names)
        for name in self._names:
            self._register(name)
        stop = self._reg.objects.listen(self._changed)
        for entry in self._reg.objects.entries("pods"):
            self._pod_changed(entry)
        return stop

    def _register(self, name: str) -> None:
        if self._reg.objects.get("nodes", ("", name)) is None:
            self._reg.create(_NODES, "", self._node(name), _OPTIONS)
        # Spread over the period, so that a thousand nodes do not beat at once.
        share = self._names[name] / max(len(self._names), 1)
        self._due.add(("lease", name), lambda: self._beat(name), share * LEASE_SECONDS)
        self._due.add(("node", name), lambda: self._post(name), share * STATUS_SECONDS)

    def _node(self, name: str) -> Object:
        number, now = self._names[name], self._reg.now()
        labels = {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "node.kubernetes.io/instance-type": "simulated",
            "topology.kubernetes.io/region": "region-1",
            "topology.kubernetes.io/zone": ZONES[number % len(ZONES)],
        }
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        info = dict.fromkeys(schema.types()["core.v1.NodeSystemInfo"].required, "")
        info |= {"kubeletVersion": "v1.36.2", "kubeProxyVersion": "v1.36.2", "operatingSystem": "linux"}
        info |= {"architecture": "amd64", "containerRuntimeVersion": "stowage://1", "osImage": "simulated"}
        return {
            "metadata": {"name": name, "labels": labels},
            "spec": {"providerID": f"stowage:///{name}"},
            "status": {
                "capacity": dict(_CAPACITY),
                "allocatable": dict(_CAPACITY),
                "declaredFeatures": list(_FEATURES),
                "addresses": [
                    {"type": "InternalIP", "address": address},
                    {"type": "Hostname", "address": name},
                ],
                "conditions": [
                    {
                        "type": kind,
                        "status": status,
                        "reason": reason,
                        "message": message,
                        "lastHeartbeatTime": now,
                        "lastTransitionTime": now,
                    }
                    for kind, status, reason, message in _CONDITIONS
                ],
                "nodeInfo": info,
                "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
            },
        }

    def _beat(self, name: str) -> None:
        """Renew the node's Lease, as long as the node is there."""
        if self._reg.objects.get("nodes", ("", name)) is None:
            return
        self._due.add(("lease", name), lambda: self._beat(name), LEASE_SECONDS)
        now = self._reg.now().removesuffix("Z") + ".000000Z"
        space = "kube-node-lease"
        if self._reg.objects.get(_LEASES.table, (space, name)) is None:
            spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now}
            self._reg.create(_LEASES, space, {"metadata": {"name": name}, "spec": spec}, _OPTIONS)
            return

        def renew(lease: Object) -> Object:
            lease["spec"]["renewTime"] = now
            return lease

        self._reg.update(_LEASES, space, name, renew, _OPTIONS)

    def _post(self, name: str) -> None:
        """Post the node's status, as long as the node is there."""
        if self._reg.objects.get("nodes", ("", name)) is None:
            return
        self._due.add(("node", name), lambda: self._post(name), STATUS_SECONDS)
        now = self._reg.now()

        def beat(node: Object) -> Object:
            for condition in node["status"].get("conditions") or ():
                condition["lastHeartbeatTime"] = now
            return node

        self._reg.update(_NODES, "", name, beat, _OPTIONS, "status")

    def _changed(self, table: str, change: store.Change) -> None:
        if table != "pods":
            return
        if change.kind != "DELETED":
            self._pod_changed(change.entry)
        self._retry_resizes(change.entry)

    def _pod_changed(self, entry: store.Entry) -> None:
        pod = entry.read()
        if pod["spec"].get("nodeName") not in self._names:
            return
        key, uid = entry.key, pod["metadata"]["uid"]
        phase = (pod.get("status") or {}).get("phase", "Pending")
        if "deletionTimestamp" in pod["metadata"]:
            self._due.add(("stop", uid), lambda: self._remove(key, uid), _stopping(pod))
        elif phase == "Pending":
            self._due.add(("start", uid), lambda: self._run(key, uid), START_SECONDS)
        elif phase == "Running":
            if pod["spec"].get("restartPolicy", "Always") != "Always":
                self._due.add(("end", uid), lambda: self._end(key, uid), _running(pod))
            if kubelet_resize.pending(pod):
                self._due.add(("resize", uid), lambda: self._resize(key, uid), RESIZE_SECONDS)

    def _pod(self, key: store.Key, uid: str) -> Object | None:
        """The pod as long as it is the same one."""
        entry = self._reg.objects.get("pods", key)
        pod = entry.read() if entry else None
        return pod if pod is not None and pod["metadata"]["uid"] == uid else None

    def _run(self, key: store.Key, uid: str) -> None:
        pod = self._pod(key, uid)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return
        now, node = self._reg.now(), self._names[pod["spec"]["nodeName"]]
        self._addresses += 1
        host = f"10.{node >> 16 & 255}.{node >> 8 & 255}.{node & 255}"
        address = (
            f"10.{128 | self._addresses >> 16 & 127}.{self._addresses >> 8 & 255}.{self._addresses & 255}"
        )

        def started(pod: Object) -> Object:
            status = pod["status"]
            status |= {"phase": "Running", "startTime": now, "hostIP": host, "hostIPs": [{"ip": host}]}
            ip = host if pod["spec"].get("hostNetwork") else address
            status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
            for kind in ("PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"):
                _set(status, kind, "True", now)
            running = {"running": {"startedAt": now}}
            status["containerStatuses"] = _states(pod["spec"].get("containers") or (), running, True)
            finished = {
                "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}
            }
            inits = _states(pod["spec"].get("initContainers") or (), finished, True)
            if inits:
                status["initContainerStatuses"] = inits
            kubelet_resize.give(pod)
            return pod

        self._reg.update(_PODS, *key, started, _OPTIONS, "status")

    def _end(self, key: store.Key, uid: str) -> None:
        pod = self._pod(key, uid)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return
        now = self._reg.now()

        def ended(pod: Object) -> Object:
            status = pod["status"]
            status["phase"] = "Succeeded"
            for kind in ("ContainersReady", "Ready"):
                _set(status, kind, "False", now, "PodCompleted")
            since = status.get("startTime", now)
            finished = {
                "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": since, "finishedAt": now}
            }
            before = {each["name"]: each for each in status.get("containerStatuses") or ()}
            states = _states(pod["spec"].get("containers") or (), finished, False)
            status["containerStatuses"] = [before.get(each["name"], {}) | each for each in states]
            status["observedGeneration"] = pod["metadata"]["generation"]
            return pod

        self._reg.update(_PODS, *key, ended, _OPTIONS, "status")

    def _retry_resizes(self, entry: store.Entry) -> None:
        """Look again at the resizes that wait on the node of a pod that has changed or gone."""
        if self._deferred:
            for uid, key in self._deferred.pop(entry.read()["spec"].get("nodeName", ""), {}).items():
                self._due.add(("resize", uid), functools.partial(self._resize, key, uid), RESIZE_SECONDS)

    def _resize(self, key: store.Key, uid: str) -> None:
        pod = self._pod(key, uid)
        if pod is None or "deletionTimestamp" in pod["metadata"] or not kubelet_resize.pending(pod):
            return
        name, now = pod["spec"]["nodeName"], self._reg.now()
        node = self._reg.objects.get("nodes", ("", name))
        why = kubelet_resize.lacking(node.read() if node else {}, pod, self._others(name, uid))

        def resized(pod: Object) -> Object:
            if why:
                kubelet_resize.defer(pod, why, now)
            else:
                kubelet_resize.give(pod)
            return pod

        self._reg.update(_PODS, *key, resized, _OPTIONS, "status")
        if why:
            self._deferred.setdefault(name, {})[uid] = key

    def _others(self, node: str, uid: str) -> Iterator[Object]:
        """The pods that run on a node beside one."""
        for entry in self._reg.objects.entries("pods"):
            pod = entry.read()
            ended = (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
            if pod["spec"].get("nodeName") == node and pod["metadata"]["uid"] != uid and not ended:
                yield pod

    def _remove(self, key: store.Key, uid: str) -> None:
        if self._pod(key, uid) is None:
            return
        asked = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        try:
            deletion.delete(self._reg, _PODS, *key, asked, _OPTIONS)
        except errors.ApiError as error:
            if error.code != 404:
                raise


def _set(status: Object, kind: str, value: str, now: str, reason: str = "") -> None:
    conditions = [each for each in status.get("conditions") or () if each["type"] != kind]
    made = {"type": kind, "status": value, "lastProbeTime": None, "lastTransitionTime": now}
    status["conditions"] = [*conditions, made | ({"reason": reason} if reason else {})]


def _states(containers: Any, state: Object, ready: bool) -> list[Object]:
    return [
        {
            "name": each["name"],
            "image": each.get("image", ""),
            "imageID": "",
            "ready": ready,
            "started": ready,
            "restartCount": 0,
            "state": state,
        }
        for each in containers
    ]


def _stopping(pod: Object) -> float:
    """Seconds until a deleted pod is gone: its preStop sleep and a moment, within its grace period."""
    grace = float(pod["metadata"].get("deletionGracePeriodSeconds", 0))
    sleeps = [
        float((((each.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {}).get("seconds", 0))
        for each in pod["spec"].get("containers") or ()
    ]
    return min(grace, max(sleeps, default=0.0) + STOP_SECONDS)


def _running(pod: Object) -> float:
    """Seconds that a pod runs that ends by itself."""
    text = (pod["metadata"].get("annotations") or {}).get(RUN_SECONDS, "")
    try:
        return max(float(text), 0.0)
    except ValueError:
        return _DEFAULT_RUN
