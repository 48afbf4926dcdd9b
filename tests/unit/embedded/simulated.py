"""A cluster whose time stands still until the test moves it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from stowage.embedded import agenda, registry, schema, server
from stowage.embedded.controllers import manager
from stowage.embedded.nodes import kubelets
from stowage.embedded.storage import store
from stowage.embedded.writing import deletion, subresources

Object = dict[str, Any]
OPTIONS = registry.Options("test")
START = datetime(2026, 1, 1, tzinfo=UTC)


class Cluster:
    def __init__(self, nodes: int = 3, bound: bool = True) -> None:
        self.passed = 0.0
        self.reg = registry.Registry(store.Store(), lambda: START + timedelta(seconds=self.passed), seed=1)
        server.bootstrap(self.reg)
        self.due = agenda.Agenda(self.reg.time)
        manager.Controllers(self.reg, self.due).start()
        kubelets.Kubelets(self.reg, self.due, nodes).start()
        if bound:
            self.reg.objects.listen(self._bind)

    def _bind(self, table: str, change: store.Change) -> None:
        """The simplest of schedulers: everything fits on node-0."""
        if table == "pods" and change.kind == "ADDED":
            key = change.entry.key
            self.due.add(("bind", key), lambda: self._assign(key))

    def _assign(self, key: store.Key) -> None:
        target = {"metadata": {"name": key[1]}, "target": {"kind": "Node", "name": "node-0"}}
        subresources.bind(self.reg, *key, target, OPTIONS)

    def after(self, seconds: float) -> None:
        """Let time pass, a quarter of a second at once."""
        for _ in range(int(seconds * 4)):
            while self.due.run_due():
                pass
            self.passed += 0.25
        while self.due.run_due():
            pass

    def create(self, group: str, kind: str, name: str, **parts: Any) -> Object:
        meta = {"name": name} | parts.pop("metadata", {})
        resource = schema.named(group, kind)
        return self.reg.create(
            resource, "default" if resource.namespaced else "", {"metadata": meta} | parts, OPTIONS
        )

    def get(self, group: str, kind: str, name: str) -> Object:
        resource = schema.named(group, kind)
        return self.reg.get(resource, "default" if resource.namespaced else "", name)

    def patch(self, group: str, kind: str, name: str, **spec: Any) -> None:
        def change(value: Object) -> Object:
            value["spec"] |= spec
            return value

        self.reg.update(schema.named(group, kind), "default", name, change, OPTIONS)

    def delete(self, group: str, kind: str, name: str, **asked: Any) -> None:
        resource = schema.named(group, kind)
        deletion.delete(self.reg, resource, "default" if resource.namespaced else "", name, asked, OPTIONS)

    def pods(self) -> list[Object]:
        return [each.read() for each in self.reg.objects.entries("pods", "default")]

    def running(self) -> list[str]:
        return [p["metadata"]["name"] for p in self.pods() if p["status"]["phase"] == "Running"]


def template(image: str = "web:1", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": labels or {"app": "web"}},
            "spec": {"containers": [{"name": "a", "image": image}]} | spec,
        },
    }
