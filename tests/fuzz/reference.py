"""Asking the real kube-scheduler, and whoever shall answer like it."""

import importlib
import json
import os
import subprocess
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from tests.fuzz.world import Json

Candidate = Callable[[Json], list[Json]]

# What each candidate is called on the command line, and the module whose `answer` it is.
CANDIDATES = {"oracle": "tests.oracle", "engine": "stowage.engine.conformance"}


class Reference:
    """One running `answer`, which takes a scenario a line and answers each in its turn."""

    def __init__(self, program: Path, parallel: int = 16) -> None:
        # One core is ours: it waits for informers most of the time.
        environment = {**os.environ, "GOMAXPROCS": "1"}
        command = [str(program), "-parallel", str(parallel)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C is ours to handle
        )

    def ask(self, scenarios: Iterable[Json]) -> list[Json]:
        """The answers, `{id, steps, error?}`, in the order of the scenarios."""
        lines = [json.dumps(without_steps(s), separators=(",", ":")) for s in scenarios]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        writer = threading.Thread(target=self._write, args=("".join(f"{line}\n" for line in lines),))
        writer.start()
        answers = [json.loads(self.process.stdout.readline()) for _ in lines]
        writer.join()
        return answers

    def _write(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def __enter__(self) -> "Reference":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def without_steps(scenario: Json) -> Json:
    return {k: v for k, v in scenario.items() if k not in ("steps", "signature")}


def candidate(name: str) -> Candidate:
    """The `answer` of a candidate; raises ImportError where it is not there."""
    answer: Candidate = importlib.import_module(CANDIDATES[name]).answer
    return answer


def steps_of(answer: Candidate, scenario: Json) -> list[Json]:
    """A candidate's steps; a crash is one step that says where."""
    try:
        return answer(without_steps(scenario))
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.name}"
        return [{"crash": f"{type(error).__name__} in {place}", "detail": str(error)}]
