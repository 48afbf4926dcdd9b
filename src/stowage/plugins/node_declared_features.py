"""NodeDeclaredFeatures: a pod that needs a kubelet's feature goes only where a node declares it.

Rules: framework/plugins/nodedeclaredfeatures/nodedeclaredfeatures.go, and component-helpers'
nodedeclaredfeatures for what needs which feature: of 1.36's five, two bear on scheduling (the others
on updates of running pods, or on nothing), and neither has a version from which all nodes have it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from stowage.api import objects
from stowage.cluster import pods, table
from stowage.framework import events, interface, overlay, status

REASON = "node(s) didn't match Pod's required features"

RESTART_ALL_CONTAINERS = "RestartAllContainersOnContainerExits"
USER_NAMESPACES_HOST_NETWORK = "UserNamespacesHostNetworkSupport"

State = frozenset[str]
"""The features that a pod needs."""


class NodeDeclaredFeatures(interface.PreFilterPlugin, interface.FilterPlugin):
    """See the module."""

    name: ClassVar[str] = "NodeDeclaredFeatures"
    missing_state: ClassVar[str] = 'error reading "PreFilterNodeDeclaredFeatures" from cycle-state: not found'
    reads: ClassVar[frozenset[str]] = frozenset({"features"})

    def pre_filter(self, pod: pods.Incoming, cluster: table.Table) -> interface.PreFiltered | status.Status:
        """SKIP for a pod that needs none."""
        needed = needs(pod.spec)
        return interface.PreFiltered(needed) if needed else status.SKIP

    def filter(
        self, state: State, cluster: table.Table, rows: interface.Rows, change: overlay.Overlay | None
    ) -> interface.Answer:
        """1 where the node does not declare all of them."""
        lacking = np.array(
            [not all(declares(each, name) for name in state) for each in cluster.features.sets]
        )
        answer: interface.Answer = lacking[cluster.features.ids[: cluster.size][rows]].astype(np.int64)
        return answer

    def explain(self, state: State, cluster: table.Table, code: int) -> status.Status:
        """The one reason there is."""
        return status.unresolvable(REASON)

    def events_to_register(self) -> tuple[events.Registration, ...]:
        """What a node declares, or what the pod itself needs."""
        node = events.Action.ADD | events.Action.UPDATE_NODE_DECLARED_FEATURE
        return (
            events.on(events.Resource.NODE, node, after_node),
            events.on(events.Resource.POD, events.Action.UPDATE, after_pod),
        )


def after_node(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """New, or it declares other features."""
    old: objects.Node | None = change.old
    return old is None or old.status.declared_features != change.new.status.declared_features


def after_pod(pod: pods.Incoming, change: events.Change, cluster: table.Table) -> bool:
    """The pod itself, which needs other features now."""
    return change.updates(pod) and needs(change.old.spec) != needs(change.new.spec)


def needs(spec: objects.PodSpec) -> State:
    """The features that a node must declare to run the pod."""
    found = set()
    containers = (*spec.containers, *spec.init_containers)
    if any(
        rule.action == "RestartAllContainers" for each in containers for rule in each.restart_policy_rules
    ):
        found.add(RESTART_ALL_CONTAINERS)
    if spec.host_network and spec.host_users is False:
        found.add(USER_NAMESPACES_HOST_NETWORK)
    return frozenset(found)


def declares(features: tuple[str, ...], name: str) -> bool:
    """Whether a list of features holds one, as kube-scheduler looks: it takes the list to be sorted, and
    reads past ``name`` at the first that is greater (featureset.go). No API server keeps another list.
    """
    return name in features and all(each < name for each in features[: features.index(name)])
