"""StatefulSets: pods with numbers, made and replaced in order, each with its own claims."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from stowage.embedded import errors, schema
from stowage.embedded.controllers import replicas
from stowage.embedded.controllers import world as worlds
from stowage.embedded.storage import store

Object = dict[str, Any]
SETS: Final = schema.named("apps", "StatefulSet")
CLAIMS: Final = schema.named("", "PersistentVolumeClaim")
HASH: Final = "controller-revision-hash"
_MANAGER: Final = "statefulset-controller"


def sync(world: worlds.World, key: store.Key) -> None:
    """One step towards the wanted pods, and the status."""
    value = world.read(SETS, key)
    if value is None or "deletionTimestamp" in value["metadata"]:
        return
    spec = value["spec"]
    revision = f"{key[1]}-{replicas.template_hash(spec['template'])}"
    pods = {_number(pod): pod for pod in world.owned(value, "pods")}
    try:
        _step(world, value, pods, revision)
    finally:
        _status(world, value, revision)


def _number(pod: Object) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _step(world: worlds.World, value: Object, pods: dict[int, Object], revision: str) -> None:
    spec = value["spec"]
    start = (spec.get("ordinals") or {}).get("start", 0)
    wanted = range(start, start + spec.get("replicas", 1))
    at_once = spec.get("podManagementPolicy") == "Parallel"
    for number in wanted:
        pod = pods.get(number)
        if pod is not None and (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
            worlds.delete_pod(world, pod, _MANAGER)
        if pod is None:
            _make(world, value, number, revision)
        if not at_once and (pod is None or not worlds.ready(pod) or "deletionTimestamp" in pod["metadata"]):
            return
    beyond = sorted((number for number in pods if number not in wanted), reverse=True)
    for number in beyond:
        if "deletionTimestamp" not in pods[number]["metadata"]:
            worlds.delete_pod(world, pods[number], _MANAGER)
        if not at_once:
            return
    if (spec.get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
        return
    least = ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition", 0)
    for number in sorted((n for n in pods if n in wanted), reverse=True):
        pod = pods[number]
        if number < least or "deletionTimestamp" in pod["metadata"]:
            return
        if (pod["metadata"].get("labels") or {}).get(HASH) != revision:
            worlds.delete_pod(world, pod, _MANAGER)
            return
        if not worlds.ready(pod):
            return


def _make(world: worlds.World, value: Object, number: int, revision: str) -> None:
    """A pod and its claims. ApiError."""
    made = _pod(value, number, revision)
    what = f"Create Pod {made['metadata']['name']} in StatefulSet {value['metadata']['name']} failed error"
    try:
        _claims(world, value, number)
    except errors.ApiError as error:
        worlds.warn(world, SETS, value, "FailedCreate", f"{what}: {error.message}", _MANAGER)
        raise
    worlds.create_pod(world, SETS, value, made, _MANAGER, what)


def _pod(value: Object, number: int, revision: str) -> Object:
    name = f"{value['metadata']['name']}-{number}"
    pod = worlds.make_pod(value["spec"]["template"], SETS, value, name)
    pod["metadata"]["labels"] = (pod["metadata"].get("labels") or {}) | {
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": str(number),
        HASH: revision,
    }
    spec = pod["spec"]
    spec["hostname"] = name
    if value["spec"].get("serviceName"):
        spec["subdomain"] = value["spec"]["serviceName"]
    templates = value["spec"].get("volumeClaimTemplates") or ()
    own = {each["metadata"]["name"] for each in templates}
    volumes = [each for each in spec.get("volumes") or () if each["name"] not in own]
    volumes += [
        {"name": each, "persistentVolumeClaim": {"claimName": f"{each}-{name}"}} for each in sorted(own)
    ]
    if volumes:
        spec["volumes"] = volumes
    return pod


def _claims(world: worlds.World, value: Object, number: int) -> None:
    space = value["metadata"]["namespace"]
    labels = (value["spec"]["selector"] or {}).get("matchLabels") or {}
    for each in value["spec"].get("volumeClaimTemplates") or ():
        name = f"{each['metadata']['name']}-{value['metadata']['name']}-{number}"
        if world.reg.objects.get(CLAIMS.table, (space, name)) is None:
            made = msgspec.json.decode(
                msgspec.json.encode({"metadata": each["metadata"], "spec": each["spec"]})
            )
            made["metadata"] |= {"name": name, "labels": (made["metadata"].get("labels") or {}) | labels}
            world.reg.create(CLAIMS, space, made, worlds.options(_MANAGER))


def _status(world: worlds.World, value: Object, revision: str) -> None:
    pods = worlds.active(world.owned(value, "pods"))
    count = sum(map(worlds.ready, pods))
    updated = sum((pod["metadata"].get("labels") or {}).get(HASH) == revision for pod in pods)
    done = updated == len(pods) == value["spec"].get("replicas", 1) == count
    current = revision if done else (value.get("status") or {}).get("currentRevision", revision)
    status: Object = {
        "replicas": len(pods),
        "availableReplicas": count,
        "observedGeneration": value["metadata"]["generation"],
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
    }
    for name, number in (
        ("readyReplicas", count),
        ("updatedReplicas", updated),
        ("currentReplicas", updated if done else len(pods) - updated),
    ):
        if number:
            status[name] = number
    worlds.set_status(world, SETS, value, status, _MANAGER)
