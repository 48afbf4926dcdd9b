"""`stowage scheduler`: what it is asked, and what it refuses."""

import logging
import socket
from pathlib import Path
from typing import Any

import pytest
from typer import testing

from stowage.cli import main
from stowage.framework import config
from stowage.scheduler import logs, options
from stowage.scheduler import main as process

HEAD = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: c, context: {cluster: c, user: c}}]
users: [{name: c, user: {token: very-secret}}]
current-context: c
"""


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sets logging up for a whole process; and no test runs in a cluster."""
    monkeypatch.setattr(logs, "set_up", lambda: None)
    monkeypatch.setattr(logging.getLogger("stowage"), "level", logging.NOTSET)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return str(path)


def refusal(*args: str) -> str:
    result = testing.CliRunner().invoke(main.app, ["scheduler", *args])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return result.output


def asked(monkeypatch: pytest.MonkeyPatch, *args: str) -> options.Options:
    """The options that flags amount to."""
    found: list[options.Options] = []

    async def run(given: options.Options) -> None:
        found.append(given)

    monkeypatch.setattr(process, "run", run)
    result = testing.CliRunner().invoke(main.app, ["scheduler", *args])
    assert result.exit_code == 0, result.output
    return found[0]


def test_without_flags_all_is_as_kube_scheduler_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch) == options.Options()


@pytest.mark.parametrize(
    "flags, expected",
    [
        (["--leader-elect=false"], {"leader_elect": False}),
        (["--leader-elect=T"], {"leader_elect": True}),
        (["--leader-elect"], {"leader_elect": True}),
        (["--leader-elect-lease-duration=1m30s"], {"leader_elect_lease_duration": 90.0}),
        (["--leader-elect-retry-period", "500ms"], {"leader_elect_retry_period": 0.5}),
        (["-v=2"], {"v": 2}),
        (["-v", "3"], {"v": 3}),
        (["--v=4", "--vmodule=driver=2,leases=4"], {"v": 4, "vmodule": "driver=2,leases=4"}),
        (
            ["--profiling=false", "--logtostderr", "--feature-gates=A=true", "--cert-dir", "--x", "-v=1"],
            {"without_effect": ("profiling", "logtostderr", "feature-gates", "cert-dir"), "v": 1},
        ),
        (["--kube-api-qps=100", "--kube-api-burst=200"], {"kube_api_qps": 100.0, "kube_api_burst": 200}),
        (["--authorization-always-allow-paths=/a,/b"], {"authorization_always_allow_paths": ("/a", "/b")}),
        (["--port=0", "--port", "1"], {"without_effect": ("port", "port")}),
        (["--master=https://a:1"], {"master": "https://a:1"}),
        (["--write-config-to=a"], {"write_config_to": Path("a")}),
        (["--tls-min-version=VersionTLS13"], {"tls_min_version": "VersionTLS13"}),
        (["--tls-cipher-suites=A,B"], {"tls_cipher_suites": ("A", "B")}),
        (
            ["--pod-max-in-unschedulable-pods-duration=1h0m0s"],
            {"pod_max_in_unschedulable_pods_duration": 3600.0},
        ),
        (
            [
                "--authentication-token-webhook-cache-ttl=1s",
                "--authorization-webhook-cache-authorized-ttl=2s",
                "--authorization-webhook-cache-unauthorized-ttl=3s",
            ],
            {
                "authentication_token_webhook_cache_ttl": 1.0,
                "authorization_webhook_cache_authorized_ttl": 2.0,
                "authorization_webhook_cache_unauthorized_ttl": 3.0,
            },
        ),
        (["--secure-port=0", "--bind-address=::"], {"secure_port": 0, "bind_address": "::"}),
        (
            ["--tls-cert-file=a", "--tls-private-key-file=b"],
            {"tls_cert_file": Path("a"), "tls_private_key_file": Path("b")},
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_flags_are_read_as_go_writes_them(
    monkeypatch: pytest.MonkeyPatch, flags: list[str], expected: dict[str, Any]
) -> None:
    assert asked(monkeypatch, *flags) == options.Options(**expected)


@pytest.mark.parametrize(
    "flags",
    [["--leader-elect-retry-period=2"], ["-v=x"], ["--secure-port=70000"], ["--no-such-flag"]],
    ids=lambda flags: flags[0],
)
def test_a_flag_that_is_none_is_refused(flags: list[str]) -> None:
    assert flags[0].partition("=")[0] in refusal(*flags) or "-v" in flags[0]


def test_a_kubeconfig_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    said = refusal("--kubeconfig", str(tmp_path / "none"), "--leader-elect=false")
    assert said.startswith("stowage scheduler: ")
    assert said.endswith("there is no such file\n")


def test_nor_is_one_that_is_none_more(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("just text")
    assert refusal("--kubeconfig", str(path)) == (
        f"stowage scheduler: kubeconfig {path}: it has no fields; a kubeconfig has `kind: Config`, as what "
        "`kubectl config view --raw` prints\n"
    )


@pytest.mark.parametrize("flag", ["--authentication-kubeconfig", "--authorization-kubeconfig"])
def test_so_is_one_for_reviews(tmp_path: Path, kubeconfig: str, flag: str) -> None:
    said = refusal("--kubeconfig", kubeconfig, flag, str(tmp_path / "none"))
    assert said.endswith("none: there is no such file\n")


def test_without_a_kubeconfig_it_is_a_pod_of_the_cluster(
    monkeypatch: pytest.MonkeyPatch, kubeconfig: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig)  # which is somebody's, and not named
    assert refusal() == (
        "stowage scheduler: no --kubeconfig is given, and there are no in-cluster credentials: this is no "
        "pod of a cluster (KUBERNETES_SERVICE_HOST is not set)\n"
    )


def test_a_configuration_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"{HEAD}parallelism: -1\n")
    assert "parallelism" in refusal("--config", str(path))


def test_so_is_one_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none"
    assert refusal("--config", str(path)) == f"stowage scheduler: {path}: No such file or directory\n"


def test_and_one_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe")
    assert refusal("--config", str(path)) == f"stowage scheduler: {path}: it is no text\n"


def test_times_that_make_no_sense_are_refused(kubeconfig: str) -> None:
    said = refusal("--kubeconfig", kubeconfig, "--leader-elect-lease-duration=5s")
    assert "leaderElection" in said


def test_a_port_that_is_taken_is_one_sentence(kubeconfig: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal("--kubeconfig", kubeconfig, f"--secure-port={port}")
    assert said == (
        f"stowage scheduler: cannot listen on 127.0.0.1:{port}: Address already in use "
        "(--bind-address, --secure-port)\n"
    )


@pytest.mark.parametrize(
    "flags, sentence",
    [
        (["--tls-cert-file=a"], "--tls-cert-file and --tls-private-key-file go together"),
        (
            ["--tls-min-version=1.3"],
            "--tls-min-version: 1.3 is none of VersionTLS10, VersionTLS11, VersionTLS12, VersionTLS13",
        ),
        (["--tls-cipher-suites=AES"], "--tls-cipher-suites: AES is unknown, or OpenSSL here lacks it"),
        (["--tls-cert-file=a", "--tls-private-key-file=b"], "a: No such file or directory"),
    ],
    ids=["half", "version", "suite", "missing"],
)
def test_a_certificate_or_terms_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kubeconfig: str, flags: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("--kubeconfig", kubeconfig, *flags) == f"stowage scheduler: {sentence}\n"


def test_a_pattern_that_is_none_is_refused(kubeconfig: str) -> None:
    wrong = "--vmodule: syntax error: expect comma-separated list of filename=N"
    assert wrong in refusal("--kubeconfig", kubeconfig, "--vmodule=driver")


@pytest.mark.parametrize("version", ["--version", "--version=true", "--version=raw"])
def test_it_says_its_version(version: str) -> None:
    result = testing.CliRunner().invoke(main.app, ["scheduler", version])
    assert (result.exit_code, result.output) == (
        0,
        testing.CliRunner().invoke(main.app, ["--version"]).output,
    )


def test_the_configuration_is_written_and_that_is_all(tmp_path: Path) -> None:
    path = tmp_path / "written.yaml"
    flags = ["--leader-elect=false", "--kube-api-qps=7.5", f"--write-config-to={path}"]
    result = testing.CliRunner().invoke(main.app, ["scheduler", *flags])
    assert result.exit_code == 0, result.output
    written = config.load(path.read_text(), strict=True).config
    assert (written.leader_election.leader_elect, written.client_connection.qps) == (False, 7.5)
    assert written.profiles == config.default().profiles


def test_a_configuration_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "none" / "written.yaml"
    said = refusal(f"--write-config-to={path}")
    assert said == f"stowage scheduler: --write-config-to {path}: No such file or directory\n"


def test_a_server_that_is_none_is_one_sentence() -> None:
    said = refusal("--master=ftp://a")
    assert said == "stowage scheduler: server ftp://a is no address such as https://192.0.2.1:6443\n"
