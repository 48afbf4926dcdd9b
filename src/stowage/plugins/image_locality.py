"""ImageLocality: nodes that have the pod's images already, weighed by size and by how spread they are.

Rules: framework/plugins/imagelocality/image_locality.go. Where nodes report different sizes of one
image, the one that a freshly started scheduler sees first counts: the list comes in name order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.framework import interface

MI = 1024 * 1024
MIN_THRESHOLD = 23 * MI
MAX_CONTAINER_THRESHOLD = 1000 * MI


class ImageLocality(interface.ScorePlugin):
    """See the module."""

    name: ClassVar[str] = "ImageLocality"
    reads: ClassVar[frozenset[str]] = frozenset({"images", "nodes", "names"})

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> Any:
        """int64[size]: the score of every row, or 0 where no node has any of the images."""
        total = np.zeros(cluster.size, np.int64)
        for name, uses in Counter(images(pod.spec)).items():
            holders = cluster.images.rows.get(name)
            if holders:
                rows = np.fromiter(holders, np.intp, len(holders))
                total[rows] += uses * scaled(size(holders, cluster.names), len(holders), cluster.node_count)
        if not total.any():
            return 0
        containers = len(pod.spec.containers) + len(pod.spec.init_containers)
        highest = MAX_CONTAINER_THRESHOLD * containers
        clipped = np.clip(total, MIN_THRESHOLD, highest) - MIN_THRESHOLD
        return clipped * interface.MAX_SCORE // (highest - MIN_THRESHOLD)

    def score(self, state: Any, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        """0 to 100."""
        answer: interface.Answer = state if isinstance(state, int) else state[rows]
        return answer


def images(spec: objects.PodSpec) -> Iterator[str]:
    """The images of a pod, as node statuses write them: containers, init containers, image volumes."""
    for container in (*spec.init_containers, *spec.containers):
        yield normalized(container.image)
    for volume in spec.volumes:
        if volume.image is not None:
            yield normalized(volume.image.reference)


def normalized(image: str) -> str:
    """With a tag: `:latest` where the last part has neither tag nor digest."""
    return image if image.rfind(":") > image.rfind("/") else image + ":latest"


def size(holders: dict[int, int], names: list[str]) -> int:
    """Bytes of an image, as the first of its holders by name reports it."""
    sizes = iter(holders.values())
    first = next(sizes)
    if all(each == first for each in sizes):
        return first
    return holders[min(holders, key=names.__getitem__)]


def scaled(bytes_: int, holders: int, nodes: int) -> int:
    """The size, scaled by the share of nodes that have it; float64, truncated."""
    return int(float(bytes_) * (holders / nodes))
