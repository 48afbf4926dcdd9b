"""Families about pods and their neighbours: inter-pod affinity, spread, and who owns a pod."""

from tests.fuzz.world import APPS, HOST, NAMESPACES, REGION, ZONE, Json, World

KEYS = (HOST, ZONE, REGION, "rack", "disk", "absent")


def _racks(w: World) -> None:
    for node in w.nodes:
        if w.p(0.7):
            node["metadata"]["labels"]["rack"] = w.pick(["a", "b", ""])
        if w.p(0.08):
            node["metadata"]["labels"][HOST] = "n0"  # two nodes in one "host"
        if w.p(0.05):
            node["metadata"]["labels"].pop(HOST, None)


def _selector(w: World) -> Json | None:
    roll = w.r.random()
    if roll < 0.06:
        return None
    if roll < 0.12:
        return {}
    made: Json = {}
    if roll < 0.75:
        made["matchLabels"] = {"app": w.pick(APPS)}
    if roll > 0.6:
        key, operator = (
            w.pick(["app", "tier", "rev", "absent"]),
            w.pick(["In", "NotIn", "Exists", "DoesNotExist"]),
        )
        expression: Json = {"key": key, "operator": operator}
        if operator in ("In", "NotIn"):
            values = {"app": list(APPS), "tier": ["front", "back"]}.get(key, ["1", "2"])
            expression["values"] = w.some(values)
        made["matchExpressions"] = [expression]
    return made


def interpod(w: World) -> None:
    """Terms of every kind on pending and bound pods, label keys, namespaces by name and by label."""
    _racks(w)
    for pod in w.bound:
        if w.p(0.5):
            _terms(w, pod, 0.5)
        if w.p(0.1):
            w.terminate(pod)
    for pod in w.pending:
        _terms(w, pod, 0.6)
    if w.p(0.5):
        args: Json = {}
        if w.p(0.7):
            args["hardPodAffinityWeight"] = w.pick([0, 1, 50, 100])
        if w.p(0.5):
            args["ignorePreferredTermsOfExistingPods"] = w.p(0.7)
        w.args["InterPodAffinity"] = args


def _terms(w: World, pod: Json, hard: float) -> None:
    affinity = pod["spec"].setdefault("affinity", {})
    for kind in w.some(["podAffinity", "podAntiAffinity"]):
        block: Json = {}
        if w.p(hard):
            block["requiredDuringSchedulingIgnoredDuringExecution"] = [
                _term(w, pod) for _ in range(w.pick([1, 1, 2]))
            ]
        if w.p(0.6):
            block["preferredDuringSchedulingIgnoredDuringExecution"] = [
                {"weight": w.r.randint(1, 100), "podAffinityTerm": _term(w, pod)}
                for _ in range(w.pick([1, 2]))
            ]
        affinity[kind] = block


def _term(w: World, pod: Json) -> Json:
    made: Json = {"topologyKey": w.pick(KEYS[:4]) if w.p(0.9) else w.pick(KEYS)}
    selector = _selector(w)
    if selector is not None:
        made["labelSelector"] = selector
    if w.p(0.3):
        made["namespaces"] = w.some([*NAMESPACES, "nowhere"])
    if w.p(0.3):
        made["namespaceSelector"] = w.pick(
            [
                {},
                {"matchLabels": {"team": "a"}},
                {"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]},
                {"matchLabels": {"team": "nobody"}},
            ]
        )
    labels, selector = pod["metadata"]["labels"], made.get("labelSelector")
    for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
        if selector is None or not w.p(0.15):
            continue
        keys = w.some(["rev", "tier", "lacking"], 1, 1)
        made[field] = keys
        if w.p(0.8):  # an API server has written them into the selector
            selector.setdefault("matchExpressions", []).extend(
                {"key": k, "operator": operator, "values": [labels[k]]} for k in keys if k in labels
            )
    return made


def spread(w: World) -> None:
    """Constraints of every shape: keys twice, lacking label keys, both policies, minDomains."""
    _racks(w)
    for node in w.nodes:
        if w.p(0.2):
            effect = w.pick(["NoSchedule", "PreferNoSchedule", "NoExecute"])
            node["spec"]["taints"] = [{"key": "dedicated", "value": "a", "effect": effect}]
        if w.p(0.1):
            node["spec"]["unschedulable"] = True
    alike = w.pick(APPS) if w.p(0.6) else None
    for pod in w.everyone():
        if alike and w.p(0.8):
            pod["metadata"].update(namespace="default", labels={**pod["metadata"]["labels"], "app": alike})
    for pod in w.bound:
        if w.p(0.1):
            w.terminate(pod)
    for pod in w.pending:
        pod["spec"]["topologySpreadConstraints"] = _constraints(w, pod)
        if w.p(0.3):
            pod["spec"]["nodeSelector"] = {"disk": "ssd"}
        if w.p(0.2):
            terms = [{"matchExpressions": [{"key": "rack", "operator": "Exists"}]}]
            required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
            pod["spec"].setdefault("affinity", {})["nodeAffinity"] = required
        if w.p(0.2):
            pod["spec"]["tolerations"] = [{"key": "dedicated", "operator": "Exists"}]


def _constraints(w: World, pod: Json) -> list[Json]:
    made: dict[tuple[str, str], Json] = {}
    for _ in range(w.r.randint(1, 3)):
        key = w.pick(KEYS[:5]) if w.p(0.95) else "absent"
        action = w.pick(["DoNotSchedule", "ScheduleAnyway"])
        one: Json = {"maxSkew": w.pick([1, 1, 2, 3]), "topologyKey": key, "whenUnsatisfiable": action}
        selector: Json | None = (
            {"matchLabels": {"app": pod["metadata"]["labels"].get("app", "web")}}
            if w.p(0.6)
            else _selector(w)
        )
        if selector is not None:
            one["labelSelector"] = selector
        if action == "DoNotSchedule" and w.p(0.4):
            one["minDomains"] = w.r.randint(1, 5)
        for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if w.p(0.5):
                one[policy] = w.pick(["Honor", "Ignore"])
        if selector is not None and w.p(0.3):
            one["matchLabelKeys"] = w.some(["rev", "tier", "lacking"])
            labels = pod["metadata"]["labels"]
            if w.p(0.5):  # an API server has written them into the selector
                selector.setdefault("matchExpressions", []).extend(
                    {"key": k, "operator": "In", "values": [labels[k]]}
                    for k in one["matchLabelKeys"]
                    if k in labels
                )
        made.setdefault((key, action), one)
    return list(made.values())


def owned(w: World) -> None:
    """Every owner kind, right and wrong, and Services, which together make the default constraints."""
    _racks(w)
    for ns in w.namespaces:
        for i in range(w.r.randint(0, 2)):
            roll = w.r.random()
            selector = {"app": w.pick(APPS)} if roll < 0.7 else {"app": w.pick(APPS), "tier": "front"}
            spec: Json = {"selector": selector}
            if roll > 0.9:
                spec = {"selector": {}} if w.p(0.5) else {}
            w.add("v1", "Service", f"svc-{i}", ns, spec=spec)
    for pod in w.pending:
        if w.p(0.8):
            _own(w, pod)
    roll = w.r.random()
    if roll < 0.45:
        keys = w.some([ZONE, HOST, "rack"], 0, 2)
        constraints = [
            {
                "maxSkew": w.r.randint(1, 3),
                "topologyKey": k,
                "whenUnsatisfiable": w.pick(["ScheduleAnyway", "DoNotSchedule"]),
            }
            for k in keys
        ]
        if constraints and w.p(0.3):  # one key, both ways
            other = {"ScheduleAnyway": "DoNotSchedule", "DoNotSchedule": "ScheduleAnyway"}
            first = constraints[0]
            constraints.append({**first, "whenUnsatisfiable": other[str(first["whenUnsatisfiable"])]})
        for one in constraints:
            if one["whenUnsatisfiable"] == "DoNotSchedule" and w.p(0.2):
                one["minDomains"] = w.r.randint(1, 3)
            if w.p(0.3):
                one[w.pick(["nodeTaintsPolicy", "nodeAffinityPolicy"])] = w.pick(["Honor", "Ignore"])
            if w.p(0.2):
                one["matchLabelKeys"] = ["rev"]
        w.args["PodTopologySpread"] = {"defaultingType": "List", "defaultConstraints": constraints}
    elif roll < 0.55:
        w.args["PodTopologySpread"] = {"defaultingType": "System"}


def _own(w: World, pod: Json) -> None:
    kind, api = w.pick(
        [
            ("ReplicaSet", "apps/v1"),
            ("StatefulSet", "apps/v1"),
            ("ReplicationController", "v1"),
            ("Job", "batch/v1"),
            ("ReplicaSet", "extensions/v1beta1"),
        ]
    )
    ns, labels, name = pod["metadata"]["namespace"], pod["metadata"]["labels"], f"owner-{w.r.randint(0, 2)}"
    uid = w.uid()
    pod["metadata"]["ownerReferences"] = [
        {"apiVersion": api, "kind": kind, "name": name, "uid": uid, "controller": w.p(0.95)}
    ]
    if w.p(0.1) or kind == "Job":
        return  # the owner is gone, or none that spreading knows
    match: Json = {k: v for k, v in labels.items() if k == "app" or w.p(0.3)}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [{"name": "c", "image": "app"}]}}
    spec: Json = {"template": template, "replicas": 3}
    if kind == "ReplicationController":
        spec["selector"] = match
    elif w.p(0.75):
        spec["selector"] = {"matchLabels": match}
    else:
        operator: Json = w.pick([{"operator": "In", "values": list(APPS)}, {"operator": "Exists"}])
        spec["selector"] = {"matchExpressions": [{"key": "app", **operator}]}
    w.add("v1" if api == "v1" else "apps/v1", kind, name, ns, spec=spec)
