"""ResourceQuota: what a namespace uses, and whether one more object fits.

Counts the objects as they are now, so no quota controller has to have run before.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stowage.api import objects as kinds
from stowage.api import quantity, resources
from stowage.embedded import errors, schema
from stowage.embedded.storage import store

Object = dict[str, Any]
_PLAIN_COUNTS = frozenset(
    [
        "pods",
        "services",
        "configmaps",
        "secrets",
        "persistentvolumeclaims",
        "resourcequotas",
        "replicationcontrollers",
    ]
)
_STATED = frozenset(["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"])
Nanos = dict[str, int]


def check(
    objects: store.Store, resource: schema.Resource, value: Object, before: Object | None = None
) -> None:
    """Refuse a valid object, or what its new version asks for more than the one before, that a quota of its
    namespace has no room for. ApiError 403. Rules: `CheckRequest` of the quota admission plugin."""
    name, namespace = value["metadata"]["name"], value["metadata"]["namespace"]
    for entry in objects.entries("resourcequotas", namespace):
        held = entry.read()
        spec = held.get("spec") or {}
        if not _in_scope(spec, resource.table, value):
            continue
        hard = {name: quantity.nanos(amount) for name, amount in (spec.get("hard") or {}).items()}
        missing = _unstated(hard, value) if resource.table == "pods" else ""
        if missing:
            why = f"failed quota: {held['metadata']['name']}: must specify {missing}"
            raise errors.forbidden(resource.group, resource.plural, name, why)
        asked = {name: amount for name, amount in _usage(resource.table, value).items() if name in hard}
        if before is not None and _in_scope(spec, resource.table, before):
            for each, amount in _usage(resource.table, before).items():
                asked[each] = asked.get(each, 0) - amount
        asked = {each: amount for each, amount in asked.items() if amount > 0}
        if not asked:
            continue
        used = usage(objects, held, {resource.table})
        over = sorted(each for each, amount in asked.items() if used.get(each, 0) + amount > hard[each])
        if over:
            why = f"exceeded quota: {held['metadata']['name']}, " + ", ".join(
                f"{word}: {','.join(f'{each}={_text(amounts.get(each, 0))}' for each in over)}"
                for word, amounts in (("requested", asked), ("used", used), ("limited", hard))
            )
            raise errors.forbidden(resource.group, resource.plural, name, why)


def _text(nanos: int) -> str:
    return str(quantity.from_nanos(nanos))


def _unstated(hard: Nanos, pod: Object) -> str:
    """What is limited and so must be stated by every container, of which containers, unless by the pod."""
    of_pod = pod["spec"].get("resources") or {}
    if of_pod.get("requests") or of_pod.get("limits"):
        return ""
    missing: dict[str, list[str]] = {}
    for container in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]:
        stated = container.get("resources") or {}
        for name in _STATED & set(hard):
            side, _, plain = name.rpartition(".")
            if plain not in (stated.get(side or "requests") or {}):
                missing.setdefault(name, []).append(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))


def usage(objects: store.Store, held: Object, tables: set[str] | None = None) -> Nanos:
    """What the namespace of a quota uses of what it limits, in nano-units."""
    spec, namespace = held.get("spec") or {}, held["metadata"]["namespace"]
    hard = spec.get("hard") or {}
    total: Nanos = dict.fromkeys(hard, 0)
    for table in tables if tables is not None else _tables(hard):
        for entry in objects.entries(table, namespace):
            value = entry.read()
            if _in_scope(spec, table, value):
                for name, amount in _usage(table, value).items():
                    if name in total:
                        total[name] += amount
    return total


def _tables(hard: Object) -> set[str]:
    counted = {name.removeprefix("count/") for name in hard if name.startswith("count/")}
    return counted | (_PLAIN_COUNTS & set(hard)) | {"pods", "persistentvolumeclaims", "services"}


def _usage(table: str, value: Object) -> Nanos:
    one = quantity.NANO
    if table == "pods":
        if (value.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
            return {"count/pods": one}
        return {"count/pods": one, "pods": one} | _pod(value)
    made = {f"count/{table}": one}
    if table in _PLAIN_COUNTS:
        made[table] = one
    if table == "persistentvolumeclaims":
        asked = ((value["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0")
        made["requests.storage"] = quantity.nanos(asked)
        name = value["spec"].get("storageClassName")
        if name:
            made[f"{name}.storageclass.storage.k8s.io/requests.storage"] = quantity.nanos(asked)
            made[f"{name}.storageclass.storage.k8s.io/persistentvolumeclaims"] = one
    elif table == "services":
        kind = value["spec"].get("type")
        if kind in {"NodePort", "LoadBalancer"}:
            made["services.nodeports"] = one * len(value["spec"].get("ports") or ())
        if kind == "LoadBalancer":
            made["services.loadbalancers"] = one
    return made


def _pod(value: Object) -> Nanos:
    pod = msgspec.convert(value, kinds.Pod)
    made: Nanos = {}
    for name, amount in resources.spec_requests(pod).items():
        made[f"requests.{name}"] = amount
        if name in {"cpu", "memory", "ephemeral-storage"}:
            made[name] = amount
    for name, amount in resources.spec_limits(pod).items():
        made[f"limits.{name}"] = amount
    return made


def _in_scope(spec: Object, table: str, value: Object) -> bool:
    wanted = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    wanted += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return not wanted or (table == "pods" and all(_scope(each, value) for each in wanted))


def _scope(each: Object, pod: Object) -> bool:
    name, spec = each["scopeName"], pod["spec"]
    if name in {"Terminating", "NotTerminating"}:
        return ("activeDeadlineSeconds" in spec) is (name == "Terminating")
    if name in {"BestEffort", "NotBestEffort"}:
        best = (pod.get("status") or {}).get("qosClass") == "BestEffort"
        return best is (name == "BestEffort")
    if name == "PriorityClass":
        found, values = spec.get("priorityClassName", ""), each.get("values") or []
        operator = each.get("operator")
        if operator in {"In", "NotIn"}:
            return (found in values) is (operator == "In")
        return bool(found) is (operator == "Exists")
    return False
