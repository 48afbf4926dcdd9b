"""Processes that this one starts for itself."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Processes started within never see Ctrl-C, which a terminal sends to all of a program's processes.

    This one, in its main thread, sees it afterwards, and is to end them. The mask is what the processes
    inherit. The handler is for this one: a signal that another thread takes, which has no such mask, is
    handled in the main thread all the same, and would leave a process half started.
    """
    resource_tracker.ensure_running()  # the first process would, and that unblocks the signal
    seen: list[tuple[int, FrameType | None]] = []
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    handler = signal.signal(signal.SIGINT, lambda number, frame: seen.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if seen and callable(handler):
        handler(*seen[0])
