"""A workload for the embedded cluster: services that stay and are scaled, jobs that come and end.

`plan` decides what happens and when, from a seed alone; `work` carries it out and takes what the API
server says as it comes. The cluster ends up some three quarters full, with a burst now and then that is
too much for it, so that there is something to see.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from stowage.api import objects
from stowage.kube import client as clients
from stowage.kube import errors, resources

logger = logging.getLogger(__name__)

Object = dict[str, Any]
ZONE: Final = "topology.kubernetes.io/zone"
RUN_SECONDS: Final = "stowage.dev/run-seconds"
MANAGER: Final = {"fieldManager": "stowage-workload"}

NODE_CORES: Final = 8.0
FULL: Final = 0.72
"""Share of all cores that services request with as many replicas as they may have."""

LEAST: Final = 0.6
"""Share of its most replicas that a service has at least."""

NAMESPACES: Final = ("shop", "data", "batch")
PRIORITIES: Final = {"workload-high": 1000, "workload-low": -10}


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of service. `cores` and `gib` are a pod's requests, `share` its part of what services take."""

    name: str
    namespace: str
    cores: float
    gib: float
    share: float
    spread: bool = False
    apart: bool = False
    priority: str = ""


SERVICES: Final = (
    Service("web", "shop", 0.25, 0.5, 0.09, spread=True, priority="workload-high"),
    Service("checkout", "shop", 0.5, 1.0, 0.09, spread=True, priority="workload-high"),
    Service("catalog", "shop", 0.5, 2.0, 0.11),
    Service("search", "shop", 1.0, 4.0, 0.14),
    Service("recommend", "shop", 2.0, 6.0, 0.18),
    Service("gateway", "shop", 0.5, 0.5, 0.03, spread=True, apart=True),
    Service("cache", "data", 1.0, 8.0, 0.10, apart=True),
    Service("queue", "data", 1.0, 4.0, 0.08, apart=True),
    Service("ingest", "data", 0.5, 1.5, 0.14),
    Service("metrics", "data", 0.2, 1.0, 0.04),
)


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do `at` so many seconds from the start: make an `item`, or scale one to `replicas`."""

    at: float
    item: Object
    replicas: int = -1


def plan(seed: int, nodes: int) -> Iterator[Action]:
    """What happens, without end; the same for the same seed and number of nodes."""
    chance = random.Random(seed)
    cores = NODE_CORES * max(nodes, 1)
    at = 1.0
    for service in chance.sample(SERVICES, len(SERVICES)):
        replicas = _replicas(chance, service, cores)
        yield Action(at, _deployment(service, replicas))
        at += chance.uniform(0.5, 3.0)
    number = 0
    while True:
        at += chance.expovariate(1 / 2.5)
        what = chance.random()
        number += 1
        if what < 0.45:
            service = chance.choice(SERVICES)
            replicas = _replicas(chance, service, cores)
            yield Action(at, _deployment(service, replicas), replicas)
        elif what < 0.95:
            each = chance.choice((0.5, 1.0, 2.0))
            yield Action(at, _job(chance, number, cores * chance.uniform(0.005, 0.03), each))
        else:
            # A burst beyond what is free: some of it waits until something ends, or gives up.
            yield Action(at, _job(chance, number, cores * 0.25, chance.choice((2.0, 3.0, 4.0))))


def _replicas(chance: random.Random, service: Service, cores: float) -> int:
    """How many a service has now, on a cluster of so many cores."""
    most = max(1, round(FULL * service.share * cores / service.cores))
    return chance.randint(max(1, round(LEAST * most)), most)


def _container(cores: float, gib: float) -> Object:
    requests = {"cpu": f"{round(1000 * cores)}m", "memory": f"{round(1024 * gib)}Mi"}
    return {"name": "main", "image": "example.com/main:1", "resources": {"requests": requests}}


def _deployment(service: Service, replicas: int) -> Object:
    labels = {"app": service.name}
    selector = {"matchLabels": labels}
    spec: Object = {"containers": [_container(service.cores, service.gib)]}
    if service.priority:
        spec["priorityClassName"] = service.priority
    if service.spread:
        constraint = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
        spec["topologySpreadConstraints"] = [{**constraint, "labelSelector": selector}]
    if service.apart:
        term = {"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"}
        preferred = {"weight": 100, "podAffinityTerm": term}
        spec["affinity"] = {
            "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}
        }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": service.name, "namespace": service.namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": selector,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def _job(chance: random.Random, number: int, total: float, cores: float) -> Object:
    """A Job of ``total`` cores, in pods of ``cores``."""
    kind = chance.choice(("report", "training", "backup", "index"))
    pods = max(1, round(total / cores))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{kind}-{number}", "namespace": "batch", "labels": {"app": kind}},
        "spec": {
            "parallelism": pods,
            "completions": pods,
            "activeDeadlineSeconds": 150,
            "ttlSecondsAfterFinished": 15,
            "template": {
                "metadata": {
                    "labels": {"app": kind},
                    "annotations": {RUN_SECONDS: str(chance.randint(15, 90))},
                },
                "spec": {
                    "restartPolicy": "Never",
                    "priorityClassName": "workload-low",
                    "containers": [_container(cores, 2 * cores)],
                },
            },
        },
    }


# ---------------------------------------------------------------------- doing

_DEPLOYMENTS: Final = resources.of(objects.Deployment).plain()
_JOBS: Final = resources.of(objects.Job).plain()
_KINDS: Final = {"Deployment": _DEPLOYMENTS, "Job": _JOBS}


async def work(client: clients.Client, seed: int, nodes: int) -> None:
    """Carries the plan out until cancelled."""
    clock = client.clock
    started = clock.monotonic()
    await _begin(client)
    for action in plan(seed, nodes):
        await clock.sleep(max(0.0, started + action.at - clock.monotonic()))
        try:
            await _do(client, action)
        except errors.KubeError as error:
            # Somebody deleted the namespace, say; it is their cluster.
            logger.info("Workload not changed", extra={"error": str(error)})


async def _begin(client: clients.Client) -> None:
    """The namespaces and priorities; where they exist already that is well."""
    spaces, classes = resources.of(objects.Namespace).plain(), resources.of(objects.PriorityClass).plain()
    for name in NAMESPACES:
        await _made(client, spaces, {"metadata": {"name": name}})
    for name, value in PRIORITIES.items():
        await _made(client, classes, {"metadata": {"name": name}, "value": value})


async def _made(client: clients.Client, kind: resources.Resource[Any], body: Object) -> None:
    with contextlib.suppress(errors.Conflict):
        await client.create(kind, body, params=MANAGER)


async def _do(client: clients.Client, action: Action) -> None:
    meta = action.item["metadata"]
    kind = _KINDS[action.item["kind"]]
    name, namespace = meta["name"], meta["namespace"]
    try:
        if action.replicas >= 0:
            how = clients.Patch.MERGE
            body = {"spec": {"replicas": action.replicas}}
            await client.patch(kind, body, name, namespace, how=how, params=MANAGER)
        else:
            await client.create(kind, action.item, namespace, params=MANAGER)
    except (errors.NotFound, errors.Conflict):
        # Deleted by hand, or there from the time before: both are left as they are.
        logger.debug("Workload left as it is", extra={"object": f"{namespace}/{name}"})
