"""What the binding cycle writes: bindings, and the claims and volumes before them.

The plugins of the binding cycle are plain functions: they leave their writes with a `Notes`, which is
their binder, and here they are carried out. Whether a write whose answer was lost took effect is found
out by reading: a pod that is bound to the node is bound, whoever heard of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from stowage.api import objects, volumes
from stowage.cluster import pods
from stowage.framework import status
from stowage.kube import client as clients
from stowage.kube import errors, informer, limits, resources, watch
from stowage.scheduler import cache as caches
from stowage.scheduler.actuation import provision

logger = logging.getLogger(__name__)

ASK_AGAIN = 1.0
"""Seconds between two questions about what became of a write, or of a claim."""

ASK_AT_MOST = 60.0
"""Seconds between two questions that the server does not allow: rights may come, but rarely do."""

BIND_TRIES = 3
"""How often a binding is sent of which it is not known what became."""


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
    """Carries the writes out. ``leads``: asked before each is sent. ``still``: the lock under which
    the table is changed."""

    def __init__(
        self, client: clients.Client, cache: caches.Cache, leads: Callable[[], bool], still: asyncio.Lock
    ) -> None:
        self._client = client
        self._cache = cache
        self._leads = leads
        self._still = still

    # --------------------------------------------------------------- bindings

    async def bind(self, pod: pods.Incoming, node: str) -> str:
        """Binds the pod; why it is not bound, empty where it is.

        What was sent and found no answer may still arrive. So it is sent again, to the same node, until
        the server has decided: else the pod could turn up where its place was given to another.
        """
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"kind": "Node", "name": node},
        }
        left, backoff = BIND_TRIES, limits.Backoff(chance=self._client.chance)
        while True:
            left -= 1
            try:
                await self._client.create(resources.BINDINGS, body, pod.namespace, pod.name, may=self._leads)
            except (errors.AnswerLost, errors.ServerError, errors.Conflict) as error:
                if await self.is_bound(pod, node):
                    return ""
                if isinstance(error, errors.Conflict) or not left:
                    return _words(error)
            except errors.KubeError as error:
                return _words(error)
            else:
                return ""
            await self._client.clock.sleep(backoff.next())

    async def is_bound(self, pod: pods.Incoming, node: str) -> bool:
        """Whether the pod is on the node; asks until there is an answer, or a watch tells."""
        clock = self._client.clock
        refused, due = limits.Backoff(ASK_AGAIN, ASK_AT_MOST, self._client.chance), clock.monotonic()
        while True:
            seen = self._cache.node_of(pod.uid)
            if seen or pod.uid not in self._cache.pending:
                return seen == node
            if clock.monotonic() >= due:
                try:
                    found = await self._client.get(resources.PODS, pod.name, pod.namespace)
                except errors.NotFound:
                    return False
                except errors.KubeError as error:
                    fields = {"pod": pod.key, "node": node, "error": str(error)}
                    logger.warning("Not known yet whether the pod was bound", extra=fields)
                    if isinstance(error, errors.Forbidden):
                        due = clock.monotonic() + refused.next()
                else:
                    return found.metadata.uid == pod.uid and found.spec.node_name == node
            await clock.sleep(ASK_AGAIN)

    # ---------------------------------------------------------------- volumes

    def hold(self, items: Sequence[Any]) -> None:
        """Has news of the claims and volumes that are to be written wait, until `settle`."""
        self._cache.hold(_touched(items))

    async def prepare(self, pod: pods.Incoming, node: str, items: Sequence[Any], timeout: float) -> str:
        """Writes the pod's claims and volumes, and waits until the claims are bound; why they are not,
        empty where they are."""
        if not items:
            return ""
        try:
            for item in items:
                await self._written(item)
            await provision.Check(self._client, self._cache, pod, node, items).awaited(timeout)
        except provision.Failure as error:
            return f"binding volumes: {error}"
        except errors.KubeError as error:
            return _words(error)
        return ""

    async def settle(self, items: Sequence[Any], failed: bool) -> None:
        """Applies the news that waited; where that ``failed``, what is so is read."""
        touched = _touched(items)
        async with self._still:
            self._cache.release(touched)
        if failed:
            await self._reread(touched)

    async def _written(self, item: Any) -> None:
        kind, meta = resources.of(type(item)), item.metadata
        how = clients.Patch.MERGE
        await self._client.patch(kind, _patch(item), meta.name, meta.namespace, how=how, may=self._leads)

    async def _reread(self, items: Sequence[Any]) -> None:
        for item in items:
            kind, meta = resources.of(type(item)), item.metadata
            head, found = watch.Head(meta.namespace, meta.name), None
            try:
                found = await self._client.get(kind, meta.name, meta.namespace)
            except errors.NotFound:
                pass
            except errors.KubeError as error:
                fields = {"object": f"{meta.namespace}/{meta.name}", "error": str(error)}
                logger.warning("Object not read again after a failed write", extra=fields)
                continue
            what = informer.What.REMOVED if found is None else informer.What.CHANGED
            async with self._still:
                self._cache.apply(informer.News(what, kind, head, found))


def _touched(items: Sequence[Any]) -> list[Any]:
    """The claims and volumes that are written, and the claims that the plugin took for bound by that."""
    found = {caches.key_of(item): item for item in items}
    for item in items:
        reference = item.spec.claim_ref if isinstance(item, objects.PersistentVolume) else None
        if reference is not None:
            meta = objects.ObjectMeta(name=reference.name, namespace=reference.namespace)
            claim = objects.PersistentVolumeClaim(metadata=meta)
            found.setdefault(caches.key_of(claim), claim)
    return list(found.values())


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


def _words(error: errors.KubeError) -> str:
    """As kube-scheduler tells it: what the server said, without the code."""
    return error.message if isinstance(error, errors.APIError) else str(error)
