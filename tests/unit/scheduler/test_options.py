"""What flags and a configuration file amount to."""

from pathlib import Path

import pytest

from stowage.framework import config
from stowage.scheduler import flags, options

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"


def flags_warned_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [getattr(record, "flag", "") for record in caplog.records]


def file(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(HEAD + text)
    return path


def test_without_anything_it_is_the_default() -> None:
    assert options.configuration(options.Options()) == config.default()


def test_flags_win_over_the_file_and_say_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = file(
        tmp_path,
        "leaderElection: {leaderElect: true, leaseDuration: 30s}\n"
        "clientConnection: {kubeconfig: a, qps: 20}\n",
    )
    written = options.configuration(
        options.Options(
            config=path,
            kubeconfig="b",
            leader_elect=False,
            kube_api_qps=20.0,
            leader_elect_lease_duration=60.0,
        )
    )
    assert (written.client_connection.kubeconfig, written.client_connection.qps) == ("b", 20.0)
    assert (written.leader_election.leader_elect, written.leader_election.lease_duration) == (False, 60.0)
    assert flags_warned_of(caplog) == ["--kubeconfig", "--leader-elect", "--leader-elect-lease-duration"]


def test_without_a_file_there_is_nothing_to_win_over(caplog: pytest.LogCaptureFixture) -> None:
    written = options.configuration(options.Options(kubeconfig="b", leader_elect_resource_name="mine"))
    assert written.leader_election.resource_name == "mine"
    assert caplog.records == []


def test_a_file_that_says_nothing_of_a_kubeconfig_loses_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written = options.configuration(options.Options(config=file(tmp_path, ""), kubeconfig="b"))
    assert written.client_connection.kubeconfig == "b"
    assert caplog.records == []


def test_dead_flags_are_accepted_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    given = options.Options(without_effect=tuple(flags.WITHOUT_EFFECT))
    assert options.configuration(given) == config.default()
    assert flags_warned_of(caplog) == [f"--{name}" for name in flags.WITHOUT_EFFECT]
    assert flags.WITHOUT_EFFECT.keys() >= flags.SWITCHES


def test_what_flags_make_of_it_is_checked() -> None:
    with pytest.raises(config.ConfigError, match=r"leaderElection\.leaseDuration"):
        options.configuration(options.Options(leader_elect_lease_duration=5.0))
    with pytest.raises(config.ConfigError, match="resourceLock"):
        options.configuration(options.Options(leader_elect_resource_lock="endpoints"))


def test_a_benevolent_reading_is_an_error_if_strict(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = file(tmp_path, "profiles: [{plugins: {filter: {enabled: [{name: NodePreferAvoidPods}]}}}]\n")
    options.configuration(options.Options(config=path))
    assert "NodePreferAvoidPods" in caplog.records[0].__dict__["warning"]
    with pytest.raises(config.ConfigError, match="NodePreferAvoidPods"):
        options.configuration(options.Options(config=path, strict=True))
