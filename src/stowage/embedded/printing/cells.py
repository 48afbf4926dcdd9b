"""What stands in a table's cells: of paths, or by a rule of its own; the rules are kube-apiserver's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stowage.api import quantity
from stowage.embedded.printing import ages, texts
from stowage.embedded.printing.texts import NONE, UNSET, at, each
from stowage.embedded.writing import events

Object = dict[str, Any]
Cell = Callable[[Object, float], Any]
"""Of an object, at a time in seconds since 1970."""
Cells = dict[str, Cell]
"""By the names of columns."""


def field(path: str, missing: Any = "") -> Cell:
    def cell(value: Object, _now: float) -> Any:
        found = at(value, path)
        return missing if found is None else found

    return cell


def text(path: str, missing: str) -> Cell:
    """Text; what is empty is missing too."""
    return lambda value, _now: at(value, path) or missing


def count(*paths: str) -> Cell:
    return lambda value, _now: sum(len(each(value, path)) for path in paths)


def joined(path: str, part: str, missing: str = "", empty: str = "") -> Cell:
    """The parts of a list's items, or the items themselves."""

    def cell(value: Object, _now: float) -> str:
        items = at(value, path)
        if items is None:
            return missing
        return ",".join(str(item[part] if part else item) for item in items) or empty

    return cell


def since(path: str, missing: str = "<unknown>") -> Cell:
    def cell(value: Object, now: float) -> str:
        found = at(value, path)
        return ages.age(found, now) if found else missing

    return cell


def shown(path: str, missing: str) -> Cell:
    """As text, where it may be a number."""
    return lambda value, _now: missing if at(value, path) is None else str(at(value, path))


def modes(path: str) -> Cell:
    return lambda value, _now: texts.modes(each(value, path))


def of(left: str, right: str) -> Cell:
    return lambda value, _now: f"{at(value, left) or 0}/{at(value, right) or 0}"


def pair(left: str, right: str) -> Cell:
    return lambda value, _now: f"{at(value, left) or ''}/{at(value, right) or ''}"


def phase(value: Object, _now: float) -> str:
    return "Terminating" if "deletionTimestamp" in value["metadata"] else at(value, "status.phase") or ""


def default(*annotations: str) -> Cell:
    """The name, and whether it is the default one of its kind."""

    def cell(value: Object, _now: float) -> str:
        found = value["metadata"].get("annotations") or {}
        mark = " (default)" if any(found.get(name) == "true" for name in annotations) else ""
        return str(value["metadata"].get("name", "")) + mark

    return cell


def template(path: str) -> Cells:
    """The wide columns of what makes pods."""
    return {
        "Containers": joined(f"{path}.spec.containers", "name"),
        "Images": joined(f"{path}.spec.containers", "image"),
    }


def selector(path: str, missing: str = NONE) -> Cell:
    return lambda value, _now: texts.selector(at(value, path)) or missing


def labels(path: str) -> Cell:
    return lambda value, _now: texts.labels(at(value, path))


# ------------------------------------------------------------------------------------- workloads
def job_status(job: Object, _now: float) -> str:
    told: dict[str, str] = {}
    for part in each(job, "status.conditions"):
        told.setdefault(part["type"], part["status"])
    on = [kind for kind in ("Complete", "Failed") if told.get(kind) == "True"]
    if not on and "deletionTimestamp" in job["metadata"]:
        return "Terminating"
    on += [kind for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if told.get(kind) == "True"]
    return on[0] if on else "Running"


def completions(job: Object, _now: float) -> str:
    done, wanted = at(job, "status.succeeded") or 0, at(job, "spec.completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallelism = at(job, "spec.parallelism") or 0
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def duration(job: Object, now: float) -> str:
    start, end = at(job, "status.startTime"), at(job, "status.completionTime")
    return ages.age(start, ages.seconds(end) if end else now) if start else ""


def suspended(job: Object, _now: float) -> str:
    stated = at(job, "spec.suspend")
    return UNSET if stated is None else str(stated)


def controller(value: Object, _now: float) -> str:
    for owner in each(value, "metadata.ownerReferences"):
        if owner.get("controller"):
            group = owner["apiVersion"].rpartition("/")[0]
            kind = f"{owner['kind']}.{group}" if group else owner["kind"]
            return f"{kind.lower()}/{owner['name']}"
    return NONE


def targets(value: Object, _now: float) -> str:
    return texts.metrics(each(value, "spec.metrics"), each(value, "status.currentMetrics"))


# --------------------------------------------------------------------- nodes, networks, volumes
def node_status(node: Object, _now: float) -> str:
    ready = {part["type"]: part["status"] for part in each(node, "status.conditions")}.get("Ready")
    shown = "Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"
    return shown + (",SchedulingDisabled" if at(node, "spec.unschedulable") else "")


def roles(node: Object, _now: float) -> str:
    prefix = "node-role.kubernetes.io/"
    found = node["metadata"].get("labels") or {}
    names = {key.removeprefix(prefix) for key in found if key.startswith(prefix)}
    return ",".join(sorted((names | {found.get("kubernetes.io/role", "")}) - {""})) or NONE


def address(kind: str) -> Cell:
    def cell(node: Object, _now: float) -> str:
        found = [part["address"] for part in each(node, "status.addresses") if part["type"] == kind]
        return found[0] if found else NONE

    return cell


def kernel(node: Object, _now: float) -> str:
    info = at(node, "status.nodeInfo") or {}
    built_for = f" ({info['architecture']})" if info.get("architecture") else ""
    return (info.get("kernelVersion") or "<unknown>") + built_for


def cluster_ip(service: Object, _now: float) -> str:
    addresses = each(service, "spec.clusterIPs")
    return addresses[0] if addresses else NONE


def external_ip(service: Object, _now: float) -> str:
    kind, own = at(service, "spec.type"), ",".join(each(service, "spec.externalIPs"))
    if kind == "ExternalName":
        return at(service, "spec.externalName") or ""
    if kind != "LoadBalancer":
        return own or NONE
    return ",".join(part for part in (balanced(service, 0), own) if part) or "<pending>"


def service_ports(service: Object, _now: float) -> str:
    return ",".join(texts.service_port(port) for port in each(service, "spec.ports")) or NONE


def hosts(ingress: Object, _now: float) -> str:
    rules = each(ingress, "spec.rules")
    found = [rule["host"] for rule in rules[:3] if rule.get("host")]
    more = f" + {len(rules) - 3} more..." if found and len(rules) > 3 else ""
    return ",".join(found) + more if found else "*"


def parameters(value: Object, _now: float) -> str:
    found = at(value, "spec.parameters")
    if not found:
        return NONE
    group = f".{found['apiGroup']}" if found.get("apiGroup") is not None else ""
    return f"{found['kind']}{group}/{found['name']}"


def balanced(ingress: Object, _now: float) -> str:
    return texts.balancer(each(ingress, "status.loadBalancer.ingress"))


def endpoints(value: Object, _now: float) -> str:
    return texts.endpoints(each(value, "subsets"))


def slice_ports(value: Object, _now: float) -> str:
    shown = (str(port.get("port", port.get("name", "*"))) for port in value.get("ports") or ())
    return texts.first(shown, 3) or UNSET


def slice_endpoints(value: Object, _now: float) -> str:
    listed = (address for part in value.get("endpoints") or () for address in part["addresses"])
    return texts.first(listed, 3) or UNSET


def storage_class(value: Object, _now: float) -> str:
    old = (value["metadata"].get("annotations") or {}).get("volume.beta.kubernetes.io/storage-class")
    return str((at(value, "spec.storageClassName") or "") if old is None else old)


def claim(volume: Object, _now: float) -> str:
    found = at(volume, "spec.claimRef")
    return f"{found.get('namespace', '')}/{found.get('name', '')}" if found else ""


def bound(shown: Cell) -> Cell:
    """Of a claim: empty as long as it has no volume."""
    return lambda claim, now: shown(claim, now) if at(claim, "spec.volumeName") else ""


# --------------------------------------------------------------------------- policies and others
def amounts(limits: bool) -> Cell:
    """What is used of a quota, of the limits or of everything else."""

    def cell(value: Object, _now: float) -> str:
        hard, used = at(value, "status.hard") or {}, at(value, "status.used") or {}
        names = [name for name in sorted(hard) if name.startswith("limits.") is limits]
        return ", ".join(f"{name}: {used.get(name, 0)}/{hard[name]}" for name in names)

    return cell


def subjects(kind: str) -> Cell:
    """Those of a role binding."""
    spaced = kind == "ServiceAccount"
    return lambda value, _now: ", ".join(
        f"{part.get('namespace', '')}/{part['name']}" if spaced else part["name"]
        for part in each(value, "subjects")
        if part["kind"] == kind
    )


def param_kind(policy: Object, _now: float) -> str:
    found = at(policy, "spec.paramKind")
    return f"{found.get('apiVersion', '')}/{found.get('kind', '')}" if found else UNSET


def param_ref(binding: Object, _now: float) -> str:
    found = at(binding, "spec.paramRef") or {}
    if found.get("name"):
        return f"{found.get('namespace') or '*'}/{found['name']}"
    return texts.selector_fields(found["selector"]) if "selector" in found else UNSET


def claim_state(claim: Object, _now: float) -> str:
    states = ["deleted"] if "deletionTimestamp" in claim["metadata"] else []
    if at(claim, "status.allocation") is not None:
        states += ["allocated"] + (["reserved"] if each(claim, "status.reservedFor") else [])
    return ",".join(states or ["pending"])


def used(name: str) -> Cell:
    """What a node or all containers of a pod use, in the unit it is measured in."""
    one, unit = (1, "n") if name == "cpu" else (quantity.NANO << 10, "Ki")

    def cell(value: Object, _now: float) -> str:
        parts = [part.get("usage") or {} for part in value.get("containers", (value,))]
        return f"{sum(quantity.nanos(part.get(name, '0')) for part in parts) // one}{unit}"

    return cell


def first_seen(event: Object, now: float) -> str:
    return ages.age(event.get("firstTimestamp") or event.get("eventTime"), now)


def last_seen(event: Object, now: float) -> str:
    if event.get("series"):
        return ages.age(event["series"].get("lastObservedTime"), now)
    return ages.age(event["lastTimestamp"], now) if event.get("lastTimestamp") else first_seen(event, now)


def times(event: Object, _now: float) -> int:
    return int(event["series"].get("count", 0) if event.get("series") else event.get("count") or 1)


def about(event: Object, _now: float) -> str:
    about = event.get("involvedObject") or {}
    kind = about.get("kind", "").lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def source(event: Object, _now: float) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    instance = source.get("host") or event.get("reportingInstance")
    return f"{component}, {instance}" if instance else component


def as_core(cell: Cell) -> Cell:
    return lambda event, now: cell(events.to_core(event), now)
