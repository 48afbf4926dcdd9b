"""metrics.k8s.io: what the simulated nodes and their pods use now, made when it is asked for.

Its form is metrics-server's; a node that somebody else registers has no metrics here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from stowage.api import times
from stowage.embedded import registry, schema
from stowage.embedded.nodes import usage
from stowage.embedded.storage import store

Object = dict[str, Any]
GROUP: Final = "metrics.k8s.io"
_WINDOW_SECONDS: Final = 15
"""A measurement stands that long."""
_MICRO: Final = 1_000_000
_encode = msgspec.json.Encoder().encode


class Measured:
    def __init__(self, reg: registry.Registry, model: usage.Model) -> None:
        self._reg, self._model = reg, model

    def entries(self, resource: schema.Resource, namespace: str = "", name: str = "") -> list[store.Entry]:
        """Of nodes, or of the pods of a namespace (of all: ""); only of the one that is named, if one is."""
        now = self._reg.time() // _WINDOW_SECONDS * _WINDOW_SECONDS
        nodes = self._nodes()
        if resource.plural == "nodes":
            wanted = {each: nodes[each] for each in nodes if name in {"", each}}
            return [self._entry(wanted[node], now, made) for node, made in self._by_node(wanted, now)]
        return [
            self._entry(entry, now, {"containers": [{"name": n, "usage": u.quantities()} for n, u in used]})
            for entry, node, used in self._pods(namespace, now)
            if node in nodes and name in {"", entry.key[1]}
        ]

    def _nodes(self) -> dict[str, store.Entry]:
        found = self._reg.objects.entries("nodes")
        return {entry.key[1]: entry for entry in found if entry.key[1] in self._reg.simulated}

    def _pods(
        self, namespace: str, now: float
    ) -> Iterator[tuple[store.Entry, str, list[tuple[str, usage.Usage]]]]:
        """Each running pod with its node and what its containers use."""
        for entry in self._reg.objects.entries("pods", namespace):
            pod = entry.read()
            status = pod.get("status") or {}
            if status.get("phase") == "Running" and status.get("startTime"):
                started = times.micros(status["startTime"]) / _MICRO
                used = self._model.pod(pod, now, started)
                yield entry, pod["spec"].get("nodeName", ""), list(used.items())

    def _by_node(self, nodes: dict[str, store.Entry], now: float) -> Iterator[tuple[str, Object]]:
        total = {each: self._model.system(each, now) for each in nodes}
        for _, node, used in self._pods("", now):
            if node in total:
                cpu, memory = total[node]
                total[node] = usage.Usage(
                    cpu + sum(each.cpu for _, each in used), memory + sum(each.memory for _, each in used)
                )
        for node, whole in total.items():
            yield node, {"usage": whole.quantities()}

    def _entry(self, of: store.Entry, now: float, measured: Object) -> store.Entry:
        moment = self._reg.now(now - self._reg.time())
        space, name = of.key
        meta = {"name": name, "namespace": space, "creationTimestamp": self._reg.now(), "labels": of.labels}
        head = {
            "metadata": {key: part for key, part in meta.items() if part},
            "timestamp": moment,
            "window": f"{_WINDOW_SECONDS}s",
        }
        return store.Entry(of.key, 0, _encode(head | measured), of.labels)
