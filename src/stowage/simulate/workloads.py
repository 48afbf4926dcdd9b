"""Workloads to the pods they still lack, as their controllers would create them.

A pod counts for the workload that controls it while it lives: not ended, not being deleted. A
Deployment's pods come through its ReplicaSet, the one with its template or a new one. What comes out
are pods before admission (`admission` does that), and the objects that come with them: ReplicaSets
and claims. Rules: pkg/controller/{deployment,replicaset,statefulset,daemon}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from stowage.api import objects, selectors, tolerations
from stowage.simulate import jobs, names, owners

TEMPLATE_HASH: Final = "pod-template-hash"
REVISION_HASH: Final = "controller-revision-hash"
_REVISION: Final = "deployment.kubernetes.io/revision"
_DAEMON_TAINTS: Final = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
"""(key, effect) that every DaemonSet's pods tolerate; on the host network this too:"""
_NETWORK_TAINT: Final = ("node.kubernetes.io/network-unavailable", "NoSchedule")
_replace = msgspec.structs.replace

Workload = objects.Deployment | objects.ReplicaSet | objects.StatefulSet | objects.DaemonSet | objects.Job
KINDS: Final = (
    objects.Deployment,
    objects.ReplicaSet,
    objects.StatefulSet,
    objects.DaemonSet,
    objects.Job,
)


MOST: Final = 1_000_000
"""Pods that one workload may want; nobody means more."""


class TooManyError(ValueError):
    """A workload wants more than `MOST` pods; ``field`` says where."""

    def __init__(self, field: str, wanted: int) -> None:
        self.field = field
        super().__init__(f"{wanted} are more than the {MOST} pods that one workload may have here")


@dataclass(slots=True)
class Expanded:
    """What one workload lacks: pods before admission, and the objects that come with them."""

    pods: list[objects.Pod] = field(default_factory=list)
    others: list[objects.Object] = field(default_factory=list)


class Expander:
    """Expands the workloads of one input; knows what is there already."""

    def __init__(
        self, items: Iterable[objects.Object], pods: Iterable[objects.Pod], nodes: Iterable[objects.Node]
    ) -> None:
        self.items = list(items)
        self.nodes = list(nodes)
        self.owned = owners.Owned(pods)
        self.claims = {
            (each.metadata.namespace, each.metadata.name)
            for each in self.items
            if isinstance(each, objects.PersistentVolumeClaim)
        }
        self.present = owners.Present(self.items)

    def expand(self, workload: Workload) -> Expanded:
        """The pods that ``workload`` lacks; none where another workload of the input owns it.

        TooManyError where they are beyond all measure.
        """
        out = Expanded()
        if self.present.controls(workload):
            return out
        _check(workload)
        match workload:
            case objects.Deployment():
                self._deployment(workload, out)
            case objects.ReplicaSet():
                lacking = _wanted(workload.spec.replicas) - len(self.owned.live(workload))
                self._replicas(workload, lacking, out)
            case objects.StatefulSet():
                self._stateful_set(workload, out)
            case objects.DaemonSet():
                self._daemon_set(workload, out)
            case objects.Job():
                out.pods.extend(jobs.lacking(workload, self.owned))
        return out

    # ------------------------------------------------------------ deployments

    def _deployment(self, deployment: objects.Deployment, out: Expanded) -> None:
        sets = [
            each
            for each in self.items
            if isinstance(each, objects.ReplicaSet) and owners.is_controlled(each, deployment)
        ]
        live = sum(len(self.owned.live(each)) for each in sets)
        lacking = _wanted(deployment.spec.replicas) - live
        if lacking <= 0:
            return
        current = _current(deployment, sets)
        if current is None:
            current = replica_set(deployment)
            out.others.append(current)
        self._replicas(current, lacking, out)

    def _replicas(self, owner: objects.ReplicaSet, lacking: int, out: Expanded) -> None:
        if lacking <= 0:
            return
        prototype = owners.pod_of(owner, owner.spec.template, "")
        taken = self.owned.names(owner.metadata.namespace)
        for _ in range(lacking):
            name = names.numbered(f"{owner.metadata.name}-", taken, len(taken))
            out.pods.append(owners.named(prototype, name))

    # ----------------------------------------------------------- stateful sets

    def _stateful_set(self, owner: objects.StatefulSet, out: Expanded) -> None:
        spec = owner.spec
        first = spec.ordinals.start if spec.ordinals is not None else 0
        taken = self.owned.names(owner.metadata.namespace)
        lacking = _wanted(spec.replicas) - len(self.owned.live(owner))
        for ordinal in range(first, first + _wanted(spec.replicas)):
            if lacking <= 0:
                break
            name = f"{owner.metadata.name}-{ordinal}"
            if name in taken:
                continue
            pod, claims = replica(owner, ordinal)
            out.pods.append(pod)
            for claim in claims:
                key = (claim.metadata.namespace, claim.metadata.name)
                if key not in self.claims:
                    self.claims.add(key)
                    out.others.append(claim)
            lacking -= 1

    # ------------------------------------------------------------- daemon sets

    def _daemon_set(self, owner: objects.DaemonSet, out: Expanded) -> None:
        prototype = daemon(owner)
        required = selectors.compile_required(prototype)
        served = {owners.target(pod) for pod in self.owned.live(owner)}
        taken = self.owned.names(owner.metadata.namespace)
        for node in self.nodes:
            name = node.metadata.name
            if name in served or prototype.spec.node_name not in ("", name):
                continue
            if not selectors.matches_required(required, node.metadata.labels, name):
                continue
            effects = (tolerations.NO_SCHEDULE, tolerations.NO_EXECUTE)
            if tolerations.untolerated(node.spec.taints, prototype.spec.tolerations, effects) is not None:
                continue
            pod_name = names.numbered(f"{owner.metadata.name}-", taken, len(taken))
            out.pods.append(_pinned(owners.named(prototype, pod_name), name))


def _check(workload: Workload) -> None:
    match workload:
        case objects.Job():
            fields = {"completions": workload.spec.completions, "parallelism": workload.spec.parallelism}
            if workload.spec.completion_mode != "Indexed":
                del fields["completions"]
        case objects.DaemonSet():
            return
        case _:
            fields = {"replicas": workload.spec.replicas}
    for name, wanted in fields.items():
        if wanted is not None and wanted > MOST:
            raise TooManyError(f"spec.{name}", wanted)


def one(workload: objects.ReplicaSet | objects.DaemonSet | objects.Job) -> objects.Pod:
    """A pod of the workload, before admission, under the workload's own name."""
    name = workload.metadata.name
    match workload:
        case objects.DaemonSet():
            return owners.named(daemon(workload), name)
        case objects.Job():
            return owners.named(jobs.one(workload), name)
    return owners.pod_of(workload, workload.spec.template, name)


def replica_set(deployment: objects.Deployment) -> objects.ReplicaSet:
    """The ReplicaSet that the deployment's controller creates, as far as scheduling sees it.

    The hash stands for Kubernetes' own, which is taken of a Go value and cannot be had here.
    """
    template = deployment.spec.template
    digest = names.safe_hash(msgspec.json.encode(template))
    labels = template.metadata.labels | {TEMPLATE_HASH: digest}
    selector = deployment.spec.selector
    if selector is not None:
        selector = _replace(selector, match_labels=selector.match_labels | {TEMPLATE_HASH: digest})
    meta = deployment.metadata
    return objects.ReplicaSet(
        metadata=objects.ObjectMeta(
            name=f"{meta.name[: 252 - len(digest)]}-{digest}",
            namespace=meta.namespace,
            labels=labels,
            owner_references=(owners.reference(deployment),),
        ),
        spec=objects.ReplicaSetSpec(
            replicas=deployment.spec.replicas,
            selector=selector,
            template=_replace(template, metadata=_replace(template.metadata, labels=labels)),
        ),
    )


def replica(
    owner: objects.StatefulSet, ordinal: int
) -> tuple[objects.Pod, list[objects.PersistentVolumeClaim]]:
    """A StatefulSet's pod of that ordinal, before admission, and its claims."""
    name = f"{owner.metadata.name}-{ordinal}"
    pod = owners.pod_of(owner, owner.spec.template, name)
    labels = pod.metadata.labels | {
        REVISION_HASH: _revision(owner.metadata.name, owner.spec.template),
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": str(ordinal),
    }
    selector = owner.spec.selector
    claims = []
    volumes = []
    for template in owner.spec.volume_claim_templates:
        meta = template.metadata
        claim = objects.ObjectMeta(
            name=f"{meta.name}-{name}",
            namespace=owner.metadata.namespace,
            labels=meta.labels | (selector.match_labels if selector is not None else {}),
            annotations=meta.annotations,
        )
        claims.append(objects.PersistentVolumeClaim(metadata=claim, spec=template.spec))
        volumes.append(
            objects.Volume(persistent_volume_claim=objects.PersistentVolumeClaimVolume(claim.name))
        )
    spec = _replace(pod.spec, volumes=(*volumes, *pod.spec.volumes)) if volumes else pod.spec
    return _replace(pod, metadata=_replace(pod.metadata, labels=labels), spec=spec), claims


def daemon(owner: objects.DaemonSet) -> objects.Pod:
    """A DaemonSet's pod without a name, before admission, not yet meant for a node."""
    pod = owners.pod_of(owner, owner.spec.template, "")
    labels = pod.metadata.labels | {REVISION_HASH: _revision(owner.metadata.name, owner.spec.template)}
    tolerated = _daemon_tolerations(pod.spec)
    return _replace(
        pod,
        metadata=_replace(pod.metadata, labels=labels),
        spec=_replace(pod.spec, tolerations=tuple(tolerated)),
    )


def _daemon_tolerations(spec: objects.PodSpec) -> Iterator[objects.Toleration]:
    yield from spec.tolerations
    for key, effect in (*_DAEMON_TAINTS, *((_NETWORK_TAINT,) if spec.host_network else ())):
        added = msgspec.convert({"key": key, "operator": "Exists", "effect": effect}, objects.Toleration)
        if added not in spec.tolerations:
            yield added


def _pinned(pod: objects.Pod, node: str) -> objects.Pod:
    """The pod, allowed on one node only: that takes the place of all required node affinity."""
    if pod.spec.node_name:
        return pod
    affinity = pod.spec.affinity or objects.Affinity()
    term = objects.NodeSelectorTerm(
        match_fields=(objects.NodeSelectorRequirement("metadata.name", "In", (node,)),)
    )
    by_node = _replace(
        affinity.node_affinity or objects.NodeAffinity(),
        required_during_scheduling_ignored_during_execution=objects.NodeSelector((term,)),
    )
    return _replace(pod, spec=_replace(pod.spec, affinity=_replace(affinity, node_affinity=by_node)))


def _current(deployment: objects.Deployment, sets: list[objects.ReplicaSet]) -> objects.ReplicaSet | None:
    """The ReplicaSet that has the deployment's template; of several, as fields that are not read here
    may tell them apart, the latest revision."""
    wanted = deployment.spec.template
    same = [
        each
        for each in sets
        if each.spec.template.spec == wanted.spec and _labels(each.spec.template) == _labels(wanted)
    ]
    return max(same, key=_revision_number, default=None)


def _labels(template: objects.PodTemplateSpec) -> dict[str, str]:
    return {key: value for key, value in template.metadata.labels.items() if key != TEMPLATE_HASH}


def _revision_number(each: objects.ReplicaSet) -> tuple[int, str]:
    text = each.metadata.annotations.get(_REVISION, "")
    return int(text) if text.isdecimal() else 0, each.metadata.creation_timestamp or ""


def _revision(name: str, template: objects.PodTemplateSpec) -> str:
    return f"{name}-{names.safe_hash(msgspec.json.encode(template))}"[-63:].lstrip("-.")


def _wanted(replicas: int | None) -> int:
    return 1 if replicas is None else replicas
