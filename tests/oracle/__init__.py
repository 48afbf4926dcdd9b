"""The slow oracle: kube-scheduler 1.36.2's rules as plain Python, one node at a time.

It exists to be read beside the Go source and to check the engine, so it shares nothing with the package it
checks and keeps nothing between two pods. `answer` takes a scenario of the conformance format; tests that
change a cluster step by step use `Cluster` and `Scheduler`.
"""

from tests.oracle.cluster import Cluster, NodeInfo
from tests.oracle.objects import Node, Pod
from tests.oracle.scenario import Scheduler, answer

__all__ = ["Cluster", "Node", "NodeInfo", "Pod", "Scheduler", "answer"]
