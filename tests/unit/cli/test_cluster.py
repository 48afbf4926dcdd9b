"""`stowage cluster` says in one sentence why it cannot be started, and what to do."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stowage.cli import main
from stowage.embedded.storage import journal


def refusal(*words: str) -> str:
    """What is said on standard error."""
    result = CliRunner().invoke(main.app, ["cluster", "--nodes", "0", *words])
    assert (result.exit_code, result.stdout) == (2, "")
    prefix, _, sentence = result.stderr.partition(": ")
    assert (prefix, result.stderr.count("\n")) == ("stowage cluster", 1)
    return sentence.strip()


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            lambda at: ["--data", written(at / "f", "no database, but long enough to be looked at" * 40)],
            "{at}/f is no file that `stowage cluster --data` has made; name another one",
        ),
        (lambda at: ["--data", f"{at}/no/f"], "--data: there is no folder {at}/no; make it first"),
        (lambda at: ["--data", str(at)], "--data: {at} is a folder; name a file"),
        (
            lambda at: ["--kubeconfig", f"{at}/no/f"],
            "--kubeconfig: there is no folder {at}/no; make it first",
        ),
        (lambda at: ["--kubeconfig", str(at)], "--kubeconfig: {at} is a folder; name a file"),
        (
            lambda at: ["--bind-address", "192.0.2.1"],
            "192.0.2.1 is no address of this machine; name another one with --bind-address",
        ),
        (
            lambda at: ["--bind-address", "0.0.0.0", "--anonymous"],
            "authentication can be turned off on loopback only, not on 0.0.0.0",
        ),
        (lambda at: ["--from", f"{at}/f"], "{at}/f: cannot be read: No such file or directory"),
    ],
    ids=[
        "no database",
        "no folder of data",
        "data is a folder",
        "no folder of the kubeconfig",
        "kubeconfig is a folder",
        "no address of ours",
        "anonymous for everyone",
        "no dump",
    ],
)
def test_a_bad_flag_is_one_sentence(
    words: Callable[[Path], list[str]], sentence: str, tmp_path: Path
) -> None:
    assert refusal(*words(tmp_path)) == sentence.format(at=tmp_path)
    assert not (tmp_path / "no").exists()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refusal("--port", str(port)) == f"port {port} is in use; name another one with --port"


def test_a_data_file_is_one_clusters_at_a_time(tmp_path: Path) -> None:
    used = journal.Journal(tmp_path / "f")
    try:
        said = refusal("--data", str(tmp_path / "f"))
    finally:
        used.close()
    todo = "end that one, or name another file with --data"
    assert said == f"{tmp_path}/f is in use by another `stowage cluster`; {todo}"


def test_a_dump_goes_in_whole_or_not_at_all(tmp_path: Path) -> None:
    spec = {"priorityClassName": "none", "containers": [{"name": "c", "image": "i"}]}
    items = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "uid": "u"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec},
    ]
    dump = written(tmp_path / "dump", json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    assert "no PriorityClass with name none" in refusal("--data", str(tmp_path / "f"), "--from", dump)
    left = journal.Journal(tmp_path / "f")
    try:
        assert (list(left.rows()), left.revision()) == ([], 0)
    finally:
        left.close()
