"""VolumeBinding: claims that refuse a pod, bound volumes, volumes to take and volumes to be made."""

from typing import Any

import pytest

from stowage.api import objects
from stowage.cluster import table
from stowage.framework import status
from stowage.framework.config import args
from stowage.plugins import volume_binding
from stowage.plugins.volume_binding import fit
from tests.builders import make_node, make_pod, make_table
from tests.storage_builders import (
    EPHEMERAL,
    HOST,
    ZONE,
    csi,
    make_claim,
    make_class,
    make_csi_node,
    make_volume,
    mounting,
    owned_by,
    refused,
    using,
    verdicts,
)

PLUGIN = volume_binding.VolumeBinding(args.VolumeBindingArgs())
NODE, BIND, SPACE, GONE = (
    volume_binding.REASONS[bit] for bit in (fit.NODE_CONFLICT, fit.BIND_CONFLICT, fit.NO_SPACE, fit.NO_VOLUME)
)
DRIVER = "csi.example.com"
PREBOUND = {"kind": "PersistentVolumeClaim", "namespace": "default", "name": "c", "uid": "uid-default-c"}


def zones(*parts: Any) -> table.Table:
    """Nodes a and b in zones z1 and z2; the class `slow`, which makes no volumes; `fast`, which does."""
    return make_table(
        make_node("a").zone("z1"),
        make_node("b").zone("z2"),
        make_class("slow"),
        make_class("fast", provisioner=DRIVER),
        *parts,
    )


def says(cluster: table.Table, *claims: str) -> list[str]:
    """The reasons on a and on b."""
    return list(verdicts(PLUGIN, cluster, using(make_pod("p"), *claims)).values())


# ------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        pytest.param(make_claim("other"), 'persistentvolumeclaim "c" not found', id="missing"),
        pytest.param(
            make_claim("c", to="pv", phase="Lost"),
            'persistentvolumeclaim "c" bound to non-existent persistentvolume "pv"',
            id="lost",
        ),
        pytest.param(
            make_claim("c", to="pv", meta={"deletionTimestamp": "2026-01-31T00:00:00Z"}),
            'persistentvolumeclaim "c" is being deleted',
            id="being deleted",
        ),
        pytest.param(
            make_claim("c", cls="now"), "pod has unbound immediate PersistentVolumeClaims", id="immediate"
        ),
        pytest.param(
            make_claim("c", cls=""), "pod has unbound immediate PersistentVolumeClaims", id="empty class"
        ),
        pytest.param(
            make_claim("c", cls="gone"),
            "pod has unbound immediate PersistentVolumeClaims",
            id="class is missing",
        ),
        pytest.param(
            make_claim("c", volumeName="pv"),
            "pod has unbound immediate PersistentVolumeClaims",
            id="named a volume that does not have it yet",
        ),
        pytest.param(
            make_claim("c", meta={"annotations": {"volume.beta.kubernetes.io/storage-class": "now"}}),
            "pod has unbound immediate PersistentVolumeClaims",
            id="the annotation's class comes first",
        ),
    ],
)
def test_a_claim_refuses_the_pod(claim: objects.PersistentVolumeClaim, reason: str) -> None:
    cluster = zones(claim, make_class("now", mode="Immediate"), make_volume("pv"))
    assert refused(PLUGIN, cluster, using(make_pod("p"), "c")) == status.unresolvable(reason)


def test_a_class_without_binding_mode_is_an_error() -> None:
    cluster = zones(make_class("odd", mode=None), make_claim("c", cls="odd"))
    expected = status.error('VolumeBindingMode not set for StorageClass "odd"')
    assert refused(PLUGIN, cluster, using(make_pod("p"), "c")) == expected


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        pytest.param(
            None,
            'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v0"',
            id="not there yet",
        ),
        pytest.param(
            make_claim("p-v0"),
            "PVC default/p-v0 was not created for pod default/p (pod is not owner)",
            id="nobody's",
        ),
        pytest.param(
            make_claim("p-v0", meta=owned_by("p", "uid-of-another")),
            "PVC default/p-v0 was not created for pod default/p (pod is not owner)",
            id="another's",
        ),
    ],
)
def test_the_claim_of_an_ephemeral_volume(claim: objects.PersistentVolumeClaim | None, reason: str) -> None:
    cluster = zones(*([] if claim is None else [claim]))
    assert refused(PLUGIN, cluster, mounting(make_pod("p"), EPHEMERAL)) == status.unresolvable(reason)


def test_a_pods_own_ephemeral_claim_serves() -> None:
    claim = make_claim(
        "p-v0",
        to="pv",
        meta={
            **owned_by("p", "uid-default-p"),
            "annotations": {"pv.kubernetes.io/bind-completed": "yes"},
        },
    )
    cluster = zones(claim, make_volume("pv", at={ZONE: ["z1"]}))
    assert verdicts(PLUGIN, cluster, mounting(make_pod("p"), EPHEMERAL)) == {"a": "", "b": NODE}


def test_a_pod_without_claims_is_skipped_and_never_scored() -> None:
    cluster = zones()
    pod = mounting(make_pod("p"), {"emptyDir": {}})
    assert refused(PLUGIN, cluster, pod) is status.SKIP
    assert PLUGIN.pre_score(cluster.project(pod.done()), cluster) is status.SKIP


# ------------------------------------------------------------------------------- bound volumes


def test_a_bound_volume_is_reached_where_its_affinity_matches() -> None:
    cluster = zones(make_claim("c", to="pv"), make_volume("pv", at={ZONE: ["z1"]}))
    assert says(cluster, "c") == ["", NODE]


@pytest.mark.parametrize(
    ("terms", "answer"),
    [
        pytest.param([], [NODE, NODE], id="no terms match nothing"),
        pytest.param([{}], [NODE, NODE], id="an empty term matches nothing"),
        pytest.param(
            [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}],
            ["", ""],
            id="fields are not looked at",
        ),
        pytest.param(
            [
                {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["z1"]}]},
                {"matchExpressions": [{"key": HOST, "operator": "In", "values": ["b"]}]},
            ],
            ["", ""],
            id="terms are alternatives",
        ),
        pytest.param(
            [{"matchExpressions": [{"key": ZONE, "operator": "NotIn", "values": ["z1", "z9"]}]}],
            [NODE, ""],
            id="NotIn",
        ),
        pytest.param(
            [{"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}], ["", ""], id="DoesNotExist"
        ),
        pytest.param(
            [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}], [NODE, NODE], id="Exists"
        ),
        pytest.param(
            [{"matchExpressions": [{"key": "gen", "operator": "Gt", "values": ["3"]}]}], ["", NODE], id="Gt"
        ),
        pytest.param(
            [{"matchExpressions": [{"key": "gen", "operator": "Lt", "values": ["9"]}]}], ["", NODE], id="Lt"
        ),
    ],
)
def test_the_affinity_of_a_bound_volume(terms: list[Any], answer: list[str]) -> None:
    volume = make_volume("pv", nodeAffinity={"required": {"nodeSelectorTerms": terms}})
    cluster = zones(make_claim("c", to="pv"), volume, make_node("a").zone("z1").label("gen", "5"))
    assert says(cluster, "c") == answer


def test_the_first_volume_out_of_reach_or_missing_decides() -> None:
    cluster = zones(
        make_claim("c", to="pv"), make_claim("d", to="gone"), make_volume("pv", at={ZONE: ["z1"]})
    )
    assert says(cluster, "c", "d") == [GONE, NODE]
    assert says(cluster, "d", "c") == [GONE, GONE]


def test_a_migrated_volume_is_reached_by_its_drivers_topology() -> None:
    volume = make_volume("pv", meta={"labels": {ZONE: "z1"}}, awsElasticBlockStore={"volumeID": "vol-1"})
    key = "topology.ebs.csi.aws.com/zone"
    parts = [
        make_claim("c", to="pv"),
        volume,
        make_node("a").zone("z1").label(key, "z2"),
        make_node("c").zone("z1").label(key, "z1"),
        make_csi_node("a", migrated="kubernetes.io/gce-pd,kubernetes.io/aws-ebs"),
        make_csi_node("b", migrated="kubernetes.io/gce-pd"),
        make_csi_node("c", migrated="kubernetes.io/aws-ebs"),
    ]
    assert says(zones(*parts), "c") == [NODE, "", ""]


def test_a_volume_that_cannot_be_translated_is_an_error_where_it_is_migrated() -> None:
    volume = make_volume(
        "pv", meta={"labels": {ZONE: "eu-west1-a__us-east1-b"}}, gcePersistentDisk={"pdName": "d"}
    )
    cluster = zones(make_claim("c", to="pv"), volume, make_csi_node("a", migrated="kubernetes.io/gce-pd"))
    first, second = says(cluster, "c")
    assert first.startswith("could not translate pv: failed to get region from zones: ")
    assert second == ""


# -------------------------------------------------------------------------- volumes to be taken


@pytest.mark.parametrize(
    ("claim", "volume", "fits"),
    [
        pytest.param({}, {}, True, id="equal"),
        pytest.param({"size": "2Gi"}, {"size": "1Gi"}, False, id="too small"),
        pytest.param({"size": "1Gi"}, {"size": "1073741824"}, True, id="as large, written differently"),
        pytest.param({"size": None}, {"size": "0"}, True, id="no size asked"),
        pytest.param({}, {"cls": "other"}, False, id="another class"),
        pytest.param(
            {},
            {"cls": "x", "meta": {"annotations": {"volume.beta.kubernetes.io/storage-class": "slow"}}},
            True,
            id="class by annotation",
        ),
        pytest.param({}, {"phase": "Released"}, False, id="released"),
        pytest.param({}, {"phase": ""}, False, id="without phase"),
        pytest.param({"modes": ("ReadWriteMany",)}, {}, False, id="an access mode it lacks"),
        pytest.param({"modes": ()}, {}, True, id="no access mode asked"),
        pytest.param(
            {"modes": ("ReadOnlyMany",)},
            {"modes": ("ReadWriteOnce", "ReadOnlyMany")},
            True,
            id="one of several modes",
        ),
        pytest.param({"volumeMode": "Block"}, {}, False, id="block asked, no mode is a file system"),
        pytest.param({"volumeMode": "Block"}, {"volumeMode": "Block"}, True, id="block"),
        pytest.param({"volumeMode": "Filesystem"}, {}, True, id="file system"),
        pytest.param({"volumeAttributesClassName": "gold"}, {}, False, id="attributes class asked"),
        pytest.param({}, {"volumeAttributesClassName": "gold"}, False, id="attributes class not asked"),
        pytest.param({"volumeAttributesClassName": ""}, {}, True, id="an empty attributes class is none"),
        pytest.param({"selector": {"matchLabels": {"tier": "gold"}}}, {}, False, id="selector"),
        pytest.param(
            {"selector": {"matchLabels": {"tier": "gold"}}},
            {"meta": {"labels": {"tier": "gold"}}},
            True,
            id="selected",
        ),
        pytest.param({"selector": {}}, {}, True, id="an empty selector takes all"),
        pytest.param({}, {"meta": {"deletionTimestamp": "2026-01-31T00:00:00Z"}}, False, id="being deleted"),
        pytest.param({}, {"claimRef": {**PREBOUND, "name": "other"}}, False, id="another claim's"),
        pytest.param({}, {"claimRef": PREBOUND}, True, id="kept for the claim"),
        pytest.param({}, {"claimRef": {**PREBOUND, "uid": ""}}, True, id="kept for the claim, without uid"),
        pytest.param({}, {"claimRef": {**PREBOUND, "uid": "x"}}, False, id="kept for its predecessor"),
        pytest.param(
            {"modes": ("ReadWriteMany",), "selector": {"matchLabels": {"tier": "gold"}}},
            {"claimRef": PREBOUND, "phase": "Bound"},
            True,
            id="what is kept need not be available, selected or of the access mode",
        ),
        pytest.param({"size": "2Gi"}, {"claimRef": PREBOUND}, False, id="what is kept must be large enough"),
    ],
)
def test_a_volume_serves_a_claim(claim: dict[str, Any], volume: dict[str, Any], fits: bool) -> None:
    cluster = zones(make_claim("c", **claim), make_volume("pv", **volume))
    assert says(cluster, "c") == (["", ""] if fits else [BIND, BIND])


def test_a_volume_serves_where_it_can_be_reached() -> None:
    cluster = zones(make_claim("c"), make_volume("pv", at={ZONE: ["z2"]}))
    assert says(cluster, "c") == [BIND, ""]


def test_a_volume_kept_for_the_claim_decides_against_others() -> None:
    kept = make_volume("kept", at={ZONE: ["z1"]}, claimRef=PREBOUND)
    assert says(zones(make_claim("c"), kept, make_volume("free")), "c") == ["", BIND]


def test_two_claims_do_not_share_a_volume() -> None:
    parts = [make_claim("c"), make_claim("d"), make_volume("pv")]
    assert says(zones(*parts), "c", "d") == [BIND, BIND]
    assert says(zones(*parts, make_volume("local", at={HOST: ["b"]})), "c", "d") == [BIND, ""]


def test_two_claims_do_not_share_a_local_volume() -> None:
    volumes = [make_volume(name, at={HOST: [name[0]]}) for name in ("a1", "b1", "b2")]
    assert says(zones(make_claim("c"), make_claim("d"), *volumes), "c", "d") == [BIND, ""]


def test_the_smallest_claim_chooses_first_and_takes_the_smallest_volume() -> None:
    # d takes the smaller volume though c comes first in the pod and can use no other.
    gold = {"labels": {"tier": "gold"}}
    parts = [
        make_claim("c", size="2Gi", selector={"matchLabels": {"tier": "gold"}}),
        make_claim("d", size="1Gi"),
        make_volume("large", size="3Gi"),
        make_volume("small", size="2Gi", meta=gold),
    ]
    assert says(zones(*parts), "c", "d") == [BIND, BIND]
    assert says(zones(*parts, make_volume("smallest", size="1.5Gi")), "c", "d") == ["", ""]


def test_an_invalid_selector_is_an_error() -> None:
    cluster = zones(make_claim("c", selector={"matchExpressions": [{"key": "k", "operator": "Near"}]}))
    first, second = says(cluster, "c")
    assert first == second
    assert first.startswith("error creating internal label selector for claim: default/c: ")


# ---------------------------------------------------------------------------- volumes to be made


def test_a_class_that_provisions_serves_where_no_volume_does() -> None:
    assert says(zones(make_claim("c", cls="fast")), "c") == ["", ""]


def test_a_class_without_provisioner_does_not() -> None:
    cluster = zones(make_class("none", provisioner=""), make_claim("c", cls="none"))
    assert says(cluster, "c") == [BIND, BIND]


@pytest.mark.parametrize(
    ("topologies", "answer"),
    [
        pytest.param([{ZONE: ["z1", "z9"]}], ["", BIND], id="allowed zones"),
        pytest.param([{ZONE: ["z1"]}, {HOST: ["b"]}], ["", ""], id="terms are alternatives"),
        pytest.param([{ZONE: ["z1"], HOST: ["b"]}], [BIND, BIND], id="all labels of a term"),
        pytest.param([{}], [BIND, BIND], id="an empty term allows nothing"),
        pytest.param([{ZONE: []}], [BIND, BIND], id="a label without values allows nothing"),
        pytest.param([], ["", ""], id="no terms allow everything"),
    ],
)
def test_allowed_topologies(topologies: list[dict[str, list[str]]], answer: list[str]) -> None:
    cluster = zones(
        make_class("near", provisioner=DRIVER, topologies=topologies), make_claim("c", cls="near")
    )
    assert says(cluster, "c") == answer


def driver(tracks: bool | None = True) -> objects.CSIDriver:
    return objects.CSIDriver(
        metadata=objects.ObjectMeta(name=DRIVER), spec=objects.CSIDriverSpec(storage_capacity=tracks)
    )


def published(
    name: str, zone: str | None, capacity: str | None, maximum: str | None = None, cls: str = "fast"
) -> objects.CSIStorageCapacity:
    return objects.CSIStorageCapacity(
        metadata=objects.ObjectMeta(name=name, namespace="kube-system"),
        node_topology=None if zone is None else objects.LabelSelector(match_labels={ZONE: zone}),
        storage_class_name=cls,
        capacity=capacity,
        maximum_volume_size=maximum,
    )


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        pytest.param([], ["", ""], id="no driver object"),
        pytest.param([driver(False)], ["", ""], id="the driver does not publish"),
        pytest.param([driver(None)], ["", ""], id="the driver does not say"),
        pytest.param([driver()], [SPACE, SPACE], id="nothing published"),
        pytest.param([driver(), published("x", "z1", "1Gi")], ["", SPACE], id="enough in one zone"),
        pytest.param([driver(), published("x", "z1", "1023Mi")], [SPACE, SPACE], id="too little"),
        pytest.param(
            [driver(), published("x", "z1", "9Gi", "1Mi")], [SPACE, SPACE], id="the maximum comes first"
        ),
        pytest.param([driver(), published("x", "z1", "1Mi", "1Gi")], ["", SPACE], id="the maximum is enough"),
        pytest.param([driver(), published("x", "z1", None)], [SPACE, SPACE], id="no capacity"),
        pytest.param([driver(), published("x", None, "9Gi")], [SPACE, SPACE], id="nowhere"),
        pytest.param(
            [driver(), published("x", "z1", "9Gi", cls="other")], [SPACE, SPACE], id="another class"
        ),
        pytest.param(
            [driver(), published("x", "z1", "1Mi"), published("y", "z1", "2Gi")], ["", SPACE], id="one of two"
        ),
    ],
)
def test_published_capacity(parts: list[objects.Object], answer: list[str]) -> None:
    assert says(zones(make_claim("c", cls="fast"), *parts), "c") == answer


def test_a_claim_without_size_needs_no_capacity() -> None:
    assert says(zones(make_claim("c", cls="fast", size=None), driver()), "c") == ["", ""]


def test_a_selected_node_is_the_only_one_and_its_volume_is_made_there() -> None:
    meta = {"annotations": {"volume.kubernetes.io/selected-node": "b"}}
    cluster = zones(make_claim("c", cls="fast", meta=meta), make_volume("pv", cls="fast"))
    assert says(cluster, "c") == [BIND, ""]
    slow = zones(make_claim("c", meta=meta), make_volume("pv"))
    assert says(slow, "c") == [BIND, BIND]  # the class makes none, and no volume is looked for


def test_nothing_else_is_asked_of_a_node_that_was_not_selected() -> None:
    meta = {"annotations": {"volume.kubernetes.io/selected-node": "b"}}
    assert says(zones(make_claim("c", cls="fast", meta=meta), driver()), "c") == [BIND, SPACE]


def test_reasons_of_bound_and_unbound_claims_are_told_together() -> None:
    cluster = zones(
        make_claim("c", to="pv"),
        make_volume("pv", at={ZONE: ["z1"]}, phase="Bound"),
        make_claim("d"),
        make_claim("e", to="gone"),
        driver(),
        make_claim("f", cls="fast"),
    )
    assert says(cluster, "c", "d") == [BIND, "; ".join(sorted((NODE, BIND)))]
    assert says(cluster, "e", "d") == ["; ".join(sorted((BIND, GONE)))] * 2
    assert says(cluster, "c", "f") == [SPACE, "; ".join(sorted((NODE, SPACE)))]
    assert says(cluster, "d", "f") == [BIND, BIND]  # the first that cannot be made decides


def test_without_prefilter_every_node_is_an_error() -> None:
    cluster = zones(make_claim("c"))
    pod = cluster.project(using(make_pod("p"), "c").done())
    code = PLUGIN.filter(pod, cluster, slice(0, 2), None)
    assert PLUGIN.explain(pod, cluster, int(code)) == status.error("not found")


def test_a_driver_in_use_leaves_csi_volumes_alone() -> None:
    volume = make_volume("pv", csi=csi("h"), at={ZONE: ["z1"]})
    cluster = zones(make_claim("c", to="pv"), volume, make_csi_node("b", migrated="kubernetes.io/aws-ebs"))
    assert says(cluster, "c") == ["", NODE]
