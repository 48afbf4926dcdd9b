"""Which pods and nodes that come, change or go may help a pod that the skew kept out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stowage.api import objects, selectors
from stowage.cluster import pods
from stowage.framework import events
from stowage.plugins.pod_topology_spread import constraints


def after_pod(pod: pods.Incoming, change: events.Change, hard: Sequence[constraints.Constraint]) -> bool:
    """One that a constraint counts comes or goes, or turns into one; the pod's own new toleration, where
    taints keep nodes from counting.
    """
    old: pods.Incoming | None = change.old
    new: pods.Incoming | None = change.new
    if any(each is not None and not _involved(each, pod) for each in (old, new)):
        return False
    if old is not None and new is not None:
        more = new.uid == pod.uid and old.spec.tolerations != new.spec.tolerations
        if more and any(constraint.honors_taints for constraint in hard):
            return True
        return any(
            selectors.matches(constraint.selector, old.labels)
            != selectors.matches(constraint.selector, new.labels)
            for constraint in hard
        )
    one = old if new is None else new
    assert one is not None
    return any(selectors.matches(constraint.selector, one.labels) for constraint in hard)


def _involved(other: pods.Incoming, pod: pods.Incoming) -> bool:
    if other.uid == pod.uid:
        return True
    return events.holds_node(other) and other.namespace == pod.namespace


def after_node(change: events.Change, hard: Sequence[constraints.Constraint]) -> bool:
    """One with all the keys comes, goes, gains or loses one, or changes its domain or its taints."""
    old: objects.Node | None = change.old
    new: objects.Node | None = change.new
    was = old is not None and _has_keys(old.metadata.labels, hard)
    now = new is not None and _has_keys(new.metadata.labels, hard)
    if old is None or new is None:
        return was or now
    if was != now:
        return True
    moved = any(
        old.metadata.labels.get(each.key, "") != new.metadata.labels.get(each.key, "") for each in hard
    )
    return now and (moved or old.spec.taints != new.spec.taints)


def _has_keys(labels: Mapping[str, str], hard: Sequence[constraints.Constraint]) -> bool:
    return all(constraint.key in labels for constraint in hard)
