"""What the API server writes into an object that leaves it out, as far as scheduling sees it.

Rules: pkg/apis/core/v1 `SetObjectDefaults_Pod` and its like. Admission (priority, tolerations,
merged `matchLabelKeys`) is not done here.
"""

import functools

import msgspec

from stowage.api import names, quantity, resources
from stowage.api.meta import Quantity, ResourceList, ResourceRequirements
from stowage.api.pods import Container, ContainerPort, ContainerStatus, Pod, PodSpec, PodStatus, Volume
from stowage.api.storage import PersistentVolumeClaimSpec

DEFAULT_SCHEDULER = "default-scheduler"

_replace = msgspec.structs.replace


def default_pod(pod: Pod) -> Pod:
    """Return `pod` with the defaults of a Pod; `pod` itself where nothing is missing.

    Requests default to limits (not in a pod template, which is why templates go through here only
    once they are pods), and finer amounts than a milli-unit are rounded up.
    """
    spec = pod.spec
    containers = tuple(map(_requests_from_limits, spec.containers))
    init_containers = tuple(map(_requests_from_limits, spec.init_containers))
    stated = spec.resources
    if stated is not None and (stated.requests or stated.limits):
        whole = Pod(spec=_replace(spec, containers=containers, init_containers=init_containers))
        stated = pod_level(stated, whole)
    host_network = spec.host_network
    changed = _changed(
        spec,
        containers=tuple(_container(container, host_network) for container in containers),
        init_containers=tuple(_container(container, host_network) for container in init_containers),
        resources=None if stated is None else _round_both(stated),
        overhead=_round_up(spec.overhead),
        volumes=tuple(map(_volume, spec.volumes)),
        scheduler_name=spec.scheduler_name or DEFAULT_SCHEDULER,
    )
    status = _status(pod.status)
    if changed is spec and status is pod.status:
        return pod
    return _replace(pod, spec=changed, status=status)


def default_claim_spec(spec: PersistentVolumeClaimSpec) -> PersistentVolumeClaimSpec:
    """Return the claim's spec with its volume mode."""
    return spec if spec.volume_mode is not None else _replace(spec, volume_mode="Filesystem")


def _changed(spec: PodSpec, **fields: object) -> PodSpec:
    """Replace the fields that differ; `spec` itself where none does."""
    new = {name: value for name, value in fields.items() if getattr(spec, name) != value}
    return _replace(spec, **new) if new else spec


def _requests_from_limits(container: Container) -> Container:
    limits, requests = container.resources.limits, container.resources.requests
    if limits.keys() <= requests.keys():
        return container
    filled = requests | {name: amount for name, amount in limits.items() if name not in requests}
    return _replace(container, resources=ResourceRequirements(filled, limits))


def _container(container: Container, host_network: bool) -> Container:
    ports = tuple(_port(port, host_network) for port in container.ports)
    rounded = _round_both(container.resources)
    if rounded is container.resources and ports == container.ports:
        return container
    return _replace(container, resources=rounded, ports=ports)


def _port(port: ContainerPort, host_network: bool) -> ContainerPort:
    host_port = port.host_port
    if host_network and not host_port:
        host_port = port.container_port
    if port.protocol and host_port == port.host_port:
        return port
    return _replace(port, protocol=port.protocol or "TCP", host_port=host_port)


def _volume(volume: Volume) -> Volume:
    if volume.rbd is not None and not volume.rbd.pool:
        return _replace(volume, rbd=_replace(volume.rbd, pool="rbd"))
    if volume.azure_disk is not None and volume.azure_disk.kind is None:
        return _replace(volume, azure_disk=_replace(volume.azure_disk, kind="Shared"))
    if volume.ephemeral is not None and volume.ephemeral.volume_claim_template is not None:
        template = volume.ephemeral.volume_claim_template
        spec = default_claim_spec(template.spec)
        if spec is not template.spec:
            ephemeral = _replace(volume.ephemeral, volume_claim_template=_replace(template, spec=spec))
            return _replace(volume, ephemeral=ephemeral)
    return volume


def pod_level(stated: ResourceRequirements, pod: Pod) -> ResourceRequirements:
    """Fill in what a pod that states some resources for all its containers leaves to them.

    Limits of huge pages come from the containers' limits; then, where there are limits, requests
    come from the containers' requests (cpu and memory), else from the limits.
    """
    limits = dict(stated.limits)
    for name, amount in resources.aggregate_limits(pod).items():
        if names.is_huge_page(name) and name not in stated.requests:
            limits.setdefault(name, quantity.from_nanos(amount))
    if not limits:
        return stated
    requests = dict(stated.requests)
    for name, amount in resources.aggregate_requests(pod).items():
        if name in {resources.CPU, resources.MEMORY}:
            requests.setdefault(name, quantity.from_nanos(amount))
    for name, limit in limits.items():
        if resources.supports_pod_level(name):
            requests.setdefault(name, limit)
    return ResourceRequirements(requests, limits)


def _status(status: PodStatus) -> PodStatus:
    if not status.container_statuses and not status.init_container_statuses and status.resources is None:
        return status
    return _replace(
        status,
        container_statuses=tuple(map(_container_status, status.container_statuses)),
        init_container_statuses=tuple(map(_container_status, status.init_container_statuses)),
        resources=None if status.resources is None else _round_both(status.resources),
        allocated_resources=_round_up(status.allocated_resources),
    )


def _container_status(status: ContainerStatus) -> ContainerStatus:
    return _replace(
        status,
        resources=None if status.resources is None else _round_both(status.resources),
        allocated_resources=_round_up(status.allocated_resources),
    )


def _round_both(stated: ResourceRequirements) -> ResourceRequirements:
    requests, limits = _round_up(stated.requests), _round_up(stated.limits)
    if requests is stated.requests and limits is stated.limits:
        return stated
    return ResourceRequirements(requests, limits)


def _round_up(amounts: ResourceList) -> ResourceList:
    """Round up to milli-units; `amounts` itself where nothing is finer."""
    rounded = {name: _to_milli(amount) for name, amount in amounts.items()}
    return amounts if rounded == amounts else rounded


@functools.lru_cache(maxsize=1 << 16)
def _to_milli(amount: Quantity) -> Quantity:
    exact = quantity.nanos(amount)
    if exact % quantity.MICRO == 0:
        return amount
    return quantity.from_nanos(-(-exact // quantity.MICRO) * quantity.MICRO)
