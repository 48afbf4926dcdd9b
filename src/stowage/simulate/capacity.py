"""How many more of a pod fit: copies placed one after another until one fits nowhere, then taken back.

Every template is asked by itself, on the cluster as the input has it: pods that wait there wait on,
workloads there are not expanded, and nobody is evicted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from stowage.api import objects, validate
from stowage.cluster import pods, table
from stowage.engine import cycle
from stowage.simulate import admission, problems, run, session, volumes, workloads

LIMIT: Final = 100_000
"""Copies of one template placed before the count ends, unless told otherwise."""
_EVERY: Final = 64
_replace = msgspec.structs.replace


@dataclass(slots=True)
class Answer:
    """What fits of one template."""

    template: str
    """`Kind namespace/name`"""
    count: int = 0
    nodes: Counter[str] = field(default_factory=Counter)
    """node -> copies"""
    stopped: str = ""
    """why the next one does not fit; empty where the limit ended it"""
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """All answers, in the order of the templates."""

    loaded: session.Loaded
    answers: list[Answer]
    limit: int
    load_seconds: float


Copies = Callable[[int], tuple[objects.Pod, list[objects.PersistentVolumeClaim]]]


@dataclass(frozen=True, slots=True)
class Template:
    """A pod or workload that is asked about."""

    name: str
    """`Kind namespace/name`"""
    copy: Copies
    """the copy of a number, before admission, and the claims that come with it"""
    owner: objects.Object | None = None
    """its controller as default spreading sees it"""


def capacity(
    options: session.Options, templates: Sequence[str], limit: int, progress: session.Progress
) -> Report:
    """Asks for every pod and workload in the files ``templates``. BadInput as `session.load`."""
    with np.errstate(over="ignore"):  # amounts near 2**63 wrap around, as in Go
        return _capacity(options, templates, limit, progress)


def _capacity(
    options: session.Options, templates: Sequence[str], limit: int, progress: session.Progress
) -> Report:
    started = time.perf_counter()
    loaded = session.load(options, progress, templates)
    if not loaded.templates:
        raise problems.BadInput([f"{', '.join(templates)}: no pod and no workload to ask about"])
    if loaded.world.pending:
        count = len(loaded.world.pending)
        loaded.faults.warn(f"pending pods of the input are left out, nothing is kept for them: {count}")
    load_seconds = time.perf_counter() - started
    answers = [
        _Probe(loaded, limit, progress).ask(template(item))
        for _, item in loaded.templates
        if isinstance(item, (objects.Pod, *workloads.KINDS))
    ]
    loaded.faults.check()
    return Report(loaded, answers, limit, load_seconds)


def template(item: objects.Pod | workloads.Workload) -> Template:
    """What a pod or workload asks."""
    name = str(validate.identity(item))
    match item:
        case objects.Pod():
            return Template(name, _of_pod(item))
        case objects.StatefulSet():
            return Template(name, lambda number: workloads.replica(item, number), item)
        case objects.Deployment():
            owner = workloads.replica_set(item)
            return Template(name, _of_pod(workloads.one(owner)), owner)
    owned = item if isinstance(item, objects.ReplicaSet) else None
    return Template(name, _of_pod(workloads.one(item)), owned)


def _of_pod(pod: objects.Pod) -> Copies:
    """Copies under other names, as new pods: without a node and without a past."""
    meta = _replace(pod.metadata, deletion_timestamp=None, creation_timestamp=None)
    spec = _replace(pod.spec, node_name="")

    def copy(number: int) -> tuple[objects.Pod, list[objects.PersistentVolumeClaim]]:
        named = _replace(meta, name=f"{meta.name}-{number}", uid=f"copy-{number}")
        return objects.Pod(metadata=named, spec=spec), []

    return copy


class _Probe:
    """One template's copies on the table, and everything as it was afterwards."""

    def __init__(self, loaded: session.Loaded, limit: int, progress: session.Progress) -> None:
        self.loaded = loaded
        self.engine: cycle.Engine = loaded.engine
        self.cluster: table.Table = loaded.engine.cluster
        self.limit = limit
        self.progress = progress

    def ask(self, asked: Template) -> Answer:
        """Places copies until one fits nowhere or the limit is reached."""
        answer = Answer(asked.name)
        started = time.perf_counter()
        kept = _Kept(self.cluster)
        if asked.owner is not None:
            self.cluster.set(asked.owner)
        self.cluster.begin_trial()
        try:
            for incoming in self._copies(asked, answer):
                if answer.count % _EVERY == 0:
                    self.progress(asked.name, answer.count, 0)
                outcome = self.engine.schedule(incoming)
                if not outcome.node:
                    answer.stopped = _why(outcome)
                    break
                answer.nodes[outcome.node] += 1
                answer.count += 1
        finally:
            self.cluster.undo_trial()
            kept.restore()
        answer.seconds = time.perf_counter() - started
        return answer

    def _copies(self, asked: Template, answer: Answer) -> Iterator[pods.Incoming]:
        for number in range(self.limit):
            pod, claims = asked.copy(number)
            try:
                pod = self.loaded.world.admission.admit(pod)
            except admission.UnknownClassError as error:
                message = f"there is no PriorityClass {error} in the input"
                self.loaded.faults.problem("", asked.name, "spec.priorityClassName", message)
                answer.stopped = message
                return
            if number == 0:
                answer.stopped = self._hindrance(pod)
                if answer.stopped:
                    return
            for claim in (*claims, *volumes.ephemeral_claims(pod)):
                self.cluster.set(self.loaded.world.defaults.claim(claim))
            yield self.cluster.project(pod)

    def _hindrance(self, pod: objects.Pod) -> str:
        """Why no copy is ever tried; empty where they are."""
        spec = pod.spec
        if spec.scheduler_name not in self.engine.profiles:
            return f"no profile has the scheduler name {spec.scheduler_name}"
        if spec.resource_claims or spec.scheduling_group is not None:
            return run.CLAIMS if spec.resource_claims else run.GROUP
        gate = self.engine.pre_enqueue(self.cluster.project(pod))
        return gate.message if gate is not None else ""


class _Kept:
    """Claims, volumes and controllers as they were; a trial takes back pods only."""

    def __init__(self, cluster: table.Table) -> None:
        self.storage = cluster.storage
        self.outside = cluster.outside
        self.claims = dict(self.storage.claims)
        self.volumes = dict(self.storage.volumes)
        self.controllers = dict(cluster.owners.controllers)

    def restore(self) -> None:
        """Puts them back where something changed."""
        if self.claims != self.storage.claims or self.volumes != self.storage.volumes:
            self.storage.claims = self.claims
            self.storage.volumes = self.volumes
            self.outside.bump("storage")
        if self.controllers != self.outside.owners.controllers:
            self.outside.owners.controllers = self.controllers
            self.outside.bump("owners")


def _why(outcome: cycle.Outcome) -> str:
    if outcome.rejected is not None:
        return outcome.rejected.message
    failure = outcome.failure
    if failure is None:
        return ""
    post = failure.post
    if post is None or not post.node or post.victims is None:
        return failure.sentence
    count = len(post.victims.pods)
    return f"{failure.sentence} It could preempt {count} pod{'' if count == 1 else 's'} on {post.node}."


def plain(report: Report) -> dict[str, Any]:
    """The answers as plain values."""
    found = report.loaded
    return {
        "summary": {
            "nodes": found.world.cluster.node_count,
            "boundPods": found.world.placed,
            "templates": len(report.answers),
            "limit": report.limit,
            "skippedObjects": found.faults.bad_objects,
        },
        "capacity": [
            {
                "template": answer.template,
                "count": answer.count,
                "limited": not answer.stopped,
                "stoppedBy": answer.stopped or None,
                "nodes": dict(answer.nodes.most_common()),
                "seconds": round(answer.seconds, 6),
            }
            for answer in report.answers
        ],
        "warnings": found.faults.warnings,
        "skipped": found.faults.problems,
    }
