"""Ctrl-C while a process is being started."""

from __future__ import annotations

import signal
import threading

import pytest

from stowage.simulate import processes


def test_an_interrupt_that_another_thread_takes_waits_until_the_process_is_started() -> None:
    started: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        _start(started)
    assert started
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_started_within_inherits_that_interrupts_are_blocked() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    with processes.uninterrupted():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, set())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, set()) == before


def _start(started: list[bool]) -> None:
    with processes.uninterrupted():
        thread = threading.Thread(target=_interrupt_itself)
        thread.start()
        thread.join()
        started.append(True)


def _interrupt_itself() -> None:
    """The signal is taken by this thread: the main thread has it blocked."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
