"""Containers: names, images, ports, mounts, amounts.

What only a kubelet reads (probes, variables, security contexts) is taken as it is. Rules:
pkg/apis/core/validation (`validateContainers`, `validateInitContainers` and what they call).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from stowage.embedded import errors
from stowage.embedded.rules import amounts, faults

Object = dict[str, Any]
Cause = errors.Cause

_RESTARTS: Final = ("Always", "Never", "OnFailure")
_PULLS: Final = ("Always", "IfNotPresent", "Never")
_MESSAGES: Final = ("File", "FallbackToLogsOnError")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_RESIZED: Final = ("cpu", "memory")
_RESIZES: Final = ("NotRequired", "RestartContainer")
_ONLY_RUNNING: Final = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")


@dataclass(frozen=True, slots=True)
class Around:
    """What of the pod its containers depend on."""

    volumes: Mapping[str, Object]
    """Those in order, by name."""
    claims: Set[str]
    """The names of its resource claims."""
    restarts: str
    """Its restart policy."""


def main(path: str, containers: Sequence[Object], around: Around) -> Iterator[Cause]:
    if not containers:
        yield faults.required(path)
    seen: set[str] = set()
    for i, container in enumerate(containers):
        at, name = f"{path}[{i}]", container.get("name", "")
        yield from _common(at, container, around)
        if name in seen:
            yield faults.duplicate(f"{at}.name", name)
        seen.add(name)
    yield from _host_ports(path, containers)


def initial(
    path: str, containers: Sequence[Object], others: Sequence[Object], around: Around
) -> Iterator[Cause]:
    """`others` are the main containers."""
    seen = {each.get("name", "") for each in others} if containers else set()
    for i, container in enumerate(containers):
        at, name = f"{path}[{i}]", container.get("name", "")
        yield from _common(at, container, around)
        if name in seen:
            yield faults.duplicate(f"{at}.name", name)
        elif name:
            seen.add(name)
        yield from _host_ports(path, [container])
        if container.get("restartPolicy") == "Always":
            continue
        for field in _ONLY_RUNNING:
            if field in container:
                why = "may not be set for init containers without restartPolicy=Always"
                yield faults.forbidden(f"{at}.{field}", why)
        for j, policy in enumerate(container.get("resizePolicy") or ()):
            if policy.get("restartPolicy") == "RestartContainer":
                why = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                yield faults.invalid(f"{at}.resizePolicy[{j}].restartPolicy", "RestartContainer", why)


def _common(path: str, container: Object, around: Around) -> Iterator[Cause]:
    name = container.get("name", "")
    if not name:
        yield faults.required(f"{path}.name")
    elif wrong := faults.dns_label(name):
        yield from faults.each(f"{path}.name", name, wrong)
    image = container.get("image", "")
    if not image:
        yield faults.required(f"{path}.image")
    if "ports" in container:
        yield from _ports(f"{path}.ports", container["ports"] or ())
    if "volumeMounts" in container:
        yield from _mounts(f"{path}.volumeMounts", container, around)
    if "volumeDevices" in container:
        yield from _devices(f"{path}.volumeDevices", container, around)
    for field, supported in (("terminationMessagePolicy", _MESSAGES), ("imagePullPolicy", _PULLS)):
        if container[field] not in supported:
            yield faults.unsupported(f"{path}.{field}", container[field], supported)
    yield from amounts.requirements(f"{path}.resources", container["resources"], around.claims)
    if "resizePolicy" in container:
        yield from _resize(f"{path}.resizePolicy", container["resizePolicy"] or (), around.restarts)
    if "restartPolicy" in container:
        yield from faults.one_of(f"{path}.restartPolicy", container["restartPolicy"], _RESTARTS)


def _ports(path: str, ports: Sequence[Object]) -> Iterator[Cause]:
    seen: set[str] = set()
    for i, each in enumerate(ports):
        at, name = f"{path}[{i}]", each.get("name", "")
        if name and (wrong := faults.port_name(name)):
            yield from faults.each(f"{at}.name", name, wrong)
        elif name in seen:
            yield faults.duplicate(f"{at}.name", name)
        elif name:
            seen.add(name)
        if not each.get("containerPort"):
            yield faults.required(f"{at}.containerPort")
        else:
            yield from faults.port(f"{at}.containerPort", each["containerPort"])
        if each.get("hostPort"):
            yield from faults.port(f"{at}.hostPort", each["hostPort"])
        yield from faults.one_of(f"{at}.protocol", each["protocol"], _PROTOCOLS)


def _host_ports(path: str, containers: Sequence[Object]) -> Iterator[Cause]:
    """No two have the same port of the node."""
    taken: set[str] = set()
    for i, container in enumerate(containers):
        for j, each in enumerate(container.get("ports") or ()):
            if number := each.get("hostPort"):
                shown = f"{each['protocol']}/{each.get('hostIP', '')}/{number}"
                if shown in taken:
                    yield faults.duplicate(f"{path}[{i}].ports[{j}].hostPort", shown)
                taken.add(shown)


def on_host_network(path: str, containers: Sequence[Object], *, in_pod: bool) -> Iterator[Cause]:
    """Ports of the node are those of the containers; a template may leave them open."""
    for i, container in enumerate(containers):
        for j, each in enumerate(container.get("ports") or ()):
            number = each.get("hostPort", 0)
            if (in_pod or number) and number != each.get("containerPort", 0):
                why = "must match `containerPort` when `hostNetwork` is true"
                yield faults.invalid(f"{path}[{i}].ports[{j}].hostPort", number, why)


def _mounts(path: str, container: Object, around: Around) -> Iterator[Cause]:
    devices = container.get("volumeDevices") or ()
    taken = {each.get("name", "") for each in devices}
    paths = {each.get("devicePath", "") for each in devices}
    seen: set[str] = set()
    for i, mount in enumerate(container["volumeMounts"] or ()):
        at, name, where = f"{path}[{i}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield faults.required(f"{at}.name")
        if name not in around.volumes:
            yield faults.not_found(f"{at}.name", name)
        if not where:
            yield faults.required(f"{at}.mountPath")
        if where in seen:
            yield faults.invalid(f"{at}.mountPath", where, "must be unique")
        seen.add(where)
        if name in taken:
            yield faults.invalid(f"{at}.name", name, "must not already exist in volumeDevices")
        if where in paths:
            yield faults.invalid(
                f"{at}.mountPath", where, "must not already exist as a path in volumeDevices"
            )


def _devices(path: str, container: Object, around: Around) -> Iterator[Cause]:
    mounts = container.get("volumeMounts") or ()
    names: set[str] = set()
    for i, device in enumerate(container["volumeDevices"] or ()):
        at, name, where = f"{path}[{i}]", device.get("name", ""), device.get("devicePath", "")
        volume = around.volumes.get(name)
        if not name:
            yield faults.required(f"{at}.name")
        if name in names:
            yield faults.invalid(f"{at}.name", name, "must be unique")
        if volume is None:
            yield faults.not_found(f"{at}.name", name)
        elif not {"persistentVolumeClaim", "ephemeral"} & volume.keys():
            why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            yield faults.invalid(f"{at}.name", name, why)
        if not where:
            yield faults.required(f"{at}.devicePath")
        if any(mount.get("name") == name for mount in mounts):
            yield faults.invalid(f"{at}.name", name, "must not already exist in volumeMounts")
        if any(mount.get("mountPath") == where for mount in mounts):
            yield faults.invalid(
                f"{at}.devicePath", where, "must not already exist as a path in volumeMounts"
            )
        names.add(name)


def _resize(path: str, policies: Sequence[Object], restarts: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for i, policy in enumerate(policies):
        resource, restart = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if resource in seen:
            yield faults.duplicate(f"{path}[{i}]", resource)
        seen.add(resource)
        for value, supported in ((resource, _RESIZED), (restart, _RESIZES)):
            if not value:
                yield faults.required(path)
            else:
                yield from faults.one_of(path, value, supported)
        if restarts == "Never" and restart != "NotRequired":
            why = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            yield faults.invalid(path, restart, why)
