"""DynamicResources, as far as it concerns pods that need no claim; others it keeps out.

Allocation of devices is not here yet: a pod with `resourceClaims` is refused rather than placed wrongly, and
so is one that asks for a resource which a device class stands for, on nodes that do not have it themselves.
For every other pod it says what kube-scheduler's says (framework/plugins/dynamicresources): nothing, but for
its part of the sentence where a pod fits nowhere.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.api import objects, resources
from stowage.cluster import pods, table
from stowage.framework import events, interface, overlay, status

UNSUPPORTED = "resource claims are not supported yet"
UNSUPPORTED_CLASS = "extended resources of device classes are not supported yet"
NOTHING_TO_FREE = "no new claims to deallocate"
NOT_ASKED = "not found"

State = tuple[int, ...]
"""Indexes of the resources that the pod asks for and a device class stands for."""


class DynamicResources(interface.PreFilterPlugin, interface.FilterPlugin, interface.PostFilterPlugin):
    """See the module."""

    name: ClassVar[str] = "DynamicResources"
    missing_state: ClassVar[str] = NOT_ASKED
    reads: ClassVar[frozenset[str]] = frozenset({"allocatable", "storage"})

    def __init__(self, args: object) -> None:
        """Its arguments are timeouts of what is not here."""

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """SKIP for a pod that asks for no device."""
        if pod.spec.resource_claims:
            return status.unresolvable(UNSUPPORTED)
        asked = resources.filter_requests(pod.pod).items()
        classed = tuple(
            cluster.resource(name) for name, amount in asked if amount and cluster.storage.classed(name)
        )
        return interface.PreFiltered(classed) if classed else status.SKIP

    def filter(
        self, state: State, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """1 where one of them would have to come from a device."""
        least = cluster.allocatable[list(state)][:, rows].min(axis=0)
        return np.where(least > 0, 0, 1)

    def explain(self, state: State, cluster: table.Table, code: int) -> status.Status:
        """The one reason there is."""
        return status.unresolvable(UNSUPPORTED_CLASS)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """A node that has the resource itself; nothing gives a pod with claims what is not here."""
        node = events.Action.ADD | events.Action.UPDATE_NODE_ALLOCATABLE
        return (events.on(events.Resource.NODE, node, after_node),)

    def post_filter(self, pod: pods.Incoming, attempt: interface.Attempt) -> interface.PostFiltered:
        """Frees nothing. Where PreFilter ended before it, its state is missing, which is an error."""
        if self.name not in attempt.asked:
            return interface.PostFiltered(status.error(NOT_ASKED))
        return interface.PostFiltered(status.unschedulable(NOTHING_TO_FREE))


def after_node(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """One that has an extended resource which the pod asks for, and had none of it before."""
    new = resources.allocatable(change.new.status.allocatable)
    node: objects.Node | None = change.old
    old = {} if node is None else resources.allocatable(node.status.allocatable)
    asked = resources.filter_requests(pod.pod).items()
    return any(
        amount and "/" in name and new.get(name, 0) > 0 and not old.get(name) for name, amount in asked
    )
