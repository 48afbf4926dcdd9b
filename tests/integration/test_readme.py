"""What the README says to type works as one block that is pasted."""

import os
import re
import signal
import subprocess
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"


def block(heading: str) -> str:
    """The commands below a heading."""
    found = re.search(rf"^## {heading}.*?^```sh\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_a_cluster_to_try_the_scheduler_on_is_there_as_soon_as_it_is_asked(tmp_path: Path) -> None:
    commands = block("On a cluster: `stowage scheduler`")
    # A port of its own: other tests run beside this one.
    commands = "set -e\n" + commands.replace("stowage scheduler", "stowage scheduler --secure-port=0")
    commands += "kubectl --kubeconfig try.kubeconfig rollout status deployment/web --timeout=60s\n"
    (tmp_path / "try.kubeconfig").write_text("of another time")
    paths = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    shell = subprocess.Popen(
        ["sh", "-c", commands],
        cwd=tmp_path,
        env=os.environ | {"PATH": paths, "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with shell:
        try:
            assert shell.wait(120) == 0
        finally:
            os.killpg(shell.pid, signal.SIGTERM)
            out, _ = shell.communicate(timeout=60)
    assert "successfully rolled out" in out
