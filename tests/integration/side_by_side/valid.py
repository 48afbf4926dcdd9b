"""Objects of scenarios as an API server takes them.

Scenarios have what no server would let in, for the engine is to stand it. Here that is mended where it is
a small matter. Left as they are, and refused: pods whose own resources contradict those of their containers,
and single values that a kind's rules forbid (some 0.5 % of all objects).
"""

import copy
from collections.abc import Callable

from tests.fuzz.world import Json

SERVERS = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")
DELETED = ("deletionTimestamp", "deletionGracePeriodSeconds")


def body(item: Json, uids: dict[str, str]) -> Json:
    """What is to be sent of an object. ``uids``: in the scenario -> on the server."""
    made: Json = copy.deepcopy(item)
    meta = made["metadata"]
    for field in (*SERVERS, *DELETED):
        meta.pop(field, None)
    for owner in meta.get("ownerReferences", []):
        owner["uid"] = uids.get(owner["uid"], owner["uid"])
    spec = made.get("spec", {})
    match item["kind"]:
        case "Service":
            made["spec"] = {**spec, "clusterIP": "None", "clusterIPs": ["None"]}
        case "ReplicaSet" | "StatefulSet":
            _templated(spec, _matching(spec.get("selector", {})))
        case "ReplicationController":
            _templated(spec, spec.get("selector", {}))
        case "PodDisruptionBudget":
            spec.setdefault("minAvailable", 1)
        case "Node":
            _once(spec.get("taints", []), lambda taint: (taint["key"], taint["effect"]))
            if features := made["status"].get("declaredFeatures"):
                made["status"]["declaredFeatures"] = sorted({each for each in features if each[0].isupper()})
        case "PersistentVolume":
            _volume(spec, uids)
        case "Pod":
            _pod(spec)
    return made


def status(item: Json) -> Json:
    """What is to be sent of its status."""
    made: Json = copy.deepcopy(item["status"])
    if item["kind"] == "Pod":
        for condition in made.get("conditions", []):
            condition.setdefault("lastTransitionTime", "2026-01-01T00:00:00Z")
    return made


def _matching(selector: Json) -> dict[str, str]:
    """Labels that a selector selects."""
    some: dict[str, str] = {
        each["key"]: each.get("values", [""])[0]
        for each in selector.get("matchExpressions", [])
        if each["operator"] in ("In", "Exists")
    }
    return {**some, **selector.get("matchLabels", {})}


def _templated(spec: Json, labels: dict[str, str]) -> None:
    """Gives a controller the pod template that a server wants to see."""
    spec.setdefault("replicas", 0)
    containers = [{"name": "c", "image": "app"}]
    spec["template"] = {"metadata": {"labels": labels}, "spec": {"containers": containers}}


def _volume(spec: Json, uids: dict[str, str]) -> None:
    if "uid" in (spec.get("claimRef") or {}):
        spec["claimRef"]["uid"] = uids.get(spec["claimRef"]["uid"], spec["claimRef"]["uid"])
        spec["claimRef"].pop("resourceVersion", None)
    if "local" in spec and "nodeAffinity" not in spec:
        spec["hostPath"] = spec.pop("local")  # may be anywhere


def _pod(spec: Json) -> None:
    if spec.get("hostUsers") is False:
        spec.pop("hostNetwork", None)
    for volume in spec.get("volumes", []):
        if "ephemeral" in volume:
            asked = volume["ephemeral"]["volumeClaimTemplate"]["spec"]
            asked.setdefault("resources", {"requests": {"storage": "1Gi"}})
    for field in ("containers", "initContainers"):
        for container in spec.get(field, []):
            _once(container.get("ports", []), _address)
    affinity = spec.get("affinity") or {}
    for block in (affinity.get("podAffinity"), affinity.get("podAntiAffinity")):
        for terms in (block or {}).values():
            for term in terms:
                _unmerged(term.get("podAffinityTerm", term))
    for constraint in spec.get("topologySpreadConstraints", []):
        _unmerged(constraint)


def _address(port: Json) -> tuple[object, ...]:
    return (
        port.get("protocol", "TCP"),
        port.get("hostIP", ""),
        port.get("hostPort") or port.get("containerPort"),
    )


def _once(items: list[Json], what: Callable[[Json], object]) -> None:
    """Keeps of those that are the same the first."""
    kept: dict[object, Json] = {}
    for each in items:
        kept.setdefault(what(each), each)
    items[:] = kept.values()


def _unmerged(term: Json) -> None:
    """Takes out of a selector what the server puts into it, for the keys of the pod's own labels."""
    keys = {*term.get("matchLabelKeys", []), *term.get("mismatchLabelKeys", [])}
    selector = term.get("labelSelector") or {}
    if keys and "matchLabels" in selector:
        selector["matchLabels"] = {key: v for key, v in selector["matchLabels"].items() if key not in keys}
    if keys and "matchExpressions" in selector:
        selector["matchExpressions"] = [
            each for each in selector["matchExpressions"] if each["key"] not in keys
        ]
