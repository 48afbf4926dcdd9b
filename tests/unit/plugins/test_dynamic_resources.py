"""DynamicResources without the allocation of devices: which pods it keeps out, and where."""

from typing import Any

import pytest

from stowage.api import objects
from stowage.engine import cycle
from stowage.framework import config, profile
from stowage.plugins import dynamic_resources
from tests.builders import PodBuilder, make_node, make_pod, make_table
from tests.unit.plugins import asking

PLUGIN = dynamic_resources.DynamicResources(None)
GPU = "example.com/gpu"
OWN = "deviceclass.resource.kubernetes.io/gpus"
REFUSED = f"UnschedulableAndUnresolvable: {dynamic_resources.UNSUPPORTED_CLASS}"


def device_class(name: str = "gpus", extended: str = GPU) -> objects.DeviceClass:
    return objects.DeviceClass(objects.ObjectMeta(name=name), objects.DeviceClassSpec(extended))


def asking_for(**amounts: str) -> PodBuilder:
    return make_pod("p").cpu("1").request(**amounts)


@pytest.mark.parametrize(
    ("asked", "reasons"),
    [
        pytest.param({GPU: "1"}, {"bare": REFUSED, "fitted": ""}, id="the-name-that-a-class-extends"),
        pytest.param({OWN: "1"}, {"bare": REFUSED, "fitted": REFUSED}, id="the-name-of-a-class"),
        pytest.param({OWN + "x": "1"}, {"bare": "", "fitted": ""}, id="the-name-of-no-class"),
        pytest.param({GPU: "0"}, {"bare": "", "fitted": ""}, id="none-of-it"),
        pytest.param({"other.com/x": "1"}, {"bare": "", "fitted": ""}, id="another-resource"),
        pytest.param({}, {"bare": "", "fitted": ""}, id="no-device"),
    ],
)
def test_what_devices_would_have_to_provide_is_refused(
    asked: dict[str, str], reasons: dict[str, str]
) -> None:
    nodes = [make_node("bare"), make_node("fitted").allocatable(**{GPU: "2"})]
    cluster = make_table(*nodes, device_class())
    assert asking.verdicts(PLUGIN, cluster, asking_for(**asked)) == reasons


IGNORING = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
  pluginConfig:
  - name: NodeResourcesFit
    args: {ignoredResources: [example.com/gpu]}
"""


def outcome(pod: PodBuilder, *items: Any, text: str = "") -> cycle.Outcome:
    written = config.load(text).config if text else config.default()
    engine = cycle.Engine(make_table(*items), [profile.Profile(written.profiles[0])])
    return engine.schedule(engine.cluster.project(pod.spec(schedulerName="default-scheduler").done()))


@pytest.mark.parametrize("text", ["", IGNORING], ids=["counted", "ignored"])
def test_the_sentence_says_what_is_not_supported(text: str) -> None:
    found = outcome(asking_for(**{GPU: "1"}), make_node("bare"), device_class(), text=text)
    assert found.failure is not None
    assert found.failure.sentence.startswith(
        f"0/1 nodes are available: 1 {dynamic_resources.UNSUPPORTED_CLASS}."
    )


def test_a_node_that_has_the_resource_itself_takes_the_pod() -> None:
    fitted = make_node("fitted").allocatable(**{GPU: "1"})
    pod = asking_for(**{GPU: "1"})
    assert outcome(pod, make_node("bare"), fitted, device_class()).node == "fitted"
    full = outcome(pod, fitted, make_pod("old").request(**{GPU: "1"}).on("fitted"), device_class())
    assert full.failure is not None
    assert "1 Insufficient example.com/gpu." in full.failure.sentence


def test_a_class_that_comes_or_goes_counts_at_once() -> None:
    cluster = make_table(make_node("bare"))
    assert asking.verdicts(PLUGIN, cluster, asking_for(**{GPU: "1"})) == {"bare": ""}
    cluster.set(device_class())
    assert asking.verdicts(PLUGIN, cluster, asking_for(**{GPU: "1"})) == {"bare": REFUSED}
    cluster.set(device_class(extended="other.com/x"))
    assert asking.verdicts(PLUGIN, cluster, asking_for(**{GPU: "1"})) == {"bare": ""}
    cluster.remove(device_class())
    assert asking.verdicts(PLUGIN, cluster, asking_for(**{OWN: "1"})) == {"bare": ""}
