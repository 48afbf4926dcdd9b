"""The cluster of one scenario as a script sees it, and what a scheduler's users could see of it.

Under the real scheduler and under ours a script does the same: it creates, changes and deletes, and waits
for what has to come of it. There are no controllers and no kubelets; the script does what they would.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from stowage.api import objects
from stowage.kube import client as clients
from stowage.kube import errors, resources, watch
from tests.integration.side_by_side import known

Json = dict[str, Any]
Handled = Callable[[], Awaitable[Mapping[str, int]]]
"""How many events of each label the scheduler has taken in."""

EVENTS = resources.EVENTS.plain()
KINDS = {
    kind.__name__: resources.of(kind).plain()
    for kind in (
        objects.Pod,
        objects.PersistentVolumeClaim,
        objects.PersistentVolume,
        objects.StorageClass,
        objects.CSINode,
        objects.Service,
        objects.PodDisruptionBudget,
        objects.VolumeAttachment,
        objects.Node,
    )
}
PODS = KINDS["Pod"]
ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"
SECONDS = 20.0
"""How long a script waits for anything."""


class World:
    """One scenario on one API server, in a namespace of its own.

    Kinds are told of by watches of their own. A script goes on when the scheduler has heard of what was
    created, where it says so."""

    def __init__(self, client: clients.Client, namespace: str, handled: Handled) -> None:
        self.client = client
        self.namespace = namespace
        self._handled = handled
        self._history: dict[str, list[Json]] = {}
        self._names: dict[str, str] = {}
        """uid -> name of a pod"""

    # ------------------------------------------------------------------- create

    async def create(self, kind: str, name: str, status: Json | None = None, **fields: Any) -> Json:
        """An object; its status is written as a component would."""
        meta = {"name": name, **fields.pop("metadata", {})}
        made = await self._made(kind, {"metadata": meta, **fields})
        if status is not None:
            made = await self.status(kind, name, status)
        return made

    async def _made(self, kind: str, body: Json) -> Json:
        """Creates it, and returns once the scheduler has heard of it, where it says so."""
        namespace = self.namespace if KINDS[kind].namespaced else ""
        label = known.LABELS.get(kind, "")
        before = (await self._handled()).get(label, 0)
        made = await self.client.create(KINDS[kind], body, namespace)
        async with asyncio.timeout(SECONDS):
            while label and (await self._handled()).get(label, 0) == before:
                await asyncio.sleep(0.01)
        return made

    async def node(self, name: str, cpu: str = "4", **spec: Any) -> None:
        """A node; ``labels`` beside its host name, ``amounts`` beside the usual."""
        labels = {HOST: name, **spec.pop("labels", {})}
        amounts = {"cpu": cpu, "memory": "8Gi", "pods": "110", **spec.pop("amounts", {})}
        status = {"allocatable": amounts, "capacity": amounts}
        body = {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}
        await self._made("Node", body)

    async def pod(self, name: str, cpu: str = "1", **spec: Any) -> Json:
        """A pod that waits for a node; ``labels`` and ``finalizers`` are metadata, all else its spec."""
        meta = {
            "name": name,
            "labels": spec.pop("labels", {}),
            "finalizers": spec.pop("finalizers", []),
        }
        requests = {"requests": {"cpu": cpu, **spec.pop("requests", {})}, "limits": spec.pop("limits", {})}
        container = {"name": "c", "image": "i", "resources": requests, "ports": spec.pop("ports", [])}
        body = {"metadata": meta, "spec": {"containers": [container], **spec}}
        return await self.client.create(PODS, body, self.namespace)

    async def running(self, name: str, node: str, cpu: str = "1", **spec: Any) -> None:
        """A pod that runs on a node since long ago."""
        await self.pod(name, cpu, nodeName=node, **spec)
        await self.status("Pod", name, {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"})

    # ------------------------------------------------------------------- change

    async def patch(self, kind: str, name: str, **fields: Any) -> Json:
        """Changes an object, by a merge patch."""
        namespace = self.namespace if KINDS[kind].namespaced else ""
        return await self.client.patch(KINDS[kind], fields, name, namespace, how=clients.Patch.MERGE)

    async def status(self, kind: str, name: str, status: Json, sub: str = "status") -> Json:
        """Changes an object's status, or the same through another subresource."""
        place = KINDS[kind].sub(sub, dict[str, Any])
        namespace = self.namespace if place.namespaced else ""
        body = {"status": status} if sub == "status" else status
        return await self.client.patch(place, body, name, namespace, how=clients.Patch.STRATEGIC)

    async def delete(self, kind: str, name: str, grace: int | None = None) -> None:
        """Deletes an object."""
        namespace = self.namespace if KINDS[kind].namespaced else ""
        await self.client.delete(KINDS[kind], name, namespace, grace_period=grace)

    async def bind(self, name: str, node: str) -> None:
        """Another scheduler binds a pod."""
        body = {"metadata": {"name": name}, "target": {"kind": "Node", "name": node}}
        await self.client.create(resources.BINDINGS, body, self.namespace, name)

    async def end_namespace(self) -> None:
        """Deletes the namespace, which from now on takes nothing new, neither pods nor Events."""
        await self.client.delete(resources.of(objects.Namespace), self.namespace)

    async def ended(self, name: str) -> None:
        """A kubelet reports that a pod is gone."""
        await self.delete("Pod", name, 0)

    # --------------------------------------------------------------------- wait

    async def until(self, name: str, there: Callable[[Json], bool], what: str) -> Json:
        """A pod, once something is so. TimeoutError, with what it waited for, after `SECONDS`."""
        pod: Json = {}
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    with contextlib.suppress(errors.NotFound):
                        pod = await self.client.get(PODS, name, self.namespace)
                        if there(pod):
                            return pod
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(f"{name} is not {what}: {pod.get('spec')} {pod.get('status')}") from None

    async def bound(self, *names: str) -> None:
        """All of these pods have a node."""
        for name in names:
            await self.until(name, lambda pod: "nodeName" in pod["spec"], "bound")

    async def rejected(self, name: str, text: str = "") -> None:
        """A pod's condition says that it fits nowhere, and this text."""
        await self.until(
            name,
            lambda pod: any(text in each for each in _rejections(pod)),
            f"rejected with {text!r}",
        )

    async def nominated(self, name: str, node: str) -> None:
        """A pod is nominated to a node."""
        await self.until(
            name, lambda pod: pod["status"].get("nominatedNodeName", "") == node, f"nominated to {node}"
        )

    async def tried(self, name: str, times: int) -> None:
        """A pod has been told so many times that it fits nowhere."""
        async with asyncio.timeout(SECONDS):
            while await self._failures(name) < times:
                await asyncio.sleep(0.02)

    async def _failures(self, name: str) -> int:
        found = [self._event(each) for each in await self._events()]
        return sum(each["count"] for each in found if each["about"] == (name, "FailedScheduling"))

    async def going(self, *names: str) -> None:
        """These pods are being deleted."""
        for name in names:
            await self.until(name, lambda pod: "deletionTimestamp" in pod["metadata"], "being deleted")

    async def told(self, name: str, reason: str) -> None:
        """There is an Event about a pod."""
        async with asyncio.timeout(SECONDS):
            while not [each for each in await self._events() if self._about(each) == (name, reason)]:
                await asyncio.sleep(0.02)

    async def kept(self, volume: str, claim: str) -> None:
        """A volume is reserved for a claim."""
        await self._there(
            "PersistentVolume", volume, lambda v: v["spec"].get("claimRef", {}).get("name") == claim
        )

    async def selected(self, claim: str, node: str) -> None:
        """A claim is to be provisioned for a node."""
        annotation = "volume.kubernetes.io/selected-node"
        await self._there(
            "PersistentVolumeClaim",
            claim,
            lambda c: c["metadata"].get("annotations", {}).get(annotation) == node,
        )

    async def _there(self, kind: str, name: str, there: Callable[[Json], bool]) -> None:
        namespace = self.namespace if KINDS[kind].namespaced else ""
        async with asyncio.timeout(SECONDS):
            while not there(await self.client.get(KINDS[kind], name, namespace)):
                await asyncio.sleep(0.02)

    # ------------------------------------------------------------------ observe

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Keeps what becomes of the pods meanwhile."""
        work = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _watch(self) -> None:
        source = watch.Source(PODS, self.namespace)
        async with contextlib.aclosing(watch.follow(self.client, source)) as changes:
            async for change in changes:
                if change.object is not None:
                    self._seen(change.head.name, change.object, change.mark is watch.Mark.DELETED)

    def _seen(self, name: str, pod: Json, gone: bool) -> None:
        self._names[pod["metadata"]["uid"]] = name
        state = {"gone": True} if gone else _state(pod)
        states = self._history.setdefault(name, [])
        if states[-1:] != [state]:
            states.append(state)

    async def outcome(self) -> Json:
        """What users could see until now: all states of each pod, in order, and the Events."""
        events = [self._event(each) for each in await self._events()]
        return {
            "pods": {name: list(states) for name, states in sorted(self._history.items())},
            "events": sorted(events, key=lambda event: sorted(map(str, event.items()))),
        }

    async def _events(self) -> Sequence[Json]:
        return await self.client.list_all(EVENTS, self.namespace)

    def _event(self, event: Json) -> Json:
        """Without what it is related to: 1.36.2 means a victim's Event to name the pod that preempted it,
        and loses it (podExecutorPreemptor.Obj is no API object); ours does name it."""
        note = event.get("note", "")
        return {
            "about": self._about(event),
            **{field: event.get(field, "") for field in ("type", "action", "reportingController")},
            "regarding": _reference(event["regarding"]),
            "note": re.sub(r"[0-9a-f-]{36}", lambda uid: self._names.get(uid[0], uid[0]), note),
            "count": event.get("series", {}).get("count", 1),
        }

    def _about(self, event: Json) -> tuple[str, str]:
        return event["regarding"]["name"], event["reason"]

    # -------------------------------------------------------------------- clear

    async def clear(self) -> None:
        """Takes everything away but the namespace."""
        for kind in KINDS.values():
            for item in await self.client.list_all(kind):
                name, namespace = item["metadata"]["name"], item["metadata"].get("namespace", "")
                if item["metadata"].get("finalizers"):
                    patch = {"metadata": {"finalizers": None}}
                    await self.client.patch(kind, patch, name, namespace, how=clients.Patch.MERGE)
                with contextlib.suppress(errors.NotFound):
                    await self.client.delete(kind, name, namespace, grace_period=0)


def _rejections(pod: Json) -> list[str]:
    """The message of a PodScheduled condition that is False, if there is one."""
    return [
        each.get("message", "")
        for each in pod["status"].get("conditions", [])
        if each["type"] == "PodScheduled" and each["status"] == "False"
    ]


def _state(pod: Json) -> Json:
    conditions = pod["status"].get("conditions", [])
    return {
        "node": pod["spec"].get("nodeName", ""),
        "nominated": pod["status"].get("nominatedNodeName", ""),
        "going": "deletionTimestamp" in pod["metadata"],
        "conditions": [
            {
                field: value
                for field, value in sorted(each.items())
                if field not in ("lastTransitionTime", "lastProbeTime")
            }
            for each in conditions
        ],
    }


def _reference(found: Json) -> Json:
    return {field: found.get(field, "") for field in ("apiVersion", "kind", "namespace", "name")}
