"""In-tree disks as their CSI drivers know them."""

from typing import Any

import msgspec
import pytest

from stowage.api import csi_migration, objects

ZONE = "topology.kubernetes.io/zone"
BETA_ZONE = "failure-domain.beta.kubernetes.io/zone"


def volume(**source: Any) -> objects.Volume:
    """A pod's own volume."""
    return msgspec.convert({"name": "data", **source}, objects.Volume)


def persistent(labels: dict[str, str] | None = None, **spec: Any) -> objects.PersistentVolume:
    """A PersistentVolume."""
    return msgspec.convert({"metadata": {"labels": labels or {}}, "spec": spec}, objects.PersistentVolume)


def zone_term(key: str, *values: str) -> dict[str, Any]:
    """A node affinity that asks for a zone."""
    part = {"key": key, "operator": "In", "values": list(values)}
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": [part]}]}}


@pytest.mark.parametrize(
    ("source", "driver", "handle"),
    [
        pytest.param(
            {"gcePersistentDisk": {"pdName": "d"}},
            "pd.csi.storage.gke.io",
            "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d",
            id="gce",
        ),
        pytest.param(
            {"awsElasticBlockStore": {"volumeID": "aws://eu-1a/vol-1"}},
            "ebs.csi.aws.com",
            "vol-1",
            id="aws url",
        ),
        pytest.param(
            {"awsElasticBlockStore": {"volumeID": "vol-1"}}, "ebs.csi.aws.com", "vol-1", id="aws bare id"
        ),
        pytest.param(
            {"azureDisk": {"diskURI": "/u", "kind": "Managed"}}, "disk.csi.azure.com", "/u", id="azure"
        ),
        pytest.param({"cinder": {"volumeID": "c"}}, "cinder.csi.openstack.org", "c", id="cinder"),
        pytest.param({"portworxVolume": {"volumeID": "p"}}, "pxd.portworx.com", "p", id="portworx"),
    ],
)
def test_a_pods_own_volume_has_a_driver_and_a_handle(
    source: dict[str, Any], driver: str, handle: str
) -> None:
    translated = csi_migration.inline_source(volume(**source))
    assert (translated.driver, translated.volume_handle) == (driver, handle)
    plugin = csi_migration.plugin_of_volume(volume(**source))
    assert plugin in csi_migration.MIGRATED
    assert csi_migration.DRIVERS[plugin] == driver


@pytest.mark.parametrize(
    "source",
    [{"azureFile": {"shareName": "s"}}, {"vsphereVolume": {"volumePath": "p"}}],
    ids=["azure file", "vsphere"],
)
def test_some_could_be_migrated_and_are_not(source: dict[str, Any]) -> None:
    plugin = csi_migration.plugin_of_volume(volume(**source))
    assert plugin in csi_migration.DRIVERS
    assert plugin not in csi_migration.MIGRATED


def test_other_volumes_have_nothing_to_migrate() -> None:
    assert csi_migration.plugin_of_volume(volume(persistentVolumeClaim={"claimName": "c"})) is None
    assert csi_migration.plugin_of_pv(persistent(csi={"driver": "d", "volumeHandle": "h"})) is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(
            {"azureDisk": {"kind": "Shared"}},
            r"kind\(Shared\) is not supported in csi migration",
            id="azure kind",
        ),
        pytest.param(
            {"awsElasticBlockStore": {"volumeID": "aws://zone/disk"}},
            "Invalid format for AWS volume",
            id="aws id",
        ),
    ],
)
def test_a_disk_that_cannot_be_translated_says_why(source: dict[str, Any], message: str) -> None:
    with pytest.raises(csi_migration.MigrationError, match=message):
        csi_migration.inline_source(volume(**source))


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        pytest.param({}, "zones/UNSPECIFIED", id="no label"),
        pytest.param({ZONE: "us-a-1"}, "zones/us-a-1", id="one zone"),
        pytest.param({ZONE: "us-a-1__us-a-2"}, "regions/us-a", id="two zones are a region"),
        pytest.param({ZONE: "us-a-1", BETA_ZONE: "us-b-1"}, "zones/us-b-1", id="the beta label goes first"),
    ],
)
def test_a_gce_disk_is_where_its_labels_say(labels: dict[str, str], place: str) -> None:
    source = csi_migration.pv_source(persistent(labels, gcePersistentDisk={"pdName": "d"}))
    assert source.volume_handle == f"projects/UNSPECIFIED/{place}/disks/d"


def test_zones_of_two_regions_cannot_be_translated() -> None:
    pv = persistent({ZONE: "us-a-1__us-b-1"}, gcePersistentDisk={"pdName": "d"})
    with pytest.raises(csi_migration.MigrationError, match=r"got: map\[us-a:\{\} us-b:\{\}\]"):
        csi_migration.pv_source(pv)


def keys_and_values(affinity: objects.VolumeNodeAffinity | None) -> list[tuple[str, tuple[str, ...]]]:
    """The conditions of a volume's node affinity."""
    assert affinity is not None
    assert affinity.required is not None
    terms = affinity.required.node_selector_terms
    return [(part.key, part.values) for term in terms for part in term.match_expressions]


DISK: dict[str, Any] = {"awsElasticBlockStore": {"volumeID": "v"}}
KEY = "topology.ebs.csi.aws.com/zone"


@pytest.mark.parametrize("key", [ZONE, BETA_ZONE], ids=["ga", "beta"])
def test_a_zone_in_the_affinity_gets_the_drivers_key(key: str) -> None:
    pv = persistent({ZONE: "other"}, nodeAffinity=zone_term(key, "a", "b"), **DISK)
    assert keys_and_values(csi_migration.translated_affinity(pv)) == [(KEY, ("a", "b"))]


def test_without_one_the_label_becomes_a_condition() -> None:
    pv = persistent({ZONE: "b__a__ "}, **DISK)
    assert keys_and_values(csi_migration.translated_affinity(pv)) == [(KEY, ("a", "b"))]


def test_the_labels_condition_joins_every_term() -> None:
    pv = persistent({ZONE: "a"}, nodeAffinity=zone_term("rack", "r"), **DISK)
    assert keys_and_values(csi_migration.translated_affinity(pv)) == [("rack", ("r",)), (KEY, ("a",))]


def test_a_beta_region_is_renamed_too() -> None:
    affinity = zone_term(BETA_ZONE, "a")
    region = {"key": "failure-domain.beta.kubernetes.io/region", "operator": "In", "values": ["r"]}
    affinity["required"]["nodeSelectorTerms"][0]["matchExpressions"].append(region)
    pv = persistent(nodeAffinity=affinity, **DISK)
    assert keys_and_values(csi_migration.translated_affinity(pv)) == [
        (KEY, ("a",)),
        ("topology.kubernetes.io/region", ("r",)),
    ]


def test_a_driver_without_topology_leaves_the_affinity_alone() -> None:
    pv = persistent({ZONE: "a"}, nodeAffinity=zone_term(ZONE, "a"), portworxVolume={"volumeID": "p"})
    assert csi_migration.translated_affinity(pv) is pv.spec.node_affinity


def test_a_node_lists_what_it_has_migrated() -> None:
    annotations = {csi_migration.MIGRATED_PLUGINS_ANNOTATION: "kubernetes.io/aws-ebs,kubernetes.io/gce-pd"}
    node = objects.CSINode(objects.ObjectMeta(annotations=annotations))
    assert csi_migration.migrated_on(node) == {csi_migration.AWS_EBS, csi_migration.GCE_PD}
    assert csi_migration.migrated_on(objects.CSINode()) == csi_migration.migrated_on(None) == frozenset()
