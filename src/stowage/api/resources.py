"""How much a pod asks for, in each of the ways kube-scheduler 1.36 counts it.

The rules are component-helpers' `resource.PodRequests`; which of its options apply differs by
caller (default feature gates), and each caller has a function here:

=====================  =========  ===========  ====================  =============
function               pod level  in-place     container defaults    who asks
                       resources  resize
=====================  =========  ===========  ====================  =============
`node_accounting`      yes        yes          none; and 100m/200Mi  a node's sums
`filter_requests`      yes        no           none                  Fit's filter
`fit_score_requests`   no         no           100m/200Mi            Fit's score
`balanced_requests`    yes        yes          none                  Balanced
=====================  =========  ===========  ====================  =============

Sums are made in nano-units and rounded up once, as the Go code sums quantities.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stowage.api import names, quantity
from stowage.api.meta import ResourceList
from stowage.api.pods import Container, ContainerStatus, Pod

CPU, MEMORY, EPHEMERAL_STORAGE, PODS = "cpu", "memory", "ephemeral-storage", "pods"

DEFAULT_MILLI_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024
"""What a container that asks for none is taken to use, for scores only."""

_NON_MISSING = {CPU: DEFAULT_MILLI_CPU * quantity.MICRO, MEMORY: DEFAULT_MEMORY * quantity.NANO}

Nanos = dict[str, int]
"""Resource name to nano-units."""


class Accounting(NamedTuple):
    """What one pod adds to its node's sums: cpu in millicores, the rest in units.

    `requests` holds cpu, memory, ephemeral-storage and scalar resources (others do not count).
    `nonzero`, cpu and memory, takes a container that asks for none to use a little.
    """

    requests: dict[str, int]
    nonzero: tuple[int, int]


def node_accounting(pod: Pod) -> Accounting:
    """Return what the node of `pod` counts (framework/types.go, PodInfo.CalculateResource)."""
    requests = _pod_requests(pod, status=True)
    defaults = _NON_MISSING
    if pod_level_requests_set(pod):
        defaults = {name: amount for name, amount in _NON_MISSING.items() if name not in requests}
    nonzero = _pod_requests(pod, status=True, defaults=defaults) if defaults else requests
    cpu, memory = nonzero.get(CPU, 0), nonzero.get(MEMORY, 0)
    return Accounting(_counted(requests), (quantity.to_milli_value(cpu), quantity.to_value(memory)))


def filter_requests(pod: Pod) -> dict[str, int]:
    """Return what NodeResourcesFit's filter compares (fit.go, computePodResourceRequest).

    A resource the pod names with 0 is present with 0. Negative amounts count as 0.
    """
    return {name: max(amount, 0) for name, amount in _counted(_pod_requests(pod)).items()}


def fit_score_requests(pod: Pod) -> dict[str, int]:
    """Return what NodeResourcesFit's score adds to a node, for any resource a strategy may name.

    In 1.36 the gates are set on the plugin and not on its scorer, so pod-level resources and the
    states of a resize are ignored here (resource_allocation.go, calculatePodResourceRequest).
    """
    return _rounded(_pod_requests(pod, pod_level=False, defaults=_NON_MISSING))


def balanced_requests(pod: Pod) -> dict[str, int]:
    """Return what NodeResourcesBalancedAllocation adds to a node, for any resource it may name."""
    return _rounded(_pod_requests(pod, status=True))


def pod_requests(pod: Pod) -> dict[str, int]:
    """Return what `pod` asks for in all, pod-level resources and overhead included: any resource.

    What people mean by a pod's requests; no status, no defaults.
    """
    return _rounded(_pod_requests(pod))


def spec_requests(pod: Pod) -> Nanos:
    """Return what `pod` asks for by its spec alone, in nano-units (resource.PodRequests)."""
    return _pod_requests(pod)


def spec_limits(pod: Pod) -> Nanos:
    """Return what `pod` is limited to by its spec alone, in nano-units (resource.PodLimits)."""
    total = aggregate_limits(pod)
    stated = pod.spec.resources.limits if pod.spec.resources is not None else {}
    total |= {name: amount for name, amount in _nanos(stated).items() if supports_pod_level(name)}
    for name, amount in _nanos(pod.spec.overhead).items():
        if total.get(name):
            total[name] += amount
    return total


def allocatable(amounts: ResourceList) -> dict[str, int]:
    """Return a node's allocatable amounts, those that kube-scheduler counts (and `pods`)."""
    return {
        name: quantity.milli_value(amount) if name == CPU else quantity.value(amount)
        for name, amount in amounts.items()
        if name in _PLAIN or name == PODS or names.is_scalar(name)
    }


def pod_level_requests_set(pod: Pod) -> bool:
    """Whether the pod states requests for all its containers together."""
    resources = pod.spec.resources
    return resources is not None and any(map(supports_pod_level, resources.requests))


def supports_pod_level(resource: str) -> bool:
    """Whether `resource` may be stated for a pod as a whole."""
    return resource in {CPU, MEMORY} or names.is_huge_page(resource)


def aggregate_requests(pod: Pod) -> Nanos:
    """Return the requests of the pod's containers together, in nano-units; no status."""
    return _aggregate(
        [_nanos(container.resources.requests) for container in pod.spec.containers],
        [(_restarts(c), _nanos(c.resources.requests)) for c in pod.spec.init_containers],
    )


def aggregate_limits(pod: Pod) -> Nanos:
    """Return the limits of the pod's containers together, in nano-units; no status."""
    return _aggregate(
        [_nanos(container.resources.limits) for container in pod.spec.containers],
        [(_restarts(c), _nanos(c.resources.limits)) for c in pod.spec.init_containers],
    )


_PLAIN = frozenset({CPU, MEMORY, EPHEMERAL_STORAGE})


def _counted(amounts: Nanos) -> dict[str, int]:
    return {
        name: quantity.to_milli_value(amount) if name == CPU else quantity.to_value(amount)
        for name, amount in amounts.items()
        if name in _PLAIN or names.is_scalar(name)
    }


def _rounded(amounts: Nanos) -> dict[str, int]:
    return {
        name: quantity.to_milli_value(amount) if name == CPU else quantity.to_value(amount)
        for name, amount in amounts.items()
    }


def _pod_requests(
    pod: Pod, *, status: bool = False, pod_level: bool = True, defaults: Mapping[str, int] | None = None
) -> Nanos:
    """Return resource.PodRequests in nano-units.

    `status`: look at what containers run with (in-place resize). `pod_level`: heed `spec.resources`.
    `defaults`: amounts for a container that does not name the resource.
    """
    spec = pod.spec
    statuses = _statuses(pod) if status else {}
    infeasible = status and _resize_infeasible(pod)
    main: list[Nanos] = []
    for container in spec.containers:
        main.append(_container(container, statuses.get(container.name), infeasible, defaults))
    init: list[tuple[bool, Nanos]] = []
    for container in spec.init_containers:
        restarts = _restarts(container)
        state = statuses.get(container.name) if restarts else None
        init.append((restarts, _container(container, state, infeasible, defaults)))
    total = _aggregate(main, init)
    if pod_level and pod_level_requests_set(pod):
        _apply_pod_level(total, pod, status, infeasible)
    if spec.overhead:
        _add(total, _nanos(spec.overhead))
    return total


def _container(
    container: Container, state: ContainerStatus | None, infeasible: bool, defaults: Mapping[str, int] | None
) -> Nanos:
    requests = _nanos(container.resources.requests)
    if state is not None and state.resources is not None:
        actual, granted = _nanos(state.resources.requests), _nanos(state.allocated_resources)
        requests = _effective(requests, actual, granted, infeasible)
    return {**defaults, **requests} if defaults else requests


def _apply_pod_level(total: Nanos, pod: Pod, status: bool, infeasible: bool) -> None:
    """Let the pod's own requests stand instead of its containers' sums."""
    assert pod.spec.resources is not None
    requests = _nanos(pod.spec.resources.requests)
    effective = requests
    if status and pod.status.resources is not None:
        actual, granted = _nanos(pod.status.resources.requests), _nanos(pod.status.allocated_resources)
        effective = _effective(requests, actual, granted, infeasible)
    for name in requests:
        if supports_pod_level(name):
            total[name] = effective.get(name, 0)


def _aggregate(main: Iterable[Nanos], init: Iterable[tuple[bool, Nanos]]) -> Nanos:
    """Return the most that runs at once: init containers run in turn, sidecars stay (KEP-753)."""
    total: Nanos = {}
    for amounts in main:
        _add(total, amounts)
    sidecars: Nanos = {}
    peak: Nanos = {}
    for restarts, amounts in init:
        if restarts:
            _add(total, amounts)
            _add(sidecars, amounts)
            _raise(peak, sidecars)
        else:
            running = dict(amounts)
            _add(running, sidecars)
            _raise(peak, running)
    _raise(total, peak)
    return total


def _effective(spec: Nanos, actual: Nanos, granted: Nanos, infeasible: bool) -> Nanos:
    """Return what a container being resized may use; a resize that cannot happen does not count."""
    largest = dict(actual) if infeasible else dict(spec)
    if not infeasible:
        _raise(largest, actual)
    _raise(largest, granted)
    return largest


def _resize_infeasible(pod: Pod) -> bool:
    for condition in pod.status.conditions:
        if condition.type == "PodResizePending":
            return condition.reason == "Infeasible"
    return False


def _statuses(pod: Pod) -> dict[str, ContainerStatus]:
    status = pod.status
    if not status.container_statuses and not status.init_container_statuses:
        return {}
    return {state.name: state for state in (*status.container_statuses, *status.init_container_statuses)}


def _restarts(container: Container) -> bool:
    return container.restart_policy == "Always"


def _nanos(amounts: ResourceList) -> Nanos:
    return {name: quantity.nanos(amount) for name, amount in amounts.items()}


def _add(total: Nanos, amounts: Nanos) -> None:
    for name, amount in amounts.items():
        total[name] = total.get(name, 0) + amount


def _raise(total: Nanos, amounts: Nanos) -> None:
    for name, amount in amounts.items():
        if name not in total or amount > total[name]:
            total[name] = amount
