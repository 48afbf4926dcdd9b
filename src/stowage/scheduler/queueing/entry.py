"""A pod in the queue, with what the queue knows of its attempts."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from stowage.cluster import pods
from stowage.scheduler import decisions

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Entry:
    """As QueuedPodInfo. Times are the queue's clock, in seconds."""

    pod: pods.Incoming
    queued: float
    """When it was last added or put back."""
    attempts: int = 0
    popped: float = 0.0
    """When it was last taken to be tried."""
    first: float | None = None
    """When it was first ready to be tried."""
    rejections: int = 0
    """Attempts that ended with a plugin's rejection."""
    errors: int = 0
    """Attempts that ended with an error, since the last that did not."""
    expires: float | None = None
    """When its backoff ends; None: to be worked out."""
    rejecting: frozenset[str] = frozenset()
    """The plugins that kept it out, of the queue or of every node."""
    pending: frozenset[str] = frozenset()
    """Those of them that answered PENDING: what they wait for ends the backoff as well."""
    gate: str = ""
    """The PreEnqueue plugin that keeps it out now."""
    flushed: bool = False
    """It went back because it had waited for long, not because something happened."""
    seen: decisions.Seen | None = None
    """What the attempt now under way, or the last one, was decided on; kept while somebody listens."""
    failing: frozenset[str] = frozenset()
    """The plugins that have raised where the queue asked them about it."""

    def failed(self, plugin: str, asked: str, error: Exception) -> None:
        """Logs, once a pod and plugin, that a plugin raised where it was ``asked``."""
        if plugin not in self.failing:
            self.failing |= {plugin}
            fields = {"pod": self.pod.key, "plugin": plugin, "asked": asked}
            logger.error("Plugin failed in the queue", extra=fields, exc_info=error)
