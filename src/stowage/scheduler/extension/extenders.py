"""What the extenders of a configuration say, together: the answers to the engine's questions.

They narrow the nodes one after another, and rank them all at once. Rules: kube-scheduler's
schedule_one.go (findNodesThatPassExtenders, prioritizeNodes, extendersBinding) and callExtenders
(framework/preemption/preemption.go).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec

from stowage.api import objects
from stowage.cluster import pods
from stowage.engine import consult, failure
from stowage.framework import config, interface, status
from stowage.scheduler import cache as caches
from stowage.scheduler.extension import extender, whole

logger = logging.getLogger(__name__)

T = TypeVar("T")

SCALE = 10
"""From an extender's points, 0 to 10, to a plugin's, 0 to 100."""

Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class Rejecter(interface.Plugin):
    """Stands for all extenders where the queue asks who rejected a pod: any event may help."""

    name: ClassVar[str] = failure.EXTENDER


class _Filtered(msgspec.Struct):
    nodes: dict[str, Any] | None = None
    names: list[str] | None = msgspec.field(default=None, name="nodenames")
    failed: dict[str, str] | None = msgspec.field(default=None, name="failednodes")
    hopeless: dict[str, str] | None = msgspec.field(default=None, name="failedandunresolvablenodes")
    error: str | None = None


class _Points(msgspec.Struct):
    host: str = ""
    score: Int64 = 0


class _Victims(msgspec.Struct):
    pods: list[dict[str, Any]] | None = None
    violations: Int64 = msgspec.field(default=0, name="numpdbviolations")


class Extenders:
    """All of a configuration, in its order."""

    def __init__(self, written: Sequence[config.Extender], cache: caches.Cache) -> None:
        self._all = [extender.Extender(each) for each in written]
        self._cache = cache

    def __len__(self) -> int:
        return len(self._all)

    def interested(self, pod: pods.Incoming) -> bool:
        """Whether any of them has a say in where the pod goes."""
        return any(True for _ in self._for(pod))

    def _for(self, pod: pods.Incoming) -> Iterator[extender.Extender]:
        return (each for each in self._all if each.interested(pod))

    async def close(self) -> None:
        """Closes their connections."""
        for each in self._all:
            await each.close()

    async def answer(self, question: consult.Question) -> Any:
        """What they say to it, as `consult` has it."""
        match question:
            case consult.Narrow():
                return await self._narrow(question)
            case consult.Rank():
                return await self._rank(question)
            case consult.Spare():
                return await self._spare(question)

    # ------------------------------------------------------------------ nodes

    async def _narrow(self, question: consult.Narrow) -> consult.Narrowed:
        kept = question.nodes
        refused: dict[str, status.Status] = {}
        returned: dict[str, objects.Node] = {}
        for each in self._for(question.pod):
            if not kept or not each.written.filter_verb:
                continue
            try:
                kept = await self._filter(each, question.pod, kept, refused, returned)
            except extender.Failed as error:
                if not _ignored(each, error):
                    return consult.Narrowed(frozenset(), error=str(error))
        return consult.Narrowed(frozenset(kept), refused, returned=returned)

    async def _filter(
        self,
        each: extender.Extender,
        pod: pods.Incoming,
        nodes: list[str],
        refused: dict[str, status.Status],
        returned: dict[str, objects.Node],
    ) -> list[str]:
        """The nodes it leaves; notes in ``refused`` what it says of others, in ``returned`` what it sent."""
        answer = await each.ask(each.written.filter_verb, self._about(each, pod, nodes, returned))
        found = _read(answer, _Filtered)
        if found.error:
            raise extender.Failed(found.error)
        kept: list[str] = []
        sent: list[Any] = []
        if each.written.node_cache_capable and found.names is not None:
            kept = found.names
        elif found.nodes is not None:
            sent = _folded(found.nodes).get("items") or []
            kept = [_name(item) for item in sent]
        asked = frozenset(nodes)
        unknown = next((name for name in kept if name not in asked), None)
        if unknown is not None:
            raise extender.Failed(
                f'extender "{each.name}" claims a filtered node "{unknown}" '
                "which is not found in the input node list"
            )
        returned.update(zip(kept, map(_node, sent), strict=False))
        refused.update({name: status.unschedulable(why) for name, why in (found.failed or {}).items()})
        refused.update({name: status.unresolvable(why) for name, why in (found.hopeless or {}).items()})
        return kept

    async def _rank(self, question: consult.Rank) -> dict[str, int]:
        """Points by node; who fails has none to give."""
        asked = [each for each in self._for(question.pod) if each.written.prioritize_verb]
        totals: dict[str, int] = {}
        for points in await asyncio.gather(*(self._points(each, question) for each in asked)):
            for name, score in points:
                totals[name] = _wrapped(totals.get(name, 0) + score)
        return totals

    async def _points(self, each: extender.Extender, question: consult.Rank) -> list[tuple[str, int]]:
        try:
            about = self._about(each, question.pod, question.nodes, question.returned)
            answer = await each.ask(each.written.prioritize_verb, about)
            found = [_read(item, _Points) for item in answer or ()]
        except (extender.Failed, TypeError) as error:
            fields = {"extender": each.name, "error": str(error)}
            logger.warning("An extender gave no scores", extra=fields)
            return []
        return [(points.host, _wrapped(points.score * each.written.weight * SCALE)) for points in found]

    def _about(
        self,
        each: extender.Extender,
        pod: pods.Incoming,
        nodes: list[str],
        returned: Mapping[str, objects.Node],
    ) -> dict[str, Any]:
        question: dict[str, Any] = {"Pod": self._cache.whole_pod(pod.uid), "Nodes": None, "NodeNames": None}
        if each.written.node_cache_capable:
            question["NodeNames"] = nodes
        else:
            items = [returned.get(name) or self._cache.node(name) for name in nodes]
            question["Nodes"] = {"metadata": {}, "items": [whole.of_node(item) for item in items]}
        return question

    # ---------------------------------------------------------------- victims

    async def _spare(self, question: consult.Spare) -> Mapping[str, interface.Victims] | str | None:
        taking = [each for each in self._for(question.pod) if each.written.preempt_verb]
        if not taking:
            return None
        left = dict(question.candidates)
        for each in taking:
            try:
                found = await self._preempt(each, question.pod, left)
                for node in [node for node, victims in found.items() if not victims.pods]:
                    if not each.written.ignorable:
                        raise extender.Failed(f'expected at least one victim pod on node "{node}"')
                    del found[node]
            except extender.Failed as error:
                if not _ignored(each, error):
                    return str(error)
                continue
            left = found
            if not left:
                break
        return left

    async def _preempt(
        self, each: extender.Extender, pod: pods.Incoming, left: Mapping[str, interface.Victims]
    ) -> dict[str, interface.Victims]:
        known = each.written.node_cache_capable
        asked = {
            node: {
                "Pods": [{"UID": it.uid} if known else self._cache.whole_pod(it.uid) for it in victims.pods],
                "NumPDBViolations": victims.violations,
            }
            for node, victims in left.items()
        }
        question = {
            "Pod": self._cache.whole_pod(pod.uid),
            "NodeNameToVictims": None if known else asked,
            "NodeNameToMetaVictims": asked if known else None,
        }
        answer = _folded(await each.ask(each.written.preempt_verb, question))
        found = _folded(answer.get("nodenametometavictims"), keep=True)
        return {node: self._victims(each, node, _read(item, _Victims)) for node, item in found.items()}

    def _victims(self, each: extender.Extender, node: str, said: _Victims) -> interface.Victims:
        """The pods that an extender names, as they are on the node."""
        cluster = self._cache.cluster
        row = cluster.row_of.get(node, -1)
        if row < 0 or not cluster.live.item(row):
            raise extender.Failed(f'nodeinfo not found for node name "{node}"')
        found = []
        for item in said.pods or ():
            uid = _folded(item).get("uid", "")
            slot = cluster.pods.by_uid.get(uid)
            if slot is None or cluster.pods.rows.item(slot) != row:
                raise extender.Failed(
                    f"extender: {each.name} claims to preempt pod (UID: &{{{uid}}}) "
                    f"on node: {node}, but the pod is not found on that node"
                )
            found.append(cluster.held(slot))
        return interface.Victims(tuple(found), said.violations)

    # ------------------------------------------------------------------- bind

    def binds(self, pod: pods.Incoming) -> bool:
        """Whether one of them binds such pods."""
        return any(each.written.bind_verb for each in self._for(pod))

    async def bind(self, pod: pods.Incoming, node: str) -> bool:
        """Has the one that binds such pods bind it; False where none does. `extender.Failed`."""
        question = {
            "PodName": pod.name,
            "PodNamespace": pod.namespace,
            "PodUID": pod.uid,
            "Node": node,
        }
        for each in self._for(pod):
            if not each.written.bind_verb:
                continue
            try:
                error = _folded(await each.ask(each.written.bind_verb, question)).get("error")
                if error:
                    raise extender.Failed(str(error))
            except extender.Failed as failed:
                if _ignored(each, failed):
                    continue
                raise
            return True
        return False


def check(written: Sequence[config.Extender]) -> None:
    """`errors.ConfigurationError` where the certificates of one are no good."""
    for each in written:
        extender.Extender(each)


def whole_kinds(written: Sequence[config.Extender]) -> frozenset[type]:
    """Of which kinds the extenders are sent whole objects."""
    asking = [each for each in written if each.filter_verb or each.prioritize_verb]
    kinds: set[type] = {objects.Pod} if asking or any(each.preempt_verb for each in written) else set()
    if any(not each.node_cache_capable for each in asking):
        kinds.add(objects.Node)
    return frozenset(kinds)


def whole_victims(written: Sequence[config.Extender]) -> bool:
    """Whether an extender is sent whole victims."""
    return any(each.preempt_verb and not each.node_cache_capable for each in written)


def _ignored(each: extender.Extender, error: extender.Failed) -> bool:
    if each.written.ignorable:
        fields = {"extender": each.name, "error": str(error)}
        logger.warning("An extender failed, and may be ignored", extra=fields)
    return each.written.ignorable


def _folded(value: Any, *, keep: bool = False) -> dict[str, Any]:
    """An object's fields by lower-case name, as Go matches them; ``keep``: its keys are no field names."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise extender.Failed(f"an extender answered {type(value).__name__} where an object was expected")
    return value if keep else {key.lower(): item for key, item in value.items()}


def _read(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(_folded(value), kind)
    except msgspec.ValidationError as error:
        raise extender.Failed(f"an extender's answer is not as agreed: {error}") from error


def _name(node: Any) -> str:
    return str(_folded(_folded(node).get("metadata")).get("name", ""))


def _node(item: Any) -> objects.Node:
    try:
        return _NODES.decode(msgspec.json.encode(item))
    except (ValueError, KeyError) as error:
        raise extender.Failed(f"an extender sent a node that is none: {error}") from error


_NODES = whole.of(objects.Node)


def _wrapped(number: int) -> int:
    """As Go's int64 overflows."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)
