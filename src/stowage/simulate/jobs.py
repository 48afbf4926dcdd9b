"""Jobs to the pods they still lack. Rules: pkg/controller/job (`manageJob`, `firstPendingIndexes`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from stowage.api import objects
from stowage.simulate import names, owners

INDEX: Final = "batch.kubernetes.io/job-completion-index"
_OVER: Final = frozenset({"Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"})
"""Conditions of a job that makes no more pods."""
_replace = msgspec.structs.replace


def lacking(job: objects.Job, owned: owners.Owned) -> Iterator[objects.Pod]:
    """The pods, before admission, that the job would start now: no more than its parallelism at once."""
    if job.spec.suspend or any(c.type in _OVER and c.status == "True" for c in job.status.conditions):
        return
    active = owned.live(job)
    ended = [pod for pod in owned.all(job) if pod.status.phase == "Succeeded"]
    missing = _wanted(job, max(job.status.succeeded, len(ended)), len(active)) - len(active)
    if missing <= 0:
        return
    taken = owned.names(job.metadata.namespace)
    if job.spec.completion_mode != "Indexed":
        prototype = _pod(job, "")
        for _ in range(missing):
            name = names.numbered(f"{job.metadata.name}-", taken, len(taken))
            yield owners.named(prototype, name)
        return
    used = {_index(pod) for pod in active} | {_index(pod) for pod in ended}
    completions = _completions(job) or 0
    used |= set(_intervals(job.status.completed_indexes, completions))
    free = (index for index in range(completions) if index not in used)
    for _, index in zip(range(missing), free, strict=False):
        yield _indexed(job, index, names.numbered(f"{job.metadata.name}-{index}-", taken, len(taken)))


def one(job: objects.Job) -> objects.Pod:
    """A pod of the job as if it had none yet."""
    if job.spec.completion_mode == "Indexed":
        return _indexed(job, 0, f"{job.metadata.name}-0")
    return _pod(job, f"{job.metadata.name}-0")


def _completions(job: objects.Job) -> int | None:
    spec = job.spec
    return 1 if spec.completions is None and spec.parallelism is None else spec.completions


def _wanted(job: objects.Job, succeeded: int, active: int) -> int:
    parallelism = 1 if job.spec.parallelism is None else job.spec.parallelism
    completions = _completions(job)
    if completions is None:
        return active if succeeded else parallelism
    return max(min(completions - succeeded, parallelism), 0)


def _pod(job: objects.Job, name: str) -> objects.Pod:
    """With the labels that the API server writes into the template of a job that is new to it."""
    pod = owners.pod_of(job, job.spec.template, name)
    if job.spec.selector is not None:
        return pod
    uid = job.metadata.uid or names.suffix(f"{job.metadata.namespace}/{job.metadata.name}".encode(), 7)
    labels = pod.metadata.labels | {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": job.metadata.name,
        "controller-uid": uid,
        "job-name": job.metadata.name,
    }
    return _replace(pod, metadata=_replace(pod.metadata, labels=labels))


def _indexed(job: objects.Job, index: int, name: str) -> objects.Pod:
    pod = _pod(job, name)
    mark = {INDEX: str(index)}
    meta = _replace(
        pod.metadata, labels=pod.metadata.labels | mark, annotations=pod.metadata.annotations | mark
    )
    return _replace(pod, metadata=meta)


def _index(pod: objects.Pod) -> int:
    text = pod.metadata.annotations.get(INDEX, "")
    return int(text) if text.isdecimal() else -1


def _intervals(text: str, end: int) -> Iterator[int]:
    """The indexes of `0-3,7` below ``end``."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last.isdecimal() or not last):
            yield from range(int(first), min(int(last or first) + 1, end))
