"""The server's own metrics, for Prometheus: names, labels and buckets are kube-apiserver's."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import prometheus_client
from prometheus_client import core

from stowage.embedded import registry, schema
from stowage.embedded.http import rbac, request

MEDIA: Final = prometheus_client.CONTENT_TYPE_LATEST.encode()
_SHARED: Final = ("verb", "group", "version", "resource", "subresource", "scope", "component")
_BUCKETS: Final = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3),
    *(4, 5, 6, 8, 10, 15, 20, 30, 45, 60),
)
_VERBS: Final = {"create": "POST", "update": "PUT"}


class Labels(NamedTuple):
    """In the order of _SHARED."""

    verb: str
    group: str
    version: str
    resource: str
    subresource: str
    scope: str
    component: str = "apiserver"


class _Objects:
    """Counts what is kept when it is asked."""

    def __init__(self, reg: registry.Registry) -> None:
        self._reg = reg

    def collect(self) -> Iterable[core.Metric]:
        found = core.GaugeMetricFamily(
            "apiserver_resource_objects", "Number of objects that are kept.", labels=("group", "resource")
        )
        for each in self._reg.catalog.stored():
            found.add_metric((each.group, each.plural), self._reg.objects.count(each.table))
        yield found


class Monitoring:
    def __init__(self, reg: registry.Registry) -> None:
        self._all = prometheus_client.CollectorRegistry()
        self._all.register(_Objects(reg))
        prometheus_client.ProcessCollector(registry=self._all)
        self._requests = prometheus_client.Counter(
            "apiserver_request",
            "Requests that were answered.",
            (*_SHARED, "dry_run", "code"),
            registry=self._all,
        )
        self._seconds = prometheus_client.Histogram(
            "apiserver_request_duration_seconds",
            "How long requests took, watches too.",
            (*_SHARED, "dry_run"),
            buckets=_BUCKETS,
            registry=self._all,
        )
        self._running = prometheus_client.Gauge(
            "apiserver_longrunning_requests", "Watches that are open.", _SHARED, registry=self._all
        )
        # A child is looked up by its labels for each request: that is worth remembering.
        self._count = functools.lru_cache(4096)(self._requests.labels)
        self._time = functools.lru_cache(4096)(self._seconds.labels)

    def answered(self, what: Labels, dry_run: str, code: int, seconds: float) -> None:
        self._count(*what, dry_run, str(code)).inc()
        self._time(*what, dry_run).observe(seconds)

    @contextlib.contextmanager
    def watching(self, what: Labels) -> Iterator[None]:
        """Count a watch as long as the block is in."""
        gauge = self._running.labels(*what)
        gauge.inc()
        try:
            yield
        finally:
            gauge.dec()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return prometheus_client.generate_latest(self._all)


def labels(
    what: rbac.Attributes, at: request.Target | None, resource: schema.Resource | None, media: str
) -> Labels:
    """How a request counts. What names no resource that is served counts by its verb alone."""
    verb = _VERBS.get(what.verb, what.verb.upper())
    if what.verb == "patch" and media == "application/apply-patch+yaml":
        verb = "APPLY"
    if at is None or resource is None:
        return Labels(verb, "", "", "", "", "")
    scope = "resource" if at.name or verb == "POST" else "namespace" if at.namespace else "cluster"
    inner = at.subresource if at.subresource in resource.subresources else ""
    return Labels(verb, resource.group, resource.version, resource.plural, inner, scope)
