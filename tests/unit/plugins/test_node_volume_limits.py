"""NodeVolumeLimits: unique volumes of a driver on a node, with those of the pod, against its limit."""

from typing import Any

import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.framework import overlay, status
from stowage.plugins import node_volume_limits
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.storage_builders import (
    EPHEMERAL,
    csi,
    explained,
    make_attachment,
    make_claim,
    make_class,
    make_csi_node,
    make_volume,
    mounting,
    owned_by,
    refused,
    state_of,
    using,
    verdicts,
)

PLUGIN = node_volume_limits.NodeVolumeLimits()
FULL = node_volume_limits.REASON
DRIVER = "csi.example.com"
EBS = {"awsElasticBlockStore": {"volumeID": "vol-1"}}


def bound(name: str, handle: str = "", driver: str = DRIVER) -> list[objects.Object]:
    """A claim, and the CSI volume it has."""
    volume = make_volume(f"pv-{name}", csi=csi(handle or name, driver))
    return [make_claim(name, to=f"pv-{name}"), volume]


def cluster_of(limits: dict[str, int | None] | None, *parts: Any) -> table.Table:
    """One node with a CSINode of these limits, and bound claims a to d."""
    claims = [item for name in "abcd" for item in bound(name)]
    csi_node = [] if limits is None else [make_csi_node("n", limits)]
    return make_table(make_node("n"), *csi_node, *claims, make_class("slow"), *parts)


def says(cluster: table.Table, pod: PodBuilder) -> str:
    return verdicts(PLUGIN, cluster, pod)["n"]


@pytest.mark.parametrize(
    ("limits", "old", "new", "reason"),
    [
        pytest.param({DRIVER: 2}, ["a"], ["b"], "", id="up to the limit"),
        pytest.param({DRIVER: 2}, ["a", "b"], ["c"], FULL, id="over the limit"),
        pytest.param({DRIVER: 2}, ["a"], ["b", "c"], FULL, id="two at once"),
        pytest.param({DRIVER: 1}, ["a"], ["a"], "", id="a volume that is there already"),
        pytest.param({DRIVER: 1}, ["a", "b"], ["a"], "", id="nothing new on an overfull node"),
        pytest.param({DRIVER: 1}, [], ["a", "a"], "", id="one claim twice is one volume"),
        pytest.param({DRIVER: 0}, [], ["a"], FULL, id="a limit of 0"),
        pytest.param({DRIVER: None}, ["a", "b"], ["c"], "", id="a driver without limit"),
        pytest.param({"other": 0}, [], ["a"], "", id="the limit of another driver"),
        pytest.param(None, ["a", "b"], ["c"], "", id="no CSINode"),
    ],
)
def test_volumes_count_against_the_limit(
    limits: dict[str, int | None] | None, old: list[str], new: list[str], reason: str
) -> None:
    cluster = cluster_of(limits, *(using(make_pod(f"old-{c}").on("n"), c) for c in old))
    assert says(cluster, using(make_pod("new"), *new)) == reason


def test_a_limit_on_one_node_is_none_on_another_that_limits_something_else() -> None:
    cluster = cluster_of({DRIVER: 1}, make_node("m"), make_csi_node("m", {"other": 0}))
    assert verdicts(PLUGIN, cluster, using(make_pod("new"), "a", "b")) == {"n": FULL, "m": ""}


def test_pods_that_share_a_volume_hold_one() -> None:
    users = [using(make_pod(f"old-{i}").on("n"), "a") for i in range(3)]
    assert says(cluster_of({DRIVER: 2}, *users), using(make_pod("new"), "b")) == ""


def test_claims_of_one_handle_are_one_volume() -> None:
    parts = [*bound("x", "same"), *bound("y", "same"), using(make_pod("old").on("n"), "x")]
    assert says(cluster_of({DRIVER: 1}, *parts), using(make_pod("new"), "y")) == ""


def test_pods_of_a_node_that_does_not_exist_count_nowhere() -> None:
    cluster = cluster_of({DRIVER: 1}, using(make_pod("old").on("ghost"), "a"))
    assert says(cluster, using(make_pod("new"), "b")) == ""


@pytest.mark.parametrize(
    ("volume", "node", "attacher", "reason"),
    [
        pytest.param("pv-a", "n", DRIVER, FULL, id="of no pod"),
        pytest.param("pv-a", "other", DRIVER, "", id="on another node"),
        pytest.param("pv-a", "n", "", "", id="without attacher"),
        pytest.param("pv-a", "n", "other", "", id="of another driver"),
        pytest.param(None, "n", DRIVER, "", id="of no volume"),
        pytest.param("gone", "n", DRIVER, "", id="of a volume that is gone"),
        pytest.param("pv-plain", "n", DRIVER, "", id="of a volume that is not CSI"),
    ],
)
def test_an_attachment_counts(volume: str | None, node: str, attacher: str, reason: str) -> None:
    parts = [make_attachment("va", node, volume, attacher), make_volume("pv-plain")]
    assert says(cluster_of({DRIVER: 1}, *parts), using(make_pod("new"), "b")) == reason


def test_an_attachment_of_a_pod_on_the_node_counts_once() -> None:
    parts = [make_attachment("va", "n", "pv-a", DRIVER), using(make_pod("old").on("n"), "a")]
    assert says(cluster_of({DRIVER: 2}, *parts), using(make_pod("new"), "b")) == ""


def test_an_attachment_of_the_new_pods_own_volume_counts_beside_it() -> None:
    cluster = cluster_of({DRIVER: 1}, make_attachment("va", "n", "pv-a", DRIVER))
    assert says(cluster, using(make_pod("new"), "a")) == FULL


@pytest.mark.parametrize(
    ("provisioner", "driver", "reason"),
    [
        pytest.param(DRIVER, DRIVER, FULL, id="by its class's provisioner"),
        pytest.param(
            "kubernetes.io/aws-ebs", "ebs.csi.aws.com", FULL, id="by the migrated provisioner's driver"
        ),
        pytest.param(
            "kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com", "", id="not where it is not migrated"
        ),
    ],
)
def test_an_unbound_claim_counts(provisioner: str, driver: str, reason: str) -> None:
    parts = [make_class("fast", provisioner=provisioner), make_claim("open", cls="fast")]
    assert says(cluster_of({driver: 0}, *parts), using(make_pod("new"), "open")) == reason


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(make_claim("open", cls=None), id="without class"),
        pytest.param(make_claim("open", cls="gone"), id="of a class that is gone"),
        pytest.param(make_claim("open", cls="gone", to="gone"), id="of a volume and a class that are gone"),
    ],
)
def test_a_claim_of_unknown_driver_does_not_count(claim: objects.PersistentVolumeClaim) -> None:
    assert says(cluster_of({DRIVER: 0}, claim), using(make_pod("new"), "open")) == ""


def test_a_migrated_disk_counts_for_its_driver() -> None:
    parts = [mounting(make_pod("old").on("n"), EBS)]
    other = {"awsElasticBlockStore": {"volumeID": "aws://zone/vol-2"}}
    cluster = cluster_of({"ebs.csi.aws.com": 1}, *parts)
    assert says(cluster, mounting(make_pod("same"), EBS)) == ""
    assert says(cluster, mounting(make_pod("new"), other)) == FULL


def test_a_bound_volume_of_a_migrated_plugin_counts() -> None:
    volume = make_volume("pv-ebs", awsElasticBlockStore={"volumeID": "vol-9"})
    cluster = cluster_of({"ebs.csi.aws.com": 0}, make_claim("ebs", to="pv-ebs"), volume)
    assert says(cluster, using(make_pod("new"), "ebs")) == FULL


def test_a_disk_that_cannot_be_translated_is_an_error_where_there_is_a_csi_node() -> None:
    odd = {"awsElasticBlockStore": {"volumeID": "aws://zone/odd"}}
    cluster = cluster_of({DRIVER: 1}, make_node("bare"))
    state = state_of(PLUGIN, cluster, mounting(make_pod("new"), odd))
    answer = explained(PLUGIN, state, cluster, slice(0, 2), None)
    assert answer["bare"] == ""
    assert answer["n"].startswith("converting volume(v0) from inline to csi: ")


def test_a_bound_pods_disk_that_cannot_be_translated_is_an_error_on_its_node() -> None:
    odd = {"awsElasticBlockStore": {"volumeID": "aws://zone/odd"}}
    cluster = cluster_of({DRIVER: 9}, mounting(make_pod("old").on("n"), odd))
    assert says(cluster, using(make_pod("new"), "a")).startswith("converting volume(v0) from inline to csi: ")
    assert (
        says(cluster_of({DRIVER: None}, mounting(make_pod("old").on("n"), odd)), using(make_pod("new"), "a"))
        == ""
    )


def test_a_node_without_limits_does_not_look_at_its_pods() -> None:
    odd = {"awsElasticBlockStore": {"volumeID": "aws://zone/odd"}}
    parts = [make_node("free"), make_csi_node("free", {DRIVER: None})]
    cluster = cluster_of({DRIVER: 9}, *parts, mounting(make_pod("old").on("free"), odd))
    assert verdicts(PLUGIN, cluster, using(make_pod("new"), "a")) == {"n": "", "free": ""}


def test_a_missing_claim_refuses_the_pod_on_every_node() -> None:
    answer = says(cluster_of(None), using(make_pod("new"), "gone"))
    assert answer == 'looking up PVC default/gone: persistentvolumeclaim "gone" not found'


def test_a_missing_claim_of_a_bound_pod_does_not_count() -> None:
    cluster = cluster_of({DRIVER: 1}, using(make_pod("old").on("n"), "gone"))
    assert says(cluster, using(make_pod("new"), "a")) == ""


def test_the_claim_of_an_ephemeral_volume_must_be_the_pods() -> None:
    mine = make_claim("new-v0", to="pv-a", meta=owned_by("new", "uid-default-new"))
    pod = mounting(make_pod("new"), EPHEMERAL)
    assert says(cluster_of({DRIVER: 1}, mine), pod) == ""
    other = make_claim("new-v0", to="pv-a", meta=owned_by("new", "uid-of-the-one-before"))
    reason = "PVC default/new-v0 was not created for pod default/new (pod is not owner)"
    assert says(cluster_of({DRIVER: 1}, other), pod) == reason


def test_a_pod_of_the_same_name_is_another_owner() -> None:
    mine = make_claim("new-v0", to="pv-a", meta=owned_by("new", "uid-default-new"))
    cluster = cluster_of({DRIVER: 1}, mine)
    again = mounting(make_pod("new"), EPHEMERAL)
    again.raw["metadata"]["uid"] = "uid-of-the-next"
    assert says(cluster, mounting(make_pod("new"), EPHEMERAL)) == ""
    assert "pod is not owner" in says(cluster, again)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"emptyDir": {}}, id="no claim"),
        pytest.param({"csi": {"driver": DRIVER}}, id="CSI volume of its own"),
        pytest.param({"iscsi": {"iqn": "q"}}, id="in-tree disk that is not migrated"),
    ],
)
def test_a_pod_without_countable_volumes_is_skipped(source: dict[str, Any]) -> None:
    cluster = cluster_of({DRIVER: 0})
    assert refused(PLUGIN, cluster, mounting(make_pod("new"), source)) is status.SKIP
    assert refused(PLUGIN, cluster, make_pod("plain")) is status.SKIP


def moved(cluster: table.Table, pod: PodBuilder, others: list[PodBuilder], sign: int) -> str:
    change = overlay.of_pods([(cluster.project(each.done()), 0) for each in others], sign)
    state = state_of(PLUGIN, cluster, pod)
    return explained(PLUGIN, state, cluster, change.rows, change)["n"]


def test_a_removed_pod_frees_what_no_other_uses() -> None:
    one, two = using(make_pod("one").on("n"), "a"), using(make_pod("two").on("n"), "a", "b")
    cluster = cluster_of({DRIVER: 2}, one, two)
    new = using(make_pod("new"), "c")
    assert says(cluster, new) == FULL
    assert moved(cluster, new, [one], -1) == FULL
    assert moved(cluster, new, [two], -1) == ""


def test_a_nominated_pod_counts_once_with_its_like() -> None:
    cluster = cluster_of({DRIVER: 2}, using(make_pod("old").on("n"), "a"))
    new = using(make_pod("new"), "b")
    assert moved(cluster, new, [using(make_pod("soon"), "a")], 1) == ""
    assert moved(cluster, new, [using(make_pod("soon"), "c")], 1) == FULL
    assert moved(cluster, new, [using(make_pod("soon"), "b")], 1) == ""


def test_the_state_gives_up_only_on_volumes_of_its_drivers() -> None:
    cluster = cluster_of({DRIVER: 2}, *bound("x", driver="other"))
    state = state_of(PLUGIN, cluster, using(make_pod("new"), "a"))
    cursor = cluster.log.sequence
    cluster.set(make_pod("plain").on("n").done())
    cluster.set(using(make_pod("far").on("n"), "x").done())
    assert state.advance(cluster, cluster.log.since(cursor))
    cursor = cluster.log.sequence
    cluster.set(using(make_pod("near").on("n"), "b").done())
    assert not state.advance(cluster, cluster.log.since(cursor))


def test_what_storage_says_is_worked_out_once_until_it_changes() -> None:
    cluster = cluster_of({DRIVER: 1})
    first = state_of(PLUGIN, cluster, using(make_pod("new"), "a"))
    assert state_of(PLUGIN, cluster, using(make_pod("new"), "b")).index is first.index
    cluster.set(make_csi_node("n", {DRIVER: 0}))
    assert says(cluster, using(make_pod("new"), "a")) == FULL
    cluster.set(make_node("m").done())
    cluster.set(make_csi_node("m", {DRIVER: 1}))
    assert verdicts(PLUGIN, cluster, using(make_pod("new"), "a")) == {"n": FULL, "m": ""}
