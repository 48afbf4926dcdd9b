"""SchedulingGates: a pod with gates does not enter the queue."""

from tests.oracle.framework import Plugin, Status, unresolvable
from tests.oracle.objects import Pod


class SchedulingGates(Plugin):
    name = "SchedulingGates"
    points = frozenset({"preEnqueue"})

    def pre_enqueue(self, pod: Pod) -> Status | None:
        gates = [gate.get("name") or "" for gate in pod.spec.get("schedulingGates") or []]
        return unresolvable(f"waiting for scheduling gates: [{' '.join(gates)}]") if gates else None
