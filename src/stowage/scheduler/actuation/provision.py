"""Whether what was written for a pod's claims has had its effect: the claims are bound, on its node.

Rules: checkBindings in kube-scheduler's plugins/volumebinding/binder.go, which sees claims and volumes
through its watches; here they are read, behind what others ask, and the less often the longer it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from stowage.api import csi_migration, objects, selectors, volumes
from stowage.cluster import pods
from stowage.kube import client as clients
from stowage.kube import errors, limits, resources
from stowage.scheduler import cache as caches

T = TypeVar("T")

ASK_AGAIN, SELDOM = 1.0, 10.0
"""Seconds between two looks: a tenth of those waited so far, within these."""


class Failure(Exception):
    """Why the claims will not be bound; kube-scheduler's words."""


class Check:
    """``items``: the claims and volumes as they were written."""

    def __init__(
        self,
        client: clients.Client,
        cache: caches.Cache,
        pod: pods.Incoming,
        node: str,
        items: Sequence[Any],
    ) -> None:
        self._client = client
        self._cache = cache
        self._pod = pod
        self._node = node
        self._items = items

    async def awaited(self, timeout: float) -> None:
        """Returns when all are bound. `Failure` where they will not be, or not within so many seconds."""
        clock = self._client.clock
        began = clock.monotonic()
        while not await self._bound():
            waited = clock.monotonic() - began
            if waited >= timeout:
                raise Failure("context deadline exceeded")
            await clock.sleep(min(max(waited / 10, ASK_AGAIN), SELDOM))

    async def _bound(self) -> bool:
        node = self._cache.node(self._node)
        if node is None:
            raise Failure(f'failed to get node "{self._node}": node "{self._node}" not found')
        if self._pod.uid not in self._cache.pending:
            raise Failure(f'pod does not exist any more: pod "{self._pod.name}" not found')
        for item in self._items:
            volume = isinstance(item, objects.PersistentVolume)
            if not await (self._reserved(item, node) if volume else self._provisioned(item, node)):
                return False
        return True

    async def _reserved(self, written: objects.PersistentVolume, node: objects.Node) -> bool:
        """Whether the claim has the volume that was kept for it."""
        volume = await self._read(objects.PersistentVolume, written, "check binding")
        self._reaches(volume, node)
        if volume.spec.claim_ref is None or not volume.spec.claim_ref.uid:
            raise Failure(f'ClaimRef got reset for pv "{volume.metadata.name}"')
        reference = volume.spec.claim_ref
        meta = objects.ObjectMeta(name=reference.name, namespace=reference.namespace)
        asked = objects.PersistentVolumeClaim(metadata=meta)
        return volumes.is_bound(await self._read(objects.PersistentVolumeClaim, asked, "check binding"))

    async def _provisioned(self, written: objects.PersistentVolumeClaim, node: objects.Node) -> bool:
        """Whether the claim has a volume that was made for the node."""
        claim = await self._read(objects.PersistentVolumeClaim, written, "check provisioning pvc")
        name = claim.metadata.name
        if not claim.metadata.annotations:
            raise Failure(f'selectedNode annotation reset for PVC "{name}"')
        if claim.metadata.annotations.get(volumes.SELECTED_NODE) != self._node:
            raise Failure(f'provisioning failed for PVC "{name}"')
        if claim.spec.volume_name:
            try:
                volume = await self._client.get(_VOLUMES, claim.spec.volume_name, priority=_BEHIND)
            except errors.NotFound:
                return False
            self._reaches(volume, node)
        return volumes.is_bound(claim)

    def _reaches(self, volume: objects.PersistentVolume, node: objects.Node) -> None:
        """The volume as the node has it: a migrated one where its CSI driver says."""
        affinity = volume.spec.node_affinity
        plugin = csi_migration.plugin_of_pv(volume)
        driver = self._cache.cluster.storage.csi_nodes.get(self._node)
        if plugin in csi_migration.MIGRATED and plugin in csi_migration.migrated_on(driver):
            try:
                affinity = csi_migration.translated_affinity(volume)
            except csi_migration.MigrationError as error:
                raise Failure(f"failed to translate pv to csi: could not translate pv: {error}") from error
        if affinity is None or affinity.required is None:
            return
        # kube-scheduler hands over the labels alone: what a term says of the node's name does not count
        if not selectors.matches_node(selectors.compile_node(affinity.required), node.metadata.labels, ""):
            raise Failure(
                f'pv "{volume.metadata.name}" node affinity doesn\'t match node "{node.metadata.name}": '
                "no matching NodeSelectorTerms"
            )

    async def _read(self, kind: type[T], item: Any, doing: str) -> T:
        meta, found = item.metadata, resources.of(kind)
        try:
            return await self._client.get(found, meta.name, meta.namespace, priority=_BEHIND)
        except errors.NotFound:
            key = f"{meta.namespace}/{meta.name}" if meta.namespace else meta.name
            raise Failure(f'failed to {doing}: {found.plural} "{key}" not found') from None


_VOLUMES = resources.of(objects.PersistentVolume)
_BEHIND = limits.Priority.LOW
"""Many pods may wait for volumes at once; bindings of others are not to wait with them."""
