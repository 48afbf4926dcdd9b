"""NodeUnschedulable: it is the field that keeps pods off, not the taint."""

import pytest

from stowage.cluster import pods, table
from stowage.framework import interface
from stowage.plugins import node_unschedulable
from tests.builders import make_node, make_pod, make_table
from tests.unit.plugins import asking

TAINT = "node.kubernetes.io/unschedulable"
REFUSED = "UnschedulableAndUnresolvable: node(s) were unschedulable"


class Asked(node_unschedulable.NodeUnschedulable):
    """With the state that the engine gives a filter without PreFilter."""

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered:
        return interface.PreFiltered(pod)


@pytest.mark.parametrize(
    ("cordoned", "tainted", "tolerated", "reason"),
    [
        pytest.param(True, False, False, REFUSED, id="the-field-alone"),
        pytest.param(False, True, False, "", id="the-taint-alone"),
        pytest.param(True, True, True, "", id="tolerated"),
        pytest.param(True, False, True, "", id="the-field-alone-tolerated"),
    ],
)
def test_a_cordoned_node(cordoned: bool, tainted: bool, tolerated: bool, reason: str) -> None:
    node = make_node("n")
    node.raw["spec"]["unschedulable"] = cordoned
    if tainted:
        node.taint(TAINT, "NoSchedule")
    pod = make_pod("p").spec(tolerations=[{"key": TAINT, "operator": "Exists"}] if tolerated else [])
    assert asking.verdicts(Asked(), make_table(node), pod) == {"n": reason}


def test_a_toleration_of_another_effect_does_not_help() -> None:
    node = make_node("n")
    node.raw["spec"]["unschedulable"] = True
    pod = make_pod("p").spec(tolerations=[{"key": TAINT, "operator": "Exists", "effect": "NoExecute"}])
    assert asking.verdicts(Asked(), make_table(node), pod) == {"n": REFUSED}
