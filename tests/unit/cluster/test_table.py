"""The table: rows, ghosts, what leaves a trace, and what tells two pods apart."""

import msgspec
import numpy as np
import pytest

from stowage.api import objects
from stowage.cluster import pods, shapes, table
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod, make_table

replace = msgspec.structs.replace


def requested(cluster: table.Table, node: str, resource: str = "cpu") -> int:
    return cluster.requested.item(cluster.resources.index[resource], cluster.row_of[node])


# ------------------------------------------------------------------------------------ rows and ghosts


def test_the_pods_of_a_node_not_yet_known_wait_on_a_row_of_their_own() -> None:
    cluster = make_table(make_pod("a").cpu("1").on("late"))
    row = cluster.row_of["late"]
    assert not cluster.live[row]
    assert cluster.node_count == 0
    cluster.set(make_node("late").done())
    assert cluster.row_of["late"] == row
    assert cluster.live[row]
    assert requested(cluster, "late") == 1000


def test_the_row_of_a_node_that_is_gone_is_not_reused_before_its_pods_are() -> None:
    pod = make_pod("a").cpu("1").on("old")
    cluster = make_table(make_node("old"), pod)
    cluster.remove_node("old")
    cluster.set(make_node("new").done())
    assert cluster.row_of["new"] != cluster.row_of["old"]
    assert requested(cluster, "new") == 0
    cluster.remove(pod.done())
    assert "old" not in cluster.row_of
    cluster.set(make_node("third").done())
    assert cluster.size == 2


def test_a_row_used_again_has_another_incarnation_and_nothing_of_the_node_before() -> None:
    old = make_node("old").zone("za").taint("k", "NoSchedule").allocatable(cpu="64")
    old.raw["spec"]["unschedulable"] = True
    old.raw["status"]["images"] = [{"names": ["a:1"], "sizeBytes": 5}]
    cluster = make_table(old.declares("F"))
    cluster.codes("topology.kubernetes.io/zone")
    row = cluster.row_of["old"]
    before = cluster.incarnations.item(row)
    cluster.remove_node("old")
    new = make_node("new")
    new.raw["metadata"]["labels"] = {}
    cluster.set(new.done())
    assert cluster.row_of == {"new": row}
    assert cluster.names[row] == "new"
    assert cluster.incarnations.item(row) == before + 1
    assert cluster.labels.get(row) == {}
    assert cluster.codes("topology.kubernetes.io/zone").column[row] == -1
    assert cluster.taints.sets[cluster.taints.ids.item(row)] == ()
    assert cluster.features.sets[cluster.features.ids.item(row)] == ()
    assert not cluster.unschedulable[row]
    assert cluster.images.rows == {}
    assert cluster.allocatable[:, row].tolist() == [4000, 8 << 30, 0, 110]


def test_a_node_that_comes_back_finds_its_pods() -> None:
    cluster = make_table(make_node("n"), make_pod("a").cpu("1").on("n"))
    cluster.remove_node("n")
    assert cluster.node_count == 0
    cluster.set(make_node("n").done())
    assert requested(cluster, "n") == 1000
    assert cluster.incarnations.item(cluster.row_of["n"]) == 2


def test_removing_what_is_not_there_is_no_error() -> None:
    cluster = table.Table()
    cluster.remove_node("n")
    cluster.remove(make_pod("a").done())
    cluster.remove(objects.Service(metadata=objects.ObjectMeta(name="s")))
    assert cluster.log.sequence == 0


def test_a_hundred_nodes_grow_every_column() -> None:
    cluster = make_table(*(make_node(f"n{i}").label("i", str(i)) for i in range(100)))
    assert len(cluster.live) == len(cluster.unschedulable) == cluster.size == 100
    assert cluster.allocatable.shape == (4, 100)
    assert [cluster.labels.get(row)["i"] for row in range(100)] == [str(i) for i in range(100)]


# ------------------------------------------------------------------------------------------- changes


def heartbeat(node: objects.Node) -> objects.Node:
    ready = objects.Condition(type="Ready", status="True", reason="KubeletReady")
    annotations = {"heartbeat": "now"}
    return replace(
        node,
        metadata=replace(node.metadata, annotations=annotations),
        status=replace(node.status, conditions=(ready,), capacity={"cpu": "9"}),
    )


def test_a_heartbeat_leaves_no_trace() -> None:
    node = make_node("n").zone("za").taint("k", "NoSchedule").done()
    cluster = make_table(node)
    sequence, epochs = cluster.log.sequence, dict(cluster.outside.epochs)
    cluster.set(heartbeat(node))
    assert (cluster.log.sequence, cluster.outside.epochs) == (sequence, epochs)


def test_quantities_written_differently_are_no_change() -> None:
    cluster = make_table(make_node("n").allocatable(cpu="4", memory="1Gi"))
    sequence = cluster.log.sequence
    cluster.set(make_node("n").allocatable(cpu="4000m", memory="1024Mi").done())
    assert cluster.log.sequence == sequence


def zoned(pod: PodBuilder) -> objects.Pod:
    """As PodTopologyLabels of the API server leaves it when it is bound."""
    return pod.on("n").label(**{"topology.kubernetes.io/zone": "za"}).done()


def test_a_label_copied_from_the_node_that_no_selector_reads_leaves_no_trace() -> None:
    cluster = make_table(make_node("n"))
    cluster.set(make_pod("x").label(app="db").on("n").done())
    sequence = cluster.log.sequence
    cluster.set(zoned(make_pod("x").label(app="db")))
    assert cluster.log.sequence == sequence
    # The table knows it all the same: a selector may come that reads it.
    cluster.set(service({"topology.kubernetes.io/zone": "za"}))
    assert (
        cluster.held(cluster.pods.by_uid[make_pod("x").done().metadata.uid]).group.labels[
            "topology.kubernetes.io/zone"
        ]
        == "za"
    )
    cluster.set(make_pod("x").label(app="db").on("n").done())
    assert cluster.log.sequence == sequence + 2


def test_another_label_is_a_change_for_plugins_may_read_it() -> None:
    cluster = make_table(make_node("n"))
    cluster.set(make_pod("x").on("n").done())
    sequence = cluster.log.sequence
    cluster.set(make_pod("x").label(tier="control-plane").on("n").done())
    assert cluster.log.sequence == sequence + 2


def unschedulable(node: NodeBuilder) -> NodeBuilder:
    node.raw["spec"]["unschedulable"] = True
    return node


def imaged(node: NodeBuilder) -> NodeBuilder:
    node.raw["status"]["images"] = [{"names": ["a:1"], "sizeBytes": 5}]
    return node


@pytest.mark.parametrize(
    ("change", "mask"),
    [
        pytest.param(lambda node: node.allocatable(cpu="1"), table.ALLOCATABLE, id="allocatable"),
        pytest.param(lambda node: node.label("a", "b"), table.LABELS, id="labels"),
        pytest.param(lambda node: node.taint("k", "NoSchedule"), table.TAINTS, id="taints"),
        pytest.param(unschedulable, table.UNSCHEDULABLE, id="unschedulable"),
        pytest.param(imaged, table.IMAGES, id="images"),
        pytest.param(lambda node: node.declares("F"), table.FEATURES, id="features"),
    ],
)
def test_the_log_says_what_of_a_node_changed(change: object, mask: int) -> None:
    cluster = make_table(make_node("n"))
    cursor = cluster.log.sequence
    assert callable(change)
    cluster.set(change(make_node("n")).done())
    tail = cluster.log.since(cursor)
    assert tail is not None
    assert (tail.rows.tolist(), tail.shapes.tolist(), tail.deltas.tolist()) == ([0], [mask], [0])


def test_a_node_that_comes_and_one_that_goes_move_the_epoch_of_nodes() -> None:
    cluster = make_table(make_node("n"))
    before = cluster.outside.epochs["nodes"]
    cluster.set(make_node("m").done())
    assert cluster.outside.epochs["nodes"] == before + 1
    cluster.remove_node("n")
    assert cluster.outside.epochs["nodes"] == before + 2
    cluster.set(make_node("m").label("a", "b").done())
    assert cluster.outside.epochs["nodes"] == before + 2


# ------------------------------------------------------------------------------------------- resources


def test_a_resource_first_named_by_a_pod_widens_the_columns() -> None:
    cluster = make_table(make_node("n"))
    assert cluster.requested.shape == (4, 1)
    cluster.set(make_pod("a").request(**{"example.com/gpu": "2"}).on("n").done())
    assert cluster.requested.shape == cluster.allocatable.shape == (5, 1)
    assert requested(cluster, "n", "example.com/gpu") == 2
    cluster.set(make_node("n").allocatable(**{"example.com/gpu": "4"}).done())
    assert cluster.allocatable[4].tolist() == [4]


def test_a_resource_that_a_node_no_longer_has_is_0() -> None:
    cluster = make_table(make_node("n").allocatable(**{"example.com/gpu": "4"}))
    cluster.set(make_node("n").done())
    assert cluster.allocatable[4].tolist() == [0]


def test_sums_go_up_and_down_with_pods() -> None:
    pod = make_pod("a").cpu("250m").on("n")
    cluster = make_table(make_node("n"), pod, make_pod("idle").on("n"))
    # The idle pod counts 100m and 200Mi where nothing is not allowed to be nothing.
    assert cluster.requested[[0, 1, 3], 0].tolist() == [250, 0, 2]
    assert cluster.nonzero[:, 0].tolist() == [350, 400 << 20]
    cluster.remove(pod.done())
    assert cluster.requested[[0, 1, 3], 0].tolist() == [0, 0, 1]
    assert cluster.nonzero[:, 0].tolist() == [100, 200 << 20]


# ------------------------------------------------------------------------------- projecting pods


def test_pods_of_one_template_share_a_shape_and_a_group() -> None:
    cluster = table.Table()
    one, two = (cluster.project(make_pod(name).cpu("1").label(app="a").done()) for name in "xy")
    assert one.shape is two.shape
    assert one.group is two.group
    assert (one.key, two.key) == ("default/x", "default/y")


def test_the_node_of_a_placed_pod_is_not_part_of_its_shape() -> None:
    cluster = make_table(make_pod("y").on("n"), make_pod("z").on("m"))
    assert cluster.project(make_pod("x").done()).shape.id == 0
    assert len(cluster.shapes) == 1


def test_the_node_that_a_pending_pod_names_is_part_of_its_shape() -> None:
    cluster = table.Table()
    one, two = (cluster.project(make_pod("x").on(node).done()) for node in ("n", "m"))
    assert one.shape is not two.shape


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(make_pod("y").cpu("2"), id="requests"),
        pytest.param(make_pod("y", "other").cpu("1"), id="namespace"),
        pytest.param(make_pod("y").cpu("1").priority(3), id="priority"),
        pytest.param(make_pod("y").cpu("1").host_port(80), id="port"),
        pytest.param(make_pod("y").cpu("1").spec(nodeSelector={"a": "b"}), id="selector"),
    ],
)
def test_pods_that_ask_for_something_else_have_another_shape(pod: object) -> None:
    cluster = table.Table()
    assert hasattr(pod, "done")
    other = cluster.project(pod.done())
    assert other.shape is not cluster.project(make_pod("x").cpu("1").done()).shape


def test_labels_in_another_order_are_one_group() -> None:
    cluster = table.Table()
    one = cluster.project(make_pod("x").label(a="1", b="2").done())
    two = cluster.project(make_pod("y").label(b="2", a="1").done())
    assert one.group is two.group


def test_terminating_and_preempted_pods_are_groups_of_their_own() -> None:
    cluster = table.Table()
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    kinds = [
        make_pod("x"),
        make_pod("x").terminating(),
        make_pod("x").terminating().status(conditions=[condition]),
    ]
    groups = [cluster.project(pod.done()).group for pod in kinds]
    assert [(group.terminating, group.preempted) for group in groups] == [
        (False, False),
        (True, False),
        (True, True),
    ]
    # A condition without a deletion says nothing yet.
    assert cluster.project(make_pod("x").status(conditions=[condition]).done()).group is groups[0]


def test_a_pod_without_a_uid_is_known_by_its_name() -> None:
    pod = make_pod("x", "prod")
    pod.raw["metadata"]["uid"] = ""
    assert table.Table().project(pod.done()).uid == "prod/x"


def stateful(index: int) -> objects.Pod:
    pod = make_pod(f"db-{index}").label(app="db")
    pod.raw["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = str(index)
    return pod.done()


def service(selector: dict[str, str]) -> objects.Service:
    meta = objects.ObjectMeta(name="s", namespace="default")
    return objects.Service(metadata=meta, spec=objects.ServiceSpec(selector=selector))


def view(cluster: table.Table, pod: pods.Incoming) -> tuple[tuple[str, str | None], ...]:
    keys, found = cluster.label_view(pod.group)
    assert keys == len(cluster.selector_keys)
    return found


def test_labels_that_no_selector_reads_do_not_tell_pods_apart() -> None:
    cluster = table.Table()
    first, second = (cluster.project(stateful(i)) for i in range(2))
    assert first.group is not second.group
    assert view(cluster, first) == view(cluster, second) == ()


def test_a_new_selector_tells_them_apart() -> None:
    cluster = table.Table()
    first, second = (cluster.project(stateful(i)) for i in range(2))
    assert view(cluster, first) == view(cluster, second)
    cluster.set(service({"apps.kubernetes.io/pod-index": "1"}))
    assert view(cluster, first) != view(cluster, second)
    cluster.set(service({"app": "db"}))
    assert dict(view(cluster, second)) == {"app": "db", "apps.kubernetes.io/pod-index": "1"}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(
            {
                "topologySpreadConstraints": [
                    {"topologyKey": "z", "labelSelector": {"matchLabels": {"read": "1"}}}
                ]
            },
            id="spread",
        ),
        pytest.param(
            {"topologySpreadConstraints": [{"topologyKey": "z", "matchLabelKeys": ["read"]}]},
            id="matchLabelKeys",
        ),
        pytest.param(
            {
                "affinity": {
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            {
                                "topologyKey": "z",
                                "labelSelector": {
                                    "matchExpressions": [{"key": "read", "operator": "Exists"}]
                                },
                            }
                        ]
                    }
                }
            },
            id="anti-affinity",
        ),
    ],
)
def test_the_selectors_of_pods_are_among_those_that_read_labels(spec: dict[str, object]) -> None:
    cluster = table.Table()
    pod = cluster.project(make_pod("x").label(read="1", unread="1").done())
    assert view(cluster, pod) == ()
    cluster.project(make_pod("selecting").spec(**spec).done())
    assert view(cluster, pod) == (("read", "1"),)


# ------------------------------------------------------------------------------------- placed pods


def test_a_pod_told_again_unchanged_leaves_no_trace() -> None:
    pod = make_pod("a").cpu("1").on("n").start("2026-01-01T00:00:00Z").done()
    cluster = make_table(make_node("n"), pod)
    sequence = cluster.log.sequence
    cluster.set(pod)
    assert cluster.log.sequence == sequence


def test_a_changed_pod_leaves_and_comes_in_the_log() -> None:
    cluster = make_table(make_node("n"), make_pod("a").cpu("1").on("n"))
    cursor = cluster.log.sequence
    cluster.set(make_pod("a").cpu("2").on("n").done())
    tail = cluster.log.since(cursor)
    assert tail is not None
    assert tail.deltas.tolist() == [-1, 1]
    assert tail.shapes[0] != tail.shapes[1]
    assert requested(cluster, "n") == 2000


def test_an_assumed_pod_that_is_then_seen_bound_is_one_pod() -> None:
    cluster = make_table(make_node("n"))
    pod = make_pod("a").cpu("1")
    cluster.add_pod(cluster.project(pod.done()), cluster.row_of["n"])
    cluster.set(pod.on("n").done())
    assert len(cluster.pods) == 1
    assert requested(cluster, "n") == 1000


def test_forgetting_a_pod_that_is_not_placed_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        make_table(make_node("n")).remove_pod("uid")


def test_a_terminated_pod_keeps_its_place_and_its_resources() -> None:
    cluster = make_table(make_node("n"), make_pod("a").cpu("1").priority(4).label(app="x").on("n"))
    cluster.terminate("uid-default-a")
    (slot,) = cluster.pods.by_uid.values()
    held = cluster.held(slot)
    assert (held.group.terminating, held.group.preempted, held.labels) == (True, True, {"app": "x"})
    assert (held.priority, held.name, held.namespace) == (4, "a", "default")
    assert requested(cluster, "n") == 1000


def test_a_terminated_pod_of_a_missing_node_keeps_its_row() -> None:
    cluster = make_table(make_pod("a").cpu("1").on("ghost"))
    cluster.terminate("uid-default-a")
    assert requested(cluster, "ghost") == 1000
    cluster.set(make_node("other").done())
    assert requested(cluster, "other") == 0


def test_slots_are_used_again() -> None:
    cluster = make_table(make_node("n"), *(make_pod(f"p{i}").on("n") for i in range(100)))
    for i in range(50):
        cluster.remove_pod(f"uid-default-p{i}")
    for i in range(100, 150):
        cluster.set(make_pod(f"p{i}").on("n").done())
    assert cluster.pods.size == 100
    assert len(cluster.pods) == 100
    slots = cluster.pods.by_uid
    assert cluster.pods.names[slots["uid-default-p120"]] == "p120"


def test_the_pods_of_some_rows_are_found_by_slot() -> None:
    cluster = make_table(
        *(make_node(f"n{i}") for i in range(3)), *(make_pod(f"p{i}").on(f"n{i % 3}") for i in range(7))
    )
    cluster.remove_pod("uid-default-p4")
    found = cluster.pods.on(np.array([cluster.row_of["n1"], cluster.row_of["n2"]]))
    assert [cluster.pods.names[slot] for slot in found] == ["p1", "p2", "p5"]
    assert cluster.pods.on(np.zeros(0, np.intp)).tolist() == []


def test_sums_by_group_and_by_shape_count_the_pods_of_each_row() -> None:
    cluster = make_table(
        make_node("n"),
        make_node("m"),
        make_pod("a").label(app="x").on("n"),
        make_pod("b").label(app="x").on("m"),
        make_pod("c").label(app="y").cpu("1").on("m"),
    )
    by_group = np.array([group.labels["app"] == "x" for group in cluster.groups.values], np.int64)
    assert cluster.sum_by_group(by_group).tolist() == [1, 1]
    by_shape = np.array([dict(shape.requested).get(shapes.CPU, 0) for shape in cluster.shapes], np.int64)
    assert cluster.sum_by_shape(by_shape).tolist() == [0, 1000]


# --------------------------------------------------------------------------------------- nominations


def test_a_nominated_pod_is_noted_until_it_is_bound() -> None:
    pod = make_pod("a").nominated("n")
    cluster = make_table(make_node("n"), pod)
    assert [node for _, node in cluster.nominations.values()] == ["n"]
    assert len(cluster.pods) == 0
    cluster.set(pod.on("n").done())
    assert cluster.nominations == {}


def test_a_nomination_that_is_withdrawn_is_forgotten() -> None:
    cluster = make_table(make_node("n"), make_pod("a").nominated("n"))
    cluster.set(make_pod("a").done())
    assert cluster.nominations == {}


def test_a_nominated_pod_that_is_deleted_is_forgotten() -> None:
    pod = make_pod("a").nominated("n")
    cluster = make_table(make_node("n"), pod)
    cluster.remove(pod.done())
    assert cluster.nominations == {}


# --------------------------------------------------------------------------------------------- host ports


def test_host_ports_are_those_of_containers_and_of_init_containers_that_go_on() -> None:
    pod = make_pod("a").host_port(80)
    ports = [{"containerPort": 1, "hostPort": 81}]
    pod.spec(
        initContainers=[
            {"name": "once", "image": "i", "ports": [{"containerPort": 1, "hostPort": 82}]},
            {"name": "side", "image": "i", "ports": ports, "restartPolicy": "Always"},
        ]
    )
    shape = table.Table().project(pod.done()).shape
    assert [(port.protocol, port.ip, port.port) for port in shape.ports] == [
        ("TCP", "0.0.0.0", 81),
        ("TCP", "0.0.0.0", 80),
    ]


def test_a_start_that_is_missing_is_later_than_any_other() -> None:
    cluster = table.Table()
    started = cluster.project(make_pod("a").start("2026-01-01T00:00:00Z").done())
    assert started.start < cluster.project(make_pod("b").done()).start == pods.NOT_STARTED


def test_what_no_pod_has_any_more_is_counted() -> None:
    made = table.Table()
    made.set_node(make_node("n").done())
    made.set_pod(make_pod("a").label(job="1").cpu("1").on("n").done())
    made.set_pod(make_pod("b").label(job="2").cpu("1").on("n").done())
    assert made.unused() == 0
    made.remove_pod("uid-default-a")
    assert made.unused() == 1  # the labels; the spec is the other one's too
    made.remove_pod("uid-default-b")
    assert made.unused() == 3
    pending = made.set_pod(make_pod("c").label(job="3").cpu("1").done())
    assert made.unused([pending]) == 2  # the labels of both that have gone; the spec has a pod again
