"""A sum over pods by the domains of one topology key, and the terms that say what a pod adds to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from stowage.api import selectors
from stowage.cluster import intern, log, pods, shapes, table, terms

FEW = 4
"""Log entries up to which one at a time is quicker than arrays."""


class Tally:
    """``counts`` by code of the key's value, and last, always 0, for rows without the key."""

    __slots__ = ("_domains", "at", "counts", "total", "turned")

    def __init__(self, cluster: table.Table, key: str, size: int) -> None:
        codes = cluster.codes(key)
        self.at = codes.positions(cluster.size)[:size]
        self.counts = np.zeros(len(codes.values) + 1, np.int64)
        self.total = 0
        self.turned: list[int] | None = None
        """Codes whose count rose above 0 or fell to it since somebody emptied this; None: many."""
        self._domains: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, row: int, amount: int) -> None:
        """Adds to the domain of a row."""
        if row >= len(self.at):
            return  # a pod on a node that does not exist
        code = self.at.item(row)
        if code == len(self.counts) - 1:
            return
        old = self.counts.item(code)
        self.counts[code] = old + amount
        self.total += amount
        if (old > 0) != (old + amount > 0) and self.turned is not None:
            self.turned.append(code)
            if len(self.turned) > FEW:
                self.turned = None

    def add_many(self, rows: np.ndarray, amounts: np.ndarray) -> None:
        """Adds to the domains of many rows."""
        kept = np.flatnonzero((amounts != 0) & (rows >= 0) & (rows < len(self.at)))
        if len(kept):
            np.add.at(self.counts, self.at[rows[kept]], amounts[kept])
            self.counts[-1] = 0
            self.total = int(self.counts.sum())
            self.turned = None

    def rows_of(self, code: int) -> np.ndarray:
        """int[n]: the rows of a domain."""
        if self._domains is None:
            order = np.argsort(self.at, kind="stable")
            self._domains = order, np.searchsorted(self.at[order], np.arange(len(self.counts) + 1))
        order, starts = self._domains
        return order[starts.item(code) : starts.item(code + 1)]


class Concern:
    """What makes terms of placed pods concern one incoming pod, or the other way round."""

    __slots__ = ("_labels", "_namespace", "_namespace_labels", "_namespaces")

    def __init__(self, pod: pods.Incoming, cluster: table.Table) -> None:
        self._namespaces = cluster.namespaces
        self._namespace = pod.namespace
        self._labels = pod.labels
        self._namespace_labels = cluster.namespaces.get(pod.namespace, {})

    def means_pod(self, term: terms.Term) -> bool:
        """Whether the term of another pod means the incoming one; a missing Namespace has no labels."""
        return term.matches(self._namespace, self._labels, self._namespace_labels)

    def own(self, term: terms.Term) -> terms.Term:
        """The pod's own term with the Namespaces that its selector selects written out.

        The selector stays, and is matched against no labels at all when pods are compared
        (mergeAffinityTermNamespacesIfNotEmpty changes a copy): one that demands nothing present takes
        in every namespace.
        """
        selector = term.namespace_selector
        if selector.nothing or selector == selectors.EVERYTHING:
            return term
        found = {name for name, labels in self._namespaces.items() if selectors.matches(selector, labels)}
        return term._replace(namespaces=term.namespaces | found)


def means(term: terms.Term, group: shapes.Group) -> bool:
    """Whether an own term, its namespaces written out, means the pods of a group."""
    return term.matches(group.namespace, group.labels, {})


def weights(cluster: table.Table, weighted: Sequence[tuple[terms.Term, int]]) -> intern.Memo:
    """Group id -> the sum of the weights of the own terms that mean it."""
    fixed = tuple(weighted)
    return cluster.groups.memo(
        ("inter-pod weights", fixed),
        lambda group: sum(weight for term, weight in fixed if means(term, group)),
        [term.selector for term, _ in fixed],
    )


Amounts = tuple[tuple[Tally, int], ...]
"""What one pod adds to which tallies."""


class Ledger:
    """Tallies with what adds to them: groups, by the incoming pod's terms, and shapes, by their own."""

    __slots__ = ("_of_shape", "_speaks", "by_group", "size")

    def __init__(self, cluster: table.Table) -> None:
        self.size = cluster.size
        """Rows there were at the start; what came later has no node."""
        self.by_group: list[tuple[Tally, intern.Memo]] = []
        """What a pod of each group adds to a tally"""
        self._of_shape: dict[int, Amounts] = {}
        self._speaks = intern.Memo(lambda shape: bool(self.amounts(cluster, shape)))
        """shape id -> whether its terms add anything: of many pods that come, most add nothing"""

    def weigh(self, cluster: table.Table, shape: shapes.Shape) -> Amounts:
        """What a pod of a shape adds by its terms."""
        raise NotImplementedError

    def amounts(self, cluster: table.Table, shape: int) -> Amounts:
        """As `weigh`, kept."""
        found = self._of_shape.get(shape)
        if found is None:
            found = self._of_shape[shape] = self.weigh(cluster, cluster.shapes[shape])
        return found

    def count(self, cluster: table.Table, labels: Mapping[str, str]) -> None:
        """Adds every pod there is. ``labels`` are the incoming pod's."""
        held = cluster.pods
        rows = held.rows[: held.size]
        groups = held.groups[: held.size]
        for tally, memo in self.by_group:
            tally.add_many(rows, memo.values(len(cluster.groups))[groups])
        live = held.shape_counts
        concerned = [shape for shape in held.terms.candidates(labels) if shape in live]
        self._count_shapes(cluster, concerned, rows, held.shapes[: held.size], np.int64(1))

    def _count_shapes(
        self,
        cluster: table.Table,
        concerned: Iterable[int],
        rows: np.ndarray,
        of_pods: np.ndarray,
        deltas: np.ndarray | np.int64,
    ) -> None:
        by_tally: dict[Tally, list[tuple[int, int]]] = {}
        for shape in concerned:
            for tally, amount in self.amounts(cluster, shape):
                by_tally.setdefault(tally, []).append((shape, amount))
        for tally, pairs in by_tally.items():
            values = np.zeros(len(cluster.shapes), np.int64)
            for shape, amount in pairs:
                values[shape] += amount
            tally.add_many(rows, values[of_pods] * deltas)

    def advance(self, cluster: table.Table, tail: log.Tail) -> bool:
        """Adds the pods that came and takes away those that went."""
        if len(tail) > FEW:
            self._advance_many(cluster, tail)
            return True
        for i in range(len(tail)):
            delta = tail.deltas.item(i)
            if not delta:
                continue
            row = tail.rows.item(i)
            if self.by_group:
                group = tail.groups.item(i)
                for tally, memo in self.by_group:
                    amount = memo[group]
                    if amount:
                        tally.add(row, amount * delta)
            for tally, amount in self.amounts(cluster, tail.shapes.item(i)):
                tally.add(row, amount * delta)
        return True

    def _advance_many(self, cluster: table.Table, tail: log.Tail) -> None:
        about = tail.deltas.nonzero()[0]
        rows, of_pods = tail.rows[about], tail.shapes[about]
        deltas = tail.deltas[about].astype(np.int64)
        for tally, memo in self.by_group:
            amounts = memo.values(len(cluster.groups))[tail.groups[about]] * deltas
            if amounts.any():
                tally.add_many(rows, amounts)
        speaking = self._speaks.values(len(cluster.shapes))[of_pods].nonzero()[0]
        if len(speaking):
            of_pods = of_pods[speaking]
            shapes_ = intern.distinct(of_pods).tolist()
            self._count_shapes(cluster, shapes_, rows[speaking], of_pods, deltas[speaking])
