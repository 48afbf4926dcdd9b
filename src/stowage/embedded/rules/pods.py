"""A pod's spec, of a pod and of a template.

Rules: pkg/apis/core/validation (`ValidatePodSpec`, `ValidatePodCreate`, `ValidatePodTemplateSpec`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from stowage.api import quantity, resources
from stowage.embedded import errors
from stowage.embedded.rules import amounts, containers, faults, placement, volumes
from stowage.embedded.writing import pod_defaults, requirements

Object = dict[str, Any]
Cause = errors.Cause

PREEMPTION: Final = ("PreemptLowerPriority", "Never")
_RESTARTS: Final = ("Always", "OnFailure", "Never")
_DNS: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_SYSTEMS: Final = ("linux", "windows")
_NAMES: Final = (
    ("serviceAccountName", faults.dns_subdomain),
    ("nodeName", faults.dns_subdomain),
    ("hostname", faults.dns_label),
    ("subdomain", faults.dns_label),
    ("priorityClassName", faults.dns_subdomain),
    ("runtimeClassName", faults.dns_subdomain),
)
_HOST_USERS: Final = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
_CLAIM_SOURCES: Final = ("resourceClaimName", "resourceClaimTemplateName")
_BOTH: Final = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
_NEITHER: Final = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"


def new(pod: Object) -> Iterator[Cause]:
    """What is wrong only with a pod that is new."""
    spec = pod["spec"]
    if spec.get("ephemeralContainers"):
        yield faults.forbidden("spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        yield faults.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")


def whole(pod: Object) -> Iterator[Cause]:
    """The spec of a pod."""
    value = pod["spec"]
    yield from spec("spec", value, pod["metadata"].get("name", ""), in_pod=True)
    for field in ("containers", "initContainers"):
        for i, container in enumerate(value.get(field) or ()):
            image = container.get("image", "")
            if image != image.strip():
                why = "must not have leading or trailing whitespace"
                yield faults.invalid(f"spec.{field}[{i}].image", image, why)


def template(path: str, value: Object, more: Sequence[Object] = ()) -> Iterator[Cause]:
    """The template of a workload; `more` are volumes that its pods have besides."""
    meta = value.get("metadata") or {}
    yield from placement.labels(f"{path}.labels", meta.get("labels"))
    for key in meta.get("annotations") or ():
        yield from faults.each(f"{path}.annotations", key, faults.label_key(key.lower()))
    stated = value.get("spec") or {}
    if more:
        names = {each["name"] for each in more}
        kept = [each for each in stated.get("volumes") or () if each.get("name") not in names]
        stated = stated | {"volumes": [*more, *kept]}
    yield from spec(f"{path}.spec", stated, "", in_pod=False)
    if stated.get("ephemeralContainers"):
        why = "ephemeral containers not allowed in pod template"
        yield faults.forbidden(f"{path}.spec.ephemeralContainers", why)


def spec(path: str, value: Object, name: str, *, in_pod: bool) -> Iterator[Cause]:
    good: dict[str, Object] = {}
    if "volumes" in value:
        yield from volumes.of_pod(f"{path}.volumes", value["volumes"] or (), name, good)
    claims = value.get("resourceClaims") or ()
    if claims:
        yield from _claims(f"{path}.resourceClaims", claims)
    restarts = value["restartPolicy"]
    around = containers.Around(good, {each.get("name", "") for each in claims} - {""}, restarts)
    main = value.get("containers") or ()
    yield from containers.main(f"{path}.containers", main, around)
    if "initContainers" in value:
        yield from containers.initial(f"{path}.initContainers", value["initContainers"] or (), main, around)
    if "resources" in value:
        yield from amounts.at_pod_level(f"{path}.resources", value["resources"], around.claims)
        yield from _consistent(f"{path}.resources", value)
    if value.get("hostNetwork"):
        yield from containers.on_host_network(f"{path}.containers", main, in_pod=in_pod)
    yield from faults.one_of(f"{path}.restartPolicy", restarts, _RESTARTS)
    yield from faults.one_of(f"{path}.dnsPolicy", value["dnsPolicy"], _DNS)
    yield from _placement(path, value)
    yield from _rest(path, value)
    yield from requirements.lacking(requirements.POD, value, path)


def _placement(path: str, value: Object) -> Iterator[Cause]:
    if "nodeSelector" in value:
        yield from placement.labels(f"{path}.nodeSelector", value["nodeSelector"])
    if "affinity" in value:
        yield from placement.affinity(f"{path}.affinity", value["affinity"])
    if "schedulingGates" in value:
        yield from _gates(f"{path}.schedulingGates", value["schedulingGates"] or ())
    if "topologySpreadConstraints" in value:
        at = f"{path}.topologySpreadConstraints"
        yield from placement.spreading(at, value["topologySpreadConstraints"] or ())
    if "tolerations" in value:
        yield from placement.tolerations(f"{path}.tolerations", value["tolerations"] or ())


def _rest(path: str, value: Object) -> Iterator[Cause]:
    if value.get("hostUsers") is False:
        for field, told in _HOST_USERS:
            if value.get(field):
                yield faults.forbidden(f"{path}.{told}", "when `hostUsers` is false")
    for field, form in _NAMES:
        if field in value and (value[field] or field == "runtimeClassName"):
            yield from faults.each(f"{path}.{field}", value[field], form(value[field]))
    seconds = value.get("activeDeadlineSeconds", 1)
    if not 1 <= seconds < 2**31:
        why = "must be between 1 and 2147483647, inclusive"
        yield faults.invalid(f"{path}.activeDeadlineSeconds", seconds, why)
    if "preemptionPolicy" in value:
        yield from faults.one_of(f"{path}.preemptionPolicy", value["preemptionPolicy"], PREEMPTION)
    if "overhead" in value:
        yield from amounts.requirements(f"{path}.overhead", {"limits": value["overhead"]}, frozenset())
    if "os" in value:
        system = value["os"].get("name", "")
        if not system:
            yield faults.required(f"{path}.os.name")
        else:
            yield from faults.one_of(f"{path}.os", system, _SYSTEMS)


def _gates(path: str, gates: Sequence[Object]) -> Iterator[Cause]:
    seen: set[str] = set()
    for i, gate in enumerate(gates):
        name = gate.get("name", "")
        yield from faults.each(f"{path}[{i}]", name, faults.label_key(name))
        if name in seen:
            yield faults.duplicate(f"{path}[{i}]", name)
        seen.add(name)


def _claims(path: str, claims: Sequence[Object]) -> Iterator[Cause]:
    seen: set[str] = set()
    for i, claim in enumerate(claims):
        at, name = f"{path}[{i}]", claim.get("name", "")
        if not name:
            yield faults.required(f"{at}.name")
        elif name in seen:
            yield faults.duplicate(f"{at}.name", name)
        else:
            yield from faults.each(f"{at}.name", name, faults.dns_label(name))
        seen.add(name)
        sources = [field for field in _CLAIM_SOURCES if field in claim]
        if len(sources) != 1:
            told = {field[0].upper() + field[1:]: claim.get(field) for field in ("name", *_CLAIM_SOURCES)}
            yield faults.invalid(at, told, _BOTH if sources else _NEITHER)
        for field in sources:
            yield from faults.each(f"{at}.{field}", claim[field], faults.dns_subdomain(claim[field]))


def _consistent(path: str, value: Object) -> Iterator[Cause]:
    """What a pod asks for as a whole is enough for its containers."""
    pod = pod_defaults.asking(value)
    stated = value["resources"]
    requests, limits = stated.get("requests") or {}, stated.get("limits") or {}
    for name, needed in resources.aggregate_requests(pod).items():
        if name in requests and needed > quantity.nanos(requests[name]):
            told = quantity.from_nanos(needed)
            why = f"must be greater than or equal to aggregate container requests of {told}"
            yield faults.invalid(f"{path}.requests[{name}]", requests[name], why)
    for name, needed in resources.aggregate_limits(pod).items():
        if name.startswith("hugepages-") and name in limits and needed > quantity.nanos(limits[name]):
            told = quantity.from_nanos(needed)
            why = f"must be greater than or equal to aggregate container limits of {told}"
            yield faults.invalid(f"{path}.limits[{name}]", limits[name], why)
    for i, container in enumerate(value.get("containers") or ()):
        for name, limit in (container["resources"].get("limits") or {}).items():
            if name in limits and quantity.nanos(limit) > quantity.nanos(limits[name]):
                why = f"must be less than or equal to pod limits of {limits[name]}"
                yield faults.invalid(f"{path}.containers[{i}][{name}].limits", limit, why)
