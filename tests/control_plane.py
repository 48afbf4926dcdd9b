"""The real etcd and API server of tests/reference, for the tests that ask them."""

import contextlib
import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests import reference_bin

SCRIPT = Path(__file__).parent / "reference" / "controlplane"
PROGRAMS = {"scheduler": "kube-scheduler", "controllers": "kube-controller-manager"}


class ControlPlane:
    """Runs in `folder`, on loopback; `start` and `stop` may be repeated, the data stays.

    `components` are further ones ("scheduler", "controllers"), `flags` go to kube-apiserver.
    """

    def __init__(self, folder: Path, components: tuple[str, ...] = (), flags: str = "") -> None:
        for name in ("kube-apiserver", *(PROGRAMS[each] for each in components)):
            reference_bin.require(name)
        self.folder = folder
        self.port = _free_ports(5)
        self._components = components
        self._environment = {
            **os.environ,
            "REFERENCE_BIN": str(reference_bin.folder()),
            "APISERVER_FLAGS": flags,
        }

    @property
    def kubeconfig(self) -> str:
        """The path of the administrator's kubeconfig."""
        return str(self.folder / "kubeconfig")

    def start(self) -> None:
        """Start what does not run; returns when it is ready, some 5 s later."""
        self._run("start", str(self.folder), str(self.port), *self._components)

    def stop(self, *names: str) -> None:
        """Stop everything, or what is named (kube-apiserver, etcd); no error where nothing runs."""
        self._run("stop", str(self.folder), *names)

    def _run(self, *command: str) -> None:
        # Not captured through a pipe, which what is started would keep open.
        with (self.folder / "controlplane.log").open("ab") as log:
            subprocess.run(
                [str(SCRIPT), *command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )


@contextlib.contextmanager
def running(folder: Path, components: tuple[str, ...] = (), flags: str = "") -> Iterator[ControlPlane]:
    """A control plane for the length of a block; skips the test where it is not built."""
    plane = ControlPlane(folder, components, flags)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()


def _free_ports(count: int) -> int:
    """The first of so many consecutive ports that are free now.

    They lie below the ephemeral ports, and test processes start looking at places of their own, so that two
    do not choose the same ones before their servers have them.
    """
    for step in itertools.count():
        first = 20_000 + (16 * (os.getpid() + step)) % 12_000
        with contextlib.ExitStack() as taken, contextlib.suppress(OSError):
            for port in range(first, first + count):
                taken.enter_context(contextlib.closing(_bound(port)))
            return first
    raise AssertionError("unreachable")


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound
