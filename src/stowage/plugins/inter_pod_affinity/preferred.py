"""The score's half: the weights of preferred terms, and of placed pods' required affinity."""

from __future__ import annotations

import numpy as np

from stowage.api import objects
from stowage.cluster import pods, shapes, table
from stowage.framework import interface
from stowage.plugins.inter_pod_affinity import tally


def has_own(spec: objects.PodSpec) -> bool:
    """Whether the pod has preferred terms."""
    if spec.affinity is None:
        return False
    halves = (spec.affinity.pod_affinity, spec.affinity.pod_anti_affinity)
    return any(half and half.preferred_during_scheduling_ignored_during_execution for half in halves)


class State(tally.Ledger):
    """Weights summed by topology key and domain."""

    __slots__ = ("_concern", "_hard_weight", "_tallies")

    def __init__(self, pod: pods.Incoming, cluster: table.Table, hard_weight: int) -> None:
        super().__init__(cluster)
        self._concern = tally.Concern(pod, cluster)
        self._hard_weight = hard_weight
        self._tallies: dict[str, tally.Tally] = {}
        shape = pod.shape
        near = [(self._concern.own(term), term.weight) for term in shape.preferred_affinity]
        apart = [(self._concern.own(term), -term.weight) for term in shape.preferred_anti_affinity]
        for key in dict.fromkeys(term.topology_key for term, _ in near + apart):
            memo = tally.weights(cluster, [pair for pair in near + apart if pair[0].topology_key == key])
            self.by_group.append((self._tally(cluster, key), memo))
        self.count(cluster, pod.labels)

    def _tally(self, cluster: table.Table, key: str) -> tally.Tally:
        found = self._tallies.get(key)
        if found is None:
            found = self._tallies[key] = tally.Tally(cluster, key, self.size)
        return found

    def weigh(self, cluster: table.Table, shape: shapes.Shape) -> tally.Amounts:
        """The weights of its terms that mean the pod."""
        hard = self._hard_weight
        weighted = [
            *((term, hard) for term in shape.required_affinity if hard > 0),
            *((term, term.weight) for term in shape.preferred_affinity),
            *((term, -term.weight) for term in shape.preferred_anti_affinity),
        ]
        return tuple(
            (self._tally(cluster, term.topology_key), weight)
            for term, weight in weighted
            if self._concern.means_pod(term)
        )

    @property
    def idle(self) -> bool:
        """Whether no term ever matched; as long as none did, all scores are 0."""
        return not self._tallies

    def score(self, rows: interface.Rows) -> interface.Answer:
        """int64[rows]: the sums of each row's domains; 0 where no term matches any pod."""
        total: interface.Answer = 0
        for each in self._tallies.values():
            at = each.at if isinstance(rows, np.ndarray) and len(rows) == len(each.at) else each.at[rows]
            total = total + each.counts.take(at)
        return total


def normalized(raw: np.ndarray) -> np.ndarray:
    """int64[n]: ``int(100 * ((raw - lowest) / span))`` in float64; by table where that is shorter."""
    if not len(raw):
        return raw
    least = int(raw.min())
    span = int(raw.max()) - least
    if span == 0:
        return np.zeros(len(raw), np.int64)
    above = raw - least
    if span < len(raw):
        return _share(np.arange(span + 1), span).take(above)
    return _share(above, span)


def _share(above: np.ndarray, span: int) -> np.ndarray:
    return (interface.MAX_SCORE * (above / span)).astype(np.int64)
