"""Events: which registration is told of which event, what an update amounts to, and their labels."""

import pytest

from stowage.cluster import pods
from stowage.framework import events
from stowage.framework.events import Action, Event, Resource
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod, make_table

LABELS = Event(Resource.NODE, Action.UPDATE_NODE_LABEL)


@pytest.mark.parametrize(
    ("registered", "happened", "told"),
    [
        pytest.param(LABELS, LABELS, True, id="the same"),
        pytest.param(Event(Resource.NODE, Action.UPDATE), LABELS, True, id="more particular"),
        pytest.param(LABELS, Event(Resource.NODE, Action.UPDATE), False, id="less particular"),
        pytest.param(Event(Resource.NODE, Action.ADD | Action.UPDATE_NODE_LABEL), LABELS, True, id="joined"),
        pytest.param(Event(Resource.NODE, Action.UPDATE_NODE_TAINT), LABELS, False, id="another action"),
        pytest.param(Event(Resource.CSI_NODE, Action.ALL), LABELS, False, id="another kind"),
        pytest.param(Event(Resource.ANY, Action.UPDATE), LABELS, True, id="any kind"),
        pytest.param(Event(Resource.POD, Action.DELETE), events.ASSIGNED_POD_DELETE, True, id="assigned pod"),
        pytest.param(Event(Resource.POD, Action.ALL), events.UNSCHEDULED_POD_ADD, True, id="unscheduled pod"),
        pytest.param(Event(Resource.NODE, Action.ALL), events.TIMEOUT, False, id="a wild one is no node's"),
        pytest.param(Event(Resource.ANY, Action.ALL), LABELS, True, id="registered for everything"),
    ],
)
def test_who_registered_is_told(registered: Event, happened: Event, told: bool) -> None:
    assert registered.covers(happened) is told


@pytest.mark.parametrize(
    ("event", "label"),
    [
        pytest.param(LABELS, "NodeUpdateNodeLabel", id="node"),
        pytest.param(events.ASSIGNED_POD_DELETE, "AssignedPodDelete", id="assigned pod"),
        pytest.param(events.UNSCHEDULED_POD_UPDATE, "UnschedulablePodUpdate", id="general update"),
        pytest.param(Event(Resource.CSI_NODE, Action.ADD), "storage.k8s.io/CSINodeAdd", id="grouped kind"),
        pytest.param(events.TIMEOUT, "UnschedulableTimeout", id="special"),
    ],
)
def test_labels_are_kube_schedulers(event: Event, label: str) -> None:
    assert event.label == label


def test_who_does_not_say_waits_for_everything_but_attachments() -> None:
    kinds = {each.event.resource for each in events.EVERYTHING}
    assert {Resource.POD, Resource.NODE, Resource.STORAGE_CLASS} <= kinds
    assert Resource.VOLUME_ATTACHMENT not in kinds
    assert all(each.hint is None and not each.event.wild for each in events.EVERYTHING)


def changes(old: PodBuilder, new: PodBuilder) -> list[str]:
    cluster = make_table()
    before, after = (cluster.project(each.done(), placed=True) for each in (old, new))
    return [event.label for event in events.pod_changes(before, after)]


@pytest.mark.parametrize(
    ("old", "new", "labels"),
    [
        pytest.param(
            make_pod("a"), make_pod("a").label(x="y"), ["UnschedulablePodUpdatePodLabel"], id="label"
        ),
        pytest.param(
            make_pod("a").on("n"),
            make_pod("a").label(x="y").on("n"),
            ["AssignedPodUpdatePodLabel"],
            id="bound",
        ),
        pytest.param(
            make_pod("a").cpu("2"), make_pod("a").cpu("1"), ["UnschedulablePodUpdatePodScaleDown"], id="less"
        ),
        pytest.param(make_pod("a").cpu("1"), make_pod("a").cpu("2"), ["UnschedulablePodUpdate"], id="more"),
        pytest.param(
            make_pod("a").cpu("1"), make_pod("a"), ["UnschedulablePodUpdatePodScaleDown"], id="no request now"
        ),
        pytest.param(
            make_pod("a"), make_pod("a").cpu("1").memory("1"), ["UnschedulablePodUpdate"], id="a request now"
        ),
        pytest.param(
            make_pod("a").spec(schedulingGates=[{"name": "g"}]),
            make_pod("a").spec(tolerations=[{"key": "a"}]).label(x="y"),
            [
                "UnschedulablePodUpdatePodLabel",
                "UnschedulablePodUpdatePodSchedulingGatesEliminated",
                "UnschedulablePodUpdatePodToleration",
            ],
            id="several",
        ),
        pytest.param(
            make_pod("a").spec(schedulingGates=[{"name": "g"}, {"name": "h"}]),
            make_pod("a").spec(schedulingGates=[{"name": "g"}]),
            ["UnschedulablePodUpdate"],
            id="one gate of two",
        ),
        pytest.param(make_pod("a"), make_pod("a"), ["UnschedulablePodUpdate"], id="nothing that is read"),
    ],
)
def test_what_an_update_of_a_pod_amounts_to(old: PodBuilder, new: PodBuilder, labels: list[str]) -> None:
    assert changes(old, new) == labels


def cordoned(node: NodeBuilder) -> NodeBuilder:
    node.raw["spec"]["unschedulable"] = True
    return node


def with_condition(status: str, reason: str = "") -> NodeBuilder:
    node = make_node("n")
    node.raw["status"]["conditions"] = [{"type": "Ready", "status": status, "reason": reason}]
    return node


@pytest.mark.parametrize(
    ("old", "new", "actions"),
    [
        pytest.param(make_node("n"), make_node("n"), [], id="nothing"),
        pytest.param(cordoned(make_node("n")), make_node("n"), [Action.UPDATE_NODE_TAINT], id="uncordoned"),
        pytest.param(make_node("n"), cordoned(make_node("n")), [], id="cordoned"),
        pytest.param(
            make_node("n"), make_node("n").taint("a", "NoSchedule"), [Action.UPDATE_NODE_TAINT], id="taint"
        ),
        pytest.param(
            make_node("n").allocatable(cpu="1"), make_node("n").allocatable(cpu="1000m"), [], id="rewritten"
        ),
        pytest.param(
            make_node("n"),
            make_node("n").allocatable(cpu="1").zone("z"),
            [Action.UPDATE_NODE_ALLOCATABLE, Action.UPDATE_NODE_LABEL],
            id="amounts and labels",
        ),
        pytest.param(
            with_condition("True"), with_condition("False"), [Action.UPDATE_NODE_CONDITION], id="condition"
        ),
        pytest.param(with_condition("True"), with_condition("True", "Ok"), [], id="a reason is no condition"),
    ],
)
def test_what_an_update_of_a_node_amounts_to(
    old: NodeBuilder, new: NodeBuilder, actions: list[Action]
) -> None:
    found = events.node_changes(old.done(), new.done())
    assert found == tuple(Event(Resource.NODE, action) for action in actions)


@pytest.mark.parametrize(
    ("pod", "holds"),
    [
        pytest.param(make_pod("a"), False, id="pending"),
        pytest.param(make_pod("a").on("n"), True, id="bound"),
        pytest.param(make_pod("a").nominated("n"), True, id="nominated"),
    ],
)
def test_a_pod_holds_a_node_when_bound_or_nominated(pod: PodBuilder, holds: bool) -> None:
    incoming: pods.Incoming = make_table().project(pod.done(), placed=True)
    assert events.holds_node(incoming) is holds
