"""Families about where a pod may go and what is there: affinity, taints, host ports, images, features."""

from tests.fuzz.world import HOST, MI, ZONE, ZONES, Json, World

# Label values that Gt and Lt can and cannot read as int64.
NUMBERS = ("1", "3", "5", "007", "x", "1.5", "99999999999999999999", "9223372036854775807", "")


def node_affinity(w: World) -> None:
    """matchFields, Gt and Lt on odd labels, absent keys, empty terms, addedAffinity."""
    for node in w.nodes:
        if w.p(0.8):
            node["metadata"]["labels"]["gen"] = w.pick(NUMBERS)
    for pod in w.pending:
        affinity: Json = {}
        if w.p(0.75):
            terms = [_node_term(w) for _ in range(w.r.randint(1, 3))]
            if w.p(0.2):  # every term names its node: PreFilter knows them all
                terms = [_named(w) for _ in range(w.r.randint(1, 3))]
            if w.p(0.03):  # no API server lets this value in through a label, but through here it does
                terms = [{"matchExpressions": [{"key": "gen", "operator": "Gt", "values": ["-1"]}]}]
            affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
        if w.p(0.6):
            affinity["preferredDuringSchedulingIgnoredDuringExecution"] = _preferred(w)
        if affinity or w.p(0.3):
            pod["spec"].setdefault("affinity", {})["nodeAffinity"] = affinity
        if w.p(0.3):
            pod["spec"]["nodeSelector"] = w.pick(
                [{"absent": "x"}, {}, {"disk": "ssd"}, {"disk": "ssd", "gen": "3"}, {"gen": ""}, {HOST: "n1"}]
            )
    if w.p(0.4):
        added: Json = {}
        if w.p(0.7):
            terms = [_node_term(w) for _ in range(w.r.randint(1, 2))]
            added["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
        if w.p(0.6):
            added["preferredDuringSchedulingIgnoredDuringExecution"] = _preferred(w)
        w.args["NodeAffinity"] = {"addedAffinity": added}


def _preferred(w: World) -> list[Json]:
    return [{"weight": w.r.randint(1, 100), "preference": _node_term(w)} for _ in range(w.r.randint(1, 3))]


def _named(w: World) -> Json:
    """A term of node names: one, or two that exclude each other."""
    names = [w.node_name() for _ in range(w.pick([1, 1, 2]))]
    fields = [{"key": "metadata.name", "operator": "In", "values": [name]} for name in names]
    return {"matchFields": fields, **({"matchExpressions": [_expression(w)]} if w.p(0.3) else {})}


def _node_term(w: World) -> Json:
    roll = w.r.random()
    if roll < 0.08:
        return {}
    term: Json = {}
    if roll < 0.75:
        term["matchExpressions"] = [_expression(w) for _ in range(w.r.randint(1, 2))]
    if roll > 0.5:
        term["matchFields"] = [
            {"key": "metadata.name", "operator": w.pick(["In", "In", "NotIn"]), "values": [w.node_name()]}
            for _ in range(w.pick([1, 1, 1, 2]))
        ]
    return term


def _expression(w: World) -> Json:
    key = w.pick(["disk", "gen", "gen", "absent", ZONE, HOST])
    operator = w.pick(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])
    if operator in ("Exists", "DoesNotExist"):
        return {"key": key, "operator": operator}
    if operator in ("Gt", "Lt"):
        return {"key": key, "operator": operator, "values": [w.pick(["0", "1", "3", "6", "007"])]}
    values = {"disk": ["ssd", "hdd"], ZONE: list(ZONES), HOST: ["n0", "n1", "n2"]}.get(key, list(NUMBERS))
    return {"key": key, "operator": operator, "values": w.some(values)}


def taints(w: World) -> None:
    """Unschedulable without its taint, the taint without it, duplicates, every shape of toleration."""
    unschedulable = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    for node in w.nodes:
        made = [_taint(w) for _ in range(w.r.randint(0, 3))]
        if made and w.p(0.15):
            made.append(dict(made[0]))
        if w.p(0.2):
            node["spec"]["unschedulable"] = True
        if w.p(0.2):
            made.insert(w.r.randint(0, len(made)), dict(unschedulable))
        if made:
            node["spec"]["taints"] = made
    for pod in w.pending:
        tolerations = [_toleration(w) for _ in range(w.r.randint(0, 4))]
        if w.p(0.3):
            tolerations.append({"key": unschedulable["key"], "operator": w.pick(["Exists", "Equal"])})
        if w.p(0.1):
            tolerations.append({"operator": "Exists"})
        pod["spec"]["tolerations"] = tolerations
        if w.p(0.1):
            pod["spec"]["nodeName"] = ""


def _taint(w: World) -> Json:
    taint = {
        "key": w.pick(["dedicated", "gpu"]),
        "effect": w.pick(["NoSchedule", "PreferNoSchedule", "PreferNoSchedule", "NoExecute"]),
    }
    if w.p(0.8):
        taint["value"] = w.pick(["a", "b", "7", ""])
    return taint


def _toleration(w: World) -> Json:
    made: Json = {"key": w.pick(["dedicated", "gpu"])}
    if w.p(0.6):
        made["effect"] = w.pick(["NoSchedule", "PreferNoSchedule", "NoExecute", ""])
    operator = w.pick(["Equal", "Exists", None, None])
    if w.p(0.05):
        made["operator"], made["value"] = w.pick(["Gt", "Lt"]), "5"
        return made
    if operator:
        made["operator"] = operator
    if operator != "Exists" and w.p(0.9):
        made["value"] = w.pick(["a", "b", "7", ""])
    if made.get("effect") == "NoExecute" and w.p(0.4):
        made["tolerationSeconds"] = 60
    return made


def ports(w: World) -> None:
    """hostNetwork, SCTP, every wildcard address, ports of sidecars, two pods on one port."""
    for pod in w.bound:
        if w.p(0.6):
            _host_ports(w, pod)
    for pod in w.pending:
        _host_ports(w, pod)


def _host_ports(w: World, pod: Json) -> None:
    network = w.p(0.25)
    if network:
        pod["spec"]["hostNetwork"] = True
    made: list[Json] = []
    for _ in range(w.r.randint(1, 2)):
        number = w.pick([80, 443])
        port: Json = {"containerPort": number}
        if network:
            if w.p(0.5):
                port["hostPort"] = number
        elif w.p(0.9):
            port["hostPort"] = w.pick([80, 443])
        if w.p(0.6):
            port["protocol"] = w.pick(["TCP", "UDP", "SCTP"])
        if w.p(0.6):
            port["hostIP"] = w.pick(["", "0.0.0.0", "::", "127.0.0.1", "10.0.0.1", "::1"])
        made.append(port)
    roll = w.r.random()
    if roll < 0.7:
        pod["spec"]["containers"][0]["ports"] = made
        return
    init: Json = {"name": "init", "image": "app", "ports": made}
    if roll < 0.9:
        init["restartPolicy"] = "Always"
    pod["spec"].setdefault("initContainers", []).append(init)


DIGEST = "sha256:" + "ab" * 32
IMAGES = (
    "app",
    "app:latest",
    "app:v1",
    "docker.io/library/app:latest",
    "registry.local:5000/team/app",
    "registry.local:5000/team/app:latest",
    "registry.local:5000/team/app:v2",
    f"registry.local/team/app@{DIGEST}",
    f"app:v1@{DIGEST}",
)


def images(w: World) -> None:
    """Untagged, with a port, by digest, several names, two sizes; init containers and image volumes."""
    sizes = (5, 23, 24, 200, 900, 1000, 3000)
    for node in w.nodes:
        made: list[Json] = []
        for _ in range(w.r.randint(0, 6)):
            made.append({"names": w.some(IMAGES, 1, 3), "sizeBytes": w.pick(sizes) * MI + w.r.randint(0, 3)})
        if w.p(0.1):
            made.append({"names": None, "sizeBytes": 10 * MI})
        if w.p(0.1):
            made.append({"names": [w.pick(IMAGES)]})
        node["status"]["images"] = made
    for pod in w.pending:
        spec = pod["spec"]
        spec["containers"] = [
            {"name": f"c{i}", "image": w.pick(IMAGES), "resources": {}} for i in range(w.r.randint(1, 3))
        ]
        if w.p(0.4):
            spec["initContainers"] = [
                {"name": f"i{i}", "image": w.pick(IMAGES), "resources": {}} for i in range(w.r.randint(1, 2))
            ]
        if w.p(0.3):
            spec["volumes"] = [
                {"name": "img", "image": {"reference": w.pick(IMAGES), "pullPolicy": "Always"}}
            ]


FEATURES = (
    "ExtendWebSocketsToKubelet",
    "NewerThanThis",
    "RestartAllContainersOnContainerExits",
    "RestartAllContainersOnContainerExits",
    "UserNamespacesHostNetworkSupport",
    "UserNamespacesHostNetworkSupport",
    "restartAllContainersOnContainerExits",
)


def features(w: World) -> None:
    """Declared features: known or not, in disorder, twice; restart rules of every container, host users."""
    for node in w.nodes:
        declared = w.some(FEATURES, 0, 5)
        if w.p(0.8):  # as an API server has it
            declared = sorted(set(declared))
        if declared or w.p(0.3):
            node["status"]["declaredFeatures"] = declared
    for pod in w.pending:
        spec = pod["spec"]
        if w.p(0.5):
            spec["hostNetwork"] = w.p(0.8)
        if w.p(0.7):
            spec["hostUsers"] = w.pick([False, False, True])
        if w.p(0.3):
            init = {"name": "init", "image": "app", **({"restartPolicy": "Always"} if w.p(0.4) else {})}
            spec.setdefault("initContainers", []).append(init)
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            if w.p(0.3):
                container.setdefault("restartPolicy", "Never")
                container["restartPolicyRules"] = [_restart_rule(w) for _ in range(w.r.randint(0, 2))]


def _restart_rule(w: World) -> Json:
    codes = {"operator": w.pick(["In", "NotIn"]), "values": [w.r.randint(0, 255)]}
    return {"action": w.pick(["Restart", "RestartAllContainers", "RestartAllContainers"]), "exitCodes": codes}


def gates(w: World) -> None:
    """Scheduling gates, and pods whose only node is named or gone."""
    for pod in w.pending:
        if w.p(0.5):
            pod["spec"]["schedulingGates"] = [{"name": f"example.com/g{i}"} for i in range(w.r.randint(1, 2))]
        elif w.p(0.4):  # no queue would hold it, yet the plugin speaks
            pod["spec"]["nodeName"] = w.node_name()
    if w.p(0.1):
        w.nodes, w.bound = [], []
        for pod in w.pending:
            pod["spec"].pop("nodeName", None)
