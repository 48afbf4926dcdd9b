"""VolumeBinding's Reserve, Unreserve and PreBind: what is taken, given back and written."""

from typing import Any

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.framework import interface, status
from stowage.framework.config import args
from stowage.plugins import volume_binding
from tests.builders import make_node, make_pod, make_table
from tests.storage_builders import HOST, make_claim, make_class, make_volume, using, verdicts

PLUGIN = volume_binding.VolumeBinding(args.VolumeBindingArgs())
BIND = "node(s) didn't find available persistent volumes to bind"
SELECTED = "volume.kubernetes.io/selected-node"


class Recording:
    """A binder that keeps what it is given, and fails from one write on."""

    def __init__(self, fails_at: int = -1) -> None:
        self.written: list[Any] = []
        self.fails_at = fails_at

    def bind(self, pod: pods.Incoming, node: str) -> status.Status | None:
        return None

    def patch(self, item: Any) -> status.Status | None:
        if len(self.written) == self.fails_at:
            return status.error("conflict")
        self.written.append(item)
        return None


def local() -> table.Table:
    """A volume on each of two nodes, two claims for them, and one to be provisioned."""
    return make_table(
        make_node("a"),
        make_node("b"),
        make_class("slow"),
        make_class("fast", provisioner="csi.example.com"),
        make_claim("c"),
        make_claim("d"),
        make_claim("e", cls="fast"),
        make_volume("on-a", at={HOST: ["a"]}),
        make_volume("on-b", at={HOST: ["b"]}),
    )


def pod_of(cluster: table.Table, *claims: str) -> pods.Incoming:
    return cluster.project(using(make_pod("p"), *claims).done())


def test_what_a_pod_takes_is_gone_for_the_next() -> None:
    cluster = local()
    context = interface.BindContext(cluster, Recording())
    assert PLUGIN.reserve(pod_of(cluster, "c"), "a", context) is None
    assert verdicts(PLUGIN, cluster, using(make_pod("next"), "d")) == {"a": BIND, "b": ""}
    assert verdicts(PLUGIN, cluster, using(make_pod("like"), "c")) == {"a": "", "b": BIND}


def test_unreserve_gives_everything_back() -> None:
    cluster = local()
    before = (dict(cluster.storage.volumes), dict(cluster.storage.claims))
    context = interface.BindContext(cluster, Recording())
    pod = pod_of(cluster, "c", "e")
    PLUGIN.reserve(pod, "a", context)
    assert cluster.storage.claims["default", "e"].metadata.annotations[SELECTED] == "a"
    PLUGIN.unreserve(pod, "a", context)
    PLUGIN.unreserve(pod, "a", context)  # twice does no harm
    assert (cluster.storage.volumes, cluster.storage.claims) == before


def test_unreserve_leaves_what_changed_since() -> None:
    cluster = local()
    context = interface.BindContext(cluster, Recording())
    pod = pod_of(cluster, "c")
    PLUGIN.reserve(pod, "a", context)
    newer = make_volume("on-a", phase="Failed")
    cluster.set(newer)
    PLUGIN.unreserve(pod, "a", context)
    assert cluster.storage.volumes["on-a"] is newer


def test_a_claim_to_be_provisioned_binds_the_pods_after_it_to_its_node() -> None:
    cluster = local()
    PLUGIN.reserve(pod_of(cluster, "e"), "b", interface.BindContext(cluster, Recording()))
    assert verdicts(PLUGIN, cluster, using(make_pod("next"), "e")) == {"a": BIND, "b": ""}


def test_prebind_writes_the_volumes_reference_and_the_claims_node() -> None:
    cluster, binder = local(), Recording()
    context = interface.BindContext(cluster, binder)
    pod = pod_of(cluster, "e", "c")
    PLUGIN.reserve(pod, "a", context)
    assert PLUGIN.pre_bind(pod, "a", context) is None
    volume, claim = binder.written
    assert volume.metadata.name == "on-a"
    assert volume.spec.claim_ref == objects.ObjectReference(
        "PersistentVolumeClaim", "default", "c", "uid-default-c"
    )
    assert volume.metadata.annotations == {"pv.kubernetes.io/bound-by-controller": "yes"}
    assert (claim.metadata.name, claim.metadata.annotations) == ("e", {SELECTED: "a"})


def test_a_written_volume_is_bound_at_once() -> None:
    cluster = local()
    context = interface.BindContext(cluster, Recording())
    pod = pod_of(cluster, "c")
    PLUGIN.reserve(pod, "a", context)
    PLUGIN.pre_bind(pod, "a", context)
    claim = cluster.storage.claims["default", "c"]
    assert (claim.spec.volume_name, claim.status.phase) == ("on-a", "Bound")
    reason = "node(s) didn't match PersistentVolume's node affinity"
    assert verdicts(PLUGIN, cluster, using(make_pod("like"), "c")) == {"a": "", "b": reason}


def test_a_failed_write_ends_prebind_and_only_the_rest_is_given_back() -> None:
    cluster, binder = local(), Recording(fails_at=1)
    context = interface.BindContext(cluster, binder)
    pod = pod_of(cluster, "c", "e")
    PLUGIN.reserve(pod, "a", context)
    assert PLUGIN.pre_bind(pod, "a", context) == status.error("conflict")
    PLUGIN.unreserve(pod, "a", context)
    assert cluster.storage.volumes["on-a"].spec.claim_ref is not None
    assert SELECTED not in cluster.storage.claims["default", "e"].metadata.annotations


def test_a_volume_kept_for_the_claim_gets_its_uid_and_no_annotation() -> None:
    kept = make_volume("on-a", claimRef={"namespace": "default", "name": "c"}, at={HOST: ["a"]})
    cluster, binder = local(), Recording()
    cluster.set(kept)
    context = interface.BindContext(cluster, binder)
    pod = pod_of(cluster, "c")
    PLUGIN.reserve(pod, "a", context)
    PLUGIN.pre_bind(pod, "a", context)
    (volume,) = binder.written
    assert volume.spec.claim_ref.uid == "uid-default-c"
    assert volume.metadata.annotations == {}


def test_a_pod_whose_claims_are_bound_writes_nothing() -> None:
    cluster, binder = local(), Recording()
    cluster.set(make_claim("c", to="on-a"))
    context = interface.BindContext(cluster, binder)
    for pod in (pod_of(cluster, "c"), pod_of(cluster)):
        assert PLUGIN.reserve(pod, "a", context) is None
        assert PLUGIN.pre_bind(pod, "a", context) is None
        PLUGIN.unreserve(pod, "a", context)
    assert binder.written == []
