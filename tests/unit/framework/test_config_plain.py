"""A configuration as /configz shows it; that it is kube-scheduler's own, a test beside the real one says."""

import json

import pytest

from stowage.framework import config
from stowage.framework.config import plain

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0s"),
        (1e-9, "1ns"),
        (1.5e-6, "1.5µs"),
        (0.25, "250ms"),
        (1.5, "1.5s"),
        (60, "1m0s"),
        (5400.5, "1h30m0.5s"),
        (-90, "-1m30s"),
    ],
    ids=str,
)
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    assert plain.duration(seconds) == text


def test_defaults_are_filled_in_and_what_is_empty_is_left_out() -> None:
    shown = plain.plain(config.default())
    assert shown["leaderElection"]["leaseDuration"] == "15s"
    assert shown["clientConnection"]["acceptContentTypes"] == ""
    assert "extenders" not in shown
    profile = shown["profiles"][0]
    assert "percentageOfNodesToScore" not in profile
    assert profile["plugins"]["score"] == {}
    assert {"name": "TaintToleration", "weight": 3} in profile["plugins"]["multiPoint"]["enabled"]
    arguments = {each["name"]: each["args"] for each in profile["pluginConfig"]}
    assert arguments["NodeAffinity"] == {
        "kind": "NodeAffinityArgs",
        "apiVersion": "kubescheduler.config.k8s.io/v1",
    }
    assert arguments["InterPodAffinity"]["ignorePreferredTermsOfExistingPods"] is False


def test_what_is_shown_loads_to_the_same() -> None:
    plugins = "{score: {disabled: [{name: '*'}]}}"
    text = f"{HEAD}profiles: [{{percentageOfNodesToScore: 0, plugins: {plugins}}}]\n"
    written = config.load(text).config
    again = config.load(json.dumps(plain.plain(written))).config
    assert again.profiles[0].plugins == written.profiles[0].plugins
    assert again.profiles[0].percentage_of_nodes_to_score == 0


def test_an_extenders_key_is_not_shown() -> None:
    tls = "{certData: YQ==, keyData: c2VjcmV0, insecure: false}"
    written = config.load(f"{HEAD}extenders: [{{urlPrefix: 'https://a', tlsConfig: {tls}}}]\n").config
    assert plain.plain(written)["extenders"] == [
        {"urlPrefix": "https://a", "httpTimeout": "5s", "tlsConfig": {"certData": "YQ=="}}
    ]
    assert plain.plain(written, secrets=True)["extenders"][0]["tlsConfig"]["keyData"] == "c2VjcmV0"
