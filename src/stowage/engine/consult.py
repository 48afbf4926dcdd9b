"""A cycle in which others have a say: extenders narrow the nodes, add to scores, and choose victims.

It is a generator that yields questions and is sent answers; who drives it does the I/O. Between two steps
the table must stand still. Rules: kube-scheduler's schedule_one.go (findNodesThatPassExtenders,
prioritizeNodes) and framework/preemption/preemption.go (callExtenders).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stowage.api import objects
from stowage.cluster import pods
from stowage.engine import attempt as attempts
from stowage.engine import cycle, entries, failure, measures, returned
from stowage.framework import interface, status


@dataclass(frozen=True, slots=True)
class Narrow:
    """Which of these nodes may take the pod? Answered by `Narrowed`."""

    pod: pods.Incoming
    nodes: list[str]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """``kept``: the nodes left; ``refused``: why others are not, as far as somebody says; or an error.
    ``returned``: the nodes that are left as somebody sent them back, all or none."""

    kept: frozenset[str]
    refused: Mapping[str, status.Status] = field(default_factory=dict)
    error: str = ""
    returned: Mapping[str, objects.Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rank:
    """How good are these nodes, ``returned`` as in `Narrowed`? Answered by a mapping of some of them to
    points, which are added."""

    pod: pods.Incoming
    nodes: list[str]
    returned: Mapping[str, objects.Node]


@dataclass(frozen=True, slots=True)
class Spare:
    """Which of these candidates, and which victims? Answered by what is left, a sentence where that
    failed, or None where nobody takes part."""

    pod: pods.Incoming
    candidates: Mapping[str, interface.Victims]


Question = Narrow | Rank | Spare
Steps = Generator[Question, Any, cycle.Outcome]

UNTOLD = status.unresolvable()
"""A node that was left out without a word."""


def decide(engine: cycle.Engine, pod: pods.Incoming, timer: measures.Timer | None = None) -> Steps:
    """As `cycle.Engine.decide`; what extenders take counts where they are asked."""
    try:
        plan = engine.plan(pod, timer)
        plan.asking.attempts += 1
        attempt = engine.attempt(plan, pod)
        rows = yield from _feasible(engine, attempt)
        if timer:
            timer.lap("Filter")
        row, total, ties, feasible = yield from _best(engine, attempt, rows)
    except entries.CycleError as error:
        return engine.erred(pod, error)
    if timer:
        timer.lap("Choose")
    cluster = engine.cluster
    incarnation = cluster.incarnations.item(row) if row >= 0 else 0
    engine.records.append(pod, row, incarnation, total, ties, feasible, cluster.log.sequence)
    if row >= 0:
        plan.asking.scored += 1
        return cycle.Outcome(pod, cluster.names[row], row, total, ties)
    outcome = cycle.Outcome(pod, failure=(yield from _failure(attempt)))
    if timer:
        timer.lap("PostFilter")
    return outcome


def _feasible(engine: cycle.Engine, attempt: attempts.Attempt) -> Generator[Question, Any, np.ndarray]:
    """int[n]: the rows that filters and extenders let pass; the nominated one alone where it is."""
    refusal = attempt.plan.refusal
    if refusal is not None:
        if refusal.code is status.Code.ERROR:
            raise entries.CycleError(refusal.message, refusal.plugin, "PreFilter")
        return np.zeros(0, np.intp)
    row = engine.nominated(attempt)
    if row >= 0:
        narrowed = yield from _narrowed(attempt, np.array([row]))
        if isinstance(narrowed, np.ndarray) and len(narrowed):
            return narrowed
        attempt.refused.clear()
    narrowed = yield from _narrowed(attempt, engine.passing(attempt))
    if isinstance(narrowed, str):
        raise entries.CycleError(narrowed, failure.EXTENDER, "Filter")
    return narrowed


def _narrowed(attempt: attempts.Attempt, rows: np.ndarray) -> Generator[Question, Any, np.ndarray | str]:
    """The rows that extenders leave, or what went wrong; notes the others as refused."""
    if not len(rows):
        return rows
    names = attempt.cluster.names
    asked = [names[row] for row in rows.tolist()]
    answer: Narrowed = yield Narrow(attempt.pod, asked)
    if answer.error:
        return answer.error
    for name in asked:
        if name not in answer.kept:
            attempt.refused[name] = answer.refused.get(name, UNTOLD)
    attempt.returned = answer.returned
    return rows[[name in answer.kept for name in asked]]


def _best(
    engine: cycle.Engine, attempt: attempts.Attempt, rows: np.ndarray
) -> Generator[Question, Any, tuple[int, int, int, int]]:
    """(row, total, ties, feasible rows); row -1 where there is none."""
    if not len(rows):
        return -1, 0, 0, 0
    if len(rows) == 1:  # scored only where there is a choice
        return rows.item(0), 0, 1, 1
    plan = attempt.plan
    if plan.broken is not None:
        raise entries.CycleError(plan.broken.message, plan.broken.plugin, "PreScore")
    totals = returned.totals(attempt, rows) if attempt.returned else plan.totals_of(rows)
    nodes = [attempt.cluster.names[row] for row in rows.tolist()]
    points: Mapping[str, int] = yield Rank(attempt.pod, nodes, attempt.returned)
    totals += np.array([points.get(node, 0) for node in nodes], np.int64)
    return engine.pick(rows, totals)


def _failure(attempt: attempts.Attempt) -> Generator[Question, Any, failure.Failure]:
    """Why the pod fits nowhere, PostFilter included."""
    plan = attempt.plan
    statuses = attempt.statuses() if plan.refusal is None else np.zeros(0)
    found = failure.diagnose(plan, statuses, attempt.refused)
    if found.nodes:
        found.post = yield from _post_filter(attempt)
    return found


def _post_filter(attempt: attempts.Attempt) -> Generator[Question, Any, interface.PostFiltered | None]:
    """As RunPostFilterPlugins, each plugin's candidates offered to the extenders."""
    results = []
    for plugin in attempt.plan.profile.post_filter:
        found = plugin.post_filter(attempt.pod, attempt)
        if found.candidates and found.amended is not None:
            left = yield Spare(attempt.pod, found.candidates)
            found = found if left is None else found.amended(left)
        results.append(found)
        if attempt.plan.timer:
            attempt.plan.timer.ran(plugin.name, "PostFilter", found.status.code.label)
        if found.status.code is not status.Code.UNSCHEDULABLE:
            return cycle.ended(found, plugin.name)
    return cycle.unhelped(results)
