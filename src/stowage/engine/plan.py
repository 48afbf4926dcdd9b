"""A plan: what every node answers to pods of one kind, kept true by the table's log.

Totals are the weighted sum of the scores that depend on a row alone; whatever
is relative to the feasible rows, or counted over domains, is kept raw and added at each choice. Where no
score is so, and filters over domains say which rows they judge otherwise than before, the totals of the
feasible rows are kept in pages, and a choice passes over no rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stowage.cluster import intern, log, pods, table
from stowage.engine import entries, measures, pages
from stowage.framework import interface, overlay, profile, status

EVERY = slice(None)
CHANGED_SHARE = 4
"""A plan is built anew, not caught up, where more than one in this many rows changed."""


class Plan:
    """Built for one pod, good for all whose shape and relevant labels are equal."""

    def __init__(
        self,
        profile: profile.Profile,
        pod: pods.Incoming,
        cluster: table.Table,
        work: measures.Work,
        timer: measures.Timer | None = None,
    ) -> None:
        self.profile = profile
        self.pod = pod
        self.cluster = cluster
        self.work = work
        self.failure: Any = None
        """What the cycle keeps of the last failure; valid while ``failed_at`` is the log's sequence."""
        self.failed_at = -1
        self.timer = timer
        """Of the cycle under way, or of the last one."""
        self.build()

    # ------------------------------------------------------------------ build

    def build(self) -> None:
        """Everything anew."""
        cluster = self.cluster
        self.work.builds += 1
        self.work.passes += 1
        self.cursor = cluster.log.sequence
        self.version = cluster.outside.version
        self.size = cluster.size
        self.failed_at = -1
        self.pages: pages.Pages | None = None
        self.barred: np.ndarray | None = None
        """bool[size]: the rows that late filters refuse, where pages leave these out."""
        self.broken: status.Status | None = None
        """Why the feasible rows cannot be scored."""
        self._pre_filter()
        self._lap("PreFilter")
        if self.refusal is None or self.refusal.code is status.Code.UNSCHEDULABLE:
            self._build_statuses()  # where evicting may help, preemption asks the filters
            self._lap("Filter")
        if self.refusal is None:
            self._build_scores()
        asked = (self.filters, self.scores) if self.refusal is None else ((), ())
        names = (tuple(entry.plugin.name for entry in each) for each in asked)
        self.asking = self.work.asking(self.profile.name, tuple(self.prepared), *names)

    def _pre_filter(self) -> None:
        """As RunPreFilterPlugins: an unresolvable refusal ends it, any other waits for the rest."""
        self.refusal: status.Status | None = None
        self.nodes: frozenset[str] | None = None
        self.restricting: list[str] = []
        states: dict[str, Any] = {}
        skipped: set[str] = set()
        self.volatile = False
        asked: list[str] = []
        for plugin in self.profile.pre_filter:
            asked.append(plugin.name)
            result = plugin.pre_filter(self.pod, self.cluster)
            self._ran(plugin.name, "PreFilter", result)
            if isinstance(result, status.Status):
                if result.code is status.Code.SKIP:
                    skipped.add(plugin.name)
                    continue
                self.volatile = True
                self.refusal = _failing("running PreFilter plugin", plugin.name, result)
                if result.code is not status.Code.UNSCHEDULABLE:
                    break
                continue
            states[plugin.name] = result.state
            if result.nodes is not None:
                self.restricting.append(plugin.name)
                self.nodes = result.nodes if self.nodes is None else self.nodes & result.nodes
                if not self.nodes:
                    self.volatile = True
                    self.refusal = _nothing_left(sorted(self.restricting))
                    break
        self.asked = frozenset(asked)
        self.prepared = [name for name in asked if name not in skipped]
        self.filters = [
            entries.FilterEntry(order, self._prepared(plugin), states.get(plugin.name, self.pod))
            for order, plugin in enumerate(self.profile.filter)
            if plugin.name not in skipped
        ]
        self.row_filters = [f for f in self.filters if f.plugin.kind is interface.Kind.ROW]
        self.usage_filters = [f for f in self.row_filters if f.usage]
        self.static_filters = [f for f in self.row_filters if not f.usage]
        late = [f for f in self.filters if f.plugin.kind is not interface.Kind.ROW]
        self.late_filters = [f for f in late if not f.idle]
        self.fallible = any(f.plugin.fallible for f in self.filters)
        self.counting: list[entries.FilterEntry | entries.ScoreEntry] = [
            f for f in late if f.plugin.kind is interface.Kind.DOMAIN
        ]

    def _prepared(self, plugin: interface.FilterPlugin) -> interface.FilterPlugin:
        """The filter, or one that errs where the profile runs it without its PreFilter."""
        if isinstance(plugin, interface.PreFilterPlugin) and plugin not in self.profile.pre_filter:
            return entries.Unprepared(plugin) if plugin.missing_state else plugin
        return plugin

    def _build_statuses(self) -> None:
        cluster = self.cluster
        self.static = np.where(cluster.live, entries.OK, entries.GONE)
        if self.nodes is not None:
            kept = np.zeros(self.size, bool)
            kept[cluster.rows(self.nodes)] = True
            self.static[~kept] = entries.EXCLUDED
        self._lower(self.static, self.static_filters, EVERY)
        self.statuses = self.static.copy()
        self._lower(self.statuses, self.usage_filters, EVERY)

    def _lower(self, column: np.ndarray, filters: list[entries.FilterEntry], rows: interface.Rows) -> None:
        """Lowers ``column[rows]`` to the first failure of ``filters``."""
        for entry in filters:
            answer = entry.statuses(self.cluster, _rows(rows, self.size))
            if isinstance(answer, np.ndarray) or answer != entries.OK:
                column[rows] = np.minimum(column[rows], answer)
            self._ran(entry.plugin.name, "Filter")

    def _build_scores(self) -> None:
        cluster = self.cluster
        self.scores: list[entries.ScoreEntry] = []
        self.late_scores: list[entries.ScoreEntry] = []
        self.usage_scores: list[entries.ScoreEntry] = []
        self.static_scores: list[entries.ScoreEntry] = []
        self.normalized: list[entries.ScoreEntry] = []
        self.static_total = np.zeros(self.size, np.int64)
        self.totals = self.static_total
        for plugin in self.profile.score:
            if plugin.missing_score_state and plugin.name not in self.profile.pre_score:
                reason = (
                    f'running Score plugins: plugin "{plugin.name}" failed with: {plugin.missing_score_state}'
                )
                self.broken = status.Status(status.Code.ERROR, (reason,), plugin.name)
                return
            state = plugin.pre_score(self.pod, cluster)
            self._ran(plugin.name, "PreScore", state)
            if isinstance(state, status.Status) and state.code is status.Code.ERROR:
                self.broken = _failing("running PreScore plugin", plugin.name, state)
                return
            if state is not status.SKIP:
                self.scores.append(entries.ScoreEntry(plugin, state, self.profile.weights[plugin.name]))
        self._lap("PreScore")
        rows = [s for s in self.scores if s.plugin.kind is interface.Kind.ROW]
        plain = [s for s in rows if not s.normalizes]
        self.usage_scores = [s for s in plain if s.usage]
        self.static_scores = [s for s in plain if not s.usage]
        self.normalized = [s for s in rows if s.normalizes and not s.usage]
        late = [
            s for s in self.scores if s.plugin.kind is not interface.Kind.ROW or (s.normalizes and s.usage)
        ]
        self.late_scores = [s for s in late if not s.idle]
        self.counting += [s for s in late if s.plugin.kind is interface.Kind.DOMAIN]
        self._add(self.static_total, self.static_scores, EVERY)
        self._keep_raw()
        self.static_total += self.offset
        self.totals = self.static_total.copy()
        self._add(self.totals, self.usage_scores, EVERY)
        telling = all(hasattr(entry.state, "turned") for entry in self.late_filters)
        if telling and not self.late_scores and not self.varying:
            self._page()
        self._lap("Score")

    def _page(self) -> None:
        """The pages anew, of the rows that pass every filter."""
        for entry in self.late_filters:
            entry.state.turned(self.cluster)  # from here on
        if self.late_filters:
            self.barred = self._refused(np.arange(self.size))
        self.pages = pages.Pages(self._paged(EVERY))

    def _paged(self, rows: interface.Rows) -> np.ndarray:
        """int64[rows]: the totals, of rows that pass every filter."""
        passing = self.statuses[rows] == entries.OK
        if self.barred is not None:
            passing &= ~self.barred[rows]
        return np.where(passing, self.totals[rows], pages.INFEASIBLE)

    def _refused(self, rows: np.ndarray) -> np.ndarray:
        """bool[rows]: the rows that late filters refuse."""
        refused = np.zeros(len(rows), bool)
        for entry in self.late_filters:
            refused |= entry.plugin.filter(entry.state, self.cluster, rows, None) != 0
            self._ran(entry.plugin.name, "Filter")
        return refused

    def _add(self, column: np.ndarray, scores: list[entries.ScoreEntry], rows: interface.Rows) -> None:
        for entry in scores:
            answer = entry.plugin.score(entry.state, self.cluster, _rows(rows, self.size))
            if isinstance(answer, np.ndarray):  # rows that are not feasible are never scored
                entries.in_range(entry.plugin, answer[self.statuses[rows] == entries.OK])
            else:
                entries.in_range(entry.plugin, answer)
            column[rows] += entry.weight * answer
            self._ran(entry.plugin.name, "Score")

    def _keep_raw(self) -> None:
        """Raw values of the normalised scores. One value for all rows normalises to one constant."""
        self.offset = 0
        self.varying: list[entries.ScoreEntry] = []
        for entry in self.normalized:
            answer = entry.plugin.score(entry.state, self.cluster, slice(0, self.size))
            self._ran(entry.plugin.name, "Score")
            if np.ndim(answer):
                raw = np.asarray(answer)
                known = raw[self.cluster.live]
                if len(known) and (known != known[0]).any():
                    entry.raw = raw
                    self.varying.append(entry)
                    continue
                answer = int(known[0]) if len(known) else 0
            entry.raw = None
            entry.constant = int(answer)
            scaled = entry.normalized(np.array([answer], np.int64))
            entries.in_range(entry.plugin, scaled)
            self.offset += entry.weight * int(scaled[0])

    # ---------------------------------------------------------------- refresh

    def refresh(self, timer: measures.Timer | None = None) -> None:
        """Brings the plan up to the table's state."""
        self.timer = timer
        cluster = self.cluster
        if self.version != cluster.outside.version:
            self.build()
            return
        cursor = self.cursor
        behind = cluster.log.sequence - cursor
        if not behind:
            return
        if self.size != cluster.size or self.volatile:
            self.build()
            return
        changes = cluster.log
        if behind == 1:
            at = cursor - changes.base
            if changes.deltas.item(at):
                self.cursor = cursor + 1
                if self._advance(changes.since(cursor) if self.counting else None):
                    if self.usage_filters or self.usage_scores:
                        self._update_row(changes.rows.item(at))
                    self._turn()
                    return
                self.build()
                return
        tail = changes.since(cursor)
        if tail is None or not self._catch_up(tail):
            self.build()

    def renew(self, pod: pods.Incoming) -> None:
        """Asks the CYCLE plugins about this very pod at this moment; their states are no one else's."""
        self.pod = pod
        self.failed_at = -1
        if self.refusal is not None or self.nodes is not None or self.broken is not None:
            self.build()
            return
        states = {entry.plugin.name: entry for entry in self.filters}
        for plugin in self.profile.pre_filter:
            if plugin.kind is interface.Kind.CYCLE:
                result = plugin.pre_filter(pod, self.cluster)
                entry = states.get(plugin.name)
                if isinstance(result, status.Status) or result.nodes is not None or entry is None:
                    self.build()
                    return
                entry.state = result.state
        for filtering in self.filters:
            if filtering.plugin.kind is interface.Kind.CYCLE and not isinstance(
                filtering.plugin, interface.PreFilterPlugin
            ):
                filtering.state = pod
        self._renew_scores(pod)

    def _renew_scores(self, pod: pods.Incoming) -> None:
        asked = {entry.plugin.name: entry for entry in self.scores}
        for plugin in self.profile.score:
            if plugin.kind is interface.Kind.CYCLE:
                state = plugin.pre_score(pod, self.cluster)
                failed = isinstance(state, status.Status) and state is not status.SKIP
                if failed or (state is status.SKIP) != (plugin.name not in asked):
                    self.build()
                    return
                if plugin.name in asked:
                    asked[plugin.name].state = state

    def _advance(self, tail: log.Tail | None) -> bool:
        """Offers pod changes to the states that count them; False: build anew."""
        if tail is None:
            return True
        for entry in self.counting:
            state = entry.state
            if not hasattr(state, "advance") or not state.advance(self.cluster, tail):
                return False
            if entry.idle is not getattr(state, "idle", False):
                return False
        return True

    def _catch_up(self, tail: log.Tail) -> bool:
        """Applies many entries at once; False: build anew."""
        node_changes = tail.deltas == 0
        mask = int(np.bitwise_or.reduce(tail.shapes[node_changes], initial=0))
        if mask & table.NAME or (mask and self._late_reads(mask)):
            return False
        rows = intern.distinct(tail.rows)
        if len(rows) * CHANGED_SHARE > self.size + 64:
            return False
        if not self._advance(tail if self.counting else None):
            return False
        self.cursor += len(tail)
        if mask:
            self._update_static(intern.distinct(tail.rows[node_changes]))
            if not self._update_raw():
                return False
        self._update_rows(rows)
        self._turn()
        return True

    def _turn(self) -> None:
        """Brings the pages up to date where late filters answer otherwise than before."""
        if self.barred is None or self.pages is None:
            return
        found = []
        for entry in self.late_filters:
            turned = entry.state.turned(self.cluster)
            if turned is None:
                self.work.passes += 1
                self._page()
                return
            found.append(turned)
        rows = found[0] if len(found) == 1 else np.concatenate(found)
        if len(rows) == 1:
            self.barred[rows] = self._refused(rows)
            self._set(self.pages, rows.item())
        elif len(rows):
            rows = intern.distinct(rows)
            self.barred[rows] = self._refused(rows)
            self.pages.set_many(rows, self._paged(rows))

    def _late_reads(self, mask: int) -> bool:
        bits = 0
        for entry in (*self.counting, *self.late_filters, *self.late_scores):
            for name in entry.plugin.reads:
                bits |= table.COLUMN_BITS.get(name, 0)
        return bool(bits & mask)

    def _update_row(self, row: int) -> None:
        """One row, whose pods changed."""
        cluster, timer = self.cluster, self.timer
        self.work.rows += 1
        value = self.static.item(row)
        for entry in self.usage_filters:
            if entry.plugin.scalar:
                code = entry.plugin.filter(entry.state, cluster, row, None)
                found = int(code) | entry.base if code else entries.OK
            else:
                found = int(np.min(entry.statuses(cluster, np.array([row]))))
            if found < value:
                value = found
            if timer:
                timer.ran(entry.plugin.name, "Filter")
        self.statuses[row] = value
        if timer:
            timer.lap("Filter")
        total = self.static_total.item(row)
        for score in self.usage_scores:
            at: interface.Rows = row if score.plugin.scalar else np.array([row])
            points = int(score.plugin.score(score.state, cluster, at))
            if value == entries.OK and not 0 <= points <= interface.MAX_SCORE:
                entries.in_range(score.plugin, points)
            total += score.weight * points
            if timer:
                timer.ran(score.plugin.name, "Score")
        self.totals[row] = total
        if self.pages is not None:
            self._set(self.pages, row)
        if timer:
            timer.lap("Score")

    def _set(self, paged: pages.Pages, row: int) -> None:
        """One row, in the pages."""
        passing = self.statuses.item(row) == entries.OK and (self.barred is None or not self.barred.item(row))
        paged.set(row, self.totals.item(row) if passing else pages.INFEASIBLE)

    def _update_rows(self, rows: np.ndarray) -> None:
        self.work.rows += len(rows)
        self.statuses[rows] = self.static[rows]
        self._lower(self.statuses, self.usage_filters, rows)
        self._lap("Filter")
        self.totals[rows] = self.static_total[rows]
        self._add(self.totals, self.usage_scores, rows)
        if self.pages is not None:
            self.pages.set_many(rows, self._paged(rows))
        self._lap("Score")

    def _update_static(self, rows: np.ndarray) -> None:
        """Rows whose node changed in what the row filters and scores read."""
        old = self.static[rows]
        self.static[rows] = np.where(old < 0, old, entries.OK)
        self._lower(self.static, self.static_filters, rows)
        self.static_total[rows] = self.offset
        self._add(self.static_total, self.static_scores, rows)

    def _update_raw(self) -> bool:
        """Raw values after node changes; False where a constant became one value among several."""
        for entry in self.normalized:
            answer = entry.plugin.score(entry.state, self.cluster, slice(0, self.size))
            if entry.raw is not None:
                if np.ndim(answer) == 0:
                    return False
                entry.raw = np.asarray(answer)
            elif np.ndim(answer) or int(answer) != entry.constant:
                return False
        return True

    def _lap(self, point: str) -> None:
        if self.timer:
            self.timer.lap(point)

    def _ran(self, plugin: str, point: str, answer: object = None) -> None:
        if self.timer and self.timer.detailed:
            code = answer.code if isinstance(answer, status.Status) else status.Code.SUCCESS
            self.timer.ran(plugin, point, code.label)

    # ---------------------------------------------------------------- answers

    def feasible(self) -> np.ndarray:
        """bool[size]: the rows that pass every filter, nominated pods aside."""
        self.work.passes += 1
        mask: np.ndarray = self.statuses == entries.OK
        for entry in self.late_filters:
            codes = entry.plugin.filter(entry.state, self.cluster, slice(0, self.size), None)
            if isinstance(codes, np.ndarray) and codes.ndim:
                mask &= codes == 0
            elif codes:
                mask[:] = False
            self._ran(entry.plugin.name, "Filter")
        return mask

    def full_statuses(self) -> np.ndarray:
        """int64[size]: each row's status, the late filters' included."""
        self.work.passes += 1
        out = self.statuses.copy()
        for entry in self.late_filters:
            np.minimum(out, entry.statuses(self.cluster, slice(0, self.size)), out=out)
            self._ran(entry.plugin.name, "Filter")
        return out

    def statuses_with(self, change: overlay.Overlay) -> np.ndarray:
        """int64[k]: the statuses of the rows of ``change``, their pods changed so."""
        rows = change.rows
        out = np.where(self.static[rows] < 0, self.static[rows], entries.OK)
        for entry in self.filters:
            np.minimum(out, entry.statuses(self.cluster, rows, change), out=out)
        return out

    def totals_of(self, rows: np.ndarray) -> np.ndarray:
        """int64[rows]: the totals of the feasible rows, which ``rows`` must be."""
        totals: np.ndarray = self.totals.copy() if len(rows) == self.size else self.totals.take(rows)
        for entry in (*self.varying, *self.late_scores):
            scores = entry.normalized(entry.raw_at(self.cluster, rows))
            entries.in_range(entry.plugin, scores)
            totals += entry.weight * scores
            self._ran(entry.plugin.name, "Score")
        return totals

    def explain(self, value: int) -> status.Status:
        """What a status above 0 and below `OK` says, and who says it."""
        order = (value >> entries.SHIFT) - 1
        plugin = self.profile.filter[order]
        entry = next(f for f in self.filters if f.base == value >> entries.SHIFT << entries.SHIFT)
        found = entry.plugin.explain(entry.state, self.cluster, value & ((1 << entries.SHIFT) - 1))
        if found.code is status.Code.ERROR:
            reasons = tuple(f'running "{plugin.name}" filter plugin: {reason}' for reason in found.reasons)
            return status.Status(found.code, reasons, plugin.name)
        return status.Status(found.code, found.reasons, plugin.name)

    def failed(self, statuses: np.ndarray) -> status.Status | None:
        """The error among these statuses, if there is one."""
        if not self.fallible:
            return None
        for value in np.unique(statuses).tolist():
            if 0 < value < entries.OK:
                verdict = self.explain(value)
                if verdict.code is status.Code.ERROR:
                    return verdict
        return None

    @property
    def nbytes(self) -> int:
        """About how much memory the plan holds: its columns, and a few a state that counts."""
        columns = 4 + len(getattr(self, "varying", ())) + (self.pages is not None) + 6 * len(self.counting)
        return 8 * self.size * columns + 4096


def _rows(rows: interface.Rows, size: int) -> interface.Rows:
    return slice(0, size) if isinstance(rows, slice) else rows


def _failing(doing: str, plugin: str, found: status.Status) -> status.Status:
    """The status under its plugin's name; an error says what was being done (framework/runtime)."""
    if found.code is status.Code.ERROR:
        return status.Status(found.code, (f'{doing} "{plugin}": {found.message}',), plugin)
    return status.Status(found.code, found.reasons, plugin)


def _nothing_left(plugins: list[str]) -> status.Status:
    """PreFilter results that have no node in common (framework/runtime RunPreFilterPlugins)."""
    if len(plugins) == 1:
        reason = f"node(s) didn't satisfy plugin {plugins[0]}"
    else:
        reason = f"node(s) didn't satisfy plugin(s) [{' '.join(plugins)}] simultaneously"
    return status.unresolvable(reason)
