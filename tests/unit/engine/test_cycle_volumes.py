"""Volumes through whole cycles: what one pod takes, the next does not find."""

from stowage.api import objects
from stowage.cluster import table
from stowage.engine import cycle
from stowage.framework import config, profile, status
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.storage_builders import HOST, make_claim, make_class, make_csi_node, make_volume, using

DRIVER = "csi.example.com"


def engine(*parts: objects.Object) -> cycle.Engine:
    """Three nodes that take one volume of the driver each."""
    cluster = make_table(
        make_class("slow"),
        make_class("fast", provisioner=DRIVER),
        *(make_node(name) for name in "abc"),
        *(make_csi_node(name, {DRIVER: 1}) for name in "abc"),
        *parts,
    )
    return cycle.Engine(cluster, [profile.Profile(each) for each in config.default().profiles])


def place(made: cycle.Engine, pod: PodBuilder) -> str:
    return made.schedule(made.cluster.project(pod.spec(schedulerName="default-scheduler").done())).node


def test_each_local_volume_goes_to_one_pod() -> None:
    volumes = [make_volume(f"on-{name}", at={HOST: [name]}) for name in "ab"]
    made = engine(*volumes, *(make_claim(f"c{i}") for i in range(3)))
    nodes = [place(made, using(make_pod(f"p{i}"), f"c{i}")) for i in range(3)]
    assert sorted(nodes[:2]) == ["a", "b"]
    assert nodes[2] == ""


def test_claims_to_be_provisioned_count_against_the_limit_of_their_node() -> None:
    made = engine(*(make_claim(f"c{i}", cls="fast") for i in range(4)))
    nodes = [place(made, using(make_pod(f"p{i}"), f"c{i}")) for i in range(4)]
    assert sorted(nodes[:3]) == ["a", "b", "c"]
    assert nodes[3] == ""


def test_an_exclusive_claim_goes_to_one_pod_at_a_time() -> None:
    claim = make_claim("c", to="pv", modes=("ReadWriteOncePod",))
    made = engine(claim, make_volume("pv", phase="Bound"))
    assert place(made, using(make_pod("one"), "c")) != ""
    assert place(made, using(make_pod("two"), "c")) == ""
    made.cluster.remove_pod("uid-default-one")
    assert place(made, using(make_pod("two"), "c")) != ""


def test_a_pod_that_is_not_bound_gives_its_volume_back() -> None:
    class Refusing(cycle.Recorder):
        def patch(self, item: object) -> status.Status | None:
            return status.error("conflict")

    cluster: table.Table = engine(make_claim("c"), make_volume("pv")).cluster
    profiles = [profile.Profile(each) for each in config.default().profiles]
    assert place(cycle.Engine(cluster, profiles, binder=Refusing()), using(make_pod("p"), "c")) == ""
    assert cluster.storage.volumes["pv"].spec.claim_ref is None
    assert place(cycle.Engine(cluster, profiles), using(make_pod("p"), "c")) != ""
