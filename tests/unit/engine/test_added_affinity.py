"""What a profile's added node affinity does not do."""

import json

from stowage.api import defaults
from stowage.engine import cycle
from stowage.framework import config, profile
from tests.builders import make_node, make_pod, make_table


def test_the_profiles_added_affinity_does_not_narrow_the_domains() -> None:
    """Zone b counts 0 pods though the profile keeps pods off it: in zone a 1 + 1 - 0 > maxSkew 1."""
    ssd = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    added = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [ssd]}}
    text = json.dumps(
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "profiles": [{"pluginConfig": [{"name": "NodeAffinity", "args": {"addedAffinity": added}}]}],
        }
    )
    cluster = make_table(
        make_node("a").zone("a").label("disk", "ssd"),
        make_node("b").zone("b").label("disk", "hdd"),
        make_pod("held").label(app="web").on("a"),
    )
    engine = cycle.Engine(cluster, [profile.Profile(each) for each in config.load(text).config.profiles])
    constraint = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    pod = make_pod("p").label(app="web").spec(topologySpreadConstraints=[constraint]).done()
    outcome = engine.schedule(cluster.project(defaults.default_pod(pod)))
    assert outcome.failure is not None
    assert outcome.failure.plugins == ("NodeAffinity", "PodTopologySpread")
