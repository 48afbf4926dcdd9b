"""NodeDeclaredFeatures: what makes a pod need a feature, and which nodes have it."""

from typing import Any

import pytest

from stowage.framework import events, interface, status
from stowage.plugins import node_declared_features
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.unit.plugins import asking

PLUGIN = node_declared_features.NodeDeclaredFeatures()
RESTART = "RestartAllContainersOnContainerExits"
USERS = "UserNamespacesHostNetworkSupport"
REFUSED = "UnschedulableAndUnresolvable: node(s) didn't match Pod's required features"


def container(*actions: str) -> dict[str, Any]:
    codes = {"operator": "In", "values": [42]}
    rules = [{"action": action, "exitCodes": codes} for action in actions]
    return {"name": "c", "image": "i", "restartPolicy": "Never", "restartPolicyRules": rules}


def needing(*features: str) -> PodBuilder:
    pod = make_pod("p")
    if RESTART in features:
        pod.spec(containers=[container("RestartAllContainers")])
    if USERS in features:
        pod.spec(hostNetwork=True, hostUsers=False)
    return pod


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        pytest.param({}, set(), id="nothing"),
        pytest.param({"containers": [container("RestartAllContainers")]}, {RESTART}, id="restarts-all"),
        pytest.param(
            {"containers": [container(), container("Restart", "RestartAllContainers")]},
            {RESTART},
            id="in-a-later-rule-of-a-later-container",
        ),
        pytest.param({"initContainers": [container("RestartAllContainers")]}, {RESTART}, id="initially"),
        pytest.param({"containers": [container("Restart")]}, set(), id="restarts-itself"),
        pytest.param({"hostNetwork": True, "hostUsers": False}, {USERS}, id="users-of-its-own-on-the-host"),
        pytest.param({"hostNetwork": True}, set(), id="host-users-by-default"),
        pytest.param({"hostNetwork": True, "hostUsers": True}, set(), id="host-users"),
        pytest.param({"hostUsers": False}, set(), id="no-host-network"),
        pytest.param(
            {"containers": [container("RestartAllContainers")], "hostNetwork": True, "hostUsers": False},
            {RESTART, USERS},
            id="both",
        ),
    ],
)
def test_what_needs_which_feature(spec: dict[str, Any], needed: set[str]) -> None:
    cluster = make_table()
    found = PLUGIN.pre_filter(cluster.project(make_pod("p").spec(**spec).done()), cluster)
    assert found == (interface.PreFiltered(frozenset(needed)) if needed else status.SKIP)


@pytest.mark.parametrize(
    ("needed", "declared", "reason"),
    [
        pytest.param([RESTART], [], REFUSED, id="declares-nothing"),
        pytest.param([RESTART], [RESTART], "", id="declares-it"),
        pytest.param([RESTART], ["Other", RESTART, USERS], "", id="declares-more"),
        pytest.param([RESTART], [USERS], REFUSED, id="declares-another"),
        pytest.param([RESTART, USERS], [RESTART], REFUSED, id="declares-one-of-two"),
        pytest.param([RESTART, USERS], [RESTART, USERS], "", id="declares-both"),
        pytest.param([RESTART], [USERS, RESTART], REFUSED, id="behind-a-greater-one"),
        pytest.param([USERS], [USERS, RESTART], "", id="before-a-smaller-one"),
        pytest.param([RESTART], [RESTART, RESTART], "", id="twice"),
        pytest.param([], [], "", id="nothing-is-needed"),
    ],
)
def test_a_node_that_declares(needed: list[str], declared: list[str], reason: str) -> None:
    node = make_node("n").declares(*declared)
    assert asking.verdicts(PLUGIN, make_table(node), needing(*needed)) == {"n": reason}


def test_each_node_answers_for_itself_and_anew_when_it_changes() -> None:
    cluster = make_table(make_node("a"), make_node("b").declares(RESTART), make_node("c"))
    pod = needing(RESTART)
    assert asking.verdicts(PLUGIN, cluster, pod) == {"a": REFUSED, "b": "", "c": REFUSED}
    cluster.set(make_node("c").declares(RESTART).done())
    cluster.set(make_node("b").done())
    assert asking.verdicts(PLUGIN, cluster, pod) == {"a": REFUSED, "b": REFUSED, "c": ""}


def test_pods_that_need_different_features_share_no_shape() -> None:
    cluster = make_table()
    asked = [(), (RESTART,), (USERS,), (RESTART, USERS)]
    assert len({cluster.project(needing(*features).done()).shape.id for features in asked}) == len(asked)


@pytest.mark.parametrize(
    ("name", "features", "helps"),
    [
        pytest.param("p", [], True, id="needs-no-more"),
        pytest.param("p", [RESTART], False, id="needs-the-same"),
        pytest.param("p", [RESTART, USERS], True, id="needs-one-more"),
        pytest.param("q", [], False, id="another-pod"),
    ],
)
def test_the_pod_itself_helps_where_it_needs_other_features(
    name: str, features: list[str], helps: bool
) -> None:
    cluster = make_table()
    pod = cluster.project(needing(RESTART).done())
    new = needing(*features).label(changed="yes")
    new.raw["metadata"] |= {"name": name, "uid": f"uid-default-{name}"}
    event = events.Event(events.Resource.UNSCHEDULED_POD, events.Action.UPDATE)
    change = events.Change(event, pod, cluster.project(new.done()))
    assert node_declared_features.after_pod(pod, change, cluster) is helps
