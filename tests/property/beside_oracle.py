"""One plugin and its oracle, on the same objects: the table's answers beside the plain per-node ones."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import numpy as np

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.framework import interface, overlay, status
from tests.oracle import cluster as oracle_cluster
from tests.oracle import framework as oracle_framework
from tests.oracle import objects as oracle_objects

Object = dict[str, Any]
Verdict = tuple[str, frozenset[str]]
PASSES: Verdict = ("Success", frozenset())

KINDS: dict[str, tuple[str, type[objects.Object]]] = {
    "Node": ("v1", objects.Node),
    "Pod": ("v1", objects.Pod),
    "Namespace": ("v1", objects.Namespace),
    "Service": ("v1", objects.Service),
    "ReplicationController": ("v1", objects.ReplicationController),
    "ReplicaSet": ("apps/v1", objects.ReplicaSet),
    "StatefulSet": ("apps/v1", objects.StatefulSet),
}


class Domain(interface.PreFilterPlugin, interface.FilterPlugin, interface.ScorePlugin):
    """The shape of the plugins compared here."""

    def normalize(self, state: Any, raw: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Beside:
    """A table and the oracle's cluster that hold the same."""

    def __init__(self, parts: list[Object]) -> None:
        self.cluster = table.Table()
        self.oracle = oracle_cluster.Cluster()
        for raw in parts:
            self.put(raw)

    def put(self, raw: Object) -> None:
        version, kind = KINDS[raw["kind"]]
        self.cluster.set(msgspec.convert(raw, kind))
        self.oracle.put({**raw, "apiVersion": version})

    def drop(self, raw: Object) -> None:
        """Takes away a pod."""
        self.cluster.remove_pod(raw["metadata"]["uid"])
        self.oracle.remove_pod(raw["metadata"]["namespace"], raw["metadata"]["name"])

    def incoming(self, raw: Object) -> pods.Incoming:
        return self.cluster.project(msgspec.convert(raw, objects.Pod))


class Pair:
    """A plugin and its oracle, asked about one pod."""

    def __init__(
        self, beside: Beside, plugin: interface.Plugin, oracle: oracle_framework.Plugin, raw: Object
    ) -> None:
        self.beside = beside
        self.plugin = cast(Domain, plugin)
        self.oracle = oracle
        self.pod = beside.incoming(raw)
        self.other = oracle_objects.Pod(raw)
        self.before_filter = self.plugin.pre_filter(self.pod, beside.cluster)
        self.before_score = self.plugin.pre_score(self.pod, beside.cluster)

    def advance(self, cursor: int) -> None:
        """Tells the states what happened since the cursor."""
        cluster = self.beside.cluster
        tail = cluster.log.since(cursor)
        assert tail is not None
        states = [self.before_score]
        if isinstance(self.before_filter, interface.PreFiltered):
            states.append(self.before_filter.state)
        for state in states:
            if not isinstance(state, status.Status):
                assert state.advance(cluster, tail)

    def _verdict(self, code: int) -> Verdict:
        assert isinstance(self.before_filter, interface.PreFiltered)
        if code == 0:
            return PASSES
        said = self.plugin.explain(self.before_filter.state, self.beside.cluster, code)
        return said.code.label, frozenset(said.reasons)

    def verdicts(self) -> dict[str, Verdict]:
        """Node -> what the plugin says; a skipped filter passes all."""
        cluster = self.beside.cluster
        names = {name: row for name, row in cluster.row_of.items() if cluster.live[row]}
        if isinstance(self.before_filter, status.Status):
            assert self.before_filter.code is status.Code.SKIP
            return dict.fromkeys(names, PASSES)
        answer = self.plugin.filter(self.before_filter.state, cluster, slice(0, cluster.size), None)
        codes = np.broadcast_to(answer, (cluster.size,))
        return {name: self._verdict(int(codes[row])) for name, row in names.items()}

    def expected(self) -> dict[str, Verdict]:
        """Node -> what the oracle says."""
        state = oracle_framework.CycleState()
        _, said = self.oracle.pre_filter(state, self.other)
        if said is not None:
            assert said.code == oracle_framework.SKIP
            return {info.name: PASSES for info in self.beside.oracle.nodes}
        return {info.name: self._expected(state, info) for info in self.beside.oracle.nodes}

    def _expected(self, state: oracle_framework.CycleState, info: oracle_cluster.NodeInfo) -> Verdict:
        said = self.oracle.filter(state, self.other, info)
        return PASSES if said is None else (said.code, frozenset(said.reasons))

    def imagined(self, moves: list[tuple[Object, str, int]]) -> dict[str, Verdict]:
        """Node -> what the plugin says with the (pod, node, sign) moves of that node made."""
        if isinstance(self.before_filter, status.Status):
            return {node: PASSES for _, node, _ in moves}
        cluster = self.beside.cluster
        placed = [(self.beside.incoming(raw), cluster.row_of[node], sign) for raw, node, sign in moves]
        placed.sort(key=lambda each: each[1])
        change = overlay.of_pods([(pod, row) for pod, row, _ in placed], 1)
        change.sign = np.array([sign for _, _, sign in placed], np.int64)
        answer = self.plugin.filter(self.before_filter.state, cluster, change.rows, change)
        codes = np.broadcast_to(answer, (len(change.rows),))
        found = zip(change.rows.tolist(), codes.tolist(), strict=True)
        return {cluster.names[row]: self._verdict(code) for row, code in found}

    def expected_imagined(self, moves: list[tuple[Object, str, int]]) -> dict[str, Verdict]:
        """Node -> what the oracle says on a clone of its state with the node's moves made."""
        state = oracle_framework.CycleState()
        _, said = self.oracle.pre_filter(state, self.other)
        out = {}
        for node in {node for _, node, _ in moves}:
            info = self.beside.oracle.node(node)
            assert info is not None
            clone = state.clone()
            for raw, at, sign in moves:
                if at == node and said is None:
                    self.oracle.count_pod(clone, self.other, oracle_objects.Pod(raw), info, sign)
            out[node] = PASSES if said is not None else self._expected(clone, info)
        return out

    def scores(self, nodes: list[str]) -> dict[str, int]:
        """Node -> normalised score among these feasible ones; a skipped score is 0."""
        if isinstance(self.before_score, status.Status):
            assert self.before_score.code is status.Code.SKIP
            return dict.fromkeys(nodes, 0)
        cluster = self.beside.cluster
        rows = cluster.rows(nodes)
        answer = self.plugin.score(self.before_score, cluster, rows)
        raw = np.full(len(rows), answer, np.int64) if np.ndim(answer) == 0 else np.asarray(answer)
        final = self.plugin.normalize(self.before_score, raw)
        return {cluster.names[row]: score for row, score in zip(rows.tolist(), final.tolist(), strict=True)}

    def expected_scores(self, nodes: list[str]) -> dict[str, int]:
        """Node -> the oracle's normalised score."""
        state = oracle_framework.CycleState()
        infos = [info for info in self.beside.oracle.nodes if info.name in nodes]
        said = self.oracle.pre_score(state, self.other, infos)
        if said is not None:
            assert said.code == oracle_framework.SKIP
            return dict.fromkeys(nodes, 0)
        return self.oracle.normalize(
            state, {info.name: self.oracle.score(state, self.other, info) for info in infos}
        )
