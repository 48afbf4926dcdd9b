"""Families about volumes: claims in every state and what they bind to, attach limits, zones, shared disks."""

from typing import Any

from tests.fuzz.world import HOST, ZONE, ZONES, Json, World, copy

STORAGE = "storage.k8s.io/v1"
CLASSES = ("local", "now", "csi-a", "csi-b", "ebs")
BETA_ZONE = "failure-domain.beta.kubernetes.io/zone"
BETA_REGION = "failure-domain.beta.kubernetes.io/region"
ZONE_LABELS = (ZONE, BETA_ZONE, "topology.kubernetes.io/region", BETA_REGION)
CAPACITIES = ("1Gi", "2e9", "5Gi", "10Gi", "1.5Gi")
MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany")


def _classes(w: World) -> None:
    for name, provisioner, mode in (
        ("local", "kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
        ("now", "a.csi.example.com", "Immediate"),
        ("csi-a", "a.csi.example.com", "WaitForFirstConsumer"),
        ("csi-b", "b.csi.example.com", "WaitForFirstConsumer"),
        ("ebs", "kubernetes.io/aws-ebs", "WaitForFirstConsumer"),
    ):
        fields: Json = {"provisioner": provisioner, "volumeBindingMode": mode}
        if name in ("csi-a", "ebs") and w.p(0.4):
            fields["allowedTopologies"] = [
                {
                    "matchLabelExpressions": [
                        {"key": w.pick([ZONE, "disk"]), "values": [*w.some(ZONES), "ssd"]}
                    ]
                }
                for _ in range(w.pick([1, 1, 2]))
            ]
        if w.p(0.04):
            continue
        w.add(STORAGE, "StorageClass", name, **fields)


def _drivers(w: World) -> None:
    for name in ("a.csi.example.com", "b.csi.example.com"):
        if w.p(0.75):
            spec: Json = {"storageCapacity": w.p(0.8)} if w.p(0.9) else {}
            if w.p(0.15):
                spec["preventPodSchedulingIfMissing"] = True
            w.add(STORAGE, "CSIDriver", name, spec=spec)
    for i in range(w.r.randint(0, 4)):
        fields: Json = {"storageClassName": w.pick(["csi-a", "csi-b"])}
        if w.p(0.9):
            fields["nodeTopology"] = w.pick(
                [
                    {"matchLabels": {ZONE: w.pick(ZONES)}},
                    {},
                    {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]},
                    {"matchLabels": {HOST: "n1"}},
                ]
            )
        if w.p(0.85):
            fields["capacity"] = w.pick(["2Gi", "100Gi", "0", "4e9"])
        if w.p(0.4):
            fields["maximumVolumeSize"] = w.pick(["1Gi", "50Gi", "3Gi"])
        w.add(STORAGE, "CSIStorageCapacity", f"capacity-{i}", "default", **fields)


def csi_nodes(w: World) -> None:
    """CSINodes with limits, without, of 0, absent; migrated plugins; attachments of no pod."""
    for node in w.nodes:
        name = node["metadata"]["name"]
        if w.p(0.15):
            continue
        drivers: list[Json] = []
        for driver in ("a.csi.example.com", "b.csi.example.com", "ebs.csi.aws.com", "pd.csi.storage.gke.io"):
            if w.p(0.3):
                continue
            one: Json = {"name": driver, "nodeID": name, "topologyKeys": [ZONE]}
            if w.p(0.8):
                one["allocatable"] = {"count": w.pick([0, 1, 1, 2, 3])} if w.p(0.9) else {}
            drivers.append(one)
        meta: Json = {}
        if w.p(0.5):
            migrated = "kubernetes.io/aws-ebs,kubernetes.io/gce-pd,kubernetes.io/cinder"
            meta["annotations"] = {"storage.alpha.kubernetes.io/migrated-plugins": migrated}
        w.add(STORAGE, "CSINode", name, spec={"drivers": drivers}, metadata=meta)


def _attachments(w: World) -> None:
    volumes = [o["metadata"]["name"] for o in w.objects if o["kind"] == "PersistentVolume"]
    for i in range(w.r.randint(0, 4)):
        source: Json = {"persistentVolumeName": w.pick([*volumes, "pv-gone"])}
        attacher = w.pick(["a.csi.example.com", "a.csi.example.com", "b.csi.example.com", "ebs.csi.aws.com"])
        spec: Json = {"attacher": attacher, "nodeName": w.node_name(), "source": source}
        w.add(STORAGE, "VolumeAttachment", f"va-{i}", spec=spec, status={"attached": w.p(0.7)})


def _source(w: World, name: str) -> Json:
    """Where a volume lies: a CSI driver, a local path or an in-tree plugin that has moved to CSI."""
    return w.pick(
        [
            {"csi": {"driver": "a.csi.example.com", "volumeHandle": w.pick([name, "shared-handle"])}},
            {"csi": {"driver": "a.csi.example.com", "volumeHandle": name}},
            {"csi": {"driver": "b.csi.example.com", "volumeHandle": name}},
            {"local": {"path": "/mnt"}},
            {"awsElasticBlockStore": {"volumeID": f"aws://{ZONES[0]}/vol-{name}"}},
            {"gcePersistentDisk": {"pdName": f"disk-{name}"}},
            {"azureDisk": {"diskName": name, "diskURI": f"/subscriptions/s/{name}", "kind": "Managed"}},
            {"cinder": {"volumeID": f"cinder-{name}"}},
            {"nfs": {"server": "nfs", "path": "/"}},
        ]
    )


def _volume(w: World, name: str, cls: str, claim: Json | None = None, *, mode: str = "Filesystem") -> Json:
    spec: Json = {
        "capacity": {"storage": w.pick(CAPACITIES)},
        "accessModes": w.some(MODES, 1, 2) if w.p(0.4) else ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Delete",
        "storageClassName": cls,
        "volumeMode": mode if w.p(0.9) else "Block",
        **_source(w, name),
    }
    if w.p(0.5):
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": _volume_terms(w)}}
    meta: Json = {"labels": {}}
    if w.p(0.5):
        meta["labels"]["tier"] = w.pick(["gold", "tin"])
    if w.p(0.4):
        for key in w.some(ZONE_LABELS, 1, 2):
            meta["labels"][key] = _region_value(w) if "region" in key else _zone_value(w)
    phase = "Available"
    if claim:
        spec["claimRef"] = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", **_identity(claim)}
        phase = "Bound"
    elif w.p(0.1):
        phase = w.pick(["Released", "Failed", "Pending"])
    if not claim and w.p(0.08):
        meta.update(deletionTimestamp="2026-02-01T00:00:00Z", finalizers=["kubernetes.io/pv-protection"])
    return w.add("v1", "PersistentVolume", name, spec=spec, status={"phase": phase}, metadata=meta)


def _zone_value(w: World) -> str:
    a, b, c = ZONES
    return w.pick([a, b, f"{a}__{b}", f"{b}__{c}", f"{a}__{b}__{c}", f"{a}_{b}"])


def _region_value(w: World) -> str:
    return w.pick(["eu-west1", "us-east1", "eu-west1__us-east1"])


def _identity(claim: Json) -> Json:
    return {k: claim["metadata"][k] for k in ("namespace", "name", "uid")}


def _volume_terms(w: World) -> list[Json]:
    made: list[Json] = []
    for _ in range(w.pick([1, 1, 2])):
        key = w.pick([ZONE, ZONE, HOST, "disk"])
        values = {ZONE: list(ZONES), HOST: ["n0", "n1", "n2", "n3"], "disk": ["ssd", "hdd"]}[key]
        term: Json = {"matchExpressions": [{"key": key, "operator": "In", "values": w.some(values)}]}
        if w.p(0.1):
            term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n0"]}]}
        made.append(term)
    return made


def _claim(w: World, name: str, namespace: str, cls: str | None, **fields: Any) -> Json:
    spec: Json = {
        "accessModes": [w.pick(MODES)] if w.p(0.25) else ["ReadWriteOnce"],
        "resources": {"requests": {"storage": w.pick(["1Gi", "1", "3Gi", "6e9", "1500Mi"])}},
        "volumeMode": "Block" if w.p(0.12) else "Filesystem",
    }
    meta: Json = fields.pop("metadata", {})
    if cls is not None and w.p(0.1):
        meta.setdefault("annotations", {})["volume.beta.kubernetes.io/storage-class"] = cls
    elif cls is not None:
        spec["storageClassName"] = cls
    if w.p(0.15):
        spec["selector"] = w.pick(
            [
                {"matchLabels": {"tier": "gold"}},
                {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["tin"]}]},
                {},
            ]
        )
    spec.update(fields.pop("spec", {}))
    phase = fields.pop("phase", "Pending")
    return w.add(
        "v1", "PersistentVolumeClaim", name, namespace, spec=spec, status={"phase": phase}, metadata=meta
    )


BOUND = {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}


def bound_claim(w: World, name: str, namespace: str, **fields: Any) -> Json:
    """A claim and the volume it has."""
    volume = f"pv-{namespace}-{name}"
    spec = {"volumeName": volume, **fields.pop("spec", {})}
    claim = _claim(w, name, namespace, "now", phase="Bound", spec=spec, metadata=copy(BOUND), **fields)
    if w.p(0.95):
        _volume(w, volume, "now", claim, mode=spec.get("volumeMode", "Filesystem"))
    return claim


def _some_claim(w: World, name: str, namespace: str) -> None:
    """A claim in any state, and the volumes it may come to."""
    roll = w.r.random()
    if roll < 0.3:
        modes = {"accessModes": ["ReadWriteOncePod"]} if w.p(0.25) else {}
        bound_claim(w, name, namespace, spec=modes)
    elif roll < 0.55:
        claim = _claim(w, name, namespace, w.pick(["local", "local", "csi-a", "ebs"]))
        for i in range(w.r.randint(0, 3)):
            _volume(w, f"free-{namespace}-{name}-{i}", str(claim["spec"].get("storageClassName", "local")))
        if w.p(0.25):  # a volume that waits for this claim, or for one of its name
            reserved = _volume(
                w, f"kept-{namespace}-{name}", str(claim["spec"].get("storageClassName", "local"))
            )
            ref = {"kind": "PersistentVolumeClaim", **_identity(claim)}
            if w.p(0.5):
                del ref["uid"]
            elif w.p(0.3):
                ref["uid"] = "another"
            reserved["spec"]["claimRef"] = ref
    elif roll < 0.75:
        claim = _claim(w, name, namespace, w.pick(["csi-a", "csi-b", "ebs"]))
        if w.p(0.2):
            claim["metadata"].setdefault("annotations", {})["volume.kubernetes.io/selected-node"] = (
                w.node_name()
            )
    elif roll < 0.8:
        _claim(w, name, namespace, w.pick([None, "", "gone"]))
    elif roll < 0.85:
        _claim(
            w,
            name,
            namespace,
            w.pick(["now", "local"]),
            spec={"volumeName": w.pick(["pv-gone", f"pre-{name}"])},
        )
        if w.p(0.5):
            _volume(w, f"pre-{name}", "local")
    elif roll < 0.89:
        _claim(w, name, namespace, "now", phase="Lost", spec={"volumeName": "pv-gone"}, metadata=copy(BOUND))
    elif roll < 0.93:
        made = bound_claim(w, name, namespace)
        made["metadata"].update(
            deletionTimestamp="2026-02-01T00:00:00Z", finalizers=["kubernetes.io/pvc-protection"]
        )
    elif roll < 0.96:
        _claim(w, name, namespace, "now")
    # else the claim is missing


def mount(w: World, pod: Json, claim: str, **fields: Any) -> None:
    volumes = pod["spec"].setdefault("volumes", [])
    source = {"persistentVolumeClaim": {"claimName": claim, **fields}}
    volumes.append({"name": f"v{len(volumes)}", **source})


def _ephemeral(w: World, pod: Json) -> None:
    """A generic ephemeral volume; its claim is there or not, the pod's or another's."""
    volumes = pod["spec"].setdefault("volumes", [])
    name = f"e{len(volumes)}"
    template = {"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "csi-a"}}
    volumes.append({"name": name, "ephemeral": {"volumeClaimTemplate": template}})
    if w.p(0.2):
        return
    meta, claim_name = pod["metadata"], f"{pod['metadata']['name']}-{name}"
    if w.p(0.5):
        claim = bound_claim(w, claim_name, meta["namespace"])
    else:
        claim = _claim(w, claim_name, meta["namespace"], w.pick(["csi-a", "local"]))
    owner = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"], "controller": True}
    roll = w.r.random()
    if roll < 0.08:
        owner["uid"] = "another"
    if roll < 0.92:
        claim["metadata"]["ownerReferences"] = [owner]


def volumes(w: World) -> None:
    """Claims of every state on pending pods, some of them shared with bound pods."""
    w.assume = False
    _classes(w)
    _drivers(w)
    if w.p(0.6):
        csi_nodes(w)
    for i, pod in enumerate(w.pending):
        for k in range(w.r.randint(1, 2)):
            if w.p(0.2):
                _ephemeral(w, pod)
                continue
            name, namespace = f"c{i}-{k}", pod["metadata"]["namespace"]
            _some_claim(w, name, namespace)
            mount(w, pod, name)
            if w.p(0.05):  # once more, under another name
                mount(w, pod, name)
            if w.bound and w.p(0.3):
                other = w.pick(w.bound)
                other["metadata"]["namespace"] = namespace
                mount(w, other, name)
    if w.p(0.3):
        _attachments(w)


def attach(w: World) -> None:
    """Attach limits: shared handles, attachments of no pod, inline disks of migrated plugins."""
    w.assume = False
    _classes(w)
    csi_nodes(w)
    for i in range(w.r.randint(1, 4)):
        bound_claim(w, f"a{i}", "default")
    claims = [o["metadata"]["name"] for o in w.objects if o["kind"] == "PersistentVolumeClaim"]
    for pod in w.everyone():
        if w.p(0.8):
            pod["metadata"]["namespace"] = "default"
            for name in w.some(claims, 1, 2):
                mount(w, pod, name)
        if w.p(0.2):
            mount(w, pod, "missing") if pod in w.bound else _ephemeral(w, pod)
        if w.p(0.4):
            pod["spec"].setdefault("volumes", []).append({"name": "inline", **_inline(w)})
        if w.p(0.15) and pod["metadata"]["namespace"] == "default":
            cls = w.pick(["csi-a", "ebs", "csi-b"])
            name = f"open-{pod['metadata']['name']}"
            _claim(w, name, "default", cls)
            mount(w, pod, name)
    _attachments(w)


def _inline(w: World) -> Json:
    return w.pick(
        [
            {"awsElasticBlockStore": {"volumeID": f"vol-{w.r.randint(0, 3)}"}},
            {"gcePersistentDisk": {"pdName": f"disk-{w.r.randint(0, 3)}"}},
            {
                "azureDisk": {
                    "diskName": "d",
                    "diskURI": f"/subscriptions/s/d{w.r.randint(0, 1)}",
                    "kind": "Managed",
                }
            },
            {"cinder": {"volumeID": f"cin-{w.r.randint(0, 1)}"}},
            {"csi": {"driver": "a.csi.example.com"}},
            {"emptyDir": {}},
            {"configMap": {"name": "settings"}},
        ]
    )


def zones(w: World) -> None:
    """Zone and region labels on volumes, old and new, of several zones, beside nodes with any of them."""
    w.assume = False
    _classes(w)
    for node in w.nodes:
        labels = node["metadata"]["labels"]
        if w.p(0.4):
            labels.pop(ZONE, None)
        if w.p(0.4):
            labels.pop("topology.kubernetes.io/region", None)
        if w.p(0.35):
            labels[BETA_ZONE] = w.pick(ZONES)
        if w.p(0.25):
            labels[BETA_REGION] = w.pick(["eu-west1", "us-east1"])
    for i, pod in enumerate(w.pending):
        for k in range(w.r.randint(1, 2)):
            name, namespace = f"z{i}-{k}", pod["metadata"]["namespace"]
            if w.p(0.1):
                _some_claim(w, name, namespace)
            else:
                bound_claim(w, name, namespace)
                volume = w.objects[-1]
                if volume["kind"] == "PersistentVolume":
                    volume["spec"].pop("nodeAffinity", None)
                    volume["metadata"]["labels"] = {
                        key: _region_value(w) if "region" in key else _zone_value(w)
                        for key in w.some(ZONE_LABELS, 1, 3)
                    }
            mount(w, pod, name)
