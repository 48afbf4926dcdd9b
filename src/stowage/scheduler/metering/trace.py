"""Slow cycles, told in the log with what they spent their time on.

Rules: kube-scheduler's schedulePod, which traces what comes before PostFilter, and k8s.io/utils/trace: a
trace of `THRESHOLD` or more is logged at verbosity 2, with those of its steps that took their share of it,
at verbosity 4 with all.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from stowage.cluster import pods
from stowage.scheduler import logs

logger = logging.getLogger(__name__)

THRESHOLD = 0.1
"""Seconds."""

STEPS = {
    "Computing predicates done": ("PreFilter", "Filter"),
    "Prioritizing done": ("PreScore", "Score"),
}
"""Names of steps, as kube-scheduler has them, and the extension points before each."""


def log(pod: pods.Incoming, spent: Mapping[str, float]) -> None:
    """Tells of a cycle that took long; ``spent``: seconds by extension point."""
    total = sum(seconds for point, seconds in spent.items() if point != "PostFilter")
    if total < THRESHOLD:
        return
    steps = {
        name: sum(spent.get(point, 0.0) for point in before)
        for name, before in STEPS.items()
        if not spent.keys().isdisjoint(before)
    }
    share = 0.0 if logger.isEnabledFor(logs.V4) else THRESHOLD / (len(steps) + 1)
    fields = {
        "trace": "Scheduling",
        "pod": pod.key,
        "seconds": round(total, 6),
        "steps": [
            {"step": name, "seconds": round(seconds, 6)}
            for name, seconds in steps.items()
            if seconds >= share
        ],
    }
    logger.log(logs.V2, "Slow scheduling cycle", extra=fields)
