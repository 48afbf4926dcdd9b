"""Kinds as the REST interface sees them: where their objects live and what they decode into.

Decoding goes straight from bytes into the struct, which names only the fields that are used. An API
server may say null for absent; that is understood, the slow way, as `stowage.api.decode` does.
"""

import dataclasses
import functools
import re
import urllib.parse
from typing import Any, Generic, TypeVar

import msgspec

from stowage.api import decode, objects

T = TypeVar("T")
U = TypeVar("U")


@dataclasses.dataclass(frozen=True)
class Resource(Generic[T]):
    """A kind, or with `subresource` a part of each of its objects.

    `answer` is what answers decode into: a struct, `dict[str, Any]`, or `bytes` for not at all.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    answer: type[T]
    subresource: str = ""

    def sub(self, name: str, answer: type[U]) -> "Resource[U]":
        """The subresource `name` ("binding", "status"), whose answers decode into `answer`."""
        return Resource(
            self.group, self.version, self.kind, self.plural, self.namespaced, answer, subresource=name
        )

    def plain(self) -> "Resource[dict[str, Any]]":
        """The same with answers as plain dicts: for what is read to be written back whole."""
        return dataclasses.replace(self, answer=dict[str, Any])  # type: ignore[arg-type,return-value]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        """As kubectl names it: "pods", "leases.coordination.k8s.io", "pods/status"."""
        name = f"{self.plural}.{self.group}" if self.group else self.plural
        return f"{name}/{self.subresource}" if self.subresource else name

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of an object, or without a name of a collection; escaped. Without a namespace:
        of all namespaces."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", _escaped(namespace)]
        parts.append(self.plural)
        if name:
            parts.append(_escaped(name))
        if self.subresource:
            parts.append(self.subresource)
        return "/".join(parts)

    def decode(self, body: bytes | msgspec.Raw) -> T:
        """Decode an object of this kind; `decode.DecodeError` where it is not one."""
        if self.answer is bytes:
            return bytes(body)  # type: ignore[return-value]
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            if objects.KINDS.get((self.group, self.kind)) is self.answer:
                explained = decode.Document(self.api_version, self.kind, bytes(body))
                return decode.decode(explained)  # type: ignore[return-value]
            raise decode.DecodeError(self.kind, "", str(error)) from None

    @functools.cached_property
    def _decoder(self) -> msgspec.json.Decoder[T]:
        return msgspec.json.Decoder(self.answer)


_PLAIN = re.compile(r"[-.a-z0-9]*")


def _escaped(text: str) -> str:
    """A part of a path; names of nearly all objects need nothing."""
    return text if _PLAIN.fullmatch(text) else urllib.parse.quote(text, safe="")


_PLACES: dict[type, tuple[str, str, str]] = {
    objects.Node: ("", "v1", "nodes"),
    objects.Pod: ("", "v1", "pods"),
    objects.Namespace: ("", "v1", "namespaces"),
    objects.PersistentVolumeClaim: ("", "v1", "persistentvolumeclaims"),
    objects.PersistentVolume: ("", "v1", "persistentvolumes"),
    objects.Service: ("", "v1", "services"),
    objects.ReplicationController: ("", "v1", "replicationcontrollers"),
    objects.ReplicaSet: ("apps", "v1", "replicasets"),
    objects.StatefulSet: ("apps", "v1", "statefulsets"),
    objects.Deployment: ("apps", "v1", "deployments"),
    objects.DaemonSet: ("apps", "v1", "daemonsets"),
    objects.Job: ("batch", "v1", "jobs"),
    objects.PodDisruptionBudget: ("policy", "v1", "poddisruptionbudgets"),
    objects.PriorityClass: ("scheduling.k8s.io", "v1", "priorityclasses"),
    objects.StorageClass: ("storage.k8s.io", "v1", "storageclasses"),
    objects.CSINode: ("storage.k8s.io", "v1", "csinodes"),
    objects.CSIDriver: ("storage.k8s.io", "v1", "csidrivers"),
    objects.CSIStorageCapacity: ("storage.k8s.io", "v1", "csistoragecapacities"),
    objects.VolumeAttachment: ("storage.k8s.io", "v1", "volumeattachments"),
    objects.DeviceClass: ("resource.k8s.io", "v1", "deviceclasses"),
}
"""API group, version and plural of each kind in `objects.KINDS`."""


def of(kind: type[T]) -> Resource[T]:
    """The resource of a struct of `objects.KINDS`. KeyError for another."""
    group, version, plural = _PLACES[kind]
    cluster_scoped: frozenset[type] = objects.CLUSTER_SCOPED
    return Resource(group, version, kind.__name__, plural, kind not in cluster_scoped, kind)


NODES = of(objects.Node)
PODS = of(objects.Pod)
BINDINGS = PODS.sub("binding", bytes)
POD_STATUS = PODS.sub("status", objects.Pod)
LEASES: Resource[dict[str, Any]] = Resource(
    "coordination.k8s.io", "v1", "Lease", "leases", True, dict[str, Any]
)
EVENTS: Resource[bytes] = Resource("events.k8s.io", "v1", "Event", "events", True, bytes)
