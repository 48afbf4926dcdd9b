"""The complete account of one decision: what each plugin said of each node, and how the scores add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stowage.engine import attempt as attempts
from stowage.engine import entries, measures
from stowage.engine import plan as plans
from stowage.framework import interface, status


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One filter's answers: int64[size] codes, 0 where the node passes, and what each code means."""

    plugin: str
    codes: np.ndarray
    meanings: dict[int, status.Status]


@dataclass(frozen=True, slots=True)
class Scores:
    """One score plugin's numbers, int64 each, one a feasible row."""

    plugin: str
    weight: int
    raw: np.ndarray
    normalized: np.ndarray

    @property
    def weighted(self) -> np.ndarray:
        """What enters the total."""
        return self.normalized * self.weight


@dataclass(slots=True)
class Explanation:
    """Everything that led to one decision. Rows index ``names``."""

    pod: str
    names: list[str]
    live: np.ndarray
    """bool[size]"""
    refusal: status.Status | None
    statuses: np.ndarray
    """int64[size]: the first failure, or `entries.OK`; nominated pods included"""
    first: dict[int, status.Status]
    """what each value of ``statuses`` means"""
    verdicts: list[Verdicts]
    """every filter by itself, also behind a first failure; nominated pods not included"""
    feasible: np.ndarray
    """int[n]: feasible rows, ascending"""
    scores: list[Scores]
    totals: np.ndarray
    """int64[n]"""
    seconds: dict[str, float]
    """by extension point"""

    @property
    def best(self) -> list[str]:
        """The nodes with the highest total."""
        if not len(self.totals):
            return []
        highest = self.totals.max()
        return [self.names[row] for row in self.feasible[self.totals == highest].tolist()]

    @property
    def margin(self) -> int | None:
        """How far the winner leads the best node that did not tie with it; None where there is none."""
        behind = self.totals[self.totals < self.totals.max()] if len(self.totals) else self.totals
        return int(self.totals.max() - behind.max()) if len(behind) else None

    def first_failure(self, row: int) -> status.Status | None:
        """Why a row is not feasible; None where it is."""
        return self.first.get(int(self.statuses[row]))


@dataclass(frozen=True, slots=True)
class Brief:
    """Why one node was chosen. ``why``: its weighted scores by plugin, zeros left out; ``runner_up``: the
    best node that did not tie, empty where there is none, and its total."""

    feasible: int
    why: dict[str, int]
    runner_up: str
    behind: int


def brief(attempt: attempts.Attempt, row: int, total: int, ties: int) -> Brief | None:
    """Why ``row`` was chosen with ``total``, as one of ``ties``.

    None where the plan by itself does not say so: some rows were left out (a sample, a nomination), or
    somebody else added to the scores.
    """
    plan = attempt.plan
    rows = np.flatnonzero(attempt.statuses() == entries.OK)
    at = int(np.searchsorted(rows, row))
    if plan.broken is not None or at == len(rows) or rows[at] != row:
        return None
    totals = plan.totals_of(rows)
    why = {entry.plugin.name: _weighted(plan, entry, rows, at) for entry in plan.scores}
    if totals.max() != total or np.count_nonzero(totals == total) != ties or sum(why.values()) != total:
        return None
    below = np.where(totals < total, totals, -1)
    second = int(below.argmax())
    behind = int(below[second])
    name = plan.cluster.names[int(rows[second])] if behind >= 0 else ""
    return Brief(len(rows), {plugin: points for plugin, points in why.items() if points}, name, behind)


def _weighted(plan: plans.Plan, entry: entries.ScoreEntry, rows: np.ndarray, at: int) -> int:
    """The weighted score of one of the feasible rows; what is not normalised needs no other row."""
    if entry.idle:
        return 0
    if not entry.normalizes:
        rows, at = rows[at : at + 1], 0
    return entry.weight * int(entry.normalized(entry.raw_at(plan.cluster, rows))[at])


def explain(attempt: attempts.Attempt, timer: measures.Timer) -> Explanation:
    """The account of what the pod's plan says now."""
    plan = attempt.plan
    cluster = plan.cluster
    live = cluster.live.copy()
    account = Explanation(
        attempt.pod.key,
        list(cluster.names),
        live,
        plan.refusal,
        np.full(cluster.size, entries.GONE),
        {},
        [],
        np.zeros(0, np.intp),
        [],
        np.zeros(0, np.int64),
        timer.seconds,
    )
    if plan.refusal is not None:
        return account
    account.statuses = attempt.statuses()
    account.first = _meanings(plan, account.statuses[live])
    account.verdicts = [_verdicts(plan, entry) for entry in plan.filters]
    timer.lap("Filter")
    account.feasible = rows = np.flatnonzero(account.statuses == entries.OK)
    if not len(rows):
        return account
    account.scores = [_scores(plan, entry, rows) for entry in plan.scores]
    account.totals = sum((each.weighted for each in account.scores), np.zeros(len(rows), np.int64))
    timer.lap("Score")
    return account


def _meanings(plan: plans.Plan, statuses: np.ndarray) -> dict[int, status.Status]:
    meanings = {}
    for value in np.unique(statuses).tolist():
        if value == entries.EXCLUDED:
            reason = f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(plan.restricting))}]"
            meanings[value] = status.unresolvable(reason)
        elif value != entries.OK:
            meanings[value] = plan.explain(value)
    return meanings


def _verdicts(plan: plans.Plan, entry: entries.FilterEntry) -> Verdicts:
    size = plan.cluster.size
    answer: interface.Answer = entry.plugin.filter(entry.state, plan.cluster, slice(0, size), None)
    codes = np.full(size, answer, np.int64) if np.ndim(answer) == 0 else np.asarray(answer, np.int64)
    found = np.unique(codes[plan.cluster.live]).tolist()
    meanings = {code: entry.plugin.explain(entry.state, plan.cluster, code) for code in found if code}
    return Verdicts(entry.plugin.name, codes, meanings)


def _scores(plan: plans.Plan, entry: entries.ScoreEntry, rows: np.ndarray) -> Scores:
    raw = entry.raw_at(plan.cluster, rows)
    return Scores(entry.plugin.name, entry.weight, raw, entry.normalized(raw))
