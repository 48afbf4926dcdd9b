"""VolumeBinding: claims that are bound fit the node, and those that wait for the pod can be bound there.

Rules: framework/plugins/volumebinding/{volume_binding,binder}.go. Scoring belongs to the feature gate
StorageCapacityScoring, which is off: there is none. Where several volumes of one size would do,
kube-scheduler takes any of them; here it is the first.

What a pod takes is assumed at once, in the table's own objects: a newer version of one from outside
replaces what was assumed, and giving back touches only what is still as it was assumed.
"""

from __future__ import annotations

from typing import Any, ClassVar

from stowage.cluster import pods, table
from stowage.framework import events, interface, overlay, status
from stowage.framework.config import args as config
from stowage.plugins.volume_binding import ask, fit, hints, take

REASONS = {
    fit.NODE_CONFLICT: "node(s) didn't match PersistentVolume's node affinity",
    fit.BIND_CONFLICT: "node(s) didn't find available persistent volumes to bind",
    fit.NO_SPACE: "node(s) did not have enough free storage",
    fit.NO_VOLUME: "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
}


class VolumeBinding(
    interface.PreFilterPlugin,
    interface.FilterPlugin,
    interface.ScorePlugin,
    interface.ReservePlugin,
    interface.PreBindPlugin,
):
    """See the module."""

    name: ClassVar[str] = "VolumeBinding"
    fallible: ClassVar[bool] = True
    reads: ClassVar[frozenset[str]] = frozenset({"labels", "row_of", "live", "nodes", "storage"})

    def __init__(self, args: config.VolumeBindingArgs) -> None:
        """`bind_timeout_seconds` is the binding cycle's, which waits; nothing waits here."""

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """SKIP for a pod without claims; a claim that no node can serve refuses it."""
        asked = ask.of(pod.shape, cluster.storage)
        return asked if isinstance(asked, status.Status) else interface.PreFiltered(asked)

    def filter(
        self,
        state: ask.Asked | pods.Incoming,
        cluster: table.Table,
        rows: interface.Rows,
        change: overlay.Overlay | None,
    ) -> interface.Answer:
        """Bits of `REASONS`, or an error. Without PreFilter there is nothing to decide by."""
        if isinstance(state, pods.Incoming) or isinstance(rows, int):
            return fit.ERROR
        return fit.Fit(state, cluster, rows).codes

    def explain(self, state: ask.Asked | pods.Incoming, cluster: table.Table, code: int) -> status.Status:
        """One reason a bit."""
        if isinstance(state, pods.Incoming):
            return status.error("not found")
        if code >= fit.ERROR:
            return status.error(fit.errors(state)[code - fit.ERROR])
        return status.unresolvable(*(reason for bit, reason in REASONS.items() if code & bit))

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """Claims, volumes and classes, where they can be reached from, and room to provision in."""
        kinds, made = events.Resource, events.Action.ADD | events.Action.UPDATE
        return (
            events.on(kinds.STORAGE_CLASS, made, hints.after_class),
            events.on(kinds.PERSISTENT_VOLUME_CLAIM, made, hints.after_claim),
            events.on(kinds.PERSISTENT_VOLUME, made),
            events.on(kinds.NODE, events.Action.ADD | events.Action.UPDATE_NODE_LABEL),
            events.on(kinds.CSI_NODE, made, hints.after_csi_node),
            events.on(kinds.CSI_DRIVER, events.Action.UPDATE, hints.after_driver),
            events.on(kinds.CSI_STORAGE_CAPACITY, made, hints.after_capacity),
        )

    def pre_score(self, pod: pods.Incoming, cluster: table.Table) -> Any:
        """Nothing to score by."""
        return status.SKIP

    def score(self, state: Any, cluster: table.Table, rows: interface.Rows) -> interface.Answer:
        """Never asked."""
        return 0

    def reserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        """Takes the volumes for the pod's claims, and the node for those to be provisioned."""
        cluster = context.cluster
        asked = ask.of(pod.shape, cluster.storage)
        if isinstance(asked, status.Status):
            return None if asked is status.SKIP else asked
        changes = take.decide(asked, cluster, node)
        for change in changes:
            cluster.set(change.after)
        if changes:
            context.states.setdefault(self.name, {})[pod.uid] = changes
        return None

    def unreserve(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> None:
        """Gives back what is still as it was assumed."""
        for change in context.states.get(self.name, {}).pop(pod.uid, ()):
            if change.stands(context.cluster.storage):
                context.cluster.set(change.before)

    def has_work(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> bool:
        """Whether something was assumed."""
        return pod.uid in context.states.get(self.name, {})

    def pre_bind(self, pod: pods.Incoming, node: str, context: interface.BindContext) -> status.Status | None:
        """Writes what was assumed; the volume controller's part follows at once.

        What is written is no longer given back.
        """
        kept = context.states.get(self.name, {})
        changes: list[take.Assumed] = kept.get(pod.uid, [])
        while changes:
            failure = context.binder.patch(changes[0].after)
            if failure is not None:
                return failure
            for item in take.settled(changes.pop(0)):
                context.cluster.set(item)
        kept.pop(pod.uid, None)
        return None
