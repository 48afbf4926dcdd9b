"""NodePorts: host ports that are taken."""

from tests.oracle.cluster import NodeInfo
from tests.oracle.framework import CycleState, Plugin, Status, failure, skip, unschedulable
from tests.oracle.objects import HostPort, Pod

ANY = "0.0.0.0"


class PortState:
    """What the pod wants; nothing changes it."""

    def __init__(self, wanted: list[HostPort]) -> None:
        self.wanted = wanted

    def clone(self) -> "PortState":
        return self


class NodePorts(Plugin):
    name = "NodePorts"
    points = frozenset({"preFilter", "filter"})

    def pre_filter(self, state: CycleState, pod: Pod) -> tuple[set[str] | None, Status | None]:
        if not pod.host_ports:
            return None, skip()
        state.before_filter[self.name] = PortState(pod.host_ports)
        return None, None

    def filter(self, state: CycleState, pod: Pod, info: NodeInfo) -> Status | None:
        own = state.before_filter.get(self.name)
        if not isinstance(own, PortState):
            return failure('reading "PreFilterNodePorts" from cycleState: not found')
        if any(_conflicts(port, info.used_ports) for port in own.wanted):
            return unschedulable("node(s) didn't have free ports for the requested pod ports")
        return None


def _conflicts(port: HostPort, used: set[HostPort]) -> bool:
    """0.0.0.0 stands for every address; `::` is an address like any other."""
    address, protocol, number = port
    return any(
        (protocol, number) == (other_protocol, other_number) and (address == ANY or other in (ANY, address))
        for other, other_protocol, other_number in used
    )
