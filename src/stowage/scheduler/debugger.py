"""What the scheduler knows beside what the API server says: on SIGUSR2 both are compared, and it is logged.

kube-scheduler's backend/cache/debugger, which compares names; here it is what is counted. The cluster is
listed anew and put into a second table: what differs is one line each. What happened within the last moment
may be among it, and so is every pod that is assumed on a node and not bound yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Collection, Iterator
from typing import Any

from stowage.api import objects
from stowage.cluster import outside, pods, table
from stowage.kube import client as clients
from stowage.kube import errors
from stowage.scheduler import cache as caches

logger = logging.getLogger(__name__)

Seen = dict[str, Any]
"""What a table says of its contents, by what it is about."""


Known = tuple[caches.Cache, Collection[str]]
"""A cache, and the names of the profiles that it is for."""


@contextlib.contextmanager
def listening(client: clients.Client, known: Callable[[], Known | None]) -> Iterator[None]:
    """Compares what is ``known``, if anything is, at each SIGUSR2 within the block, whose default would end
    the process. Only in the main thread's event loop."""
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()

    def start() -> None:
        if (what := known()) is None:
            logger.info("Cache not compared", extra={"error": "nothing is known before the Lease is held"})
            return
        task = loop.create_task(compare(client, *what), name="comparison of the cache")
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGUSR2, start)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGUSR2)
        for task in running:
            task.cancel()


async def compare(client: clients.Client, cache: caches.Cache, names: Collection[str]) -> None:
    """Logs what of the cache the API server does not say, and the other way round."""
    fresh = table.Table()
    waiting: set[str] = set()
    try:
        for source in caches.sources():
            for item in await _listed(client, source.kind, source.params()):
                fresh.set(item)
                if isinstance(item, objects.Pod) and not item.spec.node_name:
                    waiting |= {_key(item.metadata)} if item.spec.scheduler_name in names else set()
    except errors.KubeError as error:
        logger.error("Cache not compared", extra={"error": str(error)})
        return
    found = differences(cache.cluster, fresh)
    known = {pod.key: uid for uid, pod in cache.pending.items()}
    found += [f"pending pod {key}: known, not there" for key in sorted(known.keys() - waiting)]
    found += [f"pending pod {key}: there, not known" for key in sorted(waiting - known.keys())]
    lost = [key for key, uid in known.items() if uid not in cache.assumed and not cache.queue.place(key)]
    fields = {
        "nodes": cache.cluster.node_count,
        "pods": len(cache.cluster.pods),
        "queue": cache.queue.counts,
        "assumed": cache.assumed,
        "lost": lost,
        "differences": found,
    }
    logger.log(logging.WARNING if found or lost else logging.INFO, "Cache compared", extra=fields)


async def _listed(client: clients.Client, kind: Any, params: dict[str, str]) -> list[Any]:
    try:
        return await client.list_all(kind, params=params)
    except (errors.NotFound, errors.Forbidden):
        if kind.answer in caches.OPTIONAL:
            return []
        raise


def differences(known: table.Table, fresh: table.Table) -> list[str]:
    """What the first says otherwise than the second, a sentence each; in no way how they number things."""
    found = []
    for about, ours, theirs in (
        ("node", _nodes(known), _nodes(fresh)),
        ("pod", _pods(known), _pods(fresh)),
        ("namespace", known.namespaces, fresh.namespaces),
        *(
            (kind.__name__, getattr(known.storage, name), getattr(fresh.storage, name))
            for kind, name in outside.STORAGE_KINDS.items()
        ),
    ):
        for key in sorted(ours.keys() | theirs.keys()):
            if key not in theirs:
                found.append(f"{about} {key}: known, not there")
            elif key not in ours:
                found.append(f"{about} {key}: there, not known")
            elif ours[key] != theirs[key]:
                found.append(f"{about} {key}: known as {ours[key]}, there as {theirs[key]}")
    return found


def _nodes(cluster: table.Table) -> Seen:
    """Name -> what is counted and read of each node that is there."""
    names = cluster.resources.names
    seen: Seen = {}
    for name, row in cluster.row_of.items():
        if not cluster.live.item(row):
            continue
        seen[name] = {
            "allocatable": _amounts(names, cluster.allocatable[:, row].tolist()),
            "requested": _amounts(names, cluster.requested[:, row].tolist()),
            "nonzero": cluster.nonzero[:, row].tolist(),
            "labels": cluster.labels.get(row),
            "taints": [str(taint) for taint in cluster.taints.sets[cluster.taints.ids.item(row)]],
            "features": cluster.features.sets[cluster.features.ids.item(row)],
            "unschedulable": bool(cluster.unschedulable.item(row)),
        }
    return seen


def _pods(cluster: table.Table) -> Seen:
    """UID -> each placed pod and its node, one that is gone included."""
    held: pods.Pods = cluster.pods
    names = cluster.resources.names
    seen: Seen = {}
    for uid, slot in held.by_uid.items():
        pod = cluster.held(slot)
        seen[uid] = {
            "pod": pod.key,
            "node": cluster.names[held.rows.item(slot)],
            "requested": {names[index]: amount for index, amount in sorted(pod.shape.requested)},
            "labels": pod.labels,
            "terminating": pod.group.terminating,
            "priority": pod.priority,
        }
    return seen


def _amounts(names: list[str], amounts: list[int]) -> dict[str, int]:
    return {name: amount for name, amount in zip(names, amounts, strict=False) if amount}


def _key(meta: objects.ObjectMeta) -> str:
    return f"{meta.namespace}/{meta.name}"
