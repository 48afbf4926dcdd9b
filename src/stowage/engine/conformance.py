"""The engine's answers to a recorded scenario, step by step, in the recording's own form.

A scenario is one JSON object: a configuration, the objects of a cluster, the pods to place in it.
It is taken as kube-scheduler's recorder takes it: pods of nodes that do not exist, duplicate taints,
and pods that have ended all stand. The recorded answers are never looked at here.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from stowage.api import decode, defaults, objects
from stowage.cluster import pods, table
from stowage.engine import attempt as attempts
from stowage.engine import cycle, entries, explain, measures
from stowage.engine import plan as plans
from stowage.framework import config, interface, profile, registry, status
from stowage.framework.config import args

Json = dict[str, Any]


def answer(scenario: Json) -> list[Json]:
    """One step a pending pod, in order. Whatever goes wrong in a step raises."""
    cluster = table.Table()
    found = [_object(item) for item in scenario["objects"]]
    # As an API server lists them: of pods that are equal as victims, the order of arrival decides.
    for item in sorted(found, key=lambda each: f"{each.metadata.namespace}/{each.metadata.name}"):
        cluster.set(item)
    written = scenario.get("config")
    configuration = config.load(written).config if written else config.default()
    engine = cycle.Engine(cluster, [profile.Profile(each) for each in configuration.profiles])
    preemption = cast(
        interface.PostFilterPlugin, registry.make("DefaultPreemption", args.DefaultPreemptionArgs())
    )
    post = None if scenario.get("extended") else preemption
    return [
        _step(engine, post, cast(objects.Pod, _object(item)), bool(scenario.get("assume")))
        for item in scenario["pending"]
    ]


def _object(item: Json) -> objects.Object:
    (document,) = decode.documents_in(item)
    found = decode.decode(document)
    return defaults.default_pod(found) if isinstance(found, objects.Pod) else found


def _step(
    engine: cycle.Engine, preemption: interface.PostFilterPlugin | None, pending: objects.Pod, assume: bool
) -> Json:
    cluster = engine.cluster
    pod = cluster.project(pending)
    step: Json = {"pod": pod.key}
    if pod.spec.scheduler_name not in engine.profiles:
        return step | {"error": f"no profile {pod.spec.scheduler_name}"}
    gate = engine.pre_enqueue(pod)
    if gate is not None:
        return step | {"preEnqueue": _verdict(gate)}
    plan = engine.plan(pod)
    attempt = engine.attempt(plan, pod)
    if plan.refusal is not None:
        step["preFilter"] = _verdict(plan.refusal)
        return step | _fail(engine, preemption, attempt)
    account = explain.explain(attempt, measures.Timer())
    _narrow(account, attempt)
    step |= _filtered(account, plan)
    if len(account.feasible) and plan.broken is not None:
        return step | {"error": f"prescore: {plan.broken.message}"}
    if len(account.feasible):
        step |= _scored(account)
        _check(engine, plan, pod, step)
        if assume:
            _assume(cluster, pod, step["chosen"])
        return step
    return step | _fail(engine, preemption, attempt)


def _assume(cluster: table.Table, pod: pods.Incoming, node: str) -> None:
    """Places the pod as the recorder does, which leaves its nomination where it was."""
    nomination = cluster.nominations.get(pod.uid)
    cluster.add_pod(pod, cluster.row_of[node])
    if nomination is not None:
        cluster.nominations[pod.uid] = nomination


def _narrow(account: explain.Explanation, attempt: attempts.Attempt) -> None:
    """A pod that passes on the node it is nominated to is tried nowhere else."""
    row = attempt.cluster.row_of.get(attempt.pod.nominated, -1)
    if row < 0 or not account.live[row] or account.statuses[row] != entries.OK:
        return
    at = np.flatnonzero(account.feasible == row)
    account.statuses = np.full(len(account.statuses), entries.OK)
    account.feasible = account.feasible[at]
    account.scores = [
        explain.Scores(entry.plugin.name, entry.weight, raw, entry.normalized(raw))
        for entry in attempt.plan.scores
        for raw in [entry.raw_at(attempt.cluster, account.feasible)]
    ]
    account.totals = sum((each.weighted for each in account.scores), np.zeros(1, np.int64))


def _filtered(account: explain.Explanation, plan: plans.Plan) -> Json:
    rejected = {
        account.names[row]: _verdict(account.first[int(account.statuses[row])])
        for row in np.flatnonzero(account.live).tolist()
        if account.statuses[row] not in (entries.OK, entries.EXCLUDED)
    }
    found: Json = {"rejected": rejected}
    if plan.nodes is not None:
        found["preFilterNodes"] = sorted(plan.nodes)
    return found


def _scored(account: explain.Explanation) -> Json:
    names = [account.names[row] for row in account.feasible.tolist()]
    columns = {each.plugin: each.weighted.tolist() for each in account.scores}
    scores = {name: {plugin: column[i] for plugin, column in columns.items()} for i, name in enumerate(names)}
    best = sorted(account.best)
    totals = dict(zip(names, account.totals.tolist(), strict=True))
    return {"scores": scores, "totals": totals, "best": best, "chosen": best[0]}


def _check(engine: cycle.Engine, plan: plans.Plan, pod: pods.Incoming, step: Json) -> None:
    """The fast choice must be one of the best of the full account; an attempt that errs makes none."""
    if plan.failed(engine.attempt(plan, pod).statuses()) is not None:
        return
    row, total, ties, _ = engine._choose(plan, pod)
    name = engine.cluster.names[row]
    if name not in step["best"] or total != step["totals"][name]:
        raise AssertionError(f"the choice {name} ({total}) is not among the best {step['best']}")
    if not pod.nominated and ties != len(step["best"]):
        raise AssertionError(f"{ties} ties counted, not {len(step['best'])}")


class _Unnominated(attempts.Attempt):
    """An attempt as the plain recordings have it: PostFilter does not hear of the nominated node's status."""

    def codes(self) -> np.ndarray:
        found = super().codes()
        row = self.cluster.row_of.get(self.pod.nominated, -1)
        if row >= 0 and found.item(row) == status.Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
            found[row] = status.Code.SUCCESS
        return found


def _fail(
    engine: cycle.Engine, preemption: interface.PostFilterPlugin | None, attempt: attempts.Attempt
) -> Json:
    """Preemption alone, whatever the profile says; or, without one, all that the cycle does and says."""
    if preemption is not None:
        attempt.__class__ = _Unnominated
        return _victims(preemption.post_filter(attempt.pod, attempt))
    outcome = engine.schedule(attempt.pod)
    if outcome.failure is None:  # an error: PreFilter's has a sentence, of a filter's one is drawn
        return {"message": attempt.plan.refusal.message} if attempt.plan.refusal is not None else {}
    found = outcome.failure
    return {"message": found.sentence} | (_victims(found.post) if found.post is not None else {})


def _victims(result: interface.PostFiltered) -> Json:
    found = {
        node: {"pods": [victim.key for victim in victims.pods], "pdbViolations": victims.violations}
        for node, victims in result.candidates.items()
    }
    return {"preemption": found, "nominated": result.node} if found else {}


def _verdict(verdict: status.Status) -> Json:
    return {"code": verdict.code.label, "plugin": verdict.plugin, "reasons": list(verdict.reasons)}
