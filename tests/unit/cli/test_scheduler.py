"""`stowage scheduler`: what it is asked, and what it refuses."""

import json
import logging
from pathlib import Path

import pytest
from typer import testing

from stowage.cli import main, scheduler

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"


@pytest.fixture(autouse=True)
def _root_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sets logging up for a whole process."""
    monkeypatch.setattr(scheduler, "_log", lambda level: None)


def refusal(*args: str) -> str:
    result = testing.CliRunner().invoke(main.app, ["scheduler", *args])
    assert result.exit_code == 2, result.output
    return result.output


def test_a_kubeconfig_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    said = refusal("--kubeconfig", str(tmp_path / "none"), "--leader-elect=false")
    assert said.startswith("stowage scheduler: ")
    assert said.endswith("there is no such file\n")


def test_without_a_kubeconfig_it_is_a_pod_of_the_cluster() -> None:
    assert "in-cluster credentials" in refusal()


def test_extenders_are_refused_rather_than_left_out(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"{HEAD}extenders: [{{urlPrefix: 'http://127.0.0.1:1', filterVerb: filter}}]\n")
    assert "not supported yet" in refusal("--config", str(path))


def test_a_configuration_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"{HEAD}parallelism: -1\n")
    assert "parallelism" in refusal("--config", str(path))


def test_flags_win_over_the_file_and_say_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"{HEAD}leaderElection: {{leaderElect: true}}\nclientConnection: {{kubeconfig: a}}\n")
    written = scheduler._configuration(path, "b", False)
    assert (written.client_connection.kubeconfig, written.leader_election.leader_elect) == ("b", False)
    flags = [getattr(record, "flag", "") for record in caplog.records]
    assert flags == ["--kubeconfig", "--leader-elect"]


def test_a_log_line_is_json_with_fields_of_its_own() -> None:
    record = logging.makeLogRecord(
        {"name": "stowage.x", "msg": "Pod bound", "levelname": "INFO", "pod": "a/b"}
    )
    line = json.loads(scheduler._Lines().format(record))
    assert (line["msg"], line["level"], line["pod"]) == ("Pod bound", "info", "a/b")
