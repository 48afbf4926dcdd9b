"""PrioritySort: higher priority first, then who entered the queue first.

Rules: framework/plugins/queuesort/priority_sort.go.
"""

from __future__ import annotations

from typing import ClassVar

from stowage.cluster import pods
from stowage.framework import interface


class PrioritySort(interface.QueueSortPlugin):
    """See the module."""

    name: ClassVar[str] = "PrioritySort"

    def sort_key(self, pod: pods.Incoming, queued: float) -> tuple[int, float]:
        """Orders a heap, smallest first."""
        return -pod.priority, queued
