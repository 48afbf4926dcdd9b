"""VolumeRestrictions: disks that cannot be shared, and ReadWriteOncePod claims."""

from typing import Any

import numpy as np
import pytest

from stowage.framework import overlay, status
from stowage.plugins import volume_restrictions
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.storage_builders import explained, make_claim, mounting, refused, state_of, using, verdicts

PLUGIN = volume_restrictions.VolumeRestrictions()
DISK, CLAIM = volume_restrictions.REASON_DISK, volume_restrictions.REASON_CLAIM
ALONE = ("ReadWriteOncePod",)

Json = dict[str, Any]


def gce(name: str, read_only: bool = False) -> Json:
    return {"gcePersistentDisk": {"pdName": name, "readOnly": read_only}}


def ebs(name: str, read_only: bool = False) -> Json:
    return {"awsElasticBlockStore": {"volumeID": name, "readOnly": read_only}}


def iscsi(iqn: str, read_only: bool = False, lun: int = 0) -> Json:
    return {"iscsi": {"targetPortal": "p", "iqn": iqn, "lun": lun, "readOnly": read_only}}


def rbd(monitors: list[str], image: str = "i", pool: str = "rbd", read_only: bool = False) -> Json:
    return {"rbd": {"monitors": monitors, "image": image, "pool": pool, "readOnly": read_only}}


@pytest.mark.parametrize(
    ("held", "wanted", "clash"),
    [
        pytest.param(gce("d"), gce("d"), True, id="GCE disk"),
        pytest.param(gce("d", True), gce("d", True), False, id="GCE disk, both read-only"),
        pytest.param(gce("d", True), gce("d"), True, id="GCE disk, one read-only"),
        pytest.param(gce("d"), gce("e"), False, id="another GCE disk"),
        pytest.param(ebs("v"), ebs("v"), True, id="EBS volume"),
        pytest.param(ebs("v", True), ebs("v", True), True, id="EBS volume, read-only does not help"),
        pytest.param(ebs("v"), ebs("w"), False, id="another EBS volume"),
        pytest.param(ebs("d"), gce("d"), False, id="a name of another kind"),
        pytest.param(iscsi("q", lun=0), iscsi("q", lun=1), True, id="iSCSI target, another lun"),
        pytest.param(iscsi("q", True), iscsi("q", True), False, id="iSCSI target, both read-only"),
        pytest.param(iscsi("q"), iscsi("r"), False, id="another iSCSI target"),
        pytest.param(rbd(["a", "b"]), rbd(["b", "c"]), True, id="RBD, monitors in part shared"),
        pytest.param(rbd(["b"]), rbd(["a", "b"]), True, id="RBD, a later monitor shared"),
        pytest.param(rbd(["a"]), rbd(["b"]), False, id="RBD, no monitor shared"),
        pytest.param(rbd([]), rbd([]), False, id="RBD, no monitors"),
        pytest.param(rbd(["a"], "i"), rbd(["a"], "j"), False, id="RBD, another image"),
        pytest.param(rbd(["a"], pool="x"), rbd(["a"], pool="y"), False, id="RBD, another pool"),
        pytest.param(rbd(["a"], pool=""), rbd(["a"]), True, id="RBD, no pool is the pool rbd"),
        pytest.param(rbd(["a"], read_only=True), rbd(["a"], read_only=True), False, id="RBD, both read-only"),
    ],
)
def test_a_disk_keeps_another_pod_off_its_node(held: Json, wanted: Json, clash: bool) -> None:
    cluster = make_table(make_node("n"), make_node("free"), mounting(make_pod("old").on("n"), held))
    answer = verdicts(PLUGIN, cluster, mounting(make_pod("new"), wanted))
    assert answer == {"n": DISK if clash else "", "free": ""}


def test_a_pod_without_disks_and_exclusive_claims_is_skipped() -> None:
    cluster = make_table(make_node("n"), make_claim("c"), using(make_pod("old").on("n"), "c"))
    assert refused(PLUGIN, cluster, using(make_pod("new"), "c")) is status.SKIP


def test_a_missing_claim_refuses_the_pod() -> None:
    answer = refused(PLUGIN, make_table(make_node("n")), using(make_pod("p"), "c"))
    assert answer == status.unresolvable('persistentvolumeclaim "c" not found')


def test_a_missing_claim_of_an_ephemeral_volume_is_no_concern() -> None:
    pod = mounting(make_pod("p"), {"ephemeral": {"volumeClaimTemplate": {}}})
    assert refused(PLUGIN, make_table(make_node("n")), pod) is status.SKIP


def exclusive(*users: PodBuilder) -> Any:
    claims = [make_claim(name, modes=ALONE) for name in ("c", "d")]
    return make_table(make_node("a"), make_node("b"), *claims, *users)


def test_an_exclusive_claim_in_use_is_in_the_way_on_every_node() -> None:
    cluster = exclusive(using(make_pod("old").on("a"), "c"))
    assert verdicts(PLUGIN, cluster, using(make_pod("new"), "c")) == {"a": CLAIM, "b": CLAIM}


@pytest.mark.parametrize(
    "user",
    [
        pytest.param(make_pod("none").on("a"), id="nobody"),
        pytest.param(using(make_pod("old").on("gone"), "c"), id="a pod on a node that does not exist"),
        pytest.param(using(make_pod("old", "prod").on("a"), "c"), id="a namesake elsewhere"),
    ],
)
def test_an_exclusive_claim_that_no_pod_uses_is_free(user: PodBuilder) -> None:
    assert verdicts(PLUGIN, exclusive(user), using(make_pod("new"), "c")) == {"a": "", "b": ""}


def test_a_nominated_user_does_not_count_where_the_filter_is_skipped() -> None:
    soon = using(make_pod("soon"), "c")
    assert changed(exclusive(), using(make_pod("new"), "c"), [(soon, "a")], 1) == {"a": ""}


def test_the_first_user_of_an_exclusive_claim_is_noticed() -> None:
    cluster = exclusive()
    state = state_of(PLUGIN, cluster, using(make_pod("new"), "c"))
    cursor = cluster.log.sequence
    cluster.set(make_pod("plain").on("a").done())
    assert state.advance(cluster, cluster.log.since(cursor))
    cursor = cluster.log.sequence
    cluster.set(using(make_pod("user").on("b"), "c").done())
    assert not state.advance(cluster, cluster.log.since(cursor))


def test_a_disk_comes_before_a_claim() -> None:
    cluster = exclusive(mounting(using(make_pod("old").on("a"), "c"), gce("d")))
    answer = verdicts(PLUGIN, cluster, mounting(using(make_pod("new"), "c"), gce("d")))
    assert answer == {"a": DISK, "b": CLAIM}


def changed(cluster: Any, pod: PodBuilder, moved: list[tuple[PodBuilder, str]], sign: int) -> dict[str, str]:
    change = overlay.of_pods(
        [(cluster.project(each.done()), cluster.row_of[node]) for each, node in moved], sign
    )
    state = state_of(PLUGIN, cluster, pod)
    return explained(PLUGIN, state, cluster, change.rows, change)


def test_removing_the_user_of_a_claim_frees_it() -> None:
    old = using(make_pod("old").on("a"), "c")
    assert changed(exclusive(old), using(make_pod("new"), "c"), [(old, "a")], -1) == {"a": ""}


def test_two_claims_in_use_count_twice() -> None:
    one, two = using(make_pod("one").on("a"), "c"), using(make_pod("two").on("a"), "d")
    cluster, new = exclusive(one, two), using(make_pod("new"), "c", "d")
    assert changed(cluster, new, [(one, "a")], -1) == {"a": CLAIM}
    assert changed(cluster, new, [(one, "a"), (two, "a")], -1) == {"a": ""}


def test_a_victim_counts_by_the_name_of_its_claim_alone() -> None:
    old, namesake = using(make_pod("old").on("b"), "c"), using(make_pod("odd", "prod").on("a"), "c")
    answer = changed(exclusive(old, namesake), using(make_pod("new"), "c"), [(namesake, "a")], -1)
    assert answer == {"a": ""}


def test_a_nominated_user_counts_where_the_pod_has_a_disk() -> None:
    cluster, new = exclusive(), mounting(using(make_pod("new"), "c"), gce("d"))
    assert changed(cluster, new, [(using(make_pod("soon"), "c"), "a")], 1) == {"a": CLAIM}


def test_nominated_and_removed_disks_count_on_their_node_only() -> None:
    old = mounting(make_pod("old").on("a"), gce("d"))
    cluster, new = exclusive(old), mounting(make_pod("new"), gce("d"))
    assert changed(cluster, new, [(old, "a")], -1) == {"a": ""}
    assert changed(cluster, new, [(mounting(make_pod("soon"), gce("d")), "b")], 1) == {"b": DISK}


def test_the_state_follows_disks_and_gives_up_on_claims() -> None:
    cluster = exclusive()
    state = state_of(PLUGIN, cluster, mounting(using(make_pod("new"), "c"), gce("d")))
    cursor = cluster.log.sequence
    cluster.set(mounting(make_pod("x").on("b"), gce("d")).done())
    assert state.advance(cluster, cluster.log.since(cursor))
    assert explained(PLUGIN, state, cluster, slice(0, 2), None) == {"a": "", "b": DISK}
    cursor = cluster.log.sequence
    cluster.set(mounting(make_pod("y").on("a"), gce("d")).done())
    cluster.set(mounting(make_pod("z").on("elsewhere"), gce("d")).done())
    cluster.remove(mounting(make_pod("x").on("b"), gce("d")).done())
    assert state.advance(cluster, cluster.log.since(cursor))
    assert np.asarray(PLUGIN.filter(state, cluster, slice(0, 3), None)).tolist()[:2] == [1, 0]
    cursor = cluster.log.sequence
    cluster.set(using(make_pod("user").on("b"), "c").done())
    assert not state.advance(cluster, cluster.log.since(cursor))


def test_without_prefilter_a_node_without_a_clash_is_an_error() -> None:
    cluster = exclusive(mounting(make_pod("old").on("a"), gce("d")))
    pod = cluster.project(mounting(make_pod("new"), gce("d")).done())
    assert explained(PLUGIN, pod, cluster, slice(0, 2), None) == {
        "a": DISK,
        "b": 'cannot read "PreFilterVolumeRestrictions" from cycleState',
    }
