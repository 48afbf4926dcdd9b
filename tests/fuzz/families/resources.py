"""Families about room: quantities in every notation, allocatable with holes, what a bound pod really takes,
and the scoring strategies over any resource.
"""

from tests.fuzz.world import Json, World

CPU = ("0", "0.1", "1e-1", "100m", "1500u", "100n", "1", "1e0", "0.5", "1.5", "2500m", "1e0", "0.25")
MEMORY = (
    "0",
    "1e8",
    "1.5Gi",
    "0.5Gi",
    "100Mi",
    "129e6",
    "123M",
    "128974848",
    "1Gi",
    "100m",
    "5k",
    "3Gi",
    "2E-3",
)
STORAGE = ("0", "1Gi", "1e9", "30Gi", "5Gi")
COUNT = ("0", "1", "2", "1e0", "3", "4")
SCALARS = ("nvidia.com/gpu", "example.com/fpga", "hugepages-2Mi")
ANY = ("cpu", "memory", "ephemeral-storage", *SCALARS)


def resources(w: World) -> None:
    """Odd quantities on nodes, pending and bound pods; limits alone; pod-level resources; resizes."""
    for node in w.nodes:
        _allocatable(w, node)
    for pod in w.everyone():
        _containers(w, pod)
    for pod in w.bound:
        if w.p(0.35):
            _resize(w, pod)
    for pod in w.pending:
        if w.p(0.1):
            _resize(w, pod)


def _allocatable(w: World, node: Json) -> None:
    room: Json = {
        "cpu": w.pick(["4", "3500m", "1e1", "8", "16", "7500500u", "12", "0.5" if w.p(0.5) else "0"]),
        "memory": w.pick(
            ["4Gi", "8e9", "16Gi", "6000M", "8Gi", "8589934591", "1.5Gi", "0" if w.p(0.3) else "9e9"]
        ),
        "pods": w.pick(["110", "110", "4", "1e2", "20", "1" if w.p(0.7) else "0"]),
        "ephemeral-storage": w.pick(["100Gi", "40e9", "0", "80Gi"]),
    }
    for name in ("pods", "cpu", "memory", "ephemeral-storage"):
        if w.p(0.03):
            del room[name]
    if w.p(0.8):
        room["nvidia.com/gpu"] = w.pick(["4", "1", "8", "0", "8e0"])
    if w.p(0.6):
        room["example.com/fpga"] = w.pick(["2", "1k"])
    if w.p(0.7):
        room["hugepages-2Mi"] = w.pick(["512Mi", "0"])
    if w.p(0.06):  # at and beyond what a float64 counts exactly
        room["memory"] = w.pick(["9007199254740993", "64Pi", "70e15"])
    if w.p(0.06):
        room["nvidia.com/gpu"] = w.pick(["9007199254740993", "90071992547409931"])
    if w.p(0.1):
        room["attachable-volumes-csi-x"] = "5"
    node["status"] = {**node["status"], "allocatable": room, "capacity": dict(room)}
    if w.p(0.03):
        del node["status"]["allocatable"]


def _amounts(w: World) -> Json:
    made: Json = {}
    if w.p(0.75):
        made["cpu"] = w.pick(CPU)
    if w.p(0.75):
        made["memory"] = w.pick(MEMORY)
    if w.p(0.2):
        made["ephemeral-storage"] = w.pick(STORAGE)
    return made


def _scalars(w: World) -> Json:
    made: Json = {}
    if w.p(0.25):
        made["nvidia.com/gpu"] = w.pick(COUNT)
    if w.p(0.15):
        made["example.com/fpga"] = w.pick(["0", "1", "1k"])
    if w.p(0.02):
        made["nvidia.com/gpu"] = w.pick(["9007199254740993", "4503599627370497", "9007199254740992"])
    if w.p(0.12):
        made["hugepages-2Mi"] = w.pick(["64Mi", "256Mi", "0"])
    if w.p(0.015):
        made["kubernetes.io/batch"] = "1"
    return made


def _needs(w: World) -> Json:
    """The resources of a container: requests, limits or both; scalars are equal in both."""
    scalars, roll = _scalars(w), w.r.random()
    if roll < 0.15:
        return {}
    if roll < 0.35:
        return {"limits": {**_amounts(w), **scalars}}
    if roll < 0.5:
        amounts = _amounts(w)
        some = {k: v for k, v in amounts.items() if w.p(0.5)}
        return {"requests": {**some, **scalars}, "limits": {**amounts, **scalars}}
    made: Json = {"requests": {**_amounts(w), **scalars}}
    if scalars:
        made["limits"] = scalars
    return made


def _containers(w: World, pod: Json) -> None:
    spec = pod["spec"]
    spec["containers"] = [
        {"name": f"c{i}", "image": "app", "resources": _needs(w)} for i in range(w.pick([1, 1, 2]))
    ]
    if w.p(0.4):
        inits: list[Json] = []
        for i in range(w.r.randint(1, 3)):
            init: Json = {"name": f"i{i}", "image": "app", "resources": _needs(w)}
            if w.p(0.5):
                init["restartPolicy"] = "Always"
            inits.append(init)
        spec["initContainers"] = inits
    if w.p(0.2):
        spec["overhead"] = w.pick(
            [{"cpu": "250m", "memory": "120Mi"}, {"cpu": "0.1"}, {"nvidia.com/gpu": "1"}]
        )
    if w.p(0.3):
        spec["resources"] = _pod_level(w)


def _pod_level(w: World) -> Json:
    roll = w.r.random()
    if roll < 0.3:
        return {"requests": {"cpu": w.pick(["1", "2.5"]), "memory": w.pick(["1Gi", "3e9"])}}
    if roll < 0.5:
        return {"requests": {"cpu": w.pick(["0", "1500m"])}}
    if roll < 0.7:
        return {"limits": {"cpu": "2", "memory": "2Gi"}}
    if roll < 0.8:
        return {"limits": {"memory": "2Gi"}}
    if roll < 0.9:
        return {"requests": {"hugepages-2Mi": "128Mi"}, "limits": {"hugepages-2Mi": "128Mi"}}
    return {"requests": {"memory": "500Mi"}, "limits": {"cpu": "3", "memory": "4Gi"}}


def _resize(w: World, pod: Json) -> None:
    """What the kubelet reports while a resize is under way, deferred, infeasible or not asked for."""
    status = pod["status"]
    for field, specs in (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")):
        made = []
        for container in pod["spec"].get(specs, []):
            if w.p(0.2):
                continue
            one: Json = {
                "name": container["name"],
                "image": "app",
                "imageID": "app",
                "ready": True,
                "restartCount": 0,
            }
            if w.p(0.8):
                one["resources"] = {"requests": _amounts(w)} if w.p(0.9) else {}
            if w.p(0.6):
                one["allocatedResources"] = _amounts(w)
            made.append(one)
        if made:
            status[field] = made
    if "resources" in pod["spec"] and w.p(0.7):
        status["resources"] = {"requests": {"cpu": w.pick(CPU), "memory": w.pick(MEMORY)}}
        if w.p(0.6):
            status["allocatedResources"] = {"cpu": w.pick(CPU)}
    roll = w.r.random()
    if roll < 0.6:
        reason = w.pick(["Infeasible", "Deferred", "Infeasible"])
        condition: Json = {
            "type": "PodResizePending",
            "status": w.pick(["True", "True", "False"]),
            "reason": reason,
        }
        if roll < 0.2:
            condition = {"type": "PodResizeInProgress", "status": "True"}
        status["conditions"] = [condition]


def strategies(w: World) -> None:
    """Every scoring strategy over any resource, ignored resources and groups, balanced over any."""
    resources(w)
    kind = w.pick(["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio", "RequestedToCapacityRatio"])
    strategy: Json = {"type": kind}
    if w.p(0.9):
        strategy["resources"] = [_weighted(w, name) for name in w.some(ANY, 1, 4)]
    if kind == "RequestedToCapacityRatio":
        points = sorted(w.r.sample(range(0, 101), w.r.randint(1, 4)))
        shape = [{"utilization": u, "score": w.r.randint(0, 10)} for u in points]
        strategy["requestedToCapacityRatio"] = {"shape": shape}
    fit: Json = {"scoringStrategy": strategy} if w.p(0.9) else {}
    if w.p(0.4):
        fit["ignoredResources"] = w.some(["example.com/fpga", "nvidia.com/gpu", "cpu"])
    if w.p(0.3):
        fit["ignoredResourceGroups"] = w.some(["example.com", "nvidia.com", "kubernetes.io"])
    w.args["NodeResourcesFit"] = fit
    if w.p(0.7):
        chosen = [{"name": name} for name in w.some(ANY, 1, 4)]
        for one in chosen:
            if w.p(0.5):
                one["weight"] = 1  # type: ignore[assignment]
        w.args["NodeResourcesBalancedAllocation"] = {"resources": chosen}


def _weighted(w: World, name: str) -> Json:
    made: Json = {"name": name}
    if w.p(0.85):
        made["weight"] = w.r.randint(1, 100)
    return made
