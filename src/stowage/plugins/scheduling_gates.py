"""SchedulingGates: a pod with gates stays out of the queue.

Rules: framework/plugins/schedulinggates/scheduling_gates.go.
"""

from __future__ import annotations

from typing import ClassVar

from stowage.cluster import pods, table
from stowage.framework import events, interface, status


class SchedulingGates(interface.PreEnqueuePlugin):
    """See the module."""

    name: ClassVar[str] = "SchedulingGates"

    def pre_enqueue(self, pod: pods.Incoming) -> status.Status | None:
        """Refuses while any gate is left; the list is printed as Go prints it."""
        gates = pod.spec.scheduling_gates
        if not gates:
            return None
        return status.unresolvable(f"waiting for scheduling gates: [{' '.join(gate.name for gate in gates)}]")

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """Its own last gate gone."""
        gone = events.Action.UPDATE_POD_SCHEDULING_GATES_ELIMINATED
        return (events.on(events.Resource.POD, gone, after_gates),)


def after_gates(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """Another pod's gates are none of its business."""
    return change.updates(pod)
