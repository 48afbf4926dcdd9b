"""Processes of ours, which end when we do: in order when all is well, by their guard when we are killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

GRACE_SECONDS: Final = 12.0
"""How long a process may take to end; the scheduler awaits its bindings for 10 s."""

TAIL: Final = 20
"""Lines of a process's last words that are kept."""


class Child:
    """One running command. Its standard error is read and its end kept in ``words``."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.words: deque[str] = deque(maxlen=TAIL)
        self._process = process
        self._reading = asyncio.create_task(self._read(), name=f"last words of the {name}")

    @property
    def pid(self) -> int:
        return self._process.pid

    async def _read(self) -> None:
        assert self._process.stderr is not None
        while line := await _line(self._process.stderr):
            self.words.append(line.decode(errors="replace").rstrip())

    async def line(self) -> str:
        """The next line of its standard output; empty where it ended."""
        assert self._process.stdout is not None
        return (await _line(self._process.stdout)).decode(errors="replace").rstrip()

    async def ended(self) -> int:
        """Waits for its end; the exit code, negative for a signal's number."""
        code = await self._process.wait()
        await self._reading
        return code

    async def stop(self) -> None:
        """Ends it: asks, waits, and does not ask again."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(GRACE_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
        await self.ended()


async def _line(stream: asyncio.StreamReader) -> bytes:
    """A line, or what there is of one longer than the buffer."""
    try:
        return await stream.readline()
    except ValueError:
        return b"(a line too long to keep)\n"


class Children:
    """Starts `stowage` commands, and ends those that still run, the last one first.

    ``folder`` is private, for what they share, and goes with us.
    """

    def __init__(self) -> None:
        self.folder = Path()
        self._running: list[Child] = []
        self._pipe: tuple[int, int] = (-1, -1)

    async def __aenter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="stowage-run-"))
        self._pipe = os.pipe()
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in reversed(self._running):
            await child.stop()
        for end in self._pipe:
            os.close(end)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def start(self, name: str, words: Sequence[str]) -> Child:
        """Starts a command, which shares our terminal with nobody: its Ctrl-C is ours."""
        reading = self._pipe[0]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "stowage.run.guard",
            str(reading),
            str(self.folder),
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=[reading],
            start_new_session=True,
        )
        child = Child(name, process)
        self._running.append(child)
        return child

    def keep(self, name: str, content: bytes) -> Path:
        """Writes a file that only we may read, for as long as we run."""
        path = self.folder / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        return path

    async def end(self, child: Child) -> None:
        """Ends one, and forgets it."""
        await child.stop()
        self._running.remove(child)
