"""Which pending pod is nominated to which node; the engine counts them there.

Rules: kube-scheduler's backend/queue/nominator.go. They are kept where the engine looks, in the
table, whose `set_pod` must not be told of a pending pod beside this.
"""

from __future__ import annotations

from stowage.cluster import pods, table


class Nominator:
    """Writes the table's nominations."""

    def __init__(self, cluster: table.Table) -> None:
        self._nominations = cluster.nominations

    def add(self, pod: pods.Incoming, node: str | None = None) -> None:
        """Nominates a pod to a node (empty: to none), or to what its status says."""
        self.discard(pod)
        name = pod.nominated if node is None else node
        if name:
            self._nominations[pod.uid] = (pod, name)

    def update(self, old: pods.Incoming, new: pods.Incoming) -> None:
        """Takes over a pod's newer version; one that has not heard of its nomination keeps it."""
        kept = self._nominations.get(old.uid)
        self.discard(old)
        unheard = kept is not None and not old.nominated and not new.nominated
        self.add(new, kept[1] if kept and unheard else None)

    def discard(self, pod: pods.Incoming) -> None:
        """Ends a pod's nomination; one that has none is no error."""
        self._nominations.pop(pod.uid, None)
