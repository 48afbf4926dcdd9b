"""Jobs: pods until enough have succeeded, or too many failed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from stowage.embedded import registry, schema
from stowage.embedded.controllers import world as worlds
from stowage.embedded.storage import store
from stowage.embedded.writing import deletion

Object = dict[str, Any]
JOBS: Final = schema.named("batch", "Job")
INDEX: Final = "batch.kubernetes.io/job-completion-index"
_MANAGER: Final = "job-controller"


def sync(world: worlds.World, key: store.Key) -> None:
    """Start pods, count how they ended, and finish the Job."""
    job = world.read(JOBS, key)
    if job is None or "deletionTimestamp" in job["metadata"]:
        return
    if finished(job):
        _expire(world, key, job)
        return
    pods = world.owned(job, "pods")
    done = [pod for pod in pods if _phase(pod) == "Succeeded"]
    failed = [pod for pod in pods if _phase(pod) == "Failed"]
    active = worlds.active(pods)
    ending = _ending(world, job, len(_indices(job, done)), len(failed))
    try:
        if ending is not None or job["spec"].get("suspend"):
            for pod in active:
                worlds.delete_pod(world, pod, _MANAGER)
        else:
            _start(world, job, done, active)
    finally:
        active = worlds.active(world.owned(job, "pods"))
        _status(world, job, active, len(_indices(job, done)), len(failed), ending)


def finished(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(each["type"] in {"Complete", "Failed"} and each["status"] == "True" for each in conditions)


def _expire(world: worlds.World, key: store.Key, job: Object) -> None:
    """Delete a Job that is finished in ttlSecondsAfterFinished, where it says so."""
    seconds = job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None:
        return
    uid = job["metadata"]["uid"]
    asked = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
    who = worlds.options("ttl-after-finished-controller")
    world.due.add(("expire", uid), lambda: _delete(world, key, asked, who), float(seconds))


def _delete(world: worlds.World, key: store.Key, asked: Object, who: registry.Options) -> None:
    deletion.delete(world.reg, JOBS, *key, asked, who)


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase", "Pending"))


def _indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def _index(pod: Object) -> int:
    return int((pod["metadata"].get("annotations") or {}).get(INDEX, -1))


def _indices(job: Object, done: list[Object]) -> list[Object] | set[int]:
    """What counts as a completion: a pod, or in an indexed Job an index."""
    return {_index(pod) for pod in done} if _indexed(job) else done


def _ending(world: worlds.World, job: Object, done: int, failed: int) -> tuple[str, str, str] | None:
    """The condition, reason and message that end the Job now."""
    spec = job["spec"]
    if failed > spec.get("backoffLimit", 6):
        return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    if spec.get("completions") is not None:
        enough = done >= spec["completions"]
    else:
        # A work queue is done when one worker is and the others have ended.
        enough = done > 0 and not worlds.active(world.owned(job, "pods"))
    if enough:
        return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
    started, limit = (job.get("status") or {}).get("startTime"), spec.get("activeDeadlineSeconds")
    if limit is not None and started:
        left = datetime.fromisoformat(started).timestamp() + limit - world.reg.time()
        if left <= 0:
            return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
        key = (job["metadata"]["namespace"], job["metadata"]["name"])
        world.due.add(("deadline", *key), lambda: sync(world, key), left)
    return None


def _start(world: worlds.World, job: Object, done: list[Object], active: list[Object]) -> None:
    spec, meta = job["spec"], job["metadata"]
    room, completions = spec.get("parallelism", 1) - len(active), spec.get("completions")
    for pod in worlds.first_to_go(active)[: max(-room, 0)]:
        worlds.delete_pod(world, pod, _MANAGER)
    if _indexed(job):
        taken = {_index(pod) for pod in [*done, *active]}
        numbers = [i for i in range(completions or 0) if i not in taken][: max(room, 0)]
    elif completions is None:
        numbers = [-1] * (0 if done else max(room, 0))
    else:
        numbers = [-1] * max(min(room, completions - len(done) - len(active)), 0)
    for number in numbers:
        pod = worlds.make_pod(spec["template"], JOBS, job)
        if number >= 0:
            mark = {INDEX: str(number)}
            pod["metadata"]["generateName"] = f"{meta['name']}-{number}-"
            for part in ("annotations", "labels"):
                pod["metadata"][part] = (pod["metadata"].get(part) or {}) | mark
            pod["spec"]["hostname"] = f"{meta['name']}-{number}"
        worlds.create_pod(world, JOBS, job, pod, _MANAGER)


def _status(
    world: worlds.World,
    job: Object,
    active: list[Object],
    done: int,
    failed: int,
    ending: tuple[str, str, str] | None,
) -> None:
    now, before = world.reg.now(), job.get("status") or {}
    status: Object = {"ready": sum(map(worlds.ready, active)), "terminating": 0}
    if not job["spec"].get("suspend"):
        status["startTime"] = before.get("startTime", now)
    for name, number in (("active", len(active)), ("succeeded", done), ("failed", failed)):
        if number:
            status[name] = number
    if ending is not None:
        kind, reason, message = ending
        before_end = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[kind]
        status["conditions"] = [
            {
                "type": each,
                "status": "True",
                "reason": reason,
                "message": message,
                "lastProbeTime": now,
                "lastTransitionTime": now,
            }
            for each in (before_end, kind)
        ]
        if kind == "Complete":
            status["completionTime"] = now
    worlds.set_status(world, JOBS, job, status, _MANAGER)
