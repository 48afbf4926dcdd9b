"""In-tree disks and the claims of one pod alone."""

from tests.fuzz.families import storage
from tests.fuzz.world import Json, World


def disks(w: World) -> None:
    """In-tree disks that two pods cannot share: read-only or not, monitors in part shared."""
    w.assume = w.p(0.4)
    for pod in w.everyone():
        if w.p(0.8):
            pod["spec"].setdefault("volumes", []).extend(
                {"name": f"d{i}", **disk(w)} for i in range(w.pick([1, 1, 2]))
            )
    namespace = w.pending[0]["metadata"]["namespace"]
    if w.p(0.4):
        modes = {"accessModes": ["ReadWriteOncePod"] if w.p(0.8) else ["ReadWriteOnce", "ReadWriteOncePod"]}
        storage.bound_claim(w, "alone", namespace, spec=modes)
        for pod in [*w.some(w.bound, 0, 2), w.pending[0]]:
            pod["metadata"]["namespace"] = namespace
            storage.mount(w, pod, "alone")


def disk(w: World) -> Json:
    read_only = {"readOnly": w.p(0.6)}
    return w.pick(
        [
            {"gcePersistentDisk": {"pdName": w.pick(["d1", "d2"]), **read_only}},
            {"awsElasticBlockStore": {"volumeID": w.pick(["v1", "v2"]), **read_only}},
            {
                "rbd": {
                    "monitors": w.some(["m1", "m2", "m3"], 1, 2),
                    "image": w.pick(["i1", "i1", "i2"]),
                    "pool": w.pick(["rbd", "rbd", "other"]),
                    **read_only,
                }
            },
            {
                "iscsi": {
                    "targetPortal": w.pick(["10.0.0.1:3260", "10.0.0.2:3260"]),
                    "iqn": w.pick(["iqn.2001-04.com.example:a", "iqn.2001-04.com.example:b"]),
                    "lun": w.pick([0, 1]),
                    **read_only,
                }
            },
        ]
    )
