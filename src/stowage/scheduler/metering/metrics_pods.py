"""What every pod requests and is limited to: kube_pod_resource_request and kube_pod_resource_limit.

Rules: kube-scheduler's pkg/scheduler/metrics/resources. All pods are told of that have not ended: those
with a node, and those that wait for one and are ours; pods that wait for another scheduler are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from stowage.api import names, objects, quantity, resources
from stowage.cluster import shapes
from stowage.scheduler import cache as caches
from stowage.scheduler.metering import meters

FAMILIES = (
    ("kube_pod_resource_request", "What a pod requests, as the scheduler and the kubelet understand it."),
    ("kube_pod_resource_limit", "What a pod is limited to, as the scheduler and the kubelet understand it."),
)
UNITS = {"cpu": "cores", "memory": "bytes", "storage": "bytes", "ephemeral-storage": "bytes"}
ATTACHABLE = "attachable-volumes-"

Ends = tuple[list[str], list[str]]
"""Of a shape's lines, what follows the pod's own labels: its requests and its limits."""


def lines(cache: caches.Cache) -> Iterator[bytes]:
    """The text format, in a few large pieces."""
    cluster = cache.cluster
    memo: dict[int, Ends] = {}
    told = []
    held = cluster.pods
    for slot in held.by_uid.values():
        shape = cluster.shapes[held.shapes.item(slot)]
        namespace = cluster.groups.values[held.groups.item(slot)].namespace
        node = cluster.names[held.rows.item(slot)]
        told.append((_labels(namespace, held.names[slot], node), _ends(shape, memo)))
    for uid, pod in cache.pending.items():
        if uid not in held.by_uid:
            told.append((_labels(pod.namespace, pod.name, ""), _ends(pod.shape, memo)))
    for which, (family, help) in enumerate(FAMILIES):
        text = [f"# HELP {family} {help}\n# TYPE {family} gauge\n"] if told else []
        text += [family + labels + end for labels, ends in told for end in ends[which]]
        yield "".join(text).encode()


def _labels(namespace: str, pod: str, node: str) -> str:
    return f'{{namespace="{namespace}",pod="{pod}",node="{node}",'


def _ends(shape: shapes.Shape, memo: dict[int, Ends]) -> Ends:
    found = memo.get(shape.id)
    if found is None:
        pod = objects.Pod(spec=shape.spec)
        asked = (resources.spec_requests(pod), resources.spec_limits(pod))
        spec = shape.spec
        priority = "" if spec.priority is None else spec.priority
        whose = f'scheduler="{spec.scheduler_name}",priority="{priority}",'
        requests, limits = ([whose + _end(*each) for each in amounts.items() if each[1]] for amounts in asked)
        found = memo[shape.id] = requests, limits
    return found


def _end(resource: str, nanos: int) -> str:
    return f'resource="{resource}",unit="{_unit(resource)}"}} {meters.number(nanos / quantity.NANO)}\n'


def _unit(resource: str) -> str:
    if names.is_huge_page(resource):
        return "bytes"
    return "integer" if resource.startswith(ATTACHABLE) else UNITS.get(resource, "")
