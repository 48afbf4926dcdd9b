"""How an attempt fails, and what is said of it. Rules: kube-scheduler's schedule_one.go."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from stowage.cluster import pods
from stowage.framework import status
from stowage.scheduler.actuation import conditions

NOTE_LIMIT = 1024
"""Bytes of an Event's note."""

CLAIMS = "resource claims are not supported yet"
GROUP = "scheduling groups are not supported yet"


@dataclasses.dataclass(frozen=True)
class Failed:
    """How an attempt failed. ``node``: the nomination from now on; empty: none; None: as it is.
    ``preempted``: the pods that go to make room."""

    message: str
    reason: str = conditions.SCHEDULER_ERROR
    plugins: Sequence[str] = ()
    pending: Sequence[str] = ()
    node: str | None = ""
    preempted: Sequence[str] = ()

    @property
    def rejected(self) -> bool:
        """Whether it is an answer, and not an error."""
        return self.reason == conditions.UNSCHEDULABLE


NONE = Failed("")
"""Of an attempt that has not failed."""

GIVEN_UP = Failed("the binding was given up")
"""Of one that was cancelled."""


def of_error(error: Exception) -> Failed:
    """Something that must not happen did."""
    return Failed(str(error) or type(error).__name__)


def refused(answer: status.Status, point: str) -> Failed:
    """Reserve or Permit refused the node: as if it had been the only one (FitError), or an error."""
    if not answer.rejected:
        return _erred(answer, point)
    message = status.unavailable(1, {answer.message: 1})
    pending = [answer.plugin] if answer.code is status.Code.PENDING else []
    return Failed(message, conditions.UNSCHEDULABLE, [answer.plugin], pending)


def refused_late(answer: status.Status, point: str) -> Failed:
    """PreBind or Bind refused it: whatever they say, the pod is tried again after a pause."""
    if not answer.rejected:
        return _erred(answer, point)
    return Failed(answer.message, conditions.UNSCHEDULABLE)


def refused_waiting(answer: status.Status) -> Failed:
    """The pod waited, in vain."""
    if not answer.rejected:
        return Failed(f"waiting on permit for pod: {answer.message}")
    return refused(answer, "Permit")


def _erred(answer: status.Status, point: str) -> Failed:
    return Failed(f'running {point} plugin "{answer.plugin}": {answer.message}')


def unsupported(pod: pods.Incoming, nodes: int) -> Failed | None:
    """Whether the pod needs what is not here: said under the name of kube-scheduler's plugin for it."""
    if pod.spec.resource_claims:
        plugin, reason = "DynamicResources", CLAIMS
    elif pod.spec.scheduling_group is not None:
        plugin, reason = "GangScheduling", GROUP
    else:
        return None
    return Failed(f"0/{nodes} nodes are available: {reason}.", conditions.UNSCHEDULABLE, [plugin])


def note(message: str) -> str:
    """As much of a message as an Event holds."""
    encoded = message.encode()
    if len(encoded) <= NOTE_LIMIT:
        return message
    return encoded[: NOTE_LIMIT - 4].decode(errors="ignore") + " ..."
