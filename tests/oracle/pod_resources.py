"""What a pod requests: `PodRequests` of component-helpers' resource package, and the defaults of corev1.

Pods come here defaulted (see `defaults`), so every resource list holds `Quantity` objects.
"""

from collections.abc import Mapping
from typing import Any

from tests.oracle import resources
from tests.oracle.quantity import Quantity, parse
from tests.oracle.resources import ResourceList

DEFAULT_CPU = parse("100m")
DEFAULT_MEMORY = parse(200 * 1024 * 1024)
NON_ZERO: Mapping[str, Quantity] = {"cpu": DEFAULT_CPU, "memory": DEFAULT_MEMORY}


def at_pod_level(name: str) -> bool:
    """Resources that `spec.resources` of a pod may name."""
    return name in ("cpu", "memory") or resources.is_hugepage(name)


def has_pod_level_requests(pod: Mapping[str, Any]) -> bool:
    return any(at_pod_level(name) for name in (pod["spec"].get("resources") or {}).get("requests") or {})


def requests(
    pod: Mapping[str, Any],
    *,
    from_status: bool = False,
    pod_level: bool = True,
    missing: Mapping[str, Quantity] | None = None,
) -> ResourceList:
    """The whole pod's requests, overhead included.

    `from_status`: an in-place resize under way counts too. `pod_level`: `spec.resources` overrides what the
    containers add up to. `missing`: what a container counts with that does not name the resource.
    """
    total = aggregate(pod, "requests", from_status=from_status, missing=missing)
    if pod_level and has_pod_level_requests(pod):
        spec = pod["spec"]["resources"]["requests"]
        status = pod.get("status") or {}
        effective = None
        if from_status and status.get("resources") is not None:
            actuated = status["resources"].get("requests")
            effective = _effective(pod, spec, actuated, status.get("allocatedResources"))
        for name, quantity in spec.items():
            if at_pod_level(name):
                total[name] = quantity if effective is None else effective.get(name, parse("0"))
    resources.add_to(total, pod["spec"].get("overhead") or {})
    return total


def aggregate(
    pod: Mapping[str, Any],
    kind: str,
    *,
    from_status: bool = False,
    missing: Mapping[str, Quantity] | None = None,
) -> ResourceList:
    """The containers' sum, or the most that starting needs: `kind` is `requests` or `limits`.

    A sidecar runs on beside all that start after it; other init containers run one at a time.
    """
    statuses = _container_statuses(pod) if from_status else {}

    def of(container: Mapping[str, Any], resizable: bool) -> ResourceList:
        own: ResourceList = dict((container.get("resources") or {}).get(kind) or {})
        status = statuses.get(container.get("name", "")) if resizable else None
        if status is not None and status.get("resources") is not None:
            own = _effective(pod, own, status["resources"].get(kind), status.get("allocatedResources"))
        for name, quantity in (missing or {}).items():
            own.setdefault(name, quantity)
        return own

    total: ResourceList = {}
    for container in pod["spec"].get("containers") or []:
        resources.add_to(total, of(container, True))
    sidecars: ResourceList = {}
    peak: ResourceList = {}
    for container in pod["spec"].get("initContainers") or []:
        sidecar = container.get("restartPolicy") == "Always"
        own = of(container, sidecar)
        if sidecar:
            resources.add_to(total, own)
            resources.add_to(sidecars, own)
            own = sidecars
        else:
            resources.add_to(own, sidecars)
        resources.raise_to(peak, own)
    resources.raise_to(total, peak)
    return total


def _container_statuses(pod: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    status = pod.get("status") or {}
    listed = (status.get("containerStatuses") or []) + (status.get("initContainerStatuses") or [])
    return {container.get("name", ""): container for container in listed}


def _effective(
    pod: Mapping[str, Any],
    spec: ResourceList | None,
    actuated: ResourceList | None,
    allocated: ResourceList | None,
) -> ResourceList:
    """The most of what is asked, allocated and in force; what is asked not, where it can never be granted."""
    total: ResourceList = {} if _resize_infeasible(pod) else dict(spec or {})
    resources.raise_to(total, actuated or {})
    resources.raise_to(total, allocated or {})
    return total


def _resize_infeasible(pod: Mapping[str, Any]) -> bool:
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "PodResizePending":
            return bool(condition.get("reason") == "Infeasible")
    return False


def on_node(pod: Mapping[str, Any]) -> tuple[resources.Vector, int, int]:
    """What a pod takes on its node (`PodInfo.CalculateResource`); its CPU and memory as scores count them."""
    wanted = requests(pod, from_status=True)
    missing = {
        name: quantity
        for name, quantity in NON_ZERO.items()
        if not has_pod_level_requests(pod) or name not in wanted
    }
    scored = requests(pod, from_status=True, missing=missing) if missing else wanted
    cpu, memory = scored.get("cpu", parse("0")), scored.get("memory", parse("0"))
    vector = resources.Vector.of(wanted)
    vector.pods = 0
    return vector, cpu.milli_value(), memory.value()
