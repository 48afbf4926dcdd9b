"""What can be asked of an object besides reading and writing it: binding, eviction, scale."""

from __future__ import annotations

from typing import Any, Final

from stowage.api import selectors
from stowage.embedded import errors, registry, schema
from stowage.embedded.http import query
from stowage.embedded.printing import texts
from stowage.embedded.writing import apply, deletion

Object = dict[str, Any]
_SUCCESS: Final[Object] = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Success",
    "code": 201,
}
PODS: Final = schema.named("", "Pod")
_REPLICAS: Final = ("f:spec", "f:replicas")
BINDINGS: Final = schema.named("", "Binding")
EVICTIONS: Final = schema.Resource("policy", "v1", "", "", "Eviction", True, type="policy.v1.Eviction")
SCALE: Final = schema.Resource("autoscaling", "v1", "", "", "Scale", True, type="autoscaling.v1.Scale")
BUDGETS: Final = schema.named("policy", "PodDisruptionBudget")


def bind(
    reg: registry.Registry, namespace: str, name: str, binding: Object, options: registry.Options
) -> Object:
    """Put a pod on a node. ApiError 400, 404, 409, 500. Rules: registry/core/pod/storage, `assignPod`."""
    meta, target = binding.get("metadata") or {}, binding.get("target") or {}
    if meta.get("name", "") != name:
        raise errors.bad_request("name in URL does not match name in Binding object")
    problems = []
    if target.get("kind") not in {None, "", "Node"}:
        problems.append(
            f'target.kind: Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"'
        )
    if not target.get("name"):
        problems.append("target.name: Required value")
    if problems:  # as kube-apiserver answers it: without a reason
        text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise errors.ApiError(500, "", text)
    pod = reg.get(PODS, namespace, name)
    for what, key in (("UID", "uid"), ("ResourceVersion", "resourceVersion")):
        wanted, found = meta.get(key), pod["metadata"][key]
        if wanted and wanted != found:
            why = f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"
            raise errors.conflict("", "pods", name, why)
    if "deletionTimestamp" in pod["metadata"]:
        raise errors.conflict(
            "", "pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host"
        )
    if pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise errors.conflict("", "pods/binding", name, why)
    if pod["spec"].get("schedulingGates"):
        raise errors.conflict("", "pods/binding", name, f"pod {name} has non-empty .spec.schedulingGates")
    pod["spec"]["nodeName"] = target["name"]
    for part in ("annotations", "labels"):
        if meta.get(part):
            pod["metadata"][part] = (pod["metadata"].get(part) or {}) | meta[part]
    set_condition(pod, "PodScheduled", "True", reg.now())
    pod["status"].pop("nominatedNodeName", None)
    if not options.dry_run:
        reg.keep(PODS, pod)
    return _SUCCESS


def set_condition(
    value: Object, kind: str, status: str, now: str, reason: str = "", message: str = ""
) -> bool:
    """Set a condition of the status; whether that changed anything."""
    conditions: list[Object] = value.setdefault("status", {}).setdefault("conditions", [])
    found = next((each for each in conditions if each["type"] == kind), None)
    wanted = {"type": kind, "status": status} | {
        key: text for key, text in (("reason", reason), ("message", message)) if text
    }
    if found is None:
        conditions.append(wanted | {"lastTransitionTime": now})
        return True
    if all(found.get(key, "") == wanted.get(key, "") for key in ("status", "reason", "message")):
        return False
    since = now if found["status"] != status else found.get("lastTransitionTime", now)
    found.clear()
    found.update(wanted, lastTransitionTime=since)
    return True


def evict(
    reg: registry.Registry, namespace: str, name: str, eviction: Object, options: registry.Options
) -> Object:
    """Delete a pod where its disruption budget allows. ApiError 404, 409, 429, 500.

    Rules: registry/core/pod/storage/eviction.go.
    """
    asked: Object = eviction.get("deleteOptions") or {}
    dry = registry.Options(options.manager, options.dry_run or bool(asked.get("dryRun")))
    pod = reg.get(PODS, namespace, name)
    status = pod.get("status") or {}
    if (
        status.get("phase") not in {"Pending", "Succeeded", "Failed"}
        and "deletionTimestamp" not in pod["metadata"]
    ):
        _spend(reg, pod, dry)
    if not dry.dry_run:
        why = "Eviction API: evicting"
        set_condition(pod, "DisruptionTarget", "True", reg.now(), "EvictionByEvictionAPI", why)
        reg.keep(PODS, pod)
    deletion.delete(reg, PODS, namespace, name, asked, dry)
    return _SUCCESS


def _spend(reg: registry.Registry, pod: Object, options: registry.Options) -> None:
    """Take one disruption from the budget of a pod, or refuse."""
    meta = pod["metadata"]
    budgets = []
    for entry in reg.objects.entries(BUDGETS.table, meta["namespace"]):
        budget = entry.read()
        chosen = query.object_selector((budget.get("spec") or {}).get("selector"))
        if selectors.matches(chosen, meta.get("labels") or {}):
            budgets.append(budget)
    if not budgets:
        return
    if len(budgets) > 1:
        message = (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
        raise errors.ApiError(500, "InternalError", message)
    (budget,) = budgets
    status, name = budget["status"], budget["metadata"]["name"]
    if not _ready(pod):
        policy = budget["spec"].get("unhealthyPodEvictionPolicy", "IfHealthyBudget")
        healthy = status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0
        if policy == "AlwaysAllow" or healthy:
            return
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 1):
        raise errors.too_many_disruptions(
            f"The disruption budget {name} is still being processed by the server."
        )
    if status.get("disruptionsAllowed", 0) <= 0:
        raise errors.too_many_disruptions(
            f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods and has"
            f" {status.get('currentHealthy', 0)} currently"
        )
    if options.dry_run:
        return
    status["disruptionsAllowed"] -= 1
    status.setdefault("disruptedPods", {})[meta["name"]] = reg.now()
    reg.keep(BUDGETS, budget)


def _ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def scale(resource: schema.Resource, value: Object) -> Object:
    """The Scale of a workload."""
    meta, spec, status = value["metadata"], value["spec"], value.get("status") or {}
    selector = spec.get("selector") or {}
    if resource.table == "replicationcontrollers":
        selector = {"matchLabels": selector}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        },
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": {"replicas": status.get("replicas", 0), "selector": texts.selector(selector)},
    }


def set_scale(
    reg: registry.Registry,
    resource: schema.Resource,
    namespace: str,
    name: str,
    scale_: Any,
    options: registry.Options,
) -> Object:
    """Write a Scale. ApiError 400, 404, 409, 422."""
    wanted = (scale_.get("spec") or {}).get("replicas", 0) if isinstance(scale_, dict) else None
    if type(wanted) is not int:
        raise errors.bad_request("spec.replicas of a Scale is an integer")
    if wanted < 0:
        cause = errors.Cause("spec.replicas", f"Invalid value: {wanted}: must be greater than or equal to 0")
        raise errors.invalid("autoscaling", "Scale", name, [cause])

    def change(value: Object) -> Object:
        version = (scale_.get("metadata") or {}).get("resourceVersion")
        if version:
            value["metadata"]["resourceVersion"] = version
        changed = value["spec"].get("replicas", 0) != wanted
        value["spec"]["replicas"] = wanted
        apply.scaled(value, _REPLICAS, who, changed, wanted > 0)
        return value

    who = apply.Manager(options.manager, "Update", resource.group_version, "scale")
    return scale(resource, reg.update(resource, namespace, name, change, options, "scale", tracked=False))
