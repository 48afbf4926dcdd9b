"""Which pods and nodes that come, change or go may help a pod that its neighbours kept out."""

from __future__ import annotations

from stowage.api import objects
from stowage.cluster import pods, table, terms
from stowage.framework import events


def after_pod(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """A pod that is wanted near comes, one that is not wanted goes, or one turns from the one into the other.

    The pod's own new labels may be such as others do not mind. Unlike kube-scheduler, which sees no
    namespace labels here, a term's namespace selector counts.
    """
    old: pods.Incoming | None = change.old
    new: pods.Incoming | None = change.new
    if old is not None and change.updates(pod):
        return True
    if any(each is not None and not events.holds_node(each) for each in (old, new)):
        return False
    near, apart = pod.shape.required_affinity, pod.shape.required_anti_affinity
    if new is None:
        assert old is not None
        return _all_mean(apart, old, cluster) or _all_mean(old.shape.required_anti_affinity, pod, cluster)
    if old is None:
        return _all_mean(near, new, cluster)
    return (not _all_mean(near, old, cluster) and _all_mean(near, new, cluster)) or (
        _all_mean(apart, old, cluster) and not _all_mean(apart, new, cluster)
    )


def _all_mean(wanted: tuple[terms.Term, ...], pod: pods.Incoming, cluster: table.Table) -> bool:
    labels = cluster.namespaces.get(pod.namespace, {})
    return bool(wanted) and all(term.matches(pod.namespace, pod.labels, labels) for term in wanted)


def after_node(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """New, or in another domain, of a key that counts; out of all domains for one that keeps pods apart."""
    new: dict[str, str] = change.new.metadata.labels
    near = {term.topology_key for term in pod.shape.required_affinity}
    apart = {term.topology_key for term in pod.shape.required_anti_affinity}
    node: objects.Node | None = change.old
    if node is None:
        return bool(apart) or any(key in new for key in near)
    old = node.metadata.labels
    return any(key in new and old.get(key) != new[key] for key in near) or any(
        key in old and old[key] != new.get(key) for key in apart
    )
