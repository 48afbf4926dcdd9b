"""The command's frame: help, version, exit codes of wrong use."""

import importlib.metadata

import pytest
from typer.testing import CliRunner

from stowage.cli import main


def invoke(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main.app, words)
    return result.exit_code, result.stdout, result.stderr


def test_version_is_the_packages() -> None:
    assert invoke("--version") == (0, f"stowage {importlib.metadata.version('stowage-scheduler')}\n", "")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_command(flag: str) -> None:
    code, out, _ = invoke(flag)
    assert code == 0
    for command in ("simulate", "capacity", "conformance", "bench"):
        assert f" {command} " in out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("simulate", ["INPUT", "--config", "--pods", "--seed", "--percentage", "--explain", "--keep-going"]),
        ("capacity", ["INPUT", "--pod"]),
        ("conformance", ["PATH", "--output", "--show", "--jobs"]),
        ("bench", ["WORKLOAD", "--nodes", "--pods", "--reference", "--output"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_help_of_a_command_names_its_options(command: str, words: list[str]) -> None:
    code, out, _ = invoke(command, "--help")
    assert code == 0
    assert [word for word in words if word not in out] == []


@pytest.mark.parametrize(
    "words",
    [("stow",), ("conformance",), ("bench", "--nodes", "0"), ("conformance", "x", "-o", "xml")],
    ids=["no such command", "no path", "no nodes", "no such form"],
)
def test_wrong_use_ends_with_2_and_no_traceback(words: tuple[str, ...]) -> None:
    code, out, err = invoke(*words)
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    assert "Usage" in err
