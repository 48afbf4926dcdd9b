"""What an API server would refuse in an object, as far as scheduling depends on it.

`problems` gives all of an object's as (path, message), none for a good one. References between
objects (a pod on a node that does not exist) are the caller's; `duplicates` finds names given
twice.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from stowage.api import names, objects, quantity, selectors, times
from stowage.api.meta import Quantity, ResourceList, ResourceRequirements


class Problem(NamedTuple):
    """One thing wrong with a field; the path is empty where it is the object itself."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class Identity(NamedTuple):
    """What tells one object from every other."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def identity(item: objects.Object) -> Identity:
    """Name an object."""
    return Identity(type(item).__name__, item.metadata.namespace, item.metadata.name)


def duplicates(items: Iterable[objects.Object]) -> list[Identity]:
    """Return the identities that more than one of `items` has, in the order of their second mention."""
    seen: set[Identity] = set()
    twice: dict[Identity, None] = {}
    for item in items:
        key = identity(item)
        if key in seen:
            twice[key] = None
        seen.add(key)
    return list(twice)


def problems(item: objects.Object) -> list[Problem]:
    """Return what is wrong with `item`."""
    return [*_metadata(item), *_body(item)]


def _body(item: objects.Object) -> Iterator[Problem]:
    match item:
        case objects.Pod():
            yield from _pod_spec("spec", item.spec)
            yield from _pod_status(item.status)
        case objects.Node():
            yield from _node(item)
        case objects.ReplicaSet() | objects.Deployment() | objects.StatefulSet():
            yield from _not_negative("spec.replicas", item.spec.replicas)
            yield from _template(item.spec.selector, item.spec.template)
        case objects.DaemonSet():
            yield from _template(item.spec.selector, item.spec.template)
        case objects.Job():
            yield from _not_negative("spec.parallelism", item.spec.parallelism)
            yield from _not_negative("spec.completions", item.spec.completions)
            yield from _template(item.spec.selector, item.spec.template)
        case objects.ReplicationController():
            yield from _not_negative("spec.replicas", item.spec.replicas)
            if item.spec.template is not None:
                yield from _pod_spec("spec.template.spec", item.spec.template.spec)
        case objects.PriorityClass():
            if not -(2**31) <= item.value < 2**31:
                yield Problem("value", f"{item.value} is out of range")
        case objects.PodDisruptionBudget():
            yield from _selector("spec.selector", item.spec.selector)
            yield from _not_negative("status.disruptionsAllowed", item.status.disruptions_allowed)
        case _:
            yield from _storage(item)


def _storage(item: objects.Object) -> Iterator[Problem]:
    match item:
        case objects.PersistentVolumeClaim():
            yield from _claim("spec", item.spec)
        case objects.PersistentVolume():
            yield from _amounts("spec.capacity", item.spec.capacity)
            affinity = item.spec.node_affinity
            if affinity is not None and affinity.required is not None:
                yield from _node_selector("spec.nodeAffinity.required", affinity.required)
        case objects.StorageClass():
            if not item.provisioner:
                yield Problem("provisioner", "is missing")
        case objects.CSIStorageCapacity():
            yield from _selector("nodeTopology", item.node_topology)
            yield from _amount("capacity", item.capacity)
            yield from _amount("maximumVolumeSize", item.maximum_volume_size)
        case objects.CSINode():
            for i, driver in enumerate(item.spec.drivers):
                if driver.allocatable is not None:
                    yield from _not_negative(f"spec.drivers[{i}].allocatable.count", driver.allocatable.count)


def _metadata(item: objects.Object) -> Iterator[Problem]:
    meta = item.metadata
    if not meta.name:
        yield Problem("metadata.name", "is missing")
    elif not _is_name(meta.name):
        yield Problem("metadata.name", f"{meta.name!r} is not a name: {_NAME_RULE}")
    if meta.namespace and not _is_namespace(meta.namespace):
        yield Problem("metadata.namespace", f"{meta.namespace!r} is not the name of a namespace")
    yield from _time("metadata.creationTimestamp", meta.creation_timestamp)
    yield from _time("metadata.deletionTimestamp", meta.deletion_timestamp)


_NAME_RULE = "lower case letters, digits, '-' and '.', at most 253, a letter or digit at both ends"
_is_name = functools.lru_cache(maxsize=1024)(names.is_dns_subdomain)
_is_namespace = functools.lru_cache(maxsize=1024)(names.is_dns_label)


def _node(node: objects.Node) -> Iterator[Problem]:
    yield from _amounts("status.allocatable", node.status.allocatable)
    yield from _amounts("status.capacity", node.status.capacity)
    for i, taint in enumerate(node.spec.taints):
        if not taint.key:
            yield Problem(f"spec.taints[{i}].key", "is missing")
        if not taint.effect:
            yield Problem(f"spec.taints[{i}].effect", "is missing")
    for i, image in enumerate(node.status.images):
        if image.size_bytes > quantity.INT64_MAX:  # one below 0 the API takes
            yield Problem(f"status.images[{i}].sizeBytes", f"{image.size_bytes} is out of range")


def _template(selector: objects.LabelSelector | None, template: objects.PodTemplateSpec) -> Iterator[Problem]:
    yield from _selector("spec.selector", selector)
    yield from _pod_spec("spec.template.spec", template.spec)


def _pod_spec(path: str, spec: objects.PodSpec) -> Iterator[Problem]:
    if not spec.containers:
        yield Problem(f"{path}.containers", "is missing: a pod needs at least one container")
    for i, container in enumerate(spec.containers):
        yield from _container(f"{path}.containers[{i}]", container)
    for i, container in enumerate(spec.init_containers):
        yield from _container(f"{path}.initContainers[{i}]", container)
    if spec.overhead:
        yield from _amounts(f"{path}.overhead", spec.overhead)
    if spec.resources is not None:
        yield from _resources(f"{path}.resources", spec.resources)
    if spec.priority is not None and not -(2**31) <= spec.priority < 2**31:
        yield Problem(f"{path}.priority", f"{spec.priority} is out of range")
    for i, volume in enumerate(spec.volumes):
        if volume.ephemeral is not None and volume.ephemeral.volume_claim_template is not None:
            claim = volume.ephemeral.volume_claim_template.spec
            yield from _claim(f"{path}.volumes[{i}].ephemeral.volumeClaimTemplate.spec", claim)
    if spec.affinity is not None:
        yield from _affinity(f"{path}.affinity", spec.affinity)
    for i, constraint in enumerate(spec.topology_spread_constraints):
        yield from _spread(f"{path}.topologySpreadConstraints[{i}]", constraint)
    for i, toleration in enumerate(spec.tolerations):
        if not toleration.key and toleration.operator not in {"Exists"}:
            yield Problem(f"{path}.tolerations[{i}].operator", "must be Exists where there is no key")


def _pod_status(status: objects.PodStatus) -> Iterator[Problem]:
    yield from _time("status.startTime", status.start_time)
    for field, states in (
        ("containerStatuses", status.container_statuses),
        ("initContainerStatuses", status.init_container_statuses),
    ):
        for i, state in enumerate(states):
            yield from _amounts(f"status.{field}[{i}].allocatedResources", state.allocated_resources)
            if state.resources is not None:
                yield from _resources(f"status.{field}[{i}].resources", state.resources)
    if status.resources is not None:
        yield from _resources("status.resources", status.resources)
    yield from _amounts("status.allocatedResources", status.allocated_resources)


def _container(path: str, container: objects.Container) -> Iterator[Problem]:
    if not container.name:
        yield Problem(f"{path}.name", "is missing")
    yield from _resources(f"{path}.resources", container.resources)
    for i, port in enumerate(container.ports):
        for field, number in (("containerPort", port.container_port), ("hostPort", port.host_port)):
            if not 0 <= number <= 65535:
                yield Problem(f"{path}.ports[{i}].{field}", f"{number} is not a port")


def _affinity(path: str, affinity: objects.Affinity) -> Iterator[Problem]:
    by_node = affinity.node_affinity
    if by_node is not None:
        required = by_node.required_during_scheduling_ignored_during_execution
        if required is not None:
            yield from _node_selector(f"{path}.nodeAffinity.{_REQUIRED}", required)
        for i, preferred in enumerate(by_node.preferred_during_scheduling_ignored_during_execution):
            at = f"{path}.nodeAffinity.{_PREFERRED}[{i}]"
            yield from _weight(at, preferred.weight)
            terms = objects.NodeSelector((preferred.preference,))
            for error in _refused(terms):
                yield _inside(f"{at}.preference", error.removeprefix("nodeSelectorTerms[0]."))
    for field, by_pod in (
        ("podAffinity", affinity.pod_affinity),
        ("podAntiAffinity", affinity.pod_anti_affinity),
    ):
        if by_pod is not None:
            yield from _pod_affinity(f"{path}.{field}", by_pod)


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _pod_affinity(path: str, affinity: objects.PodAffinity) -> Iterator[Problem]:
    for i, term in enumerate(affinity.required_during_scheduling_ignored_during_execution):
        yield from _pod_affinity_term(f"{path}.{_REQUIRED}[{i}]", term)
    for i, weighted in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        at = f"{path}.{_PREFERRED}[{i}]"
        yield from _weight(at, weighted.weight)
        yield from _pod_affinity_term(f"{at}.podAffinityTerm", weighted.pod_affinity_term)


def _pod_affinity_term(path: str, term: objects.PodAffinityTerm) -> Iterator[Problem]:
    if not term.topology_key:
        yield Problem(f"{path}.topologyKey", "is missing")
    yield from _selector(f"{path}.labelSelector", term.label_selector)
    yield from _selector(f"{path}.namespaceSelector", term.namespace_selector)


def _spread(path: str, constraint: objects.TopologySpreadConstraint) -> Iterator[Problem]:
    if constraint.max_skew <= 0:
        yield Problem(f"{path}.maxSkew", f"{constraint.max_skew} should be 1 or more")
    yield from _not_negative(f"{path}.maxSkew", max(constraint.max_skew, 0))
    if not constraint.topology_key:
        yield Problem(f"{path}.topologyKey", "is missing")
    if not constraint.when_unsatisfiable:
        yield Problem(f"{path}.whenUnsatisfiable", "is missing")
    if constraint.min_domains is not None and constraint.min_domains <= 0:
        yield Problem(f"{path}.minDomains", f"{constraint.min_domains} should be 1 or more")
    elif constraint.min_domains is not None:
        yield from _not_negative(f"{path}.minDomains", constraint.min_domains)
    yield from _selector(f"{path}.labelSelector", constraint.label_selector)


def _claim(path: str, spec: objects.PersistentVolumeClaimSpec) -> Iterator[Problem]:
    yield from _amounts(f"{path}.resources.requests", spec.resources.requests)
    yield from _selector(f"{path}.selector", spec.selector)


def _selector(path: str, selector: objects.LabelSelector | None) -> Iterator[Problem]:
    if selector is None:
        return
    try:
        selectors.compile(selector)
    except selectors.SelectorError as error:
        for part in str(error).split("; "):
            yield _inside(path, part)


def _node_selector(path: str, selector: objects.NodeSelector) -> Iterator[Problem]:
    for error in _refused(selector):
        yield _inside(path, error)


def _refused(selector: objects.NodeSelector) -> Iterator[str]:
    """The errors of a node selector but for those that the API takes."""
    errors = selectors.errors_of(selectors.compile_node(selector))
    return (error for error in errors if not error.endswith(selectors.NO_INTEGER))


def _inside(path: str, error: str) -> Problem:
    """Make a problem of a selector's error, which begins with the path inside the selector."""
    field, _, message = error.partition(": ")
    return Problem(f"{path}.{field}", message)


def _weight(path: str, weight: int) -> Iterator[Problem]:
    if not 1 <= weight <= 100:
        yield Problem(f"{path}.weight", f"{weight} should be from 1 to 100")


def _resources(path: str, stated: ResourceRequirements) -> Iterator[Problem]:
    yield from _amounts(f"{path}.requests", stated.requests)
    yield from _amounts(f"{path}.limits", stated.limits)


def _amounts(path: str, amounts: ResourceList | Mapping[str, Quantity]) -> Iterator[Problem]:
    for name, amount in amounts.items():
        message = _amount_trouble(amount)
        if message is not None:
            yield Problem(f"{path}.{name}" if "/" not in name else f"{path}[{name}]", message)


def _amount(path: str, amount: Quantity | None) -> Iterator[Problem]:
    message = None if amount is None else _amount_trouble(amount)
    if message is not None:
        yield Problem(path, message)


@functools.lru_cache(maxsize=1 << 16)
def _amount_trouble(amount: Quantity) -> str | None:
    try:
        exact = quantity.nanos(amount)
    except quantity.QuantityError as error:
        return str(error)
    if exact < 0:
        return f"{amount} is negative"
    if exact > quantity.INT64_MAX * quantity.NANO:
        return f"{amount} is more than Kubernetes can count"
    return None


def _not_negative(path: str, number: int | None) -> Iterator[Problem]:
    if number is not None and number < 0:
        yield Problem(path, f"{number} is negative")
    elif number is not None and number >= 2**31:
        yield Problem(path, f"{number} is out of range")


def _time(path: str, text: str | None) -> Iterator[Problem]:
    if text is None:
        return
    try:
        times.micros(text)
    except ValueError:
        yield Problem(path, f"{text!r} is not a time such as 2006-01-02T15:04:05Z")
