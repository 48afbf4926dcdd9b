"""The ServiceAccount `default` of each namespace, which is there as long as the namespace is."""

from __future__ import annotations

from typing import Final

from stowage.embedded import schema
from stowage.embedded.controllers import world as worlds
from stowage.embedded.storage import store

ACCOUNTS: Final = schema.named("", "ServiceAccount")
NAME: Final = "default"
_MANAGER: Final = "service-account-controller"


def sync(world: worlds.World, key: store.Key) -> None:
    """Make the account of a namespace (by its own key) that has none and is there to stay."""
    namespace, objects = world.reg.objects.get("namespaces", key), world.reg.objects
    if namespace is None or "deletionTimestamp" in namespace.read()["metadata"]:
        return
    if objects.get(ACCOUNTS.table, (key[1], NAME)) is None:
        world.reg.create(ACCOUNTS, key[1], {"metadata": {"name": NAME}}, worlds.options(_MANAGER))
