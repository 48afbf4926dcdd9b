"""ReplicaSets and Deployments: as many pods as wanted, replaced step by step where the template changes."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

import msgspec

from stowage.embedded import errors, schema
from stowage.embedded.controllers import world as worlds
from stowage.embedded.storage import store
from stowage.embedded.writing import deletion, subresources

Object = dict[str, Any]
SETS: Final = schema.named("apps", "ReplicaSet")
DEPLOYMENTS: Final = schema.named("apps", "Deployment")
HASH: Final = "pod-template-hash"
REVISION: Final = "deployment.kubernetes.io/revision"
_SET_MANAGER: Final = "replicaset-controller"
_MANAGER: Final = "deployment-controller"
_FAILURE: Final = "ReplicaFailure"
_NO_SET: Final = "ReplicaSetCreateError"
_encode = msgspec.json.Encoder(order="sorted").encode


def template_hash(template: Object) -> str:
    """Tells templates apart, in ten characters that may stand in a name."""
    digest = hashlib.sha256(_encode(template)).digest()
    return base64.b32encode(digest).decode().lower()[:10]


def sync_set(world: worlds.World, key: store.Key) -> None:
    """Bring a ReplicaSet's pods to the number wanted, and its status up to date."""
    value = world.read(SETS, key)
    if value is None or "deletionTimestamp" in value["metadata"]:
        return
    try:
        _fill(world, value)
    except errors.ApiError as error:
        _set_status(world, value, error)
        raise
    _set_status(world, value, None)


def _fill(world: worlds.World, value: Object) -> None:
    pods = worlds.active(world.owned(value, "pods"))
    wanted = value["spec"].get("replicas", 1)
    for _ in range(wanted - len(pods)):
        pod = worlds.make_pod(value["spec"]["template"], SETS, value)
        worlds.create_pod(world, SETS, value, pod, _SET_MANAGER)
    for pod in worlds.first_to_go(pods)[: max(len(pods) - wanted, 0)]:
        worlds.delete_pod(world, pod, _SET_MANAGER)


def _set_status(world: worlds.World, value: Object, failure: errors.ApiError | None) -> None:
    """`failure` is why it has not the pods it wants."""
    owned = world.owned(value, "pods")
    pods = worlds.active(owned)
    count = sum(map(worlds.ready, pods))
    status: Object = {
        "replicas": len(pods),
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": count,
        "availableReplicas": count,
        "terminatingReplicas": sum(map(worlds.terminating, owned)),
        "observedGeneration": value["metadata"]["generation"],
    }
    always = {"replicas", "terminatingReplicas", "observedGeneration"}
    status = {name: number for name, number in status.items() if number or name in always}
    if failure is not None:
        made = {"type": _FAILURE, "status": "True", "reason": "FailedCreate", "message": failure.message}
        # The first failure is told until there is none.
        status["conditions"] = [_failure(value) or made | {"lastTransitionTime": world.reg.now()}]
    worlds.set_status(world, SETS, value, status, _SET_MANAGER)


def _failure(value: Object) -> Object | None:
    conditions: list[Object] = (value.get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == _FAILURE), None)


def sync_deployment(world: worlds.World, key: store.Key) -> None:
    """Make the ReplicaSet of the template there is, and move the replicas to it."""
    value = world.read(DEPLOYMENTS, key)
    if value is None or "deletionTimestamp" in value["metadata"]:
        return
    sets = world.owned(value, SETS.table)
    name = f"{key[1]}-{template_hash(value['spec']['template'])}"
    current = next((each for each in sets if each["metadata"]["name"] == name), None)
    if current is None:
        try:
            current = _new_set(world, value, name, sets)
        except errors.ApiError as error:
            _no_new_set(world, value, f'Failed to create new replica set "{name}": {error.message}')
            raise
        sets.append(current)
    old = [each for each in sets if each["metadata"]["name"] != name]
    _note_revision(world, value, current, old)
    if not value["spec"].get("paused"):
        _move(world, value, current, old)
    _forget(world, value, old)
    sets = world.owned(value, SETS.table)
    _deployment_status(world, value, name, sets)


def _new_set(world: worlds.World, deployment: Object, name: str, sets: list[Object]) -> Object:
    spec = deployment["spec"]
    mark = {HASH: name.rpartition("-")[2]}
    template = msgspec.json.decode(_encode(spec["template"]))
    labels = (template.get("metadata") or {}).get("labels") or {}
    template["metadata"] = (template.get("metadata") or {}) | {"labels": labels | mark}
    selector = dict(spec["selector"])
    selector["matchLabels"] = (selector.get("matchLabels") or {}) | mark
    made = {
        "metadata": {
            "name": name,
            "labels": labels | mark,
            "annotations": {REVISION: str(1 + max(map(_revision, sets), default=0))},
            "ownerReferences": [worlds.reference(DEPLOYMENTS, deployment)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }
    space = deployment["metadata"]["namespace"]
    return world.reg.create(SETS, space, made, worlds.options(_MANAGER))


def _no_new_set(world: worlds.World, deployment: Object, why: str) -> None:
    held = _with_conditions(deployment)
    subresources.set_condition(held, "Progressing", "False", world.reg.now(), _NO_SET, why)
    for condition in held["status"]["conditions"]:
        condition.setdefault("lastUpdateTime", world.reg.now())
    status = (deployment.get("status") or {}) | held["status"]
    worlds.set_status(world, DEPLOYMENTS, deployment, status, _MANAGER)
    worlds.warn(world, DEPLOYMENTS, deployment, _NO_SET, why, _MANAGER)


def _with_conditions(value: Object) -> Object:
    """A copy of the conditions, as `set_condition` takes it."""
    return {"status": {"conditions": [dict(e) for e in (value.get("status") or {}).get("conditions") or ()]}}


def _revision(value: Object) -> int:
    return int((value["metadata"].get("annotations") or {}).get(REVISION, 0))


def _note_revision(world: worlds.World, deployment: Object, current: Object, old: list[Object]) -> None:
    """The set in use has the highest revision (also after a rollback), and the Deployment names it."""
    revision = max(_revision(current), 1 + max(map(_revision, old), default=0))
    # Written with the status, a Deployment's revision is no new generation.
    for resource, value, through in ((SETS, current, ""), (DEPLOYMENTS, deployment, "status")):
        if _revision(value) != revision:
            meta = value["metadata"]

            def note(found: Object) -> Object:
                found["metadata"].setdefault("annotations", {})[REVISION] = str(revision)
                return found

            who = worlds.options(_MANAGER)
            world.reg.update(resource, meta["namespace"], meta["name"], note, who, through)


def _scale(world: worlds.World, value: Object, replicas: int) -> None:
    if value["spec"].get("replicas", 1) == replicas:
        return
    meta = value["metadata"]

    def change(current: Object) -> Object:
        current["spec"]["replicas"] = replicas
        return current

    world.reg.update(SETS, meta["namespace"], meta["name"], change, worlds.options(_MANAGER))
    value["spec"]["replicas"] = replicas


def _replicas(value: Object) -> int:
    return int(value["spec"].get("replicas", 1))


def _available(value: Object) -> int:
    return int((value.get("status") or {}).get("availableReplicas", 0))


def _move(world: worlds.World, deployment: Object, current: Object, old: list[Object]) -> None:
    spec = deployment["spec"]
    wanted, strategy = spec.get("replicas", 1), spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        for each in old:
            _scale(world, each, 0)
        if not any(world.owned(each, "pods") for each in old):
            _scale(world, current, wanted)
        return
    rolling = strategy.get("rollingUpdate") or {}
    surge = worlds.share(rolling.get("maxSurge", "25%"), wanted, up=True)
    missing = worlds.share(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    if not surge and not missing:
        missing = 1
    others = sum(map(_replicas, old))
    if _replicas(current) >= wanted:
        _scale(world, current, wanted)
    else:
        room = wanted + surge - others - _replicas(current)
        _scale(world, current, min(wanted, _replicas(current) + max(room, 0)))
    # Unhealthy old pods go first and cost nothing; then as many as stay above the least available.
    spare = others + _replicas(current) - (wanted - missing) - (_replicas(current) - _available(current))
    for each in sorted(old, key=_revision):
        drop = min(_replicas(each), max(spare, 0))
        spare -= drop
        _scale(world, each, _replicas(each) - drop)


def _forget(world: worlds.World, deployment: Object, old: list[Object]) -> None:
    """Delete the oldest empty ReplicaSets beyond revisionHistoryLimit."""
    empty = [e for e in old if not _replicas(e) and not (e.get("status") or {}).get("replicas")]
    limit = deployment["spec"].get("revisionHistoryLimit", 10)
    for each in sorted(empty, key=_revision)[: max(len(empty) - limit, 0)]:
        meta = each["metadata"]
        deletion.delete(world.reg, SETS, meta["namespace"], meta["name"], {}, worlds.options(_MANAGER))


def _deployment_status(world: worlds.World, value: Object, name: str, sets: list[Object]) -> None:
    wanted = value["spec"].get("replicas", 1)
    numbers = {
        field: sum(int((each.get("status") or {}).get(field, 0)) for each in sets)
        for field in ("replicas", "readyReplicas", "availableReplicas", "terminatingReplicas")
    }
    updated = sum(
        int((e.get("status") or {}).get("replicas", 0)) for e in sets if e["metadata"]["name"] == name
    )
    rolling = (value["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    missing = worlds.share(rolling.get("maxUnavailable", 0), wanted, up=False)
    status: Object = {field: n for field, n in numbers.items() if n or field == "terminatingReplicas"}
    if updated:
        status["updatedReplicas"] = updated
    lacking = max(max(numbers["replicas"], wanted) - numbers["availableReplicas"], 0)
    if lacking:
        status["unavailableReplicas"] = lacking
    status["observedGeneration"] = value["metadata"]["generation"]
    held = _with_conditions(value)
    enough = numbers["availableReplicas"] >= wanted - missing
    done = updated == wanted == numbers["availableReplicas"] == numbers["replicas"]
    now = world.reg.now()
    subresources.set_condition(
        held,
        "Available",
        "True" if enough else "False",
        now,
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        f"Deployment {'has' if enough else 'does not have'} minimum availability.",
    )
    subresources.set_condition(
        held,
        "Progressing",
        "True",
        now,
        "NewReplicaSetAvailable" if done else "ReplicaSetUpdated",
        f'ReplicaSet "{name}" {"has successfully progressed." if done else "is progressing."}',
    )
    conditions = [each for each in held["status"]["conditions"] if each["type"] != _FAILURE]
    newest_first = sorted(sets, key=lambda each: each["metadata"]["name"] != name)
    failure = next(filter(None, map(_failure, newest_first)), None)
    if failure is not None:
        conditions.append(failure | {"lastUpdateTime": failure["lastTransitionTime"]})
    # What has changed has lost the time of its last change.
    status["conditions"] = [{"lastUpdateTime": now} | each for each in conditions]
    worlds.set_status(world, DEPLOYMENTS, value, status, _MANAGER)
