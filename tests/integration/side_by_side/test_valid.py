"""What is mended of objects that no API server takes, and what stays as it is."""

from typing import Any

import pytest

from tests.fuzz.world import Json
from tests.integration.side_by_side import valid


def sent(kind: str, **spec: Any) -> Json:
    """The spec that is sent."""
    item = {"kind": kind, "metadata": {"name": "x", "uid": "u"}, "spec": spec, "status": {}}
    made = valid.body(item, {"old": "new"})
    assert made["metadata"] == {"name": "x"}
    found: Json = made["spec"]
    return found


def test_of_taints_with_the_same_key_and_effect_the_first_stays() -> None:
    first, other = {"key": "k", "effect": "NoSchedule"}, {"key": "k", "effect": "NoExecute"}
    again = {**first, "value": "v"}
    assert sent("Node", taints=[first, other, again])["taints"] == [first, other]


def test_of_equal_ports_the_first_stays() -> None:
    first, udp = {"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}
    again = {"hostPort": 80, "protocol": "TCP", "name": "again"}
    made = sent("Pod", containers=[{"name": "c", "ports": [first, udp, again]}])
    assert made["containers"][0]["ports"] == [first, udp]


@pytest.mark.parametrize("field", ["podAffinity", "podAntiAffinity"])
def test_a_selector_loses_what_the_server_puts_into_it(field: str) -> None:
    merged = {"key": "rev", "operator": "In", "values": ["1"]}
    own = {"key": "tier", "operator": "Exists"}
    selector = {"matchLabels": {"app": "a", "rev": "1"}, "matchExpressions": [merged, own]}
    term = {"labelSelector": selector, "matchLabelKeys": ["rev"]}
    (made,) = sent("Pod", affinity={field: {"required": [term]}})["affinity"][field]["required"]
    assert made["labelSelector"] == {"matchLabels": {"app": "a"}, "matchExpressions": [own]}


def test_a_selector_without_keys_stays() -> None:
    constraint = {"labelSelector": {"matchLabels": {"app": "a"}}}
    assert sent("Pod", topologySpreadConstraints=[constraint])["topologySpreadConstraints"] == [constraint]


def test_a_controller_gets_a_template_that_it_selects() -> None:
    some = [
        {"key": "b", "operator": "In", "values": ["2", "3"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    made = sent("ReplicaSet", selector={"matchLabels": {"a": "1"}, "matchExpressions": some})
    assert made["template"]["metadata"]["labels"] == {"a": "1", "b": "2", "c": ""}


def test_a_local_volume_that_may_be_anywhere_is_one_of_a_host() -> None:
    assert sent("PersistentVolume", local={"path": "/p"}) == {"hostPath": {"path": "/p"}}
    bound = {"local": {"path": "/p"}, "nodeAffinity": {}}
    assert sent("PersistentVolume", **bound) == bound


def test_a_volume_is_for_the_claim_as_the_server_calls_it() -> None:
    assert sent("PersistentVolume", claimRef={"uid": "old"}) == {"claimRef": {"uid": "new"}}
