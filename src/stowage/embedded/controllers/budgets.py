"""What a PodDisruptionBudget allows, and what a ResourceQuota counts: their status."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from stowage.api import quantity, selectors
from stowage.embedded import schema
from stowage.embedded.controllers import world as worlds
from stowage.embedded.http import query
from stowage.embedded.storage import store
from stowage.embedded.writing import quota, subresources

Object = dict[str, Any]
BUDGETS: Final = schema.named("policy", "PodDisruptionBudget")
QUOTAS: Final = schema.named("", "ResourceQuota")
_MANAGER: Final = "disruption-controller"
_EVICTED_SECONDS: Final = 120.0
"""How long an eviction is counted whose pod is still there."""


def sync_budget(world: worlds.World, key: store.Key) -> None:
    """How many pods are healthy, how many must be, and how many may be taken."""
    budget = world.read(BUDGETS, key)
    if budget is None:
        return
    spec = budget["spec"]
    chosen = query.object_selector(spec.get("selector"))
    pods = [
        e.read() for e in world.reg.objects.entries("pods", key[0]) if selectors.matches(chosen, e.labels)
    ]
    pods = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}]
    expected = _expected(world, spec, pods)
    if "maxUnavailable" in spec:
        desired = max(expected - worlds.share(spec["maxUnavailable"], expected, up=True), 0)
    else:
        desired = worlds.share(spec.get("minAvailable", 1), expected, up=True)
    evicted = _evicted(world, budget, pods)
    healthy = sum(
        worlds.ready(pod)
        and "deletionTimestamp" not in pod["metadata"]
        and pod["metadata"]["name"] not in evicted
        for pod in pods
    )
    allowed = max(healthy - desired, 0) if expected else 0
    held = {"status": {"conditions": [dict(e) for e in (budget.get("status") or {}).get("conditions") or ()]}}
    subresources.set_condition(
        held,
        "DisruptionAllowed",
        "True" if allowed else "False",
        world.reg.now(),
        "SufficientPods" if allowed else "InsufficientPods",
    )
    for condition in held["status"]["conditions"]:
        condition.setdefault("message", "")
    status: Object = {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "disruptionsAllowed": allowed,
        "observedGeneration": budget["metadata"]["generation"],
        "conditions": held["status"]["conditions"],
    }
    if evicted:
        status["disruptedPods"] = evicted
        world.due.add(("budget", *key, "again"), lambda: sync_budget(world, key), _EVICTED_SECONDS)
    worlds.set_status(world, BUDGETS, budget, status, _MANAGER)


def _expected(world: worlds.World, spec: Object, pods: list[Object]) -> int:
    """The pods themselves for a plain minAvailable; else what their workloads are to have."""
    if "maxUnavailable" not in spec and not isinstance(spec.get("minAvailable", 1), str):
        return len(pods)
    owners = {
        owner["uid"]
        for pod in pods
        for owner in pod["metadata"].get("ownerReferences") or ()
        if owner.get("controller")
    }
    total = 0
    for uid in owners:
        ref = world.by_uid.get(uid)
        entry = world.reg.objects.get(ref.table, ref.key) if ref else None
        total += (entry.read().get("spec") or {}).get("replicas", 0) if entry else 0
    return total


def _evicted(world: worlds.World, budget: Object, pods: list[Object]) -> Object:
    """The evictions that still count: of pods that are there and not yet marked, and not too old."""
    there = {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
    since = world.reg.time() - _EVICTED_SECONDS
    found = (budget.get("status") or {}).get("disruptedPods") or {}
    return {
        name: when
        for name, when in found.items()
        if name in there and datetime.fromisoformat(when).timestamp() > since
    }


def sync_quota(world: worlds.World, key: store.Key) -> None:
    """What the namespace uses."""
    held = world.read(QUOTAS, key)
    if held is None:
        return
    hard = (held.get("spec") or {}).get("hard") or {}
    used = quota.usage(world.reg.objects, held)
    status: Object = {}
    if hard:
        status = {
            "hard": hard,
            "used": {name: str(quantity.from_nanos(used.get(name, 0))) for name in hard},
        }
    worlds.set_status(world, QUOTAS, held, status, "resourcequota-controller")
