"""A scheduler under measurement: a process on a control plane, told by its configuration not to wait."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests import control_plane, reference_bin

CONFIGURATION = """\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {{kubeconfig: "{kubeconfig}", qps: -1, burst: 1}}
leaderElection: {{leaderElect: false}}
"""
"""The same for both. A negative rate means no limit."""


class Subject(enum.StrEnum):
    OURS = "ours"
    THEIRS = "theirs"


class Ended(Exception):
    """The scheduler ended by itself; the message is a sentence."""


@contextlib.asynccontextmanager
async def running(
    subject: Subject, plane: control_plane.ControlPlane, flags: tuple[str, ...] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The scheduler, for the length of a block, which is cancelled with `Ended` where it ends before."""
    written = plane.folder / f"{subject}.yaml"
    written.write_text(CONFIGURATION.format(kubeconfig=plane.kubeconfig))
    said = plane.folder / f"{subject}.log"
    with said.open("wb") as log:
        command = [*_program(subject, plane), f"--config={written}", *flags]
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    block = asyncio.current_task()
    assert block is not None
    watcher = asyncio.create_task(_guard(process, block))
    try:
        yield process
    except asyncio.CancelledError:
        if process.returncode is None:
            raise
        block.uncancel()
        last = said.read_text(errors="replace").splitlines()[-1:]
        raise Ended(f"{subject} ended with code {process.returncode}: {' '.join(last)}") from None
    finally:
        watcher.cancel()
        await _stop(process)


async def _guard(process: asyncio.subprocess.Process, block: asyncio.Task[object]) -> None:
    await process.wait()
    block.cancel()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(20):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _program(subject: Subject, plane: control_plane.ControlPlane) -> list[str]:
    place = ["--bind-address=127.0.0.1", f"--secure-port={plane.port + 3}"]
    if subject is Subject.OURS:
        return [sys.executable, "-m", "stowage", "scheduler", *place]
    return [str(reference_bin.folder() / "kube-scheduler"), "--authentication-skip-lookup", *place]


def peak_rss_mib(process: asyncio.subprocess.Process) -> float:
    """The most memory that a running process has held so far."""
    return _status_mib(process, "VmHWM:")


def rss_mib(process: asyncio.subprocess.Process) -> float:
    """The memory that a running process holds."""
    return _status_mib(process, "VmRSS:")


def _status_mib(process: asyncio.subprocess.Process, name: str) -> float:
    """A figure of /proc, which gives it in KiB."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))
