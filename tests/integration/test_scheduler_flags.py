"""Our flags beside those that the real kube-scheduler lists and writes."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer import main as typer_main
from typer import testing

from stowage.cli import main
from stowage.scheduler import flags
from stowage.serving import certificates
from tests import reference_bin

pytestmark = pytest.mark.reference

OF_OLD = {"logtostderr", "percentage-of-nodes-to-score", "port"}
"""What the real one takes no more."""

OURS = {"low-memory", "strict"}
"""What it never took."""

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: c, context: {cluster: c, user: c}}]
users: [{name: c, user: {token: t}}]
current-context: c
"""

CONFIG = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: KUBECONFIG, qps: 12.5}
podMaxBackoffSeconds: 20
extenders:
- {urlPrefix: "https://127.0.0.1:1/a", filterVerb: filter, tlsConfig: {certData: CERT, keyData: KEY}}
profiles:
- schedulerName: mine
  percentageOfNodesToScore: 50
  plugins: {score: {disabled: [{name: ImageLocality}], enabled: [{name: TaintToleration, weight: 7}]}}
"""


def listed() -> dict[str, str]:
    """Flag -> what `kube-scheduler --help` says of it."""
    command: list[str | Path] = [reference_bin.require("kube-scheduler"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return dict(re.findall(r"^ +(?:-\w, )?--([a-z0-9-]+)(.*)$", done.stdout, re.MULTILINE))


def taken() -> set[str]:
    """The flags of our command."""
    group: Any = typer_main.get_command(main.app)
    params = group.commands["scheduler"].params
    return {option.removeprefix("--") for each in params for option in each.opts if option[:2] == "--"}


def test_each_flag_of_the_real_scheduler_is_ours_or_named_as_without_effect() -> None:
    theirs, ours, dead = listed().keys(), taken(), flags.WITHOUT_EFFECT.keys()
    assert len(theirs) > 60
    assert theirs - ours - dead == {"help"}
    assert dead - theirs == OF_OLD
    assert ours - theirs == OURS | {"without-effect"}
    assert not ours & dead


def test_switches_are_those_of_the_real_scheduler() -> None:
    # A flag that needs a value has its type a space behind its name.
    switches = {name for name, said in listed().items() if said.startswith("  ")}
    assert switches & flags.WITHOUT_EFFECT.keys() == flags.SWITCHES - OF_OLD


def test_the_configuration_is_written_as_the_real_scheduler_writes_it(tmp_path: Path) -> None:
    kubeconfig, config = tmp_path / "kubeconfig", tmp_path / "config.yaml"
    kubeconfig.write_text(KUBECONFIG)
    key, certificate = (base64.b64encode(each).decode() for each in certificates.self_signed("127.0.0.1"))
    text = CONFIG.replace("KUBECONFIG", str(kubeconfig)).replace("CERT", certificate).replace("KEY", key)
    config.write_text(text)
    # Where no profile is the default-scheduler our Lease has a name of its own.
    words = [f"--config={config}", "--leader-elect-lease-duration=1m30s", "--leader-elect-resource-name=a"]
    program = reference_bin.require("kube-scheduler")
    theirs, ours = tmp_path / "theirs.yaml", tmp_path / "ours.yaml"
    command: list[str | Path] = [program, *words, "--write-config-to", theirs]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    done = testing.CliRunner().invoke(main.app, ["scheduler", *words, "--write-config-to", str(ours)])
    assert done.exit_code == 0, done.output
    assert yaml.safe_load(ours.read_text()) == yaml.safe_load(theirs.read_text())
