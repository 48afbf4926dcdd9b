"""Whether claims have come to be bound on their pod's node, and what is said where they will not be."""

from typing import Any, cast

import msgspec
import pytest

from stowage.api import csi_migration, objects, volumes
from stowage.cluster import pods, table
from stowage.kube import client as clients
from stowage.kube import errors
from stowage.scheduler import cache as caches
from stowage.scheduler.actuation import provision
from tests.builders import make_node, make_pod
from tests.storage_builders import HOST, make_claim, make_volume


class Server:
    """What a client reads, by name; and the clock, which takes no time."""

    def __init__(self, *found: Any) -> None:
        self._found = {item.metadata.name: item for item in found}
        self.clock = self
        self.now = 0.0
        self.slept: list[float] = []

    async def get(self, kind: Any, name: str, namespace: str = "", **_: Any) -> Any:
        if name not in self._found:
            raise errors.NotFound(404, name)
        return self._found[name]

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


class Cache:
    """What watches have told: a node, or none; and the pod, or not."""

    def __init__(self, node: objects.Node | None, pod: pods.Incoming, known: bool) -> None:
        self._node = node
        self.cluster = table.Table()
        self.cluster.set(CSI_NODE)
        self.pending = {pod.uid: pod} if known else {}

    def node(self, name: str) -> objects.Node | None:
        return self._node


NODE = make_node("n").done()
CSI_NODE = objects.CSINode(
    metadata=objects.ObjectMeta(
        name="n", annotations={csi_migration.MIGRATED_PLUGINS_ANNOTATION: csi_migration.GCE_PD}
    )
)
POD = table.Table().project(make_pod("p").done())


def volume_on(node: str) -> objects.PersistentVolume:
    return make_volume("pv", at={HOST: [node]})


def kept(node: str = "n") -> objects.PersistentVolume:
    """A volume that is reserved for the claim."""
    volume = volume_on(node)
    reference = objects.ObjectReference("PersistentVolumeClaim", "default", "c", "uid-c")
    return msgspec.structs.replace(volume, spec=msgspec.structs.replace(volume.spec, claim_ref=reference))


def asked(node: str = "n", to: str = "") -> objects.PersistentVolumeClaim:
    """A claim for which a volume is to be made."""
    claim = make_claim("c", to=to)
    annotations = {**claim.metadata.annotations, volumes.SELECTED_NODE: node}
    return msgspec.structs.replace(
        claim, metadata=msgspec.structs.replace(claim.metadata, annotations=annotations)
    )


async def failure(written: Any, *found: Any, node: objects.Node | None = NODE, known: bool = True) -> str:
    """What is said; empty where the claim is bound."""
    check = provision.Check(
        cast(clients.Client, Server(*found)), cast(caches.Cache, Cache(node, POD, known)), POD, "n", [written]
    )
    try:
        await check.awaited(5.0)
    except provision.Failure as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("written", "found"),
    [
        pytest.param(kept(), [kept(), make_claim("c", to="pv")], id="the volume that was kept"),
        pytest.param(asked(), [asked(to="pv"), volume_on("n")], id="the volume that was made"),
    ],
)
async def test_a_claim_has_its_volume(written: Any, found: list[Any]) -> None:
    assert await failure(written, *found) == ""


REACH = 'pv "pv" node affinity doesn\'t match node "n": no matching NodeSelectorTerms'


@pytest.mark.parametrize(
    ("written", "found", "said"),
    [
        pytest.param(
            kept(),
            [make_claim("c")],
            'failed to check binding: persistentvolumes "pv" not found',
            id="the kept volume is gone",
        ),
        pytest.param(
            kept(),
            [kept()],
            'failed to check binding: persistentvolumeclaims "default/c" not found',
            id="the claim of a kept volume is gone",
        ),
        pytest.param(kept(), [volume_on("n")], 'ClaimRef got reset for pv "pv"', id="no longer kept"),
        pytest.param(kept(), [kept("m"), make_claim("c")], REACH, id="kept elsewhere"),
        pytest.param(
            asked(),
            [],
            'failed to check provisioning pvc: persistentvolumeclaims "default/c" not found',
            id="the claim is gone",
        ),
        pytest.param(
            asked(), [make_claim("c")], 'selectedNode annotation reset for PVC "c"', id="no annotation left"
        ),
        pytest.param(asked(), [asked("m")], 'provisioning failed for PVC "c"', id="another node"),
        pytest.param(asked(), [asked(to="pv"), volume_on("m")], REACH, id="made elsewhere"),
        pytest.param(asked(), [asked(to="pv")], "context deadline exceeded", id="the volume does not come"),
        pytest.param(asked(), [asked()], "context deadline exceeded", id="nothing happens"),
    ],
)
async def test_why_a_claim_will_not_be_bound(written: Any, found: list[Any], said: str) -> None:
    assert await failure(written, *found) == said


async def test_a_migrated_volume_is_where_its_driver_says() -> None:
    """The zone of its label is no label of the node under the driver's key; nobody asks for it before."""
    volume = msgspec.to_builtins(kept())
    volume["spec"] |= {"gcePersistentDisk": {"pdName": "d"}, "nodeAffinity": None}
    volume["metadata"]["labels"] = {"topology.kubernetes.io/zone": "z"}
    disk = msgspec.convert(volume, objects.PersistentVolume)
    assert await failure(disk, disk, make_claim("c", to="pv")) == REACH


async def test_the_node_is_gone() -> None:
    said = await failure(asked(), asked(), node=None)
    assert said == 'failed to get node "n": node "n" not found'


async def test_the_pod_is_gone() -> None:
    said = await failure(asked(), asked(), known=False)
    assert said == 'pod does not exist any more: pod "p" not found'


async def test_what_takes_long_is_looked_at_seldom() -> None:
    server = Server(asked())
    check = provision.Check(
        cast(clients.Client, server), cast(caches.Cache, Cache(NODE, POD, True)), POD, "n", [asked()]
    )
    with pytest.raises(provision.Failure, match="deadline"):
        await check.awaited(600.0)
    assert server.slept[:10] == [1.0] * 10
    assert server.slept[-1] == 10.0
    assert 600.0 <= server.now <= 610.0
