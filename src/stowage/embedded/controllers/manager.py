"""Which change asks which controller to look again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from stowage.embedded import agenda, catalog, registry
from stowage.embedded.controllers import (
    accounts,
    budgets,
    daemons,
    garbage,
    jobs,
    protection,
    replicas,
    stateful,
    volumes,
)
from stowage.embedded.controllers import world as worlds
from stowage.embedded.storage import store

Object = dict[str, Any]
Sync = Callable[[worlds.World, store.Key], None]

_BY_TABLE: Final[dict[str, Sync]] = {
    replicas.SETS.table: replicas.sync_set,
    replicas.DEPLOYMENTS.table: replicas.sync_deployment,
    stateful.SETS.table: stateful.sync,
    daemons.SETS.table: daemons.sync,
    jobs.JOBS.table: jobs.sync,
    budgets.BUDGETS.table: budgets.sync_budget,
    budgets.QUOTAS.table: budgets.sync_quota,
    "namespaces": accounts.sync,
    volumes.CLAIMS.table: volumes.sync_claim,
    volumes.VOLUMES.table: volumes.sync_volume,
}
"""The controllers of one object each, by the table the object is in."""
_NODE_EVERY: Final = 1.0
_ABSENT_OWNER_SECONDS: Final = 2.0
"""An owner may be made just after its dependent (a restore): it is waited for that long."""


class Controllers:
    def __init__(self, reg: registry.Registry, due: agenda.Agenda) -> None:
        self._reg, self._due = reg, due
        self._world = worlds.World(reg, due)

    def start(self) -> Callable[[], None]:
        """Look at everything there is and follow the changes; the answer stops that."""
        volumes.bootstrap(self._reg)
        stops = [self._world.start(), self._reg.objects.listen(self._changed)]
        for resource in self._reg.catalog.stored():
            for entry in self._reg.objects.entries(resource.table):
                self._changed(resource.table, store.Change("ADDED", entry.revision, entry, None))

        def stop() -> None:
            for each in stops:
                each()

        return stop

    def _changed(self, table: str, change: store.Change) -> None:
        key, world = change.entry.key, self._world
        value = change.entry.read()
        gone = change.kind == "DELETED"
        if table in _BY_TABLE and not gone:
            self._look(table, key)
        self._owners(table, change, value)
        if table in {"pods", budgets.BUDGETS.table}:
            for entry in self._reg.objects.entries(budgets.BUDGETS.table, key[0]):
                self._look(budgets.BUDGETS.table, entry.key)
        if table not in {"events", budgets.QUOTAS.table} and key[0]:
            for entry in self._reg.objects.entries(budgets.QUOTAS.table, key[0]):
                self._look(budgets.QUOTAS.table, entry.key)
        if table == "namespaces" and not gone and "deletionTimestamp" in value["metadata"]:
            self._due.add(("namespace", key[1]), partial(garbage.sync_namespace, world, key[1]))
        if table == accounts.ACCOUNTS.table and gone:
            self._look("namespaces", ("", key[0]))
        if table == volumes.CLAIMS.table and gone and value["spec"].get("volumeName"):
            self._look(volumes.VOLUMES.table, ("", value["spec"]["volumeName"]))
        for at in protection.affected(table, change):
            self._due.add(("protection", *at), partial(protection.sync, world, *at))
        if table == "nodes":
            self._node(change, value)
        if table == catalog.CRDS and gone:
            spec = value["spec"]
            step = partial(garbage.sync_definition, world, spec["group"], spec["names"]["plural"])
            self._due.add(("definition", key[1]), step)

    def _look(self, table: str, key: store.Key, delay: float = 0) -> None:
        self._due.add((table, *key), partial(_BY_TABLE[table], self._world, key), delay)

    def _owners(self, table: str, change: store.Change, value: Object) -> None:
        """Tell the owners of what changed; collect what has none left."""
        world, meta = self._world, value["metadata"]
        ref = worlds.Ref(table, change.entry.key)
        for owner in meta.get("ownerReferences") or ():
            held = world.by_uid.get(owner["uid"])
            if held is not None and held.table in _BY_TABLE:
                self._look(held.table, held.key)
            if held is not None and change.kind == "DELETED" and held.table == replicas.SETS.table:
                # A Deployment that recreates waits for the last pod of its old ReplicaSet.
                self._look_at_owners(held)
            if held is not None:
                self._due.add(("deleting", held), partial(garbage.sync_deleting, world, held))
            elif change.kind != "DELETED":
                step = partial(garbage.sync_dependent, world, ref)
                self._due.add(("dependent", ref), step, _ABSENT_OWNER_SECONDS)
        if change.kind == "DELETED":
            uid = meta["uid"]
            if uid in world.dependents:
                self._due.add(("owner", uid), partial(garbage.sync_owner, world, uid))
        elif "deletionTimestamp" in meta and meta.get("finalizers"):
            self._due.add(("deleting", ref), partial(garbage.sync_deleting, world, ref))

    def _look_at_owners(self, ref: worlds.Ref) -> None:
        entry = self._reg.objects.get(ref.table, ref.key)
        for owner in entry.read()["metadata"].get("ownerReferences") or () if entry else ():
            held = self._world.by_uid.get(owner["uid"])
            if held is not None and held.table in _BY_TABLE:
                self._look(held.table, held.key)

    def _node(self, change: store.Change, value: Object) -> None:
        """A heartbeat concerns nobody; labels, taints, and whether a node is there, all DaemonSets."""
        before = change.before.read() if change.before else None
        if change.kind == "DELETED":
            name = change.entry.key[1]
            self._due.add(("node-gone", name), partial(garbage.sync_node, self._world, name))
        elif (
            before is not None
            and before["metadata"].get("labels") == value["metadata"].get("labels")
            and before.get("spec") == value.get("spec")
        ):
            return
        for entry in self._reg.objects.entries(daemons.SETS.table):
            self._look(daemons.SETS.table, entry.key, _NODE_EVERY)
