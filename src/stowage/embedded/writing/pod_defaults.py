"""The defaults of a pod's spec, in a pod and in a template.

Rules: pkg/apis/core/v1/defaults.go; the strategy of registry/core/pod for what only a new pod gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from stowage.api import defaults, meta, objects, quantity
from stowage.embedded.writing import clean

Object = dict[str, Any]
_MODE: Final = 0o644
_SIDES: Final = ("requests", "limits")
_SOURCES_WITH_MODE: Final = ("configMap", "secret", "downwardAPI", "projected")


def template_spec(spec: Object) -> None:
    """Fill in what a template's spec gets."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("schedulerName", "default-scheduler")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in _containers(spec):
        _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)


def pod_spec(spec: Object) -> None:
    """Fill in what a pod's spec gets: more than a template's."""
    template_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in _containers(spec):
        _requests_from_limits(container["resources"])
    for container in _plain(spec) if spec.get("hostNetwork") else ():
        for port in container.get("ports") or ():
            if not port.get("hostPort") and "containerPort" in port:
                port["hostPort"] = port["containerPort"]
    if "resources" in spec:
        _pod_level(spec)


def merge_label_keys(pod: Object) -> None:
    """Write what a new pod's `matchLabelKeys` and `mismatchLabelKeys` mean into the selectors beside them."""
    spec, labels = pod["spec"], pod["metadata"].get("labels") or {}
    for holder in [*(spec.get("topologySpreadConstraints") or ()), *_pod_terms(spec.get("affinity") or {})]:
        selector = holder.get("labelSelector")
        if selector is None:
            continue
        for keys, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
            own = [key for key in holder.get(keys) or () if key in labels]
            parts = [{"key": key, "operator": operator, "values": [labels[key]]} for key in own]
            if parts:
                selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), *parts]


def _pod_terms(affinity: Object) -> Iterator[Object]:
    for field in ("podAffinity", "podAntiAffinity"):
        stated = affinity.get(field) or {}
        yield from stated.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for each in stated.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield each.get("podAffinityTerm") or {}


def qos_class(spec: Object) -> str:
    """BestEffort, Burstable or Guaranteed, by CPU and memory (pod-level amounts go before containers')."""
    stated = [spec["resources"]] if spec.get("resources") else [c.get("resources", {}) for c in _plain(spec)]
    some = any(_amounts(each, side) for each in stated for side in ("requests", "limits"))
    if not some:
        return "BestEffort"
    for each in stated:
        limits = _amounts(each, "limits")
        if set(limits) != {"cpu", "memory"} or _amounts(each, "requests") != limits:
            return "Burstable"
    return "Guaranteed"


def _amounts(resources: Object, side: str) -> Object:
    found = resources.get(side) or {}
    return {name: found[name] for name in ("cpu", "memory") if found.get(name, "0")[0] not in "-0"}


def _plain(spec: Object) -> list[Object]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _containers(spec: Object) -> Iterator[Object]:
    yield from _plain(spec)
    yield from spec.get("ephemeralContainers") or ()


def _requests_from_limits(resources: Object) -> None:
    limits = resources.get("limits")
    if limits:
        resources["requests"] = limits | (resources.get("requests") or {})


def asking(spec: Object) -> objects.Pod:
    """A pod of what each container of a spec asks for, which is all of it that may be read already."""
    parts = {
        field: [
            {key: each[key] for key in ("name", "resources") if key in each}
            | ({"restartPolicy": "Always"} if each.get("restartPolicy") == "Always" else {})
            for each in spec.get(field) or ()
        ]
        for field in ("containers", "initContainers")
    }
    return msgspec.convert({"metadata": {}, "spec": parts}, objects.Pod)


def _pod_level(spec: Object) -> None:
    """What is not stated for the pod as a whole, from its containers and its limits."""
    stated = spec["resources"]
    known = msgspec.convert({side: stated.get(side) or {} for side in _SIDES}, meta.ResourceRequirements)
    filled = defaults.pod_level(known, asking(spec))
    for side, amounts in (("limits", filled.limits), ("requests", filled.requests)):
        given = stated.get(side) or {}
        added = {name: _written(spec, name, amounts[name]) for name in amounts if name not in given}
        if added:
            stated[side] = given | added


def _written(spec: Object, name: str, amount: meta.Quantity) -> str:
    """A sum in the form in which the first of its parts is written."""
    parts = (each["resources"].get(side) or {} for side in _SIDES for each in _plain(spec))
    first: str = next((part[name] for part in parts if name in part), "")
    whole, rest = divmod(quantity.nanos(amount), 1024 * quantity.NANO)
    return clean.canonical(amount if rest or not first.endswith("i") else f"{whole}Ki")


def _container(container: Object) -> None:
    image = container.get("image", "")
    if "imagePullPolicy" not in container:
        tail = image.rpartition("/")[2]
        latest = image and "@" not in tail and (":" not in tail or tail.endswith(":latest"))
        container["imagePullPolicy"] = "Always" if latest else "IfNotPresent"
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is not None:
            _probe(probe)
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _http(hook)


def _probe(probe: Object) -> None:
    for field, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        if not probe.get(field):
            probe[field] = value
    _http(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _http(holder: Object) -> None:
    request = holder.get("httpGet")
    if request is not None:
        request["path"] = request.get("path") or "/"
        request["scheme"] = request.get("scheme") or "HTTP"


def _volume(volume: Object) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}
    for source in _SOURCES_WITH_MODE:
        if source in volume:
            volume[source].setdefault("defaultMode", _MODE)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    for part in (volume.get("projected") or {}).get("sources") or ():
        if "serviceAccountToken" in part:
            part["serviceAccountToken"].setdefault("expirationSeconds", 3600)
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")
    claim = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if claim is not None:
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
