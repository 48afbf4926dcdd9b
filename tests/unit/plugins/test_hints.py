"""Clauses of the plugins' hints beyond one case an event (tests/data/events.yaml), and where they differ
from kube-scheduler's, which leave a pod behind there."""

import msgspec
import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.framework import events
from stowage.framework.config import args
from stowage.plugins import node_affinity, node_resources_fit
from stowage.plugins.inter_pod_affinity import hints as inter_pod
from stowage.plugins.node_volume_limits import hints as limits
from stowage.plugins.volume_binding import hints as binding
from tests.builders import NodeBuilder, PodBuilder, make_node, make_pod, make_table

ANY = events.Event(events.Resource.ANY, events.Action.ADD)


def change(
    cluster: table.Table, old: PodBuilder | NodeBuilder | None, new: PodBuilder | NodeBuilder | None
) -> events.Change:
    sides = [
        cluster.project(side.done(), placed=True) if isinstance(side, PodBuilder) else side and side.done()
        for side in (old, new)
    ]
    return events.Change(ANY, *sides)


def terms(half: str, app: str, **more: object) -> dict[str, object]:
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": app}}, **more}
    return {half: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def near(name: str, app: str, **more: object) -> PodBuilder:
    return make_pod(name).spec(affinity=terms("podAffinity", app, **more))


def apart(name: str, app: str) -> PodBuilder:
    return make_pod(name).spec(affinity=terms("podAntiAffinity", app))


WEB, DB = make_pod("x").label(app="web").on("n"), make_pod("x").label(app="db").on("n")


@pytest.mark.parametrize(
    ("pod", "old", "new", "helps"),
    [
        pytest.param(make_pod("p"), make_pod("p"), make_pod("p").label(a="b"), True, id="its own labels"),
        pytest.param(
            near("p", "web"), None, make_pod("x").label(app="web"), False, id="comes without a node"
        ),
        pytest.param(
            near("p", "web"), None, make_pod("x").label(app="web").nominated("n"), True, id="comes nominated"
        ),
        pytest.param(near("p", "web"), WEB, None, False, id="goes, and was wanted"),
        pytest.param(apart("p", "web"), WEB, DB, True, id="turns into one that is not minded"),
        pytest.param(apart("p", "web"), DB, WEB, False, id="turns into one that is minded"),
        pytest.param(
            make_pod("p").label(app="web"),
            apart("x", "web").on("n"),
            None,
            True,
            id="goes, and minded the pod",
        ),
        pytest.param(
            make_pod("p").label(app="db"),
            apart("x", "web").on("n"),
            None,
            False,
            id="goes, and minded others",
        ),
    ],
)
def test_a_pod_helps_inter_pod_affinity(
    pod: PodBuilder, old: PodBuilder | None, new: PodBuilder | None, helps: bool
) -> None:
    cluster = make_table()
    assert inter_pod.after_pod(cluster.project(pod.done()), change(cluster, old, new), cluster) is helps


@pytest.mark.parametrize(
    ("pod", "old", "new", "helps"),
    [
        pytest.param(apart("p", "web"), None, make_node("n"), True, id="new, without the key, apart"),
        pytest.param(
            near("p", "web"), make_node("n"), make_node("n").label("zone", "a"), True, id="gains it"
        ),
        pytest.param(
            near("p", "web"), make_node("n").label("zone", "a"), make_node("n"), False, id="loses it"
        ),
        pytest.param(
            apart("p", "web"),
            make_node("n").label("zone", "a"),
            make_node("n").label("zone", "b"),
            True,
            id="moves, apart",
        ),
        pytest.param(
            near("p", "web"),
            make_node("n").label("zone", "a"),
            make_node("n").label("zone", "a").label("c", "d"),
            False,
            id="stays where it is",
        ),
    ],
)
def test_a_node_helps_inter_pod_affinity(
    pod: PodBuilder, old: NodeBuilder | None, new: NodeBuilder, helps: bool
) -> None:
    cluster = make_table()
    assert inter_pod.after_node(cluster.project(pod.done()), change(cluster, old, new), cluster) is helps


# ------------------------------------------------------------------- where kube-scheduler's would not


@pytest.mark.parametrize(
    ("team", "helps"), [pytest.param("a", True, id="its team"), pytest.param("b", False, id="another")]
)
def test_a_namespace_selector_of_an_affinity_term_counts(team: str, helps: bool) -> None:
    meta = objects.ObjectMeta(name="other", labels={"team": team})
    cluster = make_table(objects.Namespace(metadata=meta))
    pod = cluster.project(near("p", "web", namespaceSelector={"matchLabels": {"team": "a"}}).done())
    there = make_pod("x", "other").label(app="web").on("n")
    assert inter_pod.after_pod(pod, change(cluster, None, there), cluster) is helps


def test_what_the_arguments_ignore_is_not_asked_of_a_new_node() -> None:
    ignoring = node_resources_fit.NodeResourcesFit(
        args.NodeResourcesFitArgs(ignored_resources=("example.com/gpu",))
    )
    cluster = make_table()
    pod = cluster.project(make_pod("p").cpu("1").request(**{"example.com/gpu": "1"}).done())
    assert ignoring.after_node(pod, change(cluster, None, make_node("n")), cluster)
    plain = node_resources_fit.NodeResourcesFit(args.NodeResourcesFitArgs())
    assert not plain.after_node(pod, change(cluster, None, make_node("n")), cluster)


def test_a_node_that_comes_to_match_what_the_profile_adds_helps() -> None:
    added = {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "In", "values": ["a"]}]}]
        }
    }
    plugin = node_affinity.NodeAffinity(
        args.NodeAffinityArgs(added_affinity=msgspec.convert(added, objects.NodeAffinity))
    )
    cluster = make_table()
    pod = cluster.project(make_pod("p").done())
    matching = make_node("n").label("pool", "a")
    assert plugin.after_node(pod, change(cluster, make_node("n"), matching), cluster)
    assert not plugin.after_node(pod, change(cluster, matching, make_node("n")), cluster)


def test_a_volume_detached_helps_a_pod_with_generic_ephemeral_volumes() -> None:
    cluster = make_table()
    pod = cluster.project(make_pod("p").spec(volumes=[{"name": "v", "ephemeral": {}}]).done())
    assert limits.after_attachment_deleted(pod, events.Change(ANY, objects.VolumeAttachment()), cluster)


@pytest.mark.parametrize(
    ("driver", "helps"), [pytest.param("d", True, id="of its class"), pytest.param("e", False, id="another")]
)
def test_a_driver_that_looks_at_capacity_no_more_helps_a_claim_of_its_class(driver: str, helps: bool) -> None:
    claim = objects.PersistentVolumeClaim(
        metadata=objects.ObjectMeta(name="data", namespace="default"),
        spec=objects.PersistentVolumeClaimSpec(storage_class_name="fast"),
    )
    kind = objects.StorageClass(metadata=objects.ObjectMeta(name="fast"), provisioner="d")
    cluster = make_table(claim, kind)
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    pod = cluster.project(make_pod("p").spec(volumes=[volume]).done())
    sides = [
        objects.CSIDriver(objects.ObjectMeta(name=driver), objects.CSIDriverSpec(storage_capacity=capacity))
        for capacity in (True, False)
    ]
    assert binding.after_driver(pod, events.Change(ANY, *sides), cluster) is helps
    assert not binding.after_driver(pod, events.Change(ANY, *reversed(sides)), cluster)


@pytest.mark.parametrize(
    ("old", "new", "helps"),
    [
        pytest.param(None, "example.com/gpu", True, id="comes"),
        pytest.param("example.com/gpu", "example.com/gpu", False, id="stays"),
        pytest.param("example.com/tpu", "example.com/gpu", True, id="turns into it"),
        pytest.param(None, "", False, id="stands for nothing"),
    ],
)
def test_a_device_class_helps_who_asks_for_what_it_comes_to_stand_for(
    old: str | None, new: str, helps: bool
) -> None:
    cluster = make_table()
    pod = cluster.project(make_pod("p").request(**{"example.com/gpu": "1"}).done())
    meta = objects.ObjectMeta(name="gpus")
    sides = [
        None if name is None else objects.DeviceClass(meta, objects.DeviceClassSpec(name))
        for name in (old, new)
    ]
    assert node_resources_fit.after_class(pod, events.Change(ANY, *sides), cluster) is helps
