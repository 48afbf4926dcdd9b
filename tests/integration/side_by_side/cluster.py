"""Scenarios on a real API server: made valid for it, put there, read back, taken away again.

What the server refuses is left out: a scenario is only where a cluster begins, and what counts is what is
read back (`Cluster.dump`). There are no controllers; what a volume controller and a provisioner would do
for a pod that has been given a node is done by `Cluster.provide`.
"""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from typing import Any

from stowage.api import objects, volumes
from stowage.kube import client as clients
from stowage.kube import errors, resources
from tests.fuzz.world import Json
from tests.integration.side_by_side import valid

GATE = "test.example.com/not-yet"

KINDS = {
    kind.__name__: resources.of(kind).plain()
    for kind in (
        objects.Namespace,
        objects.StorageClass,
        objects.CSIDriver,
        objects.CSINode,
        objects.CSIStorageCapacity,
        objects.Service,
        objects.ReplicationController,
        objects.ReplicaSet,
        objects.StatefulSet,
        objects.PodDisruptionBudget,
        objects.Node,
        objects.Pod,
        objects.PersistentVolumeClaim,
        objects.PersistentVolume,
        objects.VolumeAttachment,
    )
}
"""In the order in which they come: claims may name the uids of pods, volumes those of claims."""

_NAMES = list(KINDS)
FIRST = _NAMES[1 : _NAMES.index("Pod")]
LAST = _NAMES[_NAMES.index("Pod") + 1 :]
WITH_STATUS = ("PersistentVolumeClaim", "PersistentVolume", "VolumeAttachment", "PodDisruptionBudget", "Pod")
"""Kinds whose status a server does not take when they are created."""

SERVERS_OWN = ("default", "kubernetes")
"""The Service that an API server keeps."""
ALWAYS = ("Namespace", "Service", "Pod")
"""Kinds of which there may be some, whoever made them."""
PATIENCE = 0.5
"""Seconds between a nomination and the volumes: what the scheduler writes for them is written by then."""
ENDED = ("Succeeded", "Failed")

PODS = KINDS["Pod"]
CLAIMS = KINDS["PersistentVolumeClaim"]
VOLUMES = KINDS["PersistentVolume"]


def key(item: Json) -> tuple[str, str]:
    """Namespace and name."""
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def said(pod: Json) -> Json:
    """A pod's PodScheduled condition, once a scheduler has said that it is False; else empty."""
    conditions = pod["status"].get("conditions", [])
    return next(
        (
            each
            for each in conditions
            if each["type"] == "PodScheduled"
            and each["status"] == "False"
            and each["reason"] != "SchedulingGated"
        ),
        {},
    )


class Cluster:
    """The cluster of an API server, one scenario at a time."""

    def __init__(self, client: clients.Client) -> None:
        self.client = client
        self.refused: Counter[str] = Counter()
        self._uids: dict[str, str] = {}
        """uid in the scenario -> on the server"""
        self.added: Counter[str] = Counter()
        """How many objects of each kind were ever created."""
        self._made: set[str] = set()
        """Kinds of which there may be some now."""
        self._marks = itertools.count()

    # ------------------------------------------------------------------ building

    async def build(self, items: list[Json], waiting: list[Json]) -> None:
        """Creates the objects of a scenario, one after another, as an API server lists them. Pods without a
        node are not among them, but those of ``waiting`` that a claim belongs to, behind our gate."""
        by_kind: dict[str, list[Json]] = {}
        for item in sorted(items, key=key):
            by_kind.setdefault(item["kind"], []).append(item)
        for item in by_kind.get("Namespace", []):
            await self._namespace(item)
        for name in FIRST:
            await self._created(by_kind.get(name, []))
        await self._created([pod for pod in by_kind.get("Pod", []) if "nodeName" in pod["spec"]])
        owners = {
            owner["uid"]
            for claim in by_kind.get("PersistentVolumeClaim", [])
            for owner in claim["metadata"].get("ownerReferences", [])
        }
        for pod in waiting:
            if pod["metadata"]["uid"] in owners:
                await self.create(pod, gated=True)
        for name in LAST:
            await self._created(by_kind.get(name, []))

    async def _namespace(self, item: Json) -> None:
        name, labels = item["metadata"]["name"], item["metadata"].get("labels", {})
        body = {"metadata": {"name": name, "labels": labels}}
        with contextlib.suppress(errors.Conflict):
            await self.client.create(KINDS["Namespace"], body)
            return
        found = await self.client.get(KINDS["Namespace"], name)
        if found["metadata"].get("labels") != {**labels, "kubernetes.io/metadata.name": name}:
            found["metadata"]["labels"] = labels
            await self.client.update(KINDS["Namespace"], found, name)

    async def create(self, item: Json, *, gated: bool = False) -> bool:
        """False where the server does not take it."""
        made = await self._posted(item, gated)
        if made:
            await self._completed(item, made)
        return bool(made)

    async def _created(self, items: list[Json]) -> None:
        """One after another, but several nodes' pods at once, as what follows upon their creation."""
        chains: dict[str, list[Json]] = {}
        for item in items:
            chains.setdefault(item.get("spec", {}).get("nodeName", ""), []).append(item)
        async with asyncio.TaskGroup() as group:
            for chain in chains.values():
                group.create_task(self._chain(chain, group))

    async def _chain(self, items: list[Json], group: asyncio.TaskGroup) -> None:
        for item in items:
            if made := await self._posted(item):
                group.create_task(self._completed(item, made))

    async def _posted(self, item: Json, gated: bool = False) -> Json:
        kind, (namespace, _) = KINDS[item["kind"]], key(item)
        body = valid.body(item, self._uids)
        if gated:
            body["spec"].setdefault("schedulingGates", []).append({"name": GATE})
        try:
            made = await self.client.create(kind, body, namespace)
        except errors.APIError as error:
            self._refuse(item, error)
            return {}
        if item["metadata"].get("uid"):
            self._uids[item["metadata"]["uid"]] = made["metadata"]["uid"]
        self.added[item["kind"]] += 1
        self._made.add(item["kind"])
        return made

    async def _completed(self, item: Json, made: Json) -> None:
        """Its status is written, and it is deleted where it is to be on its way."""
        kind, (namespace, name) = KINDS[item["kind"]], key(item)
        try:
            if item["kind"] in WITH_STATUS and item.get("status"):
                made["status"] = valid.status(item)
                await self.client.update(kind.sub("status", dict[str, Any]), made, name, namespace)
            if "deletionTimestamp" in item["metadata"]:
                await self.client.delete(kind, name, namespace)
        except errors.APIError as error:
            self._refuse(item, error)

    def _refuse(self, item: Json, error: errors.APIError) -> None:
        self.refused[f"{item['kind']}: {error}"] += 1

    async def mark(self) -> None:
        """Adds a claim and a volume of no use, where there are any: who knows of them knows of all before."""
        name = f"mark-{next(self._marks)}"
        asked = {"storageClassName": "mark", "accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"}
        if "PersistentVolumeClaim" in self._made:
            spec = {**asked, "resources": {"requests": {"storage": "1"}}}
            meta = {"namespace": "default", "name": name}
            await self.create({"kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec})
        if "PersistentVolume" in self._made:
            spec = {**asked, "capacity": {"storage": "1"}, "hostPath": {"path": "/mark"}}
            await self.create({"kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})

    # ------------------------------------------------------------------- reading

    async def dump(self) -> list[Json]:
        """What there is, as schedulers see it: pods that have ended are not there for them."""
        lists = await asyncio.gather(*map(self._list, KINDS))
        return [item for found in lists for item in found]

    async def _list(self, name: str) -> list[Json]:
        if name not in self._made and name not in ALWAYS:
            return []
        kind = KINDS[name]
        page = await self.client.list_page(kind)
        found = []
        for raw in page.items:
            item = json.loads(bytes(raw))
            item["metadata"].pop("managedFields", None)
            if name != "Pod" or item["status"]["phase"] not in ENDED:
                found.append({"apiVersion": kind.api_version, "kind": name, **item})
        return found

    # ------------------------------------------------------- pods that are to be placed

    async def submit(self, pod: Json, existing: bool) -> bool:
        """Lets a scheduler have a pod; ``existing``: it waits behind our gate. False where it is refused."""
        namespace, name = key(pod)
        nominated = pod.get("status", {}).get("nominatedNodeName")
        if not existing and not nominated:
            return await self.create({**pod, "status": {}})
        if not existing and not await self.create(pod, gated=True):
            return False
        gates = pod["spec"].get("schedulingGates") or None
        patch = {"spec": {"schedulingGates": gates}}
        await self.client.patch(PODS, patch, name, namespace, how=clients.Patch.MERGE)
        return True

    async def decided(self, pod: Json, seconds: float = 10.0) -> Json:
        """The pod with a node or a condition that says why not; as it is after so many seconds. A nomination
        says that its scheduler has chosen, and waits for volumes: they are provided."""
        namespace, name = key(pod)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        nominated: float | None = None
        while True:
            found = await self.client.get(PODS, name, namespace)
            now = loop.time()
            if "nodeName" in found["spec"] or said(found) or now - begun > seconds:
                return found
            if nominated is None and found["status"].get("nominatedNodeName"):
                nominated = now
            if nominated is not None and now - nominated > PATIENCE:
                await self.provide(namespace)
            await asyncio.sleep(0.01)

    async def evicted(self, keys: list[str], seconds: float = 5.0) -> list[str]:
        """Which of these pods are going or have gone; waits until all are, or so many seconds are over."""
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(contextlib.suppress(TimeoutError))
            await stack.enter_async_context(asyncio.timeout(seconds))
            while len(going := await self._going(keys)) < len(keys):
                await asyncio.sleep(0.01)
        return going

    async def _going(self, keys: list[str]) -> list[str]:
        found = []
        for each in keys:
            namespace, name = each.split("/")
            try:
                pod = await self.client.get(PODS, name, namespace)
            except errors.NotFound:
                found.append(each)
            else:
                if "deletionTimestamp" in pod["metadata"]:
                    found.append(each)
        return found

    async def remove(self, pod: Json) -> None:
        """Deletes a pod at once."""
        namespace, name = key(pod)
        with contextlib.suppress(errors.NotFound):
            await self.client.delete(PODS, name, namespace, grace_period=0)

    # ------------------------------------------------------------------- volumes

    async def provide(self, namespace: str) -> None:
        """What controllers do once a scheduler has chosen: claims get the volume that was kept for them, or
        one made for the node that was selected."""
        claims = {key(each): each for each in await self.client.list_all(CLAIMS, namespace)}
        for volume in await self.client.list_all(VOLUMES):
            reference = volume["spec"].get("claimRef", {})
            claim = claims.get((reference.get("namespace", ""), reference.get("name", "")))
            if claim and reference.get("uid") == claim["metadata"]["uid"]:
                await self._bind(claim, volume["metadata"]["name"])
                claims.pop(key(claim))
        for claim in claims.values():
            if volumes.SELECTED_NODE in claim["metadata"].get("annotations", {}):
                await self._provision(claim)

    async def _provision(self, claim: Json) -> None:
        if claim["spec"].get("volumeName"):
            return
        meta, spec = claim["metadata"], claim["spec"]
        name = f"pvc-{meta['uid']}"
        body = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": spec["resources"]["requests"],
                "accessModes": spec["accessModes"],
                "volumeMode": spec["volumeMode"],
                "storageClassName": spec.get("storageClassName", ""),
                "csi": {"driver": "provided.example.com", "volumeHandle": name},
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    **{field: meta[field] for field in ("namespace", "name", "uid")},
                },
            },
        }
        if await self.create(body):
            await self._bind(claim, name)

    async def _bind(self, claim: Json, volume: str) -> None:
        namespace, name = key(claim)
        if claim["spec"].get("volumeName") or claim["status"].get("phase") == "Bound":
            return
        annotations = {volumes.BIND_COMPLETED: "yes", volumes.BOUND_BY_CONTROLLER: "yes"}
        patch: Json = {"metadata": {"annotations": annotations}, "spec": {"volumeName": volume}}
        how = clients.Patch.MERGE
        await self.client.patch(CLAIMS, patch, name, namespace, how=how)
        status = {"status": {"phase": "Bound"}}
        await self.client.patch(CLAIMS.sub("status", dict[str, Any]), status, name, namespace, how=how)
        await self.client.patch(VOLUMES.sub("status", dict[str, Any]), status, volume, how=how)

    # ------------------------------------------------------------------ clearing

    async def clear(self) -> None:
        """Takes everything away, namespaces aside: pods before their nodes."""
        for name in ("Pod", *FIRST, *LAST):
            async with asyncio.TaskGroup() as group:
                for item in await self.client.list_all(KINDS[name]):
                    if key(item) != SERVERS_OWN:
                        group.create_task(self._removed(KINDS[name], item))
        self._made.clear()
        self._uids.clear()

    async def _removed(self, kind: resources.Resource[Json], item: Json) -> None:
        namespace, name = key(item)
        with contextlib.suppress(errors.NotFound):
            if item["metadata"].get("finalizers"):
                patch = {"metadata": {"finalizers": None}}
                await self.client.patch(kind, patch, name, namespace, how=clients.Patch.MERGE)
            # A ReplicationController would stay until somebody had seen to its pods.
            options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
            path, body = kind.path(namespace, name), json.dumps(options).encode()
            await self.client.request(clients.Call("DELETE", path, body=body))
