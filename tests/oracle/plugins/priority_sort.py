"""PrioritySort: which of two waiting pods goes first."""

from tests.oracle.framework import Plugin
from tests.oracle.objects import Pod


class PrioritySort(Plugin):
    name = "PrioritySort"

    @staticmethod
    def before(pod: Pod, since: float, other: Pod, other_since: float) -> bool:
        """`since`: when each came to the queue."""
        return pod.priority > other.priority or (pod.priority == other.priority and since < other_since)
