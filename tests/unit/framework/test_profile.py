"""A profile at work: the default one in kube-scheduler's order, one instance a plugin."""

from stowage.framework import config, profile


def default() -> profile.Profile:
    return profile.Profile(config.default().profiles[0])


def test_the_default_filters_come_in_kube_schedulers_order() -> None:
    names = [plugin.name for plugin in default().filter]
    known = [
        *("NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts"),
        *("NodeResourcesFit", "VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone"),
        *("PodTopologySpread", "InterPodAffinity", "NodeDeclaredFeatures"),
    ]
    assert [name for name in names if name in known] == known


def test_the_default_weights_are_three_for_taints_two_for_neighbours_and_one_for_the_rest() -> None:
    weights = default().weights
    assert {name: weight for name, weight in weights.items() if weight > 1} == {
        "TaintToleration": 3,
        "NodeAffinity": 2,
        "PodTopologySpread": 2,
        "InterPodAffinity": 2,
        **({"DynamicResources": 2} if "DynamicResources" in weights else {}),
    }
    assert weights["NodeResourcesFit"] == weights["NodeResourcesBalancedAllocation"] == 1
    assert weights["ImageLocality"] == 1


def test_a_plugin_at_several_points_is_one_instance() -> None:
    chain = default()
    at = {
        point: next(plugin for plugin in getattr(chain, point) if plugin.name == "NodeResourcesFit")
        for point in ("pre_filter", "filter", "score")
    }
    assert at["pre_filter"] is at["filter"] is at["score"]


def test_what_is_not_here_yet_is_left_out() -> None:
    chain = default()
    listed = {plugin.name for point in ("pre_filter", "filter", "score") for plugin in getattr(chain, point)}
    assert not listed & profile.UNSUPPORTED
