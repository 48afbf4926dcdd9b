"""VolumeZone: labels of bound volumes against those of nodes."""

import pytest

from stowage.framework import status
from stowage.plugins import volume_zone
from tests.builders import NodeBuilder, make_node, make_pod, make_table
from tests.storage_builders import (
    ZONE,
    make_claim,
    make_class,
    make_volume,
    mounting,
    refused,
    using,
    verdicts,
)

PLUGIN = volume_zone.VolumeZone()
BETA = "failure-domain.beta.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
BETA_REGION = "failure-domain.beta.kubernetes.io/region"


def node(labels: dict[str, str]) -> NodeBuilder:
    made = make_node("n")
    for key, value in labels.items():
        made.label(key, value)
    return made


@pytest.mark.parametrize(
    ("volume", "labels", "fits"),
    [
        pytest.param({ZONE: "z1"}, {ZONE: "z1"}, True, id="same zone"),
        pytest.param({ZONE: "z1"}, {ZONE: "z2"}, False, id="another zone"),
        pytest.param({ZONE: "z1"}, {}, True, id="a node without labels takes everything"),
        pytest.param({ZONE: "z1"}, {"disk": "ssd"}, True, id="other labels do not count as such"),
        pytest.param({ZONE: "z1"}, {REGION: "r1"}, False, id="a node with a region but no zone"),
        pytest.param({REGION: "r1"}, {REGION: "r1", ZONE: "z9"}, True, id="region alone"),
        pytest.param({ZONE: "z1", REGION: "r1"}, {ZONE: "z1", REGION: "r2"}, False, id="both must hold"),
        pytest.param({ZONE: "z1__z2"}, {ZONE: "z2"}, True, id="one of several zones"),
        pytest.param({ZONE: "z1__z2"}, {ZONE: "z3"}, False, id="none of several zones"),
        pytest.param({ZONE: " z1 __ z2 "}, {ZONE: "z2"}, True, id="blanks around a zone"),
        pytest.param({ZONE: "z1_z2"}, {ZONE: "z1"}, False, id="one underscore does not divide"),
        pytest.param({BETA: "z1"}, {BETA: "z1"}, True, id="beta label on both"),
        pytest.param({BETA: "z1"}, {ZONE: "z1"}, True, id="beta label on the volume, successor on the node"),
        pytest.param({BETA: "z1"}, {BETA: "z2", ZONE: "z1"}, False, id="the node's beta label comes first"),
        pytest.param({ZONE: "z1"}, {BETA: "z1"}, False, id="a successor is not matched by a beta label"),
        pytest.param({BETA_REGION: "r1"}, {REGION: "r1"}, True, id="beta region"),
        pytest.param({BETA_REGION: "r1"}, {REGION: "r2"}, False, id="another beta region"),
    ],
)
def test_a_volume_is_reached(volume: dict[str, str], labels: dict[str, str], fits: bool) -> None:
    cluster = make_table(node(labels), make_claim("c", to="pv"), make_volume("pv", meta={"labels": volume}))
    expected = {"n": "" if fits else volume_zone.REASON}
    assert verdicts(PLUGIN, cluster, using(make_pod("p"), "c")) == expected


def test_a_label_with_an_empty_part_is_ignored() -> None:
    cluster = make_table(
        make_node("n").zone("z3"),
        make_claim("c", to="pv"),
        make_volume("pv", meta={"labels": {ZONE: "z1__"}}),
    )
    assert refused(PLUGIN, cluster, using(make_pod("p"), "c")) is status.SKIP


def test_every_volume_of_the_pod_must_be_reached() -> None:
    cluster = make_table(
        make_node("a").zone("z1"),
        make_node("b").zone("z2"),
        make_claim("c1", to="pv1"),
        make_claim("c2", to="pv2"),
        make_volume("pv1", meta={"labels": {ZONE: "z1"}}),
        make_volume("pv2", meta={"labels": {ZONE: "z1__z2"}}),
    )
    answer = verdicts(PLUGIN, cluster, using(make_pod("p"), "c1", "c2"))
    assert answer == {"a": "", "b": volume_zone.REASON}


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        pytest.param(
            make_claim("c", cls=None),
            "PersistentVolumeClaim had no pv name and storageClass name",
            id="no class",
        ),
        pytest.param(
            make_claim("c", cls=""),
            "PersistentVolumeClaim had no pv name and storageClass name",
            id="empty class",
        ),
        pytest.param(
            make_claim("c", cls="gone"), 'storageclass.storage.k8s.io "gone" not found', id="class is missing"
        ),
        pytest.param(
            make_claim("c", cls="odd"),
            'VolumeBindingMode not set for StorageClass "odd"',
            id="class without mode",
        ),
        pytest.param(make_claim("c", cls="now"), "PersistentVolume had no name", id="immediate"),
        pytest.param(make_claim("c", to="gone"), 'persistentvolume "gone" not found', id="volume is missing"),
        pytest.param(make_claim("other"), 'persistentvolumeclaim "c" not found', id="claim is missing"),
    ],
)
def test_a_claim_that_cannot_be_used_refuses_the_pod(claim: object, reason: str) -> None:
    cluster = make_table(
        make_node("n"),
        claim,  # type: ignore[arg-type]
        make_class("now", mode="Immediate"),
        make_class("odd", mode=None),
        make_class("slow"),
    )
    assert refused(PLUGIN, cluster, using(make_pod("p"), "c")) == status.unresolvable(reason)


def test_a_claim_without_a_name_refuses_the_pod() -> None:
    answer = refused(PLUGIN, make_table(make_node("n")), using(make_pod("p"), ""))
    assert answer == status.unresolvable("PersistentVolumeClaim had no name")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"persistentVolumeClaim": {"claimName": "waiting"}}, id="waits for the pod"),
        pytest.param({"persistentVolumeClaim": {"claimName": "plain"}}, id="volume without labels"),
        pytest.param({"ephemeral": {"volumeClaimTemplate": {}}}, id="generic ephemeral"),
        pytest.param({"emptyDir": {}}, id="no claim"),
    ],
)
def test_a_pod_without_labelled_volumes_is_skipped(source: dict[str, object]) -> None:
    cluster = make_table(
        make_node("n").zone("z1"),
        make_class("slow"),
        make_claim("waiting"),
        make_claim("plain", to="pv"),
        make_volume("pv"),
    )
    assert refused(PLUGIN, cluster, mounting(make_pod("p"), source)) is status.SKIP


def test_without_prefilter_the_claims_are_read_at_the_filter() -> None:
    cluster = make_table(make_node("n").zone("z2"), make_claim("c", to="pv"))
    pod = cluster.project(using(make_pod("p"), "c").done())
    code = PLUGIN.filter(pod, cluster, slice(0, 1), None)
    assert PLUGIN.explain(pod, cluster, int(code)) == status.unresolvable('persistentvolume "pv" not found')
