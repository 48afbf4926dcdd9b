"""Families about who makes room for whom: victims over every resource, budgets, nominated pods."""

from tests.fuzz.families import disks, storage
from tests.fuzz.world import APPS, HOST, ZONE, Json, World, copy

PRIORITIES = (-100, -1, 0, 0, 10, 100)


def preemption(w: World) -> None:
    """Nodes full of something that pods of lower priority hold."""
    w.nodes = w.nodes[:4]
    w.assume = w.p(0.15)
    for pod in w.pending:
        pod["spec"]["priority"] = w.pick([0, 10, 100, 1000, 1000, 1000])
        if w.p(0.1):
            pod["spec"]["preemptionPolicy"] = w.pick(["Never", "PreemptLowerPriority"])
    _crowd(w)
    for kind in w.some(
        [_over_cpu, _over_ports, _over_devices, _over_terms, _over_disks, _over_pods, _over_cpu], 1, 3
    ):
        kind(w)
    for pod in w.pending:
        if w.p(0.12):  # as a DaemonSet's pod names its node
            term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [w.node_name()]}]}
            required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
            pod["spec"].setdefault("affinity", {})["nodeAffinity"] = required
    _budgets(w)
    if w.p(0.25):
        _nominations(w)
    _leave(w)


def _crowd(w: World) -> None:
    """Bound pods of every priority, on known nodes; start times equal, apart, and rarely one missing."""
    w.bound.clear()
    for i in range(w.r.randint(2 * len(w.nodes), 4 * len(w.nodes))):
        pod = w.bind(w.pod(f"old-{i}"), str(w.pick(w.nodes)["metadata"]["name"]))
        pod["spec"]["priority"] = w.pick(PRIORITIES)
        if w.p(0.1):
            del pod["spec"]["priority"]
        if w.p(0.4):
            pod["status"]["startTime"] = w.pick(["2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"])
    if w.bound and w.p(0.3):
        del w.pick(w.bound)["status"]["startTime"]


def _ask(pod: Json, **amounts: str) -> None:
    requests = {k.replace("_", "-"): v for k, v in amounts.items()}
    pod["spec"]["containers"][0]["resources"] = {"requests": requests}


def _over_cpu(w: World) -> None:
    for node in w.nodes:
        node["status"].setdefault("allocatable", {})["cpu"] = w.pick(["2", "4"])
    for pod in w.bound:
        _ask(pod, cpu=w.pick(["500m", "1", "1500m", "2"]), memory=w.pick(["100Mi", "1Gi"]))
    for pod in w.pending:
        _ask(pod, cpu=w.pick(["1500m", "2", "3"]), memory=w.pick(["1Gi", "3Gi"]))


def _over_pods(w: World) -> None:
    for node in w.nodes:
        node["status"].setdefault("allocatable", {})["pods"] = w.pick(["1", "2", "3"])


def _over_devices(w: World) -> None:
    gpu = "nvidia.com/gpu"
    for node in w.nodes:
        node["status"].setdefault("allocatable", {})[gpu] = w.pick(["2", "4"])
    for pod in [*w.some(w.bound, len(w.bound) // 2, len(w.bound)), *w.pending]:
        amount = {gpu: w.pick(["1", "2"])}
        pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m", **amount}, "limits": amount}


def _over_ports(w: World) -> None:
    """Bound pods may share a port, as pods bound by hand do."""
    for pod in [*w.some(w.bound, len(w.bound) // 2, len(w.bound)), *w.pending]:
        number = w.pick([80, 80, 443])
        port: Json = {"containerPort": number, "hostPort": number}
        if w.p(0.3):
            port["hostIP"] = w.pick(["127.0.0.1", "0.0.0.0", "10.0.0.1"])
        pod["spec"]["containers"][0]["ports"] = [port]


def _over_terms(w: World) -> None:
    """Anti-affinity of either side, affinity to a victim, spread."""
    for pod in [*w.some(w.bound, 1, 4), *w.pending]:
        term = {
            "labelSelector": {"matchLabels": {"app": w.pick(APPS)}},
            "topologyKey": w.pick([HOST, HOST, ZONE]),
        }
        kind = w.pick(["podAntiAffinity", "podAntiAffinity", "podAffinity"])
        block = {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        pod["spec"].setdefault("affinity", {}).update(block)
    for pod in w.pending:
        if w.p(0.3):
            selector = {"matchLabels": {"app": w.pick(APPS)}}
            one = {"maxSkew": 1, "topologyKey": w.pick([HOST, ZONE]), "whenUnsatisfiable": "DoNotSchedule"}
            pod["spec"]["topologySpreadConstraints"] = [{**one, "labelSelector": selector}]


def _over_disks(w: World) -> None:
    """A disk or a claim that only one pod may use, and attachments that fill a node."""
    if w.p(0.5):
        for pod in [*w.some(w.bound, 1, 4), *w.pending]:
            pod["spec"].setdefault("volumes", []).append({"name": "disk", **disks.disk(w)})
    if w.p(0.5):
        namespace = w.pending[0]["metadata"]["namespace"]
        storage.bound_claim(w, "alone", namespace, spec={"accessModes": ["ReadWriteOncePod"]})
        for pod in [*w.some(w.bound, 1, 2), w.pending[0]]:
            pod["metadata"]["namespace"] = namespace
            storage.mount(w, pod, "alone")
    if w.p(0.4):
        storage.csi_nodes(w)
        for i in range(3):
            storage.bound_claim(w, f"b{i}", "default")
        for pod in [*w.some(w.bound, 1, 5), *w.pending]:
            if pod["metadata"]["namespace"] == "default":
                storage.mount(w, pod, f"b{w.r.randint(0, 2)}")


def _budgets(w: World) -> None:
    for i in range(w.r.randint(0, 4)):
        selector: Json | None = {"matchLabels": {"app": w.pick(APPS)}}
        roll = w.r.random()
        if roll < 0.15:
            selector = {}
        elif roll < 0.25:
            selector = {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]}]}
        elif roll < 0.3:
            selector = None
        status: Json = {
            "disruptionsAllowed": w.pick([0, 0, 1, 2]),
            "currentHealthy": 3,
            "desiredHealthy": 2,
            "expectedPods": 3,
        }
        if w.bound and w.p(0.35):
            names = [pod["metadata"]["name"] for pod in w.some(w.bound, 1, 2)]
            status["disruptedPods"] = dict.fromkeys(names, "2026-01-31T00:00:00Z")
        spec = {"selector": selector} if selector is not None else {}
        w.add("policy/v1", "PodDisruptionBudget", f"pdb-{i}", w.pick(w.namespaces), spec=spec, status=status)


def _leave(w: World) -> None:
    """Pods that terminate, some of them because the scheduler said so, and preemptors that wait for them."""
    for pod in w.bound:
        if not w.p(0.12):
            continue
        w.terminate(pod)
        if w.p(0.6):
            reason = w.pick(["PreemptionByScheduler", "PreemptionByScheduler", "EvictionByEvictionAPI"])
            target = {
                "type": "DisruptionTarget",
                "status": w.pick(["True", "True", "False"]),
                "reason": reason,
            }
            pod["status"]["conditions"] = [target]
    for pod in w.pending:
        if w.p(0.25):
            pod["status"]["nominatedNodeName"] = w.node_name()


def _nominations(w: World) -> None:
    """Pods nominated to a node, which count there for whoever is not more important."""
    for i in range(w.r.randint(1, 3)):
        pod = w.pod(f"nominated-{i}")
        pod["spec"]["priority"] = w.pick([-1, 0, 10, 100, 1000])
        pod["status"]["nominatedNodeName"] = w.node_name()
        if w.p(0.1):
            pod["spec"]["schedulerName"] = "another-scheduler"
        if w.p(0.07):
            pod["spec"]["schedulingGates"] = [{"name": "example.com/g"}]
        if w.p(0.07):
            w.terminate(pod)
        w.nominated.append(pod)


def nominated(w: World) -> None:
    """Nominated pods with ports, terms, claims and much to ask for, and pending ones nominated themselves."""
    w.nodes = w.nodes[:4]
    _nominations(w)
    for pod in [*w.nominated, *w.pending]:
        pod["spec"].setdefault("priority", w.pick([-1, 0, 10, 100]))
        _ask(pod, cpu=w.pick(["500m", "1500m", "3"]), memory="500Mi")
    for kind in w.some([_over_ports, _over_terms, _over_devices, _over_pods], 0, 2):
        kind(w)
    for pod in w.nominated:
        if w.p(0.4):
            pod["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80}]
        if w.p(0.3):
            term = {
                "labelSelector": {"matchLabels": {"app": w.pick(APPS)}},
                "topologyKey": w.pick([HOST, ZONE]),
            }
            block = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
            pod["spec"]["affinity"] = {w.pick(["podAntiAffinity", "podAffinity"]): block}
    _leave(w)
    if w.p(0.3) and not w.assume:  # the pod is in the queue too, nominated; it does not stand in its own way
        pod = w.pending[0]
        pod["status"]["nominatedNodeName"] = w.node_name()
        w.nominated.append(copy(pod))
