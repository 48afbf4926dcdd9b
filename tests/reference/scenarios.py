"""Random scheduling scenarios, one JSON line each, for the oracle to answer.

usage: scenarios.py SEED COUNT [FAMILY ...] > scenarios.jsonl

The same seed and count always give the same scenarios.
"""

import json
import random
import sys
from typing import Any

ZONES = ["z1", "z2", "z3", "z4"]
REGIONS = {"z1": "r1", "z2": "r1", "z3": "r2", "z4": "r2"}
APPS = ["web", "api", "db", "cache", "batch"]
TIERS = ["front", "back"]
NAMESPACES = {
    "default": {"team": "a"},
    "prod": {"team": "a", "env": "prod"},
    "dev": {"team": "b", "env": "dev"},
}
MI = 1024 * 1024
GI = 1024 * MI
EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
FEATURES = [
    "ExtendWebSocketsToKubelet",
    "InPlacePodVerticalScalingInitContainers",
    "NotYetKnown",
    "RestartAllContainersOnContainerExits",
    "UserNamespacesHostNetworkSupport",
]
IMAGES = {f"registry.example/app{i}:v{i}": random.Random(i).randint(10, 1200) * MI for i in range(8)}


class Gen:
    def __init__(self, seed: Any) -> None:
        self.r = random.Random(seed)
        self.n = 0

    def p(self, probability: Any) -> Any:
        return self.r.random() < probability

    def uid(self) -> Any:
        self.n += 1
        return f"uid-{self.n:06d}"

    # ------------------------------------------------------------- quantities
    def cpu(self, lo: Any = 50, hi: Any = 2000) -> Any:
        m = self.r.randrange(lo, hi + 1, 50)
        return f"{m}m" if self.p(0.7) or m % 1000 else str(m // 1000)

    def mem(self, lo: Any = 64, hi: Any = 4096) -> Any:
        m = self.r.randrange(lo, hi + 1, 32)
        style = self.r.random()
        if style < 0.6:
            return f"{m}Mi"
        if style < 0.8:
            return str(m * MI)
        return f"{m}M"

    # ------------------------------------------------------------------ nodes
    def node(
        self, i: Any, taints: Any = 0.25, images: Any = False, extended: Any = 0.2, zones: Any = True
    ) -> Any:
        name = f"node-{i:03d}"
        labels = {
            "kubernetes.io/hostname": name,
            "disk": self.r.choice(["ssd", "hdd"]),
            "gen": str(self.r.randint(1, 6)),
        }
        if zones and self.p(0.92):
            zone = self.r.choice(ZONES)
            labels["topology.kubernetes.io/zone"] = zone
            labels["topology.kubernetes.io/region"] = REGIONS[zone]
        if self.p(0.3):
            labels["gpu"] = self.r.choice(["a100", "v100", "none"])
        if self.p(0.05):
            del labels["kubernetes.io/hostname"]
        alloc = {
            "cpu": self.r.choice(["2", "4", "8", "3500m"]),
            "memory": self.r.choice(["4Gi", "8Gi", "16Gi", "7900Mi"]),
            "pods": self.r.choice(["8", "20", "110", "110"]),
            "ephemeral-storage": self.r.choice(["20Gi", "100Gi"]),
        }
        if self.p(extended):
            alloc["nvidia.com/gpu"] = self.r.choice(["1", "4", "8"])
        if self.p(extended / 2):
            alloc["hugepages-2Mi"] = "512Mi"
        if self.p(extended / 3):
            alloc["example.com/fpga"] = "2"
        spec: Any = {}
        if self.p(taints):
            spec["taints"] = [self.taint() for _ in range(self.r.choice([1, 1, 2]))]
        if self.p(0.05):
            spec["unschedulable"] = True
            spec.setdefault("taints", []).append(
                {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
            )
        status = {
            "allocatable": alloc,
            "capacity": alloc,
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        if images:
            names = [n for n in IMAGES if self.p(0.5)]
            status["images"] = [{"names": [n], "sizeBytes": IMAGES[n]} for n in names]
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "uid": self.uid(), "labels": labels},
            "spec": spec,
            "status": status,
        }

    def taint(self) -> Any:
        t: Any = {"key": self.r.choice(["dedicated", "flaky", "gpu"]), "effect": self.r.choice(EFFECTS)}
        if self.p(0.8):
            t["value"] = self.r.choice(["a", "a", "b"])
        return t

    def toleration(self) -> Any:
        t: Any = {}
        if self.p(0.9):
            t["key"] = self.r.choice(["dedicated", "flaky", "gpu"])
        else:
            t["operator"] = "Exists"
        if self.p(0.7):
            t["effect"] = self.r.choice(EFFECTS)
        if "operator" not in t:
            if self.p(0.4):
                t["operator"] = "Exists"
            else:
                if self.p(0.5):
                    t["operator"] = "Equal"
                t["value"] = self.r.choice(["a", "b"])
        return t

    # ------------------------------------------------------------------- pods
    def requests(self, extended: Any = 0.1, heavy: Any = 1.0) -> Any:
        req = {}
        if self.p(0.85):
            req["cpu"] = self.cpu(50, int(1500 * heavy))
        if self.p(0.85):
            req["memory"] = self.mem(64, int(3000 * heavy))
        if self.p(0.1):
            req["ephemeral-storage"] = self.r.choice(["1Gi", "15Gi", "60Gi"])
        if self.p(extended):
            req["nvidia.com/gpu"] = str(self.r.randint(1, 4))
        if self.p(extended / 3):
            req["example.com/fpga"] = "1"
        if self.p(extended / 4):
            req["hugepages-2Mi"] = self.r.choice(["64Mi", "256Mi"])
        return req

    def resources(self, **kw: Any) -> Any:
        req = self.requests(**kw)
        res: Any = {"requests": req} if req else {}
        limits = {k: v for k, v in req.items() if "/" in k or k.startswith("hugepages")}
        if limits:
            res["limits"] = limits
        return res

    def pod(self, name: Any, ns: Any = None, node: Any = None, app: Any = None, **kw: Any) -> Any:
        ns = ns or self.r.choice(list(NAMESPACES))
        labels = {
            "app": app or self.r.choice(APPS),
            "tier": self.r.choice(TIERS),
            "rev": str(self.r.randint(1, 2)),
        }
        if self.p(0.08):
            labels.pop("tier")
        containers = [
            {"name": f"c{i}", "image": self.r.choice(list(IMAGES)), "resources": self.resources(**kw)}
            for i in range(self.r.choice([1, 1, 1, 2]))
        ]
        spec = {"containers": containers, "schedulerName": "default-scheduler"}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": ns, "uid": self.uid(), "labels": labels},
            "spec": spec,
            "status": {"phase": "Pending"},
        }
        if node:
            spec["nodeName"] = node
            pod["status"] = {
                "phase": "Running",
                "startTime": f"2026-01-{self.r.randint(1, 28):02d}T{self.r.randint(0, 23):02d}:00:00Z",
            }
        return pod

    def init_containers(self, pod: Any) -> Any:
        inits = []
        for i in range(self.r.randint(1, 3)):
            c: Any = {
                "name": f"i{i}",
                "image": self.r.choice(list(IMAGES)),
                "resources": self.resources(heavy=1.5),
            }
            if self.p(0.4):
                c["restartPolicy"] = "Always"
            inits.append(c)
        pod["spec"]["initContainers"] = inits
        if self.p(0.3):
            pod["spec"]["overhead"] = {"cpu": "250m", "memory": "120Mi"}
        if self.p(0.25):
            pod["spec"]["resources"] = (
                {"requests": {"cpu": "6", "memory": "6Gi"}, "limits": {"cpu": "8", "memory": "12Gi"}}
                if self.p(0.4)
                else {"requests": {"cpu": "3"}, "limits": {"cpu": "8"}}
            )

    def expr(self) -> Any:
        key = self.r.choice(["disk", "gen", "gpu", "topology.kubernetes.io/zone"])
        if key == "gen" and self.p(0.6):
            return {
                "key": "gen",
                "operator": self.r.choice(["Gt", "Lt"]),
                "values": [str(self.r.randint(1, 6))],
            }
        values = {
            "disk": ["ssd", "hdd"],
            "gen": ["1", "2", "3", "4"],
            "gpu": ["a100", "v100", "none"],
            "topology.kubernetes.io/zone": ZONES,
        }[key]
        op = self.r.choice(["In", "In", "NotIn", "Exists", "DoesNotExist"])
        e: Any = {"key": key, "operator": op}
        if op in ("In", "NotIn"):
            e["values"] = self.r.sample(values, self.r.randint(1, min(2, len(values))))
        return e

    def node_term(self, n_nodes: Any) -> Any:
        term = {}
        if self.p(0.93):
            term["matchExpressions"] = [self.expr() for _ in range(self.r.randint(1, 2))]
        if self.p(0.15):
            term["matchFields"] = [
                {
                    "key": "metadata.name",
                    "operator": self.r.choice(["In", "NotIn"]),
                    "values": [f"node-{self.r.randrange(n_nodes):03d}"],
                }
            ]
        return term

    def node_affinity(self, pod: Any, n_nodes: Any) -> Any:
        aff = pod["spec"].setdefault("affinity", {}).setdefault("nodeAffinity", {})
        if self.p(0.4):
            pod["spec"]["nodeSelector"] = {"disk": self.r.choice(["ssd", "hdd"])}
        if self.p(0.6):
            aff["requiredDuringSchedulingIgnoredDuringExecution"] = {
                "nodeSelectorTerms": [self.node_term(n_nodes) for _ in range(self.r.randint(1, 3))]
            }
        if self.p(0.7):
            aff["preferredDuringSchedulingIgnoredDuringExecution"] = [
                {"weight": self.r.randint(1, 100), "preference": self.node_term(n_nodes)}
                for _ in range(self.r.randint(1, 3))
            ]

    def selector(self) -> Any:
        roll = self.r.random()
        if roll < 0.04:
            return {}
        if roll < 0.7:
            return {"matchLabels": {"app": self.r.choice(APPS)}}
        op = self.r.choice(["In", "NotIn", "Exists", "DoesNotExist"])
        e: Any = {"key": self.r.choice(["app", "tier"]), "operator": op}
        if op in ("In", "NotIn"):
            e["values"] = self.r.sample(APPS, 2) if e["key"] == "app" else [self.r.choice(TIERS)]
        return {"matchExpressions": [e]}

    def pod_term(self) -> Any:
        t: Any = {
            "labelSelector": self.selector(),
            "topologyKey": self.r.choice(
                ["kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region"]
            ),
        }
        if self.p(0.25):
            t["namespaces"] = self.r.sample(list(NAMESPACES), self.r.randint(1, 2))
        if self.p(0.04):
            del t["labelSelector"]
        if self.p(0.2):
            t["namespaceSelector"] = self.r.choice(
                [
                    {},
                    {"matchLabels": {"team": "a"}},
                    {"matchExpressions": [{"key": "env", "operator": "Exists"}]},
                ]
            )
        return t

    def inter_pod(self, pod: Any, hard: Any = 0.5) -> Any:
        aff = pod["spec"].setdefault("affinity", {})
        for kind in ("podAffinity", "podAntiAffinity"):
            if not self.p(0.6):
                continue
            block = aff.setdefault(kind, {})
            if self.p(hard):
                block["requiredDuringSchedulingIgnoredDuringExecution"] = [
                    self.pod_term() for _ in range(self.r.randint(1, 2))
                ]
            if self.p(0.6):
                block["preferredDuringSchedulingIgnoredDuringExecution"] = [
                    {"weight": self.r.randint(1, 100), "podAffinityTerm": self.pod_term()}
                    for _ in range(self.r.randint(1, 2))
                ]

    def spread(self, pod: Any, hard: Any = 0.5) -> Any:
        cs = []
        for key in self.r.sample(
            [
                "kubernetes.io/hostname",
                "topology.kubernetes.io/zone",
                "topology.kubernetes.io/region",
                "disk",
            ],
            self.r.randint(1, 2),
        ):
            c: Any = {
                "maxSkew": self.r.randint(1, 3),
                "topologyKey": key,
                "whenUnsatisfiable": "DoNotSchedule" if self.p(hard) else "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app": pod["metadata"]["labels"]["app"]}}
                if self.p(0.8)
                else self.selector(),
            }
            if c["whenUnsatisfiable"] == "DoNotSchedule" and self.p(0.3):
                c["minDomains"] = self.r.randint(1, 5)
            if self.p(0.3):
                c["nodeAffinityPolicy"] = self.r.choice(["Honor", "Ignore"])
            if self.p(0.3):
                c["nodeTaintsPolicy"] = self.r.choice(["Honor", "Ignore"])
            if self.p(0.15):
                c["matchLabelKeys"] = ["rev"]
            elif self.p(0.04):
                del c["labelSelector"]
            cs.append(c)
        pod["spec"]["topologySpreadConstraints"] = cs

    def ports(self, pod: Any) -> Any:
        ports = []
        for _ in range(self.r.randint(1, 2)):
            port = self.r.choice([80, 443, 8080])
            p: Any = {"containerPort": port, "hostPort": port}
            if self.p(0.4):
                p["hostIP"] = self.r.choice(["0.0.0.0", "127.0.0.1", "10.0.0.1"])
            if self.p(0.3):
                p["protocol"] = self.r.choice(["TCP", "UDP"])
            ports.append(p)
        holder = pod["spec"]["containers"][0]
        if self.p(0.2):
            holder = {"name": "sidecar", "image": self.r.choice(list(IMAGES)), "resources": {}}
            if self.p(0.6):
                holder["restartPolicy"] = "Always"
            pod["spec"]["initContainers"] = [holder]
        holder["ports"] = ports

    def declare(self, node: Any) -> None:
        declared = [name for name in FEATURES if self.p(0.6)]
        if self.p(0.05):
            declared.reverse()
        if declared:
            node["status"]["declaredFeatures"] = declared

    def need_features(self, pod: Any) -> None:
        spec = pod["spec"]
        if self.p(0.3):
            spec["initContainers"] = [{"name": "i0", "image": self.r.choice(list(IMAGES)), "resources": {}}]
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            if self.p(0.4):
                container["restartPolicy"] = self.r.choice(["Never", "OnFailure"])
                container["restartPolicyRules"] = [
                    {
                        "action": self.r.choice(["Restart", "RestartAllContainers"]),
                        "exitCodes": {"operator": "In", "values": [self.r.randint(1, 255)]},
                    }
                    for _ in range(self.r.randint(1, 2))
                ]
        if self.p(0.5):
            spec["hostNetwork"] = True
        if self.p(0.6):
            spec["hostUsers"] = self.p(0.3)

    # ---------------------------------------------------------------- volumes
    def storage(self, n_nodes: Any) -> Any:
        objs = []
        for name, mode in (("fast", "WaitForFirstConsumer"), ("slow", "Immediate")):
            objs.append(
                {
                    "apiVersion": "storage.k8s.io/v1",
                    "kind": "StorageClass",
                    "metadata": {"name": name},
                    "provisioner": "kubernetes.io/no-provisioner",
                    "volumeBindingMode": mode,
                }
            )
        sc: Any = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "csi"},
            "provisioner": "csi.example.com",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
        if self.p(0.4):
            sc["allowedTopologies"] = [
                {
                    "matchLabelExpressions": [
                        {"key": "topology.kubernetes.io/zone", "values": self.r.sample(ZONES, 2)}
                    ]
                }
            ]
        objs.append(sc)
        if self.p(0.5):
            objs.append(
                {
                    "apiVersion": "storage.k8s.io/v1",
                    "kind": "CSIDriver",
                    "metadata": {"name": "csi.example.com"},
                    "spec": {"storageCapacity": True},
                }
            )
            for k, zone in enumerate(self.r.sample(ZONES, 2)):
                objs.append(
                    {
                        "apiVersion": "storage.k8s.io/v1",
                        "kind": "CSIStorageCapacity",
                        "metadata": {"name": f"capacity-{k}", "namespace": "default"},
                        "storageClassName": "csi",
                        "nodeTopology": {"matchLabels": {"topology.kubernetes.io/zone": zone}},
                        "capacity": self.r.choice(["2Gi", "100Gi"]),
                    }
                )
        for i in range(n_nodes):
            if self.p(0.7):
                objs.append(
                    {
                        "apiVersion": "storage.k8s.io/v1",
                        "kind": "CSINode",
                        "metadata": {"name": f"node-{i:03d}"},
                        "spec": {
                            "drivers": [
                                {
                                    "name": "csi.example.com",
                                    "nodeID": f"id-{i}",
                                    "allocatable": {"count": self.r.randint(1, 3)},
                                    "topologyKeys": ["topology.kubernetes.io/zone"],
                                }
                            ]
                        },
                    }
                )
        return objs

    def pv(
        self, name: Any, cls: Any, n_nodes: Any, claim: Any = None, csi: Any = False, zone_label: Any = False
    ) -> Any:
        spec = {
            "capacity": {"storage": self.r.choice(["1Gi", "5Gi", "10Gi"])},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": cls,
            "persistentVolumeReclaimPolicy": "Delete",
            "volumeMode": "Filesystem",
        }
        meta = {"name": name, "uid": self.uid()}
        if csi:
            spec["csi"] = {"driver": "csi.example.com", "volumeHandle": name}
        else:
            spec["local"] = {"path": "/mnt/" + name}
        if self.p(0.8):
            key, values = (
                ("kubernetes.io/hostname", [f"node-{self.r.randrange(n_nodes):03d}"])
                if self.p(0.4)
                else ("topology.kubernetes.io/zone", self.r.sample(ZONES, 2))
            )
            spec["nodeAffinity"] = {
                "required": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": key, "operator": "In", "values": values}]}
                    ]
                }
            }
        if zone_label:
            meta["labels"] = {"topology.kubernetes.io/zone": self.r.choice(ZONES[:3])}
        status = {"phase": "Available"}
        if claim:
            spec["claimRef"] = {
                "kind": "PersistentVolumeClaim",
                "namespace": claim["metadata"]["namespace"],
                "name": claim["metadata"]["name"],
                "uid": claim["metadata"]["uid"],
            }
            status = {"phase": "Bound"}
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": meta,
            "spec": spec,
            "status": status,
        }

    def pvc(self, name: Any, ns: Any, cls: Any, volume: Any = None, mode: Any = "ReadWriteOnce") -> Any:
        meta = {"name": name, "namespace": ns, "uid": self.uid()}
        spec = {
            "accessModes": [mode],
            "storageClassName": cls,
            "volumeMode": "Filesystem",
            "resources": {"requests": {"storage": self.r.choice(["1Gi", "4Gi", "8Gi"])}},
        }
        status = {"phase": "Pending"}
        if volume:
            spec["volumeName"] = volume
            meta["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
            status = {"phase": "Bound"}
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": meta,
            "spec": spec,
            "status": status,
        }

    def claim_kinds(self, i: Any, ns: Any, n_nodes: Any) -> Any:
        """One claim and the volumes it needs: (objects, claim name)."""
        name = f"claim-{i}"
        kind = self.r.choice(
            [
                "bound",
                "bound",
                "bound-csi",
                "bound-csi",
                "wffc",
                "wffc",
                "provision",
                "provision",
                "immediate",
                "lost",
                "rwop",
            ]
        )
        if kind in ("bound", "bound-csi", "rwop"):
            pvc = self.pvc(
                name,
                ns,
                "slow",
                volume=f"pv-{i}",
                mode="ReadWriteOncePod" if kind == "rwop" else "ReadWriteOnce",
            )
            return [
                pvc,
                self.pv(
                    f"pv-{i}", "slow", n_nodes, claim=pvc, csi=kind == "bound-csi", zone_label=self.p(0.4)
                ),
            ], name
        if kind == "wffc":
            return [self.pvc(name, ns, "fast")] + [
                self.pv(f"pv-{i}-{k}", "fast", n_nodes) for k in range(self.r.randint(0, 3))
            ], name
        if kind == "provision":
            return [self.pvc(name, ns, "csi")], name
        if kind == "immediate":
            return [self.pvc(name, ns, "slow")], name
        return [], "missing-claim"

    def in_tree_disk(self) -> Any:
        return self.r.choice(
            [
                {"gcePersistentDisk": {"pdName": "disk-a", "readOnly": self.p(0.4)}},
                {"awsElasticBlockStore": {"volumeID": "vol-a"}},
                {
                    "rbd": {
                        "monitors": ["m1", "m2"],
                        "image": "img",
                        "pool": "rbd",
                        "user": "admin",
                        "keyring": "/k",
                        "readOnly": self.p(0.4),
                    }
                },
                {
                    "iscsi": {
                        "targetPortal": "10.0.2.15:3260",
                        "iqn": "iqn.2001-04.com.example:disk",
                        "lun": 0,
                        "readOnly": self.p(0.4),
                    }
                },
            ]
        )

    def owners(self, ns_list: Any) -> Any:
        """ReplicaSets, StatefulSets and Services, and what marks a pod as theirs."""
        objs, owners = [], []
        for ns in ns_list:
            for app in self.r.sample(APPS, 2):
                kind = self.r.choice(["ReplicaSet", "ReplicaSet", "StatefulSet"])
                name, uid = f"{app}-{kind.lower()[:2]}", self.uid()
                labels = {"app": app, "pod-template-hash": uid[-4:]}
                objs.append(
                    {
                        "apiVersion": "apps/v1",
                        "kind": kind,
                        "metadata": {"name": name, "namespace": ns, "uid": uid},
                        "spec": {
                            "selector": {"matchLabels": labels},
                            **({"serviceName": app} if kind == "StatefulSet" else {}),
                            "template": {
                                "metadata": {"labels": labels},
                                "spec": {"containers": [{"name": "c", "image": "x"}]},
                            },
                        },
                    }
                )
                owners.append(
                    (
                        ns,
                        labels,
                        {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True},
                    )
                )
            if self.p(0.5):
                app = self.r.choice(APPS)
                objs.append(
                    {
                        "apiVersion": "v1",
                        "kind": "Service",
                        "metadata": {"name": app, "namespace": ns},
                        "spec": {"selector": {"app": app}},
                    }
                )
        return objs, owners

    def own(self, pod: Any, owner: Any) -> Any:
        ns, labels, ref = owner
        pod["metadata"]["namespace"] = ns
        pod["metadata"]["labels"].update(labels)
        if ref["kind"] == "StatefulSet":
            pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = pod["metadata"]["name"]
        pod["metadata"]["ownerReferences"] = [ref]

    def resize(self, pod: Any) -> Any:
        """An in-place resize under way: the status differs from the spec."""
        statuses = []
        for c in pod["spec"]["containers"]:
            req = c["resources"].get("requests")
            if not req:
                continue
            now = {k: v for k, v in req.items() if k in ("cpu", "memory")}
            if "cpu" in now:
                now["cpu"] = self.cpu(50, 1500)
            statuses.append(
                {
                    "name": c["name"],
                    "ready": True,
                    "restartCount": 0,
                    "image": c["image"],
                    "imageID": c["image"],
                    "allocatedResources": now,
                    "resources": {"requests": now},
                }
            )
        pod["status"]["containerStatuses"] = statuses
        if self.p(0.3):
            pod["status"]["conditions"] = [
                {"type": "PodResizePending", "status": "True", "reason": "Infeasible"}
            ]

    def mount(self, pod: Any, claim: Any) -> Any:
        vols = pod["spec"].setdefault("volumes", [])
        vols.append({"name": f"v{len(vols)}", "persistentVolumeClaim": {"claimName": claim}})

    # ----------------------------------------------------------------- config
    def config(self, family: Any) -> Any:
        args: Any = []
        if family == "resources" or self.p(0.3):
            kind = self.r.choice(["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"])
            res: Any = [
                {"name": "cpu", "weight": self.r.randint(1, 5)},
                {"name": "memory", "weight": self.r.randint(1, 5)},
            ]
            if self.p(0.4):
                res.append({"name": "nvidia.com/gpu", "weight": self.r.randint(1, 10)})
            strategy: Any = {"type": kind, "resources": res}
            if kind == "RequestedToCapacityRatio":
                shape = sorted(self.r.sample(range(0, 101, 10), 3))
                strategy["requestedToCapacityRatio"] = {
                    "shape": [{"utilization": u, "score": self.r.randint(0, 10)} for u in shape]
                }
            fit: Any = {"scoringStrategy": strategy}
            if self.p(0.3):
                fit["ignoredResources"] = ["example.com/fpga"]
            if self.p(0.2):
                fit["ignoredResourceGroups"] = ["nvidia.com"]
            args.append(("NodeResourcesFit", fit))
            if self.p(0.4):
                args.append(
                    (
                        "NodeResourcesBalancedAllocation",
                        {
                            "resources": [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]
                            + ([{"name": "nvidia.com/gpu", "weight": 1}] if self.p(0.5) else [])
                        },
                    )
                )
        if family == "interpod":
            args.append(
                (
                    "InterPodAffinity",
                    {
                        "hardPodAffinityWeight": self.r.randint(0, 100),
                        "ignorePreferredTermsOfExistingPods": self.p(0.3),
                    },
                )
            )
        if family == "spread":
            args.append(
                (
                    "PodTopologySpread",
                    {
                        "defaultingType": "List",
                        "defaultConstraints": [
                            {
                                "maxSkew": self.r.randint(1, 3),
                                "topologyKey": k,
                                "whenUnsatisfiable": self.r.choice(["ScheduleAnyway", "DoNotSchedule"]),
                            }
                            for k in self.r.sample(
                                ["topology.kubernetes.io/zone", "kubernetes.io/hostname"],
                                self.r.randint(1, 2),
                            )
                        ],
                    },
                )
            )
        if family == "nodeaffinity":
            args.append(
                (
                    "NodeAffinity",
                    {
                        "addedAffinity": {
                            "requiredDuringSchedulingIgnoredDuringExecution": {
                                "nodeSelectorTerms": [
                                    {
                                        "matchExpressions": [
                                            {
                                                "key": "disk",
                                                "operator": "In",
                                                "values": ["ssd", "hdd"] if self.p(0.5) else ["ssd"],
                                            }
                                        ]
                                    }
                                ]
                            }
                        }
                    },
                )
            )
        plugins = {}
        if self.p(0.4):
            names = self.r.sample(
                [
                    "TaintToleration",
                    "NodeAffinity",
                    "NodeResourcesFit",
                    "InterPodAffinity",
                    "PodTopologySpread",
                    "ImageLocality",
                    "NodeResourcesBalancedAllocation",
                ],
                2,
            )
            plugins["score"] = {
                "disabled": [{"name": n} for n in names],
                "enabled": [{"name": n, "weight": self.r.randint(1, 9)} for n in names if self.p(0.7)],
            }
        body = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "profiles": [
                {
                    "schedulerName": "default-scheduler",
                    "plugins": plugins,
                    "pluginConfig": [
                        {
                            "name": n,
                            "args": {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": n + "Args", **a},
                        }
                        for n, a in args
                    ],
                }
            ],
        }
        return json.dumps(body)  # JSON is YAML

    # --------------------------------------------------------------- scenario
    def scenario(self, sid: Any, family: Any) -> Any:
        big = family in ("large", "preemption-large")
        preempting = family.startswith("preemption")
        n_nodes = self.r.randint(80, 150) if big else self.r.randint(3, 14)
        images = family in ("images", "mixed", "large")
        nodes = [
            self.node(
                i,
                taints=0.4 if family == "taints" else 0.12,
                images=images,
                extended=0.5 if family == "resources" else 0.2,
            )
            for i in range(n_nodes)
        ]
        objs = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": lab}}
            for n, lab in NAMESPACES.items()
        ] + nodes
        heavy = 1.0 if family == "resources" or preempting else 0.3
        n_existing = (
            self.r.randint(n_nodes * 3, n_nodes * 5)
            if preempting
            else self.r.randint(0, n_nodes * (3 if heavy == 1.0 else 4))
        )
        owners = []
        if family in ("owned", "mixed", "large") or self.p(0.15):
            made, owners = self.owners(self.r.sample(list(NAMESPACES), 2))
            objs += made
        if self.p(0.05):
            objs = [o for o in objs if not (o["kind"] == "Namespace" and o["metadata"]["name"] == "dev")]
        existing = []
        for i in range(n_existing):
            pod = self.pod(f"old-{i}", node=nodes[self.r.randrange(n_nodes)]["metadata"]["name"], heavy=heavy)
            if owners and self.p(0.6):
                self.own(pod, self.r.choice(owners))
            if family in ("interpod", "mixed") and self.p(0.35):
                self.inter_pod(pod, hard=0.4)
            if self.p(0.04):
                self.resize(pod)
            if self.p(0.02):
                pod["spec"]["nodeName"] = "node-gone"
            if family in ("ports", "mixed") and self.p(0.4):
                self.ports(pod)
            if preempting:
                pod["spec"]["priority"] = self.r.choice([0, 10, 100, 1000])
                for c in pod["spec"]["containers"]:
                    c["resources"] = {"requests": {"cpu": self.cpu(500, 2000), "memory": self.mem(512, 3000)}}
                if self.p(0.15):
                    self.inter_pod(pod, hard=0.3)
            if self.p(0.03):
                pod["metadata"]["deletionTimestamp"] = "2026-02-01T00:00:00Z"
                pod["metadata"]["deletionGracePeriodSeconds"] = 30
                pod["metadata"]["finalizers"] = ["example.com/hold"]
            existing.append(pod)
        if family == "volumes" or (family == "mixed" and self.p(0.3)):
            objs += self.storage(n_nodes)
        if family == "spread" and self.p(0.5):
            app = self.r.choice(APPS)
            objs.append(
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": app, "namespace": "default"},
                    "spec": {"selector": {"app": app}},
                }
            )
        pending = []
        n_pending = self.r.randint(2, 6)
        assume = self.p(0.5) and family != "volumes" and not preempting
        if assume and self.p(0.5):  # replicas of one template, one after another
            template = self.pod("r", ns="default", heavy=heavy)
            if owners:
                self.own(template, self.r.choice(owners))
            if family in ("spread", "mixed", "large"):
                self.spread(template)
            if family in ("interpod", "mixed"):
                self.inter_pod(template, hard=0.3)
            if family == "nodeaffinity":
                self.node_affinity(template, n_nodes)
            for i in range(self.r.randint(5, 25)):
                pod = json.loads(json.dumps(template))
                pod["metadata"]["name"], pod["metadata"]["uid"] = f"replica-{i}", self.uid()
                if "statefulset.kubernetes.io/pod-name" in pod["metadata"]["labels"]:
                    pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = f"replica-{i}"
                pending.append(pod)
        else:
            for i in range(n_pending):
                pod = self.pod(f"new-{i}", extended=0.35 if family == "resources" else 0.05, heavy=heavy)
                if owners and self.p(0.7):
                    self.own(pod, self.r.choice(owners))
                if (family in ("resources",) or self.p(0.15)) and self.p(0.5):
                    self.init_containers(pod)
                if images and self.p(0.2):
                    pod["spec"]["volumes"] = [
                        {
                            "name": "img",
                            "image": {"reference": self.r.choice(list(IMAGES)), "pullPolicy": "IfNotPresent"},
                        }
                    ]
                if family == "nodeaffinity" or (family in ("mixed", "large") and self.p(0.4)):
                    self.node_affinity(pod, n_nodes)
                if family == "taints" or (family in ("mixed", "large") and self.p(0.4)):
                    pod["spec"]["tolerations"] = [self.toleration() for _ in range(self.r.randint(0, 3))]
                if family == "interpod" or (family in ("mixed", "large") and self.p(0.4)):
                    self.inter_pod(pod)
                if (family == "spread" or (family in ("mixed", "large") and self.p(0.4))) and self.p(0.75):
                    self.spread(pod)
                if family == "ports" or (family == "mixed" and self.p(0.2)):
                    self.ports(pod)
                if family == "gates":
                    roll = self.r.random()
                    if roll < 0.3:
                        pod["spec"]["schedulingGates"] = [{"name": "example.com/gate"}]
                    elif roll < 0.6:
                        pod["spec"]["affinity"] = {
                            "nodeAffinity": {
                                "requiredDuringSchedulingIgnoredDuringExecution": {
                                    "nodeSelectorTerms": [
                                        {
                                            "matchFields": [
                                                {
                                                    "key": "metadata.name",
                                                    "operator": "In",
                                                    "values": [f"node-{self.r.randrange(n_nodes + 1):03d}"],
                                                }
                                            ]
                                        }
                                    ]
                                }
                            }
                        }
                    elif roll < 0.8:
                        pod["spec"]["tolerations"] = [
                            {
                                "key": "node.kubernetes.io/unschedulable",
                                "operator": "Exists",
                                "effect": "NoSchedule",
                            }
                        ]
                if preempting:
                    pod["spec"]["priority"] = self.r.choice([10, 100, 1000, 2000, 2000])
                    for c in pod["spec"]["containers"]:
                        c["resources"] = {
                            "requests": {"cpu": self.cpu(1500, 3500), "memory": self.mem(1024, 6000)}
                        }
                    if self.p(0.2):
                        pod["spec"]["preemptionPolicy"] = self.r.choice(["Never", "PreemptLowerPriority"])
                    if self.p(0.2):
                        self.spread(pod)
                    if self.p(0.2):
                        self.inter_pod(pod)
                if family == "volumes" or (family == "mixed" and self.p(0.15)):
                    for k in range(self.r.randint(1, 2)):
                        made, claim = self.claim_kinds(f"{i}-{k}", pod["metadata"]["namespace"], n_nodes)
                        objs += made
                        self.mount(pod, claim)
                        rwop = any(
                            o["kind"] == "PersistentVolumeClaim"
                            and "ReadWriteOncePod" in o["spec"]["accessModes"]
                            for o in made
                        )
                        if made and existing and self.p(0.6 if rwop else 0.3):
                            other = self.r.choice(existing)
                            other["metadata"]["namespace"] = pod["metadata"]["namespace"]
                            self.mount(other, claim)
                if family == "volumes" and self.p(0.25):
                    disk = self.in_tree_disk()
                    pod["spec"].setdefault("volumes", []).append({"name": "disk", **disk})
                    for other in self.r.sample(existing, min(len(existing), 3)):
                        if self.p(0.7):
                            shared = json.loads(json.dumps(disk))
                            if self.p(0.5):
                                next(iter(shared.values()))["readOnly"] = True
                            other["spec"].setdefault("volumes", []).append({"name": "disk", **shared})
                pending.append(pod)
        if preempting:
            for i in range(self.r.randint(0, 3)):
                app = self.r.choice(APPS)
                objs.append(
                    {
                        "apiVersion": "policy/v1",
                        "kind": "PodDisruptionBudget",
                        "metadata": {"name": f"pdb-{i}", "namespace": self.r.choice(list(NAMESPACES))},
                        "spec": {"selector": {"matchLabels": {"app": app}}},
                        "status": {
                            "disruptionsAllowed": self.r.randint(0, 1),
                            "currentHealthy": 3,
                            "desiredHealthy": 2,
                            "expectedPods": 3,
                        },
                    }
                )
        if family == "nominated":
            for i in range(self.r.randint(1, 4)):
                pod = self.pod(f"nominated-{i}", heavy=0.8)
                pod["spec"]["priority"] = self.r.choice([0, 10, 100])
                pod["status"]["nominatedNodeName"] = nodes[self.r.randrange(n_nodes)]["metadata"]["name"]
                if self.p(0.4):
                    self.inter_pod(pod, hard=0.7)
                if self.p(0.3):
                    self.ports(pod)
                existing.append(pod)
            for pod in pending:
                pod["spec"]["priority"] = self.r.choice([0, 10, 100])
                if self.p(0.4):
                    self.inter_pod(pod)
                if self.p(0.3):
                    self.spread(pod)
                if self.p(0.3):
                    self.ports(pod)
                if self.p(0.2):
                    pod["status"]["nominatedNodeName"] = nodes[self.r.randrange(n_nodes)]["metadata"]["name"]
        if family == "features":
            for node in nodes:
                self.declare(node)
            for pod in pending:
                self.need_features(pod)
        unique = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in objs}
        objs = list(unique.values())
        out = {"id": sid, "family": family, "assume": assume, "objects": objs + existing, "pending": pending}
        if family in ("resources", "interpod", "spread", "nodeaffinity", "owned", "mixed") and self.p(0.35):
            out["config"] = self.config(family)
        return out


FAMILIES = [
    "resources",
    "nodeaffinity",
    "taints",
    "interpod",
    "spread",
    "ports",
    "images",
    "volumes",
    "preemption",
    "preemption-large",
    "gates",
    "owned",
    "nominated",
    "mixed",
    "large",
]
LATER = ["features"]
"""Came after the others: for every 40 scenarios of those there is one of these behind them."""


def main() -> None:
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    families = sys.argv[3:] or FAMILIES
    order = [families[i % len(families)] for i in range(count)]
    if families is FAMILIES:
        order += [LATER[i % len(LATER)] for i in range(count // 40)]
    for i, family in enumerate(order):
        gen = Gen(seed * 1_000_003 + i)
        print(json.dumps(gen.scenario(f"{family}-{seed}-{i:05d}", family), separators=(",", ":")))


if __name__ == "__main__":
    main()
