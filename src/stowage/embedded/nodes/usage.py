"""What simulated pods use: a share of what they request that follows the hours of the day, with noise.

Deterministic: the same seed, pod and time give the same numbers. Pods of one workload (one controller) have
their level and their busy hour in common, so that replicas rise and fall together; each pod adds a little
of its own. docs/cluster.md has the numbers in words.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any, Final, NamedTuple

from stowage.api import quantity

Object = dict[str, Any]
DAY_SECONDS: Final = 86_400
_WARM_SECONDS: Final = 600.0
"""How long a pod's memory grows after its start."""
_NO_REQUEST_CPU: Final = 20_000_000
"""Nanocores that a container is taken to request that requests nothing: 20m."""
_NO_REQUEST_MEMORY: Final = 64 << 20
_SYSTEM_CPU: Final = 150_000_000
_SYSTEM_MEMORY: Final = 600 << 20


class Usage(NamedTuple):
    """CPU in nanocores, memory in bytes."""

    cpu: int
    memory: int

    def quantities(self) -> Object:
        """As metrics.k8s.io writes it."""
        return {"cpu": f"{self.cpu}n", "memory": f"{self.memory >> 10}Ki"}


class _Rhythm(NamedTuple):
    """Of a workload: shares of the request, and when it is busiest, in seconds after midnight UTC."""

    level: float
    swing: float
    memory: float
    peak: float


class Model:
    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def pod(self, pod: Object, now: float, started: float) -> dict[str, Usage]:
        """The usage of each container of a running pod; times in seconds since 1970."""
        meta = pod["metadata"]
        name = f"{meta.get('namespace', '')}/{meta['name']}"
        rhythm = self._rhythm(_workload(meta, name))
        own = 0.9 + 0.2 * self._draw("pod", name)
        warm = 0.4 + 0.6 * min(max(now - started, 0.0) / _WARM_SECONDS, 1.0)
        wave = math.cos(2 * math.pi * (now - rhythm.peak) / DAY_SECONDS)
        found = {}
        for container in _running(pod["spec"]):
            noise = self._noise(f"{name}/{container['name']}", now)
            cpu = max(rhythm.level + rhythm.swing * wave, 0.02) * own * (1 + 0.2 * noise)
            memory = rhythm.memory * own * warm * (1 + 0.05 * wave + 0.02 * noise)
            found[container["name"]] = _of(container, cpu, memory)
        return found

    def system(self, node: str, now: float) -> Usage:
        """What a node uses besides its pods: the kubelet, the runtime, the kernel."""
        noise = self._noise(f"node/{node}", now)
        return Usage(int(_SYSTEM_CPU * (1 + 0.3 * noise)), int(_SYSTEM_MEMORY * (1 + 0.02 * noise)))

    def _rhythm(self, workload: str) -> _Rhythm:
        draws = [self._draw(part, workload) for part in ("level", "swing", "memory", "peak")]
        # Busiest between 11 and 17 o'clock.
        return _Rhythm(
            0.25 + 0.35 * draws[0], 0.1 + 0.15 * draws[1], 0.4 + 0.4 * draws[2], (11 + 6 * draws[3]) * 3600
        )

    def _noise(self, key: str, now: float) -> float:
        """Between -1 and 1, smooth: half of it moves within a minute, half within ten."""
        return sum(self._smooth(f"{key}/{step}", now / step) for step in (60, 600)) / 2

    def _smooth(self, key: str, at: float) -> float:
        whole = math.floor(at)
        part = (1 - math.cos(math.pi * (at - whole))) / 2
        left, right = (self._draw(str(each), key) for each in (whole, whole + 1))
        return 2 * (left + (right - left) * part) - 1

    def _draw(self, what: str, key: str) -> float:
        """Uniform in [0, 1), always the same for what it is asked."""
        digest = hashlib.blake2b(f"{self._seed}/{what}/{key}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big") / (1 << 56)


def _workload(meta: Object, name: str) -> str:
    """The controller of a pod; of a Deployment's pods the Deployment, whose ReplicaSets come and go."""
    for owner in meta.get("ownerReferences") or ():
        if owner.get("controller"):
            revision = (meta.get("labels") or {}).get("pod-template-hash", "")
            return f"{meta.get('namespace', '')}/{owner['name'].removesuffix('-' + revision)}"
    return name


def _running(spec: Object) -> list[Object]:
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    return [*(spec.get("containers") or ()), *sidecars]


def _of(container: Object, cpu: float, memory: float) -> Usage:
    """Shares of what a container requests, held to its limits."""
    resources = container.get("resources") or {}
    requests, limits = (_amounts(resources.get(side) or {}) for side in ("requests", "limits"))
    wanted = Usage(
        int(cpu * (requests.cpu or _NO_REQUEST_CPU)), int(memory * (requests.memory or _NO_REQUEST_MEMORY))
    )
    return Usage(
        min(wanted.cpu, limits.cpu or wanted.cpu), min(wanted.memory, limits.memory or wanted.memory)
    )


def _amounts(stated: Object) -> Usage:
    cpu, memory = (quantity.nanos(stated.get(name, "0")) for name in ("cpu", "memory"))
    return Usage(cpu, memory // quantity.NANO)
