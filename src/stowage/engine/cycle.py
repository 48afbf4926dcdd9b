"""The engine: one pod after another through the extension points, against the table.

The scheduling cycle is plain synchronous code. It decides, and assumes the pod on its node; the
binding cycle then runs Reserve to PostBind against whatever binder it was given.
"""

from __future__ import annotations

import dataclasses
import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stowage.cluster import pods, table
from stowage.engine import attempt as attempts
from stowage.engine import entries, explain, failure, measures, points, records
from stowage.engine import plan as plans
from stowage.framework import interface, profile, status

MIN_FEASIBLE_NODES = 100
"""kube-scheduler never samples fewer nodes than this."""
PLAN_BYTES = 256 << 20
TIMED_CYCLES = 10
"""One cycle in so many is timed, as kube-scheduler samples its plugin metrics."""

_RAISED = status.error()
"""Of a plugin that raised instead of answering; nobody reads it."""


@dataclass(slots=True)
class Outcome:
    """What became of one attempt: a node, or a failure."""

    pod: pods.Incoming
    node: str = ""
    row: int = -1
    total: int = 0
    ties: int = 0
    failure: failure.Failure | None = None
    rejected: status.Status | None = None
    """Refused after a node was chosen: by Reserve, Permit, PreBind or Bind."""
    explanation: explain.Explanation | None = None


class Recorder:
    """A binder that keeps what it is asked to write, in order."""

    def __init__(self) -> None:
        self.bindings: list[tuple[str, str]] = []
        self.patches: list[object] = []

    def bind(self, pod: pods.Incoming, node: str) -> status.Status | None:
        """Notes the binding."""
        self.bindings.append((pod.key, node))
        return None

    def patch(self, item: object) -> status.Status | None:
        """Notes the object."""
        self.patches.append(item)
        return None


class Engine:
    """Schedules pods of one or more profiles on one table."""

    def __init__(
        self,
        cluster: table.Table,
        profiles: Sequence[profile.Profile],
        *,
        seed: int = 0,
        percentage: int | None = None,
        binder: interface.Binder | None = None,
        plan_bytes: int = PLAN_BYTES,
        kept: int = records.KEPT,
    ) -> None:
        self.cluster = cluster
        self.profiles = {each.name: each for each in profiles}
        self.percentage = percentage
        """percentageOfNodesToScore of profiles that have none; None looks at every node"""
        self.rng = random.Random(seed)
        self.work = measures.Work()
        self.records = records.Records(kept)
        self.plan_bytes = plan_bytes
        """what the plans may hold together before those not used for longest are dropped"""
        self.seconds: dict[str, float] = {}
        """by extension point, over the timed cycles"""
        self.timed = 0
        """cycles that were timed"""
        context = interface.BindContext(cluster, binder or Recorder())
        self.points = points.Points(self.profiles, context)
        self._plans: OrderedDict[tuple[object, ...], plans.Plan] = OrderedDict()
        self._plan_bytes = 0
        self._cycles = 0
        self._start = 0

    # ------------------------------------------------------------------ plans

    def plan(self, pod: pods.Incoming, timer: measures.Timer | None = None) -> plans.Plan:
        """The pod's plan, up to date. KeyError where no profile has the pod's scheduler name."""
        cluster = self.cluster
        shape = pod.shape
        key = (shape.id, cluster.label_view(pod.group))
        found = self._plans.get(key)
        if found is None:
            found = plans.Plan(self.profiles[shape.spec.scheduler_name], pod, cluster, self.work, timer)
            self._plans[key] = found
            self._plan_bytes += found.nbytes
            while self._plan_bytes > self.plan_bytes and len(self._plans) > 1:
                _, dropped = self._plans.popitem(last=False)
                self._plan_bytes -= dropped.nbytes
        else:
            self._plans.move_to_end(key)
            self._plan_bytes -= found.nbytes
            try:
                found.refresh(timer)
                if found.profile.cyclic:
                    found.renew(pod)
            except Exception:
                del self._plans[key]  # it may be half brought up to date
                raise
            self._plan_bytes += found.nbytes
        return found

    # ------------------------------------------------------------------ cycle

    def attempt(self, plan: plans.Plan, pod: pods.Incoming) -> attempts.Attempt:
        """The pod on its plan, with the nominations that count: of pods that could be in our queue."""
        nominations = self.cluster.nominations
        if not nominations:
            return attempts.Attempt(plan, pod, ())
        counting = [
            (other, node)
            for other, node in nominations.values()
            if other.spec.scheduler_name in self.profiles and self.pre_enqueue(other) is None
        ]
        return attempts.Attempt(plan, pod, counting)

    def pre_enqueue(self, pod: pods.Incoming) -> status.Status | None:
        """Why the pod may not enter the queue; None where it may."""
        for plugin in self.profiles[pod.spec.scheduler_name].pre_enqueue:
            try:
                verdict = plugin.pre_enqueue(pod)
            except Exception as error:  # of a nominated pod; others are not to fail with it
                verdict = status.error(str(error))
            if verdict is not None:
                return status.Status(verdict.code, verdict.reasons, plugin.name)
        return None

    def schedule(self, pod: pods.Incoming, *, explained: bool = False) -> Outcome:
        """One scheduling cycle and, where a node was found, one binding cycle."""
        timer = self._timer(explained)
        try:
            outcome = self._decide(pod, timer, explained)
        except entries.CycleError as error:
            self.records.append(pod, records.ERRED, 0, 0, 0, 0, self.cluster.log.sequence)
            return self.erred(pod, error)
        if outcome.row >= 0:
            self._assume_and_bind(outcome, timer)
        if timer:
            self._book(timer)
        return outcome

    def decide(self, pod: pods.Incoming, timer: measures.Timer | None = None) -> Outcome:
        """One scheduling cycle as far as the choice: who calls goes on with `assume`, at once."""
        try:
            return self._decide(pod, timer, False)
        except entries.CycleError as error:
            return self.erred(pod, error)

    def erred(self, pod: pods.Incoming, error: entries.CycleError) -> Outcome:
        """The outcome of an attempt that ended without an answer; the error is counted."""
        self.work.errors[error.plugin, error.point] += 1
        return Outcome(pod, rejected=status.Status(status.Code.ERROR, (str(error),), error.plugin))

    def brief(self, outcome: Outcome) -> explain.Brief | None:
        """Why the node of the last outcome was chosen, where that can be told; only until it is assumed."""
        try:
            attempt = self.attempt(self.plan(outcome.pod), outcome.pod)
            found = explain.brief(attempt, outcome.row, outcome.total, outcome.ties)
        except entries.CycleError:
            return None
        feasible = self.records[self.records.count - 1].feasible
        whole = found is not None and feasible in (records.UNCOUNTED, found.feasible)
        return found if whole else None  # else others had a say in what was feasible

    def _timer(self, explained: bool) -> measures.Timer | None:
        self._cycles += 1
        return measures.Timer() if explained or self._cycles % TIMED_CYCLES == 1 else None

    def _decide(self, pod: pods.Incoming, timer: measures.Timer | None, explained: bool) -> Outcome:
        """The scheduling cycle: a node or a failure, recorded; nothing is placed yet."""
        cluster = self.cluster
        plan = self.plan(pod, timer)
        plan.asking.attempts += 1
        account = None
        if explained and timer is not None:
            account = explain.explain(self.attempt(plan, pod), timer)
        row, total, ties, feasible = self._choose(plan, pod)
        if timer:
            timer.lap("Choose")
        incarnation = cluster.incarnations.item(row) if row >= 0 else 0
        self.records.append(pod, row, incarnation, total, ties, feasible, cluster.log.sequence)
        if row >= 0:
            plan.asking.scored += 1
            outcome = Outcome(pod, cluster.names[row], row, total, ties)
        else:
            outcome = Outcome(pod, failure=self._fail(plan, pod))
            if timer:
                timer.lap("PostFilter")
        outcome.explanation = account
        return outcome

    def _choose(self, plan: plans.Plan, pod: pods.Incoming) -> tuple[int, int, int, int]:
        """(row, total, ties, feasible rows); row -1 where none is feasible."""
        if plan.refusal is not None:
            if plan.refusal.code is status.Code.ERROR:
                raise entries.CycleError(plan.refusal.message, plan.refusal.plugin, "PreFilter")
            return -1, 0, 0, 0
        sampled = self._percentage(plan) is not None
        if not (self.cluster.nominations or pod.nominated or plan.fallible or sampled):
            if plan.pages is not None:
                return *plan.pages.draw(self.rng), records.UNCOUNTED
            return self._draw(plan, plan.feasible().nonzero()[0])
        attempt = self.attempt(plan, pod)
        row = self.nominated(attempt)
        return self._draw(plan, self.passing(attempt) if row < 0 else np.array([row]))

    def _percentage(self, plan: plans.Plan) -> int | None:
        """Of the nodes, how many are looked at; None: all."""
        asked = self.percentage if plan.profile.percentage is None else plan.profile.percentage
        return None if asked is None or asked >= 100 else asked

    def nominated(self, attempt: attempts.Attempt) -> int:
        """The row of the node that the pod is nominated to, where it passes there; else -1."""
        row = self.cluster.row_of.get(attempt.pod.nominated, -1) if attempt.pod.nominated else -1
        return row if row >= 0 and self.cluster.live.item(row) and attempt.passes(row) else -1

    def passing(self, attempt: attempts.Attempt) -> np.ndarray:
        """int[n]: the feasible rows, as many as are looked at. `CycleError` where a filter fails."""
        statuses = attempt.statuses()
        error = attempt.plan.failed(statuses)
        if error is not None:
            raise entries.CycleError(error.message, error.plugin, "Filter")
        rows = np.flatnonzero(statuses == entries.OK)
        percentage = self._percentage(attempt.plan)
        return rows if percentage is None else self._sample(rows, percentage)

    def _draw(self, plan: plans.Plan, rows: np.ndarray) -> tuple[int, int, int, int]:
        if len(rows) == 0:
            return -1, 0, 0, 0
        try:
            if plan.broken is not None:
                raise entries.CycleError(plan.broken.message, plan.broken.plugin, "PreScore")
            totals = plan.totals_of(rows)
        except entries.CycleError:
            if len(rows) == 1:  # kube-scheduler scores only where there is a choice
                return rows.item(0), 0, 1, 1
            raise
        return self.pick(rows, totals)

    def pick(self, rows: np.ndarray, totals: np.ndarray) -> tuple[int, int, int, int]:
        """(row, total, ties, feasible rows): one of the ``rows`` with the highest of ``totals``, by lot."""
        total = totals.max()
        best = (totals == total).nonzero()[0]
        index = self.rng.randrange(len(best)) if len(best) > 1 else 0
        return rows.item(best.item(index)), int(total), len(best), len(rows)

    def _sample(self, feasible: np.ndarray, percentage: int) -> np.ndarray:
        """The first feasible rows from where the last cycle ended, as many as the percentage asks for.

        Rows stand for kube-scheduler's node order, which goes round the zones; nodes are taken one
        after another, while its parallel workers may overshoot.
        """
        live = np.flatnonzero(self.cluster.live)
        wanted = wanted_nodes(percentage, len(live))
        position = np.searchsorted(live, feasible)
        order = np.argsort((position - self._start) % max(len(live), 1), kind="stable")
        kept = order[:wanted]
        if len(kept) == wanted and wanted:
            last = position[kept[-1]] + 1
            self._start = int(last) % len(live)
        return np.sort(feasible[kept])

    # ---------------------------------------------------------------- failure

    def _fail(self, plan: plans.Plan, pod: pods.Incoming) -> failure.Failure:
        """The failure, PostFilter included; one that nothing can have changed is kept."""
        attempt = self.attempt(plan, pod)
        alone = attempt.nominated is None and not pod.nominated
        if alone and plan.failed_at == self.cluster.log.sequence and plan.failure is not None:
            kept: failure.Failure = plan.failure
            return kept
        statuses = attempt.statuses() if plan.refusal is None else np.zeros(0)
        found = failure.diagnose(plan, statuses)
        if found.nodes:
            found.post = self._post_filter(plan, attempt)
        if alone and (found.post is None or not found.post.node):
            plan.failure = found
            plan.failed_at = self.cluster.log.sequence
        return found

    def _post_filter(self, plan: plans.Plan, attempt: attempts.Attempt) -> interface.PostFiltered | None:
        """As RunPostFilterPlugins: the first success, final refusal or error, else all the reasons."""
        results = []
        for plugin in plan.profile.post_filter:
            results.append(plugin.post_filter(attempt.pod, attempt))
            if plan.timer:
                plan.timer.ran(plugin.name, "PostFilter", results[-1].status.code.label)
            if results[-1].status.code is not status.Code.UNSCHEDULABLE:
                return ended(results[-1], plugin.name)
        return unhelped(results)

    # ---------------------------------------------------------------- binding

    def _assume_and_bind(self, outcome: Outcome, timer: measures.Timer | None) -> None:
        nomination = self.cluster.nominations.get(outcome.pod.uid)
        refused, _ = self.assume(outcome, timer)
        if refused is None:
            refused = self._prepared(outcome, timer) or self.points.bind(outcome.pod, outcome.node)
            if refused.code in (status.Code.SUCCESS, status.Code.SKIP):
                self.points.bound(outcome.pod, outcome.node)
                if timer:
                    timer.lap("Bind")
                return
            self.points.unreserve(outcome.pod, outcome.node)
            self.cluster.remove_pod(outcome.pod.uid)
        if nomination is not None:
            self.cluster.nominations[outcome.pod.uid] = nomination
        outcome.rejected = refused
        outcome.node, outcome.row = "", -1

    def assume(
        self, outcome: Outcome, timer: measures.Timer | None = None
    ) -> tuple[status.Status | None, dict[str, float]]:
        """Places the pod, and runs Reserve and Permit. Refused, or failing, it holds its place no longer.

        Otherwise (None, the plugins that want it to wait, each with how many seconds at most).
        """
        self.cluster.add_pod(outcome.pod, outcome.row)
        if timer:
            timer.lap("Assume")
        refused: status.Status | None = _RAISED
        try:
            refused, waits = self.points.reserve(outcome.pod, outcome.node, timer)
        finally:
            if refused is not None:
                self.points.unreserve(outcome.pod, outcome.node)
                self.cluster.remove_pod(outcome.pod.uid)
        return refused, waits

    def _prepared(self, outcome: Outcome, timer: measures.Timer | None) -> status.Status | None:
        """Runs PreBind."""
        for preparer in self.points.preparers(outcome.pod, outcome.node):
            refused = self.points.prepare(outcome.pod, outcome.node, preparer)
            if refused is not None:
                return refused
        if timer:
            timer.lap("PreBind")
        return None

    def _book(self, timer: measures.Timer) -> None:
        self.timed += 1
        for point, seconds in timer.seconds.items():
            self.seconds[point] = self.seconds.get(point, 0.0) + seconds


def ended(found: interface.PostFiltered, plugin: str) -> interface.PostFiltered:
    """The answer of the PostFilter plugin that was asked last, under its name."""
    told = status.Status(found.status.code, found.status.reasons, plugin)
    return dataclasses.replace(found, status=told)


def unhelped(results: Sequence[interface.PostFiltered]) -> interface.PostFiltered | None:
    """What PostFilter comes to where each plugin said that it cannot help: all their reasons."""
    if not results:
        return None
    reasons = [reason for each in results for reason in each.status.reasons]
    return dataclasses.replace(results[-1], status=status.unschedulable(*reasons))


def wanted_nodes(percentage: int, nodes: int) -> int:
    """How many feasible nodes end the search (schedule_one.go numFeasibleNodesToFind); 0 is adaptive."""
    if nodes < MIN_FEASIBLE_NODES:
        return nodes
    if percentage == 0:
        percentage = max(50 - nodes // 125, 5)
    return max(nodes * percentage // 100, MIN_FEASIBLE_NODES)
