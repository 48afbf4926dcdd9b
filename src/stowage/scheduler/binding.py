"""What the binding cycle writes: bindings, and the claims and volumes before them.

The plugins of the binding cycle are plain functions: they leave their writes with a `Notes`, which is
their binder, and here they are carried out. Whether a write whose answer was lost took effect is found
out by reading: a pod that is bound to the node is bound, whoever heard of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from stowage.api import objects, volumes
from stowage.cluster import pods
from stowage.framework import status
from stowage.kube import client as clients
from stowage.kube import errors, resources
from stowage.scheduler import cache as caches

logger = logging.getLogger(__name__)

ASK_AGAIN = 1.0
"""Seconds between two questions about what became of a write, or of a claim."""


class Notes:
    """A binder that keeps what it is asked to write until it is taken, at once."""

    def __init__(self) -> None:
        self._bindings: list[tuple[pods.Incoming, str]] = []
        self._items: list[Any] = []

    def bind(self, pod: pods.Incoming, node: str) -> status.Status | None:
        """Notes the binding."""
        self._bindings.append((pod, node))
        return None

    def patch(self, item: Any) -> status.Status | None:
        """Notes the claim or volume."""
        self._items.append(item)
        return None

    def bindings(self) -> list[tuple[pods.Incoming, str]]:
        """Takes the bindings."""
        taken, self._bindings = self._bindings, []
        return taken

    def items(self) -> list[Any]:
        """Takes the claims and volumes."""
        taken, self._items = self._items, []
        return taken


class Writer:
    """Carries the writes out. ``leads``: asked before each binding is sent."""

    def __init__(self, client: clients.Client, cache: caches.Cache, leads: Callable[[], bool]) -> None:
        self._client = client
        self._cache = cache
        self._leads = leads

    # --------------------------------------------------------------- bindings

    async def bind(self, pod: pods.Incoming, node: str) -> str:
        """Binds the pod; why it is not bound, empty where it is."""
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"kind": "Node", "name": node},
        }
        if not self._leads():
            return "no longer leading"
        try:
            await self._client.create(resources.BINDINGS, body, pod.namespace, pod.name)
        except (errors.AnswerLost, errors.ServerError, errors.Conflict) as error:
            return "" if await self._is_bound(pod, node) else str(error)
        except errors.KubeError as error:
            return str(error)
        return ""

    async def _is_bound(self, pod: pods.Incoming, node: str) -> bool:
        """Whether the pod is on the node; asks until there is an answer."""
        while True:
            seen = self._cache.node_of(pod.uid)
            if seen:
                return seen == node
            try:
                found = await self._client.get(resources.PODS, pod.name, pod.namespace)
            except errors.NotFound:
                return False
            except errors.KubeError as error:
                fields = {"pod": pod.key, "node": node, "error": str(error)}
                logger.warning("Not known yet whether the pod was bound", extra=fields)
                await self._client.clock.sleep(ASK_AGAIN)
                continue
            return found.metadata.uid == pod.uid and found.spec.node_name == node

    # ---------------------------------------------------------------- volumes

    async def prepare(self, items: Sequence[Any], timeout: float) -> str:
        """Writes claims and volumes, and waits until the claims are bound; why they are not, empty where
        they are. News of them are held back meanwhile; where that fails, they are read again."""
        if not items:
            return ""
        self._cache.hold(items)
        try:
            failure = await self._prepared(items, timeout)
        except errors.KubeError as error:
            failure = str(error)
        finally:
            self._cache.release(items)
        if failure:
            await self._reread(items)
        return failure

    async def _prepared(self, items: Sequence[Any], timeout: float) -> str:
        for item in items:
            kind = resources.of(type(item))
            meta = item.metadata
            how = clients.Patch.MERGE
            await self._client.patch(kind, _patch(item), meta.name, meta.namespace, how=how)
        ends = self._client.clock.monotonic() + timeout
        waiting = dict.fromkeys(_claim(item) for item in items)
        while waiting:
            for namespace, name in list(waiting):
                claim = await self._client.get(resources.of(objects.PersistentVolumeClaim), name, namespace)
                if claim.spec.volume_name and volumes.BIND_COMPLETED in claim.metadata.annotations:
                    del waiting[namespace, name]
                elif _given_up(claim, items):
                    return f'binding volumes: provisioning failed for PVC "{name}"'
            if waiting and self._client.clock.monotonic() >= ends:
                return "binding volumes: context deadline exceeded"
            if waiting:
                await self._client.clock.sleep(ASK_AGAIN)
        return ""

    async def _reread(self, items: Sequence[Any]) -> None:
        for item in items:
            meta = item.metadata
            try:
                found = await self._client.get(resources.of(type(item)), meta.name, meta.namespace)
            except errors.NotFound:
                self._cache.cluster.remove(item)
            except errors.KubeError as error:
                fields = {"object": f"{meta.namespace}/{meta.name}", "error": str(error)}
                logger.warning("Object not read again after a failed write", extra=fields)
            else:
                self._cache.cluster.set(found)


def _patch(item: Any) -> dict[str, Any]:
    """What of a claim or volume the plugins change: annotations, and a volume's claim."""
    meta = item.metadata
    ours = (volumes.SELECTED_NODE, volumes.BOUND_BY_CONTROLLER)
    annotations = {key: meta.annotations[key] for key in ours if key in meta.annotations}
    body: dict[str, Any] = {"metadata": {"uid": meta.uid, "annotations": annotations}}
    if isinstance(item, objects.PersistentVolume) and item.spec.claim_ref is not None:
        claim = item.spec.claim_ref
        body["spec"] = {
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": claim.namespace,
                "name": claim.name,
                "uid": claim.uid,
            }
        }
    return body


def _claim(item: Any) -> tuple[str, str]:
    """Namespace and name of the claim that a write is for."""
    if isinstance(item, objects.PersistentVolume) and item.spec.claim_ref is not None:
        return item.spec.claim_ref.namespace, item.spec.claim_ref.name
    return item.metadata.namespace, item.metadata.name


def _given_up(claim: objects.PersistentVolumeClaim, items: Sequence[Any]) -> bool:
    """Whether the provisioner has taken the node off a claim again: another one is to be chosen."""
    asked = any(caches.key_of(item) == caches.key_of(claim) for item in items)
    return asked and volumes.SELECTED_NODE not in claim.metadata.annotations
